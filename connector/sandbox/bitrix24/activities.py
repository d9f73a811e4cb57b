"""`crm.activity.*`: communications, and bound tasks as activities of type 3 (facts/bitrix24.md 6.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import Column, as_rows, run
from connector.sandbox.plans import Plan
from connector.sandbox.records import Activity, CardKind, Task

OWNER_TYPES: dict[CardKind, int] = {"deal": 2, "contact": 3, "company": 4}
_PROVIDERS = {
    "call": (2, "VOXIMPLANT_CALL", "CALL"),
    "email": (4, "CRM_EMAIL", "EMAIL"),
    "meeting": (1, "CRM_MEETING", "MEETING"),
    "chat": (6, "IMOPENLINES_SESSION", "LIVECHAT"),
}


@dataclass(frozen=True)
class Row:
    """One activity as Bitrix24 keeps it, whichever record it stems from."""

    id: int
    type: int
    provider: str
    provider_type: str
    owner: tuple[int, int]
    bindings: list[tuple[int, int]]
    subject: str
    created: datetime
    updated: datetime
    starts: datetime
    ends: datetime
    completed: bool
    incoming: bool
    by: int
    person: int | None = None
    associated: int = 0
    missed: bool = False
    robot: bool = False
    text: str = ""
    author: int | None = None
    editor: int | None = None
    originator: str | None = None
    origin: str | None = None


def _of_activity(one: Activity) -> Row:
    type_, provider, provider_type = _PROVIDERS[one.kind]
    held: list[tuple[CardKind, int | None]] = [("deal", one.deal), ("contact", one.contact), ("company", one.company)]
    bindings = [(OWNER_TYPES[kind], of) for kind, of in held if of]
    return Row(
        id=one.id,
        type=type_,
        provider=provider,
        provider_type=provider_type,
        owner=bindings[0] if bindings else (0, 0),
        bindings=bindings,
        subject=one.subject,
        created=one.created,
        updated=one.updated,
        starts=one.at,
        ends=one.ends,
        completed=one.completed,
        incoming=one.direction == "in",
        by=one.by,
        person=one.contact,
        missed=one.kind == "call" and not one.answered,
        robot=one.robot,
    )


def _of_task(task: Task) -> Row:
    bindings = [(OWNER_TYPES[kind], of) for kind, of in task.cards]
    due = task.due or task.created
    return Row(
        id=task.activity,
        type=3,
        provider="CRM_TASKS_TASK",
        provider_type="TASKS_TASK",
        owner=bindings[0],
        bindings=bindings,
        subject=task.title,
        created=task.created,
        updated=task.updated,
        starts=task.created,
        ends=due,
        completed=not task.open,
        incoming=False,
        by=task.assignee,
        associated=task.id,
    )


def _of_plan(plan: Plan) -> Row:
    todo = plan.kind == "todo"
    bindings = [(OWNER_TYPES[kind], of) for kind, of in plan.bindings]
    moment = plan.due or plan.created
    return Row(
        id=plan.id,
        type=6,
        provider="CRM_TODO" if todo else "CONFIGURABLE_REST_APP",
        provider_type="TODO" if todo else "CONFIGURABLE",
        owner=bindings[0],
        bindings=bindings,
        subject=plan.title,
        created=plan.created,
        updated=plan.updated,
        starts=moment,
        ends=moment,
        completed=plan.completed,
        incoming=plan.incoming,
        by=plan.assignee,
        text=plan.text,
        author=plan.author,
        editor=plan.editor,
        originator=plan.originator,
        origin=plan.origin,
    )


def rows_after(call: Call, after: int) -> Iterator[Row]:
    """All activities with an id above `after`, ascending: communications, bound tasks, what is planned."""
    tasks = {one.activity: one for one in call.base.tasks.values() if one.cards and not one.deleted}
    shown_tasks = tasks if call.reading("task_as_activity") else {}
    plans = call.base.plans
    last = max(max(pile, default=0) for pile in (call.base.activities, shown_tasks, plans))
    for number in range(max(after, 0) + 1, last + 1):
        activity = call.base.activities.get(number)
        if activity and not activity.deleted:
            yield _of_activity(activity)
        elif number in shown_tasks:
            yield _of_task(shown_tasks[number])
        elif number in plans and not plans[number].deleted:
            yield _of_plan(plans[number])


COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda row: row.id),
    "OWNER_ID": Column("int", lambda row: row.owner[1]),
    "OWNER_TYPE_ID": Column("int", lambda row: row.owner[0]),
    "TYPE_ID": Column("int", lambda row: row.type),
    "PROVIDER_ID": Column("text", lambda row: row.provider),
    "PROVIDER_TYPE_ID": Column("text", lambda row: row.provider_type),
    "ASSOCIATED_ENTITY_ID": Column("int", lambda row: row.associated),
    "SUBJECT": Column("text", lambda row: row.subject),
    "CREATED": Column("moment", lambda row: row.created),
    "LAST_UPDATED": Column("moment", lambda row: row.updated),
    "START_TIME": Column("moment", lambda row: row.starts),
    "END_TIME": Column("moment", lambda row: row.ends),
    "DEADLINE": Column("moment", lambda row: row.ends),
    "COMPLETED": Column("flag", lambda row: row.completed),
    "STATUS": Column("int", lambda row: (3 if row.robot else 2) if row.completed else 1),
    "RESPONSIBLE_ID": Column("int", lambda row: row.by),
    "PRIORITY": Column("int", lambda _: 2),
    "NOTIFY_TYPE": Column("int", lambda _: 0),
    "NOTIFY_VALUE": Column("int", lambda _: 0),
    "DESCRIPTION": Column("text", lambda row: row.text, filterable=False),
    "DESCRIPTION_TYPE": Column("int", lambda _: 1),
    "LOCATION": Column("text", lambda _: ""),
    "AUTHOR_ID": Column("int", lambda row: row.by if row.author is None else row.author),
    "EDITOR_ID": Column("int", lambda row: row.by if row.editor is None else row.editor),
    "DIRECTION": Column("int", lambda row: 1 if row.incoming else 2),
    "ORIGINATOR_ID": Column("text", lambda row: row.originator),
    "ORIGIN_ID": Column("text", lambda row: row.origin),
    "PROVIDER_GROUP_ID": Column("text", lambda _: None),
    "PROVIDER_PARAMS": Column("raw", lambda _: {}, filterable=False),
    "PROVIDER_DATA": Column("text", lambda _: None, filterable=False),
    "IS_INCOMING_CHANNEL": Column("flag", lambda row: row.incoming),
    "AUTOCOMPLETE_RULE": Column("int", lambda _: 0),
    "SETTINGS": Column("raw", lambda row: {"MISSED_CALL": True} if row.missed else {}, filterable=False),
}


def _show(call: Call, row: Row, names: Iterable[str]) -> dict[str, Any]:
    told = as_rows(call, COLUMNS)(row, list(names))
    if "COMMUNICATIONS" in names:
        told["COMMUNICATIONS"] = _communications(call, row)
    if "BINDINGS" in names and call.reading("activity_bindings_in_select"):
        told["BINDINGS"] = [{"OWNER_TYPE_ID": str(kind), "OWNER_ID": str(of)} for kind, of in row.bindings]
    return told


def _communications(call: Call, row: Row) -> list[dict[str, Any]]:
    if not row.person:
        return []
    contact = call.base.contacts[row.person]
    mail = row.type == 4
    return [
        {
            "ID": str(row.id),
            "TYPE": "EMAIL" if mail else "PHONE",
            "VALUE": contact.email if mail else contact.phone,
            "ENTITY_ID": str(contact.id),
            "ENTITY_TYPE_ID": "3",
            "ENTITY_SETTINGS": {"NAME": contact.first_name, "LAST_NAME": contact.last_name},
        }
    ]


@method("crm.activity.list")
def activity_list(call: Call) -> Answer:
    """Activities, by START_TIME unless told otherwise; BINDINGS tell one bound to several of them several times."""
    filters = dict(call.mapping("filter"))
    bindings = filters.pop("BINDINGS", None)
    asked = bindings.values() if isinstance(bindings, dict) else bindings or []
    wanted = [(int(one.get("OWNER_TYPE_ID") or 0), int(one.get("OWNER_ID") or 0)) for one in asked]

    def bound(row: Row, kind: int, of: int) -> int:
        """How many of its bindings are meant; type or id alone means all of that type or id."""
        return sum((not kind or kind == has[0]) and (not of or of == has[1]) for has in row.bindings)

    def rows(after: int) -> Iterator[Row]:
        for row in rows_after(call, after):
            times = 1 if bindings is None else sum(bound(row, *one) for one in wanted)
            yield from [row] * times

    order = call.mapping("order") or {"START_TIME": "ASC"}
    inner = replace(call, params={**call.params, "filter": filters, "order": order})
    return run(inner, COLUMNS, rows, lambda row, names: _show(call, row, names), id_name="ID")


@method("crm.activity.get")
def activity_get(call: Call) -> dict[str, Any]:
    """One activity."""
    number = call.number("id", Refusal("", "ID is not defined or invalid."))
    row = next((row for row in rows_after(call, number - 1) if row.id == number), None)
    if row is None:
        raise Refusal("", "Activity is not found.")
    return _show(call, row, [*COLUMNS, "COMMUNICATIONS"])
