"""Days that come every year, as people write them: `23 February`, `второе воскресенье августа`."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_MONTHS: Final = (
    ("january", "января"),
    ("february", "февраля"),
    ("march", "марта"),
    ("april", "апреля"),
    ("may", "мая"),
    ("june", "июня"),
    ("july", "июля"),
    ("august", "августа"),
    ("september", "сентября"),
    ("october", "октября"),
    ("november", "ноября"),
    ("december", "декабря"),
)
_WEEKDAYS: Final = (
    ("monday", "понедельник"),
    ("tuesday", "вторник"),
    ("wednesday", "среда"),
    ("thursday", "четверг"),
    ("friday", "пятница"),
    ("saturday", "суббота"),
    ("sunday", "воскресенье"),
)
_ORDINALS: Final = (
    ("first", ("первый", "первая", "первое")),
    ("second", ("второй", "вторая", "второе")),
    ("third", ("третий", "третья", "третье")),
    ("fourth", ("четвертый", "четвертая", "четвертое")),
    ("last", ("последний", "последняя", "последнее")),
)
_GENDER: Final = (0, 0, 1, 0, 1, 1, 2)
"""Of the Russian weekday: masculine, feminine, neuter."""
LAST: Final = -1
"""`nth` of the last weekday of a month."""


@dataclass(frozen=True, slots=True)
class YearlyDate:
    """A month and day, or the nth weekday (0 = Monday; nth -1 = the last) of a month."""

    month: int
    day: int | None = None
    nth: int | None = None
    weekday: int | None = None


def parse_yearly(text: str) -> YearlyDate | None:
    """`23 February`, `second Sunday of August`, `23 февраля`, `второе воскресенье августа`; else `None`."""
    words = text.lower().replace("ё", "е").split()
    if len(words) == 2:
        return _month_day(*words)
    if len(words) == 4 and words[2] == "of":
        return _nth_weekday(words[0], words[1], words[3], russian=False)
    if len(words) == 3:
        return _nth_weekday(words[0], words[1], words[2], russian=True)
    return None


def yearly_day(year: int, month: int, day: int | None, nth: int | None = None, weekday: int | None = None) -> date:
    """The day in this year. 29 February is kept on the 28th in other years."""
    if day is not None:
        return date(year, month, min(day, calendar.monthrange(year, month)[1]))
    assert nth is not None
    assert weekday is not None
    if nth == LAST:
        last = date(year, month, calendar.monthrange(year, month)[1])
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _month_day(number: str, name: str) -> YearlyDate | None:
    month = _find(_MONTHS, name)
    if month is None or not (number.isascii() and number.isdigit()) or number.startswith("0") or len(number) > 2:
        return None
    day = int(number)
    return YearlyDate(month + 1, day=day) if 1 <= day <= calendar.monthrange(2024, month + 1)[1] else None


def _nth_weekday(ordinal: str, day: str, month_name: str, *, russian: bool) -> YearlyDate | None:
    month = next((i for i, names in enumerate(_MONTHS) if names[russian] == month_name), None)
    weekday = next((i for i, names in enumerate(_WEEKDAYS) if names[russian] == day), None)
    if month is None or weekday is None:
        return None
    for place, (english, forms) in enumerate(_ORDINALS):
        if ordinal == (forms[_GENDER[weekday]] if russian else english):
            nth = LAST if english == "last" else place + 1
            return YearlyDate(month + 1, nth=nth, weekday=weekday)
    return None


def _find(names: tuple[tuple[str, str], ...], word: str) -> int | None:
    return next((place for place, pair in enumerate(names) if word in pair), None)
