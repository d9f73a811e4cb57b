"""`segment`: A, B or C."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Choice
from rules.scope import SEGMENTS

CONDITION: Final = Choice("segment", ALL, lambda case: case.segment, SEGMENTS, "unknown-segment")
