"""Token, limits and faults of the sandbox's amoCRM face (facts/amocrm.md 2, 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from amocrm_account import AmoPortal, open_account
from sandbox_fixture import run_sandbox

from connector.sandbox.amocrm.limits import Gate


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


@pytest.fixture
def limited() -> Iterator[AmoPortal]:
    with open_account(rate=0.5) as portal:
        portal.config.readings["block_after"] = "0"
        yield portal


@pytest.mark.parametrize("header", ["", "Bearer sandbox-access-other", "Bearer", "Bearer sandbox-access-amo-1x"])
def test_a_wrong_token_is_refused(amo: AmoPortal, header: str) -> None:
    answer = amo.call("GET", "account", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"


def test_requests_beyond_the_limit_are_refused(limited: AmoPortal) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: limited.call("GET", "account"), range(10)))
    codes = sorted(one.status_code for one in answers)
    assert codes[:7] == [200] * 7
    assert codes[-1] == 429
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["retry_after"] == 1


def test_a_429_may_come_without_json(amo: AmoPortal) -> None:
    amo.config.readings["throttle_as_text"] = True
    amo.config.faults.throttle = 1
    answer = amo.call("GET", "account")
    assert (answer.status_code, answer.text) == (429, "Too Many Requests")
    assert amo.call("GET", "account").status_code == 200


def test_who_goes_on_is_shut_out_with_a_page(limited: AmoPortal) -> None:
    limited.config.readings |= {"block_after": "3", "block_seconds": "60"}
    answers = [limited.call("GET", "account") for _ in range(12)]
    assert [one.status_code for one in answers] == [200] * 7 + [429, 429, 403, 403, 403]
    assert "403 Forbidden" in answers[-1].text
    assert answers[-1].headers["Content-Type"].startswith("text/html")


def test_refusals_far_apart_or_allowed_ones_do_not_block() -> None:
    gate = Gate()
    verdicts = [gate.ask(rate=1, burst=2, strikes=0, block_seconds=5) for _ in range(9)]
    assert verdicts == ["in", "in", *["too fast"] * 7]
    assert [gate.ask(rate=0, burst=1, strikes=1, block_seconds=5) for _ in range(50)] == ["in"] * 50


def test_a_write_may_be_applied_and_still_fail(amo: AmoPortal) -> None:
    amo.config.faults.fail_after_apply = 1
    answer = amo.call("POST", "companies", [{"name": "Применилась"}])
    assert answer.status_code == 500
    assert [one for one in amo.base.companies.values() if one.title == "Применилась"]
    amo.config.faults.fail_before = 1
    assert amo.call("POST", "companies", [{"name": "Не дошла"}]).status_code == 500
    assert not [one for one in amo.base.companies.values() if one.title == "Не дошла"]


def test_half_an_array_may_be_applied_before_the_answer_is_lost(amo: AmoPortal) -> None:
    def named(word: str) -> int:
        return sum(one.title.startswith(word) for one in amo.base.companies.values())

    amo.config.faults.batch_half = 1
    assert amo.call("POST", "companies", [{"name": "Одна"}]).status_code == 200
    half = amo.call("POST", "companies", [{"name": f"Часть {number}"} for number in range(4)])
    assert (half.status_code, named("Часть"), named("Одна")) == (504, 2, 1)


def test_half_an_array_may_be_applied_before_the_connection_closes() -> None:
    with run_sandbox(crm="amocrm", clients=5) as sandbox:
        (portal,) = sandbox.portals
        sandbox.post("faults", {"batch_cut": 1})
        companies = [{"name": f"Рез {number}"} for number in range(5)]
        headers = {"Authorization": f"Bearer {portal['access_token']}"}
        with pytest.raises(requests.ConnectionError):
            sandbox.session.post(f"{portal['base_url']}/api/v4/companies", json=companies, headers=headers, timeout=5)
        assert len(sandbox.get("cards?title=Рез")["company"]) == 2


def test_an_array_with_a_wrong_member_is_refused_whole_unless_switched(amo: AmoPortal) -> None:
    wrong = {"name": "Неверно", "responsible_user_id": 99_999, "request_id": "b"}
    sent = [{"name": "Верно 1"}, wrong, {"name": "Верно 2"}]
    refused = amo.call("POST", "companies", sent)
    assert refused.status_code == 400
    assert not [one for one in amo.base.companies.values() if "ерно" in one.title]
    amo.config.readings["array_partial"] = True
    partial = amo.call("POST", "companies", sent)
    assert (partial.status_code, partial.json()) == (400, refused.json())
    assert [one["request_id"] for one in partial.json()["validation-errors"]] == ["b"]
    assert sorted(one.title for one in amo.base.companies.values() if "ерно" in one.title) == ["Верно 1", "Верно 2"]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("problem", "application/problem+json", '"status":402'),
        ("html", "text/html", "<html>"),
        ("text", "text/plain", "Кончилось"),
        ("empty", "text/plain", ""),
    ],
)
def test_an_error_may_be_ordered_for_one_call(amo: AmoPortal, body: str, kind: str, text: str) -> None:
    wanted = {"code": "", "status": 402, "text": "Кончилось", "body": body, "verb": "POST", "path": "tasks", "count": 1}
    amo.config.faults.switch({"answer_error": wanted})
    assert amo.call("GET", "tasks").status_code != 402
    assert amo.call("POST", "companies", [{"name": "К"}]).status_code == 200
    answer = amo.call("POST", "tasks", [{"text": "Т", "complete_till": 1_790_000_000}])
    assert answer.status_code == 402
    assert answer.headers["Content-Type"].startswith(kind)
    assert text in answer.text
    assert amo.call("POST", "tasks", [{"text": "Т", "complete_till": 1_790_000_000}]).status_code == 200


def test_an_ordered_problem_may_say_more(amo: AmoPortal) -> None:
    more = {"retry_after": 300, "hint": "x"}
    amo.config.faults.switch({"answer_error": {"code": "", "status": 429, "more": more}})
    assert amo.call("GET", "account").json()["retry_after"] == 300
    amo.config.faults.throttle = 1
    amo.config.readings["retry_after_header"] = True
    assert amo.call("GET", "account").headers["Retry-After"] == "1"
