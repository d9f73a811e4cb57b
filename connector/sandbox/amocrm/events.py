"""The list of events: the base's log of changes in amoCRM's words, newest first (facts/amocrm.md 5.6)."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connector.sandbox.amocrm.account import SINGULAR, Account, unix
from connector.sandbox.amocrm.fields import TYPE_NUMBER, Field, field_of, values_of
from connector.sandbox.amocrm.notes import COMMENT_IDS, card_of
from connector.sandbox.amocrm.tasks import MEETING_IDS
from connector.sandbox.records import Activity, CardKind, Change

Values = list[dict[str, Any]]
CARD_KINDS: dict[str, CardKind] = {"deal": "deal", "contact": "contact", "company": "company"}


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One event; sorted by moment, then by its number in the log."""

    at: datetime
    number: float
    type: str = field(compare=False)
    entity: str = field(compare=False)
    """lead, contact, company or task."""
    of: int = field(compare=False)
    by: int = field(compare=False)
    after: Values = field(compare=False, default_factory=list)
    before: Values = field(compare=False, default_factory=list)
    contact: int | None = field(compare=False, default=None)
    """Chats: the person, when the event is told of a lead."""

    @property
    def id(self) -> str:
        """Stable, 26 letters and digits, as amoCRM's."""
        digest = hashlib.sha256(f"{self.number}:{self.type}:{self.of}".encode()).digest()
        return "01" + base64.b32encode(digest).decode("ascii").lower()[:24]


