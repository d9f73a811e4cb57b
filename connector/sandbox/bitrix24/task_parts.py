"""What hangs on a task: checklist, own fields, comments; parameters by their order (facts/bitrix24.md 2.1, 6.2)."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.bitrix24.application import application_of
from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import Task

_PLACES = 100
"""An item's id is its task's id and its place in the list."""
_OWN_TYPES = ("string", "double", "datetime", "boolean")


def _ordered(call: Call, *names: str) -> list[Any]:
    """Parameters by the order the documents give them, whatever they are called; `__order` of one client is none."""
    given = {name: value for name, value in call.params.items() if not name.startswith("__") and name != "auth"}
    if any(name in given for name in names):
        return [given.get(name) for name in names]
    return [*list(given.values())[: len(names)], *[None] * (len(names) - len(given))]


def _wrong(place: int, name: str, function: str) -> Refusal:
    text = f"Param #{place} ({name}) for method {function} expected to be of another type, but given something else."
    return Refusal("ERROR_CORE", f"TASKS_ERROR_EXCEPTION_#256; {text}; 256/TE/WRONG_ARGUMENTS<br>")


def _failed(text: str) -> Refusal:
    return Refusal("ERROR_CORE", f"TASKS_ERROR_EXCEPTION_#8; {text}; 8/TE/ACTION_FAILED_TO_BE_PROCESSED<br>")


def _task(call: Call, raw: Any, function: str, refusal: Refusal) -> Task:
    if not str(raw).isdigit():
        raise _wrong(0, "taskId", function)
    try:
        return call.base.task(int(raw))
    except UnknownRecord as error:
        raise refusal from error


@method("task.checklistitem.add", writes=True)
def checklist_add(call: Call) -> int:
    """One more line of a task's checklist."""
    number, fields = _ordered(call, "TASKID", "FIELDS")
    function = "ctaskchecklistitem::add()"
    if not isinstance(fields, dict) or not fields:
        raise _wrong(1, "arFields", function)
    if not fields.get("TITLE"):
        raise _failed("Не указано название пункта")
    task = _task(call, number, function, _failed("Добавление пункта: действие не разрешено"))
    ticked = [*task.ticked, len(task.checklist)] if fields.get("IS_COMPLETE") == "Y" else task.ticked
    lines = [*task.checklist, str(fields["TITLE"])]
    call.base.update_task(task.id, by=call.user, checklist=lines, ticked=ticked)
    return task.id * _PLACES + len(lines)


def _row(task: Task, place: int) -> dict[str, Any]:
    ticked = place in task.ticked
    return {
        "ID": str(task.id * _PLACES + place + 1),
        "TASK_ID": str(task.id),
        "PARENT_ID": 0,
        "CREATED_BY": str(task.creator),
        "TITLE": task.checklist[place],
        "SORT_INDEX": str(place),
        "IS_COMPLETE": "Y" if ticked else "N",
        "IS_IMPORTANT": "N",
        "TOGGLED_BY": str(task.assignee) if ticked else None,
        "TOGGLED_DATE": "",
        "MEMBERS": [],
        "ATTACHMENTS": [],
    }


@method("task.checklistitem.getlist")
def checklist_list(call: Call) -> list[dict[str, Any]]:
    """A task's lines, the newest first unless ORDER says otherwise."""
    number, order = _ordered(call, "TASKID", "ORDER")
    task = _task(call, number, "ctaskchecklistitem::getlist()", _failed("Action failed"))
    known = ("ID", "PARENT_ID", "CREATED_BY", "TITLE", "SORT_INDEX", "IS_COMPLETE", "IS_IMPORTANT", "TOGGLED_BY")
    wanted = order if isinstance(order, dict) and order else {"ID": "desc"}
    for name in wanted:
        if name not in (*known, "TOGGLED_DATE"):
            raise _wrong(1, "arOrder", "ctaskchecklistitem::getlist()")
    rows = [_row(task, place) for place, line in enumerate(task.checklist) if line]
    for name, way in reversed(wanted.items()):
        rows.sort(key=lambda row: _sortable(row[name]), reverse=str(way).lower() == "desc")  # used at once
    return rows


def _sortable(raw: Any) -> tuple[int, str]:
    text = str(raw or "")
    return (int(text), "") if text.isdigit() else (0, text)


