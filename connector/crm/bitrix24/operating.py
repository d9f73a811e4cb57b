"""How long each method takes, and how much of its execution time is used up: before the portal says so by a 429.

Sources: facts/bitrix24.md 2.5, bulk.md 1 and 6. A method may run 480 s in ten minutes (the documents' example value;
the true one shows when a call is refused). `operating` in an answer tells how much is used, `operating_reset_at` when
a part of it is given back. One of these objects lives as long as the portal is open.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from connector.crm.bitrix24.refusals import LONGEST_WAIT, OPERATING_WAIT

ALLOWANCE: Final = 480.0
"""Seconds a method may run in ten minutes, until a refusal shows another limit."""
SPARING: Final = 0.8
"""The part of the allowance that we use."""
WRITE_FACTOR: Final = 6.0
"""How much longer than the answers known so far a method is expected to take that was never called."""


@dataclass(slots=True)
class _Use:
    """What is known of one method."""

    seconds: float | None = None
    """Of one call, smoothed."""
    spent: float = 0.0
    """Of its allowance, by its last answer."""
    reset: float | None = None
    """When a part of it is given back, by the portal's clock."""
    given_back: float = 0.0
    """The same on our monotonic clock."""
    shut_until: float = 0.0
    """Refused until then."""


class Operating:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: dict[str, _Use] = {}
        self._allowance = ALLOWANCE

    def learn(self, answers: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """From the answers of one request, in order: method and `time` (or its entry in `result_time`)."""
        took: dict[str, list[float]] = {}
        with self._lock:
            for method, times in answers:
                use = self._uses.setdefault(method, _Use())
                seconds = number(times.get("duration"))
                if seconds is not None:
                    took.setdefault(method, []).append(max(seconds, 0.0))
                told = times.get("operating_reset_at")
                at = moment(told)
                reset = at.timestamp() if at else number(told)
                spent, finish = number(times.get("operating")), number(times.get("finish"))
                if spent is not None:  # answers may overtake each other: it shrinks only when a part is given back
                    use.spent = max(use.spent, spent) if reset is not None and reset == use.reset else spent
                if reset is not None and finish is not None:
                    use.reset = reset
                    use.given_back = time.monotonic() + min(max(reset - finish, 0.0), LONGEST_WAIT)
            for method, each in took.items():
                use, mean = self._uses[method], sum(each) / len(each)
                use.seconds = mean if use.seconds is None else (use.seconds + mean) / 2

    def refused(self, method: str) -> float:
        """The portal refused the method (429): seconds until it may be called again."""
        with self._lock:
            use = self._uses.setdefault(method, _Use())
            if use.spent:
                self._allowance = max(self._allowance / 2, min(self._allowance, use.spent))
            now = time.monotonic()
            wait = use.given_back - now
            wait = min(wait if wait > 0 else OPERATING_WAIT, LONGEST_WAIT)
            use.shut_until = now + wait
            return wait

    def wait(self, method: str) -> float:
        """Seconds to leave this method alone: it was refused, or has used up what we use. 0: none."""
        with self._lock:
            use = self._uses.get(method)
            if use is None:
                return 0.0
            now = time.monotonic()
            until = use.shut_until
            if use.spent >= SPARING * self._allowance:
                until = max(until, use.given_back)
            return max(0.0, until - now)

    def seconds(self, method: str) -> float | None:
        """Of one call of this method; None: it was never answered here."""
        with self._lock:
            use = self._uses.get(method)
            return use.seconds if use else None

    def expected(self, method: str) -> float | None:
        """As `seconds`; for a method that was never called a careful guess from the others. None: nothing is known."""
        with self._lock:
            use = self._uses.get(method)
            if use is not None and use.seconds is not None:
                return use.seconds
            known = [one.seconds for one in self._uses.values() if one.seconds is not None]
            return WRITE_FACTOR * sum(known) / len(known) if known else None

    def too_long(self, methods: Iterable[str], seconds: float) -> None:
        """A request of these commands got no answer: each may take at least this long, and twice what was thought."""
        with self._lock:
            for method in set(methods):
                use = self._uses.setdefault(method, _Use())
                use.seconds = max(seconds, 2 * (use.seconds or 0.0))

    def may_start(self, methods: Counter[str], in_the_air: Counter[str]) -> bool:
        """Whether so many calls more fit beside those in the air into what we use of the allowance.

        What has nothing in the air may always start: `wait` has the say then.
        """
        with self._lock:
            for method, count in methods.items():
                use, held = self._uses.get(method), in_the_air[method]
                if use is None or not held or use.seconds is None:
                    continue
                if use.spent + (held + count) * use.seconds > SPARING * self._allowance:
                    return False
            return True


def number(value: Any) -> float | None:
    """A number, also one written as text; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def moment(value: Any) -> datetime | None:
    """An ISO moment with an offset, in UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        told = datetime.fromisoformat(value)
    except ValueError:
        return None
    return told.astimezone(UTC) if told.tzinfo else None
