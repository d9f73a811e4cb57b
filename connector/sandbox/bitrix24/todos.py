"""`crm.activity.todo.*`: to-dos of a card, with a deadline and one owner (facts/bitrix24.md 6.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.bitrix24.configurable import owner_of
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.plans import Plan
from connector.sandbox.records import CardKind

COLOURS = ("default", "1", "2", "3", "4", "5", "6", "7")


def _missing(name: str) -> Refusal:
    return Refusal("100", f"Could not find value for parameter {{{name}}}")


def _owner(call: Call) -> tuple[CardKind, int]:
    return owner_of(call, Refusal("OWNER_NOT_FOUND", "Owner was not found"))


def _moment(call: Call, name: str) -> datetime:
    raw = call.get(name)
    if raw in (None, "", []):
        raise _missing(name)
    try:
        return call.heard(raw)
    except ValueError as error:
        raise Refusal("WRONG_DATETIME_FORMAT", "Wrong datetime format") from error


def _find(call: Call) -> Plan:
    """The to-do of this id on this card."""
    number, card = call.number("id", _missing("id")), _owner(call)
    try:
        found = call.base.plan(number)
    except UnknownRecord as error:
        raise Refusal("NOT_FOUND", "Not found") from error
    if found.kind != "todo" or card not in found.bindings:
        raise Refusal("NOT_FOUND", "Not found")
    return found


def _open(call: Call, code: str = "CAN_NOT_UPDATE_COMPLETED_TODO") -> Plan:
    found = _find(call)
    if found.completed:
        raise Refusal(code, "Can not update completed todo")
    return found


def _person(call: Call, name: str) -> int:
    try:
        person = int(call.get(name))
    except (TypeError, ValueError):
        person = 0
    user = call.base.users.get(person)
    if user is None:
        raise Refusal("ACCESS_DENIED", "Access denied")
    return person


def _more(call: Call) -> dict[str, Any]:
    """The parameters that `add` and `update` may leave out."""
    read: dict[str, Any] = {}
    for name, attribute in (("title", "title"), ("description", "text")):
        if name in call.params:
            read[attribute] = str(call.get(name) or "")
    if call.get("responsibleId"):
        read["assignee"] = _person(call, "responsibleId")
    settings: dict[str, Any] = {}
    if "pingOffsets" in call.params:
        settings["pingOffsets"] = [int(one) for one in call.sequence("pingOffsets")]
    if call.get("colorId"):
        settings["colorId"] = _colour(call.get("colorId"))
    if call.get("parentActivityId"):
        settings["parentActivityId"] = int(call.get("parentActivityId"))
    return read | ({"settings": settings} if settings else {})


def _colour(raw: Any) -> str:
    if str(raw) not in COLOURS:
        raise Refusal("CAN_NOT_UPDATE_WRONG_COLOR_TODO", "Wrong color value")
    return str(raw)


@method("crm.activity.todo.add", writes=True)
def todo_add(call: Call) -> dict[str, int]:
    """A new to-do."""
    card, due, more = _owner(call), _moment(call, "deadline"), _more(call)
    assignee = more.pop("assignee", call.user)
    return {"id": call.base.add_plan("todo", card, assignee=assignee, by=call.user, due=due, **more).id}


@method("crm.activity.todo.update", writes=True)
def todo_update(call: Call) -> dict[str, int]:
    """Change a to-do that is not done yet."""
    found = _open(call)
    due, more = _moment(call, "deadline"), _more(call)
    parent = call.base.plans.get(more.get("settings", {}).get("parentActivityId", 0))
    if parent is not None and parent.completed:
        raise Refusal("ERROR_PARENT_ACTIVITY_RESTRICT", "Can not schedule activity for a completed one")
    if "settings" in more:
        more["settings"] = found.settings | more["settings"]
    return {"id": call.base.update_plan(found.id, by=call.user, due=due, **more).id}


@method("crm.activity.todo.updateDeadline", writes=True)
def todo_deadline(call: Call) -> dict[str, int]:
    """Another deadline."""
    return {"id": call.base.update_plan(_open(call).id, by=call.user, due=_moment(call, "value")).id}


@method("crm.activity.todo.updateDescription", writes=True)
def todo_description(call: Call) -> dict[str, int]:
    """Another description."""
    found = _open(call)
    if "value" not in call.params:
        raise _missing("value")
    return {"id": call.base.update_plan(found.id, by=call.user, text=str(call.get("value") or "")).id}


@method("crm.activity.todo.updateColor", writes=True)
def todo_colour(call: Call) -> dict[str, int]:
    """Another colour."""
    found = _open(call, "CAN_NOT_UPDATE_COLOR_COMPLETED_TODO")
    settings = found.settings | {"colorId": _colour(call.get("value"))}
    return {"id": call.base.update_plan(found.id, by=call.user, settings=settings).id}


@method("crm.activity.todo.updateResponsibleUser", writes=True)
def todo_person(call: Call) -> dict[str, int]:
    """Another responsible user."""
    found = _open(call)
    return {"id": call.base.update_plan(found.id, by=call.user, assignee=_person(call, "value")).id}
