"""`GET /api/v4/events`: pages of at most 100, with amoCRM's filters and their oddities (facts/amocrm.md 5.6)."""

from __future__ import annotations

import re
from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import Account, moment_of, unix
from connector.sandbox.amocrm.answers import hal, nothing, page_of
from connector.sandbox.amocrm.events import Event, EventLog
from connector.sandbox.amocrm.face import Face, asked_query
from connector.sandbox.amocrm.problems import bad_request
from connector.sandbox.amocrm.query import Query

LARGEST = 100
MOST_IDS = 10
PATHS = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks"}
_ONE_FIELD = re.compile(r"^custom_field_(\d+)_value_changed$")
_CHATS = ("incoming_chat_message", "outgoing_chat_message")


def add_events(face: Face) -> None:
    """Hang up the calls that read events."""
    feed = _Feed(face.account)
    face.on("GET", "events", feed.several)
    face.on("GET", "events/<string:name>", feed.one)


class _Feed:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._log = EventLog(account)

    def several(self) -> Response:
        """A page of events, newest first."""
        query = asked_query()
        wanted = _Wanted(query)
        with self._account.base.lock:
            recent = self._log.newest_first(wanted.since)
            found = [event for event in recent if self._told(event) and wanted.takes(event)]
            return page_of(self._account, query, "events", found, self._shown, largest=LARGEST)

    def one(self, name: str) -> Response:
        """One event by its id."""
        with self._account.base.lock:
            found = next((event for event in self._log.newest_first() if event.id == name), None)
            return hal(self._shown(found)) if found else nothing()

    def _told(self, event: Event) -> bool:
        """A switch of the sandbox takes chats away, as in an account without them."""
        return event.type not in _CHATS or self._account.says("chats")

    def _shown(self, event: Event) -> dict[str, Any]:
        entity, of = event.entity, event.of
        deal = self._account.base.deals.get(of) if entity == "lead" else None
        if event.type in _CHATS and deal is not None and deal.deleted and event.contact:
            entity, of = "contact", event.contact
        linked = {"linked_talk_contact_id": event.contact} if event.contact and entity == "lead" else {}
        return {
            "id": event.id,
            "type": event.type,
            "entity_id": of,
            "entity_type": entity,
            "created_by": event.by,
            "created_at": unix(event.at),
            "value_after": event.after,
            "value_before": event.before,
            "account_id": self._account.id,
            **linked,
            "_links": self._account.link(f"events/{event.id}"),
            "_embedded": {"entity": {"id": of, "_links": self._account.link(f"{PATHS[entity]}/{of}")}},
        }


class _Wanted:
    """The filters of one request.

    Raises:
        Problem: 400, one that amoCRM refuses.
    """

    def __init__(self, query: Query) -> None:
        self._types = query.many("filter", "type")
        self._entities = query.many("filter", "entity")
        self._ids = query.ids("filter", "entity_id")
        self._by = query.ids("filter", "created_by")
        self._names = query.many("filter", "id")
        begin, self._end = query.span("filter", "created_at") or (None, None)
        self.since = moment_of(begin) if begin else None
        self._after = query.pairs_at("filter", "value_after", "leads_statuses")
        self._before = query.pairs_at("filter", "value_before", "leads_statuses")
        if self._ids is not None and len(self._entities or ()) != 1:
            raise bad_request("filter[entity_id] needs filter[entity] with exactly one entity")
        for name, numbers in (("entity_id", self._ids), ("created_by", self._by)):
            if numbers is not None and len(numbers) > MOST_IDS:
                raise bad_request(f"filter[{name}] takes at most {MOST_IDS} ids")
        if len(self._types or ()) > 1 and any(_ONE_FIELD.match(name) for name in self._types or ()):
            raise bad_request("the type of one field can not be combined with other types")

    def takes(self, event: Event) -> bool:
        """Whether an event passes."""
        moment = unix(event.at)
        return (
            moment <= (self._end or moment)
            and (self._types is None or any(_is_type(event, name) for name in self._types))
            and (self._names is None or event.id in self._names)
            and (self._by is None or event.by in self._by)
            and self._takes_entity(event)
            and _has_status(event.after, self._after)
            and _has_status(event.before, self._before)
        )

    def _takes_entity(self, event: Event) -> bool:
        """Chats are found by their contact, although they are told of the lead."""
        entity, of = event.entity, event.of
        if event.type in _CHATS and event.contact:
            entity, of = "contact", event.contact
        return (self._entities is None or entity in self._entities) and (self._ids is None or of in self._ids)


def _is_type(event: Event, name: str) -> bool:
    of_one_field = _ONE_FIELD.match(name)
    if not of_one_field:
        return event.type == name
    values = event.after or event.before
    if event.type != "custom_field_value_changed" or not values:
        return False
    return bool(values[0]["custom_field_value"]["field_id"] == int(of_one_field[1]))


def _has_status(values: list[dict[str, Any]], asked: list[dict[str, str]]) -> bool:
    if not asked:
        return True
    statuses = [value["lead_status"] for value in values if "lead_status" in value]
    return any(
        str(status["id"]) == pair.get("status_id") and str(status["pipeline_id"]) == pair.get("pipeline_id")
        for status in statuses
        for pair in asked
    )
