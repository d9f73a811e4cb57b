"""The company calendar as Bitrix24 writes it, and who stands above whom."""

from __future__ import annotations

from typing import Any

import pytest

from connector.crm.bitrix24.calendars import company_calendar
from connector.crm.bitrix24.directory import with_heads
from connector.crm.port import CompanyCalendar, Directory
from connector.portals import directory_from_json, directory_to_json

TOLD: dict[str, Any] = {
    "work_time_start": "9",
    "work_time_end": "19",
    "year_holidays": "1.01,2.01,7.01,23.02,8.03,1.05,9.05,12.06,4.11",
    "year_workdays": "31.12",
    "week_holidays": ["SA", "SU"],
    "week_start": "MO",
}


def test_the_documented_answer() -> None:
    days = ("01-01", "01-02", "01-07", "02-23", "03-08", "05-01", "05-09", "06-12", "11-04")
    assert company_calendar(TOLD) == CompanyCalendar(
        work_from="09:00", work_to="19:00", days_off=("SA", "SU"), holidays=days, workdays=("12-31",)
    )


READ: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"work_time_start": "9.00", "work_time_end": "18.00"}, {"work_from": "09:00", "work_to": "18:00"}),
    ({"work_time_start": "9.30", "work_time_end": "18.30"}, {"work_from": "09:30", "work_to": "18:30"}),
    ({"work_time_start": 9, "work_time_end": 18}, {"work_from": "09:00", "work_to": "18:00"}),
    ({"work_time_start": "09:15", "work_time_end": "24"}, {"work_from": "09:15", "work_to": "24:00"}),
    ({"work_time_start": "0", "work_time_end": "7.05"}, {"work_from": "00:00", "work_to": "07:05"}),
    ({"year_holidays": "", "year_workdays": ""}, {"holidays": (), "workdays": ()}),
    ({"year_holidays": None, "year_workdays": False}, {"holidays": (), "workdays": ()}),
    ({"year_holidays": "31.01, 1.2 ,31.1,,x,32.01,30.02,0.5,29.02"}, {"holidays": ("01-31", "02-01", "02-29")}),
    ({"week_holidays": []}, {"days_off": ()}),
    ({"week_holidays": ["SU", "XX", "FR"]}, {"days_off": ("FR", "SU")}),
    ({"week_holidays": ""}, {"days_off": ()}),
]


@pytest.mark.parametrize(("change", "expected"), READ)
def test_other_spellings(change: dict[str, Any], expected: dict[str, Any]) -> None:
    calendar = company_calendar({**TOLD, **change})
    assert calendar is not None
    assert {name: getattr(calendar, name) for name in expected} == expected


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        "Access denied",
        {**TOLD, "work_time_start": ""},
        {**TOLD, "work_time_end": "25"},
        {**TOLD, "work_time_end": "24.30"},
        {**TOLD, "work_time_start": "9.60"},
        {**TOLD, "work_time_start": "19", "work_time_end": "9"},
        {**TOLD, "work_time_start": "утро"},
    ],
)
def test_without_hours_there_is_no_calendar(told: Any) -> None:
    assert company_calendar(told) is None


def test_the_calendar_survives_its_row() -> None:
    plain = Directory(zone="Europe/Moscow", stages=(), users=(), fields={})
    for directory in (
        plain,
        Directory(zone="Europe/Moscow", stages=(), users=(), fields={}, calendar=company_calendar(TOLD)),
    ):
        assert directory_from_json(directory_to_json(directory)) == directory
    old = directory_to_json(plain)
    del old["calendar"]  # a row that an older version has left
    assert directory_from_json(old) == plain


def user(number: int, *departments: int, **more: Any) -> dict[str, Any]:
    row = {"ID": str(number), "ACTIVE": True, "NAME": f"Имя{number}", "LAST_NAME": "", "TIME_ZONE": ""}
    return {**row, "UF_DEPARTMENT": list(departments), "USER_TYPE": "employee", **more}


def department(number: int, above: int | None, head: int | str | None = None) -> dict[str, Any]:
    row = {"ID": str(number), "NAME": f"Отдел {number}", "SORT": 500}
    return row | ({"PARENT": str(above)} if above else {}) | ({"UF_HEAD": str(head)} if head is not None else {})


HEADS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], dict[str, str | None]]] = [
    ("own department", [user(1), user(2, 5)], [department(5, None, 1)], {"1": None, "2": "1"}),
    ("head above", [user(1), user(2, 6)], [department(5, None, 1), department(6, 5)], {"2": "1"}),
    ("a head's own head", [user(1, 5), user(2, 6)], [department(5, None, 1), department(6, 5, 2)], {"2": "1"}),
    ("nobody", [user(2, 5)], [department(5, None), department(6, 5, 0)], {"2": None}),
    ("empty head", [user(2, 6)], [department(5, None, ""), department(6, 5, "0")], {"2": None}),
    ("unknown department", [user(2, 9)], [department(5, None, 1)], {"2": None}),
    (
        "several departments: the first that has one",
        [user(1), user(3), user(2, 6, 7)],
        [department(6, None), department(7, None, 3)],
        {"2": "3"},
    ),
    (
        "a dismissed head is passed over",
        [user(1), user(3, ACTIVE=False), user(2, 6)],
        [department(5, None, 1), department(6, 5, 3)],
        {"2": "1"},
    ),
    (
        "a head who is no user (a bot, somebody deleted) as well",
        [user(1), user(2, 6)],
        [department(5, None, 1), department(6, 5, 77)],
        {"2": "1"},
    ),
    ("only a dismissed head", [user(3, ACTIVE="N"), user(2, 6)], [department(6, None, 3)], {"2": None}),
    ("a circle of departments", [user(2, 6)], [department(5, 6), department(6, 5)], {"2": None}),
    ("no department at all", [user(2, UF_DEPARTMENT=False)], [department(5, None, 1)], {"2": None}),
    ("departments may not be read", [user(1), user(2, 5)], [], {"2": None}),
]


@pytest.mark.parametrize(
    ("users", "departments", "expected"), [one[1:] for one in HEADS], ids=[one[0] for one in HEADS]
)
def test_the_nearest_head_above(
    users: list[dict[str, Any]], departments: list[dict[str, Any]], expected: dict[str, str | None]
) -> None:
    heads = {one.id: one.head for one in with_heads(users, departments)}
    assert {number: heads[number] for number in expected} == expected


def test_users_as_they_are_told() -> None:
    rows = [
        user(1, 5, LAST_NAME="Ким", TIME_ZONE="Asia/Novosibirsk"),
        user(2, 5, ACTIVE="N"),
        user(3, 5, NAME="", ACTIVE="Y"),
    ]
    told = {one.id: (one.name, one.active, one.zone) for one in with_heads(rows, [])}
    assert told == {"1": ("Имя1 Ким", True, "Asia/Novosibirsk"), "2": ("Имя2", False, None), "3": ("#3", True, None)}
