"""`state`: where the client is between his deals."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Choice
from rules.facts import STATES

CONDITION: Final = Choice(
    "state", ALL, lambda case: case.state, STATES, "unknown-state", until=lambda case: case.state_until
)
