"""What a REST method is given, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig

READINGS: dict[str, bool | str] = {
    "task_as_activity": True,
    "status_id_with_category": False,
    "start_minus_one_counts": False,
    "unknown_task_filter_is_error": False,
    "task_xml_id_filter": False,
    "task_xml_id_kept": True,
    "task_touches_cards": False,
    "funnel_move_updates_deal": False,
    "activity_bindings_in_select": False,
}
"""Points the documents leave open, with the reading a fresh sandbox takes (docs/sandbox.md says what each means)."""


class Refusal(Exception):  # noqa: N818  # what a portal answers, not a fault of the sandbox
    """An error answer: code, text and HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


@dataclass
class Call:
    """One call of one method, alone or inside a batch."""

    base: Base
    config: PortalConfig
    params: dict[str, Any]
    user: int
    task_fields: set[str] = field(default_factory=set)
    """Own fields of tasks that were made on this portal."""

    def reading(self, name: str) -> bool:
        """Which way an open point is read."""
        return bool(self.config.readings.get(name, READINGS[name]))

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter; names as the documents write them."""
        return self.params.get(name, default)

    def mapping(self, name: str) -> dict[str, Any]:
        """A parameter that holds keys and values; absent or empty: {}."""
        value = self.params.get(name)
        if isinstance(value, list):
            return {str(place): one for place, one in enumerate(value)}
        return value if isinstance(value, dict) else {}

    def sequence(self, name: str) -> list[Any]:
        """A parameter that holds a list; a single value is a list of one."""
        value = self.params.get(name)
        if value is None or value == "":
            return []
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else [value]

    def number(self, name: str, missing: Refusal) -> int:
        """A parameter that must be a whole number above zero."""
        try:
            value = int(self.params.get(name) or 0)
        except (TypeError, ValueError):
            value = 0
        if value < 0 or (not value and self.params.get(name) in (None, "", [])):
            raise missing
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The portal's zone."""
        return ZoneInfo(self.config.zone)

    def told(self, moment: datetime | None) -> str:
        """A moment as the portal tells it: ISO with the portal's offset, whole seconds; none is empty text."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds") if moment else ""

    def told_day(self, day: date | None) -> str:
        """A day as a moment, midnight of the portal."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).isoformat() if day else ""

    def heard(self, text: Any) -> datetime:
        """A moment as callers write it; without an offset it is the portal's time.

        Raises:
            ValueError: not a date.
        """
        moment = datetime.fromisoformat(str(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)


@dataclass
class Answer:
    """A method's result; lists say how many rows there are and where the next page starts."""

    result: Any
    total: int | None = None
    next: int | None = None


Method = Callable[[Call], Any]
METHODS: dict[str, tuple[Method, bool]] = {}
"""Name in lower case → the method and whether it writes."""


def method(name: str, *, writes: bool = False) -> Callable[[Method], Method]:
    """Register a method under its name."""

    def register(function: Method) -> Method:
        METHODS[name.lower()] = (function, writes)
        return function

    return register
