"""Tasks and notes of the sandbox's amoCRM face, against facts/amocrm.md 5.1 and 5.3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from amocrm_account import AmoPortal, open_account

TILL = 1_790_276_340


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def make(amo: AmoPortal, **more: Any) -> int:
    body = {"text": "Касание: позвонить\nСпросить\n[kasanie:6f1c9a000000]", "complete_till": TILL, **more}
    answer = amo.call("POST", "tasks", [body])
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["_embedded"]["tasks"][0]["id"]
    return number


def test_a_task_keeps_its_text_and_has_the_shape_of_the_sheet(amo: AmoPortal) -> None:
    number = make(amo, entity_id=1, entity_type="leads", responsible_user_id=3, task_type_id=1)
    task = amo.get(f"tasks/{number}")
    assert task["text"] == "Касание: позвонить\nСпросить\n[kasanie:6f1c9a000000]"
    assert (task["entity_id"], task["entity_type"], task["complete_till"]) == (1, "leads", TILL)
    assert (task["responsible_user_id"], task["created_by"], task["is_completed"]) == (3, 1, False)
    assert task["result"] == []
    kept = amo.base.tasks[number]
    assert (kept.title, kept.cards) == ("Касание: позвонить", [("deal", 1)])
    assert amo.get("leads/1")["closest_task_at"] == TILL


def test_text_and_deadline_are_required(amo: AmoPortal) -> None:
    answer = amo.call("POST", "tasks", [{"text": "Без срока"}])
    errors = answer.json()["validation-errors"][0]["errors"]
    assert (answer.status_code, errors[0]["path"]) == (400, "complete_till")


@pytest.mark.parametrize(
    ("member", "value"),
    [("responsible_user_id", 77), ("task_type_id", 99), ("entity_id", 99_999), ("entity_type", "planets")],
)
def test_unknown_choices_are_refused(amo: AmoPortal, member: str, value: Any) -> None:
    body = {"text": "Т", "complete_till": TILL, "entity_id": 1, "entity_type": "leads", member: value}
    answer = amo.call("POST", "tasks", [body])
    errors = answer.json()["validation-errors"][0]["errors"]
    assert (answer.status_code, errors[0]["path"]) == (400, member)


def test_completion_sends_only_two_members(amo: AmoPortal) -> None:
    number = make(amo)
    done = amo.call("PATCH", f"tasks/{number}", {"is_completed": True, "result": {"text": "Отменено регламентом"}})
    assert set(done.json()) == {"id", "updated_at", "_links"}
    task = amo.get(f"tasks/{number}")
    assert (task["is_completed"], task["result"]) == (True, {"text": "Отменено регламентом"})
    assert task["entity_id"] is None
    amo.call("PATCH", "tasks", [{"id": number, "is_completed": False, "complete_till": TILL + 60}])
    task = amo.get(f"tasks/{number}")
    assert (task["is_completed"], task["complete_till"]) == (False, TILL + 60)


def test_a_deleted_task_is_gone_for_reading_and_writing(amo: AmoPortal) -> None:
    number = make(amo)
    amo.base.delete_task(number)
    assert amo.call("GET", f"tasks/{number}").status_code == 204
    assert amo.call("PATCH", f"tasks/{number}", {"text": "x"}).status_code == 404
    assert amo.call("PATCH", "tasks", [{"id": number, "text": "x"}]).status_code == 400


def test_tasks_are_filtered_for_free(amo: AmoPortal) -> None:
    amo.base.clock.advance(timedelta(days=1))
    since = int(amo.base.clock.now().timestamp())
    mine = make(amo, entity_id=1, entity_type="leads", responsible_user_id=4)
    done = make(amo, is_completed=True)

    def found(**filters: Any) -> list[int]:
        return [one["id"] for one in amo.put_together("tasks", "tasks", limit=250, **filters)]

    assert found(**{"filter[updated_at][from]": since}) == [mine, done]
    assert found(**{"filter[updated_at]": since, "filter[is_completed]": 0}) == [mine]
    assert found(**{"filter[id][]": [mine, done], "filter[is_completed]": 1}) == [done]
    assert mine in found(**{"filter[entity_type]": "leads", "filter[entity_id][]": [1]})
    assert done not in found(**{"filter[entity_type]": "leads", "filter[entity_id][]": [1]})
    assert found(**{"filter[id]": f"{mine},{done}", "order[created_at]": "desc"}) == [done, mine]


def test_a_meeting_is_a_task_of_type_two(amo: AmoPortal) -> None:
    held = amo.base.add_activity("meeting", seconds=1800, by=4, deal=1, subject="Встреча на заводе")
    planned = amo.base.add_activity("meeting", by=4, contact=1, completed=False)
    tasks = {one["id"]: one for one in amo.put_together("tasks", "tasks", limit=250, **{"filter[task_type]": 2})}
    shown, open_one = tasks[1_000_000 + held.id], tasks[1_000_000 + planned.id]
    assert (shown["is_completed"], shown["entity_id"], shown["duration"], shown["created_by"]) == (True, 1, 1800, 4)
    assert (open_one["is_completed"], open_one["entity_type"], open_one["result"]) == (False, "contacts", [])


def test_calls_are_notes_with_their_length(amo: AmoPortal) -> None:
    taken = amo.base.add_activity("call", direction="in", seconds=95, by=3, contact=1)
    missed = amo.base.add_activity("call", seconds=0, answered=False, by=3, deal=1)
    kinds = {"filter[note_type][]": ["call_in", "call_out"], "limit": 250}
    of_contact = {one["id"]: one for one in amo.put_together("contacts/notes", "notes", **kinds)}
    of_lead = {one["id"]: one for one in amo.put_together("leads/1/notes", "notes", **kinds)}
    assert of_contact[taken.id]["note_type"] == "call_in"
    assert of_contact[taken.id]["params"]["duration"] == 95
    assert of_contact[taken.id]["updated_at"] - of_contact[taken.id]["created_at"] == 95
    assert of_lead[missed.id]["params"]["duration"] == 0
    assert taken.id not in of_lead


def test_mails_are_notes_unless_switched_off(amo: AmoPortal) -> None:
    mail = amo.base.add_activity("email", direction="in", by=3, contact=1, subject="Ответ")
    asked = {"filter[note_type]": "amomail_message"}
    (note,) = [one for one in amo.rows("contacts/notes", "notes", limit=250, **asked) if one["id"] == mail.id]
    assert (note["params"]["income"], note["params"]["subject"]) == (True, "Ответ")
    amo.config.readings["mails_as_notes"] = False
    assert amo.rows("contacts/notes", "notes", **asked) == []


def test_notes_are_written_and_found_by_change(amo: AmoPortal) -> None:
    amo.base.clock.advance(timedelta(days=1))
    since = int(amo.base.clock.now().timestamp())
    words = {"note_type": "extended_service_message", "params": {"service": "Регламент", "text": "Предложение"}}
    answer = amo.call("POST", "companies/1/notes", [words])
    assert answer.json()["_embedded"]["notes"][0]["entity_id"] == 1
    (note,) = amo.rows("companies/notes", "notes", **{"filter[updated_at][from]": since})
    assert (note["note_type"], note["params"]) == ("extended_service_message", words["params"])
    called = {"entity_id": 1, "note_type": "call_out", "params": {"duration": 60, "phone": "+7", "uniq": "u"}}
    number = amo.call("POST", "contacts/notes", [called]).json()["_embedded"]["notes"][0]["id"]
    assert (amo.base.activities[number].seconds, amo.base.activities[number].contact) == (60, 1)
    assert amo.call("GET", f"contacts/notes/{number}").status_code == 200


def test_a_note_without_words_is_refused(amo: AmoPortal) -> None:
    answer = amo.call("POST", "leads/1/notes", [{"note_type": "common", "params": {}}])
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == "params.text"
