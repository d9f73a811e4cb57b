"""Widgets of the application: where they may be bound, how they are refused, and the tab on a card's page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_application import as_application, told
from bitrix24_portal import OpenPortal, open_portal

TAB = "CRM_COMPANY_DETAIL_TAB"
HANDLER = "http://127.0.0.1:8080/embed/bitrix24"


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=5) as opened:
        yield opened


def _bind(portal: OpenPortal, **params: Any) -> Any:
    return as_application(
        portal, "placement.bind", **{"PLACEMENT": TAB, "HANDLER": HANDLER, "TITLE": "Касания", **params}
    )


def test_a_widget_is_bound_told_and_taken_away(portal: OpenPortal) -> None:
    languages = {"en": {"TITLE": "Touches"}}
    assert _bind(portal, LANG_ALL=languages).json()["result"] is True
    assert as_application(portal, "placement.get").json()["result"] == [
        {
            "placement": TAB,
            "userId": 0,
            "handler": HANDLER,
            "options": [],
            "title": "Касания",
            "description": "",
            "langAll": languages,
        }
    ]
    assert TAB in as_application(portal, "placement.list").json()["result"]
    assert as_application(portal, "placement.unbind", PLACEMENT=TAB).json()["result"] == {"count": 1}
    assert as_application(portal, "placement.get").json()["result"] == []


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"PLACEMENT": ""}, 200, "ERROR_ARGUMENT"),
        ({"HANDLER": ""}, 200, "ERROR_ARGUMENT"),
        ({"USER_ID": 3}, 200, "ERROR_PLACEMENT_USER_MODE"),
        ({"PLACEMENT": "CRM_NOWHERE"}, 400, "ERROR_PLACEMENT_NOT_FOUND"),
        ({"HANDLER": "ftp://127.0.0.1/x"}, 400, "ERROR_UNSUPPORTED_PROTOCOL"),
        ({"HANDLER": "https://other.example/x"}, 400, "ERROR_WRONG_HANDLER_URL"),
    ],
)
def test_widgets_that_cannot_be_bound(portal: OpenPortal, params: dict[str, Any], status: int, code: str) -> None:
    answer = _bind(portal, **params)
    assert told(answer) == (status, code)
    if code == "ERROR_ARGUMENT":
        assert answer.json()["argument"] == next(iter(params))
    assert _bind(portal).status_code == 200
    assert told(_bind(portal)) == (400, "ERROR_CORE")


def test_only_an_administrator_of_an_application_binds(portal: OpenPortal) -> None:
    assert told(portal.ask("placement.bind", PLACEMENT=TAB, HANDLER=HANDLER)) == (403, "insufficient_scope")
    portal.control("app", {"webhook_scopes": ["placement"]})
    assert told(portal.ask("placement.bind", PLACEMENT=TAB, HANDLER=HANDLER)) == (403, "WRONG_AUTH_TYPE")
    access = portal.control("tokens", {"issue": 3}).json()["access_token"]
    refused = as_application(portal, "placement.bind", access, PLACEMENT=TAB, HANDLER=HANDLER)
    assert told(refused) == (403, "ACCESS_DENIED")


def test_the_tab_posts_what_a_browser_posts(portal: OpenPortal) -> None:
    assert "<iframe" not in portal.get("/cards/company/1").text
    _bind(portal, LANG_ALL={"en": {"TITLE": "Touches"}})
    page = portal.get("/cards/company/1")
    assert "Touches</button>" in portal.get("/cards/company/1?lang=en").text
    form = re.search(r'<form method="post" action="([^"]+)" target="tab-0">(.*?)</form>', page.text, re.DOTALL)
    assert form is not None
    address = html.unescape(form[1])
    assert address.startswith(f"{HANDLER}?DOMAIN=")
    assert {"PROTOCOL=", "LANG=", "APP_SID="} <= {f"{name}=" for name in re.findall(r"[?&](\w+)=", address)}
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[2])}
    assert fields["PLACEMENT"] == TAB
    assert json.loads(fields["PLACEMENT_OPTIONS"])["ID"] == "1"
    assert fields["member_id"] == portal.config.credentials.member_id
    whose = as_application(portal, "user.current", fields["AUTH_ID"]).json()["result"]["ID"]
    assert whose == str(portal.base.companies[1].owner)
    policy = page.headers["Content-Security-Policy"]
    assert "frame-src http://127.0.0.1:8080" in policy
    assert "form-action 'self' http://127.0.0.1:8080" in policy
    assert "<iframe" not in portal.get("/cards/deal/1").text
    assert "frame-src" not in portal.get("/cards/deal/1").headers["Content-Security-Policy"]


def test_no_tab_before_the_installation_is_finished(portal: OpenPortal) -> None:
    portal.control("install", {"target": "http://127.0.0.1:9/install", "page": True})
    _bind(portal)
    assert "<iframe" not in portal.get("/cards/company/1").text
    portal.control("install_finish", {})
    assert "<iframe" in portal.get("/cards/company/1").text


def test_widgets_vanish_with_the_application(portal: OpenPortal) -> None:
    _bind(portal)
    portal.control("uninstall", {"clean": True})
    assert "<iframe" not in portal.get("/cards/company/1").text
    portal.control("install", {"target": "http://127.0.0.1:9/install"})
    access = portal.control("tokens", {"issue": 1}).json()["access_token"]
    assert as_application(portal, "placement.get", access).json()["result"] == []


def test_robots_are_listed(portal: OpenPortal) -> None:
    portal.control("app", {"scopes": ["crm", "bizproc"]})
    robot = {"CODE": "touch", "HANDLER": HANDLER, "NAME": "Касание"}
    assert as_application(portal, "bizproc.robot.add", **robot).json()["result"] is True
    assert told(as_application(portal, "bizproc.robot.add", **robot)) == (400, "ERROR_ACTIVITY_ALREADY_INSTALLED")
    for wrong in ({"CODE": ""}, {"CODE": "a b"}, {"CODE": "x", "NAME": ""}):
        answer = as_application(portal, "bizproc.robot.add", **{**robot, **wrong})
        assert told(answer) == (400, "ERROR_ACTIVITY_VALIDATION_FAILURE")
    assert as_application(portal, "bizproc.robot.list").json()["result"] == ["touch"]
    assert as_application(portal, "bizproc.robot.delete", CODE="touch").json()["result"] is True
    assert told(as_application(portal, "bizproc.robot.delete", CODE="touch")) == (400, "ERROR_ACTIVITY_NOT_FOUND")


def test_field_types_are_listed(portal: OpenPortal) -> None:
    bar = {"USER_TYPE_ID": "touch_bar", "HANDLER": HANDLER, "TITLE": "Досье"}
    assert as_application(portal, "userfieldtype.add", **bar).json()["result"] is True
    assert told(as_application(portal, "userfieldtype.add", **bar)) == (400, "ERROR_CORE")
    assert as_application(portal, "userfieldtype.list").json()["result"] == [{**bar, "DESCRIPTION": ""}]
    assert as_application(portal, "userfieldtype.delete", USER_TYPE_ID="touch_bar").json()["result"] is True
    assert told(as_application(portal, "userfieldtype.delete", USER_TYPE_ID="touch_bar")) == (400, "ERROR_NOT_FOUND")
