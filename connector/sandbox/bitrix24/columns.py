"""The fields of `crm.item.*` for deal (2), contact (3), company (4): names, types, values (bitrix24.md 4.2, 5.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import Call
from connector.sandbox.bitrix24.empties import empty_field, empty_link
from connector.sandbox.bitrix24.query import Column, Type
from connector.sandbox.bitrix24.stages import SEMANTIC, category_of, stage_key
from connector.sandbox.records import Card, CardKind, FieldSpec

KINDS: dict[int, CardKind] = {2: "deal", 3: "contact", 4: "company"}
UF_TYPES = {"text": "string", "number": "double", "date": "date", "choice": "enumeration", "flag": "boolean"}
_LINKS = ("crm_company", "crm_contact")
_COLUMN_TYPES: dict[str, Type] = {"text": "text", "number": "number", "date": "day", "choice": "int", "flag": "flag"}


@dataclass(frozen=True)
class CardField:
    """One field of an item: its column, Bitrix24's type word, and whether callers may write it."""

    column: Column
    type: str
    writable: bool = False
    spec: FieldSpec | None = None


def _own(type_: Type, name: str) -> Column:
    return Column(type_, lambda card: getattr(card, name))


def _plain(type_: Type, get: Callable[[Any], Any]) -> Column:
    return Column(type_, get)


def fields_of(call: Call, kind: CardKind) -> dict[str, CardField]:
    """System fields, then user fields under their original names."""
    base = call.base
    found = dict(_SYSTEM[kind](base)) | {
        "id": CardField(_own("int", "id"), "integer"),
        "assignedById": CardField(_own("int", "owner"), "user", writable=True),
        "createdTime": CardField(_own("moment", "created"), "datetime"),
        "updatedTime": CardField(_own("moment", "updated"), "datetime"),
        "createdBy": CardField(_own("int", "created_by"), "user"),
        "updatedBy": CardField(_own("int", "updated_by"), "user"),
        "opened": CardField(_plain("flag", lambda _: True), "boolean"),
        "sourceId": CardField(_plain("text", lambda _: ""), "crm_status"),
        "comments": CardField(_plain("text", lambda _: ""), "text"),
        "originatorId": CardField(_plain("text", lambda _: None), "string"),
        "originId": CardField(_plain("text", lambda _: None), "string"),
    }
    for spec in base.fields.values():
        if spec.card == kind:
            found[f"UF_CRM_{spec.code.upper()}"] = CardField(
                Column(_COLUMN_TYPES[spec.type], _values_of(spec.code) if spec.multiple else _value_of(spec.code)),
                user_type(spec),
                writable=True,
                spec=spec,
            )
    return found


def user_type(spec: FieldSpec) -> str:
    """A custom field's USER_TYPE_ID."""
    return str(spec.more.get("USER_TYPE_ID", UF_TYPES[spec.type]))


def _values_of(code: str) -> Callable[[Any], Any]:
    return lambda card: card.fields.get(code) or []


def _value_of(code: str) -> Callable[[Any], Any]:
    return lambda card: card.fields.get(code)


def _deal(base: Base) -> dict[str, CardField]:
    def semantic(deal: Any) -> str:
        return SEMANTIC[base.stage(deal).semantic]

    return {
        "title": CardField(_own("text", "title"), "string", writable=True),
        "categoryId": CardField(
            _plain("int", lambda deal: category_of(base, deal.pipeline)), "crm_category", writable=True
        ),
        "stageId": CardField(
            _plain("text", lambda deal: stage_key(base, deal.pipeline, deal.stage)), "crm_status", writable=True
        ),
        "stageSemanticId": CardField(_plain("text", semantic), "string"),
        "closed": CardField(_plain("flag", lambda deal: deal.closed is not None), "boolean"),
        "companyId": CardField(_plain("int", lambda deal: deal.company or 0), "crm_company", writable=True),
        "contactId": CardField(_plain("int", lambda deal: deal.contacts[0] if deal.contacts else 0), "crm_contact"),
        "contactIds": CardField(_own("ints", "contacts"), "crm_contact", writable=True),
        "opportunity": CardField(_own("number", "amount"), "double", writable=True),
        "currencyId": CardField(_own("text", "currency"), "crm_currency", writable=True),
        "movedTime": CardField(_own("moment", "moved"), "datetime"),
        "movedBy": CardField(_own("int", "moved_by"), "user"),
        "begindate": CardField(_plain("day", lambda deal: deal.created.date()), "date"),
        "closedate": CardField(_plain("day", lambda deal: deal.closed.date() if deal.closed else None), "date"),
        "typeId": CardField(_plain("text", lambda _: "SALE"), "crm_status"),
        "isRecurring": CardField(_own("flag", "template"), "boolean"),
        "isNew": CardField(_plain("flag", lambda deal: base.stage(deal).code == "NEW"), "boolean"),
        "lastActivityTime": CardField(_plain("moment", lambda deal: _last(base, "deal", deal)), "datetime"),
        "lastActivityBy": CardField(_own("int", "updated_by"), "user"),
    }


