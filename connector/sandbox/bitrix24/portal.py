"""The portal itself: users, departments, calendar, time, rights, notes, user fields (facts/bitrix24.md 5, 6.8, 8)."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.bitrix24.call import METHODS, Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import UF_TYPES
from connector.sandbox.bitrix24.query import Column, run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import CardKind, Comment, FieldSpec, FieldType, User

SCOPES = ["crm", "task", "user_brief", "department", "im", "calendar"]
_FIELD_TYPES: dict[str, FieldType] = {
    "string": "text",
    "integer": "number",
    "double": "number",
    "date": "date",
    "datetime": "date",
    "enumeration": "choice",
    "boolean": "flag",
}


def _user(user: User) -> dict[str, Any]:
    first, _, last = user.name.partition(" ")
    return {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": first,
        "LAST_NAME": last,
        "SECOND_NAME": "",
        "EMAIL": user.email,
        "TIME_ZONE": user.zone,
        "IS_ONLINE": "N",
        "UF_DEPARTMENT": [user.department],
        "USER_TYPE": "employee",
    }


_USER_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda user: user.id),
    "ACTIVE": Column("flag", lambda user: user.active),
    "NAME": Column("text", lambda user: user.name.partition(" ")[0]),
    "LAST_NAME": Column("text", lambda user: user.name.partition(" ")[2]),
    "EMAIL": Column("text", lambda user: user.email),
    "UF_DEPARTMENT": Column("ints", lambda user: [user.department]),
    "USER_TYPE": Column("text", lambda _: "employee"),
}


@method("user.get")
def user_get(call: Call) -> Answer:
    """Employees by FILTER; the dismissed too."""
    filters = call.mapping("FILTER") or call.mapping("filter")
    alone = {name: call.params[name] for name in ("ID", "ACTIVE") if name in call.params}
    params: dict[str, Any] = {"filter": {**filters, **alone}, "start": call.get("start", 0)}
    inner = Call(call.base, call.config, params, call.user)
    return run(inner, _USER_COLUMNS, lambda _: call.base.users.values(), lambda user, _: _user(user), id_name="ID")


@method("user.current")
def user_current(call: Call) -> dict[str, Any]:
    """The user the call is made as."""
    return _user(call.base.users[call.user])


@method("department.get")
def department_get(call: Call) -> Answer:
    """The company's departments."""
    rows = []
    for one in call.base.departments.values():
        row: dict[str, Any] = {"ID": str(one.id), "NAME": one.name, "SORT": 500}
        row |= {"PARENT": str(one.parent)} if one.parent else {}
        row |= {"UF_HEAD": str(one.head)} if one.head else {}
        wanted = call.get("ID")
        if wanted is None or str(wanted) == row["ID"]:
            rows.append(row)
    return Answer(rows, total=len(rows))


@method("calendar.settings.get")
def calendar_settings(call: Call) -> dict[str, Any]:
    """Working hours, week-ends and feasts of the portal."""
    del call
    return {
        "work_time_start": "9",
        "work_time_end": "18",
        "year_holidays": "1.01,2.01,3.01,4.01,5.01,6.01,7.01,8.01,23.02,8.03,1.05,9.05,12.06,4.11",
        "year_workdays": "",
        "week_holidays": ["SA", "SU"],
        "week_start": "MO",
    }


@method("server.time")
def server_time(call: Call) -> str:
    """The portal's time with its offset."""
    return call.told(call.base.clock.now())


@method("scope")
def scope(call: Call) -> list[str]:
    """The scopes of this webhook."""
    del call
    return SCOPES


@method("methods")
def methods(call: Call) -> list[str]:
    """The names of all methods."""
    del call
    return sorted([*METHODS, "batch"])


@method("feature.get")
def feature_get(call: Call) -> dict[str, str]:
    """Whether the plan has a feature."""
    if not call.get("CODE"):
        raise Refusal("CODE_EMPTY", "Parameter CODE is empty")
    return {"value": "N"}


@method("app.info")
def application(call: Call) -> dict[str, Any]:
    """What a webhook may learn of itself."""
    del call
    return {"SCOPE": SCOPES, "LICENSE": "ru_std"}


@method("crm.timeline.comment.add", writes=True)
def comment_add(call: Call) -> int:
    """A comment in a card's timeline."""
    fields = call.mapping("fields")
    kind, text = str(fields.get("ENTITY_TYPE", "")).lower(), fields.get("COMMENT")
    if not text:
        raise Refusal("", "Empty comment message")
    kinds: dict[str, CardKind] = {"deal": "deal", "contact": "contact", "company": "company"}
    try:
        made = call.base.add_comment(kinds[kind], int(fields.get("ENTITY_ID") or 0), str(text), by=call.user)
    except (KeyError, TypeError, ValueError, UnknownRecord) as error:
        raise Refusal("", "No ENTITY_ID or ENTITY_TYPE") from error
    return made.id


