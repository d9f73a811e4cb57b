"""How values are written in a regulation: durations, hours, days, percents, roles, texts. Each is read or refused."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import PlainValidator, ValidationInfo

from rules.calendar import CLOCK_UNITS, Duration, Unit, parse_clock, parse_hours
from rules.conditions.kinds import as_share
from rules.durations import parse_duration
from rules.facts import ROLES
from rules.placeholders import check
from rules.problems import Hint
from rules.regulation import Text
from rules.scope import CONTACT_KINDS, OUTCOME_KINDS, PAY_CODES, Scope, meant_here
from rules.shape import flaw, flaws
from rules.yearly import YearlyDate, parse_yearly

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pydantic_core import PydanticCustomError

    from rules.located import Path

_DAY_UNITS: Final = frozenset({Unit.WORKING_DAY, Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR})
_KEBAB: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DAY: Final = re.compile(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]")
_SECONDS: Final = re.compile(r"([1-9][0-9]{0,3}) (seconds?|секунд[аы]?)")
LONGEST_TITLE: Final = 200
LONGEST_TEXT: Final = 3000
LONGEST_ID: Final = 60


def scope_of(about: ValidationInfo) -> Scope:
    """The scope the reader passes along."""
    scope: Scope = about.context["scope"] if about.context else Scope()
    return scope


def _duration(units: Collection[Unit], value: Any, *, zero: bool = False) -> Duration:
    duration = parse_duration(value) if isinstance(value, str) else None
    if duration is None:
        raise flaw("bad-duration", {"text": str(value)}, hint=Hint(code="write-duration"))
    if duration.unit not in units:
        given = {"names": ", ".join(unit.value for unit in Unit if unit in units)}
        raise flaw("unit-not-here", {"unit": duration.unit.value}, hint=Hint(code="one-of", given=given))
    if not zero and not duration.amount:
        raise flaw("zero-duration")
    return duration


def _of_units(units: Collection[Unit], *, zero: bool = False) -> Callable[[Any], Duration]:
    return lambda value: _duration(units, value, zero=zero)


def _of_rule(value: Any, about: ValidationInfo) -> Duration:
    """In a rule, cycles fit too, and intervals where the rule has one."""
    units = frozenset(Unit) if scope_of(about).rhythm else frozenset(Unit) - {Unit.INTERVAL}
    return _duration(units, value, zero=True)


DayTerm = Annotated[Duration, PlainValidator(_of_units(_DAY_UNITS))]
"""Days and longer, more than none."""
LeadTerm = Annotated[Duration, PlainValidator(_of_units(_DAY_UNITS, zero=True))]
ClockTerm = Annotated[Duration, PlainValidator(_of_units(_DAY_UNITS | CLOCK_UNITS, zero=True))]
"""Working minutes and hours too."""
RuleTerm = Annotated[Duration, PlainValidator(_of_rule)]


def _whole_days(value: Any) -> int:
    duration = _duration((Unit.DAY, Unit.WEEK), value)
    return int(duration.amount) * (7 if duration.unit is Unit.WEEK else 1)


def _months(value: Any) -> int:
    duration = _duration((Unit.MONTH, Unit.YEAR), value)
    return int(duration.amount) * (12 if duration.unit is Unit.YEAR else 1)


def _cycles(value: Any) -> Decimal:
    return _duration((Unit.CYCLE,), value).amount


def _minutes(value: Any) -> int:
    duration = _duration(CLOCK_UNITS, value, zero=True)
    return int(duration.amount) * (60 if duration.unit is Unit.WORKING_HOUR else 1)


def _seconds(value: Any) -> int:
    match = _SECONDS.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    if match is None:
        raise flaw("bad-seconds", {"text": str(value)}, hint=Hint(code="write-seconds"))
    return int(match[1])


def _share(value: Any) -> Decimal:
    share = as_share(value)
    if share is None:
        raise flaw("not-percent", hint=Hint(code="write-percent"))
    return share


def _hours(value: Any) -> Any:
    hours = parse_hours(value) if isinstance(value, str) else None
    if hours is None:
        raise flaw("bad-hours", {"text": str(value)}, hint=Hint(code="write-hours"))
    return hours


def _quiet(value: Any) -> tuple[int, int]:
    clocks = [parse_clock(part) for part in value.split("-")] if isinstance(value, str) else []
    if len(clocks) != 2 or clocks[0] is None or clocks[1] is None or clocks[0] == clocks[1]:
        raise flaw("bad-hours", {"text": str(value)}, hint=Hint(code="write-quiet-hours"))
    return clocks[0].hour * 60 + clocks[0].minute, clocks[1].hour * 60 + clocks[1].minute


def _day(value: Any) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # 2026-02-30 has the form of a day and is none
    raise flaw("bad-day", {"text": str(value)}, hint=Hint(code="write-day"))


def _yearly(value: Any) -> YearlyDate:
    day = parse_yearly(value) if isinstance(value, str) else None
    if day is None:
        raise flaw("bad-yearly", {"text": str(value)}, hint=Hint(code="write-yearly"))
    return day


WholeDays = Annotated[int, PlainValidator(_whole_days)]
Months = Annotated[int, PlainValidator(_months)]
Cycles = Annotated[Decimal, PlainValidator(_cycles)]
Minutes = Annotated[int, PlainValidator(_minutes)]
Seconds = Annotated[int, PlainValidator(_seconds)]
Share = Annotated[Decimal, PlainValidator(_share)]
Hours = Annotated[Any, PlainValidator(_hours)]
QuietHours = Annotated[tuple[int, int], PlainValidator(_quiet)]
Day = Annotated[date, PlainValidator(_day)]
Yearly = Annotated[YearlyDate, PlainValidator(_yearly)]


def _rule_id(value: Any) -> str:
    if not isinstance(value, str) or not _KEBAB.fullmatch(value) or len(value) > LONGEST_ID:
        raise flaw("bad-id", {"text": str(value)}, hint=Hint(code="write-id"))
    return value


def _one_word(code: str, words: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise flaw(code, {"name": str(value)}, hint=meant_here(str(value), words))
        return value

    return read


def _several(code: str, words: tuple[str, ...], *, single: bool) -> Callable[[Any], tuple[str, ...]]:
    """A list of words, each once; where `single`, one word stands for a list of one."""
    one = _one_word(code, words)

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, tuple):
            if single:
                return (one(value),)
            raise flaw("not-list", hint=Hint(code="write-list", given={"value": str(value)}))
        found: list[tuple[Path, PydanticCustomError]] = []
        for index, word in enumerate(value):
            try:
                one(word)
            except ValueError as wrong:
                found.append(((index,), wrong))  # type: ignore[arg-type]  # `one` raises nothing else
            else:
                if word in value[:index]:
                    found.append(((index,), flaw("twice-in-list", {"name": word})))
        if not value:
            found.append(((), flaw("empty-list")))
        if found:
            raise flaws(found)
        return value

    return read


RuleId = Annotated[str, PlainValidator(_rule_id)]
Pay = Annotated[str, PlainValidator(_one_word("unknown-pay", PAY_CODES))]
Role = Annotated[str, PlainValidator(_one_word("unknown-role", ROLES))]
RoleList = Annotated[tuple[str, ...], PlainValidator(_several("unknown-role", ROLES, single=True))]
KindList = Annotated[
    tuple[str, ...], PlainValidator(_several("unknown-kind", CONTACT_KINDS + OUTCOME_KINDS, single=False))
]


def _rule_list(value: Any, about: ValidationInfo) -> tuple[str, ...]:
    scope = scope_of(about)
    names = _several("unknown-rule", tuple(scope.rules), single=False)(value)
    if scope.rule in names:
        raise flaws([((names.index(scope.rule),), flaw("rule-names-itself", {"name": scope.rule}))])
    return names


RuleList = Annotated[tuple[str, ...], PlainValidator(_rule_list)]


def _text(longest: int) -> Callable[[Any, ValidationInfo], Text]:
    """A text given once, or in both languages; its placeholders must be known."""

    def read(value: Any, about: ValidationInfo) -> Text:
        scope = scope_of(about)
        found: list[tuple[Path, PydanticCustomError]] = []
        parts = value if isinstance(value, dict) else {"": value}
        for lang, text in parts.items():
            path: Path = (lang,) if parts is value else ()
            if lang not in ("ru", "en", ""):
                found.append((path, _stray(lang, parts)))
            elif not isinstance(text, str):
                found.append(
                    (path, flaw("not-text", hint=Hint(code="quote-brace" if isinstance(text, dict) else "quote-value")))
                )
            elif not text.strip():
                found.append((path, flaw("empty-text")))
            elif len(text) > longest:
                found.append((path, flaw("text-too-long", {"limit": str(longest)})))
            else:
                found += [(path, wrong) for wrong in check(text, scope)]
        if parts is value and not any(lang not in ("ru", "en") for lang in parts):
            missing = [lang for lang in ("ru", "en") if lang not in parts]
            found += [((), flaw("missing-language", {"name": lang}, on_key=True)) for lang in missing]
        if found:
            raise flaws(found)
        return Text(parts["ru"], parts["en"]) if parts is value else Text(value, value)

    return read


def _stray(key: str, parts: dict[str, Any]) -> PydanticCustomError:
    """A key that is no language: part of a text after a comma, or a placeholder that lacks its quotes."""
    languages = "ru" in parts or "en" in parts
    hint = (
        Hint(code="quote-comma" if languages else "quote-brace")
        if parts[key] is None
        else meant_here(key, ("ru", "en"))
    )
    return flaw("unknown-key", {"key": key}, hint=hint, on_key=True)


Title = Annotated[Text, PlainValidator(_text(LONGEST_TITLE))]
Words = Annotated[Text, PlainValidator(_text(LONGEST_TEXT))]
