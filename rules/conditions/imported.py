"""`imported`: the deal came from an import, not from a client."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import DEAL, Flag

CONDITION: Final = Flag("imported", DEAL, lambda case: case.imported)
