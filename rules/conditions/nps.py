"""`nps`: the client's latest score, 0 to 10."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Amount

CONDITION: Final = Amount("nps", ALL, lambda case: case.nps)
