"""Custom fields of cards: `crm.….userfield.*`, `userfieldconfig.add` (facts/bitrix24.md 5.1, 5.2)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import user_type
from connector.sandbox.bitrix24.query import Column, run
from connector.sandbox.records import CardKind, FieldSpec, FieldType

FIELD_TYPES: dict[str, FieldType] = {
    "string": "text",
    "url": "text",
    "address": "text",
    "money": "text",
    "employee": "text",
    "crm": "text",
    "crm_status": "text",
    "integer": "number",
    "double": "number",
    "date": "date",
    "datetime": "date",
    "enumeration": "choice",
    "boolean": "flag",
}
"""Bitrix24's type of a field → the neutral one its values are kept as. Files and lists of pages are not here."""
_MOST_NAME = 50
_LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")
_KEPT = ("XML_ID", "SORT", "MANDATORY", "SHOW_FILTER", "SHOW_IN_LIST", "EDIT_IN_LIST", "IS_SEARCHABLE", "SETTINGS")


def _row(spec: FieldSpec) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": str(spec.id),
        "ENTITY_ID": f"CRM_{spec.card.upper()}",
        "FIELD_NAME": f"UF_CRM_{spec.code.upper()}",
        "USER_TYPE_ID": user_type(spec),
        "XML_ID": spec.more.get("XML_ID"),
        "SORT": str(spec.more.get("SORT", 100)),
        "MULTIPLE": "Y" if spec.multiple else "N",
        "MANDATORY": spec.more.get("MANDATORY", "N"),
        "SHOW_FILTER": spec.more.get("SHOW_FILTER", "N"),
        "SHOW_IN_LIST": spec.more.get("SHOW_IN_LIST", "Y"),
        "EDIT_IN_LIST": spec.more.get("EDIT_IN_LIST", "Y"),
        "IS_SEARCHABLE": "N",
        "SETTINGS": spec.more.get("SETTINGS", {}),
    }
    if spec.type == "choice":
        row["LIST"] = [
            {"ID": str(key), "SORT": str(place * 10), "VALUE": text, "DEF": "N", "XML_ID": f"x{key}"}
            for place, (key, text) in enumerate(spec.choices.items(), start=1)
        ]
    return row


def _labels(spec: FieldSpec, language: str) -> dict[str, Any]:
    """Labels in one language as `list` tells them; what was never written is null."""
    told = {name: spec.more.get(name) for name in _LABELS}
    told |= {name: told[name] or spec.title for name in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")}
    return {name: one.get(language, "") if isinstance(one, dict) else (one or None) for name, one in told.items()}


def _all_labels(spec: FieldSpec) -> dict[str, Any]:
    """Labels in all languages, as `get` tells them."""
    return {name: {language: _labels(spec, language)[name] or "" for language in ("en", "ru")} for name in _LABELS}


_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda spec: spec.id),
    "ENTITY_ID": Column("text", lambda spec: f"CRM_{spec.card.upper()}"),
    "FIELD_NAME": Column("text", lambda spec: f"UF_CRM_{spec.code.upper()}"),
    "USER_TYPE_ID": Column("text", user_type),
    "XML_ID": Column("text", lambda spec: spec.more.get("XML_ID")),
    "SORT": Column("int", lambda spec: int(spec.more.get("SORT", 100))),
    "MULTIPLE": Column("flag", lambda spec: spec.multiple),
    "MANDATORY": Column("text", lambda spec: spec.more.get("MANDATORY", "N")),
    "SHOW_FILTER": Column("text", lambda spec: spec.more.get("SHOW_FILTER", "N")),
    "SHOW_IN_LIST": Column("text", lambda spec: spec.more.get("SHOW_IN_LIST", "Y")),
    "EDIT_IN_LIST": Column("text", lambda spec: spec.more.get("EDIT_IN_LIST", "Y")),
    "IS_SEARCHABLE": Column("text", lambda _: "N"),
}


def _list(call: Call, kind: CardKind) -> Answer:
    filters = call.mapping("filter")
    language = str(filters.get("LANG") or "")
    wanted = {key: value for key, value in filters.items() if key in _COLUMNS}
    order = {name: way for name, way in call.mapping("order").items() if name in _COLUMNS} or {
        "SORT": "ASC",
        "ID": "ASC",
    }
    specs = sorted(call.base.field_specs(kind).values(), key=lambda spec: spec.id)
    answer = run(
        _within(call, {"filter": wanted, "order": order}),
        _COLUMNS,
        lambda _: specs,
        lambda spec, _: _row(spec) | (_labels(spec, language) if language else {}),
        id_name="ID",
    )
    return Answer(answer.result, total=len(answer.result))


def _within(call: Call, params: dict[str, Any]) -> Call:
    """The same call with other parameters, and without pages: lists of fields come whole."""
    limits = replace(call.config.limits, page=10_000)
    return replace(call, params=params, config=replace(call.config, limits=limits))


def _read_definition(call: Call, kind: CardKind, fields: dict[str, Any]) -> int:
    for name in ("USER_TYPE_ID", "FIELD_NAME"):
        if not fields.get(name):
            raise Refusal("", f"The '{name}' field is not found.")
    code = re.sub(r"^(UF_CRM_|UF_)", "", str(fields["FIELD_NAME"]).upper())
    if len(f"UF_CRM_{code}") > _MOST_NAME:
        raise Refusal("ERROR_CORE", "Название поля слишком длинное (более 50 символов).<br>")
    if not re.fullmatch(r"[A-Z0-9_]+", code):
        text = "Название поля содержит недопустимые символы. Разрешены: A-Z, 0-9 и _.<br>"
        raise Refusal("ERROR_CORE", text)
    wanted = str(fields["USER_TYPE_ID"])
    if wanted not in FIELD_TYPES:
        raise Refusal("ERROR_CORE", "Указан неверный пользовательский тип.<br>")
    title = _title(fields) or code
    more = _kept(fields) | {"USER_TYPE_ID": wanted}
    try:
        return call.base.define_field(
            kind,
            code.lower(),
            title,
            FIELD_TYPES[wanted],
            _choices(fields),
            multiple=fields.get("MULTIPLE") in ("Y", True, 1, "1"),
            more=more,
        ).id
    except ValueError as error:
        raise Refusal("ERROR_CORE", f"Поле UF_CRM_{code} для объекта CRM_{kind.upper()} уже существует.<br>") from error


