"""Rows of companies, contacts and leads as facts, with what is wanted of them and lies outside the card.

A lead tells its list elements by id only (`with=catalog_elements`, facts/amocrm.md 4.7); their names are read from the
lists, each once in a pull. A renamed product is seen when its lead is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import PAGE, Api, Params, embedded
from connector.crm.amocrm.mapping import CARDS, PRODUCTS, CardReading, card
from connector.crm.amocrm.paging import Lists
from connector.crm.port import Connection, Fact
from connector.errors import Gone, Refused

IDS: Final = 200
"""Of list elements in one address."""
Element = tuple[int, int]
"""List and element."""


class Cards:
    """Builds the facts of cards in one account."""

    def __init__(self, api: Api, lists: Lists, account: Account, connection: Connection) -> None:
        self._api = api
        self._lists = lists
        self._account = account
        self._wanted = connection.wanted
        self._zone = ZoneInfo(connection.zone)
        self._names: dict[Element, str | None] = {}
        self._closed: set[int] = set()
        """Lists that the token's user may not read."""

    @property
    def asked_with(self) -> Mapping[str, Params]:
        """What a lead tells only when asked; all other links come unasked."""
        more = ",catalog_elements" if PRODUCTS in self._wanted.deal else ""
        return {"leads": [("with", f"contacts{more}")]}

    def facts(self, plural: str, rows: Sequence[Mapping[str, Any]]) -> list[Fact]:
        """One fact each. Raises CrmError."""
        kind = CARDS[plural]
        wanted: tuple[str, ...] = getattr(self._wanted, kind)
        known = self._account.field_names(kind) if wanted else frozenset()
        outside = self._products(rows) if kind == "deal" and PRODUCTS in wanted else {}
        reading = CardReading(zone=self._zone, wanted=wanted, known=known, outside=outside)
        return [card(plural, row, reading) for row in rows]

    def _products(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """By lead, the names of what it is for; of a list that may not be read, nothing at all."""
        elements = {str(row["id"]): list(_elements(row)) for row in rows}
        self._read({one for some in elements.values() for one in some} - self._names.keys())
        return {
            lead: {PRODUCTS: list(dict.fromkeys(filter(None, map(self._names.get, some)))) or None}
            for lead, some in elements.items()
            if not any(catalog in self._closed for catalog, _ in some)
        }

    def _read(self, elements: Iterable[Element]) -> None:
        by_catalog: dict[int, list[int]] = {}
        for catalog, element in sorted(elements):
            by_catalog.setdefault(catalog, []).append(element)
        pages = [
            (catalog, some[start : start + IDS])
            for catalog, some in by_catalog.items()
            for start in range(0, len(some), IDS)
        ]
        found = self._lists.side_by_side([partial(self._page, catalog, ids) for catalog, ids in pages])
        for (catalog, ids), names in zip(pages, found, strict=True):
            if names is None:
                self._closed.add(catalog)
            else:
                self._names |= {(catalog, one): names.get(one) for one in ids}

    def _page(self, catalog: int, ids: Sequence[int]) -> dict[int, str] | None:
        """Names by id; None: the list may not be read."""
        asked = [*(("filter[id][]", one) for one in ids), ("limit", PAGE)]
        try:
            body = self._api.get(f"catalogs/{catalog}/elements", asked, name="catalogs/elements")
        except (Refused, Gone):
            return None
        return {row["id"]: str(row.get("name") or "").strip() for row in embedded(body, "elements")}


def _elements(row: Mapping[str, Any]) -> Iterator[Element]:
    for one in embedded(row, "catalog_elements"):
        metadata = one.get("metadata")
        if isinstance(metadata, dict) and metadata.get("catalog_id"):
            yield metadata["catalog_id"], one["id"]
