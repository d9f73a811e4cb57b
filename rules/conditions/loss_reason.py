"""`loss_reason`: why the deal was lost, in the regulation's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.conditions.kinds import DEAL, Choice
from rules.facts import LOSS_REASONS, Unknown

if TYPE_CHECKING:
    from rules.case import Case


def _loss_reason(case: Case) -> str | Unknown | None:
    assert case.deal is not None
    return case.deal.loss_reason


CONDITION: Final = Choice("loss_reason", DEAL, _loss_reason, LOSS_REASONS, "unknown-loss-reason")
