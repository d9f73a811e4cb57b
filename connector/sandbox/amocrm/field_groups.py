"""Groups of custom fields: the predefined ones, and those made over the API (facts/amocrm.md 4.5)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account
from connector.sandbox.amocrm.answers import Body, hal, nothing
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.catalogs import PRODUCTS
from connector.sandbox.amocrm.face import Face, sent_array, sent_object
from connector.sandbox.amocrm.fields import fields_of
from connector.sandbox.amocrm.problems import Problem, missing

PREDEFINED = (
    ("default", "Основное", "custom_field_group"),
    (str(PRODUCTS), "Товары", "linked_group"),
    ("statistic", "Статистика", "linked_group"),
)
"""Id, name and type of the groups that every kind of card has."""


def add_field_groups(face: Face) -> None:
    """Hang up the calls about groups of fields."""
    keeper = _Keeper(face.account)
    for plural in PLURAL.values():
        path = f"{plural}/custom_fields/groups"
        face.on("GET", path, lambda plural=plural: keeper.several(plural))
        face.on("POST", path, lambda plural=plural: keeper.create(plural), admin=True)
        one = f"{path}/<string:name>"
        face.on("GET", one, lambda name, plural=plural: hal(keeper.known(plural, name)))
        face.on("PATCH", one, lambda name, plural=plural: keeper.change(plural, name), admin=True)
        face.on("DELETE", one, lambda name, plural=plural: keeper.remove(plural, name), admin=True)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self, plural: str) -> Response:
        """All groups; this list has no pages."""
        rows = self._all(plural)
        return hal({"_total_items": len(rows), "_embedded": {"custom_field_groups": rows}})

    def known(self, plural: str, name: str) -> Body:
        """One group. Raises Problem: 404."""
        for one in self._all(plural):
            if one["id"] == name:
                return one
        raise Problem(404, "Group is not found")

    def create(self, plural: str) -> Response:
        """New groups: 201 with full models."""
        sent, rows = sent_array(self._account), []
        judged(sent, _judge)
        for place, one in enumerate(sent):
            name = f"{plural}_{2_974_000 + self._account.base.new_id('field group')}"
            told = {"name": str(one["name"]), "sort": int(one.get("sort") or 0)}
            self._account.kept.field_groups[plural, name] = told
            self._put(plural, name, one.get("fields"))
            rows.append({**self.known(plural, name), "request_id": str(one.get("request_id", place))})
        return hal({"_total_items": len(rows), "_embedded": {"custom_field_groups": rows}}, 201)

    def change(self, plural: str, name: str) -> Response:
        """Another name, another place, other fields."""
        self.known(plural, name)
        sent, told = sent_object(), self._account.kept.field_groups.get((plural, name))
        if told is not None:
            told |= {key: sent[key] for key in ("name", "sort") if key in sent}
        self._put(plural, name, sent.get("fields"))
        return hal(self.known(plural, name))

    def remove(self, plural: str, name: str) -> Response:
        """Remove a group; its fields go to the first one."""
        self.known(plural, name)
        if (plural, name) not in self._account.kept.field_groups:
            raise Problem(403, "This group can not be deleted")
        del self._account.kept.field_groups[plural, name]
        for field, group in self._account.kept.group_of.items():
            if group == name:
                self._account.kept.group_of[field] = PREDEFINED[0][0]
        return nothing()

    def _put(self, plural: str, name: str, numbers: Any) -> None:
        """Put fields into a group, in the order given."""
        known = {field.id for field in fields_of(self._account, KIND_OF[plural])}
        for number in numbers or ():
            if number not in known:
                raise Problem(400, f"Field {number} is not found")
            self._account.kept.group_of[number] = name

    def _all(self, plural: str) -> list[Body]:
        rows: list[Body] = [
            {"id": name, "name": title, "is_predefined": True, "type": kind, "sort": place}
            for place, (name, title, kind) in enumerate(PREDEFINED)
        ]
        for (of, name), told in self._account.kept.field_groups.items():
            if of == plural:
                rows.append({"id": name, "is_predefined": False, "type": PREDEFINED[0][2], **told})
        return [self._shown(plural, row) for row in sorted(rows, key=lambda row: int(row["sort"]))]

    def _shown(self, plural: str, row: Body) -> Body:
        group_of = self._account.kept.group_of
        fields = [
            field.id
            for field in fields_of(self._account, KIND_OF[plural])
            if group_of.get(field.id, PREDEFINED[0][0]) == row["id"]
        ]
        links = self._account.link(f"{plural}/custom_fields/groups/{row['id']}")
        return {**row, "entity_type": plural, "fields": fields, "_links": links}


def _judge(sent: dict[str, Any]) -> None:
    if not sent.get("name"):
        raise missing("name")
