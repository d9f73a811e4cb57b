"""`crm.activity.update`, `.delete` and bindings: what may be done to activities of any kind (facts/bitrix24.md 6.6)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.activities import Row, rows_after
from connector.sandbox.bitrix24.call import Call, Refusal, method

DENIED = Refusal("", "Access denied.")


def _row(call: Call, name: str, missing: Refusal, unknown: Refusal) -> Row:
    number = call.number(name, missing)
    row = next((row for row in rows_after(call, number - 1) if row.id == number), None)
    if row is None:
        raise unknown
    return row


def _named(call: Call) -> Row:
    return _row(call, "id", Refusal("", "ID is not defined or invalid."), Refusal("", "Activity is not found."))


@method("crm.activity.update", writes=True)
def activity_update(call: Call) -> bool:
    """Subject, description and COMPLETED of a communication; of a to-do only what the reading lets through."""
    row, fields = _named(call), call.mapping("fields")
    plan = call.base.plans.get(row.id)
    if plan is not None and plan.kind == "card":
        raise Refusal("", "Use crm.activity.configurable.update for this activity provider.")
    if row.type == 3 or (plan is not None and not call.reading("todo_completed_by_update")):
        raise DENIED
    changes: dict[str, Any] = {}
    if "COMPLETED" in fields:
        changes["completed"] = str(fields["COMPLETED"]).upper() in ("Y", "1", "TRUE")
    if plan is not None:
        names = {"SUBJECT": "title", "DESCRIPTION": "text"}
        changes |= {own: str(fields[name]) for name, own in names.items() if name in fields}
        call.base.update_plan(row.id, by=call.user, **changes)
    else:
        changes |= {"subject": str(fields["SUBJECT"])} if "SUBJECT" in fields else {}
        call.base.update_activity(row.id, by=call.user, **changes)
    return True


@method("crm.activity.delete", writes=True)
def activity_delete(call: Call) -> bool:
    """Delete an activity; a task is deleted as a task, an application's card only by its application."""
    row = _named(call)
    plan = call.base.plans.get(row.id)
    if row.type == 3:
        raise DENIED
    if plan is None:
        call.base.delete_activity(row.id, by=call.user)
        return True
    if plan.kind == "card" and plan.app != call.application:
        raise Refusal("", "Application context required." if call.application is None else "Access denied.")
    call.base.delete_plan(row.id, by=call.user)
    return True


@method("crm.activity.binding.list")
def binding_list(call: Call) -> list[dict[str, int]]:
    """The cards an activity is bound to."""
    missing = Refusal("100", "Could not find value for parameter {activityId}")
    row = _row(call, "activityId", missing, Refusal("NOT_FOUND", "Element not found"))
    return [{"entityTypeId": kind, "entityId": of} for kind, of in row.bindings]
