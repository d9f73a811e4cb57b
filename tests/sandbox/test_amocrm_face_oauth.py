"""Consent, codes, tokens, switching off and renaming of the sandbox's amoCRM integration (facts/amocrm.md 1.7, 3.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from sandbox_fixture import Sandbox, run_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", clients=5, rate=0) as running:
        yield running


@pytest.fixture(autouse=True)
def restored(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.post("rename", {"host": None})
    sandbox.post("tokens", {"long_lived": True})
    sandbox.post("readings", {"refresh_ends_access": True, "renamed_status": "401", "oauth_error_status": "401"})


@contextmanager
def told() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An integration's own server: its address, and what it was asked with."""
    asked: list[dict[str, str]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(parse_qsl(urlsplit(self.path).query)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/oauth/amocrm", asked
        finally:
            server.shutdown()
            thread.join()


def grant(sandbox: Sandbox, host: str = "127.0.0.1", **given: Any) -> requests.Response:
    portal = sandbox.portals[0]
    known = {"client_id": portal["client_id"], "client_secret": portal["client_secret"]}
    url = portal["base_url"].replace("127.0.0.1", host) + "/oauth2/access_token"
    return sandbox.session.post(url, json={**known, **given}, timeout=5)


def account(sandbox: Sandbox, token: str, host: str = "127.0.0.1", **headers: str) -> requests.Response:
    url = sandbox.portals[0]["base_url"].replace("127.0.0.1", host) + "/api/v4/account"
    return sandbox.session.get(url, headers={"Authorization": f"Bearer {token}", **headers}, timeout=5)


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def test_a_code_comes_by_the_redirect_and_works_once(sandbox: Sandbox) -> None:
    with told() as (url, asked):
        answer = sandbox.post("connect", {"redirect": url, "state": "once"})
    assert answer["status"] == 200
    (query,) = asked
    host = urlsplit(sandbox.portals[0]["base_url"]).netloc
    assert {name: query[name] for name in query if name != "code"} == {
        "state": "once",
        "referer": host,
        "platform": "1",
        "client_id": sandbox.portals[0]["client_id"],
    }
    body = {"grant_type": "authorization_code", "code": query["code"], "redirect_uri": url}
    other = grant(sandbox, **{**body, "redirect_uri": url + "/"})
    assert (other.status_code, other.json()["hint"]) == (401, "Invalid redirect URI")
    pair = grant(sandbox, **body)
    assert pair.status_code == 200
    brought = pair.json()
    assert (brought["token_type"], brought["expires_in"]) == ("Bearer", 86_400)
    assert abs(brought["server_time"] - time.time()) < 60
    read = claims(brought["access_token"])
    assert (read["api_domain"], read["account_id"], read["aud"]) == (host, 31_000_001, query["client_id"])
    assert read["exp"] - read["iat"] == 86_400
    assert 700 < len(brought["access_token"]) < 2000
    assert account(sandbox, brought["access_token"]).json()["id"] == 31_000_001
    again = grant(sandbox, **body)
    assert (again.status_code, again.json()["hint"]) == (401, "Authorization code has been revoked")
    assert again.json()["type"].endswith("OAuthProblemJson")


def test_a_person_answers_the_consent_page(sandbox: Sandbox) -> None:
    portal = sandbox.portals[0]
    page = f"{portal['oauth_root']}/oauth"
    sandbox.post("app", {"redirect_url": "http://127.0.0.1:9/back"})
    asked = sandbox.session.get(page, params={"client_id": portal["client_id"], "state": "<x>"}, timeout=5)
    assert "Разрешить" in asked.text
    assert "<x>" not in asked.text
    form = {"client_id": portal["client_id"], "state": "<x>"}
    yes = sandbox.session.post(page, data={**form, "answer": "allow"}, allow_redirects=False, timeout=5)
    assert yes.headers["Location"].startswith("http://127.0.0.1:9/back?code=")
    assert "state=%3Cx%3E" in yes.headers["Location"]
    no = sandbox.session.post(page, data={**form, "answer": "refuse"}, allow_redirects=False, timeout=5)
    assert no.headers["Location"] == "http://127.0.0.1:9/back?error=access_denied&state=%3Cx%3E"
    assert sandbox.session.get(page, params={"client_id": "another"}, timeout=5).status_code == 404


def test_a_widget_is_installed_without_a_state(sandbox: Sandbox) -> None:
    with told() as (url, asked):
        sandbox.post("connect", {"redirect": url, "from_widget": True})
        sandbox.post("connect", {"refuse": True, "state": "s"})
        sandbox.post("connect", {"referer": "evil.example", "code": "forged"})
    assert asked[0]["from_widget"] == "1"
    assert "state" not in asked[0]
    assert asked[1] == {"error": "access_denied", "state": "s"}
    assert (asked[2]["referer"], asked[2]["code"]) == ("evil.example", "forged")


def test_a_refresh_token_dies_with_its_use_and_is_counted(sandbox: Sandbox) -> None:
    before = sandbox.get("tokens")
    first = sandbox.post("tokens", {"issue": 1})
    body = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    body["redirect_uri"] = sandbox.get("app")["redirect_url"]
    second = grant(sandbox, **body)
    assert second.status_code == 200
    assert account(sandbox, first["access_token"]).status_code == 401
    assert account(sandbox, second.json()["access_token"]).status_code == 200
    again = grant(sandbox, **body)
    assert again.status_code == 401
    assert again.json() == {
        "hint": "Token has been revoked",
        "title": "Некорректный запрос",
        "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
        "status": 401,
        "detail": "В запросе отсутствует ряд параметров или параметры невалидны",
    }
    after = sandbox.get("tokens")
    assert after["refreshes"] - before["refreshes"] == 1
    assert after["refresh_reuses"] - before["refresh_reuses"] == 1
    sandbox.post("readings", {"oauth_error_status": "400", "refresh_ends_access": False})
    assert grant(sandbox, **body).status_code == 400
    third = grant(sandbox, **{**body, "refresh_token": second.json()["refresh_token"]})
    assert third.status_code == 200
    assert account(sandbox, second.json()["access_token"]).status_code == 200


def test_a_wrong_client_is_told_apart(sandbox: Sandbox) -> None:
    pair = sandbox.post("tokens", {"issue": 1})
    wrong = grant(sandbox, client_secret="x", grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert (wrong.status_code, wrong.json()["title"]) == (401, "Некорректный клиент")
    assert "hint" not in wrong.json()


def test_tokens_end_as_ordered_and_the_long_lived_one_on_its_own(sandbox: Sandbox) -> None:
    long_lived = sandbox.portals[0]["access_token"]
    pair = sandbox.post("tokens", {"issue": 1})
    sandbox.post("tokens", {"expire_after": 1})
    assert [account(sandbox, pair["access_token"]).status_code for _ in range(2)] == [200, 401]
    pair = sandbox.post("tokens", {"issue": 1})
    sandbox.post("tokens", {"expire": True})
    assert account(sandbox, pair["access_token"]).status_code == 401
    assert account(sandbox, long_lived).status_code == 200
    sandbox.post("tokens", {"long_lived": False})
    assert account(sandbox, long_lived).status_code == 401
    old = sandbox.post("tokens", {"issue": 1, "lifetime": -5})
    assert claims(old["access_token"])["exp"] < time.time()
    assert account(sandbox, old["access_token"]).status_code == 401
    body = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    body["redirect_uri"] = sandbox.get("app")["redirect_url"]
    sandbox.post("tokens", {"expire_refresh": True})
    assert grant(sandbox, **body).json()["hint"] == "Token has expired"
    body["refresh_token"] = sandbox.post("tokens", {"issue": 1})["refresh_token"]
    sandbox.post("tokens", {"revoke_refresh": True})
    assert grant(sandbox, **body).json()["hint"] == "Token has been revoked"


def test_a_grant_may_be_made_and_its_answer_lost(sandbox: Sandbox) -> None:
    pair = sandbox.post("tokens", {"issue": 1, "lose_answers": 1})
    body = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    body["redirect_uri"] = sandbox.get("app")["redirect_url"]
    with pytest.raises(requests.ConnectionError):
        grant(sandbox, **body)
    assert grant(sandbox, **body).json()["hint"] == "Token has been revoked"
    error = {"code": "", "status": 503, "where": "oauth", "html": True}
    sandbox.post("faults", {"answer_error": error})
    failed = grant(sandbox, **body)
    assert (failed.status_code, failed.headers["Content-Type"][:9]) == (503, "text/html")


def test_switching_off_is_signed_and_ends_everything(sandbox: Sandbox) -> None:
    pair = sandbox.post("tokens", {"issue": 1})
    client = sandbox.portals[0]["client_id"]
    with told() as (url, asked):
        sandbox.post("disable", {"url": url, "signature": "0" * 64, "keep_tokens": True})
        assert account(sandbox, pair["access_token"]).status_code == 200
        assert sandbox.post("disable", {})["status"] == 200
        signature = hmac.new(
            sandbox.portals[0]["client_secret"].encode(), f"{client}|31000001".encode(), hashlib.sha256
        ).hexdigest()
        assert asked[1] == {"account_id": "31000001", "client_uuid": client, "signature": signature}
        assert account(sandbox, pair["access_token"]).status_code == 401
        assert account(sandbox, sandbox.portals[0]["access_token"]).status_code == 401
        assert sandbox.get("app")["installed"] is False
        sandbox.post("connect", {"redirect": url, "state": "back"})
        assert sandbox.get("app")["installed"] is True
        code = {"grant_type": "authorization_code", "code": asked[2]["code"], "redirect_uri": url}
        assert grant(sandbox, **code).status_code == 200


def test_a_renamed_account_is_found_by_its_refresh_token(sandbox: Sandbox) -> None:
    pair = sandbox.post("tokens", {"issue": 1})
    sandbox.post("rename", {"host": "localhost", "subdomain": "romashka"})
    assert account(sandbox, pair["access_token"]).status_code == 401
    body = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    body["redirect_uri"] = sandbox.get("app")["redirect_url"]
    assert grant(sandbox, **body).status_code == 401
    sandbox.post("readings", {"renamed_status": "404"})
    assert grant(sandbox, **body).status_code == 404
    url = f"http://{claims(pair['access_token'])['api_domain']}/oauth2/account/current/subdomain"
    named = sandbox.session.get(url, headers={"X-Refresh-Token": pair["refresh_token"]}, timeout=5).json()
    port = sandbox.portals[0]["base_url"].rpartition(":")[2]
    assert named == {
        "id": 31_000_001,
        "subdomain": "romashka",
        "domain": f"localhost:{port}",
        "top_level_domain": "ru",
    }
    assert sandbox.session.get(url, headers={"X-Refresh-Token": "x"}, timeout=5).status_code == 401
    fresh = grant(sandbox, "localhost", **body).json()
    assert account(sandbox, fresh["access_token"], "localhost").json()["subdomain"] == "romashka"


def test_rights_are_those_of_who_gave_access_or_of_the_context(sandbox: Sandbox) -> None:
    manager = next(user["id"] for user in sandbox.portals[0]["users"] if user["role"] == "manager" and user["active"])
    gone = next(user["id"] for user in sandbox.portals[0]["users"] if not user["active"])
    admin = sandbox.portals[0]["access_token"]
    assert account(sandbox, admin, **{"X-Context-User-ID": str(manager)}).json()["current_user_id"] == manager
    for wrong in ("999", str(gone), "x"):
        assert account(sandbox, admin, **{"X-Context-User-ID": wrong}).status_code == 401
    own = sandbox.post("tokens", {"issue": manager})["access_token"]
    assert account(sandbox, own).json()["current_user_id"] == manager
    assert account(sandbox, own, **{"X-Context-User-ID": "1"}).status_code == 401
