"""How an application comes to a portal of Bitrix24's face, is finished, updated, removed, and what a rename does."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from bitrix24_application import as_application, bind, listen, told
from bitrix24_portal import OpenPortal, open_portal

from connector.sandbox.run import Options, start

MOVE = {"deal": 1, "stage": "NEW"}


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=5) as opened:
        yield opened


def _renewed(portal: OpenPortal, refresh: str) -> tuple[int, str]:
    known = portal.config.credentials
    asked = {"client_id": known.client_id, "client_secret": known.client_secret, "refresh_token": refresh}
    url = f"{portal.config.oauth_root}/oauth/token/"
    return told(portal.session.post(url, data={"grant_type": "refresh_token", **asked}, timeout=5))


def test_the_install_event_brings_working_tokens_and_the_secret(portal: OpenPortal) -> None:
    with listen() as handler:
        answer = portal.control("install", {"target": handler.url}).json()
        (body,) = handler.wait()
    assert answer["status"] == 200
    assert (body["event"], body["data[INSTALLED]"], body["data[VERSION]"]) == ("ONAPPINSTALL", "Y", "1")
    assert "event_handler_id" not in body
    assert body["auth[application_token]"] == portal.get("/sandbox/app").json()["application_token"]
    assert body["auth[application_token]"] != portal.config.credentials.application_token, "the webhook has its own"
    assert body["auth[member_id]"] == portal.config.credentials.member_id
    assert body["auth[client_endpoint]"] == f"{portal.config.base_url}/rest/"
    assert body["auth[domain]"] == urlsplit(body["auth[client_endpoint]"]).hostname
    assert as_application(portal, "user.current", body["auth[access_token]"]).json()["result"]["ID"] == "1"
    assert _renewed(portal, body["auth[refresh_token]"]) == (200, "")


def test_a_page_is_finished_in_the_browser_and_only_then_events_come(portal: OpenPortal) -> None:
    with listen() as page, listen() as handler:
        portal.control("install", {"target": page.url + "?x=1", "page": True})
        (form,) = page.wait()
        assert form["PLACEMENT"] == "DEFAULT"
        assert form["APPLICATION_TOKEN"] == portal.get("/sandbox/app").json()["application_token"]
        assert as_application(portal, "app.info", form["AUTH_ID"]).json()["result"]["INSTALLED"] is False
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        portal.control("deals/move", MOVE)
        portal.control("install_finish", {})
        portal.control("deals/move", {**MOVE, "stage": "OFFER"})
        (body,) = handler.wait()
    assert body["event"] == "ONCRMDEALUPDATE"
    assert len(handler.bodies()) == 1
    assert as_application(portal, "app.info").json()["result"]["INSTALLED"] is True
    assert portal.base.webhooks["INSTALLPAGE answered 200"] == 1


def test_the_install_event_may_write_scopes_with_spaces(portal: OpenPortal) -> None:
    portal.control("readings", {"install_scope_by_spaces": True})
    with listen() as handler:
        portal.control("install", {"target": handler.url})
        (body,) = handler.wait()
    assert body["auth[scope]"].split(" ")[:2] == ["crm", "task"]


def test_an_installer_that_nobody_hears_is_told(portal: OpenPortal) -> None:
    with listen() as handler:
        pass
    assert portal.control("install", {"target": handler.url}).json()["status"] is None
    assert portal.control("install", {"target": "http://example.com/"}).status_code == 400


@pytest.mark.parametrize("clean", [True, False])
def test_a_removed_application_is_told_last_and_all_of_it_dies(portal: OpenPortal, clean: bool) -> None:
    known = portal.config.credentials
    with listen() as handler:
        bind(portal, "ONAPPUNINSTALL", handler.url)
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        secret = portal.get("/sandbox/app").json()["application_token"]
        portal.control("uninstall", {"clean": clean})
        (body,) = handler.wait()
        assert (body["event"], body["data[CLEAN]"]) == ("ONAPPUNINSTALL", str(int(clean)))
        assert body["auth[application_token]"] == secret
        assert "auth[access_token]" not in body
        assert "auth[refresh_token]" not in body
        assert told(as_application(portal, "user.current")) == (401, "APPLICATION_NOT_FOUND")
        assert _renewed(portal, known.refresh_token or "") == (401, "NOT_INSTALLED")
        assert portal.get("/sandbox/subscriptions").json() == {"subscriptions": [], "queued": 0}
        portal.control("install", {"target": handler.url})
        back = handler.wait()[-1]
        assert back["auth[application_token]"] != secret
        assert as_application(portal, "event.get", back["auth[access_token]"]).json()["result"] == []
        assert told(as_application(portal, "user.current")) == (401, "invalid_token"), "what it had before stays dead"
    assert portal.ask("server.time").status_code == 200, "the incoming webhook lives on"


def test_an_update_takes_the_handlers_and_changes_the_secret(portal: OpenPortal) -> None:
    with listen() as handler:
        bind(portal, "ONAPPUPDATE", handler.url)
        before = portal.get("/sandbox/app").json()["application_token"]
        portal.control("update_app", {"version": 4})
        (body,) = handler.wait()
    assert (body["data[VERSION]"], body["data[PREVIOUS_VERSION]"]) == ("4", "1")
    assert body["auth[application_token]"] == portal.get("/sandbox/app").json()["application_token"] != before
    assert as_application(portal, "event.get", body["auth[access_token]"]).json()["result"] == []
    kept = portal.get("/sandbox/app").json()["application_token"]
    portal.control("update_app", {"same_secret": True})
    assert portal.get("/sandbox/app").json()["application_token"] == kept


def test_a_renamed_portal_answers_302_under_its_old_names(portal: OpenPortal) -> None:
    old = portal.config.base_url
    assert portal.control("rename", {"host": "localhost"}).json()["address"] == old.replace("127.0.0.1", "localhost")
    for path in ("/rest/1/sandbox-code-bitrix24-1/server.time", "/rest/server.time?auth=x"):
        answer = portal.session.post(old + path, json={}, allow_redirects=False, timeout=5)
        assert answer.status_code == 302
        assert answer.headers["Location"] == old.replace("127.0.0.1", "localhost") + path
        assert "html" in answer.headers["Content-Type"]
    token = portal.config.credentials.access_token
    new = answer.headers["Location"].partition("?")[0]
    assert portal.session.post(new, json={"auth": token}, timeout=5).status_code == 200
    proof = portal.session.get(f"{portal.config.oauth_root}/rest/app.info/", params={"auth": token}, timeout=5).json()
    assert proof["result"]["install"]["domain"] == "localhost"
    assert "sandbox-code" not in portal.get("/sandbox/ledger").text
    portal.control("rename", {"host": None})
    assert portal.ask("server.time").status_code == 200
    assert portal.control("rename", {"host": "example.com"}).status_code == 400


def test_amocrm_has_no_such_application() -> None:
    running = start(Options(clients=5))
    try:
        here = running.portals[0].config.base_url
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{here}/sandbox/uninstall?portal=amocrm-1", timeout=5).status_code == 404
            assert session.post(f"{here}/sandbox/uninstall?portal=amocrm-1", json={}, timeout=5).status_code == 404
            told_limits = session.post(f"{here}/sandbox/limits?portal=amocrm-1", json={"level": 5}, timeout=5)
            assert told_limits.status_code == 400
    finally:
        running.stop()
