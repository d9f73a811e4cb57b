"""`tasks.task.*` of the old API: requests in UPPER_SNAKE, answers in camelCase (facts/bitrix24.md 6.1-6.3)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import run, test
from connector.sandbox.bitrix24.task_rows import CARDS, COMPLETED, KEPT, PROGRESS, task_columns, tell
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import CardKind, Task

NOT_ALLOWED = Refusal("1048582", "Действие над задачей не разрешено")
NOT_ALLOWED_0 = Refusal("0", "Действие над задачей не разрешено")
"""What the documents show for start, complete, delegate and update."""
_NO_ID = Refusal("100", "CTaskItem All parameters in the constructor must have real class type (internal error)")


def answer(call: Call, task: Task) -> dict[str, Any]:
    """A task as every write answers it."""
    return {"task": tell(call, task) | {"action": {"complete": task.open, "edit": True}, "checklist": task.checklist}}


def task_id(call: Call) -> int:
    """The parameter taskId.

    Raises:
        Refusal: absent (100), or no number (0).
    """
    raw = call.get("taskId")
    if raw in (None, "", []):
        raise _NO_ID
    if not str(raw).isdigit():
        raise Refusal("0", "wrong task id")
    return int(raw)


def find_task(call: Call, missing: Refusal = NOT_ALLOWED) -> Task:
    """The task of taskId; a missing one and one out of sight are refused alike.

    Raises:
        Refusal: `missing`, or no id.
    """
    try:
        return call.base.task(task_id(call))
    except UnknownRecord as error:
        raise missing from error


def _read_fields(call: Call) -> dict[str, Any]:
    sent = call.get("fields")
    if not isinstance(sent, dict) or not sent:
        raise Refusal("100", "Could not find value for parameter {fields}")
    attributes: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    try:
        for name, raw in sent.items():
            match name:
                case "TITLE" | "DESCRIPTION":
                    attributes["title" if name == "TITLE" else "text"] = str(raw)
                case "RESPONSIBLE_ID" | "CREATED_BY":
                    attributes["assignee" if name == "RESPONSIBLE_ID" else "creator"] = int(raw or 0)
                case "DEADLINE":
                    attributes["due"] = call.heard(raw) if raw else None
                case "TAGS":
                    attributes["tags"] = [str(one) for one in (raw if isinstance(raw, list) else [raw]) if one]
                case "AUDITORS":
                    attributes["watchers"] = [int(one) for one in (raw if isinstance(raw, list) else [raw])]
                case "XML_ID":
                    attributes["xml_id"] = str(raw)
                case "UF_CRM_TASK":
                    attributes["cards"] = _read_cards(raw)
                case "STATUS" | "REAL_STATUS":
                    attributes["status"] = int(raw)
                case "ACCOMPLICES":
                    kept[name] = [int(one) for one in (raw if isinstance(raw, list) else [raw]) if one]
                case _ if name in KEPT or name in call.base.task_fields:
                    kept[name] = raw
    except (TypeError, ValueError) as error:
        raise Refusal("ERROR_CORE", f"Неверное значение поля {name}<br>") from error
    return attributes | ({"extra": kept} if kept else {})


def _read_cards(raw: Any) -> list[tuple[CardKind, int]]:
    found = []
    for one in raw if isinstance(raw, list) else [raw]:
        match = re.fullmatch(r"(D|C|CO)_(\d+)", str(one))
        if match:
            found.append((CARDS[match[1]], int(match[2])))
    return found


def _check_person(call: Call, person: int) -> None:
    user = call.base.users.get(person)
    if user is None or not user.active:
        raise Refusal("ERROR_CORE", "Исполнитель не найден<br>")


def _check_mandatory(call: Call, attributes: dict[str, Any]) -> None:
    """Own fields that are mandatory stop a task; the reading makes all of them so."""
    given = attributes.get("extra", {})
    for name, definition in call.base.task_fields.items():
        mandatory = definition.get("MANDATORY") == "Y" or call.reading("task_fields_mandatory")
        if mandatory and given.get(name) in (None, "", []):
            raise Refusal("ERROR_CORE", f"Не заполнено обязательное поле {definition.get('LABEL') or name}<br>")


def _check_parent(call: Call, attributes: dict[str, Any]) -> None:
    parent = attributes.get("extra", {}).get("PARENT_ID")
    if parent and (not str(parent).isdigit() or int(parent) not in call.base.tasks):
        raise Refusal("ERROR_CORE", 'Задача, указанная в поле "Родительская задача", не найдена<br>')


def _check_status(status: int) -> None:
    if status != COMPLETED and status not in PROGRESS:
        raise Refusal("ERROR_CORE", "Неверный статус<br>")


@method("tasks.task.add", writes=True)
def task_add(call: Call) -> dict[str, Any]:
    """A new task."""
    attributes = _read_fields(call)
    if not attributes.get("title"):
        raise Refusal("ERROR_CORE", "Не указано название задачи<br>")
    if not attributes.get("assignee"):
        raise Refusal("ERROR_CORE", "Не указан исполнитель<br>")
    _check_person(call, attributes["assignee"])
    _check_mandatory(call, attributes)
    _check_parent(call, attributes)
    status = attributes.pop("status", None)
    if status is not None:
        _check_status(status)
        attributes["progress"] = PROGRESS.get(status, "waiting")
    task = call.base.add_task(attributes.pop("title"), by=call.user, **attributes)
    _touch_cards(call, task)
    return answer(call, task)


@method("tasks.task.update", writes=True)
def task_update(call: Call) -> dict[str, Any]:
    """Change a task; a status of 5 completes it, 2 opens it again."""
    task = find_task(call, NOT_ALLOWED_0)
    attributes = _read_fields(call)
    status = attributes.pop("status", None)
    if status is not None:
        _check_status(status)
    if "assignee" in attributes:
        _check_person(call, attributes["assignee"])
    _check_parent(call, attributes)
    if "extra" in attributes:
        attributes["extra"] = task.extra | attributes["extra"]
    with call.base.editing():
        call.base.update_task(task.id, by=call.user, **attributes)
        if status == COMPLETED:
            call.base.complete_task(task.id, by=call.user)
        elif status is not None:
            call.base.reopen_task(task.id, by=call.user)
            call.base.update_task(task.id, by=call.user, progress=PROGRESS[status])
    return answer(call, task)


@method("tasks.task.delete", writes=True)
def task_delete(call: Call) -> dict[str, Any]:
    """Delete a task."""
    call.base.delete_task(find_task(call).id, by=call.user)
    return {"task": True}


@method("tasks.task.get")
def task_get(call: Call) -> Any:
    """One task; `[]` when it is missing or out of sight."""
    if call.get("select") not in (None, "", []) and not isinstance(call.get("select"), list):
        raise Refusal("100", "Invalid value {} to match with parameter {select}. Should be value of type array.")
    try:
        task = call.base.task(task_id(call))
    except UnknownRecord:
        return []
    return {"task": tell(call, task, [str(one) for one in call.sequence("select")])}


@method("tasks.task.list")
def task_list(call: Call) -> Answer:
    """Tasks by the documented filter keys; others are ignored or refused, as the reading says."""
    columns = task_columns(call)
    known = {}
    for key, value in call.mapping("filter").items():
        match = re.fullmatch(r"(!|<=|>=|<|>|)(\w+)", str(key))
        if match and match[2] in columns:
            test(call, columns[match[2]], match[1], value)
            known[f"%{match[2]}" if match[2] == "TITLE" and not match[1] else str(key)] = value
        elif call.reading("unknown_task_filter_is_error"):
            raise Refusal("0", f"Неизвестный ключ фильтра {key}")
    for name in call.mapping("order"):
        if name not in columns:
            raise Refusal("0", f"Неизвестный ключ сортировки {name}")
    tasks = call.base.tasks

    def rows(after: int) -> list[Task]:
        numbers = range(max(after, 0) + 1, max(tasks, default=0) + 1)
        return [tasks[one] for one in numbers if one in tasks and not tasks[one].deleted]

    names = [str(one) for one in call.sequence("select")]
    inner = replace(call, params={**call.params, "filter": known, "select": []})
    rows_told = run(inner, columns, rows, lambda task, _: tell(call, task, names), id_name="ID")
    return Answer({"tasks": rows_told.result}, rows_told.total, rows_told.next)


def _touch_cards(call: Call, task: Task) -> None:
    """Open point: whether a new bound task moves `updatedTime` of its cards."""
    if call.reading("task_touches_cards"):
        for kind, of in task.cards:
            card = call.base.pile(kind).get(of)
            if card:
                card.updated = task.created
