"""`crm.requisite.*`: requisites of companies and contacts, the INN among them (facts/bitrix24.md 4.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import KINDS
from connector.sandbox.bitrix24.query import Column, as_rows, run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.papers import Requisite

TYPE_IDS = {kind: number for number, kind in KINDS.items()}
RQ_FIELDS = [
    *("RQ_NAME", "RQ_FIRST_NAME", "RQ_LAST_NAME", "RQ_SECOND_NAME", "RQ_COMPANY_NAME", "RQ_COMPANY_FULL_NAME"),
    *("RQ_COMPANY_REG_DATE", "RQ_DIRECTOR", "RQ_ACCOUNTANT", "RQ_CONTACT", "RQ_EMAIL", "RQ_PHONE", "RQ_FAX"),
    *("RQ_INN", "RQ_KPP", "RQ_IFNS", "RQ_OGRN", "RQ_OGRNIP", "RQ_OKPO", "RQ_OKTMO", "RQ_OKVED"),
]
PRESETS = [(1, "Организация"), (2, "ИП"), (3, "Физ. лицо")]
"""Templates of requisites; the portal's country is Russia."""
_COUNTRY = "1"


def _rq(name: str) -> Callable[[Any], Any]:
    return lambda one: one.fields.get(name)


COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one.id),
    "ENTITY_TYPE_ID": Column("int", lambda one: TYPE_IDS[one.card[0]]),
    "ENTITY_ID": Column("int", lambda one: one.card[1]),
    "PRESET_ID": Column("int", lambda one: one.preset),
    "DATE_CREATE": Column("moment", lambda one: one.created),
    "DATE_MODIFY": Column("moment", lambda one: one.updated if one.updated != one.created else None),
    "CREATED_BY_ID": Column("int", lambda _: 1),
    "MODIFY_BY_ID": Column("int", lambda one: 1 if one.updated != one.created else None),
    "NAME": Column("text", lambda one: one.name),
    "CODE": Column("text", lambda _: None),
    "XML_ID": Column("text", lambda _: None),
    "ORIGINATOR_ID": Column("text", lambda _: None),
    "ACTIVE": Column("flag", lambda _: True),
    "ADDRESS_ONLY": Column("flag", lambda _: False),
    "SORT": Column("int", lambda _: 500),
    **{name: Column("text", _rq(name)) for name in RQ_FIELDS},
}


def _find(call: Call) -> Requisite:
    number = call.number("id", Refusal("", "ID is not defined or invalid."))
    found = call.base.requisites.get(number)
    if found is None or found.deleted:
        raise Refusal("", f"The Requisite with ID '{number}' is not found")
    return found


@method("crm.requisite.list")
def requisite_list(call: Call) -> Answer:
    """Requisites by filter; a column that does not exist is refused with the code 0, a number."""
    piles = call.base.requisites

    def rows(after: int) -> list[Requisite]:
        return [one for number, one in piles.items() if number > after and not one.deleted]

    try:
        return run(call, COLUMNS, rows, as_rows(call, COLUMNS), id_name="ID")
    except Refusal as refusal:
        raise Refusal(0, refusal.text) from refusal


@method("crm.requisite.get")
def requisite_get(call: Call) -> dict[str, Any]:
    """One set of requisites."""
    return as_rows(call, COLUMNS)(_find(call), list(COLUMNS))


@method("crm.requisite.fields")
def requisite_fields(call: Call) -> dict[str, Any]:
    """What fields requisites have."""
    del call
    types = {"int": "integer", "moment": "datetime", "flag": "char"}
    return {
        name: {
            "type": types.get(column.type, "string"),
            "isRequired": name in ("ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "NAME"),
            "isReadOnly": name in ("ID", "DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID"),
            "isImmutable": name in ("ENTITY_TYPE_ID", "ENTITY_ID"),
            "isMultiple": False,
            "isDynamic": False,
            "title": name,
        }
        for name, column in COLUMNS.items()
    }


@method("crm.requisite.add", writes=True)
def requisite_add(call: Call) -> int:
    """New requisites of a company or contact."""
    fields = call.mapping("fields")
    kind = KINDS.get(_int(fields.get("ENTITY_TYPE_ID")))
    if kind not in ("company", "contact"):
        raise Refusal("", "ENTITY_TYPE_ID is not defined or invalid.")
    if not fields.get("NAME"):
        raise Refusal("", "NAME is not defined or empty.")
    preset = _int(fields.get("PRESET_ID"))
    if preset not in dict(PRESETS):
        raise Refusal("", "PRESET_ID is not defined or invalid.")
    given = {name: str(raw) for name, raw in fields.items() if name in RQ_FIELDS}
    card = (kind, _int(fields.get("ENTITY_ID")))
    if card[1] < 1:
        raise Refusal("", "ENTITY_ID is not defined or invalid.")
    try:
        return call.base.add_requisite(card, str(fields["NAME"]), given, preset=preset, by=call.user).id
    except UnknownRecord as error:
        raise Refusal("", "Entity not found.") from error


@method("crm.requisite.update", writes=True)
def requisite_update(call: Call) -> bool:
    """Change requisites."""
    found, fields = _find(call), call.mapping("fields")
    given = {name: "" if raw is None else str(raw) for name, raw in fields.items() if name in RQ_FIELDS}
    call.base.update_requisite(found.id, by=call.user, name=str(fields.get("NAME") or found.name), fields=given)
    return True


@method("crm.requisite.delete", writes=True)
def requisite_delete(call: Call) -> bool:
    """Delete requisites."""
    call.base.delete_requisite(_find(call).id, by=call.user)
    return True


_PRESET_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one[0]),
    "ENTITY_TYPE_ID": Column("int", lambda _: 8),
    "COUNTRY_ID": Column("int", lambda _: int(_COUNTRY)),
    "DATE_CREATE": Column("moment", lambda _: None),
    "DATE_MODIFY": Column("moment", lambda _: None),
    "CREATED_BY_ID": Column("int", lambda _: 1),
    "MODIFY_BY_ID": Column("int", lambda _: None),
    "NAME": Column("text", lambda one: one[1]),
    "XML_ID": Column("text", lambda one: f"#CRM_REQUISITE_PRESET_{one[0]}#"),
    "ACTIVE": Column("flag", lambda _: True),
    "SORT": Column("int", lambda one: 490 + 10 * one[0]),
}


@method("crm.requisite.preset.list")
def preset_list(call: Call) -> Answer:
    """Templates of requisites."""
    rows = as_rows(call, _PRESET_COLUMNS)
    return run(call, _PRESET_COLUMNS, lambda after: [one for one in PRESETS if one[0] > after], rows, id_name="ID")


@method("crm.requisite.preset.get")
def preset_get(call: Call) -> dict[str, Any]:
    """One template."""
    number = call.number("id", Refusal("", "ID is not defined or invalid."))
    found = next((one for one in PRESETS if one[0] == number), None)
    if found is None:
        raise Refusal("", f"The Preset with ID '{number}' is not found")
    return as_rows(call, _PRESET_COLUMNS)(found, list(_PRESET_COLUMNS))


def _int(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0
