"""`crm.item.productrow.*`: the goods of a deal (facts/bitrix24.md 4.6)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import Column, run
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.papers import ProductRow

DEAL = "D"
_SHORT_TYPES = ("L", "D", "C", "CO", "Q", "SI")
_MORE = ("productId", "discountTypeId", "discountRate", "discountSum", "taxRate", "taxIncluded", "measureCode", "sort")


def _more(name: str, default: Any) -> Column:
    return Column("raw" if name == "taxIncluded" else "number", lambda row: row.more.get(name, default))


def _price(row: ProductRow) -> Any:
    return _short(row.price)


def _short(amount: float) -> float | int:
    """JSON writes 1000, not 1000.0."""
    return int(amount) if amount.is_integer() else amount


COLUMNS: dict[str, Column] = {
    "id": Column("int", lambda row: row.id),
    "ownerId": Column("int", lambda row: row.deal),
    "ownerType": Column("text", lambda _: DEAL),
    "productId": _more("productId", 0),
    "productName": Column("text", lambda row: row.name),
    "price": Column("number", _price),
    "priceAccount": Column("number", _price),
    "priceExclusive": Column("number", _price),
    "priceNetto": Column("number", _price),
    "priceBrutto": Column("number", _price),
    "quantity": Column("number", lambda row: _short(row.quantity)),
    "discountTypeId": _more("discountTypeId", 2),
    "discountRate": _more("discountRate", 0),
    "discountSum": _more("discountSum", 0),
    "taxRate": _more("taxRate", None),
    "taxIncluded": _more("taxIncluded", "N"),
    "customized": Column("raw", lambda _: "Y"),
    "measureCode": _more("measureCode", 796),
    "measureName": Column("text", lambda _: "шт"),
    "sort": _more("sort", 10),
    "xmlId": Column("text", lambda _: ""),
    "type": Column("int", lambda _: 4),
    "storeId": Column("int", lambda _: None),
}


def _show(row: ProductRow, names: list[str]) -> dict[str, Any]:
    return {name: COLUMNS[name].get(row) for name in names if name in COLUMNS}


@method("crm.item.productrow.list")
def row_list(call: Call) -> Answer:
    """Rows by filter; `=ownerType` and `=ownerId` are mandatory in it, `=ownerId` may be a list."""
    filters = call.mapping("filter")
    for name in ("=ownerType", "=ownerId"):
        if filters.get(name) in (None, "", []):
            raise Refusal("100", f"Required fields: {name}")
    owner_type, owners = filters["=ownerType"], filters["=ownerId"]
    if owner_type not in _SHORT_TYPES:
        raise Refusal("INVALID_ARG_VALUE", f"Invalid value {{{owner_type}}} of filter key {{=ownerType}}")
    listed = owners if isinstance(owners, list) else [owners]
    deals = call.base.deals

    def rows(after: int) -> list[ProductRow]:
        wanted = {int(one) for one in listed if str(one).isdigit()} if owner_type == DEAL else set()
        alive = [one for one in wanted if one in deals and not deals[one].deleted]
        found = [row for one in alive for row in call.base.product_rows.get(one, []) if row.id > after]
        return sorted(found, key=lambda row: row.id)

    answer = run(call, COLUMNS, rows, _show, id_name="id")
    return Answer({"productRows": answer.result}, answer.total, answer.next)


def _row(sent: Any) -> dict[str, Any]:
    """One row as a caller writes it → as a deal keeps it."""
    given = sent if isinstance(sent, dict) else {}
    try:
        read: dict[str, Any] = {
            "name": str(given.get("productName") or f"Товар {given.get('productId') or ''}".strip()),
            "price": float(given.get("price") or 0),
            "quantity": float(given.get("quantity") or 1),
        }
        for name in _MORE:
            if given.get(name) not in (None, ""):
                read[name] = given[name] if name == "taxIncluded" else _short(float(given[name]))
    except (TypeError, ValueError) as error:
        raise Refusal("INVALID_ARG_VALUE", "Invalid value of a product row") from error
    return read


def _write(call: Call, given: dict[str, Any], rows: list[Any], *, append: bool) -> list[ProductRow]:
    for name in ("ownerId", "ownerType"):
        if not given.get(name):
            raise Refusal("100", f"Required fields: {name}")
    if given["ownerType"] != DEAL:
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    read, tell = [_row(one) for one in rows], call.reading("product_rows_update_deal")
    try:
        return call.base.set_product_rows(int(given["ownerId"]), read, by=call.user, append=append, tell=tell)
    except (UnknownRecord, TypeError, ValueError) as error:
        raise Refusal("OWNER_NOT_FOUND", "Owner was not found") from error


@method("crm.item.productrow.set", writes=True)
def row_set(call: Call) -> dict[str, Any]:
    """A deal's rows, replaced as a whole."""
    if "productRows" not in call.params:
        raise Refusal("100", "Could not find value for parameter {productRows}")
    made = _write(call, call.params, call.sequence("productRows"), append=False)
    return {"productRows": [_show(row, list(COLUMNS)) for row in made]}


@method("crm.item.productrow.add", writes=True)
def row_add(call: Call) -> dict[str, Any]:
    """One more row."""
    fields = call.mapping("fields")
    made = _write(call, fields, [fields], append=True)
    return {"productRow": _show(made[0], list(COLUMNS))}
