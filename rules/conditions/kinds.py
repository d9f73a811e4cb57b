"""The few shapes a condition takes: one of some words, yes or no, a number; each is read once and judged often."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

from rules.assessment import Reason
from rules.conditions import Judgement, judge_all
from rules.facts import UNKNOWN
from rules.problems import Hint
from rules.scope import meant_here
from rules.shape import cure, flaw, number_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic_core import PydanticCustomError

    from rules.case import Case
    from rules.conditions import Condition
    from rules.located import Path
    from rules.scope import Scope

ALL: Final = frozenset({"deal", "client", "contact"})
DEAL: Final = frozenset({"deal"})
CONTACT: Final = frozenset({"contact"})

Subjects = frozenset[str]


@dataclass(frozen=True, slots=True)
class Where:
    """Where a condition stands while it is read, and where its flaws go."""

    path: Path
    """Below `prefix`: `("any", 0, "phase")`."""
    prefix: str
    """`if`, `means.key`."""
    scope: Scope
    found: list[tuple[Path, PydanticCustomError]]
    read: Callable[[Any, Where], tuple[Condition, ...]]
    """The catalog's reader, for keys that hold conditions themselves."""

    def below(self, *parts: str | int) -> Where:
        """A place further in."""
        return replace(self, path=(*self.path, *parts))

    def refuse(
        self, code: str, given: Mapping[str, str] | None = None, *, hint: Hint | None = None, on_key: bool = False
    ) -> None:
        """Note a flaw here."""
        self.found.append((self.path, flaw(code, given or {}, hint=hint, on_key=on_key)))

    def __str__(self) -> str:
        return ".".join((self.prefix, *map(str, self.path)))


class Kind(Protocol):
    """What every file of this folder holds as `CONDITION`."""

    key: str
    subjects: Subjects

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """The conditions a value stands for; flaws go to `where`."""


