"""`tasks.task.*` of the old API: requests in UPPER_SNAKE, answers in camelCase (facts/bitrix24.md 6.1-6.3)."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import run, test
from connector.sandbox.bitrix24.task_rows import CARDS, COMPLETED, WAITING, task_columns, tell
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import CardKind, Task

NOT_ALLOWED = Refusal("1048582", "Действие над задачей не разрешено")


def _answer(call: Call, task: Task) -> dict[str, Any]:
    return {"task": tell(call, task) | {"action": {"complete": task.open, "edit": True}, "checklist": task.checklist}}


def _find(call: Call) -> Task:
    try:
        return call.base.task(call.number("taskId", Refusal("100", "Could not find value for parameter {taskId}")))
    except UnknownRecord as error:
        raise NOT_ALLOWED from error


def _read_fields(call: Call) -> dict[str, Any]:
    sent = call.get("fields")
    if not isinstance(sent, dict) or not sent:
        raise Refusal("100", "Could not find value for parameter {fields}")
    attributes: dict[str, Any] = {}
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
    except (TypeError, ValueError) as error:
        raise Refusal("ERROR_CORE", f"Неверное значение поля {name}<br>") from error
    own = {name: raw for name, raw in sent.items() if name in call.task_fields}
    return attributes | ({"extra": own} if own else {})


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


@method("tasks.task.add", writes=True)
def task_add(call: Call) -> dict[str, Any]:
    """A new task."""
    attributes = _read_fields(call)
    if not attributes.get("title"):
        raise Refusal("ERROR_CORE", "Не указано название задачи<br>")
    if not attributes.get("assignee"):
        raise Refusal("ERROR_CORE", "Не указан исполнитель<br>")
    _check_person(call, attributes["assignee"])
    attributes.pop("status", None)
    task = call.base.add_task(attributes.pop("title"), by=call.user, **attributes)
    _touch_cards(call, task)
    return _answer(call, task)


@method("tasks.task.update", writes=True)
def task_update(call: Call) -> dict[str, Any]:
    """Change a task; a status of 5 completes it, 2 opens it again."""
    task = _find(call)
    attributes = _read_fields(call)
    status = attributes.pop("status", None)
    if "assignee" in attributes:
        _check_person(call, attributes["assignee"])
    if "extra" in attributes:
        attributes["extra"] = task.extra | attributes["extra"]
    with call.base.editing():
        call.base.update_task(task.id, by=call.user, **attributes)
        if status == COMPLETED:
            call.base.complete_task(task.id, by=call.user)
        elif status == WAITING:
            call.base.reopen_task(task.id, by=call.user)
    return _answer(call, task)


@method("tasks.task.complete", writes=True)
def task_complete(call: Call) -> dict[str, Any]:
    """Complete an open task."""
    task = _find(call)
    if not task.open:
        raise NOT_ALLOWED
    return _answer(call, call.base.complete_task(task.id, by=call.user))


@method("tasks.task.renew", writes=True)
def task_renew(call: Call) -> dict[str, Any]:
    """Open a completed task again."""
    task = _find(call)
    if task.open:
        raise NOT_ALLOWED
    return _answer(call, call.base.reopen_task(task.id, by=call.user))


@method("tasks.task.delete", writes=True)
def task_delete(call: Call) -> dict[str, Any]:
    """Delete a task."""
    call.base.delete_task(_find(call).id, by=call.user)
    return {"task": True}


@method("tasks.task.get")
def task_get(call: Call) -> Any:
    """One task; `[]` when it is missing or out of sight."""
    try:
        task = call.base.task(call.number("taskId", Refusal("100", "Could not find value for parameter {taskId}")))
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
    inner = Call(call.base, call.config, {**call.params, "filter": known, "select": []}, call.user)
    answer = run(inner, columns, rows, lambda task, _: tell(call, task, names), id_name="ID")
    return Answer({"tasks": answer.result}, answer.total, answer.next)


@method("task.checklistitem.add", writes=True)
def checklist_add(call: Call) -> int:
    """One more line of a task's checklist; named parameters or, by their order, unnamed ones."""
    params = list(call.params.values())
    number, fields = call.get("TASKID", params[0] if params else 0), call.get("FIELDS", params[1] if params[1:] else {})
    if not isinstance(fields, dict) or not fields.get("TITLE"):
        raise Refusal("ERROR_CORE", "TASKS_ERROR_EXCEPTION_#256; Не указан заголовок<br>")
    try:
        task = call.base.task(int(number))
    except (UnknownRecord, TypeError, ValueError) as error:
        raise Refusal("ERROR_CORE", "TASKS_ERROR_EXCEPTION_#8; Действие не разрешено<br>") from error
    call.base.update_task(task.id, by=call.user, checklist=[*task.checklist, str(fields["TITLE"])])
    return task.id * 100 + len(task.checklist)


@method("task.item.userfield.add", writes=True)
def own_field_add(call: Call) -> int:
    """An own field of tasks; `UF_` is put before its name."""
    name = str(call.mapping("PARAMS").get("FIELD_NAME", "")).upper()
    name = name if name.startswith("UF_") else f"UF_{name}"
    if name in call.task_fields or not re.fullmatch(r"UF_[A-Z0-9_]+", name):
        raise Refusal("ERROR_CORE", f"Поле {name} уже существует или названо неверно")
    call.task_fields.add(name)
    return len(call.task_fields)


def _touch_cards(call: Call, task: Task) -> None:
    """Open point: whether a new bound task moves `updatedTime` of its cards."""
    if call.reading("task_touches_cards"):
        for kind, of in task.cards:
            card = call.base.pile(kind).get(of)
            if card:
                card.updated = task.created
