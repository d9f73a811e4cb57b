"""One sandbox for all clients, an account for each file of tests, and HTTPS on the accounts' own names before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from aioamocrm import AmoCRMClient, LongLivedToken
from sandbox_fixture import Sandbox, run_sandbox

from clients.judged import Judged
from clients.terminator import Behind, Terminator, only_these_names, run_terminator

ACCOUNTS = ("aioamocrm", "aioamocrm_writing", "amocrm_api", "integration", "moving", "limits", "shut_out", "hooks")
OPEN_DEALS = 600
MOVED = "renamed.amocrm.ru"
"""The name that the account `moving` gets in a test."""
REDIRECT = "http://127.0.0.1:9/oauth/amocrm"
Told = TypeVar("Told")


class Account(Judged):
    """An account of amoCRM."""

    @property
    def subdomain(self) -> str:
        """The account's name: `https://{subdomain}.amocrm.ru`."""
        return str(self.told["subdomain"])

    @property
    def token(self) -> str:
        """The long-lived token."""
        return str(self.told["access_token"])

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """The requests so far whose path begins so."""
        return [one for one in self.ledger["requests"] if one["path"].startswith(path)]


@pytest.fixture(scope="session")
def judged_sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", portals=len(ACCOUNTS), deals=OPEN_DEALS, rate=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def terminator(judged_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminator]:
    """Before every account on the name that clients ask for."""
    behind = {
        f"{one['subdomain']}.amocrm.ru": Behind(int(urlsplit(one["base_url"]).port or 0), one["host"])
        for one in judged_sandbox.portals
    }
    moving = judged_sandbox.portals[ACCOUNTS.index("moving")]
    behind[MOVED] = Behind(behind[f"{moving['subdomain']}.amocrm.ru"].port, "moved.localhost")
    with run_terminator(behind, tmp_path_factory.mktemp("terminator")) as running:
        yield running


@pytest.fixture(autouse=True)
def names(judged_sandbox: Sandbox, terminator: Terminator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The accounts' names mean the terminator, its certificate is trusted, and nobody asks for any other name."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(terminator.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(terminator.certificate))
    monkeypatch.setenv("NO_PROXY", "*")
    known = [*(f"{one['subdomain']}.amocrm.ru" for one in judged_sandbox.portals), MOVED]
    with only_these_names(dict.fromkeys(known, terminator.port)) as refused:
        yield refused
    assert refused == [], "a client asked for a name outside of the test"


@pytest.fixture(scope="session")
def accounts(judged_sandbox: Sandbox, terminator: Terminator) -> dict[str, Account]:
    """The accounts by the name of the judge."""
    return {
        name: Account(judged_sandbox, told, terminator.certificate)
        for name, told in zip(ACCOUNTS, judged_sandbox.portals, strict=True)
    }


def ask(account: Account, question: Callable[[AmoCRMClient], Awaitable[Told]], **options: Any) -> Told:
    """Ask with a client of aioamocrm of its own; the long-lived token and no pacing, unless said otherwise."""

    async def asking() -> Told:
        chosen = {"auth": LongLivedToken(account.token), "rate_limit": None} | options
        async with AmoCRMClient(subdomain=account.subdomain, **chosen) as amo:
            return await question(amo)

    return asyncio.run(asking())
