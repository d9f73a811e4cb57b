"""`crm.activity.configurable.*`: an application's own cards in the timeline, with buttons (bitrix24.md 6.7)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.bitrix24.columns import KINDS
from connector.sandbox.bitrix24.layouts import read_layout
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.plans import Plan
from connector.sandbox.records import CardKind

USUAL_TYPE = "CONFIGURABLE"
PROVIDER = "CONFIGURABLE_REST_APP"
TYPE_IDS = {kind: number for number, kind in KINDS.items()}
_FIELDS = {
    "typeId",
    "completed",
    "deadline",
    "pingOffsets",
    "isIncomingChannel",
    "responsibleId",
    "badgeCode",
    "originatorId",
    "originId",
}


def _application(call: Call) -> str:
    if call.application is None:
        raise Refusal("ERROR_WRONG_CONTEXT", "Method call is only possible in the context of a REST application")
    return call.application


def _find(call: Call) -> Plan:
    try:
        found = call.base.plan(call.number("id", _missing("id")))
    except UnknownRecord as error:
        raise Refusal("NOT_FOUND", "Not found.") from error
    if found.kind != "card":
        raise Refusal("NOT_FOUND", "Not found.")
    return found


def _missing(name: str) -> Refusal:
    return Refusal("100", f"Could not find value for parameter {{{name}}}")


def owner_of(call: Call, missing: Refusal) -> tuple[CardKind, int]:
    """The card named by ownerTypeId and ownerId.

    Raises:
        Refusal: a parameter is absent (100), or there is no such card (`missing`).
    """
    kind = KINDS.get(call.number("ownerTypeId", _missing("ownerTypeId")))
    number = call.number("ownerId", _missing("ownerId"))
    if kind is None:
        raise missing
    try:
        call.base.card(kind, number)
    except UnknownRecord as error:
        raise missing from error
    return kind, number


def _read_fields(call: Call) -> dict[str, Any]:
    sent = call.get("fields")
    if sent is None:
        raise _missing("fields")
    given = call.mapping("fields")
    unknown = [name for name in given if name not in _FIELDS]
    if unknown:
        raise Refusal("FIELD_IS_REDUNDANT", f"Field `fields.{unknown[0]}` is redundant")
    try:
        read = _attributes(call, given)
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("WRONG_FIELD_VALUE", "Wrong field value") from error
    if read.get("incoming") and read.get("due"):
        text = "Incoming activity can not be with deadline"
        raise Refusal("INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", text)
    return read


def _attributes(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """`fields` by the attributes of a plan."""
    read: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, raw in given.items():
        match name:
            case "completed" | "isIncomingChannel":
                flag = {"Y": True, "1": True, "TRUE": True, "N": False, "0": False, "FALSE": False, "": False}
                read["completed" if name == "completed" else "incoming"] = flag[str(raw).upper()]
            case "deadline":
                read["due"] = call.heard(raw) if raw else None
            case "responsibleId":
                if int(raw) not in call.base.users:
                    raise ValueError(raw)
                read["assignee"] = int(raw)
            case "originatorId" | "originId":
                read["originator" if name == "originatorId" else "origin"] = None if raw is None else str(raw)
            case "pingOffsets":
                listed = list(raw.values()) if isinstance(raw, dict) else raw or []
                settings[name] = [int(one) for one in listed]
            case "typeId":
                if raw not in (None, "", USUAL_TYPE):
                    raise ValueError(raw)
            case _:
                if raw:  # no badge is defined on this portal
                    raise ValueError(raw)
    return read | ({"settings": settings} if settings else {})


@method("crm.activity.configurable.add", writes=True)
def add(call: Call) -> dict[str, Any]:
    """A new card of the calling application in the timeline of a deal, contact or company."""
    application = _application(call)
    card = owner_of(call, Refusal("NOT_FOUND", "Not found."))
    fields = _read_fields(call)
    if "layout" not in call.params:
        raise _missing("layout")
    layout = read_layout(call.get("layout"))
    assignee = fields.pop("assignee", call.base.card(*card).owner or call.user)
    title = _plain_title(layout)
    made = call.base.add_plan(
        "card", card, assignee=assignee, by=call.user, app=application, layout=layout, title=title, **fields
    )
    return {"activity": {"id": made.id}}


@method("crm.activity.configurable.update", writes=True)
def change(call: Call) -> dict[str, Any]:
    """Change a card; the layout is replaced as a whole, and whatever a click had locked is free again."""
    application = _application(call)
    found = _find(call)
    if found.app != application:
        text = "The activity can only be updated by the application that created it"
        raise Refusal("ERROR_WRONG_APPLICATION", text)
    fields = _read_fields(call)
    if "layout" not in call.params:
        raise _missing("layout")
    layout = read_layout(call.get("layout"))
    due = fields.get("due", found.due)
    if fields.get("incoming", found.incoming) and due:
        raise Refusal("INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", "Incoming activity can not be with deadline")
    changes = fields | {"layout": layout, "title": _plain_title(layout), "locked": []}
    call.base.update_plan(found.id, by=call.user, **changes)
    return {"activity": {"id": found.id}}


@method("crm.activity.configurable.get")
def get(call: Call) -> dict[str, Any]:
    """One card with its fields and layout."""
    _application(call)
    found = _find(call)
    return {
        "activity": {
            "id": found.id,
            "ownerTypeId": TYPE_IDS[found.card[0]],
            "ownerId": found.card[1],
            "fields": {
                "typeId": USUAL_TYPE,
                "completed": found.completed,
                "deadline": call.told(found.due) or None,
                "pingOffsets": found.settings.get("pingOffsets", []),
                "isIncomingChannel": found.incoming,
                "responsibleId": found.assignee,
                "badgeCode": "",
                "originatorId": found.originator,
                "originId": found.origin,
            },
            "layout": found.layout,
        }
    }


def _plain_title(layout: dict[str, Any]) -> str:
    return translated(layout["header"]["title"])


def translated(text: Any, language: str = "ru") -> str:
    """A `textWithTranslation` in one language: that one, else English, else the first."""
    if isinstance(text, dict):
        return str(text.get(language) or text.get("en") or next(iter(text.values()), ""))
    return str(text)
