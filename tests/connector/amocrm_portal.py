"""An account of the sandbox as the tests connect it: settings of its portal, its OAuth client, its tokens sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from connector.crm.amocrm.oauth import Client
from connector.crm.port import App
from connector.keeper import StoredTokens
from connector.store import NewInstall, Store
from connector.vault import Vault

NAME = "south"
PUBLIC = "http://127.0.0.1:9"
"""Nobody listens there."""
REDIRECT = f"{PUBLIC}/oauth/amocrm"
HOOK_SECRET = "secret-of-the-hooks-0123456789abcdef"


def write_config(folder: Path, told: Mapping[str, Any], database: str, **portal: Any) -> Path:
    """config.yaml of one account that is connected by OAuth; more keys of the portal may be given, None takes out."""
    known = {
        "crm": "amocrm",
        "url": told["base_url"],
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "hook_secret": HOOK_SECRET,
        **portal,
    }
    config = {
        "database": database,
        "public_url": PUBLIC,
        "portals": {NAME: {key: value for key, value in known.items() if value is not None}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def client_of(told: Mapping[str, Any]) -> Client:
    """Our integration on the sandbox's account."""
    return Client(id=told["client_id"], secret=SecretStr(told["client_secret"]), redirect_uri=REDIRECT)


def install(store: Store, vault: Vault, told: Mapping[str, Any], seconds: float = 86400) -> None:
    """Store a pair that the sandbox gave out, as a connection would."""
    store.add_portal(NAME, "amocrm", rate=7, burst=2)
    assert store.save_install(
        NAME,
        NewInstall(
            member_id=str(told["account_id"]),
            application_token="",
            access=vault.seal(SecretStr(told["access_token"])),
            refresh=vault.seal(SecretStr(told["refresh_token"])),
            seconds=seconds,
            scope="",
            user_id="1",
            host="127.0.0.1:1",
            host_was="127.0.0.1:1",
        ),
        datetime.now(UTC),
    )


def app_of(told: Mapping[str, Any], store: Store, vault: Vault) -> App:
    """The integration with its tokens in the store."""
    return App(
        client_id=told["client_id"],
        client_secret=SecretStr(told["client_secret"]),
        oauth_url="",
        keeper=StoredTokens(NAME, store, vault, advice="amo-connect"),
        redirect_uri=REDIRECT,
    )
