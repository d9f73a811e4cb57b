"""How feeds are read to their ends: chains of pages inside one batch, several batches side by side.

Source: facts/bulk.md 2. A page asks for ids above the last id of the page before it, which in the same batch is
`$result[page before][…][49][id]`. The first page that is not full is the end; whatever follows it in the batch is
thrown away, because what an unresolved reference turns into is not documented. A long list is cut at ids into
stretches that are read at the same time; where to cut is guessed from how densely its ids lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from connector.crm.bitrix24.api import Answers, Command
from connector.crm.bitrix24.feeds import PAGE, Feed, PageReader
from connector.crm.bitrix24.sharing import PLACES, REQUESTS, Demand, share_out
from connector.crm.bitrix24.values import moment
from connector.errors import CrmError, Refused

Row = Mapping[str, Any]
TIME_OVERLAP: Final = timedelta(minutes=2)
ID_OVERLAP: Final = 200
"""Rows below the cursor that are read again: a low id may become visible after a higher one."""
READ_SECONDS: Final = 25.0
"""How long a batch of pages should take at most; the portal cuts at 60 s."""
NEWEST: Final = "newest"
"""Begins the key of the command that asks for a list's highest ids."""


@dataclass(slots=True, eq=False)
class Stretch:
    """Ids of one list that are read as one chain."""

    run: Run
    name: str
    """Begins the keys of its pages."""
    after: int
    """The highest id that was read."""
    until: int | None = None
    """The last id of the stretch; None: to the end of the list."""
    ended: bool = False
    _pages: list[str] = field(default_factory=list)

    @property
    def read_up_to(self) -> int:
        """No id below or equal to this is missing."""
        return self.until if self.ended and self.until is not None else self.after

    def demand(self, cost: float) -> Demand:
        """What is still to be read, as far as one can know."""
        run = self.run
        if run.began is None and run.cursor is not None:  # one page, or the overlap and one page
            return Demand(1 if run.feed.since else ID_OVERLAP // PAGE + 1, cost)
        pages = run.pages_between(self.after, self.until)
        return Demand(None if pages is None else pages + 1, cost)

    def commands(self, places: int) -> dict[str, Command]:
        """A chain of pages for the next batch, with a look at the end of a list that is likely to be long."""
        feed, since = self.run.feed, self.run.since
        chain = self.run.look_ahead() if places > 1 else {}
        self._pages = [f"{self.name}_{number}" for number in range(places - len(chain))]
        after: int | str = self.after
        for page in self._pages:
            chain[page] = feed.command(after, since, self.until)
            after = feed.reference(page)
        return chain

    def take(self, answers: Answers) -> list[Row]:
        """The rows that came; sets `ended` at its end. The run gets an `error` when the first page failed."""
        run, feed = self.run, self.run.feed
        taken: list[Row] = []
        for number, page in enumerate(self._pages):
            answer = answers.by_key[page]
            if answer.error is not None:
                if number == 0:
                    run.error = answer.error
                break  # a later page is simply asked for again, as a first one
            rows = feed.rows_of(answer.result)
            if rows and int(rows[0][feed.id]) <= self.after:
                if number == 0:  # never read in a circle
                    run.error = Refused("the list does not honour its filter by id", call=feed.method)
                break
            full = len(rows) >= PAGE
            if self.until is not None and rows and int(rows[-1][feed.id]) > self.until:  # the filter was ignored
                rows, full = [row for row in rows if int(row[feed.id]) <= self.until], False
            taken += rows
            if rows:
                self.after = int(rows[-1][feed.id])
            if not full:
                self.ended = True
                break
        return taken


@dataclass(slots=True, eq=False)
class Run:
    """The reading of one feed, from its cursor to its end."""

    feed: Feed
    cursor: str | None
    since: str | None = None
    began: datetime | None = None
    """The portal's clock at the first batch: the next cursor of a feed by time."""
    ended: bool = False
    error: CrmError | None = None
    _stretches: list[Stretch] = field(default_factory=list)
    _newest: int | None = None
    """The highest id there is, as far as it was told: for guessing only, the end is a page that is not full."""
    _densities: dict[str, float] = field(default_factory=dict)
    """Ids that a page spans, where the reading is and at the end of the list."""
    _asked_newest: bool = False

    def __post_init__(self) -> None:
        after = 0
        if self.feed.since is not None:
            self.since = moment(self.cursor)
        elif self.cursor and self.cursor.isdecimal():
            after = max(0, int(self.cursor) - ID_OVERLAP)
        self._stretches = [Stretch(self, self.feed.name, after)]

    def open(self, cost: float) -> list[Stretch]:
        """What can be asked for now; where much is left it is cut. `cost`: the part of a request a page takes."""
        waiting = [one for one in self._stretches if not one.ended]
        left = self.pages_between(waiting[0].after, None) if len(waiting) == 1 and waiting[0].until is None else None
        fitting = max(2, int(1 / cost)) - 1
        if left is not None and left > fitting:
            waiting = self._cut(waiting[0], min(REQUESTS, ceil(left / fitting)))
        return waiting

    def pages_between(self, after: int, until: int | None) -> int | None:
        """About how many pages lie between two ids; None: nobody knows yet."""
        last = until if until is not None else self._newest
        if last is None or self._newest is None or not self._densities:
            return None
        density = sum(self._densities.values()) / len(self._densities)
        return ceil(max(0, last - after) / max(1.0, density))

    def _cut(self, stretch: Stretch, parts: int) -> list[Stretch]:
        """The last stretch in equal parts, as far as one knows."""
        assert self._newest is not None
        width = (self._newest - stretch.after) / parts
        bounds = [stretch.after + round(width * number) for number in range(1, parts)]
        stretch.until = bounds[0]
        for after, until in zip(bounds, [*bounds[1:], None], strict=True):
            self._stretches.append(Stretch(self, f"{self.feed.name}{len(self._stretches)}", after, until))
        return [one for one in self._stretches if not one.ended]

    def look_ahead(self) -> dict[str, Command]:
        """Once, of a list that is likely to be long: the command that tells its highest ids."""
        if self._asked_newest or (self.cursor is not None and self.began is None):
            return {}
        self._asked_newest = True
        return {f"{NEWEST}_{self.feed.name}": self.feed.newest(self.since)}

    def take(self, stretch: Stretch, answers: Answers) -> list[Row]:
        """The rows of a stretch; sets `ended` at the end of the feed, `error` when the first page failed."""
        if self.began is None:
            self.began = answers.at
        before = stretch.after
        rows = stretch.take(answers)
        if rows:
            span = stretch.after - max(before, int(rows[0][self.feed.id]) - 1)
            self._densities["here"] = span * PAGE / len(rows)
        told = answers.by_key.get(f"{NEWEST}_{self.feed.name}")
        highest = [int(row[self.feed.id]) for row in (self.feed.rows_of(told.result) if told else [])]
        if highest:
            self._newest = max(highest)
            self._densities["there"] = (self._newest - min(highest) + 1) * PAGE / len(highest)
        self.ended = all(one.ended for one in self._stretches)
        return rows

    def new_cursor(self) -> str | None:
        """What may be remembered now; None: nothing new."""
        if self.feed.since is None:
            known = int(self.cursor) if self.cursor and self.cursor.isdecimal() else 0
            unfinished = (one for one in self._stretches if not one.ended)
            reached = next(unfinished, self._stretches[-1]).read_up_to
            return str(max(reached, known)) if reached > known or self.error is None else None
        if not self.ended or self.began is None:
            return None
        return (self.began - TIME_OVERLAP).isoformat(timespec="seconds")


def read_feeds(
    runs: Collection[Run], read: PageReader, more: Mapping[str, Command]
) -> Iterator[tuple[Answers, list[tuple[Run, list[Row]]]]]:
    """Read all runs side by side until each has ended or failed; `more` rides in the first batch.

    Raises CrmError when a request as a whole failed.
    """
    pending = list(runs)
    while pending or more:
        for run in pending:
            run.error = read.held_back(run.feed.method)
        pending = [run for run in pending if run.error is None]
        costs = {
            run: min(1.0, max(1 / PLACES, (read.seconds(run.feed.method) or 0.0) / READ_SECONDS)) for run in pending
        }
        stretches = [one for run in pending for one in run.open(costs[run])]
        shares = share_out([one.demand(costs[one.run]) for one in stretches], taken=len(more))
        batches = [_batch({stretches[place]: pages for place, pages in share.items()}, more) for share in shares]
        for number, answers in read.side_by_side(batches):
            chosen = [stretches[place] for place in shares[number]]
            yield answers, [(one.run, one.run.take(one, answers)) for one in chosen]
        pending = [run for run in pending if not run.ended and run.error is None]
        more = {}


def _batch(shares: Mapping[Stretch, int], more: Mapping[str, Command]) -> dict[str, Command]:
    chains = [stretch.commands(pages) for stretch, pages in shares.items()]
    return {**more, **{name: command for chain in chains for name, command in chain.items()}}
