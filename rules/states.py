"""The client's purchase cycle, segment and state: prospect, active, between, at_risk, sleeping, gone.

Days are dates of the portal's zone. A state begins the day after its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from rules.calendar import add_months
from rules.facts import Client, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rules.regulation import Regulation, Segments, States

LAST_RESORT_CYCLE: Final = 60
"""Days; for a file that gives no default at all."""
ENOUGH_GAPS: Final = 3
"""So many gaps between won deals tell a cycle (facts/domain.md, section 3)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, since when, and when time alone ends it (the first day of the next state)."""

    state: str
    since: date
    until: date | None = None


def segment_of(client: Client, segments: Segments) -> str | Unknown | None:
    """The segment as the portal keeps it, or computed from the client's place by revenue."""
    if not segments.revenue:
        return client.segment
    rank = client.revenue_rank
    if rank is None or isinstance(rank, Unknown):
        return rank
    shares = sorted(segments.revenue.items(), key=lambda pair: pair[1])
    return next((name for name, share in shares if rank <= share), "C")


def cycle_of(client: Client, won: Sequence[date], segment: str | Unknown | None, regulation: Regulation) -> int:
    """Whole days: given, else the median gap of won deals, else the dossier's, else the segment's, at least 1."""
    if client.cycle_days is not None:
        return client.cycle_days
    gaps = [(later - earlier).days for earlier, later in pairwise(sorted(won))]
    if len(gaps) >= ENOUGH_GAPS:
        return max(1, int(Decimal(median(gaps)).quantize(Decimal(1), ROUND_HALF_UP)))
    told = client.dossier.get("purchase_cycle")
    if told is not None and isinstance(told.value, int | Decimal) and told.value >= 1:
        return int(Decimal(told.value).quantize(Decimal(1), ROUND_HALF_UP))
    return _default_cycle(regulation.cycles, segment)


def _default_cycle(cycles: Mapping[str, int], segment: str | Unknown | None) -> int:
    """Of the segment; where it is not known the longest, so that nobody is chased too early."""
    known = cycles.get(segment) if isinstance(segment, str) else None
    return known if known is not None else max(cycles.values(), default=LAST_RESORT_CYCLE)


def standing_between_deals(last_won: date, today: date, cycle: int, limits: States) -> Standing:
    """Where a client without an open deal stands, by the days since his last won deal."""
    at_risk = last_won + timedelta(days=_days(limits.at_risk, cycle) + 1)
    sleeping = last_won + timedelta(days=_days(limits.sleeping, cycle) + 1)
    far = last_won + timedelta(days=_days(limits.gone, cycle))
    gone = max(far, add_months(last_won, limits.gone_not_before_months)) + timedelta(days=1)
    begins = (("between", last_won), ("at_risk", at_risk), ("sleeping", sleeping), ("gone", gone))
    place = max(index for index, (_, since) in enumerate(begins) if since <= max(today, last_won))
    state, since = begins[place]
    return Standing(state, since, begins[place + 1][1] if place + 1 < len(begins) else None)


def _days(limit: Decimal, cycle: int) -> int:
    """The last whole day within so many cycles."""
    return int(limit * cycle)
