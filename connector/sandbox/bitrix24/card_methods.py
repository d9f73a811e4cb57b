"""`crm.item.*`: reading and writing deals, contacts and companies (facts/bitrix24.md 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import KINDS, CardField, camel, fields_of, shown, upper, written
from connector.sandbox.bitrix24.query import run
from connector.sandbox.bitrix24.stages import find_stage, pipeline_of, shown_stages
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import Card, CardKind, Contact, Deal

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


def kind_of(call: Call) -> CardKind:
    """The kind named by entityTypeId."""
    try:
        return KINDS[int(call.get("entityTypeId") or 0)]
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("NOT_FOUND", "Элемент смарт-процесса не найден") from error


def find(call: Call, kind: CardKind) -> Card:
    """The card named by id."""
    try:
        return call.base.card(kind, call.number("id", Refusal("NOT_FOUND", "Элемент не найден")))
    except UnknownRecord as error:
        raise Refusal("NOT_FOUND", "Элемент не найден") from error


def _wire_name(call: Call, name: str) -> str:
    original = str(call.get("useOriginalUfNames", "N")).upper() in ("Y", "1", "TRUE")
    return name if original or not name.startswith("UF_") else camel(name)


def wire_fields(call: Call, kind: CardKind) -> dict[str, CardField]:
    """The fields under the names this call uses."""
    return {_wire_name(call, name): field for name, field in fields_of(call, kind).items()}


def tell(call: Call, fields: dict[str, CardField], card: Card, names: Iterable[str]) -> dict[str, Any]:
    """An item; `names` as in `select`. Multi-fields come only with `*`."""
    chosen = list(dict.fromkeys(names))
    told = {name: shown(call, fields[name], card) for name in chosen if name in fields}
    return told | (_multi_fields(card) if "*" in chosen else {})


def tell_whole(call: Call, kind: CardKind, card: Card) -> dict[str, Any]:
    """An item with all its fields."""
    fields = wire_fields(call, kind)
    type_id = next(number for number, name in KINDS.items() if name == kind)
    return tell(call, fields, card, [*fields, "*"]) | {"entityTypeId": type_id}


def _multi_fields(card: Card) -> dict[str, Any]:
    if not isinstance(card, Contact):
        return {}
    given = [("PHONE", card.phone), ("EMAIL", card.email)]
    rows = [
        {"id": card.id * 2 + place, "typeId": kind, "valueType": "WORK", "value": value}
        for place, (kind, value) in enumerate(given)
        if value
    ]
    return {"fm": rows}


@method("crm.item.get")
def get_card(call: Call) -> dict[str, Any]:
    """One item with all its fields."""
    kind = kind_of(call)
    return {"item": tell_whole(call, kind, find(call, kind))}


@method("crm.item.list")
def list_cards(call: Call) -> Answer:
    """Items by filter, in pages."""
    kind = kind_of(call)
    fields = wire_fields(call, kind)
    columns = {name: field.column for name, field in fields.items()}
    pile = call.base.pile(kind)
    wanted = call.mapping("filter").get("@id") or call.mapping("filter").get("id")

    def rows(after: int) -> Iterable[Card]:
        if isinstance(wanted, list) and all(str(one).isdigit() for one in wanted):
            ids: Iterable[int] = sorted({int(one) for one in wanted})
        else:
            ids = range(max(after, 0) + 1, max(pile, default=0) + 1)
        return (pile[one] for one in ids if one in pile and not pile[one].deleted)

    def show(card: Card, names: list[str]) -> dict[str, Any]:
        return tell(call, fields, card, names)

    answer = run(call, columns, rows, show, id_name="id")
    return Answer({"items": answer.result}, answer.total, answer.next)


@method("crm.item.fields")
def tell_fields(call: Call) -> dict[str, Any]:
    """What fields there are."""
    told = {}
    for name, field in wire_fields(call, kind_of(call)).items():
        told[name] = {
            "type": field.type,
            "isRequired": False,
            "isReadOnly": not field.writable,
            "isImmutable": False,
            "isMultiple": field.column.type == "ints",
            "isDynamic": field.spec is not None,
            "title": field.spec.title if field.spec else name,
            "upperName": f"UF_CRM_{field.spec.code.upper()}" if field.spec else upper(name),
        } | _choices(field)
    return {"fields": told}


def _choices(field: CardField) -> dict[str, Any]:
    if not field.spec or field.spec.type != "choice":
        return {}
    return {"items": [{"ID": str(key), "VALUE": text} for key, text in field.spec.choices.items()]}


def _read_fields(call: Call, kind: CardKind) -> tuple[dict[str, Any], dict[str, Any]]:
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
    if "owner" in attributes and attributes["owner"] not in call.base.users:
        raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля «assignedById»")
    return attributes, values


def _empty(name: str) -> Any:
    """What an emptied attribute holds."""
    if name in ("assignedById", "opportunity"):
        return 0
    if name in ("contactIds", "companyIds"):
        return []
    return None if name in ("companyId", "birthdate") else ""


def _stage_wanted(call: Call, pipeline: int | None) -> dict[str, int]:
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


@method("crm.item.add", writes=True)
def add_card(call: Call) -> dict[str, Any]:
    """A new item."""
    kind = kind_of(call)
    attributes, values = _read_fields(call, kind)
    common: dict[str, Any] = {"owner": attributes.pop("owner", call.user), "by": call.user, "fields": values}
    made: Card
    if kind == "deal":
        main = next(one for one in call.base.pipelines.values() if one.is_main)
        place: dict[str, Any] = _stage_wanted(call, None) or {"pipeline": main.id, "stage": shown_stages(main)[0].id}
        made = call.base.add_deal(attributes.pop("title", ""), **place, **attributes, **common)
    elif kind == "company":
        made = call.base.add_company(attributes.pop("title", ""), **common)
    else:
        made = call.base.add_contact(attributes.pop("first_name", ""), **attributes, **common)
    return {"item": tell_whole(call, kind, made)}


@method("crm.item.update", writes=True)
def change_card(call: Call) -> dict[str, Any]:
    """Change an item; unknown fields are ignored, and where no value changes nothing is saved."""
    kind = kind_of(call)
    card = find(call, kind)
    attributes, values = _read_fields(call, kind)
    if isinstance(card, Deal):
        attributes |= _stage_wanted(call, card.pipeline)
    call.base.update_card(kind, card.id, by=call.user, fields=values, **attributes)
    return {"item": tell_whole(call, kind, card)}
