"""Mapped fields of a card: from the CRM's names and JSON values to the regulation's names and values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from connector.crm.port import Fact
from connector.portal_map import Mapped
from rules.facts import UNKNOWN, FieldValue, Unknown

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")


def mapped_fields(mapped: Mapped, start: str, fact: Fact) -> dict[str, FieldValue | Unknown]:
    """The mapped fields of one card by the regulation's name without its first part (`segment`, `invoice_due`)."""
    names = [name for name in mapped.file.map.fields if name.startswith(start)]
    return {name.removeprefix(start): mapped_value(mapped, name, fact) for name in names}


def mapped_value(mapped: Mapped, name: str, fact: Fact) -> FieldValue | Unknown:
    """The first filled of the places a field is mapped to; UNKNOWN when none of them could be read."""
    raw = fact.body.get("fields") or {}
    places = [place.partition(".")[2] for place in mapped.places(name) if place.startswith(fact.kind + ".")]
    readable = [raw[place] for place in places if place in raw]
    if places and not readable:
        return UNKNOWN
    words = mapped.file.map.values.get(name, {})
    return next((field_value(words.get(str(found), found)) for found in readable if found not in (None, "", [])), None)


def known_text(mapped: Mapped, name: str, fact: Fact) -> str | Unknown | None:
    """A mapped field as text; UNKNOWN when it could not be read."""
    found = mapped_value(mapped, name, fact)
    return found if found is None or found is UNKNOWN else str(found)


def text_or_none(mapped: Mapped, name: str, fact: Fact) -> str | None:
    """A mapped field as text; None when it is empty, not mapped or could not be read."""
    found = known_text(mapped, name, fact)
    return found if isinstance(found, str) else None


def known_day(mapped: Mapped, name: str, fact: Fact) -> date | Unknown | None:
    """A mapped field as a day; UNKNOWN when it could not be read."""
    found = mapped_value(mapped, name, fact)
    if found is UNKNOWN or (isinstance(found, date) and not isinstance(found, datetime)):
        return found
    return found.date() if isinstance(found, datetime) else None


def field_value(found: Any) -> FieldValue:
    """A value as facts carry it (JSON) -> as rules compare it: days and moments become dates, lists become tuples."""
    if isinstance(found, str):
        if _DAY.fullmatch(found):
            return _date_or_text(found)
        return moment(found) or found if _MOMENT.fullmatch(found) else found
    if isinstance(found, float):
        return Decimal(str(found))
    if isinstance(found, Iterable):
        return tuple(map(str, found))
    return found if isinstance(found, (bool, int)) else None


def _date_or_text(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def moment(text: Any) -> datetime | None:
    """A moment of a fact's body, aware, in UTC; None for anything else."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (TypeError, ValueError, OverflowError):  # the last: in UTC it lies outside the years 1 to 9999
        return None