class EventLog:
    """All events of an account, kept up with the base's changes as they are asked for."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._told = 0
        self._events: list[Event] = []

    def newest_first(self, since: datetime | None = None) -> list[Event]:
        """Every event from `since` up to now; hold the base's lock."""
        changes = self._account.base.changes
        for change in changes[self._told :]:
            for place, event in enumerate(self._read(change)):
                insort(self._events, replace(event, number=change.id + place / 1000))
        self._told = len(changes)
        first = bisect_left(self._events, since, key=lambda event: event.at) if since else 0
        return self._events[first:][::-1]

    def _read(self, change: Change) -> Iterator[Event]:
        if kind := CARD_KINDS.get(change.kind):
            yield from self._of_card(change, kind)
        elif change.kind == "customer" and change.what in ("added", "deleted"):
            yield _event(change, f"customer_{change.what}", "customer", change.of)
        elif change.kind == "customer" and "status" in change.after:
            after, before = (
                [{"customer_status": {"id": values["status"]}}] for values in (change.after, change.before)
            )
            yield _event(change, "customer_status_changed", "customer", change.of, after=after, before=before)
        elif change.kind == "purchase":
            customer = (change.after or change.before)["customer"]
            told = [{"transaction": {"id": change.of}}]
            if change.what == "added":
                yield _event(change, "transaction_added", "customer", customer, after=told)
        elif change.kind == "task":
            yield from self._of_task(change, change.of)
        elif change.kind == "activity":
            activity = self._account.base.activities[change.of]
            if activity.kind == "meeting":
                yield from self._of_meeting(change, activity)
            elif change.what == "added":
                yield from self._of_activity(change, activity)
        elif change.kind == "comment" and change.what == "added":
            comment = self._account.base.comments[change.of]
            kind, card = comment.card
            note_type, _ = self._account.kept.note_types.get(comment.id, ("common", None))
            name = "common_note_added" if note_type == "common" else "service_note_added"
            yield _event(change, name, SINGULAR[kind], card, after=[{"note": {"id": COMMENT_IDS + comment.id}}])

    def _of_card(self, change: Change, kind: CardKind) -> Iterator[Event]:
        entity = SINGULAR[kind]
        if change.what == "added":
            yield _event(change, f"{entity}_added", entity, change.of, after=[{"note": {"id": 10_000_000 + change.id}}])
        elif change.what in ("deleted", "restored"):
            yield _event(change, f"{entity}_{change.what}", entity, change.of)
        elif change.what == "moved":
            after, before = (self._status(values) for values in (change.after, change.before))
            yield _event(change, "lead_status_changed", entity, change.of, after=after, before=before)
        elif change.what == "owner":
            after, before = (
                [{"responsible_user": {"id": values["owner"]}}] if values.get("owner") else []
                for values in (change.after, change.before)
            )
            yield _event(change, "entity_responsible_changed", entity, change.of, after=after, before=before)
        elif change.what in ("linked", "unlinked"):
            at_creation = change.at == self._account.pile(kind)[change.of].created
            if not at_creation or self._account.says("creation_tells_links"):
                yield self._of_link(change, entity)
        elif change.what == "merged":
            yield _event(change, "entity_merged", entity, change.of)
        elif change.what == "updated":
            yield from self._of_edit(change, kind)

    def _of_link(self, change: Change, entity: str) -> Event:
        """A link as the card tells it whose list of links changed; the other end stands in the value."""
        linked = change.after or change.before
        other = SINGULAR[CARD_KINDS[linked["kind"]]]
        verb = "link" if change.what == "linked" else "unlink"
        values = [{verb: {"entity": {"type": other, "id": linked["id"]}}}]
        return _event(change, f"{other}_{change.what}", entity, change.of, after=values)

    def _of_edit(self, change: Change, kind: CardKind) -> Iterator[Event]:
        specs = self._account.base.field_specs(kind)
        for name, new in change.after.items():
            old = change.before.get(name)
            if name in specs:
                known = field_of(self._account, specs[name])
                after, before = (self._value(known, value) for value in (new, old))
                yield _event(
                    change, "custom_field_value_changed", SINGULAR[kind], change.of, after=after, before=before
                )
            elif name == "amount":
                after, before = ([{"sale_field_value": {"sale": value}}] for value in (new, old))
                yield _event(change, "sale_field_changed", SINGULAR[kind], change.of, after=after, before=before)
            elif name == "tags":
                had: list[int] = old or []
                for verb, numbers in (("added", set(new) - set(had)), ("deleted", set(had) - set(new))):
                    for tag in sorted(numbers):
                        told = [{"tag": {"id": tag, "name": self._account.kept.tags[kind][tag]}}]
                        yield _event(change, f"entity_tag_{verb}", SINGULAR[kind], change.of, after=told)
            elif name in ("title", "first_name", "last_name"):
                after, before = ([{"name_field_value": {"name": value}}] for value in (new, old))
                yield _event(change, "name_field_changed", SINGULAR[kind], change.of, after=after, before=before)

    def _of_task(self, change: Change, number: int) -> Iterator[Event]:
        simple = {"added": "task_added", "deleted": "task_deleted", "completed": "task_completed"}
        if change.what in simple:
            yield _event(change, simple[change.what], "task", number)
        if change.after.get("result"):
            yield _event(change, "task_result_added", "task", number, after=[{"note": {"id": 20_000_000 + change.id}}])
        if change.what != "updated":
            return
        shapes: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
            "due": ("task_deadline_changed", lambda value: {"task_deadline": {"timestamp": unix(value)}}),
            "text": ("task_text_changed", lambda value: {"task": {"text": value}}),
            "type": ("task_type_changed", lambda value: {"task_type": {"id": value}}),
            "assignee": ("entity_responsible_changed", lambda value: {"responsible_user": {"id": value}}),
        }
        for name, (event_type, shape) in shapes.items():
            if name in change.after:
                after, before = (
                    [shape(values[name])] if values.get(name) else [] for values in (change.after, change.before)
                )
                yield _event(change, event_type, "task", number, after=after, before=before)

    def _of_meeting(self, change: Change, meeting: Activity) -> Iterator[Event]:
        number = MEETING_IDS + meeting.id
        if change.what == "added":
            yield _event(change, "task_added", "task", number)
            if not meeting.completed:
                return
        elif not change.after.get("completed"):
            return
        yield _event(change, "task_completed", "task", number)

    def _of_activity(self, change: Change, activity: Activity) -> Iterator[Event]:
        """Calls and chats; there is no event of a mail."""
        card = card_of(activity)
        if card is None or activity.kind not in ("call", "chat"):
            return
        kind, number = card
        way = "incoming" if activity.direction == "in" else "outgoing"
        if activity.kind == "call":
            after: Values = [{"note": {"id": activity.id}}]
            yield _event(change, f"{way}_call", SINGULAR[kind], number, after=after)
            return
        after = [{"message": {"id": f"message-{activity.id}"}}]
        if activity.robot:
            yield _event(change, "robot_replied", SINGULAR[kind], number, after=[{"helpbot": {"id": 1}}])
            return
        contact = activity.contact if kind == "deal" else None
        yield _event(change, f"{way}_chat_message", SINGULAR[kind], number, after=after, contact=contact)

    def _status(self, place: dict[str, Any]) -> Values:
        status = self._account.status_of(place["pipeline"], place["stage"])
        return [{"lead_status": {"id": status, "pipeline_id": place["pipeline"]}}]

    def _value(self, known: Field, value: Any) -> Values:
        if value in (None, ""):
            return []
        return [
            {
                "custom_field_value": {
                    "field_id": known.id,
                    "field_type": TYPE_NUMBER[known.type],
                    "enum_id": one.get("enum_id"),
                    "text": _text(one.get("value")),
                }
            }
            for one in values_of(self._account, known, value)
        ]


def _text(value: Any) -> str:
    """A value as an event tells it; of one with many parts its name."""
    return str(value.get("name", "")) if isinstance(value, dict) else str(value)


def _event(
    change: Change,
    event_type: str,
    entity: str,
    of: int,
    *,
    after: Values | None = None,
    before: Values | None = None,
    contact: int | None = None,
) -> Event:
    return Event(change.at, change.id, event_type, entity, of, change.by, after or [], before or [], contact)
