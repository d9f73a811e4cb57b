"""The working calendar against decrees, clock changes, and a plain count of minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar import (
    DECREED_UNTIL,
    Duration,
    Unit,
    WorkingCalendar,
    add_months,
    build_calendar,
    known_countries,
    parse_hours,
)

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2024, 3, 1, tzinfo=UTC)
DAY_HOURS = ((time(9), time(18)),)


def calendar(country: str = "RU", hours: str = "09:00-18:00", **more: Any) -> WorkingCalendar:
    spans = parse_hours(hours)
    assert spans is not None
    return build_calendar(country, spans, **more)


def days_of(year: int) -> list[date]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return [day for day in days if day.year == year]


@pytest.mark.parametrize(("year", "working"), [(2023, 247), (2024, 248), (2025, 247), (2026, 247), (2027, 247)])
def test_russian_years_have_as_many_working_days_as_decreed(year: int, working: int) -> None:
    assert sum(map(calendar().is_working_day, days_of(year))) == working


@pytest.mark.parametrize(
    ("country", "off", "on"),
    [
        (
            "RU",
            """2024-04-29 2024-04-30 2024-05-10 2024-12-30 2024-12-31 2025-05-02 2025-05-08 2025-06-13 2025-11-03
            2025-12-31 2026-01-09 2026-03-09 2026-05-11 2026-12-31 2027-02-22 2027-05-03 2027-05-10 2027-06-14
            2027-11-05 2027-12-31""",
            "2024-04-27 2024-11-02 2024-12-28 2025-11-01 2027-02-20 2026-01-12",
        ),
        (
            "BY",
            "2025-01-06 2025-04-28 2025-07-04 2025-12-26 2026-04-20",
            "2025-01-11 2025-04-26 2025-07-12 2025-12-20 2026-04-25",
        ),
        ("KZ", "2025-10-27 2026-01-01 2026-01-02 2026-01-07", "2025-01-05"),
        ("UZ", "2026-03-20", "2026-12-12"),
        ("US", "2026-07-03", "2026-07-06"),
    ],
)
def test_moved_days(country: str, off: str, on: str) -> None:
    of_country = calendar(country)
    assert [day for day in off.split() if of_country.is_working_day(date.fromisoformat(day))] == []
    assert [day for day in on.split() if not of_country.is_working_day(date.fromisoformat(day))] == []


def test_years_without_a_decree_are_named_and_the_table_agrees_with_the_package() -> None:
    assert min(calendar("RU").undecreed) == 2028
    assert max(calendar("RU").undecreed) == 2040
    assert calendar("DE").undecreed == frozenset()
    for country, last in DECREED_UNTIL.items():
        assert max(holidays.country_holidays(country).special_public_holidays) == last, country


def test_unknown_countries_and_empty_days_are_refused() -> None:
    assert {"RU", "BY", "KZ", "UZ", "AM", "DE"} <= set(known_countries())
    for wrong in ("XX", "ru", "RUS", ""):
        with pytest.raises(ValueError, match="no calendar"):
            build_calendar(wrong, DAY_HOURS)
    with pytest.raises(ValueError, match="no working hours"):
        build_calendar("RU", ())
    with pytest.raises(ValueError, match="nothing is left"):
        build_calendar("RU", DAY_HOURS, short_before_holiday=9 * 60)


def test_working_days_count_strictly_after_and_before() -> None:
    russian = calendar()
    friday = date(2024, 4, 26)
    assert russian.shift_days(friday, 1) == date(2024, 4, 27)  # a working Saturday
    assert russian.shift_days(friday, 2) == date(2024, 5, 2)
    assert russian.shift_days(date(2024, 5, 2), -2) == friday
    assert russian.shift_days(friday, 0) == friday
    assert russian.roll_forward(date(2026, 1, 1)) == date(2026, 1, 12)
    assert russian.roll_back(date(2026, 1, 11)) == date(2025, 12, 30)
    assert russian.roll_back(friday) == russian.roll_forward(friday) == friday


def test_minutes_run_through_working_hours_and_end_with_the_day() -> None:
    russian = calendar()

    def later(start: str, minutes: int) -> str:
        begin = datetime.fromisoformat(start).replace(tzinfo=MOSCOW)
        return russian.add_minutes(begin, minutes, MOSCOW).astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S")

    assert later("2026-11-23 17:00", 60) == "2026-11-23 18:00:00"
    assert later("2026-11-23 17:50", 15) == "2026-11-24 09:05:00"
    assert later("2025-12-30 17:00", 180) == "2026-01-12 11:00:00"
    assert later("2026-11-22 03:00", 0) == "2026-11-23 09:00:00"
    assert later("2026-11-23 18:00", 0) == "2026-11-23 18:00:00"
    assert later("2026-11-23 12:30:20", 15) == "2026-11-23 12:45:20"


def test_what_we_do_ourselves_comes_at_the_first_working_moment_after_the_limit() -> None:
    russian = calendar()
    monday_evening = datetime(2026, 11, 23, 18, 0, tzinfo=MOSCOW)
    assert russian.next_working_moment(monday_evening, MOSCOW) == datetime(2026, 11, 24, 9, 0, tzinfo=MOSCOW)
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=MOSCOW)
    assert russian.next_working_moment(noon, MOSCOW) == noon
    assert russian.next_working_moment(datetime(2026, 11, 21, 12, 0, tzinfo=MOSCOW), MOSCOW) == datetime(
        2026, 11, 23, 9, 0, tzinfo=MOSCOW
    )


def test_the_lunch_break_is_not_worked() -> None:
    split = calendar(hours="09:00-13:00, 14:00-18:00")
    noon = datetime(2026, 11, 23, 12, 30, tzinfo=MOSCOW)
    lunch = datetime(2026, 11, 23, 13, 30, tzinfo=MOSCOW)
    assert split.add_minutes(noon, 30, MOSCOW) == datetime(2026, 11, 23, 13, 0, tzinfo=MOSCOW)
    assert split.add_minutes(noon, 31, MOSCOW) == datetime(2026, 11, 23, 14, 1, tzinfo=MOSCOW)
    assert split.next_working_moment(lunch, MOSCOW) == datetime(2026, 11, 23, 14, 0, tzinfo=MOSCOW)
    assert split.working_minutes_left(noon, MOSCOW) == 30 + 240
    assert split.working_minutes_left(lunch, MOSCOW) == 240


def test_minutes_left_of_a_day() -> None:
    russian = calendar()
    assert russian.working_minutes_left(datetime(2026, 11, 23, 17, 1, tzinfo=MOSCOW), MOSCOW) == 59
    assert russian.working_minutes_left(datetime(2026, 11, 23, 8, 59, tzinfo=MOSCOW), MOSCOW) == 0
    assert russian.working_minutes_left(datetime(2026, 11, 23, 18, 0, tzinfo=MOSCOW), MOSCOW) == 0
    assert russian.working_minutes_left(datetime(2026, 11, 22, 12, 0, tzinfo=MOSCOW), MOSCOW) == 0


def test_hours_run_in_the_zone_of_the_assignee() -> None:
    russian = calendar()
    vladivostok = ZoneInfo("Asia/Vladivostok")
    start = datetime(2026, 11, 23, 12, 0, tzinfo=MOSCOW)  # 19:00 in Vladivostok
    assert russian.add_minutes(start, 15, vladivostok) == datetime(2026, 11, 24, 9, 15, tzinfo=vladivostok)
    assert russian.end_of_work(date(2026, 11, 23), vladivostok) == datetime(2026, 11, 23, 18, 0, tzinfo=vladivostok)


def test_clock_changes_keep_wall_clock_hours() -> None:
    german = calendar("DE")
    for friday in (date(2026, 3, 27), date(2026, 10, 23)):  # the Fridays before both changes of 2026
        start = datetime.combine(friday, time(17), BERLIN)
        monday = friday + timedelta(days=3)
        assert german.add_minutes(start, 120, BERLIN) == datetime.combine(monday, time(10), BERLIN)
    assert german.start_of_work(date(2026, 3, 27), BERLIN).hour == 8
    assert german.start_of_work(date(2026, 3, 30), BERLIN).hour == 7
    nights = calendar("DE", "00:00-06:00", work={date(2026, 3, 29), date(2026, 10, 25)})
    for sunday, minutes in ((date(2026, 3, 29), 300), (date(2026, 10, 25), 420)):
        assert nights.add_minutes(datetime.combine(sunday, time(0), BERLIN), minutes, BERLIN) == datetime.combine(
            sunday, time(6), BERLIN
        )


def test_a_company_has_days_of_its_own() -> None:
    own = calendar(
        off={date(2024, 4, 27), date(2026, 11, 23), date(2026, 11, 28)},
        work={date(2026, 1, 9), date(2026, 11, 22), date(2026, 11, 28)},
    )
    assert not own.is_working_day(date(2024, 4, 27))  # off goes before the decreed working Saturday
    assert not own.is_working_day(date(2026, 11, 23))
    assert own.is_working_day(date(2026, 1, 9))
    assert own.is_working_day(date(2026, 11, 22))
    assert not own.is_working_day(date(2026, 11, 28))  # off goes before work


def test_short_days_lie_directly_before_an_official_holiday() -> None:
    short = calendar(short_before_holiday=60)
    in_2026 = sorted(day for day in short.short if day.year == 2026)
    assert in_2026 == [date(2026, 4, 30), date(2026, 5, 8), date(2026, 6, 11), date(2026, 11, 3)]
    assert short.end_of_work(date(2026, 11, 3), MOSCOW) == datetime(2026, 11, 3, 17, 0, tzinfo=MOSCOW)
    assert short.end_of_work(date(2026, 11, 2), MOSCOW) == datetime(2026, 11, 2, 18, 0, tzinfo=MOSCOW)
    cut = calendar(hours="09:00-13:00, 17:00-18:00", short_before_holiday=90)
    assert cut.end_of_work(date(2026, 11, 3), MOSCOW) == datetime(2026, 11, 3, 12, 30, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("day", "duration", "back", "expected"),
    [
        (date(2026, 1, 31), Duration(Decimal(1), Unit.MONTH), False, date(2026, 2, 28)),
        (date(2026, 3, 31), Duration(Decimal(1), Unit.MONTH), True, date(2026, 2, 28)),
        (date(2024, 2, 29), Duration(Decimal(1), Unit.YEAR), False, date(2025, 2, 28)),
        (date(2026, 11, 24), Duration(Decimal(2), Unit.WEEK), True, date(2026, 11, 10)),
        (date(2026, 11, 24), Duration(Decimal(14), Unit.DAY), False, date(2026, 12, 8)),
        (date(2026, 11, 24), Duration(Decimal("0.8"), Unit.CYCLE), False, date(2026, 12, 18)),
        (date(2026, 11, 24), Duration(Decimal("0.75"), Unit.CYCLE), False, date(2026, 12, 17)),  # 22.5 days, half up
        (date(2026, 11, 20), Duration(Decimal(3), Unit.WORKING_DAY), False, date(2026, 11, 25)),
        (date(9999, 12, 31), Duration(Decimal(100), Unit.YEAR), False, date(9990, 12, 31)),
        (date(1, 1, 1), Duration(Decimal(60), Unit.DAY), True, date(1900, 1, 1)),
    ],
)
def test_dates_move(day: date, duration: Duration, back: bool, expected: date) -> None:
    assert calendar().shift_date(day, duration, back=back, cycle_days=30) == expected


@pytest.mark.parametrize("unit", [Unit.WORKING_HOUR, Unit.WORKING_MINUTE, Unit.INTERVAL, Unit.CYCLE])
def test_units_without_dates_are_refused(unit: Unit) -> None:
    with pytest.raises(ValueError, match="counts no dates"):
        calendar().shift_date(date(2026, 1, 1), Duration(Decimal(1), unit))


def test_months_run_over_the_year() -> None:
    assert add_months(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert add_months(date(2026, 1, 15), -2) == date(2025, 11, 15)


def test_no_date_of_a_person_runs_out_of_the_calendar() -> None:
    russian = calendar()
    for day in (date.min, date.max):
        assert russian.roll_back(day) <= russian.roll_forward(day)
        russian.shift_days(day, 10)
        russian.shift_days(day, -10)
        russian.end_of_work(day, ZoneInfo("Pacific/Auckland"))
        russian.start_of_work(day, ZoneInfo("Pacific/Pago_Pago"))


def test_a_built_calendar_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    russian = calendar(short_before_holiday=60)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a calendar looked outside")

    for name in ("builtins.open", "io.open", "os.open", "socket.socket", "time.time", "time.monotonic"):
        monkeypatch.setattr(name, refuse)
    start = datetime(2026, 11, 23, 17, 0, tzinfo=MOSCOW)
    late = russian.add_minutes(start, 6000, MOSCOW)
    left = russian.working_minutes_left(start, MOSCOW)
    far = russian.shift_date(date(2039, 12, 31), Duration(Decimal(10), Unit.WORKING_DAY))
    again = calendar()
    monkeypatch.undo()
    assert late > start
    assert left == 60
    assert russian.is_working_day(far)
    assert again.off == russian.off  # the same country again costs no reading


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 60 * 24 * 1000).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    minutes=st.integers(0, 1500),
    zone=st.sampled_from([MOSCOW, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Almaty")]),
    hours=st.sampled_from(["09:00-18:00", "09:00-13:00, 14:00-18:00", "01:30-04:30"]),
    country=st.sampled_from(["RU", "DE", "US"]),
)
def test_a_sum_equals_a_count_minute_by_minute(
    start: datetime, minutes: int, zone: ZoneInfo, hours: str, country: str
) -> None:
    worked = calendar(country, hours)

    def works(moment: datetime) -> bool:
        local = moment.astimezone(zone)
        if not worked.is_working_day(local.date()):
            return False
        return any(
            datetime.combine(local.date(), first, zone).astimezone(UTC)
            <= moment
            < datetime.combine(local.date(), last, zone).astimezone(UTC)
            for first, last in worked.hours
        )

    moment, left = start, minutes
    while left:
        left -= works(moment)
        moment += timedelta(minutes=1)
    if minutes:
        assert worked.add_minutes(start, minutes, zone) == moment
    reached = worked.next_working_moment(start, zone)
    assert works(reached)
    assert reached >= start
