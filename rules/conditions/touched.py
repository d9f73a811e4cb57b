"""`touched`: there was a real contact since the deal's creation."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import DEAL, Flag

CONDITION: Final = Flag("touched", DEAL, lambda case: case.touched)
