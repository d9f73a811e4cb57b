"""Values of custom fields as writes send them (facts/amocrm.md 4.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox.amocrm.account import Account, moment_of
from connector.sandbox.amocrm.fields import ADDRESS_LINES, NEUTRAL, WHOLE, Field, fields_of
from connector.sandbox.amocrm.problems import missing, not_supported, wrong_type
from connector.sandbox.records import CardKind


@dataclass(frozen=True, slots=True)
class Written:
    """What a write means for the base: custom fields by the base's code, attributes by name."""

    fields: dict[str, Any]
    attributes: dict[str, Any]


def read_sent(account: Account, kind: CardKind, sent: Any) -> Written:
    """`custom_fields_values` of a write.

    Raises:
        Flaw: a field or a choice the account does not know, or a value of another type.
    """
    if sent is None:
        return Written({}, {})
    if not isinstance(sent, list):
        raise wrong_type("custom_fields_values", "array")
    by_id: dict[Any, Field] = {field.id: field for field in fields_of(account, kind)}
    by_code: dict[Any, Field] = {field.code: field for field in by_id.values()}
    result = Written({}, {})
    for number, row in enumerate(sent):
        path = f"custom_fields_values.{number}"
        if not isinstance(row, dict):
            raise wrong_type(path, "object")
        known, key = (by_id, "field_id") if row.get("field_id") is not None else (by_code, "field_code")
        asked = row.get(key)
        field = known.get(asked) if isinstance(asked, (int, str)) else None
        if field is None:
            raise not_supported(f"{path}.{key}")
        value = _read(account, field, row.get("values"), f"{path}.values")
        if field.spec:
            result.fields[field.spec.code] = value
        else:
            result.attributes[field.attribute or ""] = "" if value is None and field.attribute != "birthday" else value
    return result


def _read(account: Account, field: Field, values: Any, path: str) -> Any:
    if values is None or values == []:
        return None
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        raise wrong_type(path, "array")
    if field.type in WHOLE:
        return [_whole(field, one, f"{path}.{place}") for place, one in enumerate(values)]
    if field.type == "multiselect":
        return [_choice(field, one, f"{path}.{place}.value") for place, one in enumerate(values)]
    sent, path = values[0], f"{path}.0.value"
    neutral = NEUTRAL.get(field.type, "text")
    if neutral == "choice":
        return _choice(field, sent, path)
    value = sent.get("value")
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)):
        raise wrong_type(path, "string")
    if neutral == "number":
        return _number(value, path)
    if neutral == "flag":
        return value in (True, 1, "1", "true")
    if field.type == "date_time":
        return _moment(value, path).astimezone(UTC).isoformat()
    if neutral == "date":
        return _day(account, value, path)
    return str(value)


def _whole(field: Field, sent: dict[str, Any], path: str) -> dict[str, Any]:
    """A value of many parts, as it will be shown."""
    if field.type == "chained_list":
        if not {"catalog_id", "catalog_element_id"} <= set(sent):
            raise wrong_type(path, "object")
        return {name: sent[name] for name in ("catalog_id", "catalog_element_id")}
    value = sent.get("value")
    if field.type == "smart_address":
        number, code = sent.get("enum_id"), sent.get("enum_code")
        if code in ADDRESS_LINES:
            number = ADDRESS_LINES.index(code) + 1
        if not isinstance(number, int) or not 0 < number <= len(ADDRESS_LINES):
            raise not_supported(f"{path}.enum_id")
        return {"value": str(value or ""), "enum_id": number, "enum_code": ADDRESS_LINES[number - 1]}
    if not isinstance(value, dict):
        raise wrong_type(f"{path}.value", "object")
    if field.type == "legal_entity" and not value.get("name"):
        raise missing(f"{path}.value.name")
    return {"value": dict(value)}


def _choice(field: Field, sent: dict[str, Any], path: str) -> int:
    for enum, label in field.choices.items():
        if sent.get("enum_id") == enum or (sent.get("enum_id") is None and sent.get("value") == label):
            return enum
    raise not_supported(path)


def _number(value: Any, path: str) -> int | float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise wrong_type(path, "numeric") from error
    if not math.isfinite(number):
        raise wrong_type(path, "numeric")
    return int(number) if number.is_integer() else number


def _moment(value: Any, path: str) -> datetime:
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            return datetime.fromisoformat(value)
        return moment_of(int(value))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise wrong_type(path, "timestamp") from error


def _day(account: Account, value: Any, path: str) -> date:
    moment = _moment(value, path)
    return account.day_at(moment.timestamp()) if moment.tzinfo else moment.date()
