"""One planned touch and the plan of a rule: what it counts from, its moments, its name, its row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.assessment import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from rules.calendar import Duration
    from rules.ledger import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One planned touch. All moments in UTC."""

    name: str
    anchor_at: datetime
    due_at: datetime
    planned_at: datetime
    lapse_at: datetime | None = None
    notice_days: int | None = None
    term: Duration | None = None
    step: int = 1
    steps: int = 1
    rhythm: bool = False
    movable: bool = False
    follows_touch: bool = False
    """Any contact moves it while it is not asked."""
    row: Asked | None = None
    because: str | None = None
    """How the last interval ended, when not by a touch: `unproven`, `declined`, `missed`."""

    @property
    def counted(self) -> Reason:
        """What it counts from, and its term."""
        path = "touch.every" if self.rhythm else "touch.due"
        return Reason(path=path, code="counted", seen=self.anchor_at, wanted=self.term)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rule owes a subject; without occurrences, why there are none."""

    occurrences: tuple[Occurrence, ...] = ()
    missing: Reason | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of an occurrence's name: `60d:` + `2026-09-30` + `/2`."""

    offset: str
    fact: str
    suffix: str = ""

    def __str__(self) -> str:
        return self.offset + self.fact + self.suffix

    def fact_of(self, name: str) -> str | None:
        """The same part of another occurrence's name, when all else is equal."""
        if not (name.startswith(self.offset) and name.endswith(self.suffix)):
            return None
        fact = name[len(self.offset) : len(name) - len(self.suffix)]
        return None if "/" in fact or (not self.offset and ":" in fact.partition("@")[0]) else fact
