"""An emulated amoCRM account for tests, and our adapter on it, in both ways of connecting, over the real tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.port import App, Connection, Wanted
from connector.keeper import StoredTokens
from connector.sandbox.run import Options, start
from connector.store import NewInstall, Store
from connector.store.opening import open_store
from connector.vault import open_vault
from crm.canned import FreePacer
from crm.contract import Control, SandboxPortal

FREELY = {"rate": 100_000, "burst": 100_000}
"""Limits out of the way."""


Mode = Literal["token", "oauth"]
MODES: tuple[Mode, ...] = ("token", "oauth")


class LetIn:
    """Our integration as if a person had let it in: a pair of the account's tokens lies sealed in real tables."""

    def __init__(self, folder: Path, told: Mapping[str, Any], pair: Mapping[str, str]) -> None:
        folder.mkdir()
        self._told = told
        self.store: Store = open_store(f"sqlite:///{folder / 'kasanie.db'}")
        self._vault = open_vault(folder / "key", self.store)
        self.store.add_portal(told["name"], "amocrm", rate=7, burst=2)
        host = urlsplit(told["base_url"]).netloc
        install = NewInstall(
            member_id=str(told["account_id"]),
            application_token="",
            access=self._vault.seal(SecretStr(pair["access_token"])),
            refresh=self._vault.seal(SecretStr(pair["refresh_token"])),
            seconds=86400,
            scope="",
            user_id="1",
            host=host,
            host_was=host,
        )
        assert self.store.save_install(told["name"], install, datetime.now(UTC))

    def app(self) -> App:
        """What a connection needs."""
        return App(
            client_id=self._told["client_id"],
            client_secret=SecretStr(self._told["client_secret"]),
            oauth_url="",
            keeper=StoredTokens(self._told["name"], self.store, self._vault, advice="amo-connect"),
            redirect_uri="https://kasanie.example.ru/oauth/amocrm",
        )


@contextmanager
def emulated(mode: Mode = "token", **options: Any) -> Iterator[SandboxPortal]:
    """A running sandbox with one amoCRM account; loopback, any free port."""
    running = start(Options(**{"crms": ("amocrm",), "limits": FREELY, **options}))
    told = running.describe()["portals"][0]
    opened: list[AmoCrm] = []
    let_in: dict[str, LetIn] = {}

    def connect(wanted: Wanted, token: str = "") -> AmoCrm:
        way: dict[str, Any] = {"token": SecretStr(token or told["access_token"])}
        if mode == "oauth":
            way = {"app": let_in["wrong" if token else "true"].app()}
        url = SecretStr(told["base_url"])
        connection = Connection(portal=told["name"], url=url, wanted=wanted, read_timeout=2, **way)
        opened.append(AmoCrm(connection, FreePacer()))
        return opened[-1]

    with tempfile.TemporaryDirectory(prefix="emulated-") as folder:
        try:
            if mode == "oauth":
                forged = {"access_token": "sandbox-wrong", "refresh_token": "sandbox-wrong"}
                let_in["true"] = LetIn(
                    Path(folder) / "true", told, Control(told["base_url"]).post("tokens", {"issue": 1})
                )
                let_in["wrong"] = LetIn(Path(folder) / "wrong", told, forged)
            yield SandboxPortal(
                name=told["name"],
                control=Control(told["base_url"]),
                connect=connect,
                connect_wrongly=lambda: connect(Wanted(), "sandbox-wrong"),
                field_name=lambda _, code: code.upper(),
            )
        finally:
            for crm in opened:
                crm.close()
            for one in let_in.values():
                one.store.close()
            running.stop()
