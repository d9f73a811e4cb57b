"""Is a dossier field filled? Placeholders, the checks of its kind, and the hash that tells a change."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.yearly import parse_yearly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rules.facts import FieldValue
    from rules.template import Check, Field

_NONE: Final = frozenset({"нет", "no", "none"})
"""A real answer where the field allows it."""
_PLACEHOLDERS: Final = _NONE | {
    "нету",
    "н/д",
    "нд",
    "нет данных",
    "n/a",
    "na",
    "no data",
    "уточнить",
    "уточню",
    "уточняется",
    "нужно уточнить",
    "надо уточнить",
    "не знаю",
    "неизвестно",
    "не известно",
    "unknown",
    "don't know",
    "to be clarified",
    "tbc",
    "tbd",
    "тест",
    "test",
    "123",
}
_AROUND: Final = " \t\n\r\u00a0.,;:!?…-–—_*#/\\|+=~«»\"'“”„()[]{}<>"
_COUNTED: Final = frozenset({"number", "range_1_5", "range_0_10"})
"""Checks for which `5`, `22` and `123` are answers."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is stored of a dossier field."""

    filled: bool
    hash: str | None
    """Of the value; `None` when it is not filled."""
    value: FieldValue
    """Only for a field whose value rules count from (`Field.kept`): a date, a whole number or a Decimal."""


_EMPTY: Final = Judged(filled=False, hash=None, value=None)


def judge_value(field: Field, raw: Any) -> Judged:
    """Judge a value as the CRM gave it: text, number, yes/no, date, a list or a linked record.

    A list is filled if any element is. A future date is judged here only as a date: whether it lies ahead changes
    with time, so `rules.dossier.score` looks.
    """
    answers = [answer for element in _elements(raw) if (answer := _answer(field, element)) is not None]
    if not answers:
        return _EMPTY
    text = json.dumps([field.id, raw], ensure_ascii=False, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Judged(filled=True, hash=digest, value=answers[0][0] if field.kept else None)


def as_date(value: Any) -> date | None:
    """A day from a date, an ISO date or moment, or `31.12.2026`."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:\s.*)?", text)
    try:
        if dotted:
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _elements(raw: Any) -> tuple[Any, ...]:
    return tuple(raw) if isinstance(raw, (list, tuple, set, frozenset)) else (raw,)


def _answer(field: Field, raw: Any) -> tuple[FieldValue] | None:
    """What one element says, or `None` for nothing."""
    if raw is None or raw is False:  # an unticked box does not tell "no" from "unknown"
        return None
    if isinstance(raw, str):
        words = _words(raw)
        if field.allow_none and words in _NONE:
            return (None,)
        if _is_placeholder(field, raw, words):
            return None
    elif not raw and not isinstance(raw, (int, float, Decimal)):
        return None  # an empty record
    if field.check is None:
        return (None,)
    return _CHECKS[field.check](field, raw)


def _is_placeholder(field: Field, raw: str, words: str) -> bool:
    if field.check in _COUNTED:
        letters = re.sub(r"\D", "", raw)
        return len(letters) > 3 and len(set(letters)) == 1 and letters[0] != "0"
    if len(set(words.replace(" ", ""))) <= 1 or words in _PLACEHOLDERS:
        return True
    return words in {_words(field.title.ru), _words(field.title.en), _words(field.id)}


def _words(text: str) -> str:
    """Lower case, ё as е, single spaces, no punctuation around."""
    return " ".join(text.casefold().replace("ё", "е").replace("\u00a0", " ").split()).strip(_AROUND)


def _number(field: Field, raw: Any) -> tuple[FieldValue] | None:
    number = _as_number(raw)
    if number is None or number < 0 or (number == 0 and not field.zero):
        return None
    return (_plain(number),)


_SCALE: Final[Mapping[str, int]] = {"тыс": 10**3, "млн": 10**6, "млрд": 10**9}
_MONEY: Final = re.compile(
    r"(?P<number>\d[\d ]*(?:[.,]\d+)?) ?(?P<scale>тыс|млн|млрд)?\.? ?(?:\|[A-Z]{3}|₽|руб(?:лей|ля|ль|\.)?|р\.?|\$|€|%)?"
)


def _as_number(raw: Any) -> Decimal | None:
    """A number from a number, `1 200 000,50`, `5 млн руб.` or `1000000|RUB`."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, (int, Decimal, float)):
        number = Decimal(str(raw))
        return number if number.is_finite() else None
    if not isinstance(raw, str):
        return None
    match = _MONEY.fullmatch(" ".join(raw.replace("'", " ").split()))
    if match is None or len(match["number"]) > 30:
        return None
    digits = match["number"].replace(" ", "").replace(",", ".")
    return Decimal(digits) * _SCALE.get(match["scale"] or "", 1)


def _plain(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _range(lowest: int, highest: int) -> Callable[[Field, Any], tuple[FieldValue] | None]:
    def answer(_field: Field, raw: Any) -> tuple[FieldValue] | None:
        """A mark, alone or with the reason after it: `4, потому что…`."""
        number = _as_number(raw)
        if number is None and isinstance(raw, str):
            leading = re.match(r"\s*(\d{1,2})(?![\d]|[.,]\d)", raw)
            number = Decimal(leading[1]) if leading else None
        fits = number is not None and number == number.to_integral_value() and lowest <= number <= highest
        return (int(number),) if fits and number is not None else None

    return answer


def _date(_field: Field, raw: Any) -> tuple[FieldValue] | None:
    day = as_date(raw)
    return (day,) if day is not None else None


def _day_month(_field: Field, raw: Any) -> tuple[FieldValue] | None:
    """A day of the year, with or without its year: `05.03`, `5 марта`, `1980-03-05`."""
    if as_date(raw) is not None:
        return (None,)
    if not isinstance(raw, str):
        return None
    short = re.fullmatch(r"\s*(\d{1,2})\.(\d{1,2})\.?\s*", raw)
    if short:
        return (None,) if as_date(f"{short[1]}.{short[2]}.2024") else None  # 2024 has a 29 February
    yearly = parse_yearly(re.sub(r"\s+\d{4}(\s*(г|года)\.?)?\s*$", "", raw))
    return (None,) if yearly is not None and yearly.day is not None else None


_INN_10: Final = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11: Final = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def _inn(_field: Field, raw: Any) -> tuple[FieldValue] | None:
    """A Russian tax number: 10 digits of a company or 12 of a person, with the check digits of the tax service."""
    if isinstance(raw, int):
        text = str(raw)
        text = text.zfill(10 if len(text) <= 10 else 12)  # a number lost its leading zero
    else:
        text = re.sub(r"\s", "", raw) if isinstance(raw, str) else ""
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", text) or len(set(text)) == 1:
        return None
    digits = [int(digit) for digit in text]
    for weights in (_INN_10,) if len(digits) == 10 else (_INN_11, _INN_12):
        control = sum(weight * digit for weight, digit in zip(weights, digits, strict=False)) % 11 % 10
        if control != digits[len(weights)]:
            return None
    return (None,)


_CHECKS: Final[Mapping[Check, Callable[[Field, Any], tuple[FieldValue] | None]]] = {
    "number": _number,
    "future_date": _date,
    "day_month": _day_month,
    "range_1_5": _range(1, 5),
    "range_0_10": _range(0, 10),
    "inn": _inn,
}
