"""Phrases, tables and ladders: `3 working days after phase.entered`, `{phase: {…}}`, `[…, then 7 days]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic_core import PydanticCustomError

from rules.anchors import refuse_anchor
from rules.calendar import Unit
from rules.durations import parse_duration
from rules.facts import LOSS_REASONS, PHASES, STATES
from rules.problems import Hint, meant
from rules.regulation import AtMost, Phrase, Table, Term
from rules.scope import SEGMENTS, meant_here
from rules.shape import flaw, flaws

if TYPE_CHECKING:
    from rules.located import Path
    from rules.scope import Scope

_AFTER: Final = re.compile(r"(.+?) (?:after|после) (\S+)", re.IGNORECASE)
_BEFORE: Final = re.compile(r"(.+?) before (\S+)|за (.+?) до (\S+)", re.IGNORECASE)
_ON: Final = re.compile(r"(?:on|в день) (\S+)", re.IGNORECASE)
_THEN: Final = re.compile(r"(?:then|затем) (.+)", re.IGNORECASE)
_AT_MOST: Final = re.compile(r"([1-9][0-9]{0,3}) (?:per|за) (.+)", re.IGNORECASE)

_COLUMNS: Final = {
    "phase": (PHASES, "unknown-phase"),
    "state": (STATES, "unknown-state"),
    "segment": (SEGMENTS, "unknown-segment"),
    "loss_reason": (LOSS_REASONS, "unknown-loss-reason"),
}
_DEAL_COLUMNS: Final = frozenset({"phase", "loss_reason"})

Part = Literal["due", "every"]
Flaw = tuple["Path", PydanticCustomError]


def parse_phrase(text: str) -> Phrase | PydanticCustomError:
    """One term, in English or Russian, or what is wrong with it."""
    text = " ".join(text.split())
    if on := _ON.fullmatch(text):
        return Phrase("on", None, on[1])
    if then := _THEN.fullmatch(text):
        return _with_duration("then", then[1], None)
    if before := _BEFORE.fullmatch(text):
        return _with_duration("before", before[1] or before[3], before[2] or before[4])
    if after := _AFTER.fullmatch(text):
        return _with_duration("after", after[1], after[2])
    return flaw("bad-phrase", {"text": text}, hint=Hint(code="write-phrase"))


def _with_duration(
    how: Literal["after", "before", "then"], duration: str, anchor: str | None
) -> Phrase | PydanticCustomError:
    parsed = parse_duration(duration)
    if parsed is None:
        return flaw("bad-duration", {"text": duration}, hint=Hint(code="write-duration"), word=duration)
    return Phrase(how, parsed, anchor)


def read_due(value: Any, scope: Scope) -> tuple[Term, ...]:
    """The steps of `due`; raises pydantic's ValidationError with every flaw in its place."""
    found: list[Flaw] = []
    steps = value if isinstance(value, tuple) else (value,)
    terms = [
        term
        for index, step in enumerate(steps)
        if (term := _read_term(step, (index,) if steps is value else (), scope, "due", found)) is not None
    ]
    if not steps:
        found.append(((), flaw("empty-list")))
    for index, term in enumerate(terms):
        if isinstance(term, Phrase) and term.how == "then":
            if term.duration is not None and term.duration.unit is Unit.INTERVAL:
                found.append(((index,), flaw("unit-not-here", {"unit": "interval"})))
            if index == 0 and len(terms) == len(steps):
                found.append(((0,) if steps is value else (), flaw("then-first", hint=Hint(code="write-phrase"))))
    if found:
        raise flaws(found)
    return tuple(terms)


def read_every(value: Any, scope: Scope) -> Term:
    """The term of `every`; raises as `read_due` does."""
    found: list[Flaw] = []
    if isinstance(value, tuple):
        found.append(((), flaw("list-in-every")))
    else:
        term = _read_term(value, (), scope, "every", found)
    if found:
        raise flaws(found)
    return cast("Term", term)


def _read_term(value: Any, path: Path, scope: Scope, part: Part, found: list[Flaw]) -> Term | None:
    if isinstance(value, dict):
        return _read_table(value, path, scope, part, found)
    if not isinstance(value, str):
        found.append((path, flaw("not-text", hint=Hint(code="write-phrase"))))
        return None
    phrase = parse_phrase(value)
    wrong = phrase if isinstance(phrase, PydanticCustomError) else refuse_anchor(phrase, scope, part)
    if wrong is not None:
        found.append((path, wrong))
        return None
    return cast("Phrase", phrase)


def _read_table(value: dict[str, Any], path: Path, scope: Scope, part: Part, found: list[Flaw]) -> Table | None:
    column = next(iter(value), "")
    usable = [name for name in _COLUMNS if scope.subject in (None, "deal") or name not in _DEAL_COLUMNS]
    if len(value) != 1:
        found.append((path, flaw("one-column", hint=Hint(code="one-of", given={"names": ", ".join(usable)}))))
        return None
    if column not in usable:
        code = "column-of-other" if column in _COLUMNS else "unknown-column"
        found.append(((*path, column), flaw(code, {"name": column}, hint=meant(column, usable), on_key=True)))
        return None
    words, unknown = _COLUMNS[column]
    rows = value[column]
    if not isinstance(rows, dict) or not rows:
        found.append(((*path, column), flaw("not-map", hint=Hint(code="write-table"))))
        return None
    terms: dict[str, Phrase] = {}
    for name, row in rows.items():
        place = (*path, column, name)
        if name not in words:
            found.append((place, flaw(unknown, {"name": name}, hint=meant_here(name, words), on_key=True)))
        elif isinstance(row, dict):
            found.append((place, flaw("not-text", hint=Hint(code="write-phrase"))))
        else:
            term = _read_term(row, place, scope, part, found)
            if isinstance(term, Phrase) and term.how == "then":
                found.append((place, flaw("then-in-table")))
            elif isinstance(term, Phrase):
                terms[name] = term
    return Table(cast("Literal['phase', 'state', 'segment', 'loss_reason']", column), terms)


def read_at_most(value: Any) -> AtMost:
    """`4 per 12 months`, `1 за 90 дней`."""
    match = _AT_MOST.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    window = parse_duration(match[2]) if match else None
    if match is None or window is None or not window.amount or window.unit is Unit.INTERVAL:
        raise flaw("bad-at-most", {"text": str(value)}, hint=Hint(code="write-at-most"))
    return AtMost(int(match[1]), window)
