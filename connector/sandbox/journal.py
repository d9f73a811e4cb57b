"""The portal's log of changes: who changed what and when, and who is told of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.records import Change, RecordKind, What

Hear = Callable[[Change], None]


class _Thread(threading.local):
    depth = 0
    api = False
    save = 0

    def __init__(self) -> None:
        self.pending: list[Change] = []


class Journal:
    """Lock, ids and changes of one portal. Listeners are called once the lock is released, in order of the changes."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        self.name = name
        self.crm = crm
        self.clock = clock
        self.lock = threading.RLock()
        self.changes: list[Change] = []
        self._hearers: list[Hear] = []
        self._ids: Counter[str] = Counter()
        self._saves = 0
        self._thread = _Thread()

    def listen(self, hear: Hear) -> None:
        """Call `hear` with every change from now on."""
        self._hearers.append(hear)

    def new_id(self, kind: str) -> int:
        """The next id of a kind, from 1."""
        with self.lock:
            self._ids[kind] += 1
            return self._ids[kind]

    @contextmanager
    def editing(self) -> Iterator[None]:
        """One save: the lock is held, and listeners hear of its changes after it, even if it broke off half-way."""
        mine = self._thread
        with self.lock:
            if not mine.depth:
                self._saves += 1
                mine.save = self._saves
            mine.depth += 1
            try:
                yield
            finally:
                mine.depth -= 1
                told, mine.pending = (mine.pending, []) if not mine.depth else ([], mine.pending)
        for change in told:
            for hear in self._hearers:
                hear(change)

    @contextmanager
    def as_api(self) -> Iterator[None]:
        """Changes made inside are marked as made over the CRM's API."""
        before, self._thread.api = self._thread.api, True
        try:
            yield
        finally:
            self._thread.api = before

    @property
    def by_api(self) -> bool:
        """Whether this thread acts for an API request."""
        return self._thread.api

    def moment(self, at: datetime | None) -> datetime:
        """`at` in UTC, or now."""
        return at.astimezone(UTC) if at else self.clock.now()

    def note(
        self,
        what: What,
        kind: RecordKind,
        of: int,
        *,
        by: int,
        at: datetime,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Write one change down; only inside `editing()`."""
        change = Change(
            id=self.new_id("change"),
            at=at,
            what=what,
            kind=kind,
            of=of,
            by=by,
            before=before or {},
            after=after or {},
            api=self._thread.api,
            save=self._thread.save,
        )
        self.changes.append(change)
        self._thread.pending.append(change)
