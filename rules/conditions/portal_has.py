"""`portal_has`: roles of which an active person of the portal holds at least one."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Choice
from rules.facts import ROLES

CONDITION: Final = Choice(
    "portal_has", ALL, lambda case: tuple(role for role in ROLES if case.is_held(role)), ROLES, "unknown-role"
)
