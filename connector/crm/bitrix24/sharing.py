"""How the places of the next requests are shared out among the lists that are being read. Pure arithmetic.

A request has 50 places, and one list can have one chain of pages in the air at a time. Who has much left gets much, so
that few places are wasted on pages behind an end, and no request leaves half empty while another is needed anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

PLACES: Final = 50
"""Commands in one request."""
REQUESTS: Final = 8
"""Requests in the air at once."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Demand:
    """What one list still has to be read."""

    pages: int | None
    """Expected; None: nobody knows."""
    cost: float = 1 / PLACES
    """The part of a request that one page takes: a fiftieth, or more where pages are slow."""
    soon: int = PLACES
    """Pages that may be asked for at once."""

    @property
    def at_once(self) -> int:
        """Pages that it could have in the next request, had it that for itself."""
        return max(1, min(self.soon, int(1 / self.cost + _ROUNDING), self.pages if self.pages is not None else PLACES))


def share_out(demands: Sequence[Demand], taken: int = 0) -> list[dict[int, int]]:
    """For each of the next requests, side by side: place of a list among `demands` -> pages.

    With places `taken` for something else there is one request only. Otherwise there are as many as can be filled; and
    where all that is left can leave now, one more for what does not fill one.
    """
    known = sum(one.at_once * one.cost for one in demands if one.pages is not None)
    all_now = all(one.pages is not None and one.pages <= one.at_once for one in demands)
    wanted = ceil(known - _ROUNDING) if all_now else floor(known + _ROUNDING)
    count = 1 if taken else max(1, min(REQUESTS, wanted))
    room = [1.0] * count
    room[0] -= taken / PLACES
    shares: list[dict[int, int]] = [{} for _ in range(count)]
    waiting = sorted(range(len(demands)), key=lambda place: -(demands[place].pages or 0) * demands[place].cost)
    unknown = [place for place in waiting if demands[place].pages is None]
    for place in waiting:
        one = demands[place]
        number = max(range(count), key=lambda each: room[each])
        fitting = int(room[number] / one.cost + _ROUNDING)
        if one.pages is None:  # among equals, equal parts of what is left
            fitting = -(-fitting // (len(unknown) - unknown.index(place)))
        pages = min(one.at_once, fitting)
        if pages > 0 or not any(shares):
            shares[number][place] = max(pages, 1)
            room[number] -= max(pages, 1) * one.cost
    return [share for share in shares if share or taken]
