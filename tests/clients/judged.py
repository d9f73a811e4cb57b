"""A portal or an account under judgement: what its owner would tell a client, and what really lies in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox_fixture import Sandbox


@dataclass(frozen=True)
class Judged:
    """One of a sandbox's portals; `told` is its description, `certificate` the file of the one to trust."""

    sandbox: Sandbox
    told: dict[str, Any]
    certificate: Path

    @property
    def ledger(self) -> dict[str, Any]:
        """What happened in it."""
        return self.sandbox.ledger(self.told["name"])

    def set(self, path: str, **body: Any) -> Any:
        """Order something of it over the control API."""
        return self.sandbox.post(path, body, self.told["name"])

    def look(self, path: str) -> Any:
        """Look at it over the control API."""
        return self.sandbox.get(path, self.told["name"])
