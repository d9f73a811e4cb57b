"""amoCRM's OAuth over HTTP: what each refusal means, what an account is called now, which hosts are never called."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from connector.crm.amocrm import oauth
from connector.crm.amocrm.door import Door
from connector.crm.amocrm.hosts import beside, consent_url, is_account_host
from connector.crm.amocrm.oauth import Client
from connector.crm.port import App, Connection, Tokens
from connector.errors import Blocked, CrmError, NotSent, Throttled, Unavailable
from crm.canned import Asked, Canned, CannedServer, FreePacer, canned_server

REDIRECT = "https://kasanie.example.ru/oauth/amocrm"
KEY = "the-key-of-the-integration"
CLIENT = Client(id="0123-abcd", secret=SecretStr(KEY), redirect_uri=REDIRECT)
SIGNED = "s" * 64
KIND = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


def pair(api_domain: str = "", access: str = "", seconds: float = 86400) -> Tokens:
    token = access or jwt.encode({"api_domain": api_domain}, SIGNED, "HS256")
    return Tokens(
        access=SecretStr(token), refresh=SecretStr("a-refresh-token"), generation=1, expires_real=time.time() + seconds
    )


GRANT = {"token_type": "Bearer", "expires_in": 86400, "access_token": "new-access", "refresh_token": "new-refresh"}


def test_a_renewal_is_asked_as_the_papers_have_it(server: CannedServer) -> None:
    server.answer = lambda _: Canned({**GRANT, "expires_in": 3600})
    fresh = oauth.renew(server.url, CLIENT, pair(), portal="south")
    assert (server.asked[0].verb, server.asked[0].path) == ("POST", "/oauth2/access_token")
    assert server.asked[0].json == {
        "client_id": "0123-abcd",
        "client_secret": KEY,
        "grant_type": "refresh_token",
        "refresh_token": "a-refresh-token",
        "redirect_uri": REDIRECT,
    }
    assert (fresh.access.get_secret_value(), fresh.refresh.get_secret_value()) == ("new-access", "new-refresh")
    assert 3500 < fresh.expires_real - time.time() <= 3600


REVOKED = {"hint": "Token has been revoked", "title": "Некорректный запрос", "type": KIND, "detail": "…"}
STRANGER = {"title": "Некорректный клиент", "type": KIND, "detail": "Авторизация клиента не прошла"}
PAGE = b"<html>nginx</html>"
REFUSALS: dict[str, tuple[int, Any, type[CrmError], str, str]] = {
    "a spent or expired token": (401, REVOKED, Blocked, "invalid_grant", "amo-connect"),
    "the same as 400": (400, REVOKED, Blocked, "invalid_grant", "amo-connect"),
    "in English": (401, {**REVOKED, "title": "Bad Request"}, Blocked, "invalid_grant", "amo-connect"),
    "no hint": (401, {"title": "Некорректный запрос", "type": KIND}, Blocked, "invalid_grant", "amo-connect"),
    "a wrong client": (401, STRANGER, Blocked, "invalid_client", "amo-app-keys"),
    "a wrong client in English": (401, {"title": "Invalid client"}, Blocked, "invalid_client", "amo-app-keys"),
    "no such account": (404, PAGE, Blocked, "HTTP_404", "amo-address"),
    "gone elsewhere": (302, b"", Blocked, "HTTP_302", "amo-address"),
    "the ban page": (403, PAGE, Blocked, "HTTP_403", "amo-banned"),
    "too often": (429, {"title": "Too Many Requests"}, Throttled, "HTTP_429", ""),
    "broken": (500, {"title": "ErrInternalServer"}, Unavailable, "HTTP_500", "amo-oauth-silent"),
    "a gateway": (502, PAGE, Unavailable, "HTTP_502", "amo-oauth-silent"),
    "a page for tokens": (200, PAGE, Unavailable, "HTTP_200", "amo-oauth-silent"),
    "no refresh token": (200, {**GRANT, "refresh_token": ""}, Unavailable, "HTTP_200", "amo-oauth-silent"),
    "a list": (200, [], Unavailable, "HTTP_200", "amo-oauth-silent"),
}


@pytest.mark.parametrize(("status", "body", "kind", "code", "advice"), REFUSALS.values(), ids=REFUSALS)
def test_each_refusal_says_what_a_person_can_do(
    server: CannedServer, status: int, body: Any, kind: type[CrmError], code: str, advice: str
) -> None:
    server.answer = lambda _: Canned(body, status)
    with pytest.raises(CrmError) as refused:
        oauth.renew(server.url, CLIENT, pair(), portal="south")
    assert (type(refused.value), refused.value.code, refused.value.advice) == (kind, code, advice)
    assert len(server.asked) == 1  # it is never repeated: the token may be spent


@pytest.mark.parametrize("fault", ["reset", "cut"])
def test_a_lost_answer_is_no_answer(server: CannedServer, fault: str) -> None:
    server.answer = lambda _: Canned(GRANT, fault=fault)
    with pytest.raises(Unavailable):
        oauth.renew(server.url, CLIENT, pair(), portal="south")


def test_nobody_listens() -> None:
    with pytest.raises(NotSent):
        oauth.renew("http://127.0.0.1:9", CLIENT, pair(), portal="south")


def test_a_code_is_traded_and_the_account_asked_who_it_is(server: CannedServer) -> None:
    server.answer = lambda asked: Canned(GRANT if asked.verb == "POST" else {"id": 31000111, "current_user_id": 7})
    granted = oauth.take_grant(server.url, CLIENT, SecretStr("a-code"), timeout=2)
    assert (granted.account, granted.user_id) == ("31000111", "7")
    assert server.asked[0].json["code"] == "a-code"
    assert server.asked[0].json["grant_type"] == "authorization_code"
    assert server.asked[1].path == "/api/v4/account"
    assert server.asked[1].headers["authorization"] == "Bearer new-access"


@pytest.mark.parametrize(
    ("status", "body", "kind", "tries"),
    [(401, {"title": "Unauthorized"}, Blocked, 1), (502, PAGE, Unavailable, 2), (200, {"id": "x"}, Unavailable, 2)],
)
def test_an_account_that_does_not_say_who_it_is_is_none(
    server: CannedServer, status: int, body: Any, kind: type[CrmError], tries: int
) -> None:
    server.answer = lambda asked: Canned(GRANT) if asked.verb == "POST" else Canned(body, status)
    with pytest.raises(kind):
        oauth.take_grant(server.url, CLIENT, SecretStr("a-code"), timeout=2)
    assert len(server.asked) == 1 + tries


def named(domain: Any) -> Canned:
    return Canned({"id": 31000111, "subdomain": "new", "domain": domain, "top_level_domain": "ru"})


def test_the_present_name_is_asked_of_the_shared_host(server: CannedServer) -> None:
    shared = server.url.removeprefix("http://")
    server.answer = lambda _: named("localhost:8123")
    assert oauth.present_root("http://127.0.0.1:9", pair(shared), portal="south") == "http://localhost:8123"
    assert server.asked[0].path == "/oauth2/account/current/subdomain"
    assert server.asked[0].headers["x-refresh-token"] == "a-refresh-token"
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("told", ["evil.example.ru", "new.amocrm.ru", "", None, "localhost:80:80", "u@localhost", 5])
def test_a_name_that_may_not_have_our_tokens_is_none(server: CannedServer, told: Any) -> None:
    server.answer = lambda _: named(told)
    shared = server.url.removeprefix("http://")
    assert oauth.present_root("http://127.0.0.1:9", pair(shared), portal="south") is None


def test_a_foreign_shared_host_is_never_asked(server: CannedServer) -> None:
    shared = server.url.removeprefix("http://")
    assert oauth.present_root("https://south.amocrm.ru", pair(shared), portal="south") is None
    assert oauth.present_root("http://127.0.0.1:9", pair("evil.example.ru"), portal="south") is None
    assert oauth.present_root("http://127.0.0.1:9", pair(access="no-jwt"), portal="south") is None
    assert server.asked == []


HOSTS = {
    "south.amocrm.ru": True,
    "SOUTH.amocrm.ru": True,
    "api-a.amocrm.ru": True,
    "south.kommo.com": True,
    "south.amocrm.com": True,
    "amocrm.ru": False,
    ".amocrm.ru": False,
    "evil-amocrm.ru": False,
    "south.amocrm.ru.evil.ru": False,
    "south.amocrm.ru:443": False,
    "evil.ru/south.amocrm.ru": False,
    "evil.ru#.amocrm.ru": False,
    "u@south.amocrm.ru": False,
    "юг.amocrm.ru": False,
    "": False,
}


@pytest.mark.parametrize(("host", "ours"), HOSTS.items())
def test_only_accounts_are_ever_sent_a_secret(host: str, ours: bool) -> None:
    assert is_account_host(host) is ours
    assert (beside("https://south.amocrm.ru", host) is not None) is ours
    assert beside("http://127.0.0.1:80", host) is None


def test_a_person_consents_at_the_vendors_site() -> None:
    assert consent_url("https://south.amocrm.ru", "id", "st.a_te").startswith(
        "https://www.amocrm.ru/oauth?client_id=id&state=st.a_te&"
    )
    assert consent_url("https://south.kommo.com", "id", "s").startswith("https://www.kommo.com/oauth?")
    assert consent_url("https://south.amocrm.com", "id", "s").startswith("https://www.kommo.com/oauth?")
    assert consent_url("http://127.0.0.1:80", "id", "s").startswith("http://127.0.0.1:80/oauth?")


class Keeper:
    """Pairs in memory, one renewal at a time: what the tables do is tested elsewhere."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def current(self) -> Tokens:
        return self.tokens

    def renew(self, stale: Tokens, ask: Any) -> Tokens:
        if self.tokens.generation == stale.generation:
            fresh = ask(self.tokens)
            self.tokens = Tokens(
                access=fresh.access,
                refresh=fresh.refresh,
                generation=stale.generation + 1,
                expires_real=fresh.expires_real,
            )
        return self.tokens


