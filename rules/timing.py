"""When a touch is due, asked, promised, told and lapsed: sums over the working calendar for one doer and one client.

Days count as dates of the portal's zone and end with the work (18:00) in the doer's zone; hours run in the doer's
zone. What we do ourselves happens at the first working moment after its limit. Source: docs/regulations.md, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, Literal

from rules.calendar import CLOCK_UNITS, Duration, Unit, WorkingCalendar

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

How = Literal["after", "before", "on", "then"]
ONE_WORKING_DAY: Final = Duration(Decimal(1), Unit.WORKING_DAY)
LATE_MINUTES: Final = 60
"""Working minutes that whoever is asked late has at least."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The calendar seen by one doer about one client."""

    calendar: WorkingCalendar
    portal_zone: ZoneInfo
    doer_zone: ZoneInfo
    cycle_days: int
    quiet: tuple[int, int] | None = None
    """Minutes from midnight between which the client is not disturbed."""
    client_zone: ZoneInfo | None = None

    def day_of(self, moment: datetime) -> date:
        """The portal's date."""
        return moment.astimezone(self.portal_zone).date()

    def due(self, how: How, duration: Duration | None, at: datetime) -> datetime:
        """The moment so long after (or before, or on) an anchor, the client's quiet hours left out."""
        if duration is not None and duration.unit in CLOCK_UNITS and how != "before":
            return self._awake(self.calendar.add_minutes(at, minutes_of(duration), self.doer_zone))
        day = self.due_day(how, duration, self.day_of(at))
        return self._awake(self.calendar.end_of_work(day, self.doer_zone))

    def due_day(self, how: How, duration: Duration | None, day: date) -> date:
        """`after` rolls forward to a working day, `before` and `on` roll back."""
        back = how in ("before", "on")
        shifted = self._shift(day, duration, back=back)
        return self.calendar.roll_back(shifted) if back else self.calendar.roll_forward(shifted)

    def notice_days(self, duration: Duration | None, day: date) -> int:
        """How many calendar days before its date a touch is due."""
        return (day - self._shift(day, duration, back=True)).days

    def ask(self, due: datetime, anchor: datetime | None, lead: Duration, *, clock: bool) -> datetime:
        """The start of work `lead` before the due date, never before a past anchor; hours are asked at the anchor.

        The moment may lie outside of working time: a touch counts from then on, but we ask at `acts` of it.
        """
        if clock and anchor is not None:
            return anchor
        due_day = due.astimezone(self.doer_zone).date()
        day = self.calendar.roll_back(self._shift(due_day, lead, back=True))
        start = self.calendar.start_of_work(day, self.doer_zone)
        return start if anchor is None else max(start, anchor)

    def promise(self, due: datetime, planned: datetime, asked: datetime, term: Duration | None) -> datetime:
        """The due the manager is given: the true one, or, asked late, enough time to still keep it.

        For days that is the end of the asking day (of the next working day if under an hour is left); for hours one
        working hour, once half of the term has gone by unasked.
        """
        if term is not None and term.unit in CLOCK_UNITS:
            half = self.calendar.add_minutes(planned, minutes_of(term) // 2, self.doer_zone)
            late = self.calendar.add_minutes(asked, LATE_MINUTES, self.doer_zone)
            return due if asked <= half else max(due, self._awake(late))
        day = self.calendar.roll_forward(asked.astimezone(self.doer_zone).date())
        end = self.calendar.end_of_work(day, self.doer_zone)
        if self.calendar.next_working_moment(asked, self.doer_zone) > end - timedelta(minutes=LATE_MINUTES):
            end = self.calendar.end_of_work(self.calendar.shift_days(day, 1), self.doer_zone)
        return max(due, end)

    def plus(self, moment: datetime, duration: Duration) -> datetime:
        """A limit so long after a promise: the end of work of a date, or working minutes; `0 days` is the promise."""
        if not duration.amount:
            return moment
        if duration.unit in CLOCK_UNITS:
            return self.calendar.add_minutes(moment, minutes_of(duration), self.doer_zone)
        day = self._shift(moment.astimezone(self.doer_zone).date(), duration)
        return self.calendar.end_of_work(self.calendar.roll_forward(day), self.doer_zone)

    def lapse(self, how: How, anchor: datetime, due: datetime, lapse: Duration | None) -> datetime | None:
        """When it is too late to ask: counted from the date itself for `before` and `on`, else from the due."""
        if how in ("before", "on"):
            day = self._shift(self.day_of(anchor), lapse or ONE_WORKING_DAY)
            return self.calendar.end_of_work(self.calendar.roll_forward(day), self.doer_zone)
        return None if lapse is None else self.plus(due, lapse)

    def acts(self, limit: datetime) -> datetime:
        """The first working moment after a limit: what we do ourselves happens then."""
        return self.calendar.next_working_moment(limit, self.doer_zone)

    def end_of(self, day: date) -> datetime:
        """The end of work of this date, or of the next working one."""
        return self.calendar.end_of_work(self.calendar.roll_forward(day), self.doer_zone)

    def _shift(self, day: date, duration: Duration | None, *, back: bool = False) -> date:
        if duration is None or not duration.amount or duration.unit in CLOCK_UNITS:
            return day
        return self.calendar.shift_date(day, duration, back=back, cycle_days=self.cycle_days)

    def _awake(self, due: datetime) -> datetime:
        """A due hour in the client's quiet hours moves to their end, then to the doer's work."""
        if self.quiet is None:
            return due
        local = due.astimezone(self.client_zone or self.portal_zone)
        minute, (begin, end) = local.hour * 60 + local.minute, self.quiet
        if not (minute > begin or minute < end if begin > end else begin < minute < end):
            return due
        day = local.date() + timedelta(days=1 if begin > end and minute > begin else 0)
        wake = datetime(day.year, day.month, day.day, end // 60, end % 60, tzinfo=local.tzinfo)
        return self.acts(wake.astimezone(UTC))


def minutes_of(duration: Duration) -> int:
    """Working minutes of a duration in minutes or hours."""
    return int(duration.amount) * (60 if duration.unit is Unit.WORKING_HOUR else 1)


def in_terms_of(duration: Duration, interval: Duration | None) -> Duration:
    """`1 interval` as so many times the rule's own term, rounded half up; other durations as they are."""
    if duration.unit is not Unit.INTERVAL or interval is None:
        return duration
    amount = duration.amount * interval.amount
    if interval.unit is not Unit.CYCLE:
        amount = amount.quantize(Decimal(1), ROUND_HALF_UP)
    return Duration(amount, interval.unit)