@method("crm.timeline.comment.list")
def comment_list(call: Call) -> Answer:
    """Comments of one card; ENTITY_TYPE and ENTITY_ID are mandatory in the filter."""
    filters = call.mapping("filter")
    kind, of = str(filters.pop("ENTITY_TYPE", "")).lower(), filters.pop("ENTITY_ID", None)
    if kind not in ("deal", "contact", "company") or not of:
        raise Refusal("", "Filter by ENTITY_TYPE and ENTITY_ID is required")
    found = [one for one in call.base.comments.values() if one.card == (kind, int(of))]
    inner = Call(call.base, call.config, {**call.params, "filter": filters}, call.user)

    def show(one: Comment, names: list[str]) -> dict[str, Any]:
        whole = {
            "ID": str(one.id),
            "ENTITY_ID": one.card[1],
            "ENTITY_TYPE": kind,
            "CREATED": call.told(one.at),
            "COMMENT": one.text,
            "AUTHOR_ID": str(one.by),
        }
        return {name: whole[name] for name in dict.fromkeys(names) if name in whole}

    return run(inner, _COMMENT_COLUMNS, lambda _: found, show, id_name="ID")


_COMMENT_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one.id),
    "ENTITY_ID": Column("int", lambda one: one.card[1], filterable=False),
    "ENTITY_TYPE": Column("text", lambda one: one.card[0], filterable=False),
    "CREATED": Column("moment", lambda one: one.at),
    "COMMENT": Column("text", lambda one: one.text),
    "AUTHOR_ID": Column("int", lambda one: one.by),
}


def _notify(call: Call) -> int:
    try:
        user = int(call.get("USER_ID") or call.get("TO") or 0)
    except (TypeError, ValueError):
        user = 0
    if user not in call.base.users:
        raise Refusal("USER_ID_EMPTY", "User ID can't be empty")
    if not call.get("MESSAGE"):
        raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
    tag = call.get("TAG")
    if tag and not call.get("CLIENT_ID"):
        raise Refusal("WRONG_AUTH_TYPE", "TAG through a webhook needs CLIENT_ID", 403)
    return call.base.notify(user, str(call.get("MESSAGE")), tag=str(tag or "")).id


method("im.notify.system.add", writes=True)(_notify)
method("im.notify.personal.add", writes=True)(_notify)


def _field_row(spec: FieldSpec, language: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": str(spec.id),
        "ENTITY_ID": f"CRM_{spec.card.upper()}",
        "FIELD_NAME": f"UF_CRM_{spec.code.upper()}",
        "USER_TYPE_ID": UF_TYPES[spec.type],
        "XML_ID": None,
        "SORT": "100",
        "MULTIPLE": "N",
        "MANDATORY": "N",
        "SHOW_FILTER": "N",
        "EDIT_IN_LIST": "Y",
        "SETTINGS": {},
    }
    if language:
        row["EDIT_FORM_LABEL"] = row["LIST_COLUMN_LABEL"] = spec.title
    if spec.type == "choice":
        row["LIST"] = [
            {"ID": str(key), "SORT": str(place * 10), "VALUE": text, "DEF": "N", "XML_ID": f"x{key}"}
            for place, (key, text) in enumerate(spec.choices.items(), start=1)
        ]
    return row


def _field_list(call: Call, kind: CardKind) -> Answer:
    filters = call.mapping("filter")
    rows = [_field_row(spec, str(filters.get("LANG", ""))) for spec in call.base.field_specs(kind).values()]
    wanted = {key: str(value) for key, value in filters.items() if key in ("FIELD_NAME", "USER_TYPE_ID", "ID")}
    rows = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return Answer(rows, total=len(rows))


def _field_add(call: Call, kind: CardKind) -> int:
    fields = call.mapping("fields")
    for name in ("USER_TYPE_ID", "FIELD_NAME"):
        if not fields.get(name):
            raise Refusal("", f"The '{name}' field is not found.")
    code = re.sub(r"^(UF_CRM_|UF_)", "", str(fields["FIELD_NAME"]).upper())
    type_ = _FIELD_TYPES.get(str(fields["USER_TYPE_ID"]))
    if type_ is None or not re.fullmatch(r"[A-Z0-9_]{1,43}", code):
        raise Refusal("ERROR_CORE", f"Поле UF_CRM_{code} названо неверно или его тип неизвестен<br>")
    if call.base.users[call.user].role != "admin":
        raise Refusal("", "Access denied.")
    listed = fields.get("LIST") or []
    choices = [str(one.get("VALUE", "")) for one in (listed.values() if isinstance(listed, dict) else listed)]
    label = fields.get("EDIT_FORM_LABEL")
    title = (label.get("ru") if isinstance(label, dict) else label) or fields.get("LABEL") or code
    try:
        return call.base.define_field(kind, code.lower(), str(title), type_, choices).id
    except ValueError as error:
        raise Refusal("ERROR_CORE", f"Поле UF_CRM_{code} уже существует<br>") from error


def _register_fields(kind: CardKind) -> None:
    method(f"crm.{kind}.userfield.list")(lambda call: _field_list(call, kind))
    method(f"crm.{kind}.userfield.add", writes=True)(lambda call: _field_add(call, kind))


_register_fields("company")
_register_fields("contact")
_register_fields("deal")
