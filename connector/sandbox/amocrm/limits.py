"""amoCRM's ceiling on requests: 7 a second, then 429, and a block for those who go on (facts/amocrm.md 2)."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Literal

LENIENCE = 0.9
"""The window is a little short, so that a client that paces to the limit is not refused for the network's jitter."""
STRIKES_WINDOW = 10.0
"""Seconds in which refused requests add up to a block."""


class Gate:
    """Counts the requests of one account in real time; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._let_in: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._shut_until = 0.0

    def ask(
        self, *, rate: float, burst: int, strikes: int, block_seconds: float
    ) -> Literal["in", "too fast", "blocked"]:
        """Let one request in or not: `burst` of them in the time that `rate` per second gives so many.

        `strikes` refusals in 10 s shut the gate for `block_seconds`; 0 in `rate` or `strikes` switches that off.
        """
        moment = time.monotonic()
        with self._lock:
            if moment < self._shut_until:
                return "blocked"
            allowed = max(burst, 1)
            _forget(self._let_in, moment - LENIENCE * allowed / rate if rate else moment)
            _forget(self._refused, moment - STRIKES_WINDOW)
            if not rate or len(self._let_in) < allowed:
                self._let_in.append(moment)
                return "in"
            self._refused.append(moment)
            if strikes and len(self._refused) >= strikes:
                self._shut_until = moment + block_seconds
                self._refused.clear()
                return "blocked"
            return "too fast"


def _forget(moments: deque[float], before: float) -> None:
    while moments and moments[0] <= before:
        moments.popleft()
