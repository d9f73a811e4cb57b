"""The fields of `crm.item.*` for deal (2), contact (3), company (4): names, types, values (bitrix24.md 4.2, 5.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import Call
from connector.sandbox.bitrix24.query import Column, Type
from connector.sandbox.bitrix24.stages import SEMANTIC, category_of, stage_key
from connector.sandbox.records import Card, CardKind, FieldSpec

KINDS: dict[int, CardKind] = {2: "deal", 3: "contact", 4: "company"}
UF_TYPES = {"text": "string", "number": "double", "date": "date", "choice": "enumeration", "flag": "boolean"}
_COLUMN_TYPES: dict[str, Type] = {"text": "text", "number": "number", "date": "day", "choice": "int", "flag": "flag"}


@dataclass(frozen=True)
class ItemField:
    """One field of an item: its column, Bitrix24's type word, and whether callers may write it."""

    column: Column
    type: str
    writable: bool = False
    spec: FieldSpec | None = None


def _own(type_: Type, name: str) -> Column:
    return Column(type_, lambda card: getattr(card, name))


def _plain(type_: Type, get: Callable[[Any], Any]) -> Column:
    return Column(type_, get)


def fields_of(call: Call, kind: CardKind) -> dict[str, ItemField]:
    """System fields, then user fields under their original names."""
    base = call.base
    found = dict(_SYSTEM[kind](base)) | {
        "id": ItemField(_own("int", "id"), "integer"),
        "assignedById": ItemField(_own("int", "owner"), "user", writable=True),
        "createdTime": ItemField(_own("moment", "created"), "datetime"),
        "updatedTime": ItemField(_own("moment", "updated"), "datetime"),
        "createdBy": ItemField(_own("int", "created_by"), "user"),
        "updatedBy": ItemField(_own("int", "updated_by"), "user"),
        "opened": ItemField(_plain("flag", lambda _: True), "boolean"),
        "sourceId": ItemField(_plain("text", lambda _: ""), "crm_status"),
        "comments": ItemField(_plain("text", lambda _: ""), "text"),
        "originatorId": ItemField(_plain("text", lambda _: None), "string"),
        "originId": ItemField(_plain("text", lambda _: None), "string"),
    }
    for spec in base.fields.values():
        if spec.card == kind:
            found[f"UF_CRM_{spec.code.upper()}"] = ItemField(
                Column(_COLUMN_TYPES[spec.type], _value_of(spec.code)),
                UF_TYPES[spec.type],
                writable=True,
                spec=spec,
            )
    return found


def _value_of(code: str) -> Callable[[Any], Any]:
    return lambda card: card.fields.get(code)


def _deal(base: Base) -> dict[str, ItemField]:
    def semantic(deal: Any) -> str:
        return SEMANTIC[base.stage(deal).semantic]

    return {
        "title": ItemField(_own("text", "title"), "string", writable=True),
        "categoryId": ItemField(
            _plain("int", lambda deal: category_of(base, deal.pipeline)), "crm_category", writable=True
        ),
        "stageId": ItemField(
            _plain("text", lambda deal: stage_key(base, deal.pipeline, deal.stage)), "crm_status", writable=True
        ),
        "stageSemanticId": ItemField(_plain("text", semantic), "string"),
        "closed": ItemField(_plain("flag", lambda deal: deal.closed is not None), "boolean"),
        "companyId": ItemField(_plain("int", lambda deal: deal.company or 0), "crm_company", writable=True),
        "contactId": ItemField(_plain("int", lambda deal: deal.contacts[0] if deal.contacts else 0), "crm_contact"),
        "contactIds": ItemField(_own("ints", "contacts"), "crm_contact", writable=True),
        "opportunity": ItemField(_own("number", "amount"), "double", writable=True),
        "currencyId": ItemField(_own("text", "currency"), "crm_currency", writable=True),
        "movedTime": ItemField(_own("moment", "moved"), "datetime"),
        "movedBy": ItemField(_own("int", "moved_by"), "user"),
        "begindate": ItemField(_plain("day", lambda deal: deal.created.date()), "date"),
        "closedate": ItemField(_plain("day", lambda deal: deal.closed.date() if deal.closed else None), "date"),
        "typeId": ItemField(_plain("text", lambda _: "SALE"), "crm_status"),
        "isRecurring": ItemField(_plain("flag", lambda _: False), "boolean"),
        "isNew": ItemField(_plain("flag", lambda deal: base.stage(deal).code == "NEW"), "boolean"),
        "lastActivityTime": ItemField(_plain("moment", lambda deal: _last(base, "deal", deal)), "datetime"),
        "lastActivityBy": ItemField(_own("int", "updated_by"), "user"),
    }


