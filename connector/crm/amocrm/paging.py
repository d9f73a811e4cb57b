"""Pages of amoCRM's lists and many reads of single objects, several requests in the air at once.

Page numbers shift when a list changes under the reader. A list that only grows at its end, or not at all, may be read
ahead, whatever page is answered first; of any other the next page is asked for only when the one before has arrived.

How many pages there are, no list of cards, notes or tasks tells. So a whole one is read from both ends: its last page
first, and then upwards by id; the ids still between tell about how many pages may be asked for at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Final, TypeVar

from connector.crm.amocrm.api import PAGE, Api, Params, embedded

T = TypeVar("T")

AT_ONCE: Final = 8
"""Requests of one account in the air at once."""
AHEAD: Final = 4
"""Of one list: 7 requests a second of 400 ms each are 3 in the air, and what is behind the end is asked for in vain."""
A_SECOND: Final = 7
"""Requests that an account takes (facts/amocrm.md 2)."""
BOLDLY: Final = 2
"""For so many pages that have arrived, one more in the air: a full load is long."""
CAREFULLY: Final = 8
"""The same for a list that is short on most days: at most an eighth is asked for in vain."""
_UPWARDS: Final = ("order[id]", "asc")
_DOWNWARDS: Final = ("order[id]", "desc")


@dataclass(frozen=True, slots=True)
class _Arrived:
    """One page as it was answered."""

    rows: list[Any]
    is_last: bool
    at: datetime | None
    """The CRM's clock when it answered (UTC)."""


