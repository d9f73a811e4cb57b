"""Durations, yearly days and working hours as people write them."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Duration, Hours, Unit, parse_clock, parse_hours
from rules.durations import parse_duration, say_duration
from rules.yearly import YearlyDate, parse_yearly, yearly_day


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("15 working minutes", "15", Unit.WORKING_MINUTE),
        ("1 working minute", "1", Unit.WORKING_MINUTE),
        ("15 рабочих минут", "15", Unit.WORKING_MINUTE),
        ("1 рабочую минуту", "1", Unit.WORKING_MINUTE),
        ("2 рабочие минуты", "2", Unit.WORKING_MINUTE),
        ("4 working hours", "4", Unit.WORKING_HOUR),
        ("2 рабочих часа", "2", Unit.WORKING_HOUR),
        ("1 рабочий час", "1", Unit.WORKING_HOUR),
        ("1 working day", "1", Unit.WORKING_DAY),
        ("3 рабочих дня", "3", Unit.WORKING_DAY),
        ("5 рабочих дней", "5", Unit.WORKING_DAY),
        ("1 рабочего дня", "1", Unit.WORKING_DAY),
        ("1 рабочим днём", "1", Unit.WORKING_DAY),
        ("1 рабочим днем", "1", Unit.WORKING_DAY),
        ("0 working days", "0", Unit.WORKING_DAY),
        ("14 days", "14", Unit.DAY),
        ("21 день", "21", Unit.DAY),
        ("2 дня", "2", Unit.DAY),
        ("2 weeks", "2", Unit.WEEK),
        ("2 недели", "2", Unit.WEEK),
        ("1 неделю", "1", Unit.WEEK),
        ("12 months", "12", Unit.MONTH),
        ("12 месяцев", "12", Unit.MONTH),
        ("1 year", "1", Unit.YEAR),
        ("1 год", "1", Unit.YEAR),
        ("2 года", "2", Unit.YEAR),
        ("5 лет", "5", Unit.YEAR),
        ("0.8 cycles", "0.8", Unit.CYCLE),
        ("0.8 цикла", "0.8", Unit.CYCLE),
        ("2 cycles", "2", Unit.CYCLE),
        ("1 interval", "1", Unit.INTERVAL),
        ("1.5 интервала", "1.5", Unit.INTERVAL),
        ("  3   Working   DAYS ", "3", Unit.WORKING_DAY),
    ],
)
def test_a_duration_reads_in_both_languages_and_every_case_form(text: str, amount: str, unit: Unit) -> None:
    assert parse_duration(text) == Duration(Decimal(amount), unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "days",
        "3",
        "3 wd",
        "3 раб. дня",
        "P3D",
        "2w",
        "2 hours",
        "30 минут",
        "1.5 days",
        "0,8 cycles",
        ".8 cycles",
        "-1 days",
        "+1 days",
        "012 days",
        "three days",
        "3 рабочих недели",
        "3 working weeks",
        "3days",
        "99999999 days",
        "101 years",
        "1e3 days",
        "٣ days",
        "3 days ago",
    ],
)
def test_everything_else_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "ru", "en"),
    [
        ("1 working day", "1 рабочий день", "1 working day"),
        ("3 working days", "3 рабочих дня", "3 working days"),
        ("11 days", "11 дней", "11 days"),
        ("21 days", "21 день", "21 days"),
        ("5 years", "5 лет", "5 years"),
        ("15 working minutes", "15 рабочих минут", "15 working minutes"),
        ("0.8 cycles", "0.8 цикла", "0.8 cycles"),
        ("2.0 cycles", "2 цикла", "2 cycles"),
    ],
)
def test_a_duration_is_said_with_its_plural(text: str, ru: str, en: str) -> None:
    duration = parse_duration(text)
    assert duration is not None
    assert (say_duration(duration, "ru"), say_duration(duration, "en")) == (ru, en)


@given(st.integers(0, 100), st.sampled_from(Unit), st.sampled_from(["ru", "en"]))
def test_what_is_said_reads_back_as_the_same(amount: int, unit: Unit, lang: str) -> None:
    duration = Duration(Decimal(amount), unit)
    assert parse_duration(say_duration(duration, "ru" if lang == "ru" else "en")) == duration


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    parse_duration(text)
    parse_yearly(text)
    parse_hours(text)


@pytest.mark.parametrize(
    ("text", "in_2026"),
    [
        ("23 February", date(2026, 2, 23)),
        ("8 марта", date(2026, 3, 8)),
        ("31 December", date(2026, 12, 31)),
        ("second Sunday of August", date(2026, 8, 9)),
        ("второе воскресенье августа", date(2026, 8, 9)),
        ("третья пятница июля", date(2026, 7, 17)),
        ("first Monday of June", date(2026, 6, 1)),
        ("last Friday of July", date(2026, 7, 31)),
        ("последнее воскресенье ноября", date(2026, 11, 29)),
        ("четвёртый четверг ноября", date(2026, 11, 26)),
        ("29 февраля", date(2026, 2, 28)),
    ],
)
def test_yearly_days(text: str, in_2026: date) -> None:
    yearly = parse_yearly(text)
    assert yearly is not None
    assert yearly_day(2026, yearly.month, yearly.day, yearly.nth, yearly.weekday) == in_2026


def test_a_leap_day_is_kept_in_leap_years() -> None:
    assert parse_yearly("29 February") == YearlyDate(2, day=29)
    assert yearly_day(2028, 2, 29) == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "30 February",
        "31 апреля",
        "0 May",
        "012 May",
        "February 23",
        "23.02",
        "fifth Sunday of May",
        "вторая воскресенье мая",
    ],
)
def test_what_is_no_yearly_day(text: str) -> None:
    assert parse_yearly(text) is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-18:00", ((time(9), time(18)),)),
        ("09:00-13:00, 14:00-18:00", ((time(9), time(13)), (time(14), time(18)))),
        ("9:00-18:00", None),
        ("18:00-09:00", None),
        ("09:00-09:00", None),
        ("14:00-18:00, 09:00-13:00", None),
        ("09:00-14:00, 13:00-18:00", None),
        ("09:00-24:00", None),
        ("09:60-18:00", None),
        ("09:00", None),
        ("", None),
    ],
)
def test_working_hours(text: str, hours: Hours | None) -> None:
    assert parse_hours(text) == hours


def test_a_clock_has_two_digits_each() -> None:
    assert parse_clock("20:05") == time(20, 5)
    assert parse_clock("8:05") is None
    assert parse_clock("２0:05") is None
