"""The list of events of the sandbox's amoCRM face, against facts/amocrm.md 5.6."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from amocrm_account import AmoPortal, open_account

from connector.sandbox.base import Base


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def lately(amo: AmoPortal, act: Callable[[Base], object], **asked: Any) -> list[dict[str, Any]]:
    """The events of one act, newest first."""
    amo.base.clock.advance(timedelta(days=1))
    since = int(amo.base.clock.now().timestamp())
    act(amo.base)
    return amo.put_together("events", "events", limit=100, **{"filter[created_at][from]": since, **asked})


def types(events: list[dict[str, Any]]) -> list[str]:
    return sorted(one["type"] for one in events)


def test_a_move_tells_both_stages_and_the_actor(amo: AmoPortal) -> None:
    sale = amo.base.pipelines[1]
    deal = amo.base.add_deal("Д", pipeline=1, stage=sale.stage("NEW").id)
    (event,) = lately(amo, lambda base: base.move_deal(deal.id, 1, sale.stage("WON").id, by=4))
    assert (event["type"], event["entity_id"], event["entity_type"]) == ("lead_status_changed", deal.id, "lead")
    assert event["created_by"] == 4
    assert event["value_after"] == [{"lead_status": {"id": 142, "pipeline_id": 1}}]
    assert event["value_before"] == [{"lead_status": {"id": sale.stage("NEW").id, "pipeline_id": 1}}]
    assert event["_embedded"]["entity"]["_links"]["self"]["href"].endswith(f"/api/v4/leads/{deal.id}")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda base: base.add_company("К"), ["company_added"]),
        (
            lambda base: base.add_deal("Д", pipeline=1, stage=2, contacts=[1], company=1),
            ["lead_added"],
        ),
        (lambda base: base.add_contact("А", company_ids=[1]), ["contact_added"]),
        (lambda base: base.update_card("deal", 1, owner=7), ["entity_responsible_changed"]),
        (lambda base: base.update_card("deal", 1, amount=5), ["sale_field_changed"]),
        (lambda base: base.update_card("company", 1, title="Новое"), ["name_field_changed"]),
        (
            lambda base: base.update_card("company", 1, fields={"inn": "1", "sites": "Тверь, склад"}),
            ["custom_field_value_changed"] * 2,
        ),
        (lambda base: base.delete_card("deal", 1), ["lead_deleted"]),
        (
            lambda base: (base.delete_card("contact", 1), base.restore_card("contact", 1)),
            ["contact_deleted", "contact_restored"],
        ),
        (lambda base: base.add_activity("call", direction="in", contact=1), ["incoming_call"]),
        (lambda base: base.add_activity("call", deal=1), ["outgoing_call"]),
        (lambda base: base.add_activity("chat", direction="out", contact=1), ["outgoing_chat_message"]),
        (lambda base: base.add_activity("chat", contact=1, robot=True), ["robot_replied"]),
        (lambda base: base.add_activity("email", contact=1), []),
        (lambda base: base.add_activity("meeting", contact=1), ["task_added", "task_completed"]),
        (lambda base: base.add_comment("company", 1, "Слово"), ["common_note_added"]),
        (
            lambda base: base.complete_task(base.add_task("Т", assignee=3).id, result="Готово"),
            ["task_added", "task_completed", "task_result_added"],
        ),
        (
            lambda base: base.update_task(base.add_task("Т", assignee=3).id, due=base.clock.now(), assignee=4),
            ["entity_responsible_changed", "task_added", "task_deadline_changed"],
        ),
    ],
)
def test_every_change_has_its_events(amo: AmoPortal, act: Callable[[Base], object], expected: list[str]) -> None:
    assert types(lately(amo, act)) == expected


def test_links_have_events_and_those_of_a_new_card_only_if_switched_on(amo: AmoPortal) -> None:
    def act(base: Base) -> None:
        deal = base.add_deal("Д", pipeline=1, stage=2, contacts=[1], company=1)
        base.clock.advance(timedelta(seconds=1))
        base.update_card("deal", deal.id, contacts=[1, 2], company=None)

    expected = ["company_unlinked", "contact_linked", "lead_added"]
    assert types(lately(amo, act)) == expected
    with open_account() as other:
        other.config.readings["creation_tells_links"] = True
        assert types(lately(other, act)) == sorted([*expected, "company_linked", "contact_linked"])


def test_values_have_the_shapes_of_the_sheet(amo: AmoPortal) -> None:
    spec = amo.base.field_specs("company")["segment"]
    enum = next(iter(spec.choices))
    company = amo.base.add_company("Значения").id
    (chosen,) = lately(amo, lambda base: base.update_card("company", company, fields={"segment": enum}))
    assert chosen["value_after"] == [
        {"custom_field_value": {"field_id": spec.id, "field_type": 4, "enum_id": enum, "text": "A"}}
    ]
    assert chosen["value_before"] == []
    (called,) = lately(amo, lambda base: base.add_activity("call", contact=1))
    assert amo.get(f"contacts/notes/{called['value_after'][0]['note']['id']}")["note_type"] == "call_out"
    deal = amo.base.add_deal("Связь", pipeline=1, stage=2)
    (linked,) = lately(amo, lambda base: base.update_card("deal", deal.id, contacts=[2]))
    assert linked["value_after"] == [{"link": {"entity": {"type": "contact", "id": 2}}}]


def test_history_is_there_newest_first_with_lasting_ids(amo: AmoPortal) -> None:
    events = amo.put_together("events", "events", limit=20)
    moments = [one["created_at"] for one in events]
    assert moments == sorted(moments, reverse=True)
    assert len(moments) > 60
    assert moments[-1] < amo.base.clock.now().timestamp() - 300 * 86_400
    assert len({one["id"] for one in events}) == len(events)
    assert [one["id"] for one in amo.put_together("events", "events", limit=100)] == [one["id"] for one in events]
    assert amo.get(f"events/{events[0]['id']}")["type"] == events[0]["type"]


def test_a_page_holds_at_most_a_hundred(amo: AmoPortal) -> None:
    answer = amo.call("GET", "events", params={"limit": 101})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Limit 100 per page")


def test_filters_by_type_stage_and_actor(amo: AmoPortal) -> None:
    asked = {"filter[type]": "lead_status_changed,lead_added"}
    assert set(types(amo.put_together("events", "events", **asked))) == {"lead_status_changed", "lead_added"}
    won = {
        "filter[type][]": "lead_status_changed",
        "filter[value_after][leads_statuses][0][pipeline_id]": 1,
        "filter[value_after][leads_statuses][0][status_id]": 142,
    }
    found = amo.put_together("events", "events", **won)
    assert {one["value_after"][0]["lead_status"]["id"] for one in found} == {142}
    spec = amo.base.field_specs("company")["inn"]
    events = lately(
        amo,
        lambda base: base.update_card("company", 1, fields={"inn": "2", "sites": "Псков"}, by=6),
        **{"filter[type]": f"custom_field_{spec.id}_value_changed", "filter[created_by][]": 6},
    )
    assert [one["value_after"][0]["custom_field_value"]["field_id"] for one in events] == [spec.id]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter[entity_id][]": 1},
        {"filter[entity][]": ["lead", "contact"], "filter[entity_id][]": 1},
        {"filter[entity]": "lead", "filter[entity_id][]": list(range(1, 12))},
        {"filter[type]": "lead_added,custom_field_1_value_changed"},
        {"filter[created_at][from]": "вчера"},
    ],
)
def test_what_amocrm_refuses_is_refused(amo: AmoPortal, asked: dict[str, Any]) -> None:
    assert amo.call("GET", "events", params=asked).status_code == 400


def test_chats_of_a_lead_are_found_by_their_contact(amo: AmoPortal) -> None:
    of_contact = {"filter[type]": "incoming_chat_message", "filter[entity][]": "contact"}
    (event,) = lately(amo, lambda base: base.add_activity("chat", direction="in", deal=1, contact=1), **of_contact)
    assert (event["entity_type"], event["entity_id"], event["linked_talk_contact_id"]) == ("lead", 1, 1)
    amo.base.delete_card("deal", 1)
    (event,) = [one for one in amo.rows("events", "events", limit=1, **of_contact) if one["id"] == event["id"]]
    assert (event["entity_type"], event["entity_id"]) == ("contact", 1)
