"""To-dos, what may be done to activities of any kind, and the life of a task beside editing it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_application import listen, told
from bitrix24_portal import OpenPortal, open_portal

DUE = "2026-09-30T10:00:00+03:00"


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=6) as opened:
        yield opened


def _todo(portal: OpenPortal, **params: Any) -> int:
    given = {"ownerTypeId": 2, "ownerId": 1, "deadline": DUE, "title": "Позвонить"} | params
    return int(portal.call("crm.activity.todo.add", **given)["id"])


def _task(portal: OpenPortal, **fields: Any) -> int:
    given = {"TITLE": "Касание", "RESPONSIBLE_ID": 3, "UF_CRM_TASK": ["D_1"], **fields}
    return int(portal.call("tasks.task.add", fields=given)["task"]["id"])


def _on_deal(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "ownerTypeId": 2, "ownerId": 1} | more


def test_the_life_of_a_todo(portal: OpenPortal) -> None:
    number = _todo(portal, description="Спросить о сроке", colorId="3", pingOffsets=[0, 15], responsibleId=4)
    row = portal.call("crm.activity.get", id=number)
    assert (row["PROVIDER_ID"], row["SUBJECT"], row["DESCRIPTION"]) == ("CRM_TODO", "Позвонить", "Спросить о сроке")
    assert (row["RESPONSIBLE_ID"], row["DEADLINE"], row["COMPLETED"]) == ("4", DUE, "N")
    later = "2026-10-01T12:00:00+03:00"
    assert portal.call("crm.activity.todo.updateDeadline", **_on_deal(number, value=later)) == {"id": number}
    portal.call("crm.activity.todo.updateDescription", **_on_deal(number, value="Иначе"))
    portal.call("crm.activity.todo.updateColor", **_on_deal(number, value="7"))
    portal.call("crm.activity.todo.updateResponsibleUser", **_on_deal(number, value=5))
    row = portal.call("crm.activity.get", id=number)
    assert (row["DEADLINE"], row["DESCRIPTION"], row["RESPONSIBLE_ID"]) == (later, "Иначе", "5")
    assert "Позвонить" in portal.get("/cards/deal/1").text
    assert portal.call("crm.activity.update", id=number, fields={"COMPLETED": "Y"}) is True
    update = portal.ask("crm.activity.todo.update", **_on_deal(number, deadline=DUE))
    assert told(update) == (400, "CAN_NOT_UPDATE_COMPLETED_TODO")
    colour = portal.ask("crm.activity.todo.updateColor", **_on_deal(number, value="1"))
    assert told(colour) == (400, "CAN_NOT_UPDATE_COLOR_COMPLETED_TODO")
    portal.call("crm.activity.update", id=number, fields={"COMPLETED": "N"})
    portal.control("plans/complete", {"activity": number})
    assert portal.call("crm.activity.get", id=number)["COMPLETED"] == "Y"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"deadline": None}, "100"),
        ({"ownerId": None}, "100"),
        ({"ownerId": 9999}, "OWNER_NOT_FOUND"),
        ({"deadline": "скоро"}, "WRONG_DATETIME_FORMAT"),
        ({"responsibleId": 99}, "ACCESS_DENIED"),
    ],
)
def test_todos_that_cannot_be_made(portal: OpenPortal, params: dict[str, Any], code: str) -> None:
    given = {"ownerTypeId": 2, "ownerId": 1, "deadline": DUE} | params
    assert told(portal.ask("crm.activity.todo.add", **given)) == (400, code)


def test_how_todos_are_refused(portal: OpenPortal) -> None:
    number = _todo(portal)
    wrong_card = portal.ask("crm.activity.todo.update", id=number, ownerTypeId=2, ownerId=2, deadline=DUE)
    assert told(wrong_card) == (400, "NOT_FOUND")
    missing = portal.ask("crm.activity.todo.update", **_on_deal(99_999, deadline=DUE))
    assert told(missing) == (400, "NOT_FOUND")
    colour = portal.ask("crm.activity.todo.updateColor", **_on_deal(number, value="9"))
    assert told(colour) == (400, "CAN_NOT_UPDATE_WRONG_COLOR_TODO")
    portal.call("crm.activity.update", id=number, fields={"COMPLETED": "Y"})
    child = _todo(portal)
    linked = portal.ask("crm.activity.todo.update", **_on_deal(child, deadline=DUE, parentActivityId=number))
    assert told(linked) == (400, "ERROR_PARENT_ACTIVITY_RESTRICT")
    portal.control("readings", {"todo_completed_by_update": False})
    refused = portal.ask("crm.activity.update", id=child, fields={"COMPLETED": "Y"})
    portal.control("readings", {"todo_completed_by_update": True})
    assert told(refused) == (400, "")


def test_activities_of_any_kind_are_deleted_and_bound(portal: OpenPortal) -> None:
    deal = portal.base.deals[1]
    call = portal.base.add_activity("call", by=3, deal=1, contact=deal.contacts[0])
    bindings = portal.call("crm.activity.binding.list", activityId=call.id)
    assert bindings == [
        {"entityTypeId": 2, "entityId": 1},
        {"entityTypeId": 3, "entityId": deal.contacts[0]},
    ]
    assert told(portal.ask("crm.activity.binding.list", activityId=99_999)) == (400, "NOT_FOUND")
    assert "COMMUNICATIONS" not in portal.call("crm.activity.list", filter={"ID": call.id})[0]
    chosen = portal.call("crm.activity.list", filter={"ID": call.id}, select=["ID", "COMMUNICATIONS"])[0]
    assert chosen["COMMUNICATIONS"][0]["ENTITY_ID"] == str(deal.contacts[0])
    with listen() as own:
        portal.control("hook_target", {"url": own.url})
        assert portal.call("crm.activity.delete", id=call.id) is True
        assert own.wait()[0]["event"] == "ONCRMACTIVITYDELETE"
        portal.control("hook_target", {"url": None})
    assert told(portal.ask("crm.activity.get", id=call.id)) == (400, "")
    task = portal.base.tasks[_task(portal)]
    assert told(portal.ask("crm.activity.delete", id=task.activity)) == (400, "")
    assert told(portal.ask("crm.activity.delete", id=99_999)) == (400, "")


def test_bindings_may_name_a_kind_alone(portal: OpenPortal) -> None:
    contact = portal.base.deals[1].contacts[0]
    made = portal.base.add_activity("meeting", by=3, deal=1, contact=contact)

    def found(*bindings: dict[str, int]) -> list[str]:
        rows = portal.call("crm.activity.list", filter={"BINDINGS": list(bindings), "ID": made.id}, select=["ID"])
        return [row["ID"] for row in rows]

    assert found({"OWNER_TYPE_ID": 2}) == [str(made.id)]
    assert found({"OWNER_TYPE_ID": 2}, {"OWNER_TYPE_ID": 3, "OWNER_ID": contact}) == [str(made.id)] * 2
    assert found({"OWNER_TYPE_ID": 4}) == []


def test_activities_come_by_their_start_unless_told_otherwise(portal: OpenPortal) -> None:
    first = _todo(portal, deadline="2027-01-02T10:00:00+03:00")
    second = _todo(portal, deadline="2027-01-01T10:00:00+03:00")
    wanted = {"@ID": [first, second]}
    assert [row["ID"] for row in portal.call("crm.activity.list", filter=wanted)] == [str(second), str(first)]
    by_id = portal.call("crm.activity.list", filter=wanted, order={"ID": "ASC"})
    assert [row["ID"] for row in by_id] == [str(first), str(second)]


@pytest.mark.parametrize(
    ("steps", "status", "refusal"),
    [
        (["start"], "3", ("start", "0")),
        (["start", "pause"], "2", ("pause", "1048582")),
        (["defer"], "6", ("defer", "1048582")),
        (["defer", "start"], "3", ("renew", "1048582")),
        (["defer", "renew"], "2", ("renew", "1048582")),
        (["complete"], "5", ("complete", "0")),
        (["complete", "renew"], "2", ("approve", "1048582")),
    ],
)
def test_a_task_moves_between_its_statuses(
    portal: OpenPortal, steps: list[str], status: str, refusal: tuple[str, str]
) -> None:
    number = _task(portal)
    for step in steps:
        told_task = portal.call(f"tasks.task.{step}", taskId=number)["task"]
    assert told_task["status"] == status
    rows = portal.call("tasks.task.list", filter={"ID": number, "REAL_STATUS": status}, select=["ID"])["tasks"]
    assert [row["id"] for row in rows] == [str(number)]
    verb, code = refusal
    assert told(portal.ask(f"tasks.task.{verb}", taskId=number)) == (400, code)


def test_a_controlled_task_awaits_its_creator(portal: OpenPortal) -> None:
    number = _task(portal, TASK_CONTROL="Y", CREATED_BY=5)
    assert portal.call("tasks.task.complete", taskId=number)["task"]["status"] == "4"
    assert portal.call("tasks.task.disapprove", taskId=number)["task"]["status"] == "2"
    portal.call("tasks.task.complete", taskId=number)
    assert portal.call("tasks.task.approve", taskId=number)["task"]["status"] == "5"


def test_a_task_is_delegated(portal: OpenPortal) -> None:
    number = _task(portal)
    made = portal.call("tasks.task.delegate", taskId=number, userId=4)["task"]
    assert (made["responsibleId"], made["auditors"]) == ("4", ["3"])
    assert told(portal.ask("tasks.task.delegate", taskId=number)) == (400, "100")
    assert told(portal.ask("tasks.task.delegate", taskId=number, userId=8)) == (400, "0")


def test_how_task_calls_are_refused(portal: OpenPortal) -> None:
    for verb in ("get", "update", "complete", "start", "defer", "delete"):
        assert told(portal.ask(f"tasks.task.{verb}")) == (400, "100"), verb
        assert told(portal.ask(f"tasks.task.{verb}", taskId="x", fields={"TITLE": "y"})) == (400, "0"), verb
    assert told(portal.ask("tasks.task.update", taskId=9999, fields={"TITLE": "x"})) == (400, "0")
    assert told(portal.ask("tasks.task.defer", taskId=9999)) == (400, "1048582")
    number = _task(portal)
    assert told(portal.ask("tasks.task.update", taskId=number, fields={"STATUS": 9})) == (400, "ERROR_CORE")
    assert told(portal.ask("tasks.task.add", fields={"TITLE": "x", "RESPONSIBLE_ID": 3, "PARENT_ID": 9999})) == (
        400,
        "ERROR_CORE",
    )
    assert told(portal.ask("tasks.task.get", taskId=number, select="ID")) == (400, "100")


def test_what_a_task_keeps(portal: OpenPortal) -> None:
    number = _task(portal, PRIORITY=2, ALLOW_CHANGE_DEADLINE="N", ACCOMPLICES=[4, 5], MATCH_WORK_TIME="Y")
    got = portal.call("tasks.task.get", taskId=number)["task"]
    assert (got["priority"], got["allowChangeDeadline"], got["accomplices"]) == ("2", "N", ["4", "5"])
    fields = portal.call("tasks.task.getFields")["fields"]
    assert fields["STATUS"]["values"]["6"] == "Отложена"
    assert fields["TITLE"]["required"] is True
    late = _task(portal, DEADLINE="2026-09-22T09:00:00+03:00")
    soon = _task(portal, DEADLINE="2026-09-22T18:00:00+03:00")
    states = {number: portal.call("tasks.task.get", taskId=number)["task"]["subStatus"] for number in (late, soon)}
    assert states == {late: "-1", soon: "-3"}


def test_a_checklist_goes_by_order_of_its_parameters(portal: OpenPortal) -> None:
    number = _task(portal)
    positional = portal.ask_list("task.checklistitem.add", [number, {"TITLE": "Первое"}])
    first = positional.json()["result"]
    second = portal.call("task.checklistitem.add", TASKID=number, FIELDS={"TITLE": "Второе", "IS_COMPLETE": "Y"})
    rows = portal.call("task.checklistitem.getlist", TASKID=number, ORDER={"ID": "asc"})
    assert [(row["ID"], row["TITLE"], row["IS_COMPLETE"]) for row in rows] == [
        (str(first), "Первое", "N"),
        (str(second), "Второе", "Y"),
    ]
    assert rows[0]["PARENT_ID"] == 0
    assert rows[0]["MEMBERS"] == []
    assert portal.call("task.checklistitem.complete", TASKID=number, ITEMID=first) is True
    assert portal.call("task.checklistitem.renew", TASKID=number, ITEMID=second) is True
    portal.call("task.checklistitem.update", TASKID=number, ITEMID=second, FIELDS={"TITLE": "Иначе"})
    newest_first = portal.call("task.checklistitem.getlist", TASKID=number)
    assert [(row["TITLE"], row["IS_COMPLETE"]) for row in newest_first] == [("Иначе", "N"), ("Первое", "Y")]
    assert portal.call("task.checklistitem.delete", TASKID=number, ITEMID=first) is True
    assert [row["ID"] for row in portal.call("task.checklistitem.getlist", TASKID=number)] == [str(second)]
    for params in (
        {"TASKID": "x", "FIELDS": {"TITLE": "y"}},
        {"TASKID": number},
        {"TASKID": 9999, "FIELDS": {"TITLE": "y"}},
    ):
        assert told(portal.ask("task.checklistitem.add", **params)) == (400, "ERROR_CORE")


def test_own_fields_of_tasks(portal: OpenPortal) -> None:
    wanted = {"USER_TYPE_ID": "string", "FIELD_NAME": "TOUCH_KEY", "LABEL": "Касание"}
    number = portal.call("task.item.userfield.add", PARAMS=wanted)
    rows = portal.call("task.item.userfield.getlist")
    assert [row["FIELD_NAME"] for row in rows] == ["UF_CRM_TASK", "UF_TOUCH_KEY"]
    assert portal.call("task.item.userfield.getlist", FILTER={"FIELD_NAME": "UF_TOUCH_KEY"})[0]["ID"] == str(number)
    for params in (wanted, {**wanted, "FIELD_NAME": ""}, {**wanted, "FIELD_NAME": "Z", "USER_TYPE_ID": "file"}):
        assert told(portal.ask("task.item.userfield.add", PARAMS=params)) == (400, "ERROR_CORE")
    portal.control("readings", {"task_fields_mandatory": True})
    refused = portal.ask("tasks.task.add", fields={"TITLE": "x", "RESPONSIBLE_ID": 3})
    kept = portal.ask("tasks.task.add", fields={"TITLE": "x", "RESPONSIBLE_ID": 3, "UF_TOUCH_KEY": "k"})
    portal.control("readings", {"task_fields_mandatory": False})
    assert told(refused) == (400, "ERROR_CORE")
    assert "Касание" in refused.json()["error_description"]
    assert kept.status_code == 200


def test_a_mandatory_own_field_stops_a_task() -> None:
    with open_portal(clients=5) as portal:
        wanted = {"USER_TYPE_ID": "string", "FIELD_NAME": "COST", "MANDATORY": "Y"}
        portal.call("task.item.userfield.add", PARAMS=wanted)
        fields = {"TITLE": "x", "RESPONSIBLE_ID": 3}
        assert told(portal.ask("tasks.task.add", fields=fields)) == (400, "ERROR_CORE")
        assert portal.ask("tasks.task.add", fields={**fields, "UF_COST": "1"}).status_code == 200


def test_a_comment_on_a_task_rings(portal: OpenPortal) -> None:
    number = _task(portal)
    with listen() as own:
        portal.control("hook_target", {"url": own.url})
        assert isinstance(portal.call("task.commentitem.add", TASKID=number, FIELDS={"POST_MESSAGE": "так"}), int)
        body = own.wait()[0]
        portal.control("hook_target", {"url": None})
    assert (body["event"], body["data[FIELDS_AFTER][TASK_ID]"]) == ("ONTASKCOMMENTADD", str(number))
    assert told(portal.ask("task.commentitem.add", TASKID=number, FIELDS={})) == (400, "ERROR_CORE")
