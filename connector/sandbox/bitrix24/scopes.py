"""Which scope a method needs (facts/bitrix24.md 2.6, 3.3; the vendor's page of scopes)."""

from __future__ import annotations

from connector.sandbox.bitrix24.call import Refusal

WEBHOOK_SCOPES = ("crm", "task", "tasks", "user_brief", "department", "im", "calendar")
"""What the incoming webhook of a fresh portal is granted."""
APPLICATION_SCOPES = ("crm", "task", "tasks", "placement", "user_brief", "department", "im", "calendar")
"""What the local application of a fresh portal is granted."""
_USERS = ("user_brief", "user_basic", "user")
_NEEDED: dict[str, tuple[str, ...]] = {
    "crm": ("crm",),
    "task": ("task", "tasks"),
    "tasks": ("task", "tasks"),
    "user": _USERS,
    "department": ("department",),
    "humanresources": ("humanresources",),
    "im": ("im",),
    "calendar": ("calendar",),
    "placement": ("placement",),
    "userfieldconfig": ("userfieldconfig",),
    "userfieldtype": ("placement",),
    "bizproc": ("bizproc",),
    "timeman": ("timeman",),
}
"""First word of a method's name → the scopes of which one is enough. Other methods need none."""
_BASIC = ("user.admin", "user.access")
"""Methods that need no scope, whatever their first word."""


def check_scope(method: str, granted: tuple[str, ...], *, by_webhook: bool) -> None:
    """Let a method pass, or refuse it.

    Raises:
        Refusal: 403 `insufficient_scope`; its text differs for webhooks and applications.
    """
    needed = None if method in _BASIC else _NEEDED.get(method.partition(".")[0])
    if needed and not set(needed) & set(granted):
        token = "webhook" if by_webhook else "access"
        text = f"The request requires higher privileges than provided by the {token} token"
        raise Refusal("insufficient_scope", text, 403)


def events_scope(event: str) -> str:
    """The scope an event belongs to: `crm`, `task`, or `basic` for those of the application itself."""
    if event.startswith("ONCRM"):
        return "crm"
    return "task" if event.startswith("ONTASK") else "basic"
