"""What the faces' webhook senders share: where they may post, and how they stop."""

from __future__ import annotations

import ipaddress
from typing import Protocol
from urllib.parse import urlsplit


class Stopper(Protocol):
    """A running sender of webhooks."""

    def stop(self) -> None:
        """End its thread and close its connections; returns once it has ended."""


def is_loopback(url: str) -> bool:
    """Whether webhooks may be posted to this address: plain http on this machine only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
