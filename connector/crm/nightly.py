"""When everything of a portal is read again: by night, seldom, and at the latest after a while, whatever the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

CURSOR: Final = "scan"
"""Remembers when it was begun last, by the portal's clock."""
NIGHT: Final = range(6)
"""Hours of the portal's day in which it runs."""


def is_due(cursor: str | None, now: datetime, zone: ZoneInfo, *, seldom: timedelta, longest: timedelta) -> bool:
    """Whether a scan is due; `now` by the portal's clock, aware. Without a cursor it never is: a full load sets it."""
    try:
        age = now - datetime.fromisoformat(cursor or "")
    except (ValueError, TypeError):
        return False
    return age >= longest or (age >= seldom and now.astimezone(zone).hour in NIGHT)


def begun(now: datetime) -> str:
    """The cursor of a scan, or of a full load, which is as good as one."""
    return now.astimezone(UTC).isoformat(timespec="seconds")
