"""`key`: the client is one, as the file says under `means`."""

from __future__ import annotations

from typing import Final

from rules.conditions.kinds import Word

CONDITION: Final = Word("key")
