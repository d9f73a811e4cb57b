"""Reading what changed: cards by their last change, the events list, notes, tasks, and what was named by id.

Filters on cards are a paid option and are silently ignored without it, `order` is not (facts/amocrm.md 2): so changed
cards are read newest first until older than the cursor, and a full load by id from both ends. A cursor is the
newest change seen, never later than the CRM's own clock when the feed began, less an overlap for rows that were
committed late. Cards are read before events: so the events read hold every move of the leads read, and the stage a new
lead began with is the first move's "before". All other feeds are read side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm import nightly
from connector.crm.amocrm import scan, signals
from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import PAGE, Api, Params
from connector.crm.amocrm.cards import Cards
from connector.crm.amocrm.happenings import EVENTS_PAGE, Happenings, standing_still
from connector.crm.amocrm.mapping import CARDS, PLURALS, our_task
from connector.crm.amocrm.named import Named, all_gone
from connector.crm.amocrm.paging import BOLDLY, CAREFULLY, Listing, Lists
from connector.crm.amocrm.purchases import PREFIX, Purchases, is_purchase
from connector.crm.port import Connection, Fact, Page, Ref

OVERLAP: Final = 120
"""Seconds that every feed is read again."""
EVENTS: Final = "events"
TASKS: Final = "tasks"
PURCHASES: Final = "purchases"
"""Cursor that says since when purchases are read; what is new since then, events name."""
LINKS: Final = "links"
"""Cursor of the events that make us read a card again: what an overlap brings twice must not be read twice."""
_SIGNALS: Final[Params] = [("filter[note_type][]", kind) for kind in signals.NOTES]
NOTES: Final[Mapping[str, str]] = {f"{plural}/notes": plural for plural in CARDS}


class Pull:
    """One run over the feeds."""

    def __init__(
        self,
        api: Api,
        lists: Lists,
        account: Account,
        connection: Connection,
        cursors: Mapping[str, str],
        named: Collection[Ref],
    ) -> None:
        self._lists = lists
        self._account = account
        self._zone = ZoneInfo(connection.zone)
        self._scanned = cursors.get(nightly.CURSOR)
        self._cards = Cards(api, lists, account, connection)
        self._named = Named(api, lists, account, self._cards.asked_with)
        self._since: dict[str, int] = {
            feed: int(cursors[feed]) for feed in (*CARDS, *NOTES, EVENTS, LINKS, TASKS) if cursors.get(feed)
        }
        self._open = set(named)
        """Named refs that no feed has brought yet."""
        self._purchases = Purchases(api, lists) if connection.wanted.purchases else None
        self._bought_before = PURCHASES in cursors
        reads_new = self._purchases is not None and self._bought_before
        self._happenings = Happenings(self._since.get(EVENTS), self._since.get(LINKS), purchases=reads_new)
        self._held: dict[str, str] = {}
        """The leads' cursor: it stands with the events' one only, or a crash between them would lose creations."""
        self._begun: dict[str, Listing] = {}

    def pages(self) -> Iterator[Page]:
        """All feeds in an order in which links are known before what hangs on them. Raises CrmError."""
        if self._purchases is not None and not self._account.keeps_buyers():
            self._purchases = None
        try:
            for plural in CARDS:
                self._begin_cards(plural)
            for feed in NOTES:
                self._begin_changes(feed, "notes", _SIGNALS)
            self._begin_changes(TASKS, TASKS)
            for plural in CARDS:
                yield from self._changed_cards(plural)
            yield from self._events()
            for feed in NOTES:
                yield from self._notes(feed)
            yield from self._tasks()
            yield from self._by_id(self._open)
            yield from self._weekly()
        finally:
            for listing in self._begun.values():
                listing.stop()

    def _begin_cards(self, plural: str) -> None:
        asked = self._cards.asked_with.get(plural, ())
        if plural in self._since:
            listing = self._lists.begin(plural, plural, [*asked, ("order[updated_at]", "desc")])
        else:
            listing = self._lists.whole(plural, plural, asked)
        self._begun[plural] = listing

    def _begin_changes(self, feed: str, key: str, asked: Params = ()) -> None:
        """A list that may be filtered by its last change. An older row that changes comes into it anywhere."""
        since = self._since.get(feed)
        if since is None:
            self._begun[feed] = self._lists.whole(feed, key, asked)
        else:
            params = [*asked, ("filter[updated_at][from]", since), ("order[id]", "asc")]
            self._begun[feed] = self._lists.begin(feed, key, params)

    def _changed_cards(self, plural: str) -> Iterator[Page]:
        """Newest first until older than the cursor; where the order was not kept, to the end."""
        since, listing, feed = self._since.get(plural), self._begun[plural], _Newest()
        for rows in listing.pages():
            feed.see(rows)
            fresh = [row for row in rows if since is None or row["updated_at"] >= since or self._is_open(plural, row)]
            yield self._page(self._card_facts(plural, fresh))
            if since is not None and feed.ordered and rows[-1]["updated_at"] < since:
                break
        cursors = {plural: feed.cursor(since, listing.began)}
        if plural == "leads":
            self._held = cursors
        else:
            yield Page(facts=(), cursors=cursors)

    def _events(self) -> Iterator[Page]:
        since, told, feed = self._since.get(EVENTS), self._happenings, _Newest("created_at")
        ahead = BOLDLY if since is None else CAREFULLY
        listing = self._lists.begin(EVENTS, EVENTS, told.asked, limit=EVENTS_PAGE, ahead=ahead, frozen=standing_still)
        self._begun[EVENTS] = listing
        for rows in listing.pages():
            feed.see(rows)
            yield self._page([fact for row in rows if (fact := told.hear(row))])
        yield self._page(list(told.gone()))
        yield from self._by_id(told.to_read | self._named.belonging_to(told.merged))
        yield from self._notes_of(told.merged)
        facts = tuple(told.stages())
        for start in range(0, len(facts), PAGE):
            yield Page(facts=facts[start : start + PAGE])
        yield from self._bought()
        # only the CRM itself dates events, so the newest one bounds itself
        moved = {**self._held, EVENTS: feed.cursor(since, None), LINKS: self._links_read(feed)}
        yield Page(facts=(), cursors=moved)

    def _bought(self) -> Iterator[Page]:
        if self._purchases is None:
            return
        if self._bought_before:
            yield Page(facts=tuple(self._purchases.some(self._happenings.bought)))
            return
        for facts in self._purchases.all():
            yield Page(facts=tuple(facts))
        yield Page(facts=(), cursors={PURCHASES: "read"})

    def _links_read(self, events: _Newest) -> str:
        """A full load brings all links up to its begin in the cards, and asks for no event of a link."""
        began = self._begun[next(iter(CARDS))].began if EVENTS not in self._since else None
        up_to = int(began.timestamp()) - OVERLAP if began else 0
        return events.newest(max(self._since.get(LINKS, 0), up_to))

    def _notes(self, feed: str) -> Iterator[Page]:
        newest = _Newest()
        for rows in self._begun[feed].pages():
            newest.see(rows)
            yield self._page([fact for row in rows if (fact := signals.note(NOTES[feed], row))])
        yield Page(facts=(), cursors={feed: newest.cursor(self._since.get(feed), self._begun[feed].began)})

    def _notes_of(self, refs: Collection[Ref]) -> Iterator[Page]:
        """Those of cards into which others went, now with their new links."""
        for kind, _, number in (ref.partition(":") for ref in sorted(refs)):
            path = f"{PLURALS[kind]}/{number}/notes"
            listing = self._lists.begin(path, "notes", [*_SIGNALS, ("order[id]", "asc")])
            for rows in listing.pages():
                yield self._page([fact for row in rows if (fact := signals.note(PLURALS[kind], row))])

    def _tasks(self) -> Iterator[Page]:
        newest = _Newest()
        for rows in self._begun[TASKS].pages():
            newest.see(rows)
            answered = self._open & {f"task:{row['id']}" for row in rows}
            self._open -= answered
            yield Page(facts=tuple(self._facts(TASKS, rows)), answered=frozenset(answered))
        yield Page(facts=(), cursors={TASKS: newest.cursor(self._since.get(TASKS), self._begun[TASKS].began)})

    def _by_id(self, refs: Collection[Ref]) -> Iterator[Page]:
        """What is not found is gone."""
        for asked, found in self._named.read(refs):
            facts = [fact for ref, row in found.items() if row is None for fact in all_gone(ref, None)]
            for kind, plural in PLURALS.items():
                rows = [row for ref, row in found.items() if row is not None and ref.startswith(f"{kind}:")]
                facts += self._card_facts(plural, rows)
            facts += self._facts(TASKS, [row for ref, row in found.items() if row and ref.startswith("task:")])
            facts += self._named_purchases(asked)
            answered = self._open.intersection(asked)
            self._open -= answered
            yield Page(facts=tuple(facts), answered=frozenset(answered))

    def _weekly(self) -> Iterator[Page]:
        """A full load is as good as a scan."""
        now, full = self._begun[next(iter(CARDS))].began, not self._since.keys() & CARDS.keys()
        if now is None:
            return
        if full or self._scanned is None:
            yield Page(facts=(), cursors={nightly.CURSOR: nightly.begun(now)})
        elif scan.is_due(self._scanned, now, self._zone):
            yield from scan.scan(now, self._lists, self._cards.asked_with, self._facts, self._purchases)
        elif sooner := scan.sooner(self._scanned, now, self._happenings.merged.values()):
            yield Page(facts=(), cursors={nightly.CURSOR: sooner})

    def _facts(self, name: str, rows: list[Mapping[str, Any]]) -> list[Fact]:
        if name in CARDS:
            return self._cards.facts(name, rows)
        return [fact for row in rows if (fact := self._task(row))]

    def _named_purchases(self, refs: Collection[Ref]) -> list[Fact]:
        """Where they are not read any more, they are gone."""
        named = [ref for ref in refs if is_purchase(ref)]
        if self._purchases is None:
            return [fact for ref in named for fact in all_gone(ref, None)]
        numbers = [ref.partition(PREFIX)[2] for ref in named]
        return self._purchases.some({int(number) for number in numbers if number.isdecimal()})

    def _card_facts(self, plural: str, rows: list[Mapping[str, Any]]) -> list[Fact]:
        facts = self._cards.facts(plural, rows)
        for fact, row in zip(facts, rows, strict=True):
            self._happenings.read(fact, row)
        return facts

    def _task(self, row: Mapping[str, Any]) -> Fact | None:
        return our_task(row, self._account.own_types) or signals.meeting(row)

    def _page(self, facts: Collection[Fact]) -> Page:
        answered = self._open & {fact.ref for fact in facts}
        self._open -= answered
        return Page(facts=tuple(facts), answered=frozenset(answered))

    def _is_open(self, plural: str, row: Mapping[str, Any]) -> bool:
        return f"{CARDS[plural]}:{row['id']}" in self._open


class _Newest:
    """Follows one feed: the newest change seen, and whether it really comes newest first."""

    def __init__(self, column: str = "updated_at") -> None:
        self._column = column
        self._newest = 0
        self._last: int | None = None
        self.ordered = True

    def see(self, rows: list[Any]) -> None:
        """Take note of one page."""
        for row in rows:
            at = row[self._column]
            self._newest = max(self._newest, at)
            self.ordered = self.ordered and (self._last is None or at <= self._last)
            self._last = at

    def cursor(self, since: int | None, began: datetime | None) -> str:
        """Where the next run begins; never earlier than this one did.

        `began`: the CRM's clock when the feed began, for of cards and tasks anybody may write the date.
        """
        bounded = self._newest if began is None else min(self._newest, int(began.timestamp()))
        return str(max(since or 0, bounded - OVERLAP))

    def newest(self, since: int) -> str:
        """The newest moment seen, without any overlap."""
        return str(max(since, self._newest))
