"""One sandbox for all the clients, a portal for each file of tests, and HTTPS on the portals' own names before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from b24pysdk import BitrixWebhook, Client
from sandbox_fixture import Sandbox, run_sandbox

from clients.judged import Judged
from clients.terminator import Behind, Terminator, only_these_names, run_terminator

OAUTH_HOST = "oauth.bitrix24.tech"
"""The name that b24pysdk asks for tokens; one portal's OAuth server stands behind it."""
PORTALS = ("fast_bitrix24", "b24pysdk", "application", "third", "limits")
OPEN_DEALS = 2600


class Portal(Judged):
    """A portal of Bitrix24."""

    @property
    def domain(self) -> str:
        """The portal's name."""
        return str(self.told["host"])

    @property
    def webhook(self) -> str:
        """User and code of the incoming webhook, `1/code`."""
        return "/".join(urlsplit(self.told["rest_url"]).path.strip("/").split("/")[1:])

    def vendor_client(self, **options: Any) -> Any:
        """b24pysdk on the incoming webhook."""
        return Client(BitrixWebhook(domain=self.domain, webhook_token=self.webhook), **options)


@pytest.fixture(scope="session")
def judged_sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", portals=len(PORTALS), deals=OPEN_DEALS, rate=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def terminator(judged_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminator]:
    """Before every portal on its own name, and before one portal's OAuth server."""
    behind = {one["host"]: _behind(one, one["base_url"]) for one in judged_sandbox.portals}
    application = judged_sandbox.portals[PORTALS.index("application")]
    behind[OAUTH_HOST] = _behind(application, application["oauth_root"])
    behind["localhost"] = Behind(behind[OAUTH_HOST].port, "localhost")  # where `application` moves to
    with run_terminator(behind, tmp_path_factory.mktemp("terminator")) as running:
        yield running


def _behind(portal: dict[str, Any], url: str) -> Behind:
    asked = urlsplit(url)
    return Behind(int(asked.port or 0), portal["host"], asked.path)


@pytest.fixture(autouse=True)
def names(judged_sandbox: Sandbox, terminator: Terminator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The portals' names mean the terminator, its certificate is trusted, and nobody asks for any other name."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(terminator.certificate))
    monkeypatch.setenv("NO_PROXY", "*")
    known = [*(one["host"] for one in judged_sandbox.portals), OAUTH_HOST, "localhost"]
    with only_these_names(dict.fromkeys(known, terminator.port)) as refused:
        yield refused
    assert refused == [], "a client asked for a name outside of the test"


@pytest.fixture(scope="session")
def portals(judged_sandbox: Sandbox, terminator: Terminator) -> dict[str, Portal]:
    """The portals by the name of the judge."""
    return {
        name: Portal(judged_sandbox, told, terminator.certificate)
        for name, told in zip(PORTALS, judged_sandbox.portals, strict=True)
    }
