"""`GET /oauth/amocrm` and `GET /hooks/amocrm/disabled`: proven by the sandbox's account, refused for everybody else."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from amocrm_portal import HOOK_SECRET, NAME, REDIRECT, write_config
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sandbox_fixture import Sandbox, run_sandbox
from werkzeug.test import TestResponse

from connector import connecting
from connector.connecting import Connecting
from connector.errors import SettingsError
from connector.opening import Opened, open_all
from connector.proven import Turns
from connector.store import InstallRow
from connector.texts import say
from connector.vault import rotate_key
from connector.web import create_web

PATH = "/oauth/amocrm"
OFF = "/hooks/amocrm/disabled"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", clients=5, rate=1000, burst=1000) as running:
        running.post("app", {"redirect_url": REDIRECT})
        yield running


@dataclass
class Door:
    """The web application over one database, and the account that lets us in there."""

    sandbox: Sandbox
    opened: Opened
    client: FlaskClient

    @property
    def told(self) -> dict[str, Any]:
        return dict(self.sandbox.portals[0])

    @property
    def host(self) -> str:
        return str(urlsplit(self.told["base_url"]).netloc)

    def link(self) -> str:
        return Connecting(self.opened.portals, self.opened.store, self.opened.vault, Turns()).link(NAME)

    def state(self) -> str:
        return parse_qs(urlsplit(self.link()).query)["state"][0]

    def code(self) -> str:
        return str(self.sandbox.post("tokens", {"code": 1})["code"])

    def callback(self, **changed: str | None) -> TestResponse:
        """What the browser brings after the person's yes; a changed part that is None is left out."""
        told = {
            "code": self.code(),
            "referer": self.host,
            "state": self.state(),
            "platform": "1",
            "client_id": self.told["client_id"],
            **changed,
        }
        return self.client.get(PATH, query_string={name: text for name, text in told.items() if text is not None})

    def disabled(self, **changed: str | None) -> TestResponse:
        told = {
            "account_id": str(self.told["account_id"]),
            "client_uuid": self.told["client_id"],
            "signature": self.signature(str(self.told["account_id"])),
            **changed,
        }
        return self.client.get(OFF, query_string={name: text for name, text in told.items() if text is not None})

    def signature(self, account: str, key: str | None = None) -> str:
        signed = f"{self.told['client_id']}|{account}".encode()
        return hmac.new((key or self.told["client_secret"]).encode(), signed, "sha256").hexdigest()

    def row(self) -> InstallRow | None:
        return self.opened.store.installation(NAME)

    def audit(self) -> list[str]:
        return [line.what for line in self.opened.store.audit(NAME, 100)]

    def calls(self) -> int:
        return len(self.sandbox.ledger()["requests"])


