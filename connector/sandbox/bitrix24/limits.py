"""A portal's limits: the leaky bucket of requests and the execution time of each method. Both on real time."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

from connector.sandbox.config import Limits

WINDOW = 600.0
"""Seconds over which execution time is summed."""


class Bucket:
    """One more per request, `rate` less per second; full at `burst`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._level = 0.0
        self._at = time.monotonic()

    def admit(self) -> bool:
        """Count a request; False: the bucket is full and the request does not count."""
        with self._lock:
            moment = time.monotonic()
            self._level = max(0.0, self._level - (moment - self._at) * self._limits.rate)
            self._at = moment
            if self._limits.rate and self._level + 1 > self._limits.burst:
                return False
            self._level += 1
            return True

    def level(self) -> float:
        """How full it is now."""
        with self._lock:
            return max(0.0, self._level - (time.monotonic() - self._at) * self._limits.rate)

    def fill(self, level: float) -> None:
        """Make it so full: `burst` means that nothing more is let in before some of it leaked."""
        with self._lock:
            self._level, self._at = level, time.monotonic()


class Operating:
    """Execution time per caller and method, summed over ten baskets of one minute."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._baskets: dict[str, deque[tuple[float, float]]] = defaultdict(deque)
        self._start = 0.0

    def _fresh(self, method: str) -> deque[tuple[float, float]]:
        if method not in self._baskets and self._start:
            self._baskets[method].append((time.monotonic(), self._start))
        baskets = self._baskets[method]
        while baskets and time.monotonic() - baskets[0][0] > WINDOW:
            baskets.popleft()
        return baskets

    def admit(self, method: str) -> bool:
        """Whether the method still has time; checked before the call."""
        with self._lock:
            spent = sum(seconds for _, seconds in self._fresh(method))
            return not self._limits.operating_seconds or spent < self._limits.operating_seconds

    def start_with(self, seconds: float) -> None:
        """Every method has spent so much, all of it now; 0: nothing."""
        with self._lock:
            self._baskets.clear()
            self._start = seconds

    def book(self, method: str, seconds: float) -> tuple[float, float]:
        """Add one call; returns the seconds spent so far and the real seconds until the oldest basket is freed."""
        with self._lock:
            baskets = self._fresh(method)
            moment = time.monotonic()
            if baskets and moment - baskets[-1][0] < WINDOW / 10:
                baskets[-1] = (baskets[-1][0], baskets[-1][1] + seconds)
            else:
                baskets.append((moment, seconds))
            return sum(spent for _, spent in baskets), WINDOW - (moment - baskets[0][0])
