"""`dossier_expired`: how many fields of the dossier are out of date."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Amount

CONDITION: Final = Amount(
    "dossier_expired", ALL, lambda case: case.dossier_expired, until=lambda case: case.dossier_until
)
