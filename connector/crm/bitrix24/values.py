"""Single values as Bitrix24 writes them, read as facts carry them: text, number, flag, texts, a day, a moment, or None.

Source: facts/bitrix24.md 5.3: `null`, `""`, `"0"`, `0`, `false` and `[]` all mean empty somewhere; the type decides.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

LINKS: Final = frozenset(
    {
        *("employee", "user", "crm", "crm_company", "crm_contact", "crm_deal", "crm_entity", "crm_status"),
        *("enumeration", "iblock_section", "iblock_element"),
    }
)
"""Types whose value is an id: 0 is nothing."""
NUMBERS: Final = frozenset({"integer", "double", "money"})

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def moment(text: Any) -> str | None:
    """A moment as facts carry it: ISO 8601 in UTC. None when empty, without an offset or beyond the calendar."""
    if not isinstance(text, str):
        return None
    try:
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC).isoformat(timespec="seconds") if value.tzinfo else None
    except (ValueError, OverflowError):
        return None


def number_or_none(value: Any) -> str | None:
    """An id as text; 0, empty and false mean nobody or nothing."""
    return None if value in (None, "", "0", 0, False) or isinstance(value, list | dict) else str(value)


def field_value(kind: str, raw: Any, *, multiple: bool = False) -> Any:
    """A field's value as facts carry it; every form of "empty" of its type is None (facts/bitrix24.md 5.3).

    A number may be 0 and is filled then; a flag that is not set is False, which a dossier does not count.
    """
    if multiple or isinstance(raw, list):
        members = raw if isinstance(raw, list) else [raw]
        texts = [str(one) for one in (_single(kind, member) for member in members) if one is not None]
        return texts or None
    return _single(kind, raw)


def _single(kind: str, raw: Any) -> Any:
    """One value that is no list."""
    if isinstance(raw, dict):
        return _file(raw) if kind == "file" else None
    if kind == "boolean" or (kind == "char" and raw in ("Y", "N")):
        return None if raw in (None, "") else raw in ("Y", "1", 1, True)
    if raw is None or raw is False or isinstance(raw, list):
        return None
    text = str(raw).strip()
    if kind in LINKS or kind == "file":
        return number_or_none(text)
    if kind in NUMBERS:
        return _number(text.partition("|")[0])
    if kind == "address":
        return text.partition("|")[0].strip() or None
    if kind == "date" and _DAY.match(text):
        return text[:10]
    if kind == "datetime":
        return moment(text)
    return text or None


def _file(told: dict[Any, Any]) -> str | None:
    """That there is a file: its id, or only the word; never its address, which may carry a token."""
    found = number_or_none(told.get("id", told.get("ID")))
    return found or ("file" if any(isinstance(one, str) and one for one in told.values()) else None)


def _number(text: str) -> int | float | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def amount(value: Any) -> str | None:
    """An amount as text, without needless zeros; None when empty."""
    if value in (None, ""):
        return None
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except InvalidOperation:
        return None
