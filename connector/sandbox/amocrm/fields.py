"""Custom fields in amoCRM's terms: which a card has, how values are read and written (facts/amocrm.md 4.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from connector.sandbox.amocrm.account import Account, moment_of
from connector.sandbox.amocrm.problems import not_supported, wrong_type
from connector.sandbox.records import Card, CardKind, FieldSpec, FieldType

TYPE_OF: dict[FieldType, str] = {
    "text": "text",
    "number": "numeric",
    "date": "date",
    "choice": "select",
    "flag": "checkbox",
}
"""The base's type → amoCRM's, for fields of the invented base."""
NEUTRAL: dict[str, FieldType] = {
    "text": "text",
    "textarea": "text",
    "url": "text",
    "streetaddress": "text",
    "numeric": "number",
    "price": "number",
    "monetary": "number",
    "date": "date",
    "date_time": "date",
    "birthday": "date",
    "select": "choice",
    "radiobutton": "choice",
    "checkbox": "flag",
}
"""amoCRM's types that can be created here → the base's."""
TYPE_NUMBER = {
    "text": 1,
    "numeric": 2,
    "checkbox": 3,
    "select": 4,
    "date": 6,
    "url": 7,
    "multitext": 8,
    "textarea": 9,
    "radiobutton": 10,
    "streetaddress": 11,
    "birthday": 14,
    "date_time": 19,
    "price": 20,
    "monetary": 23,
}
"""`field_type` of an event's `custom_field_value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A custom field as amoCRM shows it: one of the base's, or a contact's phone, e-mail, birthday."""

    id: int
    card: CardKind
    name: str
    code: str
    type: str
    spec: FieldSpec | None = None
    attribute: Literal["phone", "email", "birthday"] | None = None

    def value(self, card: Card) -> Any:
        """What lies in the card; None when empty."""
        found = card.fields.get(self.spec.code) if self.spec else getattr(card, self.attribute or "")
        return None if found == "" else found

    @property
    def choices(self) -> dict[int, str]:
        """Enum id → label (of a multitext: its kinds, WORK and so on)."""
        if self.type == "multitext":
            kinds = (
                ("WORK", "PRIV", "OTHER") if self.attribute == "email" else ("WORK", "WORKDD", "MOB", "HOME", "OTHER")
            )
            return {self.id * 10 + number: kind for number, kind in enumerate(kinds)}
        return self.spec.choices if self.spec else {}


OF_CONTACTS = (
    Field(id=900_001, card="contact", name="Телефон", code="PHONE", type="multitext", attribute="phone"),
    Field(id=900_002, card="contact", name="Email", code="EMAIL", type="multitext", attribute="email"),
    Field(id=900_003, card="contact", name="День рождения", code="BIRTHDAY", type="birthday", attribute="birthday"),
)
"""Fields of a contact that are attributes in the invented base."""


def fields_of(account: Account, kind: CardKind) -> list[Field]:
    """The custom fields of a kind of card, the standard ones first."""
    own = [field_of(account, spec) for spec in account.base.fields.values() if spec.card == kind]
    return [*(OF_CONTACTS if kind == "contact" else ()), *own]


def field_of(account: Account, spec: FieldSpec) -> Field:
    """One field of the base; its code in capitals, as amoCRM writes codes."""
    shown = account.kept.field_types.get(spec.id, TYPE_OF[spec.type])
    return Field(id=spec.id, card=spec.card, name=spec.title, code=spec.code.upper(), type=shown, spec=spec)


def shown_values(account: Account, kind: CardKind, card: Card) -> list[dict[str, Any]] | None:
    """`custom_fields_values` of a card: only filled fields; None when there are none."""
    rows = [
        {
            "field_id": field.id,
            "field_name": field.name,
            "field_code": field.code,
            "field_type": field.type,
            "values": [value_of(account, field, value)],
        }
        for field in fields_of(account, kind)
        if (value := field.value(card)) is not None
    ]
    return rows or None


def value_of(account: Account, field: Field, value: Any) -> dict[str, Any]:
    """One value object of the API."""
    if field.type == "multitext":
        enum, label = next(iter(field.choices.items()))
        return {"value": str(value), "enum_id": enum, "enum_code": label}
    neutral = NEUTRAL[field.type]
    if neutral == "choice":
        return {"value": field.choices.get(value, ""), "enum_id": value, "enum_code": None}
    if neutral == "flag":
        return {"value": bool(value)}
    if neutral == "date":
        return {"value": account.day_start(value if isinstance(value, date) else date.fromisoformat(str(value)))}
    return {"value": str(value)}


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
    if not isinstance(values, list) or not isinstance(values[0], dict):
        raise wrong_type(path, "array")
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
    if neutral == "date":
        return _day(account, value, path)
    return str(value)


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


def _day(account: Account, value: Any, path: str) -> date:
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            moment = datetime.fromisoformat(value)
        else:
            moment = moment_of(int(value))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise wrong_type(path, "timestamp") from error
    return account.day_at(moment.timestamp()) if moment.tzinfo else moment.date()