def _contact(base: Base) -> dict[str, ItemField]:
    return {
        "name": ItemField(_own("text", "first_name"), "string", writable=True),
        "lastName": ItemField(_own("text", "last_name"), "string", writable=True),
        "secondName": ItemField(_plain("text", lambda _: ""), "string"),
        "post": ItemField(_plain("text", lambda contact: contact.fields.get("dm_role") or ""), "string"),
        "birthdate": ItemField(_own("day", "birthday"), "date", writable=True),
        "typeId": ItemField(_plain("text", lambda _: "CLIENT"), "crm_status"),
        "companyId": ItemField(_plain("int", lambda one: one.company_ids[0] if one.company_ids else 0), "crm_company"),
        "companyIds": ItemField(_own("ints", "company_ids"), "crm_company", writable=True),
        "hasPhone": ItemField(_plain("flag", lambda contact: bool(contact.phone)), "boolean"),
        "hasEmail": ItemField(_plain("flag", lambda contact: bool(contact.email)), "boolean"),
        "lastActivityTime": ItemField(_plain("moment", lambda contact: _last(base, "contact", contact)), "datetime"),
    }


def _company(base: Base) -> dict[str, ItemField]:
    def people(company: Card) -> list[int]:
        return [one.id for one in base.contacts.values() if company.id in one.company_ids and not one.deleted]

    return {
        "title": ItemField(_own("text", "title"), "string", writable=True),
        "typeId": ItemField(_plain("text", lambda _: "CUSTOMER"), "crm_status"),
        "industry": ItemField(_plain("text", lambda _: None), "crm_status"),
        "employees": ItemField(_plain("text", lambda _: None), "crm_status"),
        "revenue": ItemField(_plain("number", lambda _: 0), "double"),
        "currencyId": ItemField(_plain("text", lambda _: "RUB"), "crm_currency"),
        "isMyCompany": ItemField(_plain("flag", lambda _: False), "boolean"),
        "contactIds": ItemField(_plain("ints", people), "crm_contact"),
        "hasPhone": ItemField(_plain("flag", lambda _: False), "boolean"),
        "hasEmail": ItemField(_plain("flag", lambda _: False), "boolean"),
        "lastActivityTime": ItemField(_plain("moment", lambda company: _last(base, "company", company)), "datetime"),
    }


_SYSTEM: dict[CardKind, Callable[[Base], dict[str, ItemField]]] = {
    "deal": _deal,
    "contact": _contact,
    "company": _company,
}


def _last(base: Base, kind: CardKind, card: Card) -> datetime:
    found = [one.created for one in base.activities.values() if getattr(one, kind) == card.id]
    return max([card.created, *found])


def shown(call: Call, field: ItemField, card: Card) -> Any:
    """A field's value as the universal methods tell it: typed, dates with the portal's offset, flags Y and N."""
    raw = field.column.get(card)
    if field.spec and raw is None:
        return {"text": "", "date": "", "flag": "N"}.get(field.spec.type)
    match field.column.type:
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


def written(call: Call, field: ItemField, raw: Any) -> Any:
    """A value a caller wrote → what lies in the record.

    Raises:
        ValueError: it does not fit the field.
    """
    if raw in (None, "", []):
        return None
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
