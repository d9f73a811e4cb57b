"""Bitrix24 as an application: tokens that end, one renewal for all, and a portal that moves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.door import new_host
from connector.crm.port import Connection, Outcome
from connector.errors import Blocked
from crm.bitrix24.emulated import Emulated, opened
from crm.canned import Asked, Canned, FreePacer, canned_server
from crm.contract import asking, read, sent


@pytest.fixture(scope="module")
def portal() -> Iterator[Emulated]:
    """One portal for the whole file."""
    with opened("app", clients=10) as running:
        yield running


def counts(portal: Emulated) -> Counter[str]:
    told = portal.control.get("tokens")
    return Counter({name: told[name] for name in ("refreshes", "refresh_reuses")})


def since(portal: Emulated, before: Counter[str]) -> dict[str, int]:
    return {name: number - before[name] for name, number in counts(portal).items()}


ONE_RENEWAL = {"refreshes": 1, "refresh_reuses": 0}


def made(portal: Emulated, outcomes: dict[str, Outcome], first: int, count: int) -> None:
    """Every one of these tasks is there exactly once, and its outcome says so."""
    assert Counter(one.status for one in outcomes.values()) == {"done": count}
    kept = Counter(task["xml_id"] for task in portal.control.ledger(portal.name)["tasks"])
    wanted = [f"kasanie:{number:012x}" for number in range(first, first + count)]
    assert {marker: kept[marker] for marker in wanted} == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("expiry", [{"expire_after_commands": 20}, {"expire": True}, {"expire_after": 1}])
def test_a_token_that_ends_in_the_middle_costs_one_renewal_and_no_task(
    portal: Emulated, expiry: dict[str, Any]
) -> None:
    company, _, deal = portal.new_client("Токен")
    first = 1000 * (1 + ["expire_after_commands", "expire", "expire_after"].index(next(iter(expiry))))
    crm = portal.open()
    crm.directory()
    sent(crm, asking(first - 1, deal, company))  # now a write carries 50
    before = counts(portal)
    portal.control.post("tokens", expiry)
    outcomes = sent(crm, *(asking(first + number, deal, company) for number in range(50)))
    made(portal, outcomes, first, 50)
    crm.directory()
    assert since(portal, before) == ONE_RENEWAL


def test_a_token_that_ends_between_a_task_and_its_checklist(portal: Emulated) -> None:
    """The lines refer to the task's answer, which came before the renewal: they are sent again with its true id."""
    company, _, deal = portal.new_client("Чек-лист")
    crm = portal.open()
    crm.directory()
    portal.control.post("tokens", {"expire_after_commands": 1})
    outcomes = sent(crm, asking(7000, deal, company, lines=("Спросить о сроке", "Спросить о цене")))
    made(portal, outcomes, 7000, 1)
    (task,) = [one for one in portal.control.ledger(portal.name)["tasks"] if one["xml_id"] == f"kasanie:{7000:012x}"]
    assert "Спросить о сроке" in str(task)
    assert "Спросить о цене" in str(task)


