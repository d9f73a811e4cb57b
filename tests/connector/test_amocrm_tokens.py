"""The worker on an amoCRM account whose tokens end, whose name changes, whose webhook is switched off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import structlog
import yaml
from sandbox_fixture import Sandbox, run_sandbox

from connector.clock import SandboxClock
from connector.connecting import Connecting
from connector.crm.amocrm.subscriptions import DOCUMENTED
from connector.doctor import Doctor
from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.proven import Turns
from connector.sandbox.installation import Installation
from connector.web import create_web
from connector.worker import drain_all


@dataclass
class Account:
    """A sandbox's account, and a Kasanie in this process: its tables, its door for codes, a fresh worker each time."""

    sandbox: Sandbox
    opened: Opened
    url: str
    name: str

    def let_in(self) -> int:
        told = self.sandbox.portals[0]
        link = Connecting(self.opened.portals, self.opened.store, self.opened.vault, Turns()).link(self.name)
        asked = {
            "code": self.sandbox.post("tokens", {"code": 1})["code"],
            "referer": urlsplit(told["base_url"]).netloc,
            "state": parse_qs(urlsplit(link).query)["state"][0],
        }
        return create_web(self.opened).test_client().get("/oauth/amocrm", query_string=asked).status_code

    def work(self) -> None:
        """Until nothing is due."""
        known = self.opened
        clock = SandboxClock(self.sandbox.portals[0]["base_url"], keep=0.05)
        with closing(Flow(known.settings, known.store, known.portals, clock, "embedded")) as flow:
            drain_all(replace(known, clock=clock), flow)

    def serve(self) -> None:
        """The same six minutes later, when a reconciliation is due; whatever parked the portal has passed."""
        self.sandbox.advance("6 minutes")
        self.write("UPDATE portal SET parked_until_real = 0")
        self.work()

    def write(self, statement: str) -> None:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(statement))

    def requests(self, status: int | None = None) -> int:
        told = self.sandbox.ledger()["requests"]
        return len([one for one in told if status in (None, one["status"])])

    def refreshes(self) -> int:
        return int(self.sandbox.get("tokens")["refreshes"])

    def problem(self) -> str | None:
        row = self.opened.store.portal(self.name)
        assert row is not None
        return row.problem

    def hook(self) -> dict[str, Any]:
        """Our webhook as the account has it."""
        found: list[dict[str, Any]] = self.sandbox.get("subscriptions")["subscriptions"]
        return found[0] if found else {"settings": [], "disabled": None}

    def audit(self, what: str) -> list[dict[str, Any]]:
        return [dict(line.details) for line in self.opened.store.audit(self.name, 100) if line.what == what]


