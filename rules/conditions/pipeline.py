"""`pipeline`: the CRM's id of the deal's pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.conditions.kinds import DEAL, Choice

if TYPE_CHECKING:
    from rules.case import Case


def _pipeline(case: Case) -> str:
    assert case.deal is not None
    return case.deal.pipeline


CONDITION: Final = Choice("pipeline", DEAL, _pipeline)
