"""`crm.item.*`: writing deals, contacts and companies (facts/bitrix24.md 4.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.bitrix24.card_methods import find, kind_of, tell_whole
from connector.sandbox.bitrix24.columns import camel, fields_of, written
from connector.sandbox.bitrix24.stages import find_stage, pipeline_of, shown_stages
from connector.sandbox.records import Card, CardKind, Deal

MOST_IMPORTED = 20
_ATTRIBUTES = {
    "title": "title",
    "assignedById": "owner",
    "opportunity": "amount",
    "currencyId": "currency",
    "companyId": "company",
    "contactIds": "contacts",
    "companyIds": "company_ids",
    "name": "first_name",
    "lastName": "last_name",
    "birthdate": "birthday",
}


def read_fields(call: Call, kind: CardKind) -> tuple[dict[str, Any], dict[str, Any]]:
    """The `fields` of a write: attributes of the record, and custom fields by code. Unknown names are ignored."""
    sent = call.get("fields")
    if not isinstance(sent, dict):
        raise Refusal(
            "100", "Could not find value for parameter {fields}" if sent is None else "Invalid value {fields}"
        )
    known = fields_of(call, kind)
    known |= {camel(name): field for name, field in known.items() if field.spec}
    attributes: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name, raw in sent.items():
        field = known.get(name)
        if field is None or not field.writable:
            continue
        try:
            value = written(call, field, raw)
        except (TypeError, ValueError) as error:
            raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", f"Неверное значение поля «{name}»") from error
        if field.spec:
            values[field.spec.code] = value
        elif name in _ATTRIBUTES:
            attributes[_ATTRIBUTES[name]] = _empty(name) if value is None else value
    if kind == "contact":
        attributes |= _multi_fields(sent)
    if "owner" in attributes and attributes["owner"] not in call.base.users:
        raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля «assignedById»")
    return attributes, values


def _multi_fields(sent: dict[str, Any]) -> dict[str, str]:
    """The first phone and the first mail of `fm`."""
    rows = sent.get("fm") or []
    listed = list(rows.values()) if isinstance(rows, dict) else rows
    found: dict[str, str] = {}
    for row in listed:
        kind = str(row.get("typeId", "")).lower()
        if kind in ("phone", "email"):
            found.setdefault(kind, str(row.get("value") or ""))
    return found


def _empty(name: str) -> Any:
    """What an emptied attribute holds."""
    if name in ("assignedById", "opportunity"):
        return 0
    if name in ("contactIds", "companyIds"):
        return []
    return None if name in ("companyId", "birthdate") else ""


def stage_wanted(call: Call, pipeline: int | None) -> dict[str, int]:
    """`pipeline` and `stage` a write asks for: by stageId, or the first stage of categoryId."""
    sent = call.mapping("fields")
    key, category = sent.get("stageId"), sent.get("categoryId")
    if key:
        found = find_stage(call.base, str(key))
        if found is None or (pipeline and category is None and found[0].id != pipeline):
            raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля «stageId»")
        return {"pipeline": found[0].id, "stage": found[1].id}
    if category is None or category == "":
        return {}
    asked = pipeline_of(call.base, int(category))
    if asked is None:
        raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля «categoryId»")
    return {} if asked.id == pipeline else {"pipeline": asked.id, "stage": shown_stages(asked)[0].id}


def make(call: Call, kind: CardKind) -> Card:
    """A new card from the call's `fields`.

    Raises:
        Refusal: a value that does not fit.
    """
    attributes, values = read_fields(call, kind)
    common: dict[str, Any] = {"owner": attributes.pop("owner", call.user), "by": call.user, "fields": values}
    if kind == "deal":
        main = next(one for one in call.base.pipelines.values() if one.is_main)
        place: dict[str, Any] = stage_wanted(call, None) or {"pipeline": main.id, "stage": shown_stages(main)[0].id}
        return call.base.add_deal(attributes.pop("title", ""), **place, **attributes, **common)
    if kind == "company":
        return call.base.add_company(attributes.pop("title", ""), **common)
    return call.base.add_contact(attributes.pop("first_name", ""), **attributes, **common)


def change(call: Call, kind: CardKind, card: Card) -> None:
    """Write the call's `fields` into a card.

    Raises:
        Refusal: a value that does not fit.
    """
    attributes, values = read_fields(call, kind)
    if isinstance(card, Deal):
        attributes |= stage_wanted(call, card.pipeline)
    call.base.update_card(kind, card.id, by=call.user, fields=values, **attributes)


@method("crm.item.add", writes=True)
def add_card(call: Call) -> dict[str, Any]:
    """A new item."""
    kind = kind_of(call)
    return {"item": tell_whole(call, kind, make(call, kind))}


@method("crm.item.update", writes=True)
def change_card(call: Call) -> dict[str, Any]:
    """Change an item; unknown fields are ignored, and where no value changes nothing is saved."""
    kind = kind_of(call)
    card = find(call, kind)
    change(without_emptied_lists(call, kind), kind, card)
    return {"item": tell_whole(call, kind, card)}


def without_emptied_lists(call: Call, kind: CardKind) -> Call:
    """A known fault of this method: a multiple enumeration is not emptied by `[]`; the classic methods can."""
    sent = call.get("fields")
    if not isinstance(sent, dict):
        return call
    lists = {
        name
        for name, field in fields_of(call, kind).items()
        if field.spec and field.spec.multiple and field.spec.type == "choice"
    }
    lists |= {camel(name) for name in lists}
    kept = {name: raw for name, raw in sent.items() if name not in lists or raw not in ([], "", None)}
    return replace(call, params={**call.params, "fields": kept})


@method("crm.item.delete", writes=True)
def delete_card(call: Call) -> list[Any]:
    """Into the bin; the answer is an empty list."""
    kind = kind_of(call)
    call.base.delete_card(kind, find(call, kind).id, by=call.user)
    return []


@method("crm.item.batchImport", writes=True)
def import_cards(call: Call) -> dict[str, Any]:
    """Up to 20 new items; one that can't be made has its error in its place."""
    kind, rows = kind_of(call), call.sequence("data")
    if len(rows) > MOST_IMPORTED:
        raise Refusal("MAX_IMPORT_BATCH_SIZE_EXCEEDED", f"You cannot import more than {MOST_IMPORTED} items")
    told: list[dict[str, Any]] = []
    for row in rows:
        try:
            made = make(replace(call, params={**call.params, "fields": row}), kind)
            told.append({"item": {"id": made.id}})
        except Refusal as refusal:
            told.append({"error": refusal.code, "error_description": refusal.text})
    return {"items": told}
