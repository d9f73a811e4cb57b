"""What a term may count from: the closed list of anchors, whom each is for, and which part of a rule may use it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rules.calendar import CLOCK_UNITS, Unit
from rules.problems import Hint
from rules.scope import dossier_fields, meant_here
from rules.shape import flaw

if TYPE_CHECKING:
    from pydantic_core import PydanticCustomError

    from rules.regulation import Phrase
    from rules.scope import Scope

Nature = Literal["milestone", "date", "yearly", "rhythm"]
"""A milestone has happened, a date lies in a field, a yearly day comes back, a rhythm restarts."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor of facts/language.md, section 3."""

    name: str
    nature: Nature
    subjects: frozenset[str]


def _table() -> dict[str, Anchor]:
    rows: tuple[tuple[Nature, str, str], ...] = (
        ("milestone", "deal", "deal.created phase.entered deal.won deal.lost deal.completed first_attempt"),
        ("milestone", "client", "last_won state.entered last_complaint last_nps owner.changed"),
        ("milestone", "contact", "contact.left"),
        ("yearly", "client", "client.anniversary"),
        ("yearly", "contact", "contact.birthday"),
        ("rhythm", "deal client contact", "last_touch rule.last_done"),
        ("rhythm", "client", "last_meeting"),
    )
    return {
        name: Anchor(name, nature, frozenset(subjects.split()))
        for nature, subjects, names in rows
        for name in names.split()
    }


ANCHORS: Final = _table()
_OPEN: Final = re.compile(r"(deal|client|contact|dossier|feast)\.([^\s.{}]{1,80})")
_OWNERS: Final = {
    "deal": frozenset({"deal"}),
    "client": frozenset({"deal", "client", "contact"}),
    "contact": frozenset({"contact"}),
    "dossier": frozenset({"deal", "client", "contact"}),
    "feast": frozenset({"client", "contact"}),
}


def find_anchor(name: str) -> Anchor | None:
    """The anchor of this name; any field of a card or of the dossier is a date, any feast a yearly day."""
    known = ANCHORS.get(name)
    match = _OPEN.fullmatch(name)
    if known or not match:
        return known
    return Anchor(name, "yearly" if match[1] == "feast" else "date", _OWNERS[match[1]])


def refuse_anchor(phrase: Phrase, scope: Scope, part: Literal["due", "every"]) -> PydanticCustomError | None:
    """What is wrong with a phrase in this part of this rule; `then` has no anchor and is checked where steps are."""
    name = phrase.anchor
    if name is None:
        return flaw("then-in-every") if part == "every" else None
    anchor = find_anchor(name)
    if anchor is None or _misspelt(name):
        usable = [one.name for one in ANCHORS.values() if scope.subject is None or scope.subject in one.subjects]
        return flaw("unknown-anchor", {"name": name}, hint=meant_here(name, usable), word=name)
    if scope.subject is not None and scope.subject not in anchor.subjects:
        given = {"name": name, "subject": "/".join(sorted(anchor.subjects))}
        return flaw("anchor-of-other", given, word=name)
    return _refuse_name(anchor, scope) or _refuse_use(phrase, anchor, part)


def _misspelt(name: str) -> bool:
    """A name of the deal or the client one letter away from a fixed anchor is a slip, not a field."""
    card = name.partition(".")[0]
    near = [one for one in ANCHORS if one != name and one.startswith(card + ".") and abs(len(one) - len(name)) <= 1]
    return name not in ANCHORS and any(_one_slip(name, one) for one in near)


def _one_slip(written: str, known: str) -> bool:
    """One letter too many, too few, wrong, or two swapped."""
    start = 0
    while start < min(len(written), len(known)) and written[start] == known[start]:
        start += 1
    rest, wanted = written[start:], known[start:]
    swapped = rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
    return rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:] or swapped


def _refuse_name(anchor: Anchor, scope: Scope) -> PydanticCustomError | None:
    card, _, field = anchor.name.partition(".")
    if card == "feast" and field not in scope.feasts:
        return flaw("unknown-feast", {"name": field}, hint=meant_here(field, scope.feasts), word=field)
    fields = dossier_fields(scope)
    if card == "dossier" and fields is not None:
        if field not in fields:
            return flaw("unknown-dossier-field", {"name": field}, hint=meant_here(field, fields), word=field)
        if fields[field] != "future_date":
            return flaw("dossier-no-date", {"name": field}, word=field)
    return None


def _refuse_use(phrase: Phrase, anchor: Anchor, part: str) -> PydanticCustomError | None:
    name, duration = anchor.name, phrase.duration
    if duration is not None and duration.unit is Unit.INTERVAL:
        return flaw("unit-not-here", {"unit": "interval"})
    if part == "every":
        if anchor.nature != "rhythm":
            rhythms = ", ".join(one.name for one in ANCHORS.values() if one.nature == "rhythm")
            return flaw(
                "milestone-in-every", {"name": name}, hint=Hint(code="one-of", given={"names": rhythms}), word=name
            )
        if phrase.how != "after":
            return flaw("every-needs-after")
        return flaw("zero-interval") if duration is None or not duration.amount else None
    if anchor.nature == "rhythm":
        return flaw("rhythm-in-due", {"name": name}, hint=Hint(code="write-every"), word=name)
    if phrase.how != "after" and anchor.nature == "milestone":
        return flaw("before-needs-date", {"name": name}, hint=Hint(code="write-after", given={"name": name}), word=name)
    if phrase.how == "before" and duration is not None and duration.unit in CLOCK_UNITS:
        return flaw("hours-before-date", hint=Hint(code="write-days"))
    return None
