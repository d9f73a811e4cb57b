"""`none`: not one of the listed conditions holds."""

from __future__ import annotations

from typing import Final

from rules.conditions.groups import Group

CONDITION: Final = Group("none")
