"""Proposals in Bitrix24: a card with buttons in the timeline, or without an application a task of its own.

Source: facts/bitrix24.md 6.7 (cards), 6.9 (which of the two). A card is written whole each time, which also frees it
from the lock of a click. Two answers are buttons, all others are in its menu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm.bitrix24.api import Command
from connector.crm.bitrix24.mapping import CLOSED_STATES, ENTITY_TYPES, TAG
from connector.crm.bitrix24.wording import clean, deadline, inert, one_line
from connector.crm.port import Choice, Effect, OfferStanding

OFFER_TAG: Final = "kasanie-предложение"
"""What tells a proposal that is a task from a task, in the CRM's lists and filters."""
ORIGINATOR: Final = "kasanie"
BUTTONS: Final = 2
"""So many the timeline shows under a card."""
BUTTON_LIMIT: Final = 60
"""Characters of a button; the documents name no limit, the timeline shows about so many."""
REASON_LIMIT: Final = 200
DEFERRED: Final = "6"
WAITING: Final = "2"

_TAG_TYPES: Final[Mapping[OfferStanding, str]] = {
    "open": "warning",
    "accepted": "success",
    "declined": "failure",
    "ended": "secondary",
}


def on_card(effect: Effect) -> bool:
    """Whether a proposal is a card of the timeline, by the ref that its making gave."""
    return (effect.offer or "").startswith("activity:")


def new_card(effect: Effect, zone: ZoneInfo) -> Command:
    """Put a card into the timeline of the deal, contact or company that the proposal is about."""
    kind, _, number = effect.bind[0].partition(":")
    fields = {
        "responsibleId": effect.assignee,
        "deadline": deadline(effect.due, zone),
        "completed": "N",
        **_origin(effect),
    }
    asked = {
        "ownerTypeId": ENTITY_TYPES[kind],  # type: ignore[index]  # proposals are about one of the three cards
        "ownerId": number,
        "fields": fields,
        "layout": layout(effect),
    }
    return Command("crm.activity.configurable.add", asked)


def card_again(effect: Effect, zone: ZoneInfo) -> Command:
    """Write a card as it stands. Without a due only its looks: what a person did to the card meanwhile stays."""
    fields: dict[str, Any] = _origin(effect)
    if effect.standing != "open":
        fields["completed"] = "Y"
    elif effect.due is not None:
        fields |= {"completed": "N", "responsibleId": effect.assignee, "deadline": deadline(effect.due, zone)}
    number = (effect.offer or "").partition(":")[2]
    asked = {"id": number, "fields": fields, "layout": layout(effect)}
    return Command("crm.activity.configurable.update", asked)


def layout(effect: Effect) -> dict[str, Any]:
    """What the card shows. Flags are words, as the documents' own samples have them."""
    blocks: dict[str, Any] = {}
    if effect.status:
        blocks["status"] = {"type": "text", "properties": {"value": inert(effect.status), "bold": "true"}}
    if effect.text:
        blocks["text"] = {"type": "text", "properties": {"value": inert(effect.text), "multiline": "true"}}
    blocks["due"] = {"type": "deadline", "properties": {"readonly": "true"}}
    made: dict[str, Any] = {
        "icon": {"code": "info"},
        "header": {"title": one_line(effect.title)},
        "body": {"logo": {"code": "document"}, "blocks": blocks},
    }
    if effect.tag:
        made["header"]["tags"] = {"standing": {"type": _TAG_TYPES[effect.standing], "title": inert(effect.tag)}}
    if effect.choices:
        made["footer"] = _footer(effect)
    return made


def _footer(effect: Effect) -> dict[str, Any]:
    named = {_name(place, choice): choice for place, choice in enumerate(effect.choices)}
    first = list(named)[:BUTTONS]
    menu = {"showPostponeItem": "false", "showDeleteItem": "false"}
    return {
        "buttons": {
            name: {
                "type": "primary" if name == first[0] else "secondary",
                "hideIfReadonly": "true",
                **_pressed(effect, named[name]),
            }
            for name in first
        },
        "menu": {**menu, "items": {name: _pressed(effect, named[name]) for name in named if name not in first}},
    }


