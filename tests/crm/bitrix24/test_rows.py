"""Bitrix24's rows and values as facts: one table per type, with every form of "empty" that the papers know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from scenes import Story, deal, local, only, stands

from connector.crm.bitrix24.feeds import ACTIVITY_SELECT
from connector.crm.bitrix24.mapping import (
    card_fact,
    card_fields,
    gone_fact,
    stage_fact,
    stage_key,
    task_bindings,
    task_fact,
)
from connector.crm.bitrix24.signals import signal_fact
from connector.crm.bitrix24.values import amount, field_value, moment
from connector.mapped_fields import moment as moment_of

EMPTY: dict[str, tuple[Any, ...]] = {
    "string": ("", None, "  ", False, []),
    "char": ("", None, " "),
    "text": ("", None),
    "url": ("", None, "\n"),
    "integer": ("", None, False, [], "words", "NaN", {}),
    "double": ("", None, " ", "Infinity"),
    "money": ("", None, "|RUB", "|", False),
    "address": ("", None, "|;|", "  |;|7"),
    "date": ("", None, False),
    "datetime": (
        *("", None, "soon", "2026-09-23T10:00:00"),
        *("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+03:00"),  # in UTC no date at all
    ),
    "enumeration": (None, False, [], "", 0, "0"),
    "file": (None, False, [], {}, "", "0", {"id": 0}),
    "employee": ("", None, 0, "0", False, []),
    "user": (0, "0", None),
    "crm_company": (0, "0", None),
    "crm_contact": (0, "0", None),
    "crm": ("", None, False, 0, "0", []),
    "crm_status": ("", None, 0, "0"),
    "iblock_element": ("0", 0, None, False),
    "iblock_section": ("0", "", None),
    "boolean": (None, ""),
    "rest_app_code": ("", None, [], False),
}
"""Every form of "empty" of facts/bitrix24.md 5.3, the unverified ones included, in the spellings of both APIs."""


@pytest.mark.parametrize(("kind", "raw"), [(kind, raw) for kind, raws in EMPTY.items() for raw in raws])
def test_empty(kind: str, raw: Any) -> None:
    assert field_value(kind, raw) is None
    assert field_value(kind, raw, multiple=True) is None
    if not isinstance(raw, list):
        assert field_value(kind, [raw], multiple=True) is None


def test_an_empty_multiple_field_may_come_as_no_list_at_all() -> None:
    empty: tuple[Any, ...] = ([], None, "", False)
    for kind in EMPTY:
        for raw in empty:
            if kind != "boolean" or raw is not False:
                assert field_value(kind, raw, multiple=True) is None, (kind, raw)


FILLED: list[tuple[str, Any, Any]] = [
    ("string", " текст ", "текст"),
    ("string", "0", "0"),
    ("string", 0, "0"),
    ("text", "две\nстроки", "две\nстроки"),
    ("url", "https://sever.example", "https://sever.example"),
    ("integer", 0, 0),
    ("integer", "0", 0),
    ("integer", 17, 17),
    ("integer", "17", 17),
    ("double", 1111.1, 1111.1),
    ("double", "1111.1", 1111.1),
    ("double", "1111.10", 1111.1),
    ("double", 1000.0, 1000),
    ("money", "300|RUB", 300),
    ("money", "0|RUB", 0),
    ("money", "12.50|EUR", 12.5),
    ("money", 300, 300),
    ("address", "Москва, Лесная, 5|55.7;37.6|12", "Москва, Лесная, 5"),
    ("address", "Москва", "Москва"),
    ("date", "1985-03-14T03:00:00+03:00", "1985-03-14"),
    ("date", "2026-09-23", "2026-09-23"),
    ("date", "14.03.1985", "14.03.1985"),  # filled, though no day we know
    ("datetime", "2026-09-23T11:20:00+03:00", "2026-09-23T08:20:00+00:00"),
    ("enumeration", 81, "81"),
    ("enumeration", "81", "81"),
    ("file", {"id": 5, "url": "https://x"}, "5"),
    ("file", {"id": "5", "showUrl": "/x", "downloadUrl": "/y"}, "5"),
    ("file", {"url": "https://x/?auth=secret"}, "file"),
    ("file", 5, "5"),
    ("employee", 7, "7"),
    ("employee", "7", "7"),
    ("crm", "CO_45", "CO_45"),
    ("crm_status", "CLIENT", "CLIENT"),
    ("crm_company", 45, "45"),
    ("iblock_element", "12", "12"),
    ("boolean", "Y", True),
    ("boolean", "N", False),
    ("boolean", "0", False),
    ("boolean", 0, False),
    ("boolean", False, False),
    ("boolean", "1", True),
    ("boolean", 1, True),
    ("boolean", True, True),
    ("char", "Y", True),
    ("char", "N", False),
    ("char", "A", "A"),
    ("rest_app_code", "что угодно", "что угодно"),
]


@pytest.mark.parametrize(("kind", "raw", "expected"), FILLED)
def test_filled(kind: str, raw: Any, expected: Any) -> None:
    value = field_value(kind, raw)
    assert value == expected
    assert type(value) is type(expected)
    assert field_value(kind, [raw], multiple=True) == [str(expected)]


def test_multiple_values_are_a_list_of_texts() -> None:
    assert field_value("enumeration", [81, "82"], multiple=True) == ["81", "82"]
    assert field_value("string", ["", None, "a"], multiple=True) == ["a"]
    assert field_value("integer", 5, multiple=True) == ["5"]
    assert field_value("file", [{"id": 5}, {"id": 6}], multiple=True) == ["5", "6"]
    assert field_value("enumeration", [False, 81], multiple=True) == ["81"]
    assert field_value("string", ["одно"]) == ["одно"], "a list is a list, whatever the definition said"


def test_phones_and_mails() -> None:
    """They come as a list, as a map where the list has gaps, or not at all where the card says it has none."""
    told = {"typeId": "PHONE", "valueType": "WORK", "value": "+7 900"}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"fm": [told]}, {"phone": ["+7 900"], "email": None}),
        ({"fm": {"3": told}}, {"phone": ["+7 900"], "email": None}),
        ({"fm": [{"typeId": "PHONE", "value": ""}]}, {"phone": None, "email": None}),
        ({"fm": []}, {"phone": None, "email": None}),
        ({"hasPhone": "N", "hasEmail": "Y"}, {"phone": None}),
        ({}, {}),
    ]
    for row, expected in cases:
        assert card_fields(row, ("phone", "email"), {}) == expected, row


def test_a_wanted_field_that_the_row_lacks_is_left_out() -> None:
    row = {
        "UF_CRM_A": "",
        "UF_CRM_B": 0,
        "fm": [{"typeId": "PHONE", "value": "+7 900"}, {"typeId": "EMAIL", "value": "a@b"}],
    }
    types = {"UF_CRM_A": ("string", False), "UF_CRM_B": ("employee", False), "UF_CRM_C": ("string", False)}
    fields = card_fields(row, ("UF_CRM_A", "UF_CRM_B", "UF_CRM_C", "phone", "email", "web"), types)
    assert fields == {"UF_CRM_A": None, "UF_CRM_B": None, "phone": ["+7 900"], "email": ["a@b"], "web": None}
    assert card_fields({}, ("phone",), types) == {}


DEAL = {
    "id": 123,
    "title": "Поставка",
    "assignedById": 7,
    "createdTime": "2026-09-01T10:00:00+03:00",
    "updatedTime": "2026-09-23T11:19:58+03:00",
    "categoryId": 7,
    "stageId": "C7:PREPARATION",
    "stageSemanticId": "P",
    "opportunity": 1000,
    "currencyId": "RUB",
    "companyId": 45,
    "contactId": 9,
    "contactIds": [8, 9],
    "isRecurring": "N",
    "UF_CRM_DELIVERY": "2026-10-01T03:00:00+03:00",
}


def test_a_deal() -> None:
    fact = card_fact("deal", DEAL, ("UF_CRM_DELIVERY",), {"UF_CRM_DELIVERY": ("date", False)})
    assert fact is not None
    assert fact.ref == "deal:123"
    assert fact.changed == datetime(2026, 9, 23, 8, 19, 58, tzinfo=UTC)
    assert fact.links == ("company:45", "contact:9", "contact:8")
    assert fact.body == {
        "title": "Поставка",
        "owner": "7",
        "created": "2026-09-01T07:00:00+00:00",
        "pipeline": "7",
        "stage": "7:PREPARATION",
        "semantic": "open",
        "amount": "1000",
        "currency": "RUB",
        "loss_reason": None,
        "company": "company:45",
        "contacts": ["contact:9", "contact:8"],
        "fields": {"UF_CRM_DELIVERY": "2026-10-01"},
    }


def test_a_lost_deal_of_the_general_funnel_with_nobody() -> None:
    row = DEAL | {
        "categoryId": 0,
        "stageId": "LOSE",
        "stageSemanticId": "F",
        "companyId": 0,
        "contactId": 0,
        "contactIds": [],
    }
    fact = card_fact("deal", row | {"assignedById": 0, "opportunity": None}, (), {})
    assert fact is not None
    assert fact.links == ()
    told = {
        name: fact.body[name] for name in ("pipeline", "stage", "semantic", "loss_reason", "company", "owner", "amount")
    }
    assert told == {
        "pipeline": "0",
        "stage": "0:LOSE",
        "semantic": "lost",
        "loss_reason": "0:LOSE",
        "company": None,
        "owner": None,
        "amount": None,
    }


def test_templates_and_own_firms_are_no_facts() -> None:
    assert card_fact("deal", DEAL | {"isRecurring": "Y"}, (), {}) is None
    assert card_fact("company", DEAL | {"isMyCompany": "Y"}, (), {}) is None


def test_a_contact_belongs_to_all_of_its_companies() -> None:
    row = {"id": 9, "name": "Ольга", "secondName": "", "lastName": "Ким", "companyId": 45, "companyIds": [44, 45]}
    fact = card_fact("contact", DEAL | row, (), {})
    assert fact is not None
    assert (fact.body["name"], fact.links) == ("Ольга Ким", ("company:45", "company:44"))


def test_a_record_of_the_stage_history() -> None:
    row = {"ID": 9001, "TYPE_ID": 2, "OWNER_ID": 123, "CREATED_TIME": "2026-09-23T11:19:58+03:00", "CATEGORY_ID": 7}
    fact = stage_fact(row | {"STAGE_ID": "C7:PREPARATION"})
    assert (fact.ref, fact.links) == ("stage:9001", ("deal:123",))
    assert fact.body == {
        "deal": "deal:123",
        "at": "2026-09-23T08:19:58+00:00",
        "pipeline": "7",
        "stage": "7:PREPARATION",
    }


def test_numbers_of_the_stage_history_may_be_texts() -> None:
    """The documents show numbers, portals were seen to send texts."""
    row = {"ID": 9001, "TYPE_ID": 2, "OWNER_ID": 123, "CREATED_TIME": "2026-09-23T11:19:58+03:00", "CATEGORY_ID": 0}
    texts = {name: str(value) for name, value in row.items()}
    assert stage_fact(texts | {"STAGE_ID": "NEW"}) == stage_fact(row | {"STAGE_ID": "NEW"})


@pytest.mark.parametrize(
    ("created", "outcome"), [("2024-05-06", "skipped imported"), ("2026-04-27", "due 2026-04-27 10:15")]
)
def test_an_imported_deal_gets_no_first_contact(created: str, outcome: str) -> None:
    """An import may date the card; the first record of its history is dated by the portal."""
    card = card_fact("deal", DEAL | {"createdTime": f"{created}T10:00:00+03:00"}, (), {})
    first = stage_fact({"ID": 1, "TYPE_ID": 1, "OWNER_ID": 123, "CREATED_TIME": "2026-04-27T10:00:00+03:00"})
    assert card is not None
    told = deal("D", local(moment_of(card.body["created"])), ("new", local(moment_of(first.body["at"]))))
    assert stands(Story(only("first-contact"), deals=[told]).at("2026-04-27 10:00"), "first-contact") == outcome


ACTIVITY = {
    "ID": "777",
    "OWNER_ID": "123",
    "OWNER_TYPE_ID": "2",
    "TYPE_ID": "2",
    "PROVIDER_ID": "VOXIMPLANT_CALL",
    "DIRECTION": "2",
    "COMPLETED": "Y",
    "STATUS": "2",
    "START_TIME": "2026-09-23T11:00:00+03:00",
    "END_TIME": "2026-09-23T11:01:30+03:00",
    "CREATED": "2026-09-23T11:01:31+03:00",
    "LAST_UPDATED": "2026-09-23T11:01:32+03:00",
    "RESPONSIBLE_ID": "7",
    "SETTINGS": [],
    "ORIGINATOR_ID": None,
    "COMMUNICATIONS": [{"ENTITY_ID": "9", "ENTITY_TYPE_ID": "3", "TYPE": "PHONE", "VALUE": "+7"}],
}


def test_a_call() -> None:
    fact = signal_fact(ACTIVITY)
    assert fact is not None
    assert fact.links == ("deal:123", "contact:9")
    assert fact.changed == datetime(2026, 9, 23, 8, 1, 32, tzinfo=UTC)
    assert fact.body == {
        "kind": "call",
        "at": "2026-09-23T08:00:00+00:00",
        "direction": "out",
        "answered": True,
        "seconds": 90,
        "completed": True,
        "robot": False,
        "by": "7",
        "contact": "contact:9",
        "deal": "deal:123",
    }


CHAT: dict[str, Any] = {"TYPE_ID": "6", "PROVIDER_ID": "IMOPENLINES_SESSION"}
SIGNALS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"SETTINGS": {"MISSED_CALL": True}}, {"answered": False, "seconds": 0}),
    ({"END_TIME": "9999-12-31T00:00:00+03:00"}, {"answered": None, "seconds": None}),
    ({"END_TIME": "9999-12-31T23:59:59-05:00"}, {"answered": None, "seconds": None}),
    ({"START_TIME": "0001-01-01T00:00:00+03:00"}, {"at": "2026-09-23T08:01:31+00:00", "seconds": None}),
    ({"END_TIME": "2026-09-23T11:00:00+03:00"}, {"answered": False, "seconds": 0}),
    ({"END_TIME": "2026-09-23T11:00:00+03:00", "DIRECTION": "1"}, {"answered": None, "seconds": None}),
    ({"END_TIME": ""}, {"answered": None, "seconds": None}),
    ({"COMPLETED": "N"}, {"completed": False}),
    (
        {"START_TIME": "2026-09-25T11:00:00+03:00", "END_TIME": "2026-09-25T11:30:00+03:00"},
        {"at": "2026-09-23T08:01:32+00:00", "answered": None, "seconds": None, "completed": True},
    ),
    (
        {"START_TIME": "2026-09-25T11:00:00+03:00", "END_TIME": "2026-09-25T11:00:00+03:00"},
        {"at": "2026-09-23T08:01:32+00:00", "answered": None, "seconds": None},
    ),
    (
        {"START_TIME": "2026-09-25T11:00:00+03:00", "SETTINGS": {"MISSED_CALL": "Y"}},
        {"answered": False, "seconds": 0},
    ),
    ({"TYPE_ID": "1"}, {"kind": "meeting", "answered": None, "seconds": None, "at": "2026-09-23T08:00:00+00:00"}),
    ({"TYPE_ID": "1", "COMPLETED": "N"}, {"kind": "meeting", "completed": False}),
    (
        {"TYPE_ID": "1", "START_TIME": "2026-09-25T11:00:00+03:00"},
        {"at": "2026-09-23T08:01:32+00:00", "completed": True},
    ),
    (
        {"TYPE_ID": "1", "START_TIME": "2026-09-25T11:00:00+03:00", "COMPLETED": "N"},
        {"at": "2026-09-25T08:00:00+00:00", "completed": False},
    ),
    ({"TYPE_ID": "4", "DIRECTION": "1", "COMPLETED": "N"}, {"kind": "email", "direction": "in", "completed": True}),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CRM_WEBFORM", "COMPLETED": "N"}, {"kind": "order", "completed": True}),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CRM_ZOOM", "COMPLETED": "N"}, {"kind": "meeting", "completed": False}),
    ({"TYPE_ID": "4", "DIRECTION": "1"}, {"kind": "email", "direction": "in", "robot": False}),
    ({"TYPE_ID": "4", "STATUS": "3"}, {"kind": "email", "direction": "out", "robot": True}),
    ({"TYPE_ID": "4", "RESPONSIBLE_ID": "0"}, {"kind": "email", "by": None, "robot": True}),
    ({"TYPE_ID": "4", "STATUS": "3", "DIRECTION": "1"}, {"kind": "email", "robot": False}),
    ({"STATUS": "3"}, {"kind": "call", "robot": False}),
    (CHAT, {"kind": "chat", "answered": True, "seconds": None, "robot": False}),
    (CHAT | {"DIRECTION": "1"}, {"direction": "in", "answered": True}),
    (CHAT | {"COMPLETED": "N"}, {"answered": None, "completed": True}),
    (CHAT | {"STATUS": "3"}, {"answered": None, "robot": True}),
    (CHAT | {"STATUS": "3", "DIRECTION": "1"}, {"answered": None, "robot": False}),
    (CHAT | {"RESPONSIBLE_ID": "0", "DIRECTION": "1"}, {"answered": None}),
    (CHAT | {"END_TIME": "2026-09-23T11:00:00+03:00"}, {"answered": None}),  # a single message
    (CHAT | {"END_TIME": "2026-09-23T11:00:00+03:00", "ASSOCIATED_ENTITY_ID": "0"}, {"answered": None}),
    (CHAT | {"END_TIME": "2026-09-23T11:00:00+03:00", "ASSOCIATED_ENTITY_ID": "51"}, {"answered": True}),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CRM_SMS"}, {"kind": "sms"}),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CRM_WEBFORM"}, {"kind": "order"}),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CRM_TODO"}, None),
    ({"TYPE_ID": "6", "PROVIDER_ID": "CONFIGURABLE_REST_APP"}, None),
    ({"TYPE_ID": "3", "PROVIDER_ID": "CRM_TASKS_TASK"}, None),
    ({"ORIGINATOR_ID": "kasanie"}, None),
    ({"ORIGINATOR_ID": "telephony"}, {"kind": "call"}),
    ({"TYPE_ID": "5"}, None),
    ({"OWNER_TYPE_ID": "1", "COMMUNICATIONS": []}, None),
    ({"OWNER_TYPE_ID": "1"}, {"deal": None, "contact": "contact:9"}),
    ({"START_TIME": ""}, {"at": "2026-09-23T08:01:31+00:00"}),
    ({"DIRECTION": "0"}, {"direction": None}),
]


@pytest.mark.parametrize(("change", "expected"), SIGNALS)
def test_activities(change: dict[str, Any], expected: dict[str, Any] | None) -> None:
    listed = {name: value for name, value in (ACTIVITY | change).items() if name in ACTIVITY_SELECT}
    fact = signal_fact(listed)
    if expected is None:
        assert fact is None
    else:
        assert fact is not None
        assert {name: fact.body[name] for name in expected} == expected


def test_bindings_join_the_owner_where_they_are_told() -> None:
    bindings = [{"OWNER_TYPE_ID": "2", "OWNER_ID": "123"}, {"OWNER_TYPE_ID": "4", "OWNER_ID": "45"}]
    fact = signal_fact(ACTIVITY | {"BINDINGS": bindings})
    assert fact is not None
    assert fact.links == ("deal:123", "company:45", "contact:9")


TASK = {
    "id": "8123",
    "title": "Касание",
    "description": "Позвонить\n\nkasanie:0123456789ab",
    "status": "2",
    "createdDate": "2026-09-23T11:20:01+03:00",
    "changedDate": "2026-09-23T11:20:05+03:00",
    "closedDate": None,
    "closedBy": None,
    "deadline": "2026-09-25T18:00:00+03:00",
    "responsibleId": "7",
    "ufCrmTask": ["D_123", "CO_45", "L_4", "T1a_9"],
    "xmlId": None,
    "tags": [],
}


def test_a_task_of_ours() -> None:
    fact = task_fact(TASK)
    assert fact is not None
    assert fact.links == ("deal:123", "company:45")
    assert fact.body == {
        "marker": "kasanie:0123456789ab",
        "open": True,
        "deferred": False,
        "due": "2026-09-25T15:00:00+00:00",
        "assignee": "7",
        "closed": None,
        "closed_by": None,
        "title": "Касание",
    }


TASKS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"description": "", "xmlId": "kasanie:ba9876543210"}, {"marker": "kasanie:ba9876543210"}),
    ({"description": "", "tags": {"5": {"id": 5, "title": "kasanie"}}}, {"marker": None}),
    ({"description": "", "tags": ["kasanie"]}, {"marker": None}),
    ({"description": "kasanie", "tags": {"5": {"id": 5, "title": "другое"}}}, None),
    ({"description": None}, None),
    ({"status": "3"}, {"open": True}),
    ({"status": "6"}, {"open": True, "deferred": True}),
    ({"status": "4"}, {"open": False, "closed": "2026-09-23T08:20:05+00:00"}),
    ({"status": "7"}, {"open": False}),
    (
        {"status": "5", "closedDate": "2026-09-24T10:00:00+03:00", "closedBy": "7"},
        {"open": False, "closed": "2026-09-24T07:00:00+00:00", "closed_by": "7"},
    ),
    ({"deadline": None, "ufCrmTask": False}, {"due": None}),
]


@pytest.mark.parametrize(("change", "expected"), TASKS)
def test_tasks(change: dict[str, Any], expected: dict[str, Any] | None) -> None:
    fact = task_fact(TASK | change)
    if expected is None:
        assert fact is None
    else:
        assert fact is not None
        assert {name: fact.body[name] for name in expected} == expected


def test_small_words() -> None:
    assert task_bindings(["deal:123", "company:45", "contact:9", "task:1"]) == ["D_123", "CO_45", "C_9"]
    assert [stage_key(0, "NEW"), stage_key(7, "C7:NEW"), stage_key("7", "NEW"), stage_key(None, "WON")] == [
        "0:NEW",
        "7:NEW",
        "7:NEW",
        "0:WON",
    ]
    assert [amount(value) for value in (1000, 1000.5, "300.00", 0, None, "", "x")] == [
        *("1000", "1000.5", "300", "0", None, None, None),
    ]
    assert moment("2026-09-23T11:20:00+03:00") == "2026-09-23T08:20:00+00:00"
    assert moment("2026-09-23T11:20:00") is None
    gone = gone_fact("deal:7", datetime(2026, 1, 1, tzinfo=UTC))
    assert (gone.ref, gone.gone, gone.body) == ("deal:7", True, {})
