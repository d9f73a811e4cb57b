"""What keeps a rule silent for a while: do-not-disturb, another rule's silence, the gap between touches.

A held touch does not exist until the hold ends; then it is asked late, or it has lapsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rules.facts import UNKNOWN, Unknown
from rules.moments import LAST_YEAR

if TYPE_CHECKING:
    from rules.duty import Docket, Duty


@dataclass(frozen=True, slots=True)
class Hold:
    """Why, and until when; `until` is None when only a fact ends it."""

    code: str
    until: datetime | None = None
    seen: object = None

    @property
    def unknown(self) -> bool:
        """Whether there is a hold could not be read."""
        return self.seen is UNKNOWN


def hold_on(duty: Duty, docket: Docket) -> Hold | None:
    """What keeps this rule from asking now."""
    return freeze_on(duty, docket) or _gap(duty, docket)


def freeze_on(duty: Duty, docket: Docket) -> Hold | None:
    """What also stops the escalation of what is asked already."""
    if duty.rule.always:
        return None
    return _quiet(duty) or _silence(duty, docket)


def _quiet(duty: Duty) -> Hold | None:
    until = duty.case.snapshot.client.quiet_until
    if until is None:
        return None
    if isinstance(until, Unknown):
        return Hold("quiet", seen=UNKNOWN)
    if until < duty.case.today:
        return None
    if until.year > LAST_YEAR:  # for ever
        return Hold("quiet", None, until)
    return Hold("quiet", duty.case.start_of(until + timedelta(days=1)), until)


def _silence(duty: Duty, docket: Docket) -> Hold | None:
    """From another rule's anchor on, for so long."""
    ids = {duty.rule.id, *duty.rule.was}
    for other in docket.duties:
        silence = other.rule.silence
        if silence is None or ids.isdisjoint(silence.rules) or not other.holds:
            continue
        for one in other.plan(docket.book).occurrences:
            day = duty.timing.day_of(one.anchor_at)
            last = duty.timing.calendar.shift_date(day, silence.duration, cycle_days=duty.case.cycle_days)
            until = duty.case.start_of(last + timedelta(days=1))
            if one.anchor_at <= docket.now < until:
                return Hold("silence", until, other.rule.id)
    return None


def _gap(duty: Duty, docket: Docket) -> Hold | None:
    """The least gap between touches holds only what has a rhythm and is about the client."""
    if duty.rule.always or duty.rule.subject != "client" or duty.rule.touch.every is None:
        return None
    segment, last = duty.case.segment, duty.case.last_touch
    gap = docket.regulation.limits.min_gap.get(segment) if isinstance(segment, str) else None
    if gap is None or last is None:
        return None
    day = duty.timing.day_of(last.at)
    until = duty.case.start_of(duty.timing.calendar.shift_date(day, gap, cycle_days=duty.case.cycle_days))
    return Hold("gap", until, day) if docket.now < until else None
