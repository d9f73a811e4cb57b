"""Business time from one seam: the machine's clock, or the sandbox's when KASANIE_SANDBOX=1.

Leases, limits, back-off and quarantine never ask this clock: they run on real time (docs/decisions/0006).
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def real_clock() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


class SandboxClock:
    """The sandbox's clock, asked over HTTP at most every `keep` real seconds."""

    def __init__(self, control_url: str, keep: float = 0.2) -> None:
        self._url = control_url.rstrip("/") + "/sandbox/clock"
        self._keep = keep
        self._asked = time.monotonic() - keep
        self._now = datetime.now(UTC)
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # loopback: no proxy

    def __call__(self) -> datetime:
        """The sandbox's present; while it cannot be reached, its last answer plus the real time since."""
        elapsed = time.monotonic() - self._asked
        if elapsed >= self._keep:
            try:
                with self._open(self._url, timeout=2) as answer:
                    self._now = datetime.fromisoformat(json.load(answer)["now"]).astimezone(UTC)
                self._asked = time.monotonic()
            except (OSError, KeyError, ValueError):
                return self._now + timedelta(seconds=elapsed)
        return self._now + timedelta(seconds=time.monotonic() - self._asked)
