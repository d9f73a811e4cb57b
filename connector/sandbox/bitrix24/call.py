"""What a REST method is given, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig

READINGS: dict[str, bool | str] = {
    "task_as_activity": True,
    "status_id_with_category": False,
    "start_minus_one_counts": True,
    "unknown_task_filter_is_error": False,
    "task_xml_id_filter": False,
    "task_xml_id_kept": True,
    "task_touches_cards": False,
    "funnel_move_updates_deal": False,
    "activity_bindings_in_select": False,
    "methods_any_case": True,
    "https_required": False,
    "operating_told": True,
    "operating_reset_as_text": False,
    "app_info_for_webhooks": True,
    "offline_extended": True,
    "auth_connector": True,
    "offline_data_told": True,
    "mixed_case_events": False,
    "handler_id_told": True,
    "refresh_token_in_events": False,
    "userfield_events_for_webhooks": False,
    "install_scope_by_spaces": False,
    "click_in_fields": False,
    "click_tells_user": True,
    "todo_completed_by_update": True,
    "task_fields_mandatory": False,
    "empty_values": "plain",
    "working_hours": "9",
    "product_rows_update_deal": False,
}
"""Points the documents leave open, with the reading a fresh sandbox takes (docs/sandbox.md says what each means)."""


class Refusal(Exception):  # noqa: N818  # what a portal answers, not a fault of the sandbox
    """An error answer: code, text and HTTP status."""

    def __init__(self, code: str | int, text: str, status: int = 400, **more: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.more = more
        """Further keys of the answer; only few methods have some."""


WRONG_CONTEXT = Refusal(
    "WRONG_AUTH_TYPE", "Current authorization type is denied for this method Application context required", 403
)
"""How most methods of applications refuse a webhook."""


@dataclass
class Call:
    """One call of one method, alone or inside a batch."""

    base: Base
    config: PortalConfig
    params: dict[str, Any]
    user: int
    application: str | None = None
    """`client_id` of the application that calls; None: a webhook does."""
    scopes: tuple[str, ...] = ()
    """What the caller was granted; the REST has already refused methods outside of it."""

    @property
    def admin(self) -> bool:
        """Whether the call is made as an administrator of the portal."""
        user = self.base.users.get(self.user)
        return user is not None and user.role == "admin"

    def by_application(self, refusal: Refusal | None = None) -> str:
        """The calling application's `client_id`.

        Raises:
            Refusal: a webhook calls; WRONG_AUTH_TYPE unless another refusal is given.
        """
        if self.application is None:
            raise refusal or WRONG_CONTEXT
        return self.application

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
NAMES: dict[str, str] = {}
"""Name in lower case → the name as the documents write it."""


def method(name: str, *, writes: bool = False) -> Callable[[Method], Method]:
    """Register a method under its name."""

    def register(function: Method) -> Method:
        METHODS[name.lower()] = (function, writes)
        NAMES[name.lower()] = name
        return function

    return register