def door_to(url: str, keeper: Keeper, moved: list[str] | None = None) -> Door:
    app = App(client_id="0123-abcd", client_secret=SecretStr(KEY), oauth_url="", keeper=keeper, redirect_uri=REDIRECT)
    tell = moved.append if moved is not None else None
    return Door(Connection(portal="south", url=SecretStr(url), app=app, moved=tell), FreePacer())


def answering(known: str, rows: Mapping[str, Canned]) -> Any:
    """An account that knows one access token, and answers by path."""

    def answer(asked: Asked) -> Canned:
        if asked.path in rows:
            return rows[asked.path]
        good = asked.headers.get("authorization") == f"Bearer {known}"
        return Canned({"id": 1}) if good else Canned({"title": "Unauthorized"}, 401)

    return answer


TOKEN_PATH = "/oauth2/access_token"


def test_a_write_that_met_an_ended_token_leaves_once_more_and_only_then(server: CannedServer) -> None:
    server.answer = answering("new-access", {TOKEN_PATH: Canned(GRANT)})
    door = door_to(server.url, Keeper(pair()))
    reply = door.call("POST", "tasks", name="tasks", json=[{"text": "x"}])
    door.close()
    assert reply.status == 200
    assert [asked.path for asked in server.asked] == ["/api/v4/tasks", TOKEN_PATH, "/api/v4/tasks"]


