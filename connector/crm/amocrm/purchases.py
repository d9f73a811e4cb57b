"""What buyers bought, as deals won at once, where an account keeps its repeat sales so (facts/amocrm.md 4.6).

Neither list can be asked for changes without the paid filter. So a full load and the weekly scan read both whole, and
between them the event `transaction_added` names what is new; a purchase that was deleted is found by the scan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, Final

from connector.crm.amocrm.api import PAGE, Api, Params, embedded
from connector.crm.amocrm.mapping import gone, iso, linked, moment, person
from connector.crm.amocrm.paging import Lists
from connector.crm.facts import PURCHASE_STAGE
from connector.crm.port import Fact, Ref
from connector.errors import Gone, Refused

ADDED: Final = "transaction_added"
PREFIX: Final = "purchase-"
"""Of a deal's id, where it is no lead."""
PIPELINE: Final = PURCHASE_STAGE.partition(":")[0]
LISTS: Final = "customers/transactions"
_WITH: Final[Params] = (("with", "contacts,companies"),)


def is_purchase(ref: Ref) -> bool:
    """Whether a deal's ref names a purchase."""
    return ref.startswith(f"deal:{PREFIX}")


def number_in(event: Mapping[str, Any]) -> int | None:
    """The purchase that an event tells of."""
    for value in event.get("value_after") or ():
        told = value.get("transaction") if isinstance(value, dict) else None
        if isinstance(told, dict) and told.get("id"):
            return int(told["id"])
    return None


class Purchases:
    """Reads purchases and whose they are."""

    def __init__(self, api: Api, lists: Lists) -> None:
        self._api = api
        self._lists = lists

    def all(self) -> Iterator[list[Fact]]:
        """Every purchase of the account. Raises CrmError."""
        buyers = {row["id"]: row for rows in self._pages("customers", "customers", _WITH) for row in rows}
        for rows in self._pages(LISTS, "transactions", ()):
            yield [fact for row in rows for fact in facts_of(row, buyers.get(row.get("customer_id")))]

    def some(self, numbers: Collection[int]) -> list[Fact]:
        """These purchases; those that are not there any more are gone. Raises CrmError."""
        rows: list[Mapping[str, Any]] = []
        ordered = sorted(numbers)
        for start in range(0, len(ordered), PAGE):
            asked = [("filter[id][]", number) for number in ordered[start : start + PAGE]]
            rows += embedded(self._get(LISTS, [*asked, ("limit", PAGE)]), "transactions")
        there = {row["id"]: row for row in rows if row["id"] in numbers}
        owners = sorted({row["customer_id"] for row in there.values()})
        buyers = self._lists.side_by_side([partial(self._get, f"customers/{owner}", _WITH) for owner in owners])
        known = dict(zip(owners, buyers, strict=True))
        found = [fact for row in there.values() for fact in facts_of(row, known[row["customer_id"]])]
        return found + [gone("deal", f"{PREFIX}{number}") for number in numbers if number not in there]

    def _pages(self, path: str, key: str, asked: Params) -> Iterator[list[Any]]:
        listing = self._lists.whole(path, key, asked)
        try:
            yield from listing.pages()
        finally:
            listing.stop()

    def _get(self, path: str, asked: Params) -> Mapping[str, Any] | None:
        """None also where the account does not keep buyers any more."""
        try:
            return self._api.get(path, asked, name=path.rstrip("0123456789").rstrip("/"))
        except (Refused, Gone):
            return None


def facts_of(row: Mapping[str, Any], buyer: Mapping[str, Any] | None) -> list[Fact]:
    """A purchase and the one record of its history; nothing where nobody knows whose it is."""
    number = f"{PREFIX}{row['id']}"
    if row.get("is_deleted"):
        return [gone("deal", number, row.get("updated_at"))]
    if buyer is None:
        return []
    bought = iso(row.get("completed_at") or row.get("created_at"))
    companies, contacts = linked(buyer, "companies"), linked(buyer, "contacts")
    price, changed = row.get("price"), moment(row.get("updated_at"))
    body: dict[str, Any] = {
        "title": str(buyer.get("name") or "").strip(),
        "owner": person(buyer.get("responsible_user_id")),
        "created": bought,
        "pipeline": PIPELINE,
        "stage": PURCHASE_STAGE,
        "semantic": "won",
        "amount": None if price is None else str(price),
        "currency": None,
        "loss_reason": None,
        "company": companies[0] if companies else None,
        "contacts": list(contacts),
        "fields": {},
    }
    deal = f"deal:{number}"
    record = {"deal": deal, "at": bought, "pipeline": PIPELINE, "stage": PURCHASE_STAGE}
    return [
        Fact(kind="deal", id=number, body=body, changed=changed, links=(*companies, *contacts)),
        Fact(kind="stage", id=number, body=record, changed=changed, links=(deal,)),
    ]
