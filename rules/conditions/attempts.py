"""`attempts`: tries to reach the client since the deal's creation."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import DEAL, Amount

CONDITION: Final = Amount("attempts", DEAL, lambda case: case.attempts)
