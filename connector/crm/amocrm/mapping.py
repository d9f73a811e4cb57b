"""amoCRM's rows as facts (`connector.crm.port.Fact`): its words end here.

A lead is a deal; a stage's key is `pipeline:status`, because 142 (won) and 143 (lost) are the same in every pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connector.crm.amocrm.api import embedded
from connector.crm.amocrm.proposals import words_of
from connector.crm.amocrm.values import field_value, requisites
from connector.crm.port import Fact, FactKind, Ref

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WON, LOST = 142, 143
UNSORTED = 1
"""The `type` of the stage that holds incoming leads nobody accepted yet."""

CARDS: Mapping[str, FactKind] = {"companies": "company", "contacts": "contact", "leads": "deal"}
"""Our kind of card by the API's plural; events say `lead`, the API says `leads`."""
PLURALS: Mapping[str, str] = {kind: plural for plural, kind in CARDS.items()}
LISTS: Mapping[str, str] = {**PLURALS, "task": "tasks"}
"""The list in which a ref's row lies, by the kind of ref."""
REQUISITE = "requisite."
"""`requisite.vat_id`: a part of the card's first filled field of type legal_entity."""
PRODUCTS = "products"
"""The field of a deal that is not on its card: the names of the list elements it is for."""
_OF_EVENT: Mapping[str, FactKind] = {"lead": "deal", "contact": "contact", "company": "company", "task": "task"}

FOLLOW_UP, MEETING = 1, 2
STANDARD_TYPES = frozenset({FOLLOW_UP, MEETING})
"""Task types that every account has (facts/amocrm.md 5.1)."""
TOUCH_TYPES = frozenset({"касание", "touch"})
"""Names (lower case) of the task type an admin may make for touches; no call makes one."""
PREFIXES = ("Касание: ", "Touch: ")
"""Starts the task's text where the account has no such type; Russian, English."""
MARKER = re.compile(r"\[(kasanie:[0-9a-f]{12})\]")
"""How a task of ours is known: the last one in its text, where a client's name may hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReading:
    """What rows of one kind are read with."""

    zone: ZoneInfo
    wanted: tuple[str, ...] = ()
    """Custom fields by id (as text) or code."""
    known: frozenset[str] = frozenset()
    """Those that the account has: a wanted one that it lacks cannot be read."""
    outside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the row's id, what is kept outside the card: wanted name -> value."""


def moment(seconds: Any) -> datetime:
    """Unix seconds as an aware moment; amoCRM has no other on the wire of v4. OverflowError beyond the year 9999."""
    return _EPOCH + timedelta(seconds=int(seconds or 0))


def iso(seconds: Any) -> str | None:
    """The same as text; None where it is not set."""
    return moment(seconds).isoformat() if seconds else None


def person(number: Any) -> str | None:
    """A user's id; None for nobody and for a robot (0)."""
    return str(number) if isinstance(number, int) and number > 0 else None


def card(plural: str, row: Mapping[str, Any], reading: CardReading) -> Fact:
    """A company, a contact or a lead as a fact."""
    if row.get("is_deleted"):
        return gone(CARDS[plural], row["id"], row.get("updated_at"))
    build = {"companies": _company, "contacts": _contact, "leads": _deal}[plural]
    return build(row, reading)


def gone(kind: FactKind, number: Any, seconds: Any = None) -> Fact:
    """What was deleted; the loader still knows whose it was."""
    return Fact(kind=kind, id=str(number), body={}, changed=moment(seconds), gone=True)


def _company(row: Mapping[str, Any], reading: CardReading) -> Fact:
    body = {"title": _name(row), "owner": person(row.get("responsible_user_id")), "created": iso(row.get("created_at"))}
    return _card("company", row, body, (), reading)


def _contact(row: Mapping[str, Any], reading: CardReading) -> Fact:
    body = {"name": _name(row), "owner": person(row.get("responsible_user_id")), "created": iso(row.get("created_at"))}
    return _card("contact", row, body, linked(row, "companies"), reading)


def _deal(row: Mapping[str, Any], reading: CardReading) -> Fact:
    companies, contacts = linked(row, "companies"), linked(row, "contacts")
    status, price, reason = row.get("status_id"), row.get("price"), row.get("loss_reason_id")
    body = {
        "title": _name(row),
        "owner": person(row.get("responsible_user_id")),
        "created": iso(row.get("created_at")),
        "pipeline": str(row.get("pipeline_id")),
        "stage": stage_key(row.get("pipeline_id"), status),
        "semantic": semantic(status),
        "amount": None if price is None else str(price),
        "currency": None,  # a lead has none; the account has one for all
        "loss_reason": str(reason) if reason else None,
        "company": companies[0] if companies else None,
        "contacts": list(contacts),
    }
    return _card("deal", row, body, (*companies, *contacts), reading)


