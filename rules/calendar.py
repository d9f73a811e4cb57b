"""Durations and working time: the calendar of working days, official transfers included, and sums over it."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import holidays

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
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

DECREED_UNTIL: Final[Mapping[str, int]] = {
    "AZ": 2025,
    "BG": 2026,
    "BY": 2026,
    "CN": 2026,
    "HU": 2026,
    "KG": 2025,
    "KZ": 2025,
    "LV": 2026,
    "RU": 2027,
    "UZ": 2026,
    "VN": 2026,
}
"""Countries that move days off by a yearly decree, and the last year whose decree the `holidays` package holds."""

Hours = tuple[tuple[time, time], ...]


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
    hours: Hours
    """Working spans of a full day, in order."""
    off: frozenset[date]
    """Weekday days off."""
    work: frozenset[date]
    """Working Saturdays and Sundays."""
    short: Mapping[date, int]
    """Minutes taken off the end of a short day."""
    years: tuple[int, int]
    """First and last expanded year; outside of them only Saturdays and Sundays are off."""
    undecreed: frozenset[int]
    """Years for which no decree is known yet: only the law's fixed days are in."""

    def is_working_day(self, day: date) -> bool:
        """Whether people work on this date."""
        return day not in self.off if day.weekday() < 5 else day in self.work

    def shift_days(self, day: date, count: int) -> date:
        """The count-th working day strictly after (or before, when negative) `day`; `day` itself for 0."""
        step = timedelta(days=1 if count > 0 else -1)
        day, left = _within(day), abs(count)
        while left and _EARLIEST < day < _LATEST:
            day += step
            left -= self.is_working_day(day)
        return day

    def roll_forward(self, day: date) -> date:
        """`day`, or the next working day."""
        day = _within(day)
        return day if self.is_working_day(day) else self.shift_days(day, 1)

    def roll_back(self, day: date) -> date:
        """`day`, or the last working day before it."""
        day = _within(day)
        return day if self.is_working_day(day) else self.shift_days(day, -1)

    def start_of_work(self, day: date, zone: ZoneInfo) -> datetime:
        """The first working moment of a working day, aware, in UTC."""
        return self._spans(day, zone)[0][0]

    def end_of_work(self, day: date, zone: ZoneInfo) -> datetime:
        """The end of work of a working day, aware, in UTC (18:00, earlier on a short day)."""
        return self._spans(day, zone)[-1][1]

    def add_minutes(self, start: datetime, minutes: int, zone: ZoneInfo) -> datetime:
        """`start` plus working minutes in `zone`, in UTC; a sum that ends with the day is due at its end (18:00)."""
        left = timedelta(minutes=minutes)
        start = start.astimezone(UTC)  # sums across a clock change are right only in UTC
        for begin, end in self._spans_from(start, zone):
            first = max(begin, start)
            if first + left <= end:
                return first + left
            left -= end - first
        return start  # at the end of time

    def next_working_moment(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first working moment after a limit, in UTC: Monday 18:00 -> Tuesday 09:00; inside hours: itself."""
        after = after.astimezone(UTC)
        for begin, end in self._spans_from(after, zone):
            if after < end:
                return max(begin, after)
        return after  # at the end of time

    def working_minutes_left(self, at: datetime, zone: ZoneInfo) -> int:
        """Working minutes from `at` to the end of that day's work; 0 before it begins, after it ends, on a day off."""
        day = at.astimezone(zone).date()
        if not self.is_working_day(day) or at < self.start_of_work(day, zone):
            return 0
        left = (max(end - max(begin, at), timedelta()) for begin, end in self._spans(day, zone))
        return int(sum(left, timedelta()).total_seconds() // 60)

    def shift_date(self, day: date, duration: Duration, *, back: bool = False, cycle_days: int | None = None) -> date:
        """A date plus (or minus) days, weeks, months, years, working days or cycles, not yet rolled.

        Months clamp to the month's end; cycles become whole days, half up. Raises ValueError for units that have no
        dates (working minutes and hours, intervals) and for cycles without `cycle_days`.
        """
        sign = -1 if back else 1
        amount, unit = duration.amount, duration.unit
        if unit is Unit.WORKING_DAY:
            return self.shift_days(day, sign * int(amount))
        if unit in (Unit.MONTH, Unit.YEAR):
            return add_months(day, sign * int(amount) * (12 if unit is Unit.YEAR else 1))
        if unit is Unit.CYCLE and cycle_days is not None:
            return _shift(day, sign * int((amount * cycle_days).quantize(Decimal(1), ROUND_HALF_UP)))
        if unit in (Unit.DAY, Unit.WEEK):
            return _shift(day, sign * int(amount) * (7 if unit is Unit.WEEK else 1))
        raise ValueError(f"{unit} counts no dates")

    def _spans(self, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        """The working spans of this date's hours in UTC; the last ends earlier on a short day."""
        day = _within(day)
        cut = timedelta(minutes=self.short.get(day, 0))
        spans: list[tuple[datetime, datetime]] = []
        for begins, ends in reversed(self.hours):
            begin = datetime.combine(day, begins, zone).astimezone(UTC)
            end = datetime.combine(day, ends, zone).astimezone(UTC)
            taken = min(cut, end - begin)
            cut -= taken
            if end - taken > begin:
                spans.append((begin, end - taken))
        return spans[::-1]

    def _spans_from(self, start: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Working spans that end at `start` or later, in order."""
        day = self.roll_forward(start.astimezone(zone).date())
        while day < _LATEST:
            for begin, end in self._spans(day, zone):
                if end >= start:
                    yield begin, end
            day = self.shift_days(day, 1)


@cache
def known_countries() -> tuple[str, ...]:
    """Codes a regulation may name under `calendar`, sorted."""
    return tuple(sorted(code for code in holidays.list_supported_countries() if len(code) == 2))


def build_calendar(
    country: str,
    hours: Hours,
    *,
    off: Collection[date] = frozenset(),
    work: Collection[date] = frozenset(),
    short_before_holiday: int = 0,
    years: tuple[int, int] = (2015, 2040),
) -> WorkingCalendar:
    """The working calendar of a country with a company's own days; after this nothing is read any more.

    Args:
        country: one of `known_countries()`.
        hours: working spans of a full day, as `parse_hours` gives them.
        off: the company's own days off; they go before everything else.
        work: days on which the company works although the country does not.
        short_before_holiday: minutes taken off the end of a working day directly before an official holiday.
        years: first and last year to expand.

    Raises:
        ValueError: an unknown country, no hours, or a short day of which nothing would be left.
    """
    if not hours:
        raise ValueError("no working hours")
    if not 0 <= short_before_holiday < _minutes(hours):
        raise ValueError("nothing is left of a short day")
    country_off, country_work, feasts = _country_days(country, *years)
    own_off, own_work = frozenset(off), frozenset(work) - frozenset(off)
    days_off = (country_off - own_work) | frozenset(day for day in own_off if day.weekday() < 5)
    days_on = (country_work - own_off) | frozenset(day for day in own_work if day.weekday() >= 5)
    decreed = DECREED_UNTIL.get(country, years[1])
    whole = WorkingCalendar(
        country, hours, days_off, days_on, {}, years, frozenset(range(max(decreed, years[0] - 1) + 1, years[1] + 1))
    )
    if not short_before_holiday:
        return whole
    eves = (_shift(feast, -1) for feast in feasts)
    short = {eve: short_before_holiday for eve in eves if whole.is_working_day(eve)}
    return WorkingCalendar(country, hours, days_off, days_on, short, years, whole.undecreed)


def parse_hours(text: str) -> Hours | None:
    """`09:00-18:00`, or several spans in order with commas: `09:00-13:00, 14:00-18:00`; else `None`."""
    spans = []
    last: time | None = None
    for part in text.split(","):
        clocks = [parse_clock(clock) for clock in part.strip().split("-")]
        if len(clocks) != 2 or clocks[0] is None or clocks[1] is None:
            return None
        begin, end = clocks[0], clocks[1]
        if begin >= end or (last is not None and begin < last):
            return None
        spans.append((begin, end))
        last = end
    return tuple(spans)


def parse_clock(text: str) -> time | None:
    """`09:00`; two digits each, else `None`."""
    text = text.strip()
    hour, colon, minute = text[:2], text[2:3], text[3:]
    digits = hour + minute
    if len(text) != 5 or colon != ":" or not (digits.isascii() and digits.isdigit()):
        return None
    return time(int(hour), int(minute)) if int(hour) < 24 and int(minute) < 60 else None


_EARLIEST: Final = date(1900, 1, 1)
_LATEST: Final = date(9990, 12, 31)
"""Dates typed by people (31.12.9999) must not run out of Python's range."""


@cache
def _country_days(country: str, first: int, last: int) -> tuple[frozenset[date], frozenset[date], frozenset[date]]:
    """Weekday days off, working weekend days, and the holidays proper (without days moved by decree)."""
    if country not in known_countries():
        raise ValueError(f"no calendar for {country!r}")
    known = holidays.country_holidays(country, years=range(first, last + 1))
    off: set[date] = set()
    work: set[date] = set()
    day = date(first, 1, 1)
    while day.year <= last:
        working = known.is_working_day(day)
        if working and day.weekday() >= 5:
            work.add(day)
        elif not working and day.weekday() < 5:
            off.add(day)
        day += timedelta(days=1)
    label = getattr(known, "substituted_label", None)
    moved = known.tr(label).partition("%s")[0] if label else None
    feasts = {day for day, name in known.items() if moved is None or not name.startswith(moved)}
    return frozenset(off), frozenset(work), frozenset(feasts)


def _minutes(hours: Hours) -> int:
    return sum((end.hour - begin.hour) * 60 + end.minute - begin.minute for begin, end in hours)


def _within(day: date) -> date:
    return min(max(day, _EARLIEST), _LATEST)


def _shift(day: date, days: int) -> date:
    day = _within(day)
    return day + timedelta(days=max(min(days, (_LATEST - day).days), (_EARLIEST - day).days))


def add_months(day: date, count: int) -> date:
    """The same day of the month `count` months later (earlier when negative), clamped to the month's end."""
    day = _within(day)
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    if year < _EARLIEST.year or year > _LATEST.year:
        return _EARLIEST if count < 0 else _LATEST
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))
