"""`tasks.task.*` of REST 3.0: camelCase, words for statuses, filters as triples (facts/bitrix24.md 2.7, 6.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from connector.sandbox.bitrix24.call import Call
from connector.sandbox.bitrix24.task_actions import put
from connector.sandbox.bitrix24.task_rows import CARDS, COMPLETED, DEFERRED, REVIEW, STARTED, WAITING, bound, status_of
from connector.sandbox.bitrix24.third import Refusal3, method3, mistyped, required
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import CardKind, Task

WORDS = {
    WAITING: "pending",
    STARTED: "in_progress",
    REVIEW: "supposedly_completed",
    COMPLETED: "completed",
    DEFERRED: "deferred",
}
_PRIORITIES = {"0": "low", "1": "average", "2": "high"}
MOST_ROWS = 1000
USUAL_ROWS = 50
_SORTABLE = ("id", "title", "creatorId", "created", "responsibleId", "deadline", "changed", "closed", "status")
_OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "in", "between")
_RELATED = {"responsible": "responsibleId", "creator": "creatorId"}
_PERSON = ("id", "name", "email", "role", "gender", "image")


def _whole(call: Call, task: Task) -> dict[str, Any]:
    """A task as it comes without `select`."""
    return {
        "id": task.id,
        "title": task.title,
        "description": task.text,
        "creatorId": task.creator,
        "created": call.told(task.created),
        "responsibleId": task.assignee,
        "deadline": call.told(task.due) or None,
        "needsControl": task.extra.get("TASK_CONTROL") == "Y",
        "startPlan": None,
        "endPlan": None,
        "checklist": [task.id * 100 + place for place, line in enumerate(task.checklist, start=1) if line],
        "groupId": int(task.extra.get("GROUP_ID") or 0),
        "priority": _PRIORITIES.get(str(task.extra.get("PRIORITY") or 1), "average"),
        "status": WORDS[status_of(task)],
        "statusChanged": call.told(task.closed) or None,
        "parentId": None,
        "containsChecklist": bool(task.checklist),
        "started": None,
        "changed": call.told(task.updated),
        "closed": call.told(task.closed) or None,
        "activity": call.told(task.updated),
        "guid": f"{{00000000-0000-4000-8000-{task.id:012d}}}",
        "xmlId": task.xml_id if call.reading("task_xml_id_kept") else None,
        "mark": "none",
        "allowsChangeDeadline": task.extra.get("ALLOW_CHANGE_DEADLINE", "Y") == "Y",
        "link": f"/company/personal/user/{call.user}/tasks/task/view/{task.id}/",
        "crmItemIds": bound(task),
        "scenarios": ["default"],
    }


_ONLY_SELECTED = ("creatorId", "created", "responsibleId", "groupId")


def _told(call: Call, task: Task, select: list[str]) -> dict[str, Any]:
    whole = _whole(call, task)
    if not select:
        return whole
    told = {name: whole[name] for name in select if name in whole}
    for path in select:
        name, dot, part = path.partition(".")
        if dot and name in _RELATED:
            if part not in _PERSON:
                raise Refusal3("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{part}` for entity `UserDto`")
            person = call.base.users.get(whole[_RELATED[name]])
            values = {"id": person.id, "name": person.name, "email": person.email} if person else {}
            told.setdefault(name, {})[part] = values.get(part)
    return told


def _select(query: dict[str, Any]) -> list[str]:
    sent = query.get("select") or []
    if not isinstance(sent, list):
        raise Refusal3("INVALIDSELECTEXCEPTION", "Unable to recognize `select`")
    return [str(name) for name in sent]


def _whole_number(fields: dict[str, Any], name: str) -> int:
    raw = fields.get(name)
    if raw is None:
        raise required(name)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise mistyped(name, "int")
    return raw


def _find(call: Call, query: dict[str, Any], *, missing: str) -> Task:
    number = _whole_number(query, "id")
    try:
        return call.base.task(number)
    except UnknownRecord as error:
        if missing == "ACCESSDENIEDEXCEPTION":
            raise Refusal3(missing, "Access denied", 403) from error
        raise Refusal3(missing, f"Record with ID = `{number}` not found") from error


def _fields(query: dict[str, Any]) -> dict[str, Any]:
    fields = query.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise required("fields")
    return fields


def _person(call: Call, fields: dict[str, Any], name: str) -> int:
    number = _whole_number(fields, name)
    user = call.base.users.get(number)
    if user is None or not user.active:
        raise Refusal3("", "User specified in the field is not found", field=name)
    return number


def _moment(call: Call, fields: dict[str, Any], name: str) -> datetime | None:
    if not fields[name]:
        return None
    try:
        return call.heard(fields[name])
    except ValueError as error:
        raise mistyped(name, "datetime") from error


def _cards(fields: dict[str, Any]) -> list[tuple[CardKind, int]]:
    found: list[tuple[CardKind, int]] = []
    for one in fields["crmItemIds"] or []:
        match = re.fullmatch(r"(D|C|CO)_(\d+)", str(one))
        if match:
            found.append((CARDS[match[1]], int(match[2])))
    return found


def _written(call: Call, fields: dict[str, Any]) -> dict[str, Any]:
    """The writable fields by the attributes of a task; the others are known and only kept by a real portal."""
    known = _whole(call, Task(**_BLANK, created=call.base.clock.now(), updated=call.base.clock.now()))
    read: dict[str, Any] = {}
    for name, raw in fields.items():
        if name not in known:
            raise Refusal3("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `TaskDto`")
        match name:
            case "title" | "description":
                if not isinstance(raw, str):
                    raise mistyped(name, "string")
                read["title" if name == "title" else "text"] = raw
            case "responsibleId":
                read["assignee"] = _person(call, fields, name)
            case "creatorId":
                read["creator"] = _person(call, fields, name)
            case "deadline":
                read["due"] = _moment(call, fields, name)
            case "crmItemIds":
                read["cards"] = _cards(fields)
            case "xmlId":
                read["xml_id"] = None if raw is None else str(raw)
    return read


_BLANK: dict[str, Any] = {"id": 0, "title": "", "text": "", "assignee": 0, "creator": 0, "activity": 0}


@method3("tasks.task.add", "tasks", writes=True)
def task_add(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """A new task."""
    fields = _fields(query)
    for name in ("title", "creatorId", "responsibleId"):
        if fields.get(name) in (None, ""):
            raise required(name)
    read = _written(call, fields)
    task = call.base.add_task(read.pop("title"), by=call.user, **read)
    whole = _whole(call, task)
    return {"item": {name: value for name, value in whole.items() if name not in _ONLY_SELECTED}}


@method3("tasks.task.get", "tasks")
def task_get(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """One task."""
    return {"item": _told(call, _find(call, query, missing="ENTITYNOTFOUNDEXCEPTION"), _select(query))}


@method3("tasks.task.update", "tasks", writes=True)
def task_update(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Change a task; who made it can't be changed."""
    task, fields = _find(call, query, missing="ACCESSDENIEDEXCEPTION"), _fields(query)
    if "creatorId" in fields:
        text = "In DTO `TaskDto`, the field `creatorId` requires the presence of the `Editable` attribute"
        raise Refusal3("", f"{text} for such a request", field="creatorId")
    numbers = {word: number for number, word in WORDS.items()}
    status = fields.get("status")
    if status is not None and status not in numbers:
        raise mistyped("status", "string")
    call.base.update_task(task.id, by=call.user, **_written(call, fields))
    if status is not None and numbers[status] != status_of(task):
        put(call, task, numbers[status])
    return {"result": True}


