"""The company calendar of a portal, as its administrator set it under «Календарь».

Source: facts/bitrix24.md 8 (calendar.settings.get): hours as `"9"`, `"9.00"` or `"9.30"`; days of every year as `D.MM`
without leading zeros, in one text; days off of the week by two letters.
"""

from __future__ import annotations

import re
from typing import Any, Final

from connector.crm.port import CompanyCalendar

WEEK: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_HOUR = re.compile(r"(\d{1,2})(?:[.:](\d{1,2}))?")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})")
_DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def company_calendar(told: Any) -> CompanyCalendar | None:
    """The answer as a calendar; None when its working hours cannot be understood, for it is then of no use."""
    if not isinstance(told, dict):
        return None
    begin, end = (_hour(told.get(name)) for name in ("work_time_start", "work_time_end"))
    if begin is None or end is None or begin >= end:
        return None
    off = told.get("week_holidays")
    return CompanyCalendar(
        work_from=begin,
        work_to=end,
        days_off=tuple(day for day in WEEK if isinstance(off, list | tuple) and day in off),
        holidays=_days(told.get("year_holidays")),
        workdays=_days(told.get("year_workdays")),
    )


def _hour(value: Any) -> str | None:
    """`09:30` of `"9.30"`, `"9"` or 9; 24 hours end a day."""
    found = _HOUR.fullmatch(str(value).strip())
    if found is None:
        return None
    hours, minutes = int(found[1]), int(found[2] or 0)
    fits = (hours < 24 and minutes < 60) or (hours, minutes) == (24, 0)
    return f"{hours:02}:{minutes:02}" if fits else None


def _days(value: Any) -> tuple[str, ...]:
    """`("01-31",)` of `"31.01"`; what is no day is passed over."""
    parts = str(value or "").split(",")
    found = (match for part in parts if (match := _DAY.fullmatch(part.strip())))
    days = ((int(match[2]), int(match[1])) for match in found)
    return tuple(
        dict.fromkeys(
            f"{month:02}-{day:02}" for month, day in days if 1 <= month <= 12 and 1 <= day <= _DAYS_OF[month - 1]
        )
    )
