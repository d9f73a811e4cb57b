"""`dossier_fill`: the filled share of the client's dossier, in percent."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Amount

CONDITION: Final = Amount("dossier_fill", ALL, lambda case: case.dossier_fill, percent=True)
