"""`phase`: where the deal stands. A stage that the portal's map does not name is unknown, not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.conditions.kinds import DEAL, Choice
from rules.facts import PHASES, UNKNOWN, Unknown

if TYPE_CHECKING:
    from rules.case import Case


def _phase(case: Case) -> str | Unknown:
    assert case.deal is not None
    return case.deal.phase or UNKNOWN


CONDITION: Final = Choice("phase", DEAL, _phase, PHASES, "unknown-phase")