@pytest.fixture
def account(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Connected by OAuth, or, where the test says False, by a long-lived token."""
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    url = f"sqlite:///{tmp_path / 'kasanie.db'}"
    with run_sandbox(crm="amocrm", clients=5, rate=1000, burst=1000) as sandbox:
        control = sandbox.portals[0]["base_url"]
        made = Installation(tmp_path / "kasanie", control, database=url, application=getattr(request, "param", True))
        made.install()
        path = made.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        config["portals"][sandbox.portals[0]["name"]].update(requests_per_second=100, burst=100)
        path.write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KASANIE_SANDBOX_URL", control)
        opened = open_all(path)
        known = Account(sandbox, opened, url, sandbox.portals[0]["name"])
        if made.application:
            assert known.let_in() == 200
        yield known
        opened.close()
        structlog.reset_defaults()


def test_tokens_are_renewed_and_a_refused_pair_asks_for_a_person(account: Account) -> None:
    account.work()
    before = account.refreshes()
    account.sandbox.post("tokens", {"expire": True})
    account.serve()
    assert account.refreshes() == before + 1
    refused = account.requests(401)
    account.write("UPDATE install SET expires_real = expires_real - 86200")
    account.serve()  # 200 s were left by its own word: renewed before anybody refuses it
    assert (account.refreshes(), account.requests(401)) == (before + 2, refused)

    account.sandbox.post("tokens", {"expire": True, "revoke_refresh": True})
    account.serve()
    assert f"connect {account.name}" in (account.problem() or "")
    calls = account.requests()
    account.sandbox.advance("6 minutes")
    account.work()  # it rests for a quarter of an hour
    assert account.requests() == calls

    assert account.let_in() == 200
    account.work()
    assert account.problem() is None


def test_a_token_that_ends_in_the_middle_of_work_costs_one_renewal_and_no_task(account: Account) -> None:
    account.work()
    for number, asked in enumerate((2, 7, 12, 15), 1):
        for deal in range(10):
            company = account.sandbox.post("companies", {"title": f"ООО {number}-{deal}", "owner": 3})["id"]
            account.sandbox.post("deals", {"title": "Заявка", "company": company, "owner": 3})
        account.sandbox.post("tokens", {"expire_after": asked})
        account.serve()
        assert account.refreshes() == number
        assert account.problem() is None
    tokens = account.sandbox.get("tokens")
    assert (tokens["refresh_reuses"], tokens["refused"]) == (0, 0)
    texts = [task["text"] for task in account.sandbox.ledger()["tasks"]]
    assert len(texts) >= 20  # a manager is asked for so many a day
    markers = [text.rpartition("[kasanie:")[2] for text in texts if "[kasanie:" in text]
    assert len(markers) == len(set(markers)) >= 20


def test_a_lost_answer_of_a_renewal_is_told_to_a_person(account: Account) -> None:
    """The refresh token is spent and nobody has the next pair: tried once more, then the portal is parked."""
    account.work()
    account.sandbox.post("tokens", {"expire": True, "lose_answers": 1})
    account.serve()
    assert account.problem() is not None
    account.serve()
    assert f"connect {account.name}" in (account.problem() or "")
    assert account.sandbox.get("tokens")["refresh_reuses"] <= 1


@pytest.mark.parametrize("status", ["401", "404"])
def test_a_renamed_account_is_followed_and_remembered(account: Account, status: str) -> None:
    account.work()
    account.sandbox.post("readings", {"renamed_status": status})
    account.sandbox.post("rename", {"host": "localhost"})
    account.serve()
    row = account.opened.store.portal(account.name)
    assert row is not None
    assert (row.host or "").startswith("localhost:")
    assert row.problem is None
    refused = account.requests(int(status))
    account.serve()
    assert account.requests(int(status)) == refused  # the new address is used at once


def test_tokens_of_a_portal_without_a_regulation_do_not_die(account: Account) -> None:
    folder = account.opened.settings.portal_folder(account.name)
    (folder / "regulation.yaml").write_text("version: 1\nrules: nonsense\n")
    calls = account.requests()
    account.work()
    assert account.requests() == calls
    account.write(f"UPDATE install SET expires_real = expires_real - {61 * 86400}")
    account.serve()
    assert account.refreshes() == 1
    row = account.opened.store.installation(account.name)
    assert row is not None
    assert row.expires_real > time.time() + 80000


@pytest.mark.parametrize("account", [False], indirect=True)
def test_the_webhook_of_a_long_lived_token_is_watched_too(account: Account) -> None:
    account.sandbox.post("subscriptions", {"drop": True})
    account.work()
    assert set(DOCUMENTED) <= set(account.hook()["settings"])
    assert account.audit("hooks.bound")
    account.sandbox.post("subscriptions", {"disable": True})
    account.serve()
    assert account.hook()["disabled"] is False
    assert [sorted(line["events"]) for line in account.audit("hooks.lost")] == [sorted(DOCUMENTED)]


@pytest.mark.parametrize("account", [False], indirect=True)
def test_a_plan_without_webhooks_is_told_and_stops_nothing(account: Account) -> None:
    fault = {"code": "", "status": 402, "text": "Payment Required", "path": "webhooks", "count": 50}
    account.sandbox.post("faults", {"answer_error": fault})
    account.work()
    assert account.problem() is None
    assert account.audit("hooks.not_bound") == [{"why": "the plan has no webhooks"}]
    told = "\n".join(Doctor(account.opened, "en", fix=True).look(None))
    assert "the plan has no webhooks" in told
    assert "cannot be reached" not in told


def test_a_portal_that_went_over_to_a_long_lived_token_is_not_rung_for_ever(account: Account) -> None:
    """The integration's row stays in the tables, and the time of its next look at the webhook comes again and again."""
    path = account.opened.settings.folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["portals"][account.name]["token"] = account.sandbox.portals[0]["access_token"]
    path.write_text(yaml.safe_dump(config))
    changed = open_all(path)
    with closing(Flow(changed.settings, changed.store, changed.portals, changed.clock, "embedded")) as flow:
        for _ in range(2):
            account.write("UPDATE install SET hooks_real = 0")
            assert changed.store.hooks_due(account.name)
            flow.serve_portal(account.name)
            assert not changed.store.hooks_due(account.name)
    changed.close()
