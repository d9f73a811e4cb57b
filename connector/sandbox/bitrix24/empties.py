"""What an empty field looks like: one way, or the mix that the documents' own samples show (facts/bitrix24.md 5.3)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.call import READINGS, Call

_PLAIN: dict[str, Any] = {"boolean": "N", "integer": None, "double": None, "enumeration": None}
_MIXED: dict[str, tuple[Any, ...]] = {
    "string": ("", None),
    "url": ("", None),
    "address": ("", None),
    "date": ("", None),
    "datetime": ("", None),
    "integer": (None, ""),
    "double": (None, ""),
    "money": ("", None, "|RUB"),
    "boolean": ("N",),
    "enumeration": (None, False, []),
    "employee": ("", None, 0, "0"),
    "crm": ("", None, 0, "0"),
    "crm_status": ("", None),
}
_MULTIPLE: tuple[Any, ...] = ([], False, "")
_LINKS: tuple[Any, ...] = (0, "0", None)
"""A system link to nothing: companyId, contactId."""
_CLASSIC: dict[Any, str] = {"N": "0", 0: "0"}


def mixed(call: Call) -> bool:
    """Whether this portal mixes its empty values."""
    return call.config.readings.get("empty_values", READINGS["empty_values"]) == "mixed"


def empty_field(call: Call, user_type: str, *, multiple: bool, seed: int) -> Any:
    """What an empty custom field shows; `seed` chooses among the ways of a portal that mixes them."""
    if not mixed(call):
        return [] if multiple else _PLAIN.get(user_type, "")
    ways = _MULTIPLE if multiple else _MIXED.get(user_type, ("", None))
    return ways[seed % len(ways)]


def empty_link(call: Call, seed: int) -> Any:
    """What a system link to nothing shows."""
    return _LINKS[seed % len(_LINKS)] if mixed(call) else 0


def classic_empty(value: Any) -> Any:
    """The same in a classic method: its flags and zeros are texts."""
    return _CLASSIC.get(value, value) if isinstance(value, (str, int)) and not isinstance(value, bool) else value
