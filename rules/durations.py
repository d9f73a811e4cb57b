"""Durations as people write them, in English and Russian: `3 working days`, `0.8 цикла`; no abbreviations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rules.calendar import Duration, Unit
from rules.texts import Lang, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADJECTIVE: Final = "рабоч(?:ий|его|ему|им|ем|ие|их|ими|ая|ей|ую|ою|ей)"
_HARD: Final = "(?:|а|у|ом|е|ы|ов|ам|ами|ах)"
"""Endings of час, год, цикл, интервал."""
_MONTH: Final = "месяц(?:|а|у|ем|е|ы|ев|ам|ами|ах)"
_DAY: Final = "(?:день|дн(?:я|ю|ем|е|и|ей|ям|ями|ях))"

_WORDS: Final[Mapping[Unit, str]] = {
    Unit.WORKING_MINUTE: rf"working minutes?|{_ADJECTIVE} минут(?:|а|ы|е|у|ой|ою|ам|ами|ах)",
    Unit.WORKING_HOUR: rf"working hours?|{_ADJECTIVE} час{_HARD}",
    Unit.WORKING_DAY: rf"working days?|{_ADJECTIVE} {_DAY}",
    Unit.DAY: rf"days?|{_DAY}",
    Unit.WEEK: "weeks?|недел(?:я|и|е|ю|ей|ею|ь|ям|ями|ях)",
    Unit.MONTH: f"months?|{_MONTH}",
    Unit.YEAR: rf"years?|год{_HARD}|лет(?:|ам|ами|ах)",
    Unit.CYCLE: rf"cycles?|цикл{_HARD}",
    Unit.INTERVAL: rf"intervals?|интервал{_HARD}",
}
_PATTERNS: Final = tuple((unit, re.compile(words)) for unit, words in _WORDS.items())
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,3})?")
_FRACTIONAL: Final = frozenset({Unit.CYCLE, Unit.INTERVAL})
_MOST: Final[Mapping[Unit, int]] = {
    Unit.WORKING_MINUTE: 100_000,
    Unit.WORKING_HOUR: 10_000,
    Unit.WORKING_DAY: 10_000,
    Unit.DAY: 36_500,
    Unit.WEEK: 5_200,
    Unit.MONTH: 1_200,
    Unit.YEAR: 100,
    Unit.CYCLE: 100,
    Unit.INTERVAL: 100,
}
"""Longer than about a century is a slip of the keyboard, and dates would run out."""


def parse_duration(text: str) -> Duration | None:
    """`NUMBER UNIT` in either language and any case form; `None` for everything else.

    A fraction (with a dot) only for cycles and intervals; there are no calendar minutes or hours.
    """
    number, _, words = _plain(text).partition(" ")
    match = _NUMBER.fullmatch(number)
    if not match:
        return None
    for unit, pattern in _PATTERNS:
        if pattern.fullmatch(words):
            amount = Decimal(number)
            fits = amount <= _MOST[unit] and (unit in _FRACTIONAL or match[2] is None)
            return Duration(amount, unit) if fits else None
    return None


@dataclass(frozen=True, slots=True)
class _Forms:
    """A unit's forms by babel's plural category; `other` serves fractions in Russian."""

    ru: Mapping[str, str]
    en: Mapping[str, str]


def _forms(one: str, few: str, many: str, unit: Unit) -> _Forms:
    # A fraction takes the genitive singular (0,8 цикла): for these words it is the form of two, three, four.
    return _Forms({"one": one, "few": few, "many": many, "other": few}, {"one": unit.value, "other": unit.value + "s"})


_SAID: Final[Mapping[Unit, _Forms]] = {
    Unit.WORKING_MINUTE: _forms("рабочая минута", "рабочие минуты", "рабочих минут", Unit.WORKING_MINUTE),
    Unit.WORKING_HOUR: _forms("рабочий час", "рабочих часа", "рабочих часов", Unit.WORKING_HOUR),
    Unit.WORKING_DAY: _forms("рабочий день", "рабочих дня", "рабочих дней", Unit.WORKING_DAY),
    Unit.DAY: _forms("день", "дня", "дней", Unit.DAY),
    Unit.WEEK: _forms("неделя", "недели", "недель", Unit.WEEK),
    Unit.MONTH: _forms("месяц", "месяца", "месяцев", Unit.MONTH),
    Unit.YEAR: _forms("год", "года", "лет", Unit.YEAR),
    Unit.CYCLE: _forms("цикл", "цикла", "циклов", Unit.CYCLE),
    Unit.INTERVAL: _forms("интервал", "интервала", "интервалов", Unit.INTERVAL),
}


def say_duration(duration: Duration, lang: Lang) -> str:
    """The duration for people: `3 рабочих дня`, `21 days`, `0.8 цикла`; read again, it is the same duration."""
    said = _SAID[duration.unit]
    forms = said.ru if lang == "ru" else said.en
    if duration.amount == duration.amount.to_integral_value():
        return plural(int(duration.amount), forms, lang)
    return f"{duration.amount.normalize():f} {forms['other']}"


def _plain(text: str) -> str:
    """Lower case, ё as е, single spaces."""
    return " ".join(text.lower().replace("ё", "е").split())
