"""The portal's lane while it is served: its lease kept alive, its one rate limiter obeyed.

Both run on real time. The limiter is a column of the portal's row, so all workers and machines share it; the sleep
comes after the commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from connector.errors import LeaseLost, Leaving
from connector.store import Store, StoreDown


class Lane:
    """Holds a portal's lease and renews it from a thread of its own."""

    def __init__(self, store: Store, portal: str, worker: str, seconds: float, leaving: threading.Event) -> None:
        self._store = store
        self._portal = portal
        self._worker = worker
        self._seconds = seconds
        self._leaving = leaving
        self._good_until = 0.0
        self._left = threading.Event()
        self._renewer = threading.Thread(target=self._keep, name=f"lease-{portal}", daemon=True)
        self.taken = False
        self._in_the_air: tuple[Collection[str], float] | None = None

    def __enter__(self) -> Self:
        """`taken` tells whether the lane is ours; if not, nothing may be done."""
        started = time.monotonic()
        self.taken = self._store.take_lease(self._portal, self._worker, self._seconds)
        if self.taken:
            self._good_until = started + self._seconds
            self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lane back."""
        if self.taken:
            self._left.set()
            self._renewer.join()
            self._store.release_lease(self._portal, self._worker)

    def check(self) -> None:
        """Raises LeaseLost when the lease could not be renewed in time: another worker may be at work by now.

        Raises Leaving when this worker is to end.
        """
        if self._leaving.is_set() and self._in_the_air is None:
            raise Leaving(self._portal)
        if time.monotonic() >= self._good_until:
            raise LeaseLost(self._portal)

    @contextmanager
    def sending(self, keys: Collection[str], quarantine: float) -> Iterator[None]:
        """While these effects leave: their quarantine is kept ahead, for a call may be held up before it goes out.

        And what is begun is brought to its end, or it would be in doubt for no reason.
        """
        self._in_the_air = (keys, quarantine)
        try:
            yield
        finally:
            self._in_the_air = None

    def rest(self, seconds: float) -> None:
        """Sleep, but not beyond the worker's end."""
        if self._in_the_air is not None:
            time.sleep(seconds)
        else:
            self._leaving.wait(seconds)

    def _keep(self) -> None:
        while not self._left.wait(self._seconds / 3):
            started = time.monotonic()
            try:
                renewed = self._store.renew_lease(self._portal, self._worker, self._seconds)
                if renewed and (leaving_now := self._in_the_air) is not None:
                    keys, quarantine = leaving_now
                    self._store.hold_effects(self._portal, keys, quarantine + self._seconds / 3)
            except StoreDown:
                continue  # the lease runs on; when it is over, `check` says so
            if not renewed:
                self._good_until = 0.0
                return
            self._good_until = started + self._seconds


class PortalPacer:
    """The portal's limiter for one opened CRM. Inside a lane every request also checks that the lane is still ours."""

    def __init__(self, store: Store, portal: str) -> None:
        self._store = store
        self._portal = portal
        self.lane: Lane | None = None
        """Set while a lane is held; without one (`check --portal`) only the limiter is obeyed."""

    def wait_turn(self) -> None:
        """Reserve one request and sleep until it may leave. Raises LeaseLost, Leaving."""
        self._check()
        pause = self._store.reserve(self._portal)
        if pause > 0:
            (self.lane.rest if self.lane is not None else time.sleep)(pause)
        self._check()

    def push_back(self, seconds: float) -> None:
        """The CRM said "too fast"."""
        self._store.push_back(self._portal, seconds)

    def _check(self) -> None:
        if self.lane is not None:
            self.lane.check()
