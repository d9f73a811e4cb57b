"""What the parts of a file may name: a value is read with its scope at hand, so that a wrong name is found in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rules.problems import Hint, meant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rules.dossier import Template
    from rules.regulation import Subject

SEGMENTS: Final = ("A", "B", "C")
PAY_CODES: Final = (
    "repeat_sale",
    "assortment",
    "avg_check",
    "frequency",
    "loyalty",
    "regulation",
    "planning",
    "planned_touch",
    "dossier",
    "reactivation",
    "barriers",
    "training",
    "none",
)
"""What a touch is paid as: facts/domain.md, section 8."""
CONTACT_KINDS: Final = ("call", "meeting", "email", "chat", "order")
OUTCOME_KINDS: Final = ("attempt", "nps", "dossier_progress", "handover", "phase_change", "task_done")

_LOOK_ALIKE: Final = str.maketrans("АВСЕНКМОРТХасеорху", "ABCEHKMOPTXaceopxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The names of one file, and of the rule that is being read."""

    rules: Collection[str] = ()
    """Ids of its rules, present and former."""
    feasts: Collection[str] = ()
    means: Collection[str] = ()
    """Words the file defines: `regular`, `key`."""
    template: Template | None = None
    """The dossier, where it is known."""
    rule: str | None = None
    subject: Subject | None = None
    """Whom the rule is for; `None` when even that is wrong, then nothing is checked against it."""
    rhythm: bool = False
    """The rule has `every`, so it has an interval."""
    anchors: Collection[str] = ()
    """What the rule counts from, as written."""
    dates: frozenset[str] = frozenset()
    """Fields that any rule of the file counts from: they are dates."""


def meant_here(word: str, known: Collection[str]) -> Hint | None:
    """As `rules.problems.meant`, and Russian letters that look Latin are told apart."""
    latin = word.translate(_LOOK_ALIKE)
    if latin != word and latin in known:
        return Hint(code="latin-letters", given={"name": latin})
    if word.upper() in known:
        return Hint(code="did-you-mean", given={"name": word.upper()})
    return meant(word, known)


def dossier_fields(scope: Scope) -> Mapping[str, str | None] | None:
    """The template's fields with their checks; `None` when no template is at hand."""
    if scope.template is None:
        return None
    return {field.id: field.check for field in scope.template.fields}
