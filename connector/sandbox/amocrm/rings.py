"""One thing that a webhook tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ring:
    """Which subscription settings let it out (any of them), the form's keys, and the entity."""

    settings: tuple[str, ...]
    entity: str
    action: str
    body: dict[str, Any]
