"""`delivery_takes`: how long the delivery is, from the start of the phase to the delivery date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from rules.assessment import Reason
from rules.calendar import CLOCK_UNITS, Duration, Unit
from rules.conditions import Judgement
from rules.conditions.kinds import DEAL, Subjects, Where, read_bounds
from rules.durations import parse_duration
from rules.facts import UNKNOWN, Unknown
from rules.problems import Hint

if TYPE_CHECKING:
    from rules.case import Case
    from rules.conditions import Condition


@dataclass(frozen=True, slots=True)
class Takes:
    """Reads `{at_least: 15 days}`."""

    key: str = "delivery_takes"
    subjects: Subjects = DEAL

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """Bounds that are durations of whole days."""
        if not isinstance(value, dict):
            where.refuse("no-bound", hint=Hint(code="write-bound"))
            return ()
        return tuple(Lasting(str(where), word, limit) for word, limit in read_bounds(value, where, _days))


def _days(value: Any, where: Where) -> Duration | None:
    duration = parse_duration(value) if isinstance(value, str) else None
    if duration is None or duration.unit in CLOCK_UNITS or duration.unit in (Unit.CYCLE, Unit.INTERVAL):
        where.refuse("bad-duration", {"text": str(value)}, hint=Hint(code="write-days"))
        return None
    return duration


@dataclass(frozen=True, slots=True)
class Lasting:
    """Compares the delivery date with the start of the phase plus the limit."""

    path: str
    word: str
    limit: Duration
    key: str = "delivery_takes"

    def judge(self, case: Case) -> Judgement:
        """The reason shows calendar days."""
        assert case.deal is not None
        entered, delivery = case.phase_entered, case.deal.fields.get("delivery_date")
        seen: int | Unknown | None = None
        holds: bool | None = False
        if entered is UNKNOWN or delivery is UNKNOWN:
            seen, holds = UNKNOWN, None
        elif isinstance(entered, datetime) and isinstance(delivery, date):
            zone = case.snapshot.portal.zone
            start = entered.astimezone(zone).date()
            end = delivery.astimezone(zone).date() if isinstance(delivery, datetime) else delivery
            seen = (end - start).days
            long = end >= case.regulation.calendar.shift_date(start, self.limit)
            holds = long is (self.word == "at_least")
        return Judgement(holds, Reason(path=self.path, code=self.key, seen=seen, wanted=(self.word, self.limit)))


CONDITION: Final = Takes()
