"""`last_deal`: no other deal of the client is open or newer."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import DEAL, Flag

CONDITION: Final = Flag("last_deal", DEAL, lambda case: case.last_deal)
