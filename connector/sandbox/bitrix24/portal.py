"""The portal itself: its clock, the names of its methods, messages to its people (facts/bitrix24.md 6.8, 8)."""

from __future__ import annotations

from connector.sandbox.bitrix24.call import NAMES, Call, Refusal, method


@method("server.time")
def server_time(call: Call) -> str:
    """The portal's time with its offset."""
    return call.told(call.base.clock.now())


@method("methods")
def methods(call: Call) -> list[str]:
    """The names of all methods."""
    del call
    return sorted([*NAMES.values(), "batch"])


def _notify(call: Call) -> int:
    try:
        user = int(call.get("USER_ID") or call.get("TO") or 0)
    except (TypeError, ValueError):
        user = 0
    if user not in call.base.users:
        raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
    if not call.get("MESSAGE"):
        raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
    tag = call.get("TAG")
    if tag and call.application is None and not call.get("CLIENT_ID"):
        raise Refusal("WRONG_AUTH_TYPE", "TAG through a webhook needs CLIENT_ID", 403)
    return call.base.notify(user, str(call.get("MESSAGE")), tag=str(tag or "")).id


method("im.notify.system.add", writes=True)(_notify)
method("im.notify.personal.add", writes=True)(_notify)
