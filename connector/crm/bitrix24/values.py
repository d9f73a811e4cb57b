"""Single values as Bitrix24 writes them, read as facts carry them: text, number, flag, texts, a day, a moment, or None.

Source: facts/bitrix24.md 5.3: `null`, `""`, `"0"`, `0`, `false` and `[]` all mean empty somewhere; the type decides.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_LINK_TYPES = frozenset({"employee", "user", "crm", "crm_company", "crm_contact", "crm_deal", "crm_entity", "file"})
_LINK_TYPES_EXTRA = ("iblock",)


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
    """A field's value as facts carry it; every form of "empty" of its type is None (facts/bitrix24.md 5.3)."""
    if raw is None or (raw is False and kind != "boolean") or raw == []:
        return None
    if multiple or isinstance(raw, list):
        members = raw if isinstance(raw, list) else [raw]
        texts = [str(one) for one in (field_value(kind, member) for member in members) if one is not None]
        return texts or None
    if kind == "file" and isinstance(raw, dict):
        return number_or_none(raw.get("id"))
    if kind == "boolean" or (kind == "char" and raw in ("Y", "N")):
        return raw in ("Y", "1", 1, True)
    text = str(raw).strip()
    if not text:
        return None
    if kind in _LINK_TYPES or kind.startswith(_LINK_TYPES_EXTRA):
        return number_or_none(text)
    if kind in ("integer", "double", "money"):
        return _number(text.partition("|")[0])
    if kind == "address":
        return text.partition("|")[0].strip() or None
    if kind == "date":
        return text[:10]
    if kind == "datetime":
        return moment(text)
    return text


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
