"""Reading what changed: cards by their last change, the events list, notes, tasks, and what was named by id.

Filters on cards are a paid option and are silently ignored without it, `order` is not (facts/amocrm.md 2), so cards are
read newest first until older than the cursor. A cursor is the newest change seen, never later than the CRM's own clock
when the feed began, less an overlap for rows that were committed late. Cards are read before events: so the events
read hold every move of the leads read, and the stage a new lead began with is the first move's "before".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from connector.crm.amocrm import signals
from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import PAGE, Api
from connector.crm.amocrm.history import LEAD_ADDED, LEAD_MOVED, History
from connector.crm.amocrm.mapping import (
    CARDS,
    PLURALS,
    CardReading,
    card,
    event_ref,
    gone,
    linked_refs,
    our_task,
)
from connector.crm.port import Connection, Fact, Page, Ref
from connector.errors import Gone

OVERLAP = 120
"""Seconds that every feed is read again."""
EVENTS_PAGE = 100
NAMED_PAGE = 50
"""Refs read one by one between two pages that are stored."""

_DELETED = frozenset({"lead_deleted", "contact_deleted", "company_deleted", "task_deleted"})
_RESTORED = frozenset({"lead_restored", "contact_restored", "company_restored"})
_RELINKED = frozenset(
    {f"{card}_{how}" for card in ("lead", "contact", "company", "entity") for how in ("linked", "unlinked")}
    | {"entity_merged"}
)
_LINKS = "links"
"""Cursor of the events that make us read a card again: what an overlap brings twice must not be read twice."""
_Fates = dict[Ref, tuple[tuple[int, str], bool]]
"""Per card or task: when it was last deleted or restored, and whether that was a deletion."""
EVENTS = (LEAD_ADDED, LEAD_MOVED, *sorted(_DELETED | _RESTORED | _RELINKED), *signals.CHATS)


class Pull:
    """One run over the feeds."""

    def __init__(
        self, api: Api, account: Account, connection: Connection, cursors: Mapping[str, str], named: Collection[Ref]
    ) -> None:
        self._api = api
        self._account = account
        self._connection = connection
        self._cursors = cursors
        self._open = set(named)
        """Named refs that no feed has brought yet."""
        self._again: set[Ref] = set()
        """Cards that an event named and that must be read by id."""
        self._seen: dict[Ref, int] = {}
        """When each card that was read had changed."""
        self._history = History()
        self._held: dict[str, str] = {}
        """The leads' cursor: it stands with the events' one only, or a crash between them would lose creations."""

    def pages(self) -> Iterator[Page]:
        """All feeds in an order in which links are known before what hangs on them. Raises CrmError."""
        for plural in CARDS:
            yield from self._cards(plural)
        yield from self._events()
        for plural in CARDS:
            yield from self._notes(plural)
        yield from self._tasks()
        yield from self._by_id(self._open)

    def _cards(self, plural: str) -> Iterator[Page]:
        """Newest first until older than the cursor; where the order was not kept, to the end."""
        since, feed = self._since(plural), _Newest()
        params = [*_with(plural), ("order[updated_at]", "desc")]
        for rows in self._api.rows(plural, plural, params, name=plural):
            feed.see(rows, self._api)
            fresh = [row for row in rows if since is None or row["updated_at"] >= since or self._is_open(plural, row)]
            yield self._page([self._card(plural, row) for row in fresh])
            if since is not None and feed.ordered and rows[-1]["updated_at"] < since:
                break
        cursors = {plural: feed.cursor(since)}
        if plural == "leads":
            self._held = cursors
        else:
            yield Page(facts=(), cursors=cursors)

    def _events(self) -> Iterator[Page]:
        since, feed = self._since("events"), _Newest("created_at", trusted=True)
        params = [*(("filter[type][]", name) for name in EVENTS), *_from("created_at", since)]
        fates: _Fates = {}
        for rows in self._api.rows("events", "events", params, name="events", limit=EVENTS_PAGE):
            feed.see(rows, self._api)
            yield self._page([fact for row in rows if (fact := self._event(row, since, fates))])
        yield self._page(list(self._gone(fates)))
        yield from self._by_id(self._again - set(self._seen))
        facts = tuple(self._history.facts(since))
        for start in range(0, len(facts), PAGE):
            yield Page(facts=facts[start : start + PAGE])
        yield Page(facts=(), cursors={**self._held, "events": feed.cursor(since), _LINKS: feed.newest(since)})

    def _event(self, row: Mapping[str, Any], since: int | None, fates: _Fates) -> Fact | None:
        name, ref, order = str(row.get("type")), event_ref(row), (row["created_at"], str(row["id"]))
        if name in signals.CHATS:
            return signals.chat(row)
        if ref is None:
            return None
        linked_since = self._since(_LINKS)  # None: a full load, which reads every card anyway
        is_new = linked_since is not None and row["created_at"] >= linked_since
        if name == LEAD_MOVED:
            self._history.moved(row)
        elif name == LEAD_ADDED:
            self._history.added(row)
            if since is not None:
                self._again.add(ref)
        elif name in _DELETED or name in _RESTORED:
            if ref not in fates or fates[ref][0] < order:
                fates[ref] = (order, name in _DELETED)
            if is_new and name in _RESTORED:
                self._again.add(ref)
        elif name in _RELINKED and is_new:
            self._again.update({ref, *linked_refs(row)})
        return None

    def _gone(self, fates: _Fates) -> Iterator[Fact]:
        """What was deleted last is gone, unless it was seen changed after that."""
        for ref, ((at, _), deleted) in fates.items():
            if deleted and self._seen.get(ref, 0) <= at:
                self._again.discard(ref)
                self._history.forget(ref.removeprefix("deal:"))
                yield from _all_gone(ref, at)

    def _notes(self, plural: str) -> Iterator[Page]:
        name = f"{plural}/notes"
        since, feed = self._since(name), _Newest()
        kinds = [("filter[note_type][]", kind) for kind in signals.NOTES]
        params = [*kinds, *_from("updated_at", since), ("order[id]", "asc")]
        for rows in self._api.rows(name, "notes", params, name=name):
            feed.see(rows, self._api)
            yield self._page([fact for row in rows if (fact := signals.note(plural, row))])
        yield Page(facts=(), cursors={name: feed.cursor(since)})

    def _tasks(self) -> Iterator[Page]:
        since, feed = self._since("tasks"), _Newest()
        params = [*_from("updated_at", since), ("order[id]", "asc")]
        for rows in self._api.rows("tasks", "tasks", params, name="tasks"):
            feed.see(rows, self._api)
            answered = self._open & {f"task:{row['id']}" for row in rows}
            self._open -= answered
            facts = [fact for row in rows if (fact := self._task(row))]
            yield Page(facts=tuple(facts), answered=frozenset(answered))
        yield Page(facts=(), cursors={"tasks": feed.cursor(since)})

    def _by_id(self, refs: Collection[Ref]) -> Iterator[Page]:
        """One by one: many at a time would need the paid filter. What is not found is gone."""
        ordered = sorted(refs)
        for start in range(0, len(ordered), NAMED_PAGE):
            chunk = ordered[start : start + NAMED_PAGE]
            facts = [fact for ref in chunk for fact in self._one(ref)]
            answered = self._open & set(chunk)
            self._open = self._open - answered
            yield Page(facts=tuple(facts), answered=frozenset(answered))

    def _one(self, ref: Ref) -> Iterator[Fact]:
        kind, _, number = ref.partition(":")
        plural = "tasks" if kind == "task" else PLURALS.get(kind)
        if plural is None or not number.isdigit():
            return
        try:
            row = self._api.get(f"{plural}/{number}", _with(plural), name=f"{plural}/id")
        except Gone:
            row = None
        if not row:
            yield from _all_gone(ref, None)
        elif kind != "task":
            yield self._card(plural, row)
        elif fact := self._task(row):
            yield fact

    def _card(self, plural: str, row: Mapping[str, Any]) -> Fact:
        kind = CARDS[plural]
        wanted: tuple[str, ...] = getattr(self._connection.wanted, kind)
        known = self._account.field_names(kind) if wanted else frozenset()
        fact = card(plural, row, CardReading(zone=ZoneInfo(self._connection.zone), wanted=wanted, known=known))
        self._seen[fact.ref] = row.get("updated_at") or 0
        if kind == "deal" and not fact.gone:
            self._history.seen(row)
        return fact

    def _task(self, row: Mapping[str, Any]) -> Fact | None:
        return our_task(row, self._account.touch_type) or signals.meeting(row)

    def _page(self, facts: Collection[Fact]) -> Page:
        answered = self._open & {fact.ref for fact in facts}
        self._open -= answered
        return Page(facts=tuple(facts), answered=frozenset(answered))

    def _is_open(self, plural: str, row: Mapping[str, Any]) -> bool:
        return f"{CARDS[plural]}:{row['id']}" in self._open

    def _since(self, feed: str) -> int | None:
        text = self._cursors.get(feed)
        return int(text) if text else None


class _Newest:
    """Follows one feed: the newest change seen, when it began, whether it really comes newest first."""

    def __init__(self, column: str = "updated_at", *, trusted: bool = False) -> None:
        self._column = column
        self._trusted = trusted
        """Only the CRM itself dates these rows; of cards and tasks anybody may write the date."""
        self._newest = 0
        self._last: int | None = None
        self._began: int | None = None
        self.ordered = True

    def see(self, rows: list[Any], api: Api) -> None:
        """Take note of one page."""
        if self._began is None and api.clock is not None:
            self._began = int(api.clock.timestamp())
        for row in rows:
            at = row[self._column]
            self._newest = max(self._newest, at)
            self.ordered = self.ordered and (self._last is None or at <= self._last)
            self._last = at

    def cursor(self, since: int | None) -> str:
        """Where the next run begins; never earlier than this one did."""
        bounded = self._newest if self._trusted or self._began is None else min(self._newest, self._began)
        return str(max(since or 0, bounded - OVERLAP))

    def newest(self, since: int | None) -> str:
        """The newest moment seen, without any overlap."""
        return str(max(since or 0, self._newest))


def _with(plural: str) -> list[tuple[str, str | int]]:
    """A lead tells its contacts only when asked; all other links come unasked."""
    return [("with", "contacts")] if plural == "leads" else []


def _from(column: str, since: int | None) -> list[tuple[str, str | int]]:
    return [] if since is None else [(f"filter[{column}][from]", since)]


def _all_gone(ref: Ref, at: int | None) -> Iterator[Fact]:
    """A deleted task may have been one of ours or somebody's meeting."""
    kind, _, number = ref.partition(":")
    if kind == "task":
        yield gone("task", number, at)
        yield gone("signal", f"task-{number}", at)
    elif kind in PLURALS:
        yield gone(CARDS[PLURALS[kind]], number, at)