@method3("tasks.task.delete", "tasks", writes=True)
def task_delete(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Delete a task."""
    call.base.delete_task(_find(call, query, missing="ACCESSDENIEDEXCEPTION").id, by=call.user)
    return {"result": True}


@method3("tasks.task.list", "tasks")
def task_list(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Tasks; only `id` may be filtered by, and without `select` only ids are told."""
    keep = _condition(call, query.get("filter") or [])
    start, limit = _page(query.get("pagination") or {})
    tasks = [task for task in call.base.tasks.values() if not task.deleted and keep(task)]
    for name, way in reversed(_order(query.get("order") or {})):
        tasks.sort(key=lambda task: _sortable(_whole(call, task)[name]), reverse=way == "DESC")  # used at once
    select = _select(query) or ["id"]
    return {"items": [_told(call, task, select) for task in tasks[start : start + limit]]}


def _sortable(raw: Any) -> tuple[bool, Any]:
    return raw is not None, raw if raw is not None else 0


def _order(sent: Any) -> list[tuple[str, str]]:
    if not isinstance(sent, dict):
        raise Refusal3("INVALIDORDEREXCEPTION", f"Unable to recognize sorting parameter `{sent}`")
    for name, way in sent.items():
        if name not in _SORTABLE or str(way).upper() not in ("ASC", "DESC"):
            raise Refusal3("INVALIDORDEREXCEPTION", f"Unable to recognize sorting parameter `{name}`")
    return [(name, str(way).upper()) for name, way in sent.items()] or [("id", "ASC")]


def _page(sent: Any) -> tuple[int, int]:
    given = sent if isinstance(sent, dict) else {"page": sent}
    for name, raw in given.items():
        if name not in ("page", "limit", "offset") or isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
            raise Refusal3("INVALIDPAGINATIONEXCEPTION", f"Unable to recognize pagination parameter `{name}`")
    limit = given.get("limit", USUAL_ROWS)
    if not 0 < limit <= MOST_ROWS:
        raise Refusal3("INVALIDPAGINATIONEXCEPTION", "Unable to recognize pagination parameter `limit`")
    return given.get("offset", max(given.get("page", 1) - 1, 0) * limit), limit


def _condition(call: Call, sent: Any) -> Callable[[Task], bool]:
    """A list of triples, all of which must hold; groups with `logic: or` at any depth."""
    if not isinstance(sent, list):
        raise Refusal3("", "Unable to recognize `filter`", field="filter")
    parts = [_group(call, one) if isinstance(one, dict) else _triple(call, one) for one in sent]
    return lambda task: all(part(task) for part in parts)


def _group(call: Call, sent: dict[str, Any]) -> Callable[[Task], bool]:
    parts = [_condition(call, [one]) for one in sent.get("conditions") or []]
    either = str(sent.get("logic", "and")).lower() == "or"
    return lambda task: (any if either else all)(part(task) for part in parts)


def _triple(call: Call, sent: Any) -> Callable[[Task], bool]:
    if not isinstance(sent, list) or len(sent) not in (2, 3):
        raise Refusal3("", "Unable to recognize `filter`", field="filter")
    name, value = str(sent[0]), sent[-1]
    operator = str(sent[1]) if len(sent) == 3 else "in" if isinstance(value, list) else "="
    if operator not in _OPERATORS:
        raise Refusal3("UNKNOWNFILTEROPERATOREXCEPTION", f"Unknown filter operator `{operator}`")
    if name != "id":
        if name not in _whole(call, Task(**_BLANK, created=call.base.clock.now(), updated=call.base.clock.now())):
            raise Refusal3("UNKNOWNDTOPROPERTYEXCEPTION", f"Unknown field `{name}` for entity `TaskDto`")
        text = f"In DTO `TaskDto`, the `{name}` field requires the `Filterable` attribute for such a request"
        raise Refusal3("", text, field=name)
    listed = value if isinstance(value, list) else [value]
    if not listed or any(isinstance(one, bool) or not isinstance(one, int) for one in listed):
        raise mistyped(name, "int")
    first, last = listed[0], listed[-1]
    tests: dict[str, Callable[[int], bool]] = {
        "=": lambda number: number == first,
        "!=": lambda number: number != first,
        ">": lambda number: number > first,
        ">=": lambda number: number >= first,
        "<": lambda number: number < first,
        "<=": lambda number: number <= first,
        "in": lambda number: number in listed,
        "between": lambda number: first <= number <= last,
    }
    return lambda task: tests[operator](task.id)
