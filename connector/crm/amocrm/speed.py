"""How long an array may be, learnt from how quickly the account answers.

250 members are the most that the API takes and 50 are advised (facts/amocrm.md 2): so we begin with 50, go on to what
is expected to be answered within a few seconds, and halve on doubt. A long read tells as much as a write: a page of 250
rows that comes quickly allows long arrays from the start.
"""

from __future__ import annotations

from typing import Final

LARGEST: Final = 250
ADVISED: Final = 50
"""Members of the first array while nothing is known; also the shortest page that says anything."""
QUICK: Final = 5.0
"""Seconds that an array should take."""
SLOW: Final = 20.0
"""Seconds after which the vendor's own library gives up."""
WRITE_FACTOR: Final = 6.0
"""How much longer than a page of so many rows an array is expected to take that was never sent."""
AT_ONCE: Final = 8
"""Arrays of one account in the air at once."""
GUESSING: Final = 4
"""The same while it is only guessed, from quick reads, how long one takes."""


class Speed:
    """Of one account. `read` may be called from several threads, all else by whoever sends."""

    def __init__(self) -> None:
        self._page: float | None = None
        """Seconds of 250 rows, by the last page that was long enough to tell."""
        self._size: int | None = None
        """What writes have taught."""
        self.latency = 0.0
        """Seconds of the last read."""

    @property
    def size(self) -> int:
        """Members of the next array."""
        if self._size is not None:
            return self._size
        return LARGEST if self._page is not None and WRITE_FACTOR * self._page <= QUICK else ADVISED

    @property
    def width(self) -> int:
        """How many arrays may be in the air: one goes ahead while nothing is known."""
        if self._size is not None:
            return AT_ONCE
        return GUESSING if self.size == LARGEST else 1

    def read(self, rows: int, seconds: float) -> None:
        """A page of so many rows took so long."""
        self.latency = seconds
        if rows >= ADVISED:
            self._page = seconds * LARGEST / rows

    def written(self, length: int, seconds: float, size: int) -> None:
        """An array of this length took so long; `size` was the one allowed when it left."""
        now = self.size
        if seconds > SLOW:
            self._size = min(now, max(1, size // 2))
        elif length >= now and seconds < QUICK:
            self._size = min(LARGEST, max(now + 1, int(length * min(5.0, QUICK / max(seconds, 0.001)))))
        else:
            self._size = now

    def doubted(self, size: int) -> None:
        """An array got no answer: of several that left with this size only the first halves it."""
        self._size = min(self.size, max(1, size // 2))
