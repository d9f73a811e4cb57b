"""Conditions: one file here is one key under `if`.

A condition is read once, when the regulation is loaded, and judged against a `Case` as often as wanted. Empty is not
matched; unknown is neither matched nor not matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rules.assessment import Reason

if TYPE_CHECKING:
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
