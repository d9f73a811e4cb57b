"""An application's cards in the timeline: what may be in them, who may write them, what a click tells and locks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_application import as_application, bind, listen, told
from bitrix24_layouts import action, layout
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=8) as opened:
        yield opened


def _fields(**fields: Any) -> dict[str, Any]:
    known = {
        "responsibleId": 3,
        "deadline": "2026-09-25T18:00:00+03:00",
        "originatorId": "kasanie",
        "originId": "k:1",
        "completed": False,
    }
    return known | fields


def _add(portal: OpenPortal, **params: Any) -> Any:
    given = {"ownerTypeId": 4, "ownerId": 1, "fields": _fields(), "layout": layout()} | params
    return as_application(portal, "crm.activity.configurable.add", **given)


def _made(portal: OpenPortal, **params: Any) -> int:
    return int(_add(portal, **params).json()["result"]["activity"]["id"])


def _press(portal: OpenPortal, number: int, button: str, by: int = 3) -> Any:
    return portal.control("press", {"activity": number, "button": button, "by": by})


def _update(portal: OpenPortal, number: int, **fields: Any) -> Any:
    params = {"id": number, "fields": fields, "layout": layout()}
    return as_application(portal, "crm.activity.configurable.update", **params)


def test_a_card_is_told_back_as_it_was_written(portal: OpenPortal) -> None:
    number = _made(portal)
    got = as_application(portal, "crm.activity.configurable.get", id=number).json()["result"]["activity"]
    assert (got["id"], got["ownerTypeId"], got["ownerId"]) == (number, 4, 1)
    assert got["fields"] == {
        "typeId": "CONFIGURABLE",
        "completed": False,
        "deadline": "2026-09-25T18:00:00+03:00",
        "pingOffsets": [],
        "isIncomingChannel": False,
        "responsibleId": 3,
        "badgeCode": "",
        "originatorId": "kasanie",
        "originId": "k:1",
    }
    footer = got["layout"]["footer"]
    assert footer["buttons"]["ok"]["action"]["actionParams"] == {"key": "r/deal:1", "days": "3"}
    assert footer["menu"]["showDeleteItem"] is False


def test_a_card_is_an_activity_that_is_found_by_its_origin(portal: OpenPortal) -> None:
    number = _made(portal, ownerTypeId=2, fields=_fields(originId="k:2"))
    asked = {"filter": {"ORIGINATOR_ID": "kasanie", "ORIGIN_ID": "k:2"}, "select": ["ID", "ORIGIN_ID", "PROVIDER_ID"]}
    rows = portal.call("crm.activity.list", **asked)
    assert rows == [{"ID": str(number), "ORIGIN_ID": "k:2", "PROVIDER_ID": "CONFIGURABLE_REST_APP"}]
    one = portal.call("crm.activity.get", id=number)
    assert (one["TYPE_ID"], one["OWNER_TYPE_ID"], one["SUBJECT"]) == ("6", "2", "Предложено касание")
    assert (one["DEADLINE"], one["COMPLETED"]) == ("2026-09-25T18:00:00+03:00", "N")
    assert told(_update(portal, number, completed="Y")) == (200, "")
    assert portal.call("crm.activity.get", id=number)["COMPLETED"] == "Y"
    answer = portal.ask("crm.activity.update", id=number, fields={"SUBJECT": "x"})
    assert "crm.activity.configurable.update" in answer.json()["error_description"]
    assert portal.ask("crm.activity.delete", id=number).json()["error_description"] == "Application context required."
    assert as_application(portal, "crm.activity.delete", id=number).json()["result"] is True
    assert told(as_application(portal, "crm.activity.configurable.get", id=number)) == (400, "NOT_FOUND")


def test_a_webhook_and_another_application_are_refused(portal: OpenPortal) -> None:
    number = _made(portal)
    for verb in ("add", "update", "get"):
        answer = portal.ask(f"crm.activity.configurable.{verb}", id=number, ownerTypeId=4, ownerId=1)
        assert told(answer) == (400, "ERROR_WRONG_CONTEXT")
    portal.base.plans[number].app = "sandbox-local.other"
    assert told(_update(portal, number, completed=True)) == (400, "ERROR_WRONG_APPLICATION")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ownerId": None}, "100"),
        ({"ownerId": 9999}, "NOT_FOUND"),
        ({"ownerTypeId": 77}, "NOT_FOUND"),
        ({"fields": None}, "100"),
        ({"fields": {"colour": 1}}, "FIELD_IS_REDUNDANT"),
        ({"fields": {"deadline": "скоро"}}, "WRONG_FIELD_VALUE"),
        ({"fields": {"completed": "perhaps"}}, "WRONG_FIELD_VALUE"),
        ({"fields": {"responsibleId": 99}}, "WRONG_FIELD_VALUE"),
        ({"fields": {"badgeCode": "none-such"}}, "WRONG_FIELD_VALUE"),
        ({"fields": {"typeId": "MINE"}}, "WRONG_FIELD_VALUE"),
        (
            {"fields": {"isIncomingChannel": "Y", "deadline": "2026-09-25T18:00:00+03:00"}},
            "INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE",
        ),
        ({"layout": {}}, "ERROR_EMPTY_LAYOUT"),
    ],
)
def test_cards_that_cannot_be_made(portal: OpenPortal, params: dict[str, Any], code: str) -> None:
    assert told(_add(portal, **params)) == (400, code)


_BUTTON = {"title": "x", "type": "primary", "action": action("x")}
_TEXT = {"type": "text", "properties": {"value": "x"}}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"icon": None}, "FIELD_IS_REQUIRED"),
        ({"icon__code": "invented"}, "ENUM_FIELD"),
        ({"body__logo": None}, "FIELD_IS_REQUIRED"),
        ({"header__title": ""}, "FIELD_IS_REQUIRED"),
        ({"header__title": {"xx": "?"}}, "WRONG_LANG"),
        ({"header__colour": "red"}, "FIELD_IS_REDUNDANT"),
        ({"header__tags__state__type": "lavender"}, "ENUM_FIELD"),
        ({"header__tags": {f"t{n}": {"type": "success", "title": "x"} for n in range(3)}}, "TOO_MANY_ITEMS"),
        ({"body__blocks": {f"b{n}": _TEXT for n in range(21)}}, "TOO_MANY_ITEMS"),
        ({"body__blocks": {"two words": _TEXT}}, "KEY_CONTAIN_WRONG_SYMBOLS"),
        ({"body__blocks": {"b": {"type": "image", "properties": {}}}}, "ENUM_FIELD"),
        ({"body__blocks": {"b": {"type": "text", "properties": {}}}}, "FIELD_IS_REQUIRED"),
        (
            {"body__blocks": {"b": {"type": "text", "properties": {"value": "x", "size": "huge"}}}},
            "ENUM_FIELD",
        ),
        (
            {"body__blocks": {"b": {"type": "lineOfBlocks", "properties": {"blocks": {"l": {"type": "largeText"}}}}}},
            "ENUM_FIELD",
        ),
        ({"footer__buttons": {f"b{n}": _BUTTON for n in range(3)}}, "TOO_MANY_ITEMS"),
        ({"footer__buttons__ok__type": "danger"}, "ENUM_FIELD"),
        ({"footer__buttons__ok__action": None}, "FIELD_IS_REQUIRED"),
        ({"footer__buttons__ok__action": action("x", animationType="spin")}, "ENUM_FIELD"),
        ({"footer__buttons__ok__action": action("x", actionParams={f"p{n}": 1 for n in range(21)})}, "TOO_MANY_ITEMS"),
        ({"footer__buttons__ok__action": action("x", actionParams={"deep": {"a": 1}})}, "WRONG_FIELD_VALUE"),
        ({"footer__menu__items__no__action": {"type": "callMe"}}, "ENUM_FIELD"),
        ({"footer__extra": 1}, "FIELD_IS_REDUNDANT"),
    ],
)
def test_layouts_that_are_refused(portal: OpenPortal, parts: dict[str, Any], code: str) -> None:
    assert told(_add(portal, layout=layout(**parts))) == (400, code)


def test_a_form_encoded_layout_is_read_alike(portal: OpenPortal) -> None:
    pairs = {
        "ownerTypeId": "2",
        "ownerId": "1",
        "fields[completed]": "N",
        "layout[icon][code]": "info",
        "layout[header][title]": "Форма",
        "layout[body][logo][code]": "document",
        "layout[footer][buttons][ok][title]": "Да",
        "layout[footer][buttons][ok][type]": "primary",
        "layout[footer][buttons][ok][action][type]": "restEvent",
        "layout[footer][buttons][ok][action][id]": "yes",
        "auth": str(portal.config.credentials.access_token),
    }
    url = f"{portal.config.base_url}/rest/crm.activity.configurable.add"
    number = portal.session.post(url, data=pairs, timeout=20).json()["result"]["activity"]["id"]
    assert _press(portal, number, "ok").json()["action"] == "yes"


def test_a_click_is_told_once_and_locks_until_the_card_is_written(portal: OpenPortal) -> None:
    number = _made(portal)
    with listen() as own:
        bind(portal, "ONCRMTIMELINEITEMACTION", own.url)
        assert _press(portal, number, "ok", by=4).json()["locked"] == ["*"]
        body = own.wait()[0]
        assert body["event"] == "ONCRMTIMELINEITEMACTION"
        assert {key: value for key, value in body.items() if key.startswith("data")} == {
            "data[id]": "accept",
            "data[entityTypeId]": "4",
            "data[entityId]": "1",
            "data[activityId]": str(number),
            "data[userId]": "4",
            "data[key]": "r/deal:1",
            "data[days]": "3",
        }
        assert body["auth[user_id]"] == "4"
        for button in ("ok", "later", "no"):
            assert _press(portal, number, button).status_code == 409
        assert told(_update(portal, number)) == (200, "")
        assert _press(portal, number, "ok").status_code == 200
        assert len(own.wait()) == 2
        as_application(portal, "event.unbind", event="ONCRMTIMELINEITEMACTION", handler=own.url)


def test_disable_locks_one_button_and_no_animation_none(portal: OpenPortal) -> None:
    number = _made(portal)
    assert _press(portal, number, "no").json()["locked"] == []
    assert _press(portal, number, "later").json()["locked"] == ["later"]
    assert _press(portal, number, "later").status_code == 409
    assert _press(portal, number, "no").status_code == 200
    assert _press(portal, number, "ok").status_code == 200
    assert _press(portal, number, "nothing").status_code == 409
    assert _press(portal, 9999, "ok").status_code == 404


def test_both_ways_a_click_may_be_told(portal: OpenPortal) -> None:
    number = _made(portal)
    with listen() as own:
        bind(portal, "onCrmTimelineItemAction", own.url)
        portal.control("readings", {"click_in_fields": True, "click_tells_user": False})
        _press(portal, number, "no", by=5)
        body = own.wait()[0]
        portal.control("readings", {"click_in_fields": False, "click_tells_user": True})
        assert (body["data[FIELDS][id]"], body["data[FIELDS][activityId]"]) == ("decline", str(number))
        assert not any("userId" in key for key in body)
        assert body["auth[user_id]"] == "5"
        as_application(portal, "event.unbind", event="onCrmTimelineItemAction", handler=own.url)


def test_a_lost_click_leaves_the_card_locked(portal: OpenPortal) -> None:
    number = _made(portal)
    portal.control("faults", {"webhooks": "drop"})
    _press(portal, number, "ok")
    portal.control("faults", {"webhooks": "on"})
    assert portal.base.plans[number].locked == ["*"]
    told_plans = {one["id"]: one for one in portal.base.ledger()["plans"]}
    assert told_plans[number]["locked"] == ["*"]


def test_the_page_draws_the_card_and_its_buttons_press(portal: OpenPortal) -> None:
    number = _made(portal, ownerTypeId=2, ownerId=2)
    page = portal.get("/cards/deal/2").text
    for text in ("Предложено касание", "ждёт решения", "Нет активной сделки 92 дня", "Срок: 25.09.2026 18:00"):
        assert text in page
    assert "A touch is proposed" in portal.get("/cards/deal/2?lang=en").text
    url = f"{portal.config.base_url}/plans/{number}/press"
    pressed = portal.session.post(url, data={"button": "ok", "back": "/cards/deal/2"}, timeout=20)
    assert "ждёт ответа приложения" in pressed.text
    assert pressed.text.count(" disabled>") == 3
    assert portal.session.post(url, data={"button": "ok"}, timeout=20).status_code == 409
    _update(portal, number, completed=True)
    assert "завершено" in portal.get("/cards/deal/2").text


def test_icons_and_logos_are_listed(portal: OpenPortal) -> None:
    icons = portal.ask("crm.timeline.icon.list").json()
    assert {"code": "info", "isSystem": True, "fileUri": ""} in icons["result"]["icons"]
    assert icons["total"] == len(icons["result"]["icons"])
    assert "document" in [one["code"] for one in portal.call("crm.timeline.logo.list")["logos"]]
