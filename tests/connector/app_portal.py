"""An application of the sandbox's Bitrix24 as the tests install it: settings of its portal, and its tokens sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from connector.crm.port import App
from connector.keeper import StoredTokens
from connector.store import NewInstall, Store
from connector.vault import Vault

NAME = "north"


def install(store: Store, vault: Vault, told: Mapping[str, Any], name: str = NAME) -> None:
    """Store the pair that the sandbox's description tells, as an installation would."""
    store.add_portal(name, "bitrix24", rate=2, burst=50)
    assert store.save_install(
        name,
        NewInstall(
            member_id=told["member_id"],
            application_token=vault.seal(SecretStr(told["application_token"])),
            access=vault.seal(SecretStr(told["access_token"])),
            refresh=vault.seal(SecretStr(told["refresh_token"])),
            seconds=3600,
            scope="crm task",
            user_id="1",
            host="127.0.0.1:1",
            host_was="127.0.0.1:1",
        ),
        datetime.now(UTC),
    )


def app_of(told: Mapping[str, Any], store: Store, vault: Vault, lock_seconds: float = 30.0, name: str = NAME) -> App:
    """The application with its tokens in the store."""
    return App(
        client_id=told["client_id"],
        client_secret=SecretStr(told["client_secret"]),
        oauth_url=told["oauth_root"],
        keeper=StoredTokens(name, store, vault, lock_seconds),
    )


def write_config(folder: Path, told: Mapping[str, Any], database: str, **settings: Any) -> Path:
    """config.yaml of one portal that is connected by its application; nothing has to listen where the hooks go."""
    config = {
        "database": database,
        "public_url": "http://127.0.0.1:9",
        "portals": {
            NAME: {
                "crm": "bitrix24",
                "url": told["base_url"],
                "client_id": told["client_id"],
                "client_secret": told["client_secret"],
                "oauth_url": told["oauth_root"],
            }
        },
        **settings,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