def test_requests_side_by_side_share_one_renewal(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Восемь сразу")
    crm, other = portal.open(), portal.open()
    for one in (crm, other):
        one.directory()
        sent(one, asking(8000 + (one is other), deal, company))
    before = counts(portal)
    portal.control.post("tokens", {"expire": True})
    outcomes = sent(crm, *(asking(9000 + number, deal, company) for number in range(400)))
    outcomes |= sent(other, *(asking(9400 + number, deal, company) for number in range(100)))
    made(portal, outcomes, 9000, 500)
    assert since(portal, before) == ONE_RENEWAL


def test_pages_that_an_ended_token_cut_off_are_read_on_from_where_it_ended(portal: Emulated) -> None:
    whole, _, _ = read(portal.open())
    crm = portal.open()
    before = counts(portal)
    portal.control.post("tokens", {"expire_after_commands": 15})
    facts, _, _ = read(crm)
    assert facts == whole
    assert since(portal, before) == ONE_RENEWAL


def test_a_token_that_is_refused_right_after_its_renewal_closes_the_portal(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Отказ")
    crm = portal.open()
    before = counts(portal)
    portal.control.post("faults", {"answer_error": {"code": "expired_token", "status": 401, "count": 2}})
    with pytest.raises(Blocked) as caught:
        crm.directory()
    assert caught.value.advice == "crm-install"
    assert since(portal, before) == ONE_RENEWAL
    portal.control.post("faults", {"answer_error": {"code": "expired_token", "status": 401, "count": 2}})
    (outcome,) = sent(crm, asking(9900, deal, company)).values()
    assert (outcome.status, outcome.closed, outcome.advice) == ("later", True, "crm-install")
    assert outcome.wait >= 900


def test_a_silent_oauth_server_loses_nothing(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Тишина")
    crm = portal.open()
    crm.directory()
    sent(crm, asking(9910, deal, company))
    portal.control.post("tokens", {"expire_after_commands": 10})
    portal.control.post(
        "faults", {"answer_error": {"code": "", "status": 502, "count": 1, "where": "oauth", "html": True}}
    )
    effects = [asking(9920 + number, deal, company) for number in range(30)]
    outcomes = sent(crm, *effects)
    assert Counter(one.status for one in outcomes.values()) == {"done": 10, "later": 20}
    waiting = [effect for effect in effects if outcomes[effect.key].status == "later"]
    assert {(outcomes[one.key].closed, outcomes[one.key].advice) for one in waiting} == {(False, "crm-oauth-silent")}
    made(portal, outcomes | sent(crm, *waiting), 9920, 30)


def test_no_secret_reaches_a_log(portal: Emulated, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    portal.control.post("tokens", {"expire": True})
    crm = portal.open()
    crm.directory()
    tokens = portal.tokens().current()
    secrets = [portal.told["client_secret"], *(one.get_secret_value() for one in (tokens.access, tokens.refresh))]
    assert caplog.records
    assert [secret for secret in secrets if secret in caplog.text] == []


# the portal has another name


def test_a_renamed_portal_is_found_and_remembered(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Переезд")
    heard: list[str] = []
    crm = portal.open(moved=heard.append)
    portal.control.post("rename", {"host": "localhost"})
    try:
        made(portal, sent(crm, asking(9960, deal, company)), 9960, 1)
        requests = len(portal.control.ledger(portal.name)["requests"])
        crm.directory()
        asked = portal.control.ledger(portal.name)["requests"][requests:]
        assert [one["status"] for one in asked] == [200] * len(asked), "the old address is not asked again"
    finally:
        portal.control.post("rename", {"host": None})
    assert heard == [f"localhost:{urlsplit(portal.told['base_url']).port}"]


MOVES = [
    ("https://sever.bitrix24.ru/rest/", "https://new.bitrix24.ru/rest/batch.json", "new.bitrix24.ru"),
    ("https://sever.bitrix24.ru/rest/7/c0de/", "https://new.bitrix24.ru/", "new.bitrix24.ru"),
    ("https://sever.bitrix24.ru/rest/", "//new.bitrix24.ru/rest/", "new.bitrix24.ru"),
    ("https://crm.firma.example/rest/", "https://portal.firma.example/rest/", "portal.firma.example"),
    ("http://127.0.0.1:8001/rest/", "http://localhost:8002/rest/", "localhost:8002"),
    ("https://sever.bitrix24.ru/rest/", "https://www.bitrix24.ru/create.php", None),
    ("https://sever.bitrix24.ru/rest/", "http://new.bitrix24.ru/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://new.bitrix24.com/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://evil.example/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://bitrix24.ru.evil.example/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://a.b.bitrix24.ru/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://x@new.bitrix24.ru/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://127.0.0.1/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "https://new.bitrix24.ru:99999/rest/", None),
    ("https://sever.bitrix24.ru/rest/", "/auth/", None),
    ("https://sever.bitrix24.ru/rest/", "", None),
    ("https://firma.example/rest/", "https://other.example/rest/", None),
    ("http://127.0.0.1:8001/rest/", "http://evil.example/rest/", None),
]


@pytest.mark.parametrize(("root", "location", "expected"), MOVES)
def test_only_another_name_of_the_same_kind_gets_our_secrets(root: str, location: str, expected: str | None) -> None:
    assert new_host(root, location) == expected


def test_a_portal_that_redirects_for_ever_is_closed() -> None:
    with canned_server() as server:
        port = urlsplit(server.url).port
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}

        def redirect(asked: Asked) -> Canned:
            host = other[asked.headers["host"].partition(":")[0]]
            return Canned(b"<html>", 302, {"Location": f"http://{host}:{port}/"})

        server.answer = redirect
        heard: list[str] = []
        connection = Connection(portal="p", url=SecretStr(f"{server.url}/rest/7/x/"), moved=heard.append)
        crm = Bitrix24(connection, FreePacer())
        with pytest.raises(Blocked) as caught:
            crm.directory()
        crm.close()
        assert (caught.value.advice, heard, len(server.asked)) == ("crm-moved", [], 2)
