"""Once a week everything is read again: what vanished without an event is found, and how true our copy is, measured.

Source: facts/bulk.md 8. Not more often: the vendor warns against repeated scans (facts/amocrm.md 2), and of deletions
and links the events tell. Cards and open tasks are read whole; notes and events mostly grow, and are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm import nightly
from connector.crm.amocrm.api import Params
from connector.crm.amocrm.mapping import CARDS
from connector.crm.amocrm.paging import Lists
from connector.crm.amocrm.purchases import Purchases
from connector.crm.port import Fact, FactKind, Page

SELDOM: Final = timedelta(days=6, hours=12)
LONGEST: Final = timedelta(days=8)
"""An account that is never served at night is scanned by day, at the latest after so long."""
_OPEN: Final = ("filter[is_completed]", 0)

ToFacts = Callable[[str, list[Mapping[str, Any]]], Sequence[Fact]]
"""A list's name and its rows -> facts. Raises CrmError."""


def is_due(cursor: str | None, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a scan is due; see `connector.crm.nightly`."""
    return nightly.is_due(cursor, now, zone, seldom=SELDOM, longest=LONGEST)


def sooner(cursor: str, now: datetime, merges: Iterable[int]) -> str | None:
    """The cursor with which the scan is due in the next night, where cards were merged since the last one.

    Nobody tells which of them are gone. `merges`: unix seconds; None: there is no haste, or it is already made.
    """
    begun = datetime.fromisoformat(cursor)
    since = [at for at in merges if at >= begun.timestamp()]
    return nightly.begun(now - SELDOM) if since and begun > now - SELDOM else None


def scan(
    now: datetime,
    lists: Lists,
    asked_with: Mapping[str, Params],
    to_facts: ToFacts,
    purchases: Purchases | None,
) -> Iterator[Page]:
    """Pages of all that is there (`Page.again`), the last one with every id seen (`Page.census`). Raises CrmError."""
    kinds: dict[str, FactKind] = {**CARDS, "tasks": "task"}
    census: dict[FactKind, frozenset[str]] = {}
    for name, kind in kinds.items():
        more = [_OPEN] if kind == "task" else []
        listing = lists.whole(name, name, [*asked_with.get(name, ()), *more])
        seen: set[str] = set()
        try:
            for rows in listing.pages():
                seen |= {str(row["id"]) for row in rows}
                yield Page(facts=tuple(to_facts(name, rows)), again=True)
        finally:
            listing.stop()
        census[kind] = frozenset(seen)
    for facts in purchases.all() if purchases else ():
        census["deal"] |= {fact.id for fact in facts if fact.kind == "deal"}
        yield Page(facts=tuple(facts), again=True)
    yield Page(facts=(), again=True, census=census, cursors={nightly.CURSOR: nightly.begun(now)})
