"""The sandbox's clock: one for all portals, running at real pace from wherever it was put."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

START = datetime(2026, 9, 22, 7, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Moscow: far from feasts and month ends, so a fresh sandbox always tells the same story."""


class Clock:
    """Aware UTC moments; moved forward by hand, otherwise as fast as real time."""

    def __init__(self, start: datetime = START) -> None:
        self._lock = threading.Lock()
        self._from = start.astimezone(UTC)
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The sandbox's present moment, UTC."""
        with self._lock:
            return self._from + timedelta(seconds=time.monotonic() - self._since)

    def advance(self, step: timedelta) -> datetime:
        """Move the clock by `step` and return the new moment."""
        with self._lock:
            self._from += step
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Put the clock on `moment` (aware) and return it."""
        with self._lock:
            self._from = moment.astimezone(UTC)
            self._since = time.monotonic()
        return self.now()
