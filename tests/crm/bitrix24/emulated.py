"""A running sandbox portal of Bitrix24 and our adapters on it, in both ways of connecting, over the real tables."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr
from sandbox_fixture import run_sandbox

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.port import App, Connection, HookSecrets, Wanted
from connector.keeper import StoredTokens
from connector.store import NewInstall, Store
from connector.store.opening import open_store
from connector.vault import Vault, open_vault
from crm.canned import FreePacer
from crm.contract import Control, SandboxPortal

Mode = Literal["webhook", "app"]
_NOTHING = Wanted()
MODES: tuple[Mode, ...] = ("webhook", "app")


@dataclass(kw_only=True)
class Emulated(SandboxPortal):
    """The portal, and how to reach what lies behind our adapters."""

    told: dict[str, Any]
    open: Callable[..., Bitrix24]
    """`open(**members of Connection)`: one more adapter on it."""
    tokens: Callable[[], StoredTokens]
    """One more keeper of the installed application's tokens, as another worker has it."""
    reinstall: Callable[[str, str], None]
    """With this access and refresh token."""


class Installed:
    """The sandbox's application as if it had installed itself: its tokens lie sealed in real tables."""

    def __init__(self, folder: Path, told: dict[str, Any]) -> None:
        folder.mkdir()
        self._told = told
        self.store: Store = open_store(f"sqlite:///{folder / 'kasanie.db'}")
        self._vault: Vault = open_vault(folder / "key", self.store)
        self.store.add_portal(told["name"], "bitrix24", rate=0, burst=50)
        self.install(told["access_token"], told["refresh_token"])

    def install(self, access: str, refresh: str) -> None:
        """These tokens are the portal's now."""
        host = urlsplit(self._told["base_url"]).netloc
        install = NewInstall(
            member_id=self._told["member_id"],
            application_token=self._vault.seal(SecretStr(self._told["application_token"])),
            access=self._vault.seal(SecretStr(access)),
            refresh=self._vault.seal(SecretStr(refresh)),
            seconds=3600,
            scope="crm,task",
            user_id="1",
            host=host,
            host_was=host,
        )
        assert self.store.save_install(self._told["name"], install, datetime.now(UTC))

    def tokens(self) -> StoredTokens:
        """A keeper of them."""
        return StoredTokens(self._told["name"], self.store, self._vault)

    def app(self) -> App:
        """What a connection needs."""
        return App(
            client_id=self._told["client_id"],
            client_secret=SecretStr(self._told["client_secret"]),
            oauth_url=self._told["oauth_root"],
            keeper=self.tokens(),
        )


@contextmanager
def opened(mode: Mode = "webhook", **options: int) -> Iterator[Emulated]:
    """A running sandbox with one Bitrix24 portal, and our adapters on it."""
    with (
        tempfile.TemporaryDirectory(prefix="emulated-") as folder,
        run_sandbox(**{"crm": "bitrix24", "clients": 20, "rate": 0, "burst": 10_000} | options) as sandbox,
    ):
        told = sandbox.portals[0]
        adapters: list[Bitrix24] = []
        installed = Installed(Path(folder) / "true", told)
        forged = Installed(Path(folder) / "forged", {**told, "access_token": "sandbox-forged"})
        try:

            def connect(wanted: Wanted = _NOTHING, **more: Any) -> Bitrix24:
                usual: dict[str, Any] = {"portal": told["name"], "wanted": wanted, "read_timeout": 3}
                way: dict[str, Any] = {"url": SecretStr(told["rest_url"])}
                if mode == "app":
                    way = {"url": SecretStr(told["base_url"]), "app": installed.app()}
                adapters.append(Bitrix24(Connection(**{**usual, **way, **more}), FreePacer()))
                return adapters[-1]

            def connect_wrongly() -> Bitrix24:
                if mode == "app":
                    return connect(app=forged.app())
                return connect(url=SecretStr(told["rest_url"].replace("sandbox-code", "sandbox-forged")))

            yield Emulated(
                name=told["name"],
                control=Control(told["base_url"]),
                connect=connect,
                connect_wrongly=connect_wrongly,
                field_name=lambda _, code: f"UF_CRM_{code.upper()}",
                hook_secrets=HookSecrets(
                    portal=told["name"],
                    application_tokens=(SecretStr(told["application_token"]),),
                    member_id=told["member_id"],
                ),
                told=told,
                open=connect,
                tokens=installed.tokens,
                reinstall=installed.install,
            )
        finally:
            for adapter in adapters:
                adapter.close()
            for one in (installed, forged):
                one.store.close()


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
