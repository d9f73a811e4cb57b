"""`handed_over`: the client's manager is a project manager or a development specialist."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import ALL, Flag

CONDITION: Final = Flag("handed_over", ALL, lambda case: case.handed_over)