def _card(
    kind: FactKind, row: Mapping[str, Any], body: dict[str, Any], links: tuple[Ref, ...], reading: CardReading
) -> Fact:
    changed = moment(row.get("updated_at"))
    whole = {**body, "fields": _fields(row, reading)}
    return Fact(kind=kind, id=str(row["id"]), body=whole, changed=changed, links=links)


def _fields(row: Mapping[str, Any], reading: CardReading) -> dict[str, Any]:
    """Wanted fields by id or code. Only filled ones are on the wire, so one that exists and is absent is empty."""
    filled: dict[str, Any] = {}
    for entry in row.get("custom_fields_values") or ():
        value = field_value(entry, reading.zone)
        for name in (entry.get("field_id"), entry.get("field_code")):
            if name is not None:
                filled[str(name)] = value
        for name, part in requisites(entry).items():
            filled.setdefault(f"{REQUISITE}{name}", part)
    outside = reading.outside.get(str(row["id"]), {})
    told = {name: filled.get(name) for name in reading.wanted if name in reading.known}
    return told | {name: value for name, value in outside.items() if name in reading.wanted}


def linked(row: Mapping[str, Any], plural: str) -> tuple[Ref, ...]:
    """Refs of the linked cards, the main contact first."""
    rows = [entry for entry in embedded(row, plural) if isinstance(entry, dict) and entry.get("id")]
    rows.sort(key=lambda entry: not entry.get("is_main"))
    return tuple(f"{CARDS[plural]}:{entry['id']}" for entry in rows)


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or "").strip()


def stage_key(pipeline: Any, status: Any) -> str:
    """`7200001:142`."""
    return f"{pipeline}:{status}"


def semantic(status: Any) -> Literal["open", "won", "lost"]:
    """What a status means for the deal."""
    return "won" if status == WON else "lost" if status == LOST else "open"


def stage(number: str, lead: str, at: datetime, pipeline: Any, status: Any) -> Fact:
    """One record of a deal's history."""
    deal = f"deal:{lead}"
    body = {"deal": deal, "at": at.isoformat(), "pipeline": str(pipeline), "stage": stage_key(pipeline, status)}
    return Fact(kind="stage", id=number, body=body, changed=at, links=(deal,))


def event_status(event: Mapping[str, Any], side: Literal["value_before", "value_after"]) -> tuple[int, int] | None:
    """Pipeline and status on one side of a stage change."""
    for value in event.get(side) or ():
        status = value.get("lead_status") if isinstance(value, dict) else None
        if isinstance(status, dict) and status.get("id") and status.get("pipeline_id"):
            return status["pipeline_id"], status["id"]
    return None


def event_ref(event: Mapping[str, Any]) -> Ref | None:
    """The card or task an event is about."""
    kind = _OF_EVENT.get(str(event.get("entity_type")))
    return f"{kind}:{event['entity_id']}" if kind and event.get("entity_id") else None


def our_task(row: Mapping[str, Any], own_types: Callable[[], Collection[int]]) -> Fact | None:
    """A task of ours as it is: by its marker, or by a type made for us where a manager rewrote the text."""
    text = str(row.get("text") or "")
    markers = MARKER.findall(text)
    if not markers and (row.get("task_type_id") in STANDARD_TYPES or row.get("task_type_id") not in own_types()):
        return None
    closed = bool(row.get("is_completed"))
    body = {
        "marker": markers[-1] if markers else None,
        "open": not closed,
        "deferred": False,
        "due": iso(row.get("complete_till")),
        "assignee": person(row.get("responsible_user_id")),
        "closed": iso(row.get("updated_at")) if closed else None,
        "closed_by": person(row.get("updated_by")) if closed else None,
        "title": _title(text),
        "result": words_of(row.get("result")) if closed else "",
    }
    changed = moment(row.get("updated_at"))
    return Fact(kind="task", id=str(row["id"]), body=body, changed=changed, links=task_links(row))


def linked_refs(event: Mapping[str, Any]) -> list[Ref]:
    """The cards at the other end of a link that was made or undone."""
    values = [value for side in ("value_after", "value_before") for value in event.get(side) or ()]
    ends = [value.get(how) for value in values if isinstance(value, dict) for how in ("link", "unlink")]
    entities = [end["entity"] for end in ends if isinstance(end, dict) and isinstance(end.get("entity"), dict)]
    found = [event_ref({"entity_type": one.get("type"), "entity_id": one.get("id")}) for one in entities]
    return [ref for ref in found if ref]


def _title(text: str) -> str:
    """The first line as the effect named it, without what marks a touch where the account has no type for it."""
    line = text.strip().split("\n", 1)[0].strip()
    return next((line.removeprefix(prefix) for prefix in PREFIXES if line.startswith(prefix)), line)


def task_links(row: Mapping[str, Any]) -> tuple[Ref, ...]:
    """The one card a task is bound to."""
    kind = CARDS.get(str(row.get("entity_type")))
    return (f"{kind}:{row['entity_id']}",) if kind and row.get("entity_id") else ()
