"""The definitions of custom fields: read in pages of 50, made, renamed, removed over the API (facts/amocrm.md 4.5)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account
from connector.sandbox.amocrm.answers import hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.face import Face, asked_query, sent_array, sent_object
from connector.sandbox.amocrm.fields import NEUTRAL, WHOLE, Field, field_of, fields_of
from connector.sandbox.amocrm.problems import Flaw, Problem, missing, not_supported
from connector.sandbox.records import CardKind, FieldSpec


def add_field_definitions(face: Face) -> None:
    """Hang up the calls about custom fields."""
    keeper = _Keeper(face.account)
    for plural in PLURAL.values():
        path = f"{plural}/custom_fields"
        face.on("GET", path, lambda plural=plural: keeper.several(KIND_OF[plural]))
        face.on("POST", path, lambda plural=plural: keeper.create(KIND_OF[plural]), admin=True)
        face.on("PATCH", path, lambda plural=plural: keeper.change_many(KIND_OF[plural]), admin=True)
        one = f"{path}/<int:number>"
        face.on("GET", one, lambda number, plural=plural: keeper.one(KIND_OF[plural], number))
        face.on("PATCH", one, lambda number, plural=plural: keeper.change(KIND_OF[plural], number), admin=True)
        face.on("DELETE", one, lambda number, plural=plural: keeper.remove(KIND_OF[plural], number), admin=True)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def several(self, kind: CardKind) -> Response:
        """A page of definitions, 50 unless asked otherwise."""
        query = asked_query()
        types = query.many("filter", "type")
        with self._base.lock:
            rows = [one for one in fields_of(self._account, kind) if types is None or one.type in types]
            _, descending = query.order(("sort", "id")) or ("sort", False)
            rows = rows[::-1] if descending else rows
            return page_of(self._account, query, "custom_fields", rows, self._shown, counted=True)

    def one(self, kind: CardKind, number: int) -> Response:
        """One definition."""
        return hal(self._shown(self._known(kind, number)))

    def create(self, kind: CardKind) -> Response:
        """New fields: 201 with full models."""
        sent = sent_array(self._account)
        taken = {field.code for field in fields_of(self._account, kind)}
        judged(sent, lambda one: self._judge(one, taken))
        rows = []
        for number, one in enumerate(sent):
            choices = [str(enum.get("value")) for enum in one.get("enums") or ()]
            multiple = one["type"] == "multiselect" or one["type"] in WHOLE
            code = str(one.get("code") or f"FIELD_{self._base.new_id('nameless field')}")
            made = self._base.define_field(
                kind,
                code,
                one["name"],
                NEUTRAL[one["type"]],
                choices or None,
                api_only=bool(one.get("is_api_only")),
                multiple=multiple,
            )
            self._account.kept.group_of[made.id] = str(one.get("group_id") or "default")
            self._account.kept.field_types[made.id] = one["type"]
            shown = self._shown(field_of(self._account, made))
            rows.append({**shown, "request_id": str(one.get("request_id", number))})
        return written(self._account, f"{PLURAL[kind]}/custom_fields", "custom_fields", rows, 201)

    def change_many(self, kind: CardKind) -> Response:
        """Renames several fields, each with its `id`: 201 as well."""
        sent = sent_array(self._account)
        rows = [self._rename(self._known(kind, one.get("id")), one) for one in sent]
        return written(self._account, f"{PLURAL[kind]}/custom_fields", "custom_fields", rows, 201)

    def change(self, kind: CardKind, number: int) -> Response:
        """Renames one field."""
        return hal(self._rename(self._known(kind, number), sent_object()), 201)

    def remove(self, kind: CardKind, number: int) -> Response:
        """Removes a field; its values are lost."""
        spec = self._known(kind, number).spec
        if spec is None:
            raise Problem(403, "This field can not be deleted")
        with self._base.editing():
            del self._base.fields[spec.id]
            for card in self._account.pile(kind).values():
                card.fields.pop(spec.code, None)
        return nothing()

    def _known(self, kind: CardKind, number: Any) -> Field:
        found = next((one for one in fields_of(self._account, kind) if one.id == number), None)
        if found is None:
            raise Problem(404, "Field is not found")
        return found

    def _judge(self, sent: dict[str, Any], taken: set[str]) -> None:
        for name in ("name", "type"):
            if not isinstance(sent.get(name), str) or not sent[name]:
                raise missing(name)
        if sent["type"] not in NEUTRAL:
            raise not_supported("type")
        code = str(sent.get("code") or "").upper()
        if code in taken:
            raise Flaw("NotUnique", "code", "This value is already used.")
        if code:
            taken.add(code)

    def _rename(self, field: Field, sent: dict[str, Any]) -> dict[str, Any]:
        if field.spec:
            with self._base.editing():
                field.spec.title = str(sent.get("name") or field.spec.title)
                field.spec.api_only = bool(sent.get("is_api_only", field.spec.api_only))
                if isinstance(sent.get("enums"), list):
                    self._change_choices(field.spec, sent["enums"])
                if "group_id" in sent:
                    self._account.kept.group_of[field.id] = str(sent["group_id"])
            field = field_of(self._account, field.spec)
        return self._shown(field)

    def _change_choices(self, spec: FieldSpec, enums: list[dict[str, Any]]) -> None:
        """Only choices sent with their ids keep them; the values that pointed at others are lost."""
        kept = {one["id"]: str(one["value"]) for one in enums if one.get("id") in spec.choices}
        made = {self._base.new_id("choice"): str(one["value"]) for one in enums if one.get("id") not in spec.choices}
        self._base.change_field(spec.id, by=self._account.token_user, choices=kept | made)

    def _shown(self, field: Field) -> dict[str, Any]:
        enums = [
            {"id": number, "value": value, "sort": place * 10, "code": None}
            for place, (number, value) in enumerate(field.choices.items())
        ]
        return {
            "id": field.id,
            "name": field.name,
            "type": field.type,
            "account_id": self._account.id,
            "code": field.code,
            "sort": field.id,
            "is_api_only": bool(field.spec and field.spec.api_only),
            "enums": enums or None,
            "group_id": self._account.kept.group_of.get(field.id, "default"),
            "required_statuses": [],
            "hidden_statuses": [],
            "is_deletable": field.spec is not None,
            "is_predefined": field.spec is None,
            "is_computed": False,
            "entity_type": PLURAL[field.card],
            "tracking_callback": None,
            "remind": None,
            "chained_lists": None,
            "nested": None,
            "search_in": None,
            "currency": None,
            "_links": self._account.link(f"{PLURAL[field.card]}/custom_fields/{field.id}"),
        }
