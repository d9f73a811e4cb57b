"""Values of amoCRM's custom fields, by field type, in neutral words (facts/amocrm.md 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

DAY = 86_400
"""Seconds."""
LEGAL_ENTITY = "legal_entity"
LEGAL_PARTS = ("name", "vat_id", "kpp", "address")
"""Of a firm in such a field; the field's own value is the list of them, in which a check of the tax number finds it."""

_NUMBERS = frozenset({"numeric", "price", "monetary"})
_CHOICES = frozenset({"select", "radiobutton", "category"})
_DAYS = frozenset({"date", "birthday"})
_NAMES = ("name", "file_name", "description", "entity_id")
"""What names a value that is an object."""
_LISTS = frozenset({"multitext", "smart_address", "multiselect", "items", "linked_entity", "chained_list", "file"})

Value = str | int | float | bool | list[str] | None


def field_value(field: Mapping[str, Any], zone: ZoneInfo) -> Value:
    """The value of one member of `custom_fields_values`; None where it is empty.

    A choice is its `enum_id` as text (the portal's map says which id means what), several choices a list of them;
    a day is `2026-03-02`, a moment ISO 8601 in UTC.
    """
    kind = str(field.get("field_type") or "text")
    found = field.get("values")
    values = [value for value in found if isinstance(value, dict)] if isinstance(found, list) else []
    if kind in _LISTS or len(values) > 1:
        return [text for text in (_text_of(kind, value) for value in values) if text] or None
    if not values:
        return None
    if kind in _CHOICES:
        return _text_of(kind, values[0])
    if kind == LEGAL_ENTITY:
        return list(requisites(field).values()) or None
    return _plain(kind, values[0].get("value"), zone)


def _plain(kind: str, value: Any, zone: ZoneInfo) -> Value:
    if value is None or value == "":
        return None
    if kind == "checkbox":
        return value not in (False, 0, "0", "false")
    if kind in _NUMBERS:
        return _number(value)
    if kind in _DAYS or kind == "date_time":
        moment = _moment(value)
        if moment is None:
            return str(value)
        return moment.isoformat() if kind == "date_time" else day_of(moment, zone).isoformat()
    if isinstance(value, (dict, list)):
        return _text_of(kind, {"value": value})
    return str(value).strip() or None


def _text_of(kind: str, value: Mapping[str, Any]) -> str | None:
    """One of several values as text: a choice by its id, a file, a linked card or an invoice line by its name."""
    if kind in _CHOICES or kind in ("multiselect", "chained_list"):
        chosen = value.get("enum_id") or value.get("catalog_element_id")
        if chosen:
            return str(chosen)
    inner = value.get("value")
    if isinstance(inner, dict):
        inner = next((inner[name] for name in _NAMES if inner.get(name)), None)
    return None if inner is None else str(inner).strip() or None


def requisites(field: Mapping[str, Any]) -> dict[str, str]:
    """The filled parts of the first firm in a field of type legal_entity, by their names; of other fields none."""
    found = field.get("values") if field.get("field_type") == LEGAL_ENTITY else None
    first = found[0] if isinstance(found, list) and found else None
    firm = first.get("value") if isinstance(first, dict) else None
    if not isinstance(firm, dict):
        return {}
    return {name: text for name in LEGAL_PARTS if (text := str(firm.get(name) or "").strip())}


def _number(value: Any) -> int | float | str:
    """Numbers come as text; what is no number stays the text it is."""
    text = str(value).strip().replace(",", ".")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return str(value)
    if not isfinite(number):
        return str(value)
    return int(number) if number.is_integer() else number


def _moment(value: Any) -> datetime | None:
    """Unix seconds, or RFC 3339 text as some accounts answer it."""
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day a date field means: some samples hold midnight in UTC, others midnight in the account's zone."""
    midnight_in_utc = int(moment.timestamp()) % DAY == 0
    try:
        return moment.date() if midnight_in_utc else moment.astimezone(zone).date()
    except OverflowError:  # the last hours of the year 9999, or the first of the year 1
        return moment.date()
