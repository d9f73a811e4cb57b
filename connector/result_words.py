"""The words a person closes a proposal's task with, as an answer: Russian and English, whatever the case and signs.

Nothing is guessed: what could be more than one answer is none (`unclear`), and he is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

from rules.calendar import Unit
from rules.durations import parse_duration

USUAL_DAYS: Final = 3
"""How long "later" is where no day was chosen."""
LONGEST_DAYS: Final = 366
NEAR: Final = timedelta(days=183)
"""A day without its year is the nearest one; one farther ahead than this rather was in the past."""
REASON_LIMIT: Final = 200
LONGEST_WORDS: Final = 500
"""Characters that are looked at."""

_ACCEPT: Final = frozenset(
    (
        *("да", "ага", "ок", "окей", "хорошо", "беру", "сделаю", "принять", "принято", "принимаю", "принял", "приняла"),
        *("согласен", "согласна", "yes", "yep", "ok", "okay", "accept", "accepted", "agree", "agreed", "sure"),
    )
)
_POLITE: Final = frozenset(("спасибо", "пожалуйста", "thanks", "please"))
_LATER: Final = frozenset(
    (
        *("позже", "попозже", "позднее", "потом", "отложить", "отложи", "отложу", "отложено"),
        *("перенести", "перенеси", "перенесено", "later", "postpone", "postponed", "defer", "deferred", "snooze"),
    )
)
_DECLINE: Final = frozenset(
    (
        *("нет", "отказ", "отказать", "отказано", "отклонить", "отклоняю", "отклонено", "ненужно"),
        *("no", "nope", "decline", "declined", "reject", "rejected"),
    )
)
_PHRASES: Final[Mapping[tuple[str, ...], Literal["later", "decline"]]] = {
    ("не", "сейчас"): "later",
    ("not", "now"): "later",
    ("не", "надо"): "decline",
    ("не", "нужно"): "decline",
    ("не", "принимаю"): "decline",
    ("не", "согласен"): "decline",
    ("не", "согласна"): "decline",
    ("no", "need"): "decline",
    ("not", "needed"): "decline",
}
_SIGNS: Final[Mapping[str, Literal["accept", "decline"]]] = {"+": "accept", "-": "decline", "–": "decline"}
_BEFORE_DAY: Final = frozenset(
    ["через", "до", "на", "к", "с", "в", "во", "спустя", "in", "until", "till", "to", "on", "after", "for"]
)
_DAYS: Final = {"завтра": 1, "tomorrow": 1, "послезавтра": 2}
_UNITS: Final = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 30}
_SHORT: Final = {"д": "дней", "дн": "дней", "нед": "недель", "мес": "месяцев", "d": "days", "w": "weeks"}
_NEXT: Final = re.compile("следующ[а-я]+|next")
_MONTHS: Final = {
    word: number
    for words in (
        ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"],
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    )
    for number, word in enumerate(words, 1)
}
_WORD: Final = re.compile(r"[a-zа-я]+|[0-9](?:[0-9.\-/]*[0-9])?")
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED: Final = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4}|\d{2}))?")


@dataclass(frozen=True, slots=True)
class Said:
    """What the words mean."""

    answer: Literal["accept", "later", "decline", "unclear"]
    until: date | None = None
    """later: the day that was chosen."""
    reason: str | None = None
    """decline: in the regulation's words where it is one of them, else in his own."""


UNCLEAR: Final = Said("unclear")


def read_words(text: str, today: date, reasons: Sequence[str]) -> Said:
    """The answer in these words, said on this day; `reasons`: those that the regulation knows for declining."""
    text = text.strip()[:LONGEST_WORDS]
    if sign := _SIGNS.get(text):
        return Said(sign)
    words = _words(text)
    if known := _known(text, reasons):
        return Said("decline", reason=known)
    if words and set(words) <= _ACCEPT | _POLITE and set(words) & _ACCEPT:
        return Said("accept")
    said, length = _head(words)
    if said == "later":
        until = _day(words[length:], today)
        return Said("later", until=until) if until else UNCLEAR
    if said == "decline":
        if _LATER & set(words[length:]) or ("не", "сейчас") in pairwise(words):
            return UNCLEAR
        return Said("decline", reason=_reason(text, words[:length], reasons))
    return UNCLEAR


def _head(words: Sequence[str]) -> tuple[Literal["later", "decline"] | None, int]:
    """What the first words say, and how many they are; a day alone says later."""
    if phrase := _PHRASES.get(tuple(words[:2])):
        return phrase, 2
    first = words[0] if words else ""
    if first in _LATER:
        return "later", 1
    if first in _DECLINE:
        return "decline", 1
    named = first in _DAYS or _DOTTED.fullmatch(first) or _ISO.fullmatch(first)
    return ("later", 0) if named or (first in ("через", "in") and len(words) > 1) else (None, 0)


def _day(words: Sequence[str], today: date) -> date | None:
    """The day these words name, the usual one where they name none; `None`: one that is not understood."""
    rest = list(words)
    while rest and rest[0] in _BEFORE_DAY:
        rest.pop(0)
    if rest and _NEXT.fullmatch(rest[0]):
        rest[0] = "1"
    named = _named_day(rest, today)
    if named is None and not any(word[0].isdigit() for word in rest):
        named = today + timedelta(days=USUAL_DAYS) if words == rest else None
    return named if named and today < named <= today + timedelta(days=LONGEST_DAYS) else None


def _named_day(words: Sequence[str], today: date) -> date | None:
    first, second = (*words, "", "")[:2]
    if first in _DAYS:
        return today + timedelta(days=_DAYS[first])
    if match := _ISO.fullmatch(first):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DOTTED.fullmatch(first):
        return _dated(int(match[1]), int(match[2]), match[3], today)
    if first.isdecimal() and second[:3] in _MONTHS:
        return _dated(int(first), _MONTHS[second[:3]], None, today)
    amount, unit = (first, second) if first.isdecimal() else ("1", first)
    duration = parse_duration(f"{int(amount)} {_SHORT.get(unit, unit)}")
    if duration is None or duration.unit not in _UNITS:
        return None
    return today + timedelta(days=int(duration.amount) * _UNITS[duration.unit])


def _dated(day: int, month: int, year: str | None, today: date) -> date | None:
    if year is not None:
        return _date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    ahead = [named for add in (0, 1) if (named := _date(today.year + add, month, day)) and named > today]
    return ahead[0] if ahead and ahead[0] - today <= NEAR else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _known(text: str, reasons: Iterable[str]) -> str | None:
    """The regulation's reason that these words are."""
    words = _words(text)
    return next((reason for reason in reasons if words and _words(reason) == words), None)


def _reason(text: str, head: Sequence[str], reasons: Sequence[str]) -> str | None:
    """What stands behind the first words; in the regulation's words where it begins with them."""
    begins = re.match(r"\W*" + r"\W+".join(head) + r"\W*", text, re.IGNORECASE)
    said = " ".join(text[begins.end() if begins else 0 :].split())
    words = _words(said)
    for reason in reasons:
        known = _words(reason)
        if words and (words[: len(known)] == known or known[: len(words)] == words):
            return reason
    return said[:REASON_LIMIT] or None


def _words(text: str) -> list[str]:
    """Lower case, ё as е, signs left out."""
    return _WORD.findall(text.casefold().replace("ё", "е"))
