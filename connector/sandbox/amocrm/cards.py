"""Reading leads, contacts and companies: lists with pages and order, single cards, links."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account
from connector.sandbox.amocrm.answers import hal, nothing, page_of
from connector.sandbox.amocrm.catalogs import linked_elements
from connector.sandbox.amocrm.face import Face, asked_query
from connector.sandbox.amocrm.filters import CardFilter
from connector.sandbox.amocrm.problems import bad_request
from connector.sandbox.amocrm.shapes import Shower
from connector.sandbox.records import Card, CardKind, Contact, Deal

ORDERS: dict[CardKind, tuple[str, ...]] = {
    "deal": ("created_at", "updated_at", "id"),
    "contact": ("updated_at", "id"),
    "company": ("updated_at", "id"),
}


def add_cards(face: Face) -> None:
    """Hang up the calls that read cards and links."""
    reader = _Reader(face.account)
    for plural in PLURAL.values():
        face.on("GET", plural, lambda plural=plural: reader.several(KIND_OF[plural]))
        face.on("GET", f"{plural}/<int:number>", lambda number, plural=plural: reader.one(KIND_OF[plural], number))
        face.on("GET", f"{plural}/links", lambda plural=plural: reader.links_of_many(KIND_OF[plural]))
        face.on(
            "GET", f"{plural}/<int:number>/links", lambda number, plural=plural: reader.links(KIND_OF[plural], number)
        )


class _Reader:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self, kind: CardKind) -> Response:
        """A page of cards. Filters count only with the paid option; without it they are ignored, silently."""
        query = asked_query()
        only_deleted = kind == "deal" and "only_deleted" in query.wanted()
        with self._account.base.lock:
            found = [card for card in self._pile(kind) if card.deleted == only_deleted]
            if self._account.says("api_filter"):
                wanted = CardFilter(self._account, kind, query)
                found = [card for card in found if wanted.takes(card)]
            if words := query.one("query"):
                found = [card for card in found if words.lower() in _words(card)]
            field, descending = query.order(ORDERS[kind]) or ("id", False)
            found.sort(key=lambda card: (_place(card, field), card.id), reverse=descending)
            shower = Shower(self._account, query.wanted())
            return page_of(self._account, query, PLURAL[kind], found, shower.in_bin if only_deleted else shower.show)

    def one(self, kind: CardKind, number: int) -> Response:
        """A card; 204 when there is none of this id or it lies in the bin."""
        with self._account.base.lock:
            card = next((card for card in self._pile(kind, number) if not card.deleted), None)
            return hal(Shower(self._account, asked_query().wanted()).show(card)) if card else nothing()

    def links(self, kind: CardKind, number: int) -> Response:
        """What one card is linked to."""
        query = asked_query()
        types, ids = query.many("filter", "to_entity_type"), query.ids("filter", "to_entity_id")
        with self._account.base.lock:
            rows = [
                row
                for card in self._pile(kind, number)
                for row in links_of(self._account, card)
                if (types is None or row["to_entity_type"] in types) and (ids is None or row["to_entity_id"] in ids)
            ]
            path = f"{PLURAL[kind]}/{number}/links"
            return hal({"_total_items": len(rows), "_links": self._account.link(path), "_embedded": {"links": rows}})

    def links_of_many(self, kind: CardKind) -> Response:
        """What several cards are linked to; this filter is free."""
        asked = asked_query().ids("filter", "entity_id")
        if not asked:
            raise bad_request("filter[entity_id] is required")
        with self._account.base.lock:
            rows = [
                {"entity_id": card.id, "entity_type": PLURAL[kind], **row}
                for number in sorted(asked)
                for card in self._pile(kind, number)
                for row in links_of(self._account, card)
            ]
        if not rows:
            return nothing()
        return hal({"_links": self._account.link(f"{PLURAL[kind]}/links"), "_embedded": {"links": rows}})

    def _pile(self, kind: CardKind, number: int | None = None) -> list[Card]:
        pile = self._account.pile(kind)
        cards = pile.values() if number is None else [pile[number]] if number in pile else []
        hidden, owners = self._account.hidden(kind), self._account.seen_owners(PLURAL[kind], "view")
        return [card for card in cards if card.id not in hidden and (owners is None or card.owner in owners)]


def links_of(account: Account, card: Card) -> list[dict[str, Any]]:
    """The links of a card as the links API tells them; a contact's leads are not among them."""

    def row(kind: CardKind, number: int, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"to_entity_id": number, "to_entity_type": PLURAL[kind], "metadata": metadata}

    if isinstance(card, Deal):
        people = [row("contact", one, {"main_contact": place == 0}) for place, one in enumerate(card.contacts)]
        goods = [
            {"to_entity_id": one["id"], "to_entity_type": "catalog_elements", "metadata": one["metadata"]}
            for one in linked_elements(account, card.id)
        ]
        return [*people, *([row("company", card.company)] if card.company else []), *goods]
    if isinstance(card, Contact):
        return [row("company", one) for one in card.company_ids[:1]]
    people = [row("contact", one.id) for one in account.base.contacts.values() if card.id in one.company_ids[:1]]
    return [*people, *(row("deal", deal.id) for deal in account.base.deals.values() if deal.company == card.id)]


def _place(card: Card, order: str) -> float:
    if order == "id":
        return card.id
    return (card.created if order == "created_at" else card.updated).timestamp()


def _words(card: Card) -> str:
    """What `query=` looks through."""
    if isinstance(card, Contact):
        return f"{card.title} {card.phone} {card.email}".lower()
    return f"{getattr(card, 'title', '')} {' '.join(str(value) for value in card.fields.values())}".lower()
