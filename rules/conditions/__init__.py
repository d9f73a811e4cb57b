"""Conditions: one file here is one key under `if`.

A condition is read once, when the regulation is loaded, and judged against a `Case` as often as wanted. Empty is not
matched; unknown is neither matched nor not matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rules.assessment import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rules.case import Case


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a condition holds: True, False or None for unknown, and why."""

    holds: bool | None
    reason: Reason
    until: datetime | None = None
    """When time alone may change it (a date field ahead, a state crossing); `None`: only a fact can."""


class Condition(Protocol):
    """What every file of this folder builds from its value in the YAML."""

    @property
    def key(self) -> str:
        """The key under `if`."""

    def judge(self, case: Case) -> Judgement:
        """Judge one subject at one moment."""


def judge_all(conditions: Sequence[Condition], case: Case) -> Judgement:
    """All must hold: one that does not decides, then one that is unknown."""
    judged = [condition.judge(case) for condition in conditions]
    results = [judgement.holds for judgement in judged]
    holds = False if False in results else None if None in results else True
    reason = Reason(path="if", code="all", seen=holds, children=tuple(judgement.reason for judgement in judged))
    return Judgement(holds, reason, earliest(judged))


def earliest(judged: Sequence[Judgement]) -> datetime | None:
    """When time alone may first change one of them."""
    return min((judgement.until for judgement in judged if judgement.until is not None), default=None)
