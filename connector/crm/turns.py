"""What sending has in common in every CRM: which effects may be in the air together, what a failure makes of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

from connector.crm.effects import Effect, Outcome
from connector.errors import Ambiguous, Blocked, CrmError, Gone, NotSent, Refused, Unavailable

BLOCKED_WAIT: Final = 900.0
"""Seconds between two tries while the portal as a whole is closed to us."""
PAUSE: Final = 5.0
"""Seconds after a request that never left, or a reading that failed."""


def task_of(effect: Effect) -> str | None:
    """The id of the CRM task that an effect works on; of a proposal, where that is a task."""
    kind, _, number = (effect.offer or "").partition(":")
    return number if kind == "task" else effect.task


def turns(effects: Iterable[Effect]) -> list[list[Effect]]:
    """Effects that may be in the air together: of those on one task, proposal or card each turn has one, in order."""
    found: list[list[Effect]] = []
    so_far: Counter[str] = Counter()
    for effect in effects:
        subject = task_of(effect) or effect.offer or effect.card
        number = so_far[subject] if subject else 0
        if subject:
            so_far[subject] += 1
        while len(found) <= number:
            found.append([])
        found[number].append(effect)
    return found


def failed(effect: Effect, error: CrmError) -> Outcome:
    """The outcome of an effect whose request, or whose part of one, failed."""
    status: Literal["refused", "later", "unknown"] = "later"
    if isinstance(error, Ambiguous):
        status = "unknown"
    elif isinstance(error, Refused | Gone):
        status = "refused"
    closed = isinstance(error, Blocked)
    shortest = BLOCKED_WAIT if closed else PAUSE if isinstance(error, NotSent | Unavailable) else 0.0
    return Outcome(
        key=effect.key,
        status=status,
        code=error.code,
        text=error.text,
        wait=max(error.wait, shortest),
        advice=error.advice,
        closed=closed,
    )