def listed(value: Any) -> tuple[Any, ...]:
    """One value, or several of a list."""
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition that compares one fact with what is wanted."""

    key: str
    path: str
    wanted: Any
    """What the reason shows."""
    fact: Callable[[Case], Any] = field(compare=False)
    matches: Callable[[Any], bool] = field(compare=False)
    until: Callable[[Case], datetime | None] = field(compare=False, default=lambda _case: None)

    def judge(self, case: Case) -> Judgement:
        """Unknown stays unknown, empty is not matched."""
        seen = self.fact(case)
        holds = None if seen is UNKNOWN else seen is not None and self.matches(seen)
        reason = Reason(path=self.path, code=self.key, seen=seen, wanted=self.wanted)
        return Judgement(holds, reason, self.until(case))


@dataclass(frozen=True, slots=True)
class Choice:
    """`phase: won`, `state: [active, between]`: one of some words. Without `words` any text is taken."""

    key: str
    subjects: Subjects
    fact: Callable[[Case], Any]
    """A word, or the words of which one is enough."""
    words: tuple[str, ...] = ()
    unknown: str = "unknown-value"
    """The problem of a word that is not in the list."""
    until: Callable[[Case], datetime | None] = lambda _case: None

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """A word or a list of words."""
        several = isinstance(value, tuple)
        if value == ():
            where.refuse("empty-list")
        wanted = [
            word
            for index, one in enumerate(listed(value))
            if (word := self._word(one, where.below(index) if several else where)) is not None
        ]
        words = frozenset(wanted)
        matches = lambda seen: not words.isdisjoint(listed(seen))  # noqa: E731  # two words and used once
        return (Asked(self.key, str(where), tuple(wanted), self.fact, matches, self.until),)

    def _word(self, value: Any, where: Where) -> str | None:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) and not self.words else value
        if not isinstance(text, str):
            where.refuse(
                "not-text", hint=Hint(code="one-of", given={"names": ", ".join(self.words)}) if self.words else None
            )
            return None
        if self.words and text not in self.words:
            where.refuse(self.unknown, {"name": text}, hint=meant_here(text, self.words))
            return None
        return text


@dataclass(frozen=True, slots=True)
class Flag:
    """`imported: false`: yes or no."""

    key: str
    subjects: Subjects
    fact: Callable[[Case], Any]

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """`true` or `false`."""
        if not isinstance(value, bool):
            where.refuse("not-boolean", hint=cure("not-boolean", value))
            return ()
        return (Asked(self.key, str(where), value, self.fact, lambda seen: seen is value),)


@dataclass(frozen=True, slots=True)
class Amount:
    """`won_deals: {at_least: 2}`, `dossier_fill: {below: 60%}`: a number and its bounds."""

    key: str
    subjects: Subjects
    fact: Callable[[Case], Any]
    percent: bool = False
    until: Callable[[Case], datetime | None] = lambda _case: None

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """A number, several, or bounds."""
        if not isinstance(value, dict):
            parts = listed(value)
            wanted = [
                read_number(one, where.below(i) if value is parts else where, percent=self.percent)
                for i, one in enumerate(parts)
            ]
            if not wanted:
                where.refuse("empty-list")
            return (Asked(self.key, str(where), tuple(wanted), self.fact, lambda seen: seen in wanted, self.until),)
        bounds = read_bounds(value, where, lambda one, at: read_number(one, at, percent=self.percent))
        return tuple(
            Asked(self.key, str(where), (word, limit), self.fact, bound(word, limit), self.until)
            for word, limit in bounds
        )


@dataclass(frozen=True, slots=True)
class Word:
    """`key: true`: a word that the file itself defines under `means`."""

    key: str
    subjects: Subjects = ALL

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """`true` or `false`; inside `means` no word may lean on another."""
        if where.prefix != "if":
            where.refuse("word-in-means", {"key": self.key}, on_key=True)
        elif self.key not in where.scope.means:
            where.refuse("word-without-meaning", {"key": self.key}, on_key=True)
        if not isinstance(value, bool):
            where.refuse("not-boolean", hint=cure("not-boolean", value))
            return ()
        return (Meant(self.key, str(where), value),)


@dataclass(frozen=True, slots=True)
class Meant:
    """Judges what the word stands for in the regulation in force."""

    key: str
    path: str
    wanted: bool

    def judge(self, case: Case) -> Judgement:
        """As the conditions under `means` say, turned round for `false`."""
        inner = judge_all(case.regulation.means.get(self.key, ()), case)
        holds = None if inner.holds is None else inner.holds is self.wanted
        seen = UNKNOWN if inner.holds is None else inner.holds
        reason = Reason(path=self.path, code=self.key, seen=seen, wanted=self.wanted, children=inner.reason.children)
        return Judgement(holds, reason, inner.until)


def bound(word: str, limit: Any) -> Callable[[Any], bool]:
    """`below` or `at_least` as a comparison."""
    return (lambda seen: bool(seen < limit)) if word == "below" else (lambda seen: bool(seen >= limit))


def read_bounds(value: dict[str, Any], where: Where, read_limit: Callable[[Any, Where], Any]) -> list[tuple[str, Any]]:
    """The bounds of `{below: x}`, `{at_least: x}`, or both."""
    if not value:
        where.refuse("no-bound", hint=Hint(code="write-bound"))
    bounds = []
    for word, limit in value.items():
        if word not in ("below", "at_least"):
            where.below(word).refuse(
                "unknown-key", {"key": word}, hint=meant_here(word, ("below", "at_least")), on_key=True
            )
            continue
        read = read_limit(limit, where.below(word))
        if read is not None:
            bounds.append((word, read))
    return bounds


def read_number(value: Any, where: Where, *, percent: bool = False) -> Decimal | None:
    """A number, or a percentage as a share of one."""
    if percent:
        share = as_share(value)
        if share is None:
            where.refuse("not-percent", hint=Hint(code="write-percent"))
        return share
    number = number_or_none(value)
    if number is None:
        where.refuse("not-number")
    return number


def as_share(value: Any) -> Decimal | None:
    """`60%` -> 0.6; `None` for anything else, and outside of 0-100 %."""
    digits = value.removesuffix("%").strip() if isinstance(value, str) and value.endswith("%") else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        return None
    share = Decimal(digits) / 100
    return share if share <= 1 else None
