"""amoCRM's rows and values -> facts in neutral words, as tables."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.crm.amocrm import signals
from connector.crm.amocrm.mapping import CardReading, card, our_task
from connector.crm.amocrm.values import field_value

MOSCOW, NEW_YORK = ZoneInfo("Europe/Moscow"), ZoneInfo("America/New_York")
MIDNIGHT_UTC = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
MIDNIGHT_MOSCOW = int(datetime(2026, 3, 2, tzinfo=MOSCOW).timestamp())
MIDNIGHT_NEW_YORK = int(datetime(2026, 3, 2, tzinfo=NEW_YORK).timestamp())

VALUES: list[tuple[str, list[Any] | None, Any]] = [
    ("text", [{"value": " Окна "}], "Окна"),
    ("text", [{"value": ""}], None),
    ("text", [], None),
    ("text", None, None),
    ("textarea", [{"value": "a\nb"}], "a\nb"),
    ("url", [{"value": "https://example.test"}], "https://example.test"),
    ("streetaddress", [{"value": "Тула"}], "Тула"),
    ("numeric", [{"value": "42"}], 42),
    ("numeric", [{"value": "3.50"}], 3.5),
    ("numeric", [{"value": "3,5"}], 3.5),
    ("numeric", [{"value": "30.0"}], 30),
    ("numeric", [{"value": "nan"}], "nan"),
    ("numeric", [{"value": "много"}], "много"),
    ("monetary", [{"value": "120000"}], 120000),
    ("checkbox", [{"value": True}], True),
    ("checkbox", [{"value": False}], False),
    ("date", [{"value": MIDNIGHT_UTC}], "2026-03-02"),
    ("date", [{"value": MIDNIGHT_MOSCOW}], "2026-03-02"),
    ("date", [{"value": "2026-03-02T00:00:00+03:00"}], "2026-03-02"),
    ("date", [{"value": "когда-нибудь"}], "когда-нибудь"),
    ("date", [{"value": "9999-12-31T23:59:59+00:00"}], "9999-12-31"),
    ("date_time", [{"value": "9999-12-31T23:59:59-05:00"}], "9999-12-31T23:59:59-05:00"),
    ("date_time", [{"value": "0001-01-01T00:00:00+03:00"}], "0001-01-01T00:00:00+03:00"),
    ("birthday", [{"value": int(datetime(1961, 4, 12, tzinfo=UTC).timestamp())}], "1961-04-12"),
    ("date_time", [{"value": MIDNIGHT_MOSCOW}], "2026-03-01T21:00:00+00:00"),
    ("select", [{"value": "A", "enum_id": 17, "enum_code": None}], "17"),
    ("select", [{"value": "A", "enum_id": 17, "enum_code": "seg_a"}], "17"),
    ("radiobutton", [{"value": "да"}], "да"),
    ("multiselect", [{"value": "белый", "enum_id": 1}, {"value": "дуб", "enum_id": 2}], ["1", "2"]),
    ("multitext", [{"value": "+79160000000", "enum_id": 9, "enum_code": "WORK"}], ["+79160000000"]),
    ("smart_address", [{"value": "Тула", "enum_id": 3, "enum_code": "city"}], ["Тула"]),
    (
        "legal_entity",
        [{"value": {"name": "ООО Ромашка", "vat_id": "7707083893", "kpp": ""}}],
        ["ООО Ромашка", "7707083893"],
    ),
    ("items", [{"value": {"sku": "1", "description": "Окно", "quantity": 2}}], ["Окно"]),
    ("linked_entity", [{"value": {"name": "Завод", "entity_id": 5, "entity_type": "companies"}}], ["Завод"]),
    ("chained_list", [{"catalog_id": 1, "catalog_element_id": 77}], ["77"]),
    ("file", [{"value": {"file_uuid": "u", "file_name": "смета.pdf"}}], ["смета.pdf"]),
    ("tracking_data", [{"value": "yandex"}], "yandex"),
    ("price", [{"value": "99.90"}], 99.9),
    ("category", [{"value": "Окна", "enum_id": 8, "enum_code": None}], "8"),
    ("multiselect", [{"value": "белый", "enum_id": 1}], ["1"]),
    ("multitext", [{"value": "a@b.test", "enum_code": "WORK"}, {"value": " "}], ["a@b.test"]),
    ("smart_address", [{"value": "ул. Ленина", "enum_id": 1}, {"value": "Тула", "enum_id": 3}], ["ул. Ленина", "Тула"]),
    ("legal_entity", [{"value": {"name": "", "vat_id": None}}], None),
    ("legal_entity", [{"value": None}], None),
    ("payer", [{"value": {"name": "ООО Ромашка", "type": "contacts", "entity_id": 5}}], "ООО Ромашка"),
    ("supplier", [{"value": {"entity_id": 5}}], "5"),
    ("items", [{"value": {"sku": "1", "description": "Окно"}}, {"value": {"description": "Дверь"}}], ["Окно", "Дверь"]),
    ("linked_entity", [{"value": None}], None),
    ("checkbox", [{"value": "0"}], False),
    ("checkbox", [], None),
    ("select", [{"value": None, "enum_id": None}], None),
    ("date", [{"value": None}], None),
    ("numeric", [{"value": 42}], 42),
    ("text", [None, {"value": "x"}], "x"),
    ("a_type_of_tomorrow", [{"value": 5}], "5"),
]


@pytest.mark.parametrize(("kind", "values", "expected"), VALUES)
def test_value_of_a_custom_field(kind: str, values: list[Any] | None, expected: Any) -> None:
    found = field_value({"field_id": 1, "field_type": kind, "values": values}, MOSCOW)
    assert found == expected
    assert type(found) is type(expected)


def test_a_day_is_the_accounts_day_also_west_of_greenwich() -> None:
    for seconds in (MIDNIGHT_UTC, MIDNIGHT_NEW_YORK):
        field = {"field_type": "date", "values": [{"value": seconds}]}
        assert field_value(field, NEW_YORK) == "2026-03-02"


@pytest.mark.parametrize("nothing", [{}, {"custom_fields_values": None}, {"custom_fields_values": []}])
def test_a_card_without_filled_fields_has_them_empty(nothing: dict[str, Any]) -> None:
    row = {"id": 3, "name": "Ромашка", "created_at": 1759990000, "updated_at": 1760000100, **nothing}
    reading = CardReading(
        zone=MOSCOW, wanted=("INN", "requisite.vat_id", "GONE"), known=frozenset({"INN", "requisite.vat_id"})
    )
    assert card("companies", row, reading).body["fields"] == {"INN": None, "requisite.vat_id": None}


LEAD = {
    "id": 880501, "name": "Окна ПВХ", "price": 120000, "responsible_user_id": 9100001, "status_id": 60100202,
    "pipeline_id": 7200001, "loss_reason_id": None, "created_at": 1759990000, "updated_at": 1760000100,
    "closed_at": None, "is_deleted": False,
    "custom_fields_values": [
        {"field_id": 501, "field_name": "Площадь", "field_code": "AREA", "field_type": "numeric",
         "values": [{"value": "42"}]}
    ],
    "_embedded": {
        "tags": [],
        "companies": [{"id": 700301}],
        "contacts": [{"id": 700202, "is_main": False}, {"id": 700201, "is_main": True}],
    },
}  # fmt: skip


def read(plural: str, row: dict[str, Any], wanted: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> Any:
    return card(plural, row, CardReading(zone=MOSCOW, wanted=wanted, known=frozenset(known)))


def test_a_lead_is_a_deal() -> None:
    fact = read("leads", LEAD, ("501", "AREA", "502", "999"), ("501", "AREA", "502"))
    assert (fact.ref, fact.gone, fact.changed) == ("deal:880501", False, datetime(2025, 10, 9, 8, 55, tzinfo=UTC))
    assert fact.links == ("company:700301", "contact:700201", "contact:700202")
    assert fact.body == {
        "title": "Окна ПВХ",
        "owner": "9100001",
        "created": "2025-10-09T06:06:40+00:00",
        "pipeline": "7200001",
        "stage": "7200001:60100202",
        "semantic": "open",
        "amount": "120000",
        "currency": None,
        "loss_reason": None,
        "company": "company:700301",
        "contacts": ["contact:700201", "contact:700202"],
        # by id and by code; empty is None; what the account does not have is left out, which is not empty
        "fields": {"501": 42, "AREA": 42, "502": None},
    }


@pytest.mark.parametrize(
    ("status", "reason", "expected"), [(142, None, ("won", None)), (143, 31, ("lost", "31")), (5, None, ("open", None))]
)
def test_how_a_lead_ended(status: int, reason: int | None, expected: tuple[str, str | None]) -> None:
    body = read("leads", {**LEAD, "status_id": status, "loss_reason_id": reason}).body
    assert (body["semantic"], body["loss_reason"]) == expected
    assert body["stage"] == f"7200001:{status}"


def test_a_lead_in_the_bin_is_gone() -> None:
    fact = read("leads", {"id": 880501, "updated_at": 1760000100, "is_deleted": True})
    assert (fact.ref, fact.gone, fact.body) == ("deal:880501", True, {})


def test_people_and_firms() -> None:
    shared = {
        "responsible_user_id": 0,
        "created_at": 1759990000,
        "updated_at": 1760000100,
        "custom_fields_values": None,
    }
    person = read("contacts", {"id": 7, "name": "Иван", **shared, "_embedded": {"companies": [{"id": 3}]}})
    firm = read("companies", {"id": 3, "name": "Ромашка", **shared}, ("INN",), ("INN",))
    assert (person.ref, person.links, person.body["name"], person.body["owner"]) == (
        "contact:7",
        ("company:3",),
        "Иван",
        None,
    )
    assert (firm.ref, firm.links, firm.body["title"], firm.body["fields"]) == (
        "company:3",
        (),
        "Ромашка",
        {"INN": None},
    )


CALL = {
    "id": 5,
    "entity_id": 700201,
    "created_by": 0,
    "responsible_user_id": 9100002,
    "created_at": 1760000100,
    "updated_at": 1760000101,
}
CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "call_out",
        {"duration": 60, "call_responsible": 9100001},
        {"direction": "out", "answered": None, "seconds": 60, "by": "9100001"},
    ),
    (
        "call_in",
        {"duration": "75", "call_status": 4, "call_responsible": "Василий"},
        {"direction": "in", "answered": True, "seconds": 75, "by": "9100002"},
    ),
    ("call_in", {"duration": 12, "call_status": 6}, {"answered": False, "seconds": 12}),
    ("call_out", {"duration": 0}, {"answered": False, "seconds": 0}),
    ("call_out", {}, {"answered": None, "seconds": None}),
]


@pytest.mark.parametrize(("note_type", "params", "expected"), CALLS)
def test_calls_are_notes(note_type: str, params: dict[str, Any], expected: dict[str, Any]) -> None:
    fact = signals.note("contacts", {**CALL, "note_type": note_type, "params": params})
    assert fact is not None
    assert (fact.ref, fact.links) == ("signal:note-5", ("contact:700201",))
    always = {
        "kind": "call",
        "at": "2025-10-09T08:55:00+00:00",
        "contact": "contact:700201",
        "deal": None,
        "robot": False,
    }
    assert {**always, **expected}.items() <= fact.body.items()


def test_letters_sms_and_other_notes() -> None:
    letter = signals.note("leads", {**CALL, "note_type": "amomail_message", "params": {"income": True}})
    sent = signals.note(
        "leads", {**CALL, "created_by": 9100001, "note_type": "amomail_message", "params": {"income": False}}
    )
    sms = signals.note("companies", {**CALL, "note_type": "sms_out", "params": {"text": "Скидки"}})
    assert letter is not None
    assert sent is not None
    assert sms is not None
    seen = [
        (one.body["kind"], one.body["direction"], one.body["robot"], one.body["deal"]) for one in (letter, sent, sms)
    ]
    assert seen == [
        ("email", "in", False, "deal:700201"),
        ("email", "out", False, "deal:700201"),
        ("sms", "out", True, None),
    ]
    assert signals.note("leads", {**CALL, "note_type": "common", "params": {"text": "Звонил"}}) is None


def test_chats_are_events_and_a_bot_is_a_robot() -> None:
    event = {
        "id": "01k",
        "entity_id": 880501,
        "entity_type": "lead",
        "created_at": 1760000100,
        "value_after": [{"message": {"id": "m"}}],
    }
    heard = signals.chat({**event, "type": "incoming_chat_message", "created_by": 0, "linked_talk_contact_id": 700201})
    bot = signals.chat({**event, "type": "outgoing_chat_message", "created_by": 0})
    person = signals.chat({**event, "type": "outgoing_chat_message", "created_by": 9100001})
    assert heard is not None
    assert bot is not None
    assert person is not None
    assert heard.links == ("deal:880501", "contact:700201")
    seen = [
        (one.body["direction"], one.body["robot"], one.body["by"], one.body["contact"]) for one in (heard, bot, person)
    ]
    assert seen == [("in", False, None, "contact:700201"), ("out", True, None, None), ("out", False, "9100001", None)]


TASK = {
    "id": 4745001, "created_by": 9100001, "updated_by": 9100002, "created_at": 1759990000, "updated_at": 1760000100,
    "responsible_user_id": 9100001, "entity_id": 880501, "entity_type": "leads", "is_completed": False,
    "task_type_id": 1,
    "text": "Касание: Перезвонить\nУзнать срок\n[kasanie:0123456789ab]", "result": [], "complete_till": 1760129940,
}  # fmt: skip


def test_a_task_of_ours() -> None:
    fact = our_task(TASK, frozenset)
    assert fact is not None
    assert (fact.ref, fact.links) == ("task:4745001", ("deal:880501",))
    expected = {
        "marker": "kasanie:0123456789ab",
        "open": True,
        "deferred": False,
        "due": "2025-10-10T20:59:00+00:00",
        "assignee": "9100001",
    }
    assert fact.body == {**expected, "closed": None, "closed_by": None, "title": "Перезвонить", "result": ""}
    closed = our_task({**TASK, "is_completed": True, "result": {"text": "Договорились"}}, frozenset)
    assert closed is not None
    assert (closed.body["open"], closed.body["closed"], closed.body["closed_by"]) == (
        False,
        "2025-10-09T08:55:00+00:00",
        "9100002",
    )


def test_whose_task_it_is() -> None:
    def marker(text: str, task_type: int, touch_type: int | None) -> Any:
        fact = our_task(
            {**TASK, "text": text, "task_type_id": task_type}, lambda: set() if touch_type is None else {touch_type}
        )
        return fact and fact.body["marker"]

    assert marker("Перезвонить", 1, 1) is None  # every account's own type proves nothing
    named = "[kasanie:ffffffffffff] ООО\n[kasanie:0123456789ab]\nприписка менеджера"
    assert marker(named, 1, None) == "kasanie:0123456789ab"  # a client may be called like a marker
    assert our_task({**TASK, "text": "переписал", "task_type_id": 2700001}, lambda: {2700001}) is not None
    assert our_task({**TASK, "text": "переписал", "task_type_id": 2700002}, lambda: {2700001}) is None


def test_meetings_are_tasks_of_type_two() -> None:
    row = {**TASK, "task_type_id": 2, "text": "Встреча в офисе"}
    planned, held = signals.meeting(row), signals.meeting({**row, "is_completed": True})
    late = signals.meeting({**row, "is_completed": True, "updated_at": 1790000000})
    robot = signals.meeting({**row, "is_completed": True, "updated_by": 0})
    assert planned is not None
    assert held is not None
    assert late is not None
    assert robot is not None
    assert held.ref == "signal:task-4745001"
    seen = [(one.body["kind"], one.body["completed"], one.body["at"]) for one in (planned, held, late)]
    assert seen == [
        ("meeting", False, "2025-10-10T20:59:00+00:00"),
        ("meeting", True, "2025-10-09T08:55:00+00:00"),  # closed before its time: then it was held
        ("meeting", True, "2025-10-10T20:59:00+00:00"),  # closed long after: it was held at its time
    ]
    assert (held.body["by"], held.body["robot"], robot.body["robot"]) == ("9100001", False, True)
    assert signals.meeting(TASK) is None
