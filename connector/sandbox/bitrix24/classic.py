"""`crm.deal.*`, `crm.company.*`, `crm.contact.*`: the classic methods; every value is a text (facts/bitrix24.md 4.2).

Their errors have an empty code and speak by their text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.card_writes import change, make, stage_wanted
from connector.sandbox.bitrix24.columns import CardField, fields_of, shown, upper
from connector.sandbox.bitrix24.empties import classic_empty
from connector.sandbox.bitrix24.query import Column, as_text, run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import Card, CardKind, Contact, Deal

_RENAMED = {
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
}
_ABSENT = ("contactIds", "companyIds")
"""Links of many: the classic methods tell them apart, by `….contact.items.get`."""
_MULTI_FIELDS = ("PHONE", "EMAIL")
_MONEY = ("OPPORTUNITY",)


def _name(kind: CardKind, name: str) -> str:
    if name.startswith("UF_"):
        return name
    if kind == "company" and name == "typeId":
        return "COMPANY_TYPE"
    return _RENAMED.get(name, upper(name))


def _fields(call: Call, kind: CardKind) -> dict[str, CardField]:
    return {_name(kind, name): field for name, field in fields_of(call, kind).items() if name not in _ABSENT}


def _shown(call: Call, name: str, field: CardField, card: Card) -> Any:
    raw = field.column.get(card)
    if field.spec:
        if raw is None or raw == []:
            return classic_empty(shown(call, field, card))
        if field.spec.type == "flag":
            return "1" if raw else "0"
        if field.spec.multiple:
            return [as_text(call, field.column.type, one) for one in raw]
    elif field.type in ("crm_company", "crm_contact") and not raw:
        empty = shown(call, field, card)
        return classic_empty(empty) if empty != 0 else None
    elif name in _MONEY:
        return f"{raw:.2f}"
    return as_text(call, field.column.type, raw)


def _multi(card: Card, name: str) -> list[dict[str, str]]:
    value = getattr(card, name.lower()) if isinstance(card, Contact) else ""
    number = card.id * 2 + _MULTI_FIELDS.index(name)
    return [{"ID": str(number), "VALUE_TYPE": "WORK", "VALUE": value, "TYPE_ID": name}] if value else []


def _values_of(name: str) -> Callable[[Any], list[str]]:
    return lambda card: [row["VALUE"] for row in _multi(card, name)]


def _find(call: Call, kind: CardKind) -> Card:
    missing = Refusal("", "ID is not defined or invalid")
    number = call.number("id", missing)
    if not number:
        raise missing
    try:
        return call.base.card(kind, number)
    except UnknownRecord as error:
        raise Refusal("", "Not found") from error


def _get(call: Call, kind: CardKind) -> dict[str, Any]:
    card = _find(call, kind)
    told = {name: _shown(call, name, field, card) for name, field in _fields(call, kind).items()}
    return told | {name: rows for name in _MULTI_FIELDS if (rows := _multi(card, name))}


def _list(call: Call, kind: CardKind) -> Answer:
    for name in ("order", "filter"):
        if call.get(name) not in (None, "") and not isinstance(call.get(name), (dict, list)):
            raise Refusal("", f"Parameter '{name}' must be array.")
    fields = _fields(call, kind)
    columns = {name: field.column for name, field in fields.items()}
    columns |= {name: Column("text", _values_of(name)) for name in _MULTI_FIELDS} if kind == "contact" else {}
    known = _known(call.mapping("filter"), columns)
    order = {name: way for name, way in call.mapping("order").items() if name in columns}
    select = _selected(call, fields)
    pile = call.base.pile(kind)
    rows = sorted(pile)

    def show(card: Card, _: list[str]) -> dict[str, Any]:
        told = {name: _shown(call, name, fields[name], card) for name in select if name in fields}
        return told | {name: found for name in _MULTI_FIELDS if name in select and (found := _multi(card, name))}

    inner = replace(call, params={"filter": known, "order": order, "start": call.get("start", 0)})
    try:
        return run(
            inner,
            columns,
            lambda after: [pile[one] for one in rows if one > after and not pile[one].deleted],
            show,
            id_name="ID",
        )
    except Refusal as refusal:
        raise Refusal("", "Failed to get list. General error.") from refusal


def _known(filters: dict[str, Any], columns: dict[str, Column]) -> dict[str, Any]:
    """A filter without the keys this method does not know: it does not mind them."""
    known: dict[str, Any] = {}
    for key, value in filters.items():
        if str(key).isdigit() and isinstance(value, dict):
            known[key] = _known(value, columns)
        elif key == "logic" or str(key).lstrip("!@%<>=") in columns:
            known[key] = value
    return known


def _selected(call: Call, fields: dict[str, CardField]) -> list[str]:
    """`*` names the system fields, `UF_*` the custom ones; without a choice both. Multi-fields only by name."""
    chosen = [str(name) for name in call.sequence("select")] or ["*", "UF_*"]
    names = ["ID", *chosen]
    names += [name for name in fields if "*" in chosen and not name.startswith("UF_")]
    names += [name for name in fields if "UF_*" in chosen and name.startswith("UF_")]
    return list(dict.fromkeys(names))


def _universal(call: Call, kind: CardKind) -> Call:
    """The same write with the fields under their universal names."""
    sent = call.get("fields")
    if not isinstance(sent, dict):
        raise Refusal("", "Parameter 'fields' must be array.")
    if call.get("params") not in (None, "") and not isinstance(call.get("params"), (dict, list)):
        raise Refusal("", "Parameter 'params' must be array.")
    names = {_name(kind, name): name for name in fields_of(call, kind)}
    fields = {names[name]: raw for name, raw in sent.items() if name in names}
    if kind == "contact":
        fields |= {"companyIds": [sent["COMPANY_ID"]]} if sent.get("COMPANY_ID") else {}
        rows = [(name, row) for name in _MULTI_FIELDS for row in sent.get(name) or []]
        fields |= {"fm": [{"typeId": name, "value": row.get("VALUE")} for name, row in rows]} if rows else {}
    elif kind == "deal" and ("CONTACT_ID" in sent or "CONTACT_IDS" in sent):
        fields["contactIds"] = sent.get("CONTACT_IDS") or [one for one in (sent.get("CONTACT_ID"),) if one]
    return replace(call, params={**call.params, "fields": fields})


def _add(call: Call, kind: CardKind) -> int:
    try:
        return make(_universal(call, kind), kind).id
    except Refusal as refusal:
        raise Refusal("", refusal.text) from refusal


def _update(call: Call, kind: CardKind) -> bool:
    card = _find(call, kind)
    inner = _universal(call, kind)
    fields = inner.params["fields"]
    fields.pop("categoryId", None)  # the classic update leaves a deal in its funnel
    try:
        if isinstance(card, Deal) and fields.get("stageId"):
            stage_wanted(inner, card.pipeline)
        change(inner, kind, card)
    except Refusal as refusal:
        raise Refusal("", refusal.text) from refusal
    return True


def _delete(call: Call, kind: CardKind) -> bool:
    call.base.delete_card(kind, _find(call, kind).id, by=call.user)
    return True


def _describe(call: Call, kind: CardKind) -> dict[str, Any]:
    """What fields there are; the title of a custom one is its code, the human name lies in the labels."""
    told: dict[str, Any] = {}
    for name, field in _fields(call, kind).items():
        spec = field.spec
        told[name] = {
            "type": field.type,
            "isRequired": name == "TITLE" and kind == "company",
            "isReadOnly": not field.writable,
            "isImmutable": False,
            "isMultiple": bool(spec and spec.multiple),
            "isDynamic": spec is not None,
            "title": name,
        }
        if spec:
            told[name] |= {"listLabel": spec.title, "formLabel": spec.title, "filterLabel": spec.title}
            if spec.type == "choice":
                told[name]["items"] = [{"ID": str(key), "VALUE": text} for key, text in spec.choices.items()]
    multi = {"type": "crm_multifield", "isReadOnly": False, "isMultiple": True, "isDynamic": False}
    return told | {name: {**multi, "isRequired": False, "isImmutable": False, "title": name} for name in _MULTI_FIELDS}


def _register(kind: CardKind) -> None:
    method(f"crm.{kind}.get")(lambda call: _get(call, kind))
    method(f"crm.{kind}.list")(lambda call: _list(call, kind))
    method(f"crm.{kind}.fields")(lambda call: _describe(call, kind))
    method(f"crm.{kind}.add", writes=True)(lambda call: _add(call, kind))
    method(f"crm.{kind}.update", writes=True)(lambda call: _update(call, kind))
    method(f"crm.{kind}.delete", writes=True)(lambda call: _delete(call, kind))


_register("deal")
_register("company")
_register("contact")
