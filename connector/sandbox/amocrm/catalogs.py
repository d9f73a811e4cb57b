"""Lists; the one of type `products` holds what the base's deals are sold (facts/amocrm.md 4.7)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.kept import Catalog, Element
from connector.sandbox.amocrm.problems import Problem

PRODUCTS = 4521
"""The id of the list of products."""
FIRST_ELEMENT = 525_400


def all_catalogs(account: Account) -> list[Catalog]:
    """The lists of the account, the products first."""
    kept, base = account.kept, account.base
    with base.lock:
        if PRODUCTS not in kept.catalogs:
            kept.catalogs[PRODUCTS] = Catalog(
                id=PRODUCTS, name="Товары", type="products", created=base.clock.now(), by=account.admin
            )
        return list(kept.catalogs.values())


def known_catalog(account: Account, number: int) -> Catalog:
    """A list. Raises Problem: 404."""
    for one in all_catalogs(account):
        if one.id == number:
            return one
    raise Problem(404, "Catalog is not found")


def elements_of(account: Account, catalog: int) -> list[Element]:
    """What lies in a list; everything that some deal has among its goods lies among the products."""
    with account.base.lock:
        for row in (row for rows in account.base.product_rows.values() for row in rows):
            product_named(account, row.name, row.price)
        return [one for one in account.kept.elements.values() if one.catalog == catalog and not one.deleted]


def product_named(account: Account, name: str, price: float) -> Element:
    """The product of this name, put among the products where it is new."""
    for one in account.kept.elements.values():
        if one.catalog == PRODUCTS and one.name == name and not one.deleted:
            return one
    return add_element(account, PRODUCTS, name, by=account.admin, price=price, tell=False)


def add_element(account: Account, catalog: int, name: str, *, by: int, tell: bool = True, **more: Any) -> Element:
    """A new element; `more` are attributes of `Element`."""
    base = account.base
    with base.editing():
        moment = base.clock.now()
        made = Element(
            id=FIRST_ELEMENT + base.new_id("element"),
            catalog=catalog,
            name=name,
            created=moment,
            updated=moment,
            by=by,
            **more,
        )
        account.kept.elements[made.id] = made
        if tell:
            base.note("added", "element", made.id, by=by, at=moment, after={"name": name})
        return made


def change_element(account: Account, catalog: int, number: Any, *, by: int, **changes: Any) -> Element:
    """Change an element by attribute name (`deleted` takes it away). Raises Problem: 404."""
    base = account.base
    with base.editing():
        found = account.kept.elements.get(number)
        if found is None or found.catalog != catalog or found.deleted:
            raise Problem(404, "Element is not found")
        for name, value in changes.items():
            setattr(found, name, value)
        found.updated = base.clock.now()
        base.note(
            "deleted" if found.deleted else "updated", "element", found.id, by=by, at=found.updated, after=dict(changes)
        )
        return found


def linked_elements(account: Account, lead: int) -> list[dict[str, Any]]:
    """The goods of a lead as `with=catalog_elements` embeds them."""
    rows = []
    for row in account.base.product_rows.get(lead, ()):
        element = product_named(account, row.name, row.price)
        quantity = int(row.quantity) if float(row.quantity).is_integer() else row.quantity
        told = {"quantity": quantity, "catalog_id": element.catalog, "price_id": None}
        rows.append(
            {
                "id": element.id,
                "metadata": told,
                "_links": account.link(f"catalogs/{element.catalog}/elements/{element.id}"),
            }
        )
    return rows


def link_element(account: Account, lead: int, sent: dict[str, Any], *, apart: bool, by: int) -> None:
    """Put an element among a lead's goods, or take it out. Raises Problem: 404."""
    metadata = sent.get("metadata") or {}
    number, catalog = sent.get("to_entity_id"), metadata.get("catalog_id")
    element = account.kept.elements.get(number) if isinstance(number, int) else None
    if element is None or element.deleted or (catalog is not None and element.catalog != catalog):
        raise Problem(404, "Element is not found")
    rows = [
        {"name": row.name, "price": row.price, "quantity": row.quantity, **row.more}
        for row in account.base.product_rows.get(lead, ())
        if row.name != element.name
    ]
    if not apart:
        rows.append({"name": element.name, "price": element.price, "quantity": metadata.get("quantity", 1)})
    account.base.set_product_rows(lead, rows, by=by, tell=True)