def _name(place: int, choice: Choice) -> str:
    """`accept`, `later_3`, `decline_5`: of Latin letters and digits, and the same each time the card is written."""
    if choice.answer == "accept":
        return "accept"
    return f"later_{choice.days}" if choice.answer == "later" else f"decline_{place}"


def _pressed(effect: Effect, choice: Choice) -> dict[str, Any]:
    told = {
        "key": effect.about,
        "answer": choice.answer,
        "days": choice.days,
        "reason": inert(choice.reason)[:REASON_LIMIT] if choice.reason else None,
    }
    action = {
        "type": "restEvent",
        "id": f"kasanie_{choice.answer}",
        "animationType": "loader",
        "actionParams": {name: value for name, value in told.items() if value is not None},
    }
    return {"title": one_line(choice.label)[:BUTTON_LIMIT], "action": action}


def _origin(effect: Effect) -> dict[str, Any]:
    return {"originatorId": ORIGINATOR, "originId": effect.marker}


# as a task
def text_of_task(effect: Effect) -> str:
    """What is offered, and how to answer without buttons."""
    return "\n\n".join(filter(None, (effect.text, effect.hint)))


def task_again(name: str, effect: Effect, task: Mapping[str, Any], number: str, zone: ZoneInfo) -> dict[str, Command]:
    """The commands that bring a proposal's task to how the proposal stands, as far as it is not so already."""
    status = str(task.get("status"))
    closed = status in CLOSED_STATES
    fields: dict[str, Any] = {}
    description = str(task.get("description") or "")
    line = clean(effect.status)
    if line and line not in description:
        fields["DESCRIPTION"] = f"{line}\n\n{description}"
    commands: dict[str, Command] = {}
    if effect.standing == "open":
        fields |= {"DEADLINE": deadline(effect.due, zone), "RESPONSIBLE_ID": effect.assignee}
        if status == DEFERRED:
            fields["STATUS"] = WAITING
        if closed:
            commands[f"{name}_again"] = Command("tasks.task.renew", {"taskId": number})
    if fields:
        commands[f"{name}_text"] = Command("tasks.task.update", {"taskId": number, "fields": fields})
    if effect.standing != "open" and not closed:
        commands[f"{name}_end"] = Command("tasks.task.complete", {"taskId": number})
    return commands


# found again
def search(effects: Sequence[Effect]) -> dict[str, Command]:
    """Commands that look for the cards of these effects, by effect key."""
    return {effect.key: _search_one(effect) for effect in effects if effect.verb == "offer_touch" and effect.bind}


def _search_one(effect: Effect) -> Command:
    kind, _, number = effect.bind[0].partition(":")
    narrow = {
        "OWNER_TYPE_ID": ENTITY_TYPES[kind],  # type: ignore[index]  # as in new_card
        "OWNER_ID": number,
        "ORIGINATOR_ID": ORIGINATOR,
        "ORIGIN_ID": effect.marker,
    }
    select = ("ID", "ORIGINATOR_ID", "ORIGIN_ID")
    return Command("crm.activity.list", {"filter": narrow, "select": select, "order": {"ID": "DESC"}, "start": -1})


def found(effect: Effect, rows: Any) -> str | None:
    """The card of an effect among the rows of its search. The marker is compared here: a filter may be ignored."""
    listed = rows if isinstance(rows, list) else []
    ours = [
        int(row["ID"])
        for row in listed
        if row.get("ORIGINATOR_ID") == ORIGINATOR and row.get("ORIGIN_ID") == effect.marker
    ]
    return f"activity:{min(ours)}" if ours else None


def task_tags() -> list[str]:
    """Of a proposal that is a task."""
    return [TAG, OFFER_TAG]