@pytest.fixture
def door(sandbox: Sandbox, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    opened = open_all(write_config(tmp_path, sandbox.portals[0], database_url))
    yield Door(sandbox, opened, create_web(opened).test_client())
    opened.close()
    structlog.reset_defaults()


@pytest.fixture
def quick(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The same over SQLite alone: what never comes to storing."""
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    opened = open_all(write_config(tmp_path, sandbox.portals[0], f"sqlite:///{tmp_path / 'kasanie.db'}"))
    yield Door(sandbox, opened, create_web(opened).test_client())
    opened.close()
    structlog.reset_defaults()


def test_a_consent_is_stored_sealed_and_the_portal_goes_on(door: Door) -> None:
    store, vault = door.opened.store, door.opened.vault
    store.park(NAME, "not connected", 900)
    answer = door.callback()
    assert answer.status_code == 200
    for lang in ("ru", "en"):
        assert say("install-done", lang) in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    row, portal = door.row(), store.portal(NAME)
    assert row is not None
    assert portal is not None
    assert (row.member_id, row.generation, row.hooks_new) == (str(door.told["account_id"]), 1, True)
    assert row.access.count(".") != 2  # no JWT lies in the tables
    assert vault.unseal(row.access).get_secret_value().count(".") == 2
    assert (portal.problem, portal.account) == (None, str(door.told["account_id"]))
    assert store.reconcile_due(NAME, datetime.now(UTC))
    assert door.audit() == ["install.done"]


def test_a_link_leads_to_the_consent_page_and_works_once(door: Door) -> None:
    link = door.link()
    assert link.startswith(f"{door.told['base_url']}/oauth?")
    state = parse_qs(urlsplit(link).query)["state"][0]
    assert door.callback(state=state).status_code == 200
    assert door.callback(state=state).status_code == 404
    assert door.callback().status_code == 200  # a fresh one: connecting again is allowed
    assert door.audit() == ["install.done", "install.done"]


def test_a_widgets_installation_needs_no_state(door: Door) -> None:
    answer = door.callback(state=None, from_widget="1")
    assert answer.status_code == 200
    assert door.row() is not None


FORGED = {
    "no state": {"state": None},
    "a state of nobody": {"state": "WyJzb3V0aCIsMF0.aTLNqg.Vx0e3lbHvJ4Ck0pJmXGdEUBZXQ8"},
    "no ascii": {"state": "состояние"},
    "an empty state": {"state": ""},
    "an empty state of a widget": {"state": "", "from_widget": "1"},
    "another host": {"referer": "evil.example.ru"},
    "a host that ends alike": {"referer": "romashka.amocrm.ru.evil.example.ru"},
    "another account": {"referer": "other.amocrm.ru"},
    "the account with a user before it": {"referer": "evil@127.0.0.1"},
    "no host": {"referer": None},
    "another integration": {"client_id": "0f1e2d3c-0000-0000-0000-000000000000"},
    "a widget of another integration": {"state": None, "from_widget": "1", "client_id": "0f1e2d3c"},
    "a widget of nobody": {"state": None, "from_widget": "1", "client_id": None},
    "a widget of another account": {"state": None, "from_widget": "1", "referer": "other.amocrm.ru"},
    "no code": {"code": None},
    "an empty code": {"code": ""},
    "a code beyond measure": {"code": "a" * 9000},
}


@pytest.mark.parametrize("changed", FORGED.values(), ids=FORGED)
def test_what_is_not_proven_calls_nobody_and_leaves_nothing(quick: Door, changed: dict[str, str | None]) -> None:
    calls = quick.calls()
    answer = quick.callback(**changed)
    assert (answer.status_code, quick.row(), quick.audit()) == (404, None, [])
    assert quick.calls() == calls
    assert answer.text == quick.callback(code=None).text  # one and the same answer for everybody


def test_a_foreign_host_of_this_machine_is_not_contacted(quick: Door) -> None:
    """The sandbox's allowance for loopback addresses is no allowance for any of them."""
    seen: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as sink:
        thread = threading.Thread(target=sink.serve_forever)
        thread.start()
        answers = [
            quick.callback(referer=f"127.0.0.1:{sink.server_port}").status_code,
            quick.callback(referer=f"localhost:{sink.server_port}", state=None, from_widget="1").status_code,
        ]
        sink.shutdown()
        thread.join()
    assert (answers, seen) == ([404, 404], [])


def test_a_state_for_another_purpose_or_too_old_is_none(quick: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = quick.opened.vault.signing_keys("another purpose")
    other = URLSafeTimedSerializer(keys, salt=connecting._PURPOSE).dumps([NAME, 0])
    assert quick.callback(state=str(other)).status_code == 404
    salted = URLSafeTimedSerializer(quick.opened.vault.signing_keys(connecting._PURPOSE), salt="x").dumps([NAME, 0])
    assert quick.callback(state=str(salted)).status_code == 404
    state = quick.state()
    monkeypatch.setattr(connecting, "STATE_SECONDS", -1)
    assert quick.callback(state=state).status_code == 404
    monkeypatch.undo()
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    assert quick.callback(state=state).status_code == 200


def test_a_code_that_brings_nothing_is_told_as_any_other_forgery(quick: Door) -> None:
    spent = quick.code()
    assert quick.callback(code=spent).status_code == 200
    row = quick.row()
    for code in (spent, "sandbox-code-invented"):
        answer = quick.callback(code=code)
        assert answer.status_code == 404
        assert say("connect-not-proven", "en") in answer.text
    assert quick.row() == row


def test_a_look_at_the_link_does_not_spend_the_code(quick: Door) -> None:
    told = {"code": quick.code(), "referer": quick.host, "state": quick.state()}
    assert quick.client.head(PATH, query_string=told).status_code == 200
    assert quick.row() is None
    assert quick.client.get(PATH, query_string=told).status_code == 200


def test_a_refusal_of_the_person_changes_nothing(quick: Door) -> None:
    answer = quick.client.get(PATH, query_string={"error": "access_denied", "state": quick.state()})
    assert answer.status_code == 403
    assert say("connect-denied", "ru") in answer.text
    assert (quick.row(), quick.audit()) == (None, [])


def test_another_account_never_takes_a_portal_over(door: Door) -> None:
    door.opened.store.learn_account(NAME, "999")
    assert door.callback().status_code == 404
    assert (door.row(), door.audit()) == (None, ["install.refused"])


def test_a_silent_account_stores_nothing(quick: Door) -> None:
    fault = {"code": "", "status": 502, "text": "", "body": "html", "where": "oauth"}
    quick.sandbox.post("faults", {"answer_error": {**fault, "count": 1}})
    answer = quick.callback()
    assert answer.status_code == 503
    assert say("connect-later", "en") in answer.text
    assert quick.row() is None


def test_one_bad_answer_about_the_account_does_not_cost_the_code(quick: Door) -> None:
    fault = {"code": "", "status": 502, "text": "", "body": "html", "where": "rest", "path": "account"}
    quick.sandbox.post("faults", {"answer_error": {**fault, "count": 1}})
    assert quick.callback().status_code == 200


OTHERS_KEY = "k" * 64
SIGNED_WRONGLY: dict[str, dict[str, str | None]] = {
    "no signature": {"signature": None},
    "an empty one": {"signature": ""},
    "no ascii": {"signature": "подпись"},
    "of nobody": {"signature": "0" * 64},
    "no client": {"client_uuid": None},
    "another client": {"client_uuid": "0f1e2d3c-0000-0000-0000-000000000000"},
    "no account": {"account_id": None},
    "another account": {"account_id": "31000112"},
}


@pytest.mark.parametrize("changed", SIGNED_WRONGLY.values(), ids=SIGNED_WRONGLY)
def test_nobody_else_switches_the_portal_off(quick: Door, changed: dict[str, str | None]) -> None:
    quick.callback()
    answer = quick.disabled(**changed)
    assert (answer.status_code, answer.text) == (404, "no\n")
    row = quick.row()
    assert row is not None
    assert row.alive
    assert quick.audit() == ["install.done"]


def test_a_signature_by_another_key_or_about_an_account_that_is_not_ours_is_none(quick: Door) -> None:
    quick.callback()
    account = str(quick.told["account_id"])
    assert quick.disabled(signature=quick.signature(account, OTHERS_KEY)).status_code == 404
    assert quick.disabled(account_id="31999999", signature=quick.signature("31999999")).status_code == 404
    row = quick.row()
    assert row is not None
    assert row.alive


def test_before_any_connection_there_is_nothing_to_switch_off(quick: Door) -> None:
    assert quick.disabled().status_code == 404
    assert quick.audit() == []


def test_switched_off_the_tokens_are_gone_and_hooks_are_kept_all_the_same(door: Door) -> None:
    door.callback()
    store = door.opened.store
    calls = door.calls()
    answer = door.disabled()
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert store.sealed_secrets() == []
    assert door.opened.portals.installed(NAME) is False
    assert sorted(door.audit()) == ["install.done", "install.removed"]
    account = door.told["account_id"]
    body = {"leads[add][0][id]": "880501", "account[id]": str(account)}
    assert door.client.post(f"/hooks/{NAME}/{HOOK_SECRET}", data=body).status_code == 200
    assert [bell.ref for bell in store.bells(NAME, 5)] == ["deal:880501"]
    assert door.calls() == calls
    assert door.callback().status_code == 200  # let in again
    assert door.opened.portals.installed(NAME) is True


def test_the_name_client_id_of_older_papers_is_taken_too(quick: Door) -> None:
    quick.callback()
    answer = quick.disabled(client_uuid=None, client_id=quick.told["client_id"])
    assert answer.status_code == 200


def test_a_long_lived_token_has_no_link_and_is_parked_when_switched_off(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    told = sandbox.portals[0]
    config = write_config(tmp_path, told, f"sqlite:///{tmp_path / 'kasanie.db'}", token=told["access_token"])
    opened = open_all(config)
    try:
        door = Door(sandbox, opened, create_web(opened).test_client())
        with pytest.raises(SettingsError):
            door.link()
        opened.store.learn_account(NAME, str(told["account_id"]))
        code = door.code()
        widget = {"code": code, "referer": door.host, "client_id": told["client_id"], "from_widget": "1"}
        assert door.client.get(PATH, query_string=widget).status_code == 404
        assert door.disabled(signature="0" * 64).status_code == 404
        assert door.disabled().status_code == 200
        row = opened.store.portal(NAME)
        assert row is not None
        assert row.problem == say("amo-switched-off", portal=NAME)
    finally:
        opened.close()
        structlog.reset_defaults()


def test_keys_of_a_vault_sign_for_one_purpose(quick: Door) -> None:
    vault = quick.opened.vault
    assert vault.signing_keys("a") == vault.signing_keys("a")
    assert vault.signing_keys("a") != vault.signing_keys("b")


def test_a_link_outlives_a_change_of_the_key(quick: Door) -> None:
    state = quick.state()
    rotate_key(quick.opened.settings.key_path(), quick.opened.store, drop_old=False)
    assert quick.callback(state=state).status_code == 200
    assert quick.callback().status_code == 200
    rotate_key(quick.opened.settings.key_path(), quick.opened.store, drop_old=True)
    assert quick.callback().status_code == 200


def test_a_portal_nobody_knows_has_no_link(quick: Door) -> None:
    with pytest.raises(SettingsError) as unknown:
        Connecting(quick.opened.portals, quick.opened.store, quick.opened.vault, Turns()).link("west")
    assert NAME in str(unknown.value)
