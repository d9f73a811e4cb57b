"""`won_deals`: how many deals the client has bought."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Amount

CONDITION: Final = Amount("won_deals", ALL, lambda case: len(case.won_deals))
