"""Visits of a deal to its phases, read out of the stage history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from rules.calendar import WorkingCalendar
    from rules.facts import Phase, StageChange


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in one phase; several stages of the phase, and a short absence, are one visit."""

    phase: Phase | None
    start: datetime
    end: datetime | None
    """When the deal left; `None`: it is there now."""


def visits(history: Sequence[StageChange], calendar: WorkingCalendar, zone: ZoneInfo) -> tuple[Visit, ...]:
    """All visits, oldest first; away for at most one working day is still the same visit."""
    found: list[Visit] = []
    latest: dict[Phase | None, int] = {}
    for stay in _stays(history):
        place = latest.get(stay.phase)
        if place is not None and _short_absence(found[place].end, stay.start, calendar, zone):
            found[place] = replace(found[place], end=stay.end)
        else:
            latest[stay.phase] = len(found)
            found.append(stay)
    return tuple(found)


def present_visit(found: Sequence[Visit]) -> Visit | None:
    """The visit that still lasts."""
    return next((visit for visit in reversed(found) if visit.end is None), None)


def _stays(history: Sequence[StageChange]) -> list[Visit]:
    """Unbroken stays in a phase."""
    stays: list[Visit] = []
    for change in sorted(history, key=lambda record: record.at):
        if stays and stays[-1].phase == change.phase:
            continue
        if stays:
            stays[-1] = replace(stays[-1], end=change.at)
        stays.append(Visit(change.phase, change.at, None))
    return stays


def _short_absence(left: datetime | None, back: datetime, calendar: WorkingCalendar, zone: ZoneInfo) -> bool:
    if left is None:
        return False
    return back.astimezone(zone).date() <= calendar.shift_days(left.astimezone(zone).date(), 1)
