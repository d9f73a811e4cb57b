"""`crm.item.*`: reading deals, contacts and companies (facts/bitrix24.md 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import KINDS, CardField, camel, fields_of, shown, upper
from connector.sandbox.bitrix24.query import run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import Card, CardKind, Contact


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
    flat = {f"{kind.lower()}{suffix}": value for kind, value in given for suffix in ("", "Work") if value}
    return {"fm": rows, **flat}


@method("crm.item.get")
def get_card(call: Call) -> dict[str, Any]:
    """One item with all its fields."""
    kind = kind_of(call)
    return {"item": tell_whole(call, kind, find(call, kind))}


def _lower_names(call: Call, fields: dict[str, CardField]) -> Call:
    """The same call with its fields under this method's names: published clients filter and order by `ID`, too."""
    known = {upper(name): name for name in fields if not name.startswith("UF_")}

    def named(key: Any) -> Any:
        match = re.fullmatch(r"([!=%<>@]*)([A-Z_]+)", str(key))
        return match[1] + known[match[2]] if match and match[2] in known else key

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {named(key): renamed(one) if str(key).isdigit() else one for key, one in value.items()}
        return [renamed(one) for one in value] if isinstance(value, list) else value

    params = dict(call.params)
    for name in ("filter", "order"):
        if name in params:
            params[name] = renamed(params[name])
    if "select" in params:
        params["select"] = [named(name) for name in call.sequence("select")]
    return replace(call, params=params)


@method("crm.item.list")
def list_cards(call: Call) -> Answer:
    """Items by filter, in pages."""
    kind = kind_of(call)
    fields = wire_fields(call, kind)
    call = _lower_names(call, fields)
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
            "isMultiple": field.column.type == "ints" or bool(field.spec and field.spec.multiple),
            "isDynamic": field.spec is not None,
            "title": field.spec.title if field.spec else name,
            "upperName": f"UF_CRM_{field.spec.code.upper()}" if field.spec else upper(name),
        } | _choices(field)
    return {"fields": told}


def _choices(field: CardField) -> dict[str, Any]:
    if not field.spec or field.spec.type != "choice":
        return {}
    return {"items": [{"ID": str(key), "VALUE": text} for key, text in field.spec.choices.items()]}
