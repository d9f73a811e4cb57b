"""Token, limits, faults and OAuth of the sandbox's amoCRM face (facts/amocrm.md 2, 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from amocrm_account import AmoPortal, open_account

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


def test_a_refresh_token_works_once(amo: AmoPortal) -> None:
    known = amo.config.credentials
    body = {
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": known.refresh_token,
    }
    url = f"{amo.config.base_url}/oauth2/access_token"
    fresh = amo.session.post(url, json=body, timeout=5)
    assert fresh.status_code == 200
    assert (fresh.json()["token_type"], fresh.json()["expires_in"]) == ("Bearer", 86_400)
    assert amo.call("GET", "account").status_code == 401
    bearer = {"Authorization": f"Bearer {fresh.json()['access_token']}"}
    assert amo.call("GET", "account", headers=bearer).status_code == 200
    again = amo.session.post(url, json=body, timeout=5)
    assert (again.status_code, again.json()["hint"]) == (401, "Token has been revoked")
    stranger = amo.session.post(url, json={**body, "client_secret": "x"}, timeout=5)
    assert stranger.json()["title"] == "Некорректный клиент"
