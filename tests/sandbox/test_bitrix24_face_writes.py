"""Bitrix24's face: what it takes in, and how it answers writes (facts/bitrix24.md 4.3, 5.1, 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20) as opened:
        yield opened


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def _task(portal: OpenPortal, **fields: Any) -> dict[str, Any]:
    given = {"TITLE": "Касание", "RESPONSIBLE_ID": 3, "TAGS": ["kasanie"], "UF_CRM_TASK": ["D_1", "CO_1"], **fields}
    task: dict[str, Any] = portal.call("tasks.task.add", fields=given)["task"]
    return task


def test_a_score_is_written_and_seen_in_the_ledger(portal: OpenPortal) -> None:
    asked = {"USER_TYPE_ID": "integer", "FIELD_NAME": "KASANIE_FILL", "EDIT_FORM_LABEL": {"ru": "Досье, %"}}
    field = portal.call("crm.company.userfield.add", fields=asked)
    assert isinstance(field, int)
    rows = portal.call("crm.company.userfield.list", filter={"FIELD_NAME": "UF_CRM_KASANIE_FILL", "LANG": "ru"})
    assert [(row["ID"], row["EDIT_FORM_LABEL"]) for row in rows] == [(str(field), "Досье, %")]
    written = {"UF_CRM_KASANIE_FILL": 30, "UF_CRM_UNKNOWN": 1}
    item = portal.call("crm.item.update", entityTypeId=4, id=1, useOriginalUfNames="Y", fields=written)["item"]
    assert item["UF_CRM_KASANIE_FILL"] == 30
    write = portal.base.ledger()["writes"][-1]
    assert (write["code"], write["value"], write["by_api"]) == ("kasanie_fill", 30, True)
    assert _error(portal.ask("crm.company.userfield.add", fields=asked)) == (400, "ERROR_CORE")
    assert _error(portal.ask("crm.company.userfield.add", fields={})) == (400, "")


def test_where_nothing_changes_nothing_is_saved(portal: OpenPortal) -> None:
    before = portal.call("crm.item.get", entityTypeId=2, id=1)["item"]
    portal.call(
        "crm.item.update", entityTypeId=2, id=1, fields={"title": before["title"], "stageId": before["stageId"]}
    )
    assert portal.call("crm.item.get", entityTypeId=2, id=1)["item"] == before


def test_a_stage_moves_and_a_foreign_stage_is_refused(portal: OpenPortal) -> None:
    deal = next(
        one for one in portal.base.deals.values() if one.pipeline == 1 and portal.base.stage(one).semantic == "open"
    )
    item = portal.call("crm.item.update", entityTypeId=2, id=deal.id, fields={"stageId": "WON"})["item"]
    assert (item["stageId"], item["stageSemanticId"], item["closed"]) == ("WON", "S", "Y")
    answer = portal.ask("crm.item.update", entityTypeId=2, id=deal.id, fields={"stageId": "C2:NEW"})
    assert _error(answer) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    item = portal.call("crm.item.update", entityTypeId=2, id=deal.id, fields={"categoryId": 2})["item"]
    assert item["stageId"] == "C2:NEW"
    assert [row.kind for row in portal.base.stage_rows if row.deal == deal.id][-2:] == ["final", "pipeline"]


def test_values_are_checked_and_emptied(portal: OpenPortal) -> None:
    wrong: list[tuple[int, dict[str, Any]]] = [
        (4, {"UF_CRM_SEGMENT": 999}),
        (4, {"UF_CRM_TURNOVER": "много"}),
        (2, {"UF_CRM_INVOICE_DUE": "завтра"}),
        (2, {"assignedById": 99}),
    ]
    for kind, fields in wrong:
        answer = portal.ask("crm.item.update", entityTypeId=kind, id=1, fields=fields)
        assert _error(answer) == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID"), fields
    fields = {"UF_CRM_QUIET_UNTIL": "2026-12-31T00:00:00+03:00", "ufCrmTurnover": "1.5"}
    item = portal.call("crm.item.update", entityTypeId=4, id=1, useOriginalUfNames="Y", fields=fields)["item"]
    assert item["UF_CRM_QUIET_UNTIL"] == "2026-12-31T00:00:00+03:00"
    assert item["UF_CRM_TURNOVER"] == 1.5
    emptied = {"UF_CRM_QUIET_UNTIL": "", "UF_CRM_TURNOVER": ""}
    item = portal.call("crm.item.update", entityTypeId=4, id=1, useOriginalUfNames="Y", fields=emptied)["item"]
    assert (item["UF_CRM_QUIET_UNTIL"], item["UF_CRM_TURNOVER"]) == ("", None)


def test_new_cards(portal: OpenPortal) -> None:
    company = portal.call("crm.item.add", entityTypeId=4, fields={"title": "Новая"})["item"]
    person = {"name": "Олег", "companyIds": [company["id"]], "birthdate": "1980-04-12"}
    contact = portal.call("crm.item.add", entityTypeId=3, fields=person)["item"]
    assert contact["companyId"] == company["id"]
    assert contact["birthdate"] == "1980-04-12T00:00:00+03:00"
    fields = {"title": "Сделка", "companyId": company["id"], "contactIds": [contact["id"]], "stageId": "C3:DELIVERY"}
    deal = portal.call("crm.item.add", entityTypeId=2, fields=fields)["item"]
    assert (deal["categoryId"], deal["contactId"], deal["assignedById"]) == (3, contact["id"], 1)
    assert _error(portal.ask("crm.item.add", entityTypeId=2)) == (400, "100")


def test_a_task_is_asked_in_upper_case_and_told_in_camel_case(portal: OpenPortal) -> None:
    task = _task(portal, DEADLINE="2026-09-25T18:00:00+03:00", XML_ID="kasanie:0123456789ab", DESCRIPTION="Зачем")
    assert (task["id"], task["responsibleId"], task["status"]) == ("1", "3", "2")
    assert task["deadline"] == "2026-09-25T18:00:00+03:00"
    assert "ufCrmTask" not in task
    selected = portal.call("tasks.task.get", taskId=1, select=["ID", "UF_CRM_TASK", "TAGS", "XML_ID"])["task"]
    assert selected == {
        "id": "1",
        "ufCrmTask": ["D_1", "CO_1"],
        "tags": {"1": {"id": 1, "title": "kasanie"}},
        "xmlId": "kasanie:0123456789ab",
    }
    assert portal.call("tasks.task.get", taskId=99) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "100"),
        ({"RESPONSIBLE_ID": 3}, "ERROR_CORE"),
        ({"TITLE": "Касание"}, "ERROR_CORE"),
        ({"TITLE": "Касание", "RESPONSIBLE_ID": 99}, "ERROR_CORE"),
        ({"TITLE": "Касание", "RESPONSIBLE_ID": 8}, "ERROR_CORE"),
        ({"TITLE": "Касание", "RESPONSIBLE_ID": 3, "DEADLINE": "скоро"}, "ERROR_CORE"),
    ],
)
def test_tasks_that_cannot_be_made(portal: OpenPortal, fields: dict[str, Any], code: str) -> None:
    assert _error(portal.ask("tasks.task.add", fields=fields)) == (400, code)
    assert portal.base.tasks == {}


def test_a_naive_deadline_is_the_portals_time(portal: OpenPortal) -> None:
    assert _task(portal, DEADLINE="2026-09-25T18:00:00")["deadline"] == "2026-09-25T18:00:00+03:00"


def test_the_life_of_a_task(portal: OpenPortal) -> None:
    _task(portal)
    assert _error(portal.ask("tasks.task.renew", taskId=1)) == (400, "1048582")
    done = portal.call("tasks.task.complete", taskId=1)["task"]
    assert (done["status"], done["closedBy"]) == ("5", "1")
    assert done["closedDate"]
    assert _error(portal.ask("tasks.task.complete", taskId=1)) == (400, "0")
    assert portal.call("tasks.task.renew", taskId=1)["task"]["status"] == "2"
    fields = {"TITLE": "Иначе", "RESPONSIBLE_ID": 4, "DEADLINE": "", "TAGS": ["kasanie", "снято"]}
    assert portal.call("tasks.task.update", taskId=1, fields=fields)["task"]["title"] == "Иначе"
    assert portal.base.tasks[1].tags == ["kasanie", "снято"]
    assert portal.call("tasks.task.update", taskId=1, fields={"STATUS": 5})["task"]["status"] == "5"
    assert portal.call("tasks.task.delete", taskId=1) == {"task": True}
    assert portal.call("tasks.task.get", taskId=1) == []
    assert _error(portal.ask("tasks.task.delete", taskId=1)) == (400, "1048582")


def test_task_filters_and_the_unknown_ones(portal: OpenPortal) -> None:
    _task(portal, XML_ID="kasanie:aaaaaaaaaaaa")
    _task(portal, TAGS=[], UF_CRM_TASK=["CO_2"])
    portal.call("tasks.task.complete", taskId=2)

    def found(**wanted: Any) -> list[str]:
        rows = portal.call("tasks.task.list", filter=wanted, order={"ID": "ASC"}, select=["ID"])["tasks"]
        return [row["id"] for row in rows]

    assert found(TAG="kasanie") == ["1"]
    assert found(UF_CRM_TASK="CO_2") == ["2"]
    assert found(**{"!REAL_STATUS": 5}) == ["1"]
    assert found(**{">ID": 1}) == ["2"]
    assert found(**{">=CREATED_DATE": "2099-01-01T00:00:00+03:00"}) == []
    assert found(XML_ID="kasanie:aaaaaaaaaaaa") == ["1", "2"]
    portal.control("readings", {"task_xml_id_filter": True})
    assert found(XML_ID="kasanie:aaaaaaaaaaaa") == ["1"]
    portal.control("readings", {"unknown_task_filter_is_error": True})
    assert _error(portal.ask("tasks.task.list", filter={"NOTHING": 1})) == (400, "0")
    assert _error(portal.ask("tasks.task.list", order={"NOTHING": "ASC"})) == (400, "0")


def test_own_task_fields_and_checklists(portal: OpenPortal) -> None:
    portal.call("task.item.userfield.add", PARAMS={"USER_TYPE_ID": "string", "FIELD_NAME": "TOUCH_KEY"})
    _task(portal, UF_TOUCH_KEY="kasanie:1")
    assert portal.call("tasks.task.get", taskId=1, select=["UF_TOUCH_KEY"])["task"]["ufTouchKey"] == "kasanie:1"
    assert isinstance(portal.call("task.checklistitem.add", TASKID=1, FIELDS={"TITLE": "Ещё"}), int)
    assert portal.base.tasks[1].checklist == ["Ещё"]
    assert _error(portal.ask("task.checklistitem.add", TASKID=1, FIELDS={})) == (400, "ERROR_CORE")


def test_activities_have_one_owner_and_a_bound_task_is_one(portal: OpenPortal) -> None:
    deal = portal.base.deals[1]
    call = portal.base.add_activity("call", direction="in", answered=False, by=3, deal=1, contact=deal.contacts[0])
    _task(portal)
    rows = portal.call("crm.activity.list", filter={">ID": call.id - 1}, order={"ID": "ASC"}, start=-1)
    assert [(row["TYPE_ID"], row["OWNER_TYPE_ID"], row["OWNER_ID"]) for row in rows] == [
        ("2", "2", "1"),
        ("3", "2", "1"),
    ]
    assert rows[0]["DIRECTION"] == "1"
    assert rows[0]["SETTINGS"] == {"MISSED_CALL": True}
    assert rows[1]["ASSOCIATED_ENTITY_ID"] == "1"
    assert rows[1]["SETTINGS"] == []
    one = portal.call("crm.activity.get", id=call.id)
    assert one["COMMUNICATIONS"][0]["ENTITY_ID"] == str(deal.contacts[0])
    portal.control("readings", {"task_as_activity": False, "activity_bindings_in_select": True})
    rows = portal.call("crm.activity.list", filter={">ID": call.id - 1}, select=["ID", "BINDINGS"], start=-1)
    assert [row["ID"] for row in rows] == [str(call.id)]
    assert len(rows[0]["BINDINGS"]) == 2
    assert _error(portal.ask("crm.activity.get", id=999_999)) == (400, "")


def test_an_activity_bound_to_several_named_cards_comes_several_times(portal: OpenPortal) -> None:
    deal = portal.base.deals[1]
    made = portal.base.add_activity("meeting", by=3, deal=1, contact=deal.contacts[0])
    bindings = [{"OWNER_TYPE_ID": 2, "OWNER_ID": 1}, {"OWNER_TYPE_ID": 3, "OWNER_ID": deal.contacts[0]}]
    rows = portal.call("crm.activity.list", filter={"BINDINGS": bindings, "@ID": [made.id]}, select=["ID"])
    assert [row["ID"] for row in rows] == [str(made.id)] * 2


def test_notes_and_notifications(portal: OpenPortal) -> None:
    note = {"ENTITY_ID": 1, "ENTITY_TYPE": "company", "COMMENT": "Запомнить"}
    number = portal.call("crm.timeline.comment.add", fields=note)
    rows = portal.call(
        "crm.timeline.comment.list", filter={"ENTITY_TYPE": "company", "ENTITY_ID": 1}, select=["ID", "COMMENT"]
    )
    assert rows == [{"ID": str(number), "COMMENT": "Запомнить"}]
    assert _error(portal.ask("crm.timeline.comment.list", filter={})) == (400, "")
    asked = {"USER_ID": 5, "MESSAGE": "Смотри", "TAG": "kasanie:1", "CLIENT_ID": "kasanie"}
    first = portal.call("im.notify.system.add", **asked)
    assert portal.call("im.notify.system.add", **asked) != first
    assert [one["text"] for one in portal.base.ledger()["notifications"]] == ["Смотри"]
    assert _error(portal.ask("im.notify.system.add", USER_ID=5)) == (400, "MESSAGE_EMPTY")
    assert _error(portal.ask("im.notify.system.add", MESSAGE="x")) == (400, "USER_ID_EMPTY")
    assert _error(portal.ask("im.notify.system.add", USER_ID=5, MESSAGE="x", TAG="t")) == (403, "WRONG_AUTH_TYPE")