class Listing:
    """One list that is being read; its first page is asked for at once."""

    def __init__(
        self,
        ask: Callable[[int], Future[_Arrived]],
        first: Future[_Arrived],
        *,
        asked: int = 1,
        ahead: int = 0,
        frozen: Callable[[list[Any]], None] | None = None,
    ) -> None:
        """`asked`: the number of the page that `first` brings; the others follow it.

        `ahead`: for so many pages that have arrived, one more in the air; 0: the next one when it is wanted.
        """
        self._ask = ask
        self._ahead = ahead
        self._frozen = frozen
        self._asked = asked
        self._waiting = deque([first])
        self._in_vain: list[Future[_Arrived]] = []
        self.began: datetime | None = None
        """The CRM's clock when the first page was answered; None before that, or where it told none."""

    def pages(self) -> Iterator[list[Any]]:
        """The pages that hold anything, in their order. Raises CrmError."""
        arrived = 0
        while self._waiting:
            page = self._waiting.popleft().result()
            self.began = self.began or page.at
            if page.is_last:
                self._cancel()
            elif self._ahead:
                arrived += 1
                if arrived == 1 and self._frozen:
                    self._frozen(page.rows)
                while len(self._waiting) < min(AHEAD, 1 + arrived // self._ahead):
                    self._more()
            if page.rows:
                yield page.rows
            if not page.is_last and not self._ahead:
                self._more()

    def ask_beside(self, count: int) -> None:
        """Ask for so many pages beside the first, while nobody knows whether there are so many."""
        for _ in range(count):
            self._more()

    def stop(self) -> None:
        """Ask for nothing more; returns when what is in the air has come down."""
        self._cancel()
        wait(self._in_vain)

    def _cancel(self) -> None:
        for future in self._waiting:
            future.cancel()
        self._in_vain += self._waiting
        self._waiting.clear()

    def _more(self) -> None:
        self._asked += 1
        self._waiting.append(self._ask(self._asked))


class WholeListing(Listing):
    """All of a list that can be ordered by id; `first` brings its last page."""

    def pages(self) -> Iterator[list[Any]]:
        """The last page, then all before it. Raises CrmError."""
        end = self._waiting.popleft().result()
        self.began = end.at
        if end.rows:
            yield end.rows
        if end.is_last:
            self._cancel()
            return
        low, left = _lowest(end.rows), max(2, len(self._waiting) + 1)
        while True:
            while len(self._waiting) < max(1, min(AHEAD, left)):
                self._more()
            page = self._waiting.popleft().result()
            if low is not None and not _is_upwards(page.rows):  # the order is not kept: to the end then
                low = None
            fresh = [row for row in page.rows if low is None or row["id"] < low]
            if fresh:
                yield fresh
            if page.is_last or len(fresh) < len(page.rows):
                self._cancel()
                return
            left = _pages_between(fresh, low)
            if not left:
                self._cancel()
                return


def _lowest(rows: list[Any]) -> int | None:
    """The lowest id of a page that should be ordered downwards; None: the order was not kept, or there are no ids."""
    lowest = rows[-1].get("id")
    return lowest if isinstance(lowest, int) and _is_upwards(rows[::-1]) else None


def _is_upwards(rows: list[Any]) -> bool:
    ids = [row.get("id") for row in rows]
    return all(isinstance(one, int) for one in ids) and ids == sorted(ids)


def _pages_between(rows: list[Any], low: int | None) -> int:
    """About how many pages are left, if ids go on as densely; one at a time where nobody can tell.

    None is left where there is no id between.
    """
    if low is None:
        return 1
    first, last = int(rows[0]["id"]), int(rows[-1]["id"])
    return -(-(low - last - 1) // (last - first + 1))


class Lists:
    """Reads lists and single objects of one account through the threads of its adapter."""

    def __init__(self, api: Api, threads: Executor) -> None:
        self._api = api
        self._threads = threads
        self._air: list[Future[_Arrived]] = []

    def begin(
        self,
        path: str,
        key: str,
        params: Params = (),
        *,
        limit: int = PAGE,
        ahead: int = 0,
        frozen: Callable[[list[Any]], Params] | None = None,
    ) -> Listing:
        """Begin a list in the background. `ahead`: BOLDLY or CAREFULLY where it may be read ahead (see above).

        `frozen`: the rows of the first page -> what the others are asked with beside, so that the list stands still.
        """
        asked = list(params)

        def ask(number: int) -> Future[_Arrived]:
            paged = [*asked, ("page", number), ("limit", limit)]
            return self._send(path, key, paged, limit)

        freeze = (lambda rows: asked.extend(frozen(rows))) if frozen else None
        return Listing(ask, ask(1), ahead=ahead, frozen=freeze)

    def whole(self, path: str, key: str, params: Params = ()) -> Listing:
        """Begin all of a list that can be ordered by id, in the background."""

        def ask(number: int) -> Future[_Arrived]:
            paged = [*params, _UPWARDS, ("page", number), ("limit", PAGE)]
            return self._send(path, key, paged, PAGE)

        last = self._send(path, key, [*params, _DOWNWARDS, ("page", 1), ("limit", PAGE)], PAGE)
        listing = WholeListing(ask, last, asked=0)
        listing.ask_beside(self._room())
        return listing

    def side_by_side(self, reads: Sequence[Callable[[], T]]) -> list[T]:
        """The results of several reads, in their order. Raises the first error when none is in the air any more."""
        if len(reads) < 2:  # nothing to hand over to another thread
            return [read() for read in reads]
        futures = [self._threads.submit(read) for read in reads]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _send(self, path: str, key: str, params: Params, limit: int) -> Future[_Arrived]:
        future = self._threads.submit(self._read, path, key, params, limit)
        self._air = [*(one for one in self._air if not one.done()), future]
        return future

    def _room(self) -> int:
        """Requests that may leave before the first in the air is answered: none where answers are quick or many are."""
        useful = ceil(self._api.speed.latency * A_SECOND)
        return max(0, min(AHEAD, useful) - sum(not one.done() for one in self._air))

    def _read(self, path: str, key: str, params: Params, limit: int) -> _Arrived:
        """A full page is followed by the next one even where `_links.next` is missing (facts/amocrm.md 5.6)."""
        body = self._api.get(path, params, name=path)
        rows = embedded(body, key)
        links = body.get("_links") if body else None
        has_next = isinstance(links, dict) and bool(links.get("next"))
        return _Arrived(rows, not rows or not (has_next or len(rows) >= limit), self._api.clock)