def _place(call: Call, function: str) -> tuple[Task, int]:
    """The task and place of an item; it is found by ITEMID alone."""
    number, item = _ordered(call, "TASKID", "ITEMID")[:2]
    for place, (name, raw) in enumerate((("taskId", number), ("itemId", item))):
        if not str(raw).isdigit():
            raise _wrong(place, name, function)
        if int(raw) < 1:
            raise Refusal("ERROR_CORE", "TASKS_ERROR_ASSERT_EXCEPTION<br>")
    task = _task(call, int(item) // _PLACES, function, _failed("Action failed"))
    place = int(item) % _PLACES - 1
    if not 0 <= place < len(task.checklist) or not task.checklist[place]:
        raise _failed("Action failed")
    return task, place


@method("task.checklistitem.get")
def checklist_get(call: Call) -> dict[str, Any]:
    """One line."""
    return _row(*_place(call, "ctaskchecklistitem::get()"))


@method("task.checklistitem.complete", writes=True)
def checklist_complete(call: Call) -> bool:
    """Tick a line."""
    task, place = _place(call, "ctaskchecklistitem::complete()")
    call.base.update_task(task.id, by=call.user, ticked=sorted({*task.ticked, place}))
    return True


@method("task.checklistitem.renew", writes=True)
def checklist_renew(call: Call) -> bool:
    """Untick a line."""
    task, place = _place(call, "ctaskchecklistitem::renew()")
    call.base.update_task(task.id, by=call.user, ticked=[one for one in task.ticked if one != place])
    return True


@method("task.checklistitem.update", writes=True)
def checklist_update(call: Call) -> bool:
    """Another text for a line."""
    task, place = _place(call, "ctaskchecklistitem::update()")
    fields = _ordered(call, "TASKID", "ITEMID", "FIELDS")[2]
    if not isinstance(fields, dict) or not fields.get("TITLE"):
        raise _failed("Не указано название пункта")
    lines = [str(fields["TITLE"]) if at == place else line for at, line in enumerate(task.checklist)]
    call.base.update_task(task.id, by=call.user, checklist=lines)
    return True


@method("task.checklistitem.delete", writes=True)
def checklist_delete(call: Call) -> bool:
    """Take a line away."""
    task, place = _place(call, "ctaskchecklistitem::delete()")
    lines = ["" if at == place else line for at, line in enumerate(task.checklist)]
    call.base.update_task(task.id, by=call.user, checklist=lines)
    return True


@method("task.commentitem.add", writes=True)
def comment_add(call: Call) -> int:
    """A message in a task's discussion; only its event is seen here."""
    number, fields = _ordered(call, "TASKID", "FIELDS")
    if not isinstance(fields, dict) or not fields.get("POST_MESSAGE"):
        raise Refusal("ERROR_CORE", "Не указан текст комментария<br>")
    task = _task(call, number, "ctaskcommentitem::add()", Refusal("ERROR_CORE", "Недостаточно прав<br>"))
    number = call.base.new_id("task message")
    told = {"FIELDS_BEFORE": "undefined", "FIELDS_AFTER": {"ID": 0, "TASK_ID": task.id, "MESSAGE_ID": number}}
    by = int(fields.get("AUTHOR_ID") or call.user)
    application_of(call.config).announce("ONTASKCOMMENTADD", told, by, to_webhook=True)
    return number


@method("task.item.userfield.add", writes=True)
def own_field_add(call: Call) -> int:
    """An own field of tasks; `UF_` is put before its name."""
    params = call.mapping("PARAMS")
    for name in ("USER_TYPE_ID", "FIELD_NAME"):
        if not params.get(name):
            raise Refusal("ERROR_CORE", f"The '{name}' field is not found.")
    if params["USER_TYPE_ID"] not in _OWN_TYPES:
        raise Refusal("ERROR_CORE", "Invalid user type specified.")
    if not call.admin:
        raise Refusal("ERROR_CORE", "Access denied")
    name = str(params["FIELD_NAME"]).upper()
    name = name if name.startswith("UF_") else f"UF_{name}"
    if not re.fullmatch(r"UF_[A-Z0-9_]+", name):
        raise Refusal("ERROR_CORE", f"Поле {name} названо неверно")
    if name in call.base.task_fields or name == "UF_CRM_TASK":
        raise Refusal("ERROR_CORE", f"The field {name} for the object TASKS_TASK already exists.")
    number = call.base.new_id("task field")
    call.base.task_fields[name] = {**params, "ID": number}
    return number


def _own_row(name: str, number: int, definition: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": str(number),
        "ENTITY_ID": "TASKS_TASK",
        "FIELD_NAME": name,
        "USER_TYPE_ID": definition.get("USER_TYPE_ID", "string"),
        "XML_ID": definition.get("XML_ID", ""),
        "SORT": str(definition.get("SORT", 100)),
        "MULTIPLE": definition.get("MULTIPLE", "N"),
        "MANDATORY": definition.get("MANDATORY", "N"),
        "SHOW_FILTER": "N",
        "SHOW_IN_LIST": "Y",
        "EDIT_IN_LIST": "Y",
        "IS_SEARCHABLE": "N",
        "SETTINGS": definition.get("SETTINGS", {}),
    }


@method("task.item.userfield.getlist")
def own_field_list(call: Call) -> list[dict[str, Any]]:
    """The own fields of tasks, the portal's one of bindings among them."""
    bindings = {"USER_TYPE_ID": "crm", "MULTIPLE": "Y", "SETTINGS": dict.fromkeys(_CARDS, "Y")}
    rows = [_own_row("UF_CRM_TASK", 1_000_001, bindings)]
    rows += [_own_row(name, one["ID"], one) for name, one in call.base.task_fields.items()]
    known = ("ID", "FIELD_NAME", "USER_TYPE_ID", "XML_ID", "MULTIPLE", "MANDATORY")
    filters = call.mapping("FILTER") or call.mapping("filter")
    for key, value in filters.items():
        wanted = [str(one) for one in (value if isinstance(value, list) else [value])]
        if key in known:
            rows = [row for row in rows if row[key] in wanted]
    return rows


_CARDS = ("LEAD", "CONTACT", "COMPANY", "DEAL")
