"""Durations and working time: the calendar of working days, official transfers included, and sums over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo


class Unit(StrEnum):
    """The units of the rule language; there are no calendar minutes or hours."""

    WORKING_MINUTE = "working minute"
    WORKING_HOUR = "working hour"
    WORKING_DAY = "working day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    CYCLE = "cycle"
    INTERVAL = "interval"


CLOCK_UNITS = frozenset({Unit.WORKING_MINUTE, Unit.WORKING_HOUR})


@dataclass(frozen=True, slots=True)
class Duration:
    """`2 working days`, `0.8 cycles`. Whole, but for cycles and intervals."""

    amount: Decimal
    unit: Unit


@dataclass(frozen=True)
class WorkingCalendar:
    """Working days and hours of a portal. Everything is expanded when it is built: no file or clock is read later.

    Days count as dates of the portal's zone; hours run in the zone that is passed (the assignee's).
    """

    country: str
    hours: tuple[tuple[time, time], ...]
    """Working spans of a full day, in order."""
    off: frozenset[date]
    """Weekday days off."""
    work: frozenset[date]
    """Working Saturdays and Sundays."""
    short: Mapping[date, int]
    """Minutes taken off the end of a short day."""
    years: tuple[int, int]
    """First and last expanded year."""
    undecreed: frozenset[int]
    """Years for which no decree is known yet: only the law's fixed days are in."""

    def is_working_day(self, day: date) -> bool:
        """Whether people work on this date."""
        raise NotImplementedError

    def shift_days(self, day: date, count: int) -> date:
        """The count-th working day strictly after (or before, when negative) `day`."""
        raise NotImplementedError

    def roll_forward(self, day: date) -> date:
        """`day`, or the next working day."""
        raise NotImplementedError

    def roll_back(self, day: date) -> date:
        """`day`, or the last working day before it."""
        raise NotImplementedError

    def start_of_work(self, day: date, zone: ZoneInfo) -> datetime:
        """The first working moment of a working day, aware, in UTC."""
        raise NotImplementedError

    def end_of_work(self, day: date, zone: ZoneInfo) -> datetime:
        """The end of work of a working day, aware, in UTC (18:00, earlier on a short day)."""
        raise NotImplementedError

    def add_minutes(self, start: datetime, minutes: int, zone: ZoneInfo) -> datetime:
        """`start` plus working minutes in `zone`; a sum that ends with the day is due at its end (18:00)."""
        raise NotImplementedError

    def next_working_moment(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first working moment strictly after a limit: limit Monday 18:00 -> Tuesday 09:00; inside hours: itself."""
        raise NotImplementedError

    def working_minutes_left(self, at: datetime, zone: ZoneInfo) -> int:
        """Working minutes from `at` to the end of that day's work; 0 outside of working time."""
        raise NotImplementedError

    def shift_date(self, day: date, duration: Duration, *, back: bool = False, cycle_days: int | None = None) -> date:
        """A date plus (or minus) days, weeks, months, years, working days or cycles, not yet rolled."""
        raise NotImplementedError
