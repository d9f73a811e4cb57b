"""A pressed button of our card, read from ONCRMTIMELINEITEMACTION. It passed through a person's browser: only a wish.

Source: facts/bitrix24.md 6.7. The shape on the wire is not documented: the standard keys and the button's own
parameters lie flat under `data` or in `FIELDS`; who pressed is `userId` or the event's `auth[user_id]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from connector.crm.port import Click

CLICK_EVENT: Final = "oncrmtimelineitemaction"
ABOUT_LIMIT: Final = 300
"""Characters of an occurrence."""
REASON_LIMIT: Final = 200
LONGEST_DAYS: Final = 366

_Answer = Literal["accept", "later", "decline"]
_ANSWERS: Final[tuple[_Answer, ...]] = get_args(_Answer)
_ID = re.compile(r"[1-9][0-9]{0,17}")
_NESTED: Final = ("fields", "actionparams", "action_params", "params")
"""Members of `data` that may hold the keys instead of `data` itself."""


def click_of(told: Any, auth: Any) -> Click | None:
    """The click, or None when it names no proposal or no answer of ours.

    Of a parameter that is out of bounds (a reason too long, days that are no number) only that is dropped.
    """
    keys = _flat(told)
    number, about = _id(keys.get("activityid")), _text(keys.get("key"), ABOUT_LIMIT)
    answer = next((one for one in _ANSWERS if one == keys.get("answer")), None)
    if number is None or about is None or answer is None:
        return None
    days = _id(keys.get("days"))
    return Click(
        about=about,
        offer=f"activity:{number}",
        answer=answer,
        by=_id(keys.get("userid")) or _id(auth.get("user_id") if isinstance(auth, dict) else None),
        reason=_text(keys.get("reason"), REASON_LIMIT) if answer == "decline" else None,
        days=int(days) if answer == "later" and days and int(days) <= LONGEST_DAYS else None,
    )


def _flat(told: Any) -> dict[str, Any]:
    """All keys in lower case, those right under `data` first."""
    if not isinstance(told, Mapping):
        return {}
    keys = {str(name).lower(): value for name, value in told.items()}
    for name in _NESTED:
        inner = keys.get(name)
        if isinstance(inner, Mapping):
            keys = {**_flat(inner), **keys}
    return keys


def _text(value: Any, limit: int) -> str | None:
    """A printable text within its bound."""
    return value if isinstance(value, str) and 0 < len(value) <= limit and value.isprintable() else None


def _id(value: Any) -> str | None:
    """A positive number as text; 0, `undefined` and the like are nobody."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
