"""`repeat`: the client has an earlier won deal, in any pipeline."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import DEAL, Flag

CONDITION: Final = Flag("repeat", DEAL, lambda case: case.repeat)
