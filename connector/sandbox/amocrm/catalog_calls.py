"""The calls about lists and their elements (facts/amocrm.md 4.7)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import Account, unix
from connector.sandbox.amocrm.answers import Body, hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.catalogs import (
    PRODUCTS,
    add_element,
    all_catalogs,
    change_element,
    elements_of,
    known_catalog,
)
from connector.sandbox.amocrm.face import Face, asked_query, sent_array, sent_object
from connector.sandbox.amocrm.kept import Catalog, Element
from connector.sandbox.amocrm.problems import Problem, missing, wrong_type

MOST_CATALOGS = 10
FIELDS = {"SKU": (271_207, "Артикул", "text"), "PRICE": (271_211, "Цена", "price")}
"""Fields of a product by code: id, name, type."""


def add_catalogs(face: Face) -> None:
    """Hang up the calls about lists."""
    keeper = _Keeper(face.account)
    face.on("GET", "catalogs", keeper.several)
    face.on("POST", "catalogs", keeper.create, admin=True)
    face.on("GET", "catalogs/<int:number>", keeper.one)
    path = "catalogs/<int:number>/elements"
    face.on("GET", path, keeper.elements)
    face.on("POST", path, keeper.add_elements)
    face.on("PATCH", path, keeper.change_elements)
    face.on("GET", f"{path}/<int:element>", keeper.element)
    face.on("PATCH", f"{path}/<int:element>", keeper.change_element)
    face.on("GET", "catalogs/<int:number>/custom_fields", keeper.fields)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self) -> Response:
        """A page of lists."""
        self._allowed()
        query = asked_query()
        kind = query.one("filter", "type")
        rows = [one for one in all_catalogs(self._account) if kind in (None, one.type)]
        return page_of(self._account, query, "catalogs", rows, self._shown)

    def one(self, number: int) -> Response:
        """One list."""
        self._allowed()
        return hal(self._shown(known_catalog(self._account, number)))

    def create(self) -> Response:
        """New lists; there is never a second one of products."""
        sent, rows = sent_array(self._account), []
        judged(sent, self._judge)
        for place, one in enumerate(sent):
            kind = one.get("type", "regular")
            taken = any(known.type == "products" for known in all_catalogs(self._account))
            if (kind == "products" and taken) or len(all_catalogs(self._account)) >= MOST_CATALOGS:
                raise Problem(400, "No more such lists")
            made = Catalog(
                id=PRODUCTS + self._account.base.new_id("catalog"),
                name=str(one["name"]),
                type=kind,
                created=self._account.base.clock.now(),
                by=self._account.token_user,
            )
            self._account.kept.catalogs[made.id] = made
            rows.append({**self._shown(made), "request_id": str(one.get("request_id", place))})
        return written(self._account, "catalogs", "catalogs", rows)

    def elements(self, number: int) -> Response:
        """A page of a list's elements; these filters are free."""
        self._allowed()
        catalog, query = known_catalog(self._account, number), asked_query()
        ids, words = query.ids("filter", "id"), (query.one("query") or "").lower()
        rows = [
            one
            for one in elements_of(self._account, catalog.id)
            if (ids is None or one.id in ids) and words in f"{one.name} {one.sku}".lower()
        ]
        return page_of(self._account, query, "elements", rows, self._element)

    def element(self, number: int, element: int) -> Response:
        """One element; 204 when there is none."""
        self._allowed()
        found = next((one for one in elements_of(self._account, number) if one.id == element), None)
        return hal(self._element(found)) if found else nothing()

    def add_elements(self, number: int) -> Response:
        """New elements, answered with full models."""
        self._allowed()
        known_catalog(self._account, number)
        sent, rows = sent_array(self._account), []
        plans = judged(sent, lambda one: self._plan(one, new=True))
        for place, (one, plan) in enumerate(zip(sent, plans, strict=True)):
            made = add_element(self._account, number, plan.pop("name"), by=self._account.token_user, **plan)
            rows.append({**self._element(made), "request_id": str(one.get("request_id", place))})
        return written(self._account, f"catalogs/{number}/elements", "elements", rows)

    def change_elements(self, number: int) -> Response:
        """Changes of several elements, each with its `id`."""
        self._allowed()
        sent = sent_array(self._account)
        plans = judged(sent, self._plan)
        rows = [self._changed(number, one.get("id"), plan) for one, plan in zip(sent, plans, strict=True)]
        return written(self._account, f"catalogs/{number}/elements", "elements", rows)

    def change_element(self, number: int, element: int) -> Response:
        """Changes of one element."""
        self._allowed()
        (plan,) = judged([sent_object()], self._plan)
        return hal(self._changed(number, element, plan))

    def fields(self, number: int) -> Response:
        """The fields of a list's elements."""
        self._allowed()
        known_catalog(self._account, number)
        rows = [
            {"id": field, "name": name, "code": code, "type": kind, "entity_type": "catalogs", "catalog_id": number}
            for code, (field, name, kind) in FIELDS.items()
        ]
        return page_of(self._account, asked_query(), "custom_fields", rows, dict, counted=True)

    def _allowed(self) -> None:
        rights = self._account.rights_of(self._account.token_user)
        if not self._account.is_admin(self._account.token_user) and not rights["catalog_access"]:
            raise Problem(403, "Access to catalogs is denied")

    def _judge(self, sent: dict[str, Any]) -> None:
        if not sent.get("name"):
            raise missing("name")
        if sent.get("type", "regular") not in ("regular", "invoices", "products"):
            raise wrong_type("type", "string")

    def _changed(self, catalog: int, number: Any, plan: dict[str, Any]) -> Body:
        return self._element(change_element(self._account, catalog, number, by=self._account.token_user, **plan))

    def _plan(self, sent: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
        if new and not sent.get("name"):
            raise missing("name")
        plan: dict[str, Any] = {"name": str(sent["name"])} if "name" in sent else {}
        if sent.get("is_deleted"):
            plan["deleted"] = True
        for row in sent.get("custom_fields_values") or ():
            values = row.get("values") or [{}]
            code = row.get("field_code") or next(
                (key for key, one in FIELDS.items() if one[0] == row.get("field_id")), ""
            )
            if code == "PRICE":
                plan["price"] = float(values[0].get("value") or 0)
            elif code == "SKU":
                plan["sku"] = str(values[0].get("value") or "")
        return plan

    def _shown(self, one: Catalog) -> Body:
        return {
            "id": one.id,
            "name": one.name,
            "created_by": one.by,
            "updated_by": one.by,
            "created_at": unix(one.created),
            "updated_at": unix(one.created),
            "sort": 10,
            "type": one.type,
            "can_add_elements": True,
            "can_show_in_cards": one.type == "products",
            "can_link_multiple": True,
            "can_be_deleted": one.type != "products",
            "sdk_widget_code": None,
            "account_id": self._account.id,
            "_links": self._account.link(f"catalogs/{one.id}"),
        }

    def _element(self, one: Element) -> Body:
        price = f"{one.price:g}" if one.price else ""
        values = [
            {
                "field_id": FIELDS[code][0],
                "field_name": FIELDS[code][1],
                "field_code": code,
                "field_type": FIELDS[code][2],
                "values": [{"value": value}],
            }
            for code, value in (("SKU", one.sku), ("PRICE", price))
            if value
        ]
        return {
            "id": one.id,
            "name": one.name,
            "created_by": one.by,
            "updated_by": one.by,
            "created_at": unix(one.created),
            "updated_at": unix(one.updated),
            "is_deleted": None,
            "custom_fields_values": values or None,
            "catalog_id": one.catalog,
            "account_id": self._account.id,
            "_links": self._account.link(f"catalogs/{one.catalog}/elements/{one.id}"),
        }