def _title(fields: dict[str, Any]) -> str:
    label = fields.get("EDIT_FORM_LABEL")
    return str(
        (label.get("ru") or next(iter(label.values()), "") if isinstance(label, dict) else label)
        or fields.get("LABEL")
        or ""
    )


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in (*_KEPT, *_LABELS) if fields.get(name) is not None}


def _choices(fields: dict[str, Any]) -> list[str]:
    listed = fields.get("LIST") or []
    rows = list(listed.values()) if isinstance(listed, dict) else listed
    codes = [one.get("XML_ID") for one in rows if one.get("XML_ID")]
    if len(set(codes)) < len(codes):
        raise Refusal("ERROR_CORE", f"Элемент списка с XML_ID={codes[-1]} уже существует.<br>")
    return [str(one.get("VALUE", "")) for one in rows]


def _administrator(call: Call) -> None:
    if not call.admin:
        raise Refusal("", "Access denied.")


def _add(call: Call, kind: CardKind) -> int:
    _administrator(call)
    if not isinstance(call.get("fields"), dict):
        raise Refusal("", "Parameter 'fields' must be array.")
    return _read_definition(call, kind, call.mapping("fields"))


def _find(call: Call, kind: CardKind) -> FieldSpec:
    _administrator(call)
    number = call.number("id", Refusal("", "ID is not defined or invalid."))
    found = call.base.fields.get(number)
    if found is None:
        raise Refusal("ERROR_NOT_FOUND", f"The entity with ID '{number}' is not found.")
    if found.card != kind:
        raise Refusal("", "Access denied.")
    return found


def _get(call: Call, kind: CardKind) -> dict[str, Any]:
    spec = _find(call, kind)
    return _row(spec) | _all_labels(spec)


def _change(call: Call, kind: CardKind) -> bool:
    spec = _find(call, kind)
    if not isinstance(call.get("fields"), dict):
        raise Refusal("", "Parameter 'fields' must be array.")
    fields = call.mapping("fields")
    more = _kept(fields)
    if isinstance(more.get("SETTINGS"), dict):
        more["SETTINGS"] = {**spec.more.get("SETTINGS", {}), **more["SETTINGS"]}
    choices = _changed_choices(call, spec, fields)
    call.base.change_field(spec.id, by=call.user, title=_title(fields) or None, choices=choices, more=more)
    return True


def _changed_choices(call: Call, spec: FieldSpec, fields: dict[str, Any]) -> dict[int, str] | None:
    """The list after an update: rows with ID change or, with DEL=Y, go; rows without one are added."""
    listed = fields.get("LIST")
    if spec.type != "choice" or not listed:
        return None
    choices = dict(spec.choices)
    for row in listed.values() if isinstance(listed, dict) else listed:
        number = int(row.get("ID") or 0)
        if row.get("DEL") == "Y":
            choices.pop(number, None)
        else:
            choices[number if number in choices else call.base.new_id("choice")] = str(row.get("VALUE", ""))
    return choices


def _delete(call: Call, kind: CardKind) -> bool:
    call.base.delete_field(_find(call, kind).id, by=call.user)
    return True


def _register(kind: CardKind) -> None:
    method(f"crm.{kind}.userfield.list")(lambda call: _list(call, kind))
    method(f"crm.{kind}.userfield.get")(lambda call: _get(call, kind))
    method(f"crm.{kind}.userfield.add", writes=True)(lambda call: _add(call, kind))
    method(f"crm.{kind}.userfield.update", writes=True)(lambda call: _change(call, kind))
    method(f"crm.{kind}.userfield.delete", writes=True)(lambda call: _delete(call, kind))


_register("company")
_register("contact")
_register("deal")
_ENTITIES: dict[str, CardKind] = {"CRM_DEAL": "deal", "CRM_CONTACT": "contact", "CRM_COMPANY": "company"}


@method("userfieldconfig.add", writes=True)
def config_add(call: Call) -> dict[str, Any]:
    """The universal way to make a field; its names are camelCase, its name must begin with UF_CRM_."""
    if call.get("moduleId") != "crm" or not isinstance(call.get("field"), dict):
        raise Refusal("100", "Could not find value for parameter {field}")
    _administrator(call)
    field = call.mapping("field")
    kind = _ENTITIES.get(str(field.get("entityId")))
    if kind is None:
        raise Refusal("", "Access denied.")
    if not str(field.get("fieldName") or "UF_CRM_").startswith("UF_CRM_"):
        raise Refusal("", "You cannot create custom fields.")
    upper = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper(): value for name, value in field.items()}
    upper |= {"LIST": [{"VALUE": one.get("value")} for one in field.get("enum") or []]}
    spec = call.base.fields[_read_definition(call, kind, upper)]
    row = _row(spec)
    told = {_camel(name): value for name, value in row.items() if name != "LIST"}
    labels = {_camel(name): value for name, value in _all_labels(spec).items()}
    choices = [{"id": one["ID"], "userFieldId": row["ID"], "value": one["VALUE"]} for one in row.get("LIST", [])]
    return {"field": {**told, "languageId": {"en": "en", "ru": "ru"}, **labels, "enum": choices}}


def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)
