"""What is done to a task beside editing it: `tasks.task.start`, `complete`, `defer`, … (facts/bitrix24.md 6.2)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.bitrix24.task_rows import (
    COMPLETED,
    DEFERRED,
    PROGRESS,
    REVIEW,
    STARTED,
    WAITING,
    status_of,
    task_columns,
)
from connector.sandbox.bitrix24.tasks import NOT_ALLOWED, NOT_ALLOWED_0, answer, find_task
from connector.sandbox.records import Task

_MOVES: dict[str, tuple[tuple[int, ...], int, Refusal]] = {
    "start": ((WAITING, DEFERRED), STARTED, NOT_ALLOWED_0),
    "pause": ((STARTED,), WAITING, NOT_ALLOWED),
    "defer": ((WAITING, STARTED), DEFERRED, NOT_ALLOWED),
    "renew": ((COMPLETED, DEFERRED, REVIEW), WAITING, NOT_ALLOWED),
    "disapprove": ((REVIEW,), WAITING, NOT_ALLOWED),
    "approve": ((REVIEW,), COMPLETED, NOT_ALLOWED),
    "complete": ((WAITING, STARTED, DEFERRED), COMPLETED, NOT_ALLOWED_0),
}
"""Action → from which statuses, into which one, and how the documents refuse it."""


def _moved(call: Call, action: str) -> dict[str, Any]:
    sources, target, refusal = _MOVES[action]
    task = find_task(call, refusal)
    if status_of(task) not in sources:
        raise refusal
    if action == "complete" and task.extra.get("TASK_CONTROL") == "Y" and call.user != task.creator:
        target = REVIEW
    return answer(call, put(call, task, target))


def put(call: Call, task: Task, status: int) -> Task:
    """Bring a task into a status."""
    if status == COMPLETED:
        return call.base.complete_task(task.id, by=call.user)
    with call.base.editing():
        if not task.open:
            call.base.reopen_task(task.id, by=call.user)
        return call.base.update_task(task.id, by=call.user, progress=PROGRESS[status])


def _register(action: str) -> None:
    method(f"tasks.task.{action}", writes=True)(lambda call: _moved(call, action))


for _action in _MOVES:
    _register(_action)


@method("tasks.task.delegate", writes=True)
def delegate(call: Call) -> dict[str, Any]:
    """Give a task to somebody else; the one who had it watches on."""
    task = find_task(call, NOT_ALLOWED_0)
    if call.get("userId") in (None, "", []):
        raise Refusal("100", "Could not find value for parameter {userId}")
    user = call.base.users.get(int(call.get("userId"))) if str(call.get("userId")).isdigit() else None
    if user is None or not user.active or not task.open:
        raise NOT_ALLOWED_0
    watchers = [*task.watchers, *(one for one in (task.assignee,) if one not in task.watchers)]
    return answer(call, call.base.update_task(task.id, by=call.user, assignee=user.id, watchers=watchers))


_ENUMS: dict[str, dict[str, str]] = {
    "PRIORITY": {"2": "Высокий", "1": "Средний", "0": "Низкий"},
    "STATUS": {
        "2": "Ждет выполнения",
        "3": "Выполняется",
        "4": "Ожидает контроля",
        "5": "Завершена",
        "6": "Отложена",
    },
    "MARK": {"N": "Отрицательная", "P": "Положительная"},
}


@method("tasks.task.getFields")
def fields(call: Call) -> dict[str, Any]:
    """What fields a task has."""
    types = {"int": "integer", "moment": "datetime", "ints": "array"}
    names = {name: types.get(column.type, "string") for name, column in task_columns(call).items()}
    for filter_only in ("TAG", "ACCOMPLICE", "AUDITOR"):
        names.pop(filter_only)
    names |= {"DESCRIPTION": "string", "MARK": "enum", "ACCOMPLICES": "array", "AUDITORS": "array", "TAGS": "array"}
    told: dict[str, Any] = {}
    for name, type_ in names.items():
        told[name] = {"title": name, "type": "enum" if name in _ENUMS else type_}
        if name in _ENUMS:
            told[name]["values"] = _ENUMS[name]
        if name in ("TITLE", "RESPONSIBLE_ID", "CREATED_BY"):
            told[name]["required"] = True
    told["ID"]["primary"] = True
    return {"fields": told}
