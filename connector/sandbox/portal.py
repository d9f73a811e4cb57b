"""One portal of the sandbox: what is known in it, and how it is set up."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig


@dataclass(frozen=True)
class Portal:
    """A portal's records and its configuration."""

    base: Base
    config: PortalConfig
