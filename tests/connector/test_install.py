"""`POST /install/bitrix24`: proven by the sandbox's OAuth server, stored sealed, refused for everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
import yaml
from app_portal import NAME, write_config
from flask.testing import FlaskClient
from sandbox_fixture import Sandbox, run_sandbox
from werkzeug.test import TestResponse

from connector.opening import Opened, open_all
from connector.store import InstallRow
from connector.web import create_web

PATH = "/install/bitrix24"
HOOK = f"/hooks/{NAME}"
SECRET = "secret-that-signs-the-hooks"
FORM = "application/x-www-form-urlencoded"
DEAD = "http://127.0.0.1:9"
"""Nobody listens there; whoever called it would fail, and be seen in `called`."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=5) as running:
        yield running


@dataclass
class Door:
    """The web application over one database, and the sandbox whose portal installs itself there."""

    sandbox: Sandbox
    opened: Opened
    client: FlaskClient

    def issue(self, wanted: Any = 1) -> dict[str, str]:
        """A pair of tokens: of the sandbox's user, or another application's or portal's."""
        pair: dict[str, str] = self.sandbox.post("tokens", {"issue": wanted})
        return pair

    def event(self, pair: Mapping[str, str], **changed: str | None) -> TestResponse:
        """ONAPPINSTALL; a changed key that is None is left out."""
        fields = {
            "event": "ONAPPINSTALL",
            "data[VERSION]": "1",
            "ts": "1790150000",
            "auth[access_token]": pair["access_token"],
            "auth[refresh_token]": pair["refresh_token"],
            "auth[expires_in]": "3600",
            "auth[domain]": "evil.example.ru",
            "auth[server_endpoint]": f"{DEAD}/rest/",
            "auth[client_endpoint]": f"{DEAD}/rest/",
            "auth[member_id]": self.sandbox.portals[0]["member_id"],
            "auth[application_token]": SECRET,
        }
        return self.post(PATH, fields | changed)

    def page(self, pair: Mapping[str, str], **changed: str | None) -> TestResponse:
        """The page that a person opens in the portal."""
        fields = {
            "AUTH_ID": pair["access_token"],
            "REFRESH_ID": pair["refresh_token"],
            "AUTH_EXPIRES": "3600",
            "SERVER_ENDPOINT": f"{DEAD}/rest/",
            "APPLICATION_TOKEN": SECRET,
            "member_id": self.sandbox.portals[0]["member_id"],
            "PLACEMENT": "DEFAULT",
        }
        return self.post(f"{PATH}?DOMAIN=evil.example.ru&PROTOCOL=1&LANG=en&APP_SID=1", fields | changed)

    def post(self, path: str, fields: Mapping[str, str | None]) -> TestResponse:
        body = urlencode({name: value for name, value in fields.items() if value is not None})
        return self.client.post(path, data=body, content_type=FORM)

    def row(self) -> InstallRow | None:
        return self.opened.store.installation(NAME)

    def secrets(self) -> dict[str, str]:
        """What is stored, opened."""
        row = self.row()
        assert row is not None
        names = ("access", "refresh", "application_token")
        return {name: self.opened.vault.unseal(getattr(row, name)).get_secret_value() for name in names}

    def told(self, what: str) -> list[str]:
        return [line.about for line in self.opened.store.audit(NAME, 100) if line.what == what]


