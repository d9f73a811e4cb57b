"""Words in a card's timeline: comments, log messages, their icons (facts/bitrix24.md 6.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.columns import KINDS
from connector.sandbox.bitrix24.layouts import ICONS, LOGOS
from connector.sandbox.bitrix24.query import Column, run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import CardKind, Comment

_KINDS: dict[str, CardKind] = {"deal": "deal", "contact": "contact", "company": "company"}


def _missing(name: str) -> Refusal:
    return Refusal("100", f"Could not find value for parameter {{{name}}}")


@method("crm.timeline.comment.add", writes=True)
def comment_add(call: Call) -> int:
    """A comment in a card's timeline."""
    fields = call.mapping("fields")
    for name in ("ENTITY_ID", "ENTITY_TYPE"):
        if not fields.get(name):
            raise _missing(name)
    text = str(fields.get("COMMENT") or "")
    if not text:
        raise Refusal("INVALID_ARG_VALUE", "Empty comment message")
    try:
        kind = _KINDS[str(fields["ENTITY_TYPE"]).lower()]
        return call.base.add_comment(kind, int(fields["ENTITY_ID"]), text, by=call.user).id
    except (KeyError, TypeError, ValueError, UnknownRecord) as error:
        raise Refusal("OWNER_NOT_FOUND", "Owner was not found") from error


@method("crm.timeline.comment.update", writes=True)
def comment_update(call: Call) -> int:
    """Another text for a comment."""
    fields = call.mapping("fields")
    if not fields:
        raise _missing("fields")
    if not fields.get("COMMENT"):
        raise Refusal("INVALID_ARG_VALUE", "Empty comment message")
    number = call.number("id", _missing("id"))
    try:
        return call.base.change_comment(number, str(fields["COMMENT"]), by=call.user).id
    except UnknownRecord as error:
        raise Refusal("NOT_FOUND", "Not found") from error


@method("crm.timeline.comment.delete", writes=True)
def comment_delete(call: Call) -> bool:
    """Delete a comment."""
    try:
        call.base.delete_comment(call.number("id", _missing("id")), by=call.user)
    except UnknownRecord as error:
        raise Refusal("NOT_FOUND", "Not found") from error
    return True


def _whole(call: Call, one: Comment) -> dict[str, Any]:
    return {
        "ID": str(one.id),
        "ENTITY_ID": one.card[1],
        "ENTITY_TYPE": one.card[0],
        "CREATED": call.told(one.at),
        "COMMENT": one.text,
        "AUTHOR_ID": str(one.by),
    }


@method("crm.timeline.comment.get")
def comment_get(call: Call) -> dict[str, Any]:
    """One comment."""
    number = call.number("id", Refusal("", "ID is not defined or invalid."))
    if number not in call.base.comments:
        raise Refusal("", "Not found.")
    one = call.base.comments[number]
    return _whole(call, one) | {"ENTITY_ID": str(one.card[1])}


@method("crm.timeline.comment.list")
def comment_list(call: Call) -> Answer:
    """Comments of one card; ENTITY_TYPE and ENTITY_ID are mandatory in the filter."""
    filters = call.mapping("filter")
    kind, of = str(filters.pop("ENTITY_TYPE", "")).lower(), filters.pop("ENTITY_ID", None)
    if kind not in ("deal", "contact", "company") or not of:
        raise Refusal("", "Filter by ENTITY_TYPE and ENTITY_ID is required")
    found = [one for one in call.base.comments.values() if one.card == (kind, int(of))]
    inner = replace(call, params={**call.params, "filter": filters})

    def show(one: Comment, names: list[str]) -> dict[str, Any]:
        whole = _whole(call, one)
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


@method("crm.timeline.logmessage.add", writes=True)
def log_add(call: Call) -> dict[str, Any]:
    """A passive line in the timeline of a card; kept here as a comment under its title."""
    fields = call.mapping("fields")
    for name in ("entityTypeId", "entityId", "title", "text", "iconCode"):
        if not fields.get(name):
            raise _missing(name)
    if fields["iconCode"] not in ICONS:
        raise Refusal("0", f"Icon `{fields['iconCode']}` is not found")
    try:
        kind, number = KINDS[int(fields["entityTypeId"])], int(fields["entityId"])
        made = call.base.add_comment(kind, number, f"{fields['title']}: {fields['text']}", by=call.user)
    except (KeyError, TypeError, ValueError, UnknownRecord) as error:
        raise Refusal("OWNER_NOT_FOUND", "Owner was not found") from error
    told = {
        "id": made.id,
        "created": call.told(made.at),
        "authorId": made.by,
        "title": str(fields["title"]),
        "text": str(fields["text"]),
        "iconCode": fields["iconCode"],
    }
    return {"logMessage": told}


def _codes(codes: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"code": code, "isSystem": True, "fileUri": ""} for code in codes]


@method("crm.timeline.icon.list")
def icon_list(call: Call) -> Answer:
    """The icons of a timeline entry."""
    del call
    return Answer({"icons": _codes(ICONS)}, total=len(ICONS))


@method("crm.timeline.logo.list")
def logo_list(call: Call) -> Answer:
    """The logos of a timeline entry."""
    del call
    return Answer({"logos": _codes(LOGOS)}, total=len(LOGOS))
