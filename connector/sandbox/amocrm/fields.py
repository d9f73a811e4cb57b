"""Custom fields in amoCRM's terms: which a card has, how values are read and written (facts/amocrm.md 4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from connector.sandbox.amocrm.account import Account, unix
from connector.sandbox.records import Card, CardKind, FieldSpec, FieldType

TYPE_OF: dict[FieldType, str] = {
    "text": "text",
    "number": "numeric",
    "date": "date",
    "choice": "select",
    "flag": "checkbox",
}
"""The base's type → amoCRM's, for fields of the invented base."""
WHOLE = (
    "smart_address",
    "legal_entity",
    "items",
    "linked_entity",
    "chained_list",
    "file",
    "payer",
    "supplier",
)
"""Types whose values lie in the base as they were sent: a list of value objects."""
ADDRESS_LINES = ("address_line_1", "address_line_2", "city", "state", "zip", "country")
"""`enum_code` of the parts of a smart_address; their `enum_id` counts from 1."""
NEUTRAL: dict[str, FieldType] = {
    "text": "text",
    "textarea": "text",
    "url": "text",
    "streetaddress": "text",
    "numeric": "number",
    "price": "number",
    "monetary": "number",
    "date": "date",
    "birthday": "date",
    "select": "choice",
    "radiobutton": "choice",
    "category": "choice",
    "multiselect": "choice",
    "checkbox": "flag",
    "tracking_data": "text",
    "date_time": "text",
    **dict.fromkeys(WHOLE, "text"),
}
"""amoCRM's types that can be created here → the base's; a moment lies there as ISO text."""
TYPE_NUMBER = {
    "text": 1,
    "numeric": 2,
    "checkbox": 3,
    "select": 4,
    "multiselect": 5,
    "date": 6,
    "url": 7,
    "multitext": 8,
    "textarea": 9,
    "radiobutton": 10,
    "streetaddress": 11,
    "smart_address": 13,
    "birthday": 14,
    "legal_entity": 15,
    "items": 16,
    "date_time": 19,
    "price": 20,
    "category": 18,
    "tracking_data": 21,
    "linked_entity": 22,
    "monetary": 23,
    "chained_list": 24,
    "file": 25,
    "payer": 26,
    "supplier": 27,
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
            "values": values_of(account, field, value),
        }
        for field in fields_of(account, kind)
        if (value := field.value(card)) is not None
    ]
    return rows or None


def values_of(account: Account, field: Field, value: Any) -> list[dict[str, Any]]:
    """The value objects of a filled field, as the API shows them."""
    if field.type in WHOLE:
        return [dict(one) for one in value]
    several = value if field.type == "multiselect" else [value]
    return [_value_of(account, field, one) for one in several]


def _value_of(account: Account, field: Field, value: Any) -> dict[str, Any]:
    if field.type == "multitext":
        enum, label = next(iter(field.choices.items()))
        return {"value": str(value), "enum_id": enum, "enum_code": label}
    if field.type == "date_time":
        return {"value": unix(datetime.fromisoformat(str(value)))}
    neutral = NEUTRAL[field.type]
    if neutral == "choice":
        return {"value": field.choices.get(value, ""), "enum_id": value, "enum_code": None}
    if neutral == "flag":
        return {"value": bool(value)}
    if neutral == "date":
        return {"value": account.day_start(value if isinstance(value, date) else date.fromisoformat(str(value)))}
    return {"value": str(value)}
