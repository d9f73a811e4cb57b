"""The application's way into Bitrix24's face: tokens, the OAuth server, scopes, and what only an application may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from bitrix24_portal import OpenPortal, open_portal

from connector.sandbox.bitrix24.tokens import ACCESS_SECONDS, CODE_SECONDS

TASK = {"TITLE": "Касание", "RESPONSIBLE_ID": 3}


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=5) as opened:
        yield opened


def _told(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


def _ask(portal: OpenPortal, method: str, access: str, **params: Any) -> requests.Response:
    """Call a method as the application."""
    url = f"{portal.config.base_url}/rest/{method}"
    return portal.session.post(url, json={**params, "auth": access}, timeout=20)


def _exchange(portal: OpenPortal, **given: str) -> requests.Response:
    known = portal.config.credentials
    asked = {"client_id": known.client_id or "", "client_secret": known.client_secret or "", **given}
    return portal.session.get(f"{portal.config.oauth_root}/oauth/token/", params=asked, timeout=20)


def _renew(portal: OpenPortal, refresh: str) -> requests.Response:
    return _exchange(portal, grant_type="refresh_token", refresh_token=refresh)


def _first(portal: OpenPortal) -> tuple[str, str]:
    known = portal.config.credentials
    return known.access_token or "", known.refresh_token or ""


def test_the_token_may_stand_in_query_form_or_json(portal: OpenPortal) -> None:
    access, _ = _first(portal)
    url = f"{portal.config.base_url}/rest/user.current.json"
    answers = [
        portal.session.get(url, params={"auth": access}, timeout=5),
        portal.session.post(url, data={"auth": access}, timeout=5),
        portal.session.post(url, json={"auth": access}, timeout=5),
    ]
    assert [one.json()["result"]["ID"] for one in answers] == ["1"] * 3
    assert _told(portal.session.get(url, timeout=5)) == (401, "NO_AUTH_FOUND")
    assert _told(portal.session.get(url, params={"auth": "other"}, timeout=5)) == (401, "invalid_token")


def test_a_refresh_token_works_once_and_brings_the_next_pair(portal: OpenPortal) -> None:
    access, refresh = _first(portal)
    told = _renew(portal, refresh).json()
    assert {"access_token", "refresh_token", "expires", "expires_in", "user_id", "member_id", "scope", "status"} <= set(
        told
    )
    assert told["client_endpoint"] == f"{portal.config.base_url}/rest/"
    assert told["server_endpoint"] == f"{portal.config.oauth_root}/rest/"
    assert abs(told["expires"] - time.time() - ACCESS_SECONDS) < 60
    assert _ask(portal, "user.current", told["access_token"]).status_code == 200
    assert _ask(portal, "user.current", access).status_code == 200, "the older token lives out its hour"
    assert _told(_renew(portal, refresh)) == (400, "invalid_grant")
    assert _renew(portal, told["refresh_token"]).status_code == 200
    assert portal.get("/sandbox/tokens").json() == {"issued": 2, "refreshes": 2, "refresh_reuses": 1, "refused": 1}
    assert portal.get("/sandbox/ledger").json()["portals"][0]["tokens"]["refresh_reuses"] == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "never-issued"}, (400, "invalid_grant")),
        ({"grant_type": "refresh_token"}, (400, "invalid_request")),
        ({"grant_type": "password", "refresh_token": "x"}, (400, "invalid_request")),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "local.other"}, (200, "wrong_client")),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "wrong"}, (400, "invalid_client")),
        ({"grant_type": "authorization_code", "code": "wrong"}, (400, "invalid_grant")),
    ],
)
def test_the_oauth_server_refuses(portal: OpenPortal, given: dict[str, str], expected: tuple[int, str]) -> None:
    assert _told(_exchange(portal, **given)) == expected


def test_an_access_token_dies_after_an_hour_of_real_time(portal: OpenPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    access, refresh = _first(portal)
    portal.control("clock", {"advance": "2 days"})
    assert _ask(portal, "user.current", access).status_code == 200
    later = time.time() + ACCESS_SECONDS + 1
    monkeypatch.setattr("connector.sandbox.bitrix24.tokens.time.time", lambda: later)
    assert _told(_ask(portal, "user.current", access)) == (401, "expired_token")
    assert _renew(portal, refresh).status_code == 200
    later += 181 * 86_400
    assert _told(_renew(portal, refresh)) == (400, "invalid_grant")


def test_tokens_can_be_ended_at_once_or_after_some_requests(portal: OpenPortal) -> None:
    access, refresh = _first(portal)
    portal.control("tokens", {"expire": True})
    assert _told(_ask(portal, "user.current", access)) == (401, "expired_token")
    access = _renew(portal, refresh).json()["access_token"]
    portal.control("tokens", {"expire_after": 2})
    statuses = [_ask(portal, "user.current", access).status_code for _ in range(4)]
    assert statuses == [200, 200, 401, 401]


def test_a_token_can_die_between_two_commands_of_a_batch(portal: OpenPortal) -> None:
    access, _ = _first(portal)
    portal.control("tokens", {"expire_after_commands": 2})
    add = "tasks.task.add?fields[TITLE]=x&fields[RESPONSIBLE_ID]=3"
    told = _ask(portal, "batch", access, cmd={"a": add, "b": add, "c": add, "d": add}).json()["result"]
    assert set(told["result"]) == {"a", "b"}
    assert {key: one["error"] for key, one in told["result_error"].items()} == {
        "c": "expired_token",
        "d": "expired_token",
    }
    assert len(portal.base.tasks) == 2


def test_revoked_refresh_tokens_are_invalid_grants(portal: OpenPortal) -> None:
    _, refresh = _first(portal)
    portal.control("tokens", {"revoke_refresh": True})
    assert _told(_renew(portal, refresh)) == (400, "invalid_grant")


def test_the_oauth_server_proves_whose_a_token_is(portal: OpenPortal) -> None:
    url, (access, _) = f"{portal.config.oauth_root}/rest/app.info/", _first(portal)
    told = portal.session.get(url, params={"auth": access}, timeout=5).json()
    assert set(told) == {"result", "time"}
    proof = told["result"]
    assert (proof["client_id"], proof["user_id"]) == (portal.config.credentials.client_id, 1)
    assert proof["install"]["member_id"] == portal.config.credentials.member_id
    assert proof["install"]["client_endpoint"] == f"{portal.config.base_url}/rest/"
    assert proof["install"]["domain"] == "127.0.0.1"
    assert _told(portal.session.get(url, params={"auth": "other"}, timeout=5)) == (401, "NO_AUTH_FOUND")
    other = portal.control("tokens", {"issue": {"client_id": "local.evil", "member_id": "elsewhere"}}).json()
    proof = portal.session.get(url, params={"auth": other["access_token"]}, timeout=5).json()["result"]
    assert (proof["client_id"], proof["install"]["member_id"]) == ("local.evil", "elsewhere")
    assert _told(_ask(portal, "user.current", other["access_token"])) == (401, "invalid_token")
    portal.control("tokens", {"expire": True})
    assert _told(portal.session.get(url, params={"auth": access}, timeout=5)) == (401, "expired_token")


def test_the_portals_own_word_on_the_application_is_another_one(portal: OpenPortal) -> None:
    access, _ = _first(portal)
    told = _ask(portal, "app.info", access).json()["result"]
    assert (told["CODE"], told["STATUS"], told["INSTALLED"]) == (portal.config.credentials.client_id, "L", True)
    assert portal.call("app.info")["LICENSE"]
    portal.control("readings", {"app_info_for_webhooks": False})
    assert _told(portal.ask("app.info")) == (400, "ACCESS_DENIED")


def test_a_person_consents_and_the_application_gets_a_code(portal: OpenPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    page, back = f"{portal.config.base_url}/oauth/authorize/", "http://127.0.0.1:9/back"
    asked = {"client_id": portal.config.credentials.client_id or "", "state": "s t"}
    assert portal.session.get(page, params=asked, timeout=5).status_code == 400, "no redirect_uri in its card"
    portal.control("app", {"redirect_url": back})
    assert "<form" in portal.session.get(page, params=asked, timeout=5).text
    assert portal.session.get(page, params={"client_id": "local.other"}, timeout=5).status_code == 404
    codes = []
    for _ in range(2):
        answer = portal.session.post(page, data=asked, allow_redirects=False, timeout=5)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(back)
        told = {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        assert (told["state"], told["member_id"]) == ("s t", portal.config.credentials.member_id)
        assert told["scope"].split(",")[0] == "crm"
        codes.append(told["code"])
    pair = _exchange(portal, grant_type="authorization_code", code=codes[0]).json()
    assert _ask(portal, "user.current", pair["access_token"]).status_code == 200
    assert _told(_exchange(portal, grant_type="authorization_code", code=codes[0])) == (400, "invalid_grant")
    late = time.time() + CODE_SECONDS + 1
    monkeypatch.setattr("connector.sandbox.bitrix24.tokens.time.time", lambda: late)
    assert _told(_exchange(portal, grant_type="authorization_code", code=codes[1])) == (400, "invalid_grant")


def test_a_token_acts_as_its_user(portal: OpenPortal) -> None:
    access = portal.control("tokens", {"issue": 3}).json()["access_token"]
    assert _ask(portal, "user.current", access).json()["result"]["ID"] == "3"
    assert portal.control("tokens", {"issue": 999}).status_code == 400


def test_methods_outside_the_scopes_are_refused_with_the_callers_own_text(portal: OpenPortal) -> None:
    access, _ = _first(portal)
    portal.control("app", {"scopes": ["crm"], "webhook_scopes": ["task"]})
    refused = _ask(portal, "tasks.task.add", access, fields=TASK)
    assert _told(refused) == (403, "insufficient_scope")
    assert "access token" in refused.json()["error_description"]
    assert _ask(portal, "scope", access).json()["result"] == ["crm"]
    refused = portal.ask("crm.item.get", entityTypeId=2, id=1)
    assert _told(refused) == (403, "insufficient_scope")
    assert "webhook token" in refused.json()["error_description"]
    assert portal.ask("tasks.task.add", fields=TASK).status_code == 200
    assert portal.ask("server.time").status_code == 200
    told = portal.call("batch", cmd={"a": "crm.item.get?entityTypeId=2&id=1"})
    assert told["result_error"]["a"]["error"] == "insufficient_scope"
    assert portal.call("method.get", name="crm.item.get") == {"isExisting": True, "isAvailable": False}
    assert portal.call("method.get", name="crm.nothing") == {"isExisting": False, "isAvailable": False}


@pytest.mark.parametrize("method", ["events", "event.bind", "event.get", "event.unbind", "event.test"])
def test_a_webhook_is_not_an_application(portal: OpenPortal, method: str) -> None:
    assert _told(portal.ask(method, event="ONAPPTEST", handler="http://127.0.0.1:9/")) == (403, "WRONG_AUTH_TYPE")


def test_no_token_is_in_the_ledger(portal: OpenPortal) -> None:
    access, refresh = _first(portal)
    portal.session.get(f"{portal.config.base_url}/rest/user.current", params={"auth": access}, timeout=5)
    _renew(portal, refresh)
    text = portal.get("/sandbox/ledger").text
    assert access not in text
    assert refresh not in text
    told = [(one["path"], one["call"], one["error"]) for one in portal.base.ledger()["requests"]]
    assert told == [("/rest/user.current", "user.current", ""), ("/oauth/token/", "oauth refresh_token", "")]
