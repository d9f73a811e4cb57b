"""Placeholders of titles and texts: a closed list per subject, filled in literally. Nothing is ever evaluated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rules.problems import Hint, closest
from rules.scope import dossier_fields, meant_here
from rules.shape import flaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import PydanticCustomError

    from rules.scope import Scope

_EVERYWHERE: Final = (
    "client.name",
    "client.segment",
    "client.cycle",
    "client.next_group",
    "client.anniversary",
    "last_touch.date",
    "last_touch.days",
    "last_meeting.date",
    "last_meeting.days",
    "last_won.date",
    "last_won.days",
    "last_won.title",
    "last_complaint.date",
    "last_nps.score",
    "last_nps.date",
    "dossier.next_question",
    "dossier.gaps",
    "dossier.fill",
    "dossier.filled",
    "dossier.total",
    "due.date",
    "step",
    "steps",
)
PLACEHOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "client": _EVERYWHERE,
    "deal": (
        *_EVERYWHERE,
        "deal.title",
        "deal.amount",
        "deal.created",
        "deal.won",
        "deal.lost",
        "deal.loss_reason",
        "phase.title",
        "phase.days",
        "attempts",
    ),
    "contact": (*_EVERYWHERE, "contact.name", "contact.birthday"),
}
"""By subject; beside these the date fields of the subject, its client and the dossier, and `feast.title`."""
_FIELD: Final = re.compile(r"(deal|client|contact|dossier)\.([^\s.{}]{1,80})")
_MARK: Final = re.compile(r"\{([^{}]*)\}")
_FEASTS: Final = "feast."
_MAPPED_DATES: Final = frozenset(
    {"deal.delivery_date", "deal.invoice_due", "deal.return_date", "deal.rival_contract_end", "client.quiet_until"}
)
"""Date fields every portal's map may name (docs/facts.md); any other must be counted from somewhere in the file."""
MAX_TEXT: Final = 4000
"""Characters of a filled text; what is longer is cut with an ellipsis."""
MAX_VALUE: Final = 500
"""Characters of one value from the CRM."""


def used(text: str) -> tuple[str, ...]:
    """The names in a text, without braces, in order."""
    return tuple(mark[1] for mark in _MARK.finditer(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced, each value once and as it is; a name without a value stays."""
    filled = _MARK.sub(lambda mark: _cut(values.get(mark[1], mark[0]), MAX_VALUE), text)
    return _cut(filled.strip(), MAX_TEXT)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def check(text: str, scope: Scope) -> Iterator[PydanticCustomError]:
    """Every name the rule can't fill in, and braces that stand alone."""
    for name in dict.fromkeys(used(text)):
        wrong = _refuse(name, scope)
        if wrong is not None:
            yield wrong
    lone = re.search(r"[{}]", _MARK.sub("", text))
    if lone:
        yield flaw("lone-brace", hint=Hint(code="write-placeholder"), word=lone[0])


def _refuse(name: str, scope: Scope) -> PydanticCustomError | None:
    known = PLACEHOLDERS[scope.subject] if scope.subject else tuple(dict.fromkeys(sum(PLACEHOLDERS.values(), ())))
    on_feast = any(anchor.startswith(_FEASTS) for anchor in scope.anchors)
    if name in known or (name == "feast.title" and on_feast):
        return None
    word = "{" + name + "}"
    field = _FIELD.fullmatch(name)
    if field and field[1] == "dossier":
        return _refuse_dossier(field[2], scope, known, word)
    dates = scope.dates | _MAPPED_DATES
    own = field is not None and (scope.subject is None or field[1] in (scope.subject, "client"))
    if own and name in dates:
        return None
    others = [subject for subject, names in PLACEHOLDERS.items() if name in names and subject != scope.subject]
    if others:
        return flaw("placeholder-of-other", {"name": name, "subject": others[0]}, word=word)
    return flaw("unknown-placeholder", {"name": name}, hint=_meant(name, (*known, *sorted(dates))), word=word)


def _meant(name: str, known: tuple[str, ...]) -> Hint | None:
    """The nearest name; else those that begin alike, for all of them are too many to read."""
    if closest(name, known):
        return meant_here(name, known)
    alike = tuple(one for one in known if one.partition(".")[0] == name.partition(".")[0])
    return meant_here(name, alike) or Hint(code="write-placeholder")


def _refuse_dossier(field: str, scope: Scope, known: tuple[str, ...], word: str) -> PydanticCustomError | None:
    """Dates only: what the dossier knows about people never reaches a task."""
    fields = dossier_fields(scope)
    if fields is None or fields.get(field) == "future_date":
        return None
    if field in fields:
        return flaw("dossier-value", {"name": field}, word=word)
    names = (*known, *(f"dossier.{name}" for name, test in fields.items() if test == "future_date"))
    return flaw(
        "unknown-placeholder", {"name": f"dossier.{field}"}, hint=meant_here(f"dossier.{field}", names), word=word
    )
