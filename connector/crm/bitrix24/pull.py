"""Facts of a portal: what changed since the cursors, what an event named, and once a night everything again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm import nightly
from connector.crm.bitrix24 import scan
from connector.crm.bitrix24.directory import field_commands, field_types
from connector.crm.bitrix24.elsewhere import REQUISITES, Row, joined, owners_of, requisite_feeds, requisite_owners
from connector.crm.bitrix24.feeds import PageReader, feeds
from connector.crm.bitrix24.mapping import FieldTypes, card_fact, stage_fact, task_fact
from connector.crm.bitrix24.named import read_named
from connector.crm.bitrix24.runs import Run, read_feeds
from connector.crm.bitrix24.signals import signal_fact
from connector.crm.port import Fact, FactKind, Page, Ref, Wanted

FOLLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "signal_changed": ("signal",),
    **dict.fromkeys(REQUISITES, ("company", "contact")),
}
"""Feeds of changes that a full load of others brings as well."""


class FactReader:
    """Reads one portal's facts; remembers the types of its fields once they were asked for."""

    def __init__(self, wanted: Wanted, zone: ZoneInfo, read: PageReader) -> None:
        self._wanted = wanted
        self._zone = zone
        self._read = read
        self._types: dict[FactKind, FieldTypes] | None = None

    def forget_types(self) -> None:
        """A field may be new: the next pull asks for their types again."""
        self._types = None

    def pull(self, cursors: Mapping[str, str], named: Collection[Ref]) -> Iterator[Page]:
        """What changed since the cursors, then the named refs that did not come by themselves. Raises CrmError.

        A feed that fails does not hold up the others; its error is raised when they are done.
        """
        runs = self._runs(cursors)
        loaded = {run.feed.name for run in runs if run.cursor is None}
        spared = [run for run in runs if loaded.issuperset(FOLLOWS.get(run.feed.name, ("",)))]
        reading = [run for run in runs if run not in spared]
        owners: set[Ref] = set()
        seen: set[Ref] = set()
        asked = set(named)
        at: datetime | None = None
        for answers, taken in read_feeds(reading, self._read, {} if self._types else field_commands()):
            if self._types is None:
                self._types = field_types(answers.by_key)
            at = at or answers.at
            owners |= requisite_owners(row for run, rows in taken if run.feed.name in REQUISITES for row in rows)
            facts = self._facts([(run.feed.kind, rows) for run, rows in taken if run.feed.name not in REQUISITES])
            _end_spared(spared, reading)
            moved = _moved([*(run for run, _ in taken if run.feed.name not in REQUISITES), *spared])
            if (
                at
                and nightly.CURSOR not in cursors
                and all(run.ended for run in reading if run.feed.name in scan.LISTS)
            ):
                moved[nightly.CURSOR] = nightly.begun(at)  # a full load is as good as a scan
            refs = {fact.ref for fact in facts}
            seen |= refs
            yield Page(facts=facts, cursors=moved, answered=frozenset(asked & refs))
        requisites = sorted(ref for ref in asked if ref.startswith("requisite:"))
        owners |= owners_of(requisites, self._wanted, self._read)
        yield from read_named(sorted((asked | owners) - seen - set(requisites)), self._read, self._wanted, self._facts)
        # only now are the changes of the requisites in the cards
        last = _moved([run for run in reading if run.feed.name in REQUISITES])
        if last or requisites:
            yield Page(facts=(), cursors=last, answered=frozenset(requisites))
        errors = [run.error for run in reading if run.error is not None]
        if errors:
            raise errors[0]
        if at and scan.is_due(cursors.get(nightly.CURSOR), at, self._zone):
            yield from scan.scan(at, self._wanted, self._read, self._facts)

    def _runs(self, cursors: Mapping[str, str]) -> list[Run]:
        outside = requisite_feeds(self._wanted)
        return [Run(feed, cursors.get(feed.name)) for feed in (*feeds(self._wanted), *outside)]

    def _facts(self, lists: Sequence[tuple[FactKind, Sequence[Row]]]) -> tuple[Fact, ...]:
        """The facts of rows of any kinds, each once, with what lies outside the cards. Raises CrmError."""
        rows = ((kind, row) for kind, some in joined(lists, self._wanted, self._read) for row in some)
        facts = {fact.ref: fact for kind, row in rows if (fact := self._fact(kind, row)) is not None}
        return tuple(facts.values())

    def _fact(self, kind: FactKind, row: Mapping[str, Any]) -> Fact | None:
        if kind == "stage":
            return stage_fact(row)
        if kind == "signal":
            return signal_fact(row)
        if kind == "task":
            return task_fact(row)
        return card_fact(kind, row, getattr(self._wanted, kind), (self._types or {}).get(kind, {}))


def _end_spared(spared: Sequence[Run], reading: Sequence[Run]) -> None:
    """A feed of changes begins where the full load that it follows began."""
    for run in spared:
        followed = [other for other in reading if other.feed.name in FOLLOWS[run.feed.name]]
        if all(other.ended for other in followed):
            run.began = min((other.began for other in followed if other.began is not None), default=None)
            run.ended = True


def _moved(runs: Sequence[Run]) -> dict[str, str]:
    """Cursors that may be remembered now."""
    whole = (run for run in runs if run.error is None or run.feed.since is None)  # by id, all below the cursor is read
    cursors = ((run.feed.name, run.new_cursor()) for run in whole)
    return {name: cursor for name, cursor in cursors if cursor is not None}