def test_a_token_that_no_renewal_helps_is_told_once(server: CannedServer) -> None:
    server.answer = answering("never", {TOKEN_PATH: Canned(GRANT)})
    door = door_to(server.url, Keeper(pair()))
    assert door.call("GET", "account", name="account").status == 401
    door.close()
    assert [asked.path for asked in server.asked] == ["/api/v4/account", TOKEN_PATH, "/api/v4/account"]


def test_a_token_near_its_end_is_renewed_before_it_is_used(server: CannedServer) -> None:
    server.answer = answering("new-access", {TOKEN_PATH: Canned(GRANT)})
    door = door_to(server.url, Keeper(pair(seconds=200)))
    assert door.call("GET", "account", name="account").status == 200
    door.close()
    assert [asked.path for asked in server.asked] == [TOKEN_PATH, "/api/v4/account"]


def test_a_silent_server_does_not_stop_a_token_that_still_works(server: CannedServer) -> None:
    old = pair(seconds=200)
    server.answer = answering(old.access.get_secret_value(), {TOKEN_PATH: Canned(PAGE, 502)})
    door = door_to(server.url, Keeper(old))
    assert door.call("GET", "account", name="account").status == 200
    door.close()
    ended = door_to(server.url, Keeper(pair(seconds=-1)))
    with pytest.raises(Unavailable):
        ended.call("GET", "account", name="account")
    ended.close()


def test_a_missing_card_is_no_renamed_account(server: CannedServer) -> None:
    missing = Canned({"title": "Not Found", "status": 404, "detail": "…"}, 404)
    server.answer = answering("", {"/api/v4/leads/9/notes": missing})
    door = door_to(server.url, Keeper(pair(server.url.removeprefix("http://"))))
    assert door.call("GET", "leads/9/notes", name="notes").status == 404
    door.close()
    assert len(server.asked) == 1


@pytest.mark.parametrize("gone", [Canned(PAGE, 404), Canned(b"", 301), Canned({"title": "Account not found"}, 404)])
def test_an_account_under_another_name_is_followed_and_told(server: CannedServer, gone: Canned) -> None:
    with canned_server() as new:
        host = new.url.removeprefix("http://")
        tokens = pair(server.url.removeprefix("http://"))
        server.answer = lambda asked: named(host) if asked.path.startswith("/oauth2/account") else gone
        new.answer = answering(tokens.access.get_secret_value(), {})
        moved: list[str] = []
        door = door_to(server.url, Keeper(tokens), moved)
        assert door.call("GET", "account", name="account").status == 200
        assert door.call("GET", "users", name="users").status == 200
        door.close()
        assert moved == [host]
        assert [asked.path for asked in new.asked] == ["/api/v4/account", "/api/v4/users"]


def test_nothing_secret_is_logged(server: CannedServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = lambda _: Canned(REVOKED, 401)
    with pytest.raises(Blocked) as refused:
        oauth.renew(server.url, CLIENT, pair(), portal="south")
    server.answer = lambda _: Canned(GRANT, fault="reset")
    with pytest.raises(Unavailable) as silent:
        oauth.take_grant(server.url, CLIENT, SecretStr("a-code-of-amocrm"), timeout=2)
    shown = caplog.text + repr(refused.value) + repr(silent.value) + repr(CLIENT) + repr(pair())
    for secret in (KEY, "a-refresh-token", "a-code-of-amocrm", "new-access"):
        assert secret not in shown
