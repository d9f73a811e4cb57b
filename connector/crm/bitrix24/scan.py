"""Once a night everything is read again: what vanished without an event is found, and how true our copy is, measured.

Source: facts/bulk.md 8: deletions, links and rights are told by no list. Cards and tasks are read whole (as cheap as
reading their ids alone: a page is a page); activities and the stage history mostly grow, and are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connector.crm import nightly
from connector.crm.bitrix24.elsewhere import Row
from connector.crm.bitrix24.feeds import Feed, PageReader, feeds
from connector.crm.bitrix24.mapping import ENTITY_TYPES
from connector.crm.bitrix24.runs import Run, read_feeds
from connector.crm.nightly import CURSOR, begun
from connector.crm.port import Fact, FactKind, Page, Wanted

LISTS: Final = frozenset({*ENTITY_TYPES, "task"})
"""The feeds that are read whole."""
SELDOM: Final = timedelta(hours=20)
LONGEST: Final = timedelta(hours=44)
"""A portal that is never served at night is scanned by day, at the latest after so long."""

ToFacts = Callable[[Sequence[tuple[FactKind, Sequence[Row]]]], tuple[Fact, ...]]
"""Rows of any kinds -> facts. Raises CrmError, for a card may need more to be read."""


def is_due(cursor: str | None, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a scan is due; see `connector.crm.nightly`."""
    return nightly.is_due(cursor, now, zone, seldom=SELDOM, longest=LONGEST)


def scan(now: datetime, wanted: Wanted, read: PageReader, to_facts: ToFacts) -> Iterator[Page]:
    """Pages of all that is there (`Page.again`), the last one with every id seen (`Page.census`).

    A list that fails is left out of the census. Raises the CrmError of the first one after the last page.
    """
    runs = [Run(feed, None) for feed in _whole_feeds(wanted)]
    seen: dict[FactKind, set[str]] = {run.feed.kind: set() for run in runs}
    for _, taken in read_feeds(runs, read, {}):
        for run, rows in taken:
            seen[run.feed.kind] |= {str(row[run.feed.id]) for row in rows}
        yield Page(facts=to_facts([(run.feed.kind, rows) for run, rows in taken]), again=True)
    whole = {run.feed.kind: frozenset(seen[run.feed.kind]) for run in runs if run.error is None}
    yield Page(facts=(), again=True, census=whole, cursors={CURSOR: begun(now)})
    errors = [run.error for run in runs if run.error is not None]
    if errors:
        raise errors[0]


def _whole_feeds(wanted: Wanted) -> Iterator[Feed]:
    for feed in feeds(wanted):
        if feed.name in LISTS:
            yield feed