@pytest.fixture
def door(sandbox: Sandbox, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    config = write_config(tmp_path, sandbox.portals[0], database_url)
    opened = open_all(config)
    yield Door(sandbox, opened, create_web(opened).test_client())
    opened.close()
    structlog.reset_defaults()


def test_an_installation_is_stored_sealed_and_the_portal_goes_on(door: Door) -> None:
    store = door.opened.store
    store.park(NAME, "not installed", 900)
    assert door.opened.portals.installed(NAME) is False
    pair = door.issue()
    answer = door.event(pair)
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert door.secrets() == {
        "access": pair["access_token"],
        "refresh": pair["refresh_token"],
        "application_token": SECRET,
    }
    row, portal, told = door.row(), store.portal(NAME), door.sandbox.portals[0]
    assert row is not None
    assert (row.member_id, row.user_id, row.alive) == (told["member_id"], "1", True)
    assert "crm" in row.scope.split()
    assert portal is not None
    assert (portal.account, portal.problem) == (told["member_id"], None)
    assert portal.host == told["base_url"].removeprefix("http://")
    assert door.opened.portals.installed(NAME)
    assert store.ring_due(datetime.now(UTC), hold=0) == [NAME]
    assert store.hooks_due(NAME)
    assert door.told("install.done") == [told["member_id"]]


def test_its_hooks_are_proven_by_what_it_brought(door: Door) -> None:
    fields = {
        "event": "ONCRMDEALADD",
        "data[FIELDS][ID]": "7",
        "auth[member_id]": door.sandbox.portals[0]["member_id"],
        "auth[application_token]": SECRET,
    }
    assert door.post(HOOK, fields).status_code == 404
    door.event(door.issue())
    assert door.post(HOOK, fields).status_code == 200
    assert [bell.ref for bell in door.opened.store.bells(NAME, 9)] == ["deal:7"]
    assert door.post(HOOK, fields | {"auth[application_token]": f"{SECRET}x"}).status_code == 404


def test_a_changed_definition_of_a_field_is_stored_as_such(door: Door) -> None:
    door.event(door.issue())
    store, now = door.opened.store, datetime(2100, 1, 1, tzinfo=UTC)
    store.save_directory(NAME, "Europe/Moscow", {"zone": "Europe/Moscow"}, now)
    assert store.reconcile_due(NAME, now)
    store.reconciled(NAME, datetime(2200, 1, 1, tzinfo=UTC))
    fields = {
        "event": "ONCRMCOMPANYUSERFIELDADD",
        "data[FIELDS][ID]": "7",
        "data[FIELDS][ENTITY_ID]": "CRM_COMPANY",
        "data[FIELDS][FIELD_NAME]": "UF_CRM_NEW",
        "auth[member_id]": door.sandbox.portals[0]["member_id"],
        "auth[application_token]": SECRET,
    }
    assert door.post(HOOK, fields).status_code == 200
    row = store.portal(NAME)
    assert row is not None
    assert row.directory_at is None
    assert store.reconcile_due(NAME, now)


def test_the_page_ends_the_installation_and_may_be_framed_by_the_proven_portal_only(door: Door) -> None:
    pair = door.issue()
    answer = door.page(pair)
    assert answer.status_code == 200
    host = door.sandbox.portals[0]["base_url"]
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {host}")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "X-Frame-Options" not in answer.headers
    assert "https://api.bitrix24.com/api/v1/" in answer.text
    assert "Kasanie is connected" in answer.text
    assert "BX24.installFinish()" in door.client.get("/install/finish.js").text
    for secret in (pair["access_token"], pair["refresh_token"], SECRET):
        assert secret not in answer.text
    assert door.secrets()["refresh"] == pair["refresh_token"]
    russian = door.client.post(
        f"{PATH}?LANG=ru",
        data=urlencode(
            {
                "AUTH_ID": pair["access_token"],
                "REFRESH_ID": pair["refresh_token"],
                "member_id": door.sandbox.portals[0]["member_id"],
            }
        ),
        content_type=FORM,
    )
    assert "Касание подключено" in russian.text
    assert door.secrets()["application_token"] == SECRET  # a page that brings none takes none away


FORGED: tuple[tuple[str, dict[str, str | None]], ...] = (
    ("an unknown token", {"auth[access_token]": "0123456789abcdef0123456789abcdef"}),
    ("no token", {"auth[access_token]": None}),
    ("no refresh token", {"auth[refresh_token]": None}),
    ("a token that is no ASCII", {"auth[access_token]": "токен-токен-токен"}),
    ("a token with a line break", {"auth[access_token]": "0123456789\r\nabcdef"}),
    ("a token too long", {"auth[access_token]": "a" * 5000}),
    ("another portal's name", {"auth[member_id]": "another-portal"}),
    ("no portal", {"auth[member_id]": None}),
    ("a portal that is a list", {"auth[member_id]": None, "auth[member_id][0]": "x"}),
    ("another event", {"event": "ONCRMDEALADD"}),
    ("an update of what is not installed", {"event": "ONAPPUPDATE"}),
    ("nested too deep", {"auth" + "[a]" * 40: "x"}),
)


@pytest.mark.parametrize(("why", "changed"), FORGED, ids=[why for why, _ in FORGED])
def test_a_forged_installation_leaves_nothing(door: Door, why: str, changed: dict[str, str | None]) -> None:
    answer = door.event(door.issue(), **changed)
    plain = door.client.post(PATH, data="junk", content_type=FORM)
    assert (answer.status_code, answer.text) == (plain.status_code, plain.text) == (404, answer.text)
    portal = door.opened.store.portal(NAME)
    assert portal is not None
    assert (door.row(), portal.account, door.opened.store.audit(NAME, 9)) == (None, None, [])


@pytest.mark.parametrize(
    "foreign",
    [
        {"client_id": "sandbox-local.ffffffffffffff.00000009", "member_id": ""},
        {"client_id": "", "member_id": "member-of-the-attacker"},
    ],
    ids=["another application", "another portal"],
)
def test_a_true_token_of_somebody_else_installs_nothing(door: Door, foreign: dict[str, str]) -> None:
    mine = door.sandbox.portals[0]
    given = {
        "client_id": foreign["client_id"] or mine["client_id"],
        "member_id": foreign["member_id"] or mine["member_id"],
    }
    assert door.event(door.issue(given)).status_code == 404
    assert door.row() is None


def test_another_account_never_takes_a_portal_over(door: Door) -> None:
    door.event(door.issue())
    kept = door.row(), door.secrets()
    theirs = door.issue({"client_id": door.sandbox.portals[0]["client_id"], "member_id": "member-of-the-attacker"})
    assert door.event(theirs, **{"auth[member_id]": "member-of-the-attacker"}).status_code == 404
    assert (door.row(), door.secrets()) == kept
    assert door.told("install.refused") == ["member-of-the-attacker"]
    portal = door.opened.store.portal(NAME)
    assert portal is not None
    assert portal.account == door.sandbox.portals[0]["member_id"]


def test_a_portal_that_the_settings_bind_elsewhere_takes_no_installation(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    path = write_config(tmp_path, sandbox.portals[0], "sqlite:///state/kasanie.db")
    config = yaml.safe_load(path.read_text())
    config["portals"][NAME]["member_id"] = "the-one-and-only"
    path.write_text(yaml.safe_dump(config))
    opened = open_all(path)
    door = Door(sandbox, opened, create_web(opened).test_client())
    assert door.event(door.issue()).status_code == 404
    assert door.row() is None
    opened.close()
    structlog.reset_defaults()


def test_installed_again_it_brings_new_tokens_and_a_new_secret(door: Door) -> None:
    door.event(door.issue())
    before = door.row()
    pair = door.issue()
    assert door.event(pair, **{"auth[application_token]": "another-secret-of-the-hooks"}).status_code == 200
    after = door.row()
    assert before is not None
    assert after is not None
    assert after.generation == before.generation + 1
    assert door.secrets()["refresh"] == pair["refresh_token"]
    assert door.secrets()["application_token"] == "another-secret-of-the-hooks"


def test_an_employee_with_a_token_of_his_own_takes_nothing_over(door: Door) -> None:
    admins = door.issue(1)
    door.event(admins)
    garbage = {**door.issue(3), "refresh_token": "garbage-garbage"}
    assert door.event(garbage, **{"auth[application_token]": "chosen-by-an-employee"}).status_code == 404
    assert (door.secrets()["refresh"], door.secrets()["application_token"]) == (admins["refresh_token"], SECRET)
    assert "install.other_user" in {line.what for line in door.opened.store.audit(NAME, 10)}


def test_whoever_opens_the_page_later_does_not_lend_his_rights(door: Door) -> None:
    admins, managers = door.issue(1), door.issue(3)
    door.page(admins)
    assert door.page(managers).status_code == 200
    assert door.secrets()["refresh"] == admins["refresh_token"]
    again = door.issue(1)
    door.page(again)
    assert door.secrets()["refresh"] == again["refresh_token"]
    store = door.opened.store
    assert store.lock_tokens(NAME, "me", 30)
    store.free_tokens(NAME, "me", refused=True)  # the administrator has left: the next one may install it again
    door.page(managers)
    assert door.secrets()["refresh"] == managers["refresh_token"]


def test_an_oauth_server_that_gives_no_answer_is_no_proof(door: Door) -> None:
    door.sandbox.post(
        "faults", {"answer_error": {"code": "INTERNAL_SERVER_ERROR", "status": 500, "where": "oauth", "count": 1}}
    )
    pair = door.issue()
    assert door.event(pair).status_code == 503
    assert door.row() is None
    assert door.event(pair).status_code == 200


def removal(door: Door, **changed: str) -> TestResponse:
    fields = {
        "event": "ONAPPUNINSTALL",
        "data[LANGUAGE_ID]": "ru",
        "data[CLEAN]": "0",
        "ts": "1790150000",
        "auth[domain]": "evil.example.ru",
        "auth[member_id]": door.sandbox.portals[0]["member_id"],
        "auth[application_token]": SECRET,
    }
    return door.post(HOOK, fields | changed)


@pytest.mark.parametrize(
    "changed", [{"auth[application_token]": "guessed-by-somebody"}, {"auth[member_id]": "another-portal"}]
)
def test_a_forged_removal_removes_nothing(door: Door, changed: dict[str, str]) -> None:
    door.event(door.issue())
    kept = door.row()
    assert removal(door, **changed).status_code == 404
    assert door.row() == kept


def test_a_removal_drops_every_secret_and_is_remembered(door: Door) -> None:
    door.event(door.issue())
    assert removal(door).status_code == 200
    row = door.row()
    assert row is not None
    assert (row.alive, row.clean, door.opened.store.sealed_secrets()) == (False, False, [])
    assert door.told("install.removed") == [door.sandbox.portals[0]["member_id"]]
    assert not door.opened.portals.installed(NAME)
    assert removal(door).status_code == 404  # what it was signed with is forgotten, too
    door.event(door.issue())
    assert door.opened.portals.installed(NAME)


def test_an_update_brings_a_new_secret_only_with_a_proof(door: Door) -> None:
    door.event(door.issue())
    door.opened.store.hooks_seen(NAME)

    def update(pair: Mapping[str, str], secret: str, member: str = "") -> TestResponse:
        fields = {
            "event": "ONAPPUPDATE",
            "data[VERSION]": "2",
            "data[PREVIOUS_VERSION]": "1",
            "auth[access_token]": pair["access_token"],
            "auth[refresh_token]": pair["refresh_token"],
            "auth[expires_in]": "3600",
            "auth[member_id]": member or door.sandbox.portals[0]["member_id"],
            "auth[application_token]": secret,
        }
        return door.post(HOOK, fields)

    forged = {"access_token": "0123456789abcdef", "refresh_token": "0123456789abcdef"}
    refused = update(forged, "chosen-by-an-attacker")
    assert (refused.status_code, refused.text) == (404, "no\n")
    theirs = door.issue({"client_id": door.sandbox.portals[0]["client_id"], "member_id": "another-portal"})
    assert update(theirs, "chosen-by-an-attacker", "another-portal").status_code == 404
    assert door.secrets()["application_token"] == SECRET
    assert not door.opened.store.hooks_due(NAME)

    assert update(door.issue(), "secret-after-the-update").status_code == 200
    assert door.secrets()["application_token"] == "secret-after-the-update"
    assert door.opened.store.hooks_due(NAME)


def test_among_fifty_forged_ones_the_true_one_wins(door: Door) -> None:
    true = door.issue()
    foreign = door.issue({"client_id": door.sandbox.portals[0]["client_id"], "member_id": "member-of-the-attacker"})
    unknown = {"access_token": "0123456789abcdef", "refresh_token": "0123456789abcdef"}

    def knock(number: int) -> tuple[int, int]:
        pair = true if number == 25 else (foreign, unknown)[number % 2]
        fresh = Door(door.sandbox, door.opened, door.client.application.test_client())
        for _ in range(50):
            status = fresh.event(pair).status_code
            if status != 503 or number != 25:  # the administrator presses again; nobody else needs to
                return number, status
        return number, 503

    with ThreadPoolExecutor(16) as pool:
        answers = dict(pool.map(knock, range(51)))
    assert answers.pop(25) == 200
    assert set(answers.values()) <= {404, 503}
    assert door.secrets()["refresh"] == true["refresh_token"]
    row = door.row()
    assert row is not None
    assert (row.generation, row.member_id) == (1, door.sandbox.portals[0]["member_id"])


def test_at_most_two_proofs_are_under_way(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow OAuth server must not take the threads that webhooks need."""
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    counting = threading.Lock()
    under_way: list[int] = [0]
    seen: list[int] = []

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with counting:
                under_way[0] += 1
                seen.append(under_way[0])
            time.sleep(0.3)
            with counting:
                under_way[0] -= 1
            self.send_error(500)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        told = {**sandbox.portals[0], "oauth_root": f"http://127.0.0.1:{server.server_port}"}
        opened = open_all(write_config(tmp_path, told, "sqlite:///state/kasanie.db"))
        web = create_web(opened)
        pair = sandbox.post("tokens", {"issue": 1})
        with ThreadPoolExecutor(16) as pool:
            knocks = [pool.submit(Door(sandbox, opened, web.test_client()).event, pair) for _ in range(16)]
            assert {knock.result().status_code for knock in knocks} == {503}
        server.shutdown()
        thread.join()
        opened.close()
        structlog.reset_defaults()
    assert max(seen) == 2
    assert len(seen) <= 8  # two at once, six that waited for their turn, and nobody else