def _contact(base: Base) -> dict[str, CardField]:
    return {
        "name": CardField(_own("text", "first_name"), "string", writable=True),
        "lastName": CardField(_own("text", "last_name"), "string", writable=True),
        "secondName": CardField(_plain("text", lambda _: ""), "string"),
        "post": CardField(_plain("text", lambda contact: contact.fields.get("dm_role") or ""), "string"),
        "birthdate": CardField(_own("day", "birthday"), "date", writable=True),
        "typeId": CardField(_plain("text", lambda _: "CLIENT"), "crm_status"),
        "companyId": CardField(_plain("int", lambda one: one.company_ids[0] if one.company_ids else 0), "crm_company"),
        "companyIds": CardField(_own("ints", "company_ids"), "crm_company", writable=True),
        "hasPhone": CardField(_plain("flag", lambda contact: bool(contact.phone)), "boolean"),
        "hasEmail": CardField(_plain("flag", lambda contact: bool(contact.email)), "boolean"),
        "lastActivityTime": CardField(_plain("moment", lambda contact: _last(base, "contact", contact)), "datetime"),
    }


def _company(base: Base) -> dict[str, CardField]:
    return {
        "title": CardField(_own("text", "title"), "string", writable=True),
        "typeId": CardField(_plain("text", lambda _: "CUSTOMER"), "crm_status"),
        "industry": CardField(_plain("text", lambda _: None), "crm_status"),
        "employees": CardField(_plain("text", lambda _: None), "crm_status"),
        "revenue": CardField(_plain("number", lambda _: 0), "double"),
        "currencyId": CardField(_plain("text", lambda _: "RUB"), "crm_currency"),
        "isMyCompany": CardField(_own("flag", "ours"), "boolean"),
        "contactIds": CardField(_plain("ints", lambda company: base.people_of(company.id)), "crm_contact"),
        "hasPhone": CardField(_plain("flag", lambda _: False), "boolean"),
        "hasEmail": CardField(_plain("flag", lambda _: False), "boolean"),
        "lastActivityTime": CardField(_plain("moment", lambda company: _last(base, "company", company)), "datetime"),
    }


_SYSTEM: dict[CardKind, Callable[[Base], dict[str, CardField]]] = {
    "deal": _deal,
    "contact": _contact,
    "company": _company,
}


def _last(base: Base, kind: CardKind, card: Card) -> datetime:
    return base.last_activity.get((kind, card.id), card.created)


def shown(call: Call, field: CardField, card: Card) -> Any:
    """A field's value as the universal methods tell it: typed, dates with the portal's offset, flags Y and N."""
    raw, spec = field.column.get(card), field.spec
    if spec and (raw is None or raw == []):
        return empty_field(call, field.type, multiple=spec.multiple, seed=card.id + spec.id)
    if field.type in _LINKS and raw == 0:
        return empty_link(call, card.id)
    if spec and spec.multiple:
        return [_one_shown(call, field.column.type, one) for one in raw]
    return _one_shown(call, field.column.type, raw)


def _one_shown(call: Call, type_: Type, raw: Any) -> Any:
    match type_:
        case "moment":
            return call.told(raw)
        case "day":
            return call.told_day(raw) or None
        case "flag":
            return "Y" if raw else "N"
        case _:
            return raw


def camel(name: str) -> str:
    """UF_CRM_QUIET_UNTIL → ufCrmQuietUntil, as answers name user fields without `useOriginalUfNames`."""
    first, *rest = name.lower().split("_")
    return first + "".join(part if part[:1].isdigit() else part.capitalize() for part in rest)


def upper(name: str) -> str:
    """AssignedById → ASSIGNED_BY_ID."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper()


def written(call: Call, field: CardField, raw: Any) -> Any:
    """A value a caller wrote → what lies in the record.

    Raises:
        ValueError: it does not fit the field.
    """
    if raw in (None, "", []):
        return None
    if field.spec and field.spec.multiple:
        listed = list(raw.values()) if isinstance(raw, dict) else raw if isinstance(raw, list) else [raw]
        return [_one_written(call, field, one) for one in listed if one not in (None, "")]
    return _one_written(call, field, raw)


def _one_written(call: Call, field: CardField, raw: Any) -> Any:
    match field.column.type:
        case "int":
            number = int(raw)
            if field.spec and number not in field.spec.choices:
                raise ValueError(raw)
            return number
        case "ints":
            return [int(one) for one in (raw if isinstance(raw, list) else [raw])]
        case "number":
            amount = float(raw)
            return int(amount) if amount.is_integer() else amount
        case "day":
            return _day(call, raw)
        case "flag":
            return raw in (True, 1, "1", "Y", "true")
        case _:
            return str(raw)


def _day(call: Call, raw: Any) -> date:
    return call.heard(raw).astimezone(call.zone).date()
