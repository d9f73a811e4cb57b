"""Recorded communications as facts: calls, SMS and letters are notes, chats are events, meetings are tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connector.crm.amocrm.mapping import CARDS, MEETING, event_ref, iso, moment, person, task_links
from connector.crm.port import Fact, Ref

TALKED = 4
"""`call_status` of a call in which people talked; the other numbers are misses of several kinds."""
CHATS: Mapping[str, Literal["in", "out"]] = {"incoming_chat_message": "in", "outgoing_chat_message": "out"}
NOTES: Mapping[str, tuple[str, Literal["in", "out"] | None]] = {
    "call_in": ("call", "in"),
    "call_out": ("call", "out"),
    "sms_in": ("sms", "in"),
    "sms_out": ("sms", "out"),
    "amomail_message": ("email", None),
}
"""Note types that are signals: kind and direction. A letter's lies in `params.income` (seen in public code)."""


def chat(event: Mapping[str, Any]) -> Fact | None:
    """A chat message. Its contact is named beside the lead the talk belongs to; a bot's message has no author."""
    contact = event.get("linked_talk_contact_id")
    refs = [ref for ref in (event_ref(event), f"contact:{contact}" if contact else None) if ref]
    if not refs:
        return None
    told = _by_author(CHATS[str(event["type"])], event)
    return _signal("chat", str(event["id"]), event["created_at"], tuple(dict.fromkeys(refs)), **told)


def note(plural: str, row: Mapping[str, Any]) -> Fact | None:
    """A call, an SMS or a letter among the notes of one kind of card; None for any other note."""
    found = NOTES.get(str(row.get("note_type")))
    if found is None or not row.get("entity_id"):
        return None
    kind, direction = found
    params: Mapping[str, Any] = row["params"] if isinstance(row.get("params"), dict) else {}
    if kind == "call":
        told = {"direction": direction, "by": _caller(row, params), **_answer(params)}
    else:
        told = _by_author(direction or ("in" if params.get("income") else "out"), row)
    refs = (f"{CARDS[plural]}:{row['entity_id']}",)
    return _signal(kind, f"note-{row['id']}", row["created_at"], refs, changed=row.get("updated_at"), **told)


def meeting(row: Mapping[str, Any]) -> Fact | None:
    """A task of the type "meeting": held once it is closed, at its time or when it was closed before that.

    So a forgotten meeting that is closed weeks later is not a touch of today.
    """
    if row.get("task_type_id") != MEETING:
        return None
    held, changed = bool(row.get("is_completed")), int(row["updated_at"])
    at = int(row.get("complete_till") or changed)
    told = {
        "by": person(row.get("responsible_user_id")),
        "completed": held,
        "robot": held and person(row.get("updated_by")) is None,
    }
    seconds = min(at, changed) if held else at
    return _signal("meeting", f"task-{row['id']}", seconds, task_links(row), changed=changed, **told)


def _by_author(direction: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Who wrote; what goes out without an author was sent by a bot or a mailing."""
    author = person(row.get("created_by"))
    return {"direction": direction, "by": author, "robot": direction == "out" and author is None}


def _caller(row: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """Whose call it was: telephony writes the note itself and names the manager, by id or by a useless name."""
    told = (params.get("call_responsible"), row.get("created_by"), row.get("responsible_user_id"))
    return next(filter(None, map(person, told)), None)


def _answer(params: Mapping[str, Any]) -> dict[str, bool | int | None]:
    """Whether the other side picked up and how long they talked, as far as the telephony told."""
    status, seconds = _whole(params.get("call_status")), _whole(params.get("duration"))
    if status:
        return {"answered": status == TALKED, "seconds": seconds}
    return {"answered": False if seconds == 0 else None, "seconds": seconds}


def _whole(value: Any) -> int | None:
    return int(str(value)) if str(value).isdecimal() else None


def _signal(kind: str, number: str, at: Any, refs: tuple[Ref, ...], *, changed: Any = None, **told: Any) -> Fact:
    body = {
        "kind": kind,
        "at": iso(at),
        "direction": None,
        "answered": None,
        "seconds": None,
        "completed": True,
        "robot": False,
        "by": None,
        "contact": next((ref for ref in refs if ref.startswith("contact:")), None),
        "deal": next((ref for ref in refs if ref.startswith("deal:")), None),
    }
    return Fact(kind="signal", id=number, body={**body, **told}, changed=moment(changed or at), links=refs)
