"""What an invoice is made of: requisites of clients, product rows of deals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.plans import Plans
from connector.sandbox.records import CardKind


@dataclass(kw_only=True)
class Requisite:
    """One set of requisites of a company or contact; a client may have several."""

    id: int
    card: tuple[CardKind, int]
    name: str
    fields: dict[str, str] = field(default_factory=dict)
    """By Bitrix24's names: RQ_INN, RQ_KPP, …"""
    preset: int = 1
    created: datetime
    updated: datetime
    deleted: bool = False


@dataclass(kw_only=True)
class ProductRow:
    """One row of a deal's list of goods."""

    id: int
    deal: int
    name: str
    price: float
    quantity: float
    more: dict[str, Any] = field(default_factory=dict)
    """What a caller wrote beside that, by Bitrix24's names."""


class Papers(Plans):
    """The cards with their papers."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.requisites: dict[int, Requisite] = {}
        self.product_rows: dict[int, list[ProductRow]] = {}
        """By deal, in order."""

    def requisites_of(self, kind: CardKind, card_id: int) -> list[Requisite]:
        """The requisites of one card, the oldest first."""
        return [one for one in self.requisites.values() if one.card == (kind, card_id) and not one.deleted]

    def add_requisite(
        self,
        card: tuple[CardKind, int],
        name: str,
        fields: dict[str, str],
        *,
        preset: int = 1,
        by: int = 0,
        at: datetime | None = None,
    ) -> Requisite:
        """New requisites of a company or contact.

        Raises:
            UnknownRecord: no such card.
        """
        with self.editing():
            self.card(*card)
            moment = self.moment(at)
            made = Requisite(
                id=self.new_id("requisite"),
                card=card,
                name=name,
                fields=dict(fields),
                preset=preset,
                created=moment,
                updated=moment,
            )
            self.requisites[made.id] = made
            self.note("added", "requisite", made.id, by=by, at=moment, after={"card": list(card), **fields})
            return made

    def update_requisite(
        self, requisite_id: int, *, by: int = 0, name: str | None = None, fields: dict[str, str] | None = None
    ) -> Requisite:
        """Change requisites; nothing is saved where nothing changes.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        with self.editing():
            found = self._requisite(requisite_id)
            wanted = {**found.fields, **(fields or {})}
            if (wanted, name or found.name) != (found.fields, found.name):
                before = dict(found.fields)
                found.fields, found.name, found.updated = wanted, name or found.name, self.clock.now()
                self.note("updated", "requisite", found.id, by=by, at=found.updated, before=before, after=wanted)
            return found

    def delete_requisite(self, requisite_id: int, *, by: int = 0) -> None:
        """Delete requisites for good.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        with self.editing():
            self._requisite(requisite_id).deleted = True
            self.note("deleted", "requisite", requisite_id, by=by, at=self.clock.now())

    def set_product_rows(
        self, deal_id: int, rows: list[dict[str, Any]], *, by: int = 0, append: bool = False, tell: bool = False
    ) -> list[ProductRow]:
        """A deal's goods, replaced or lengthened by `rows` of `name`, `price`, `quantity` and more.

        `tell`: it counts as a change of the deal.

        Raises:
            UnknownRecord: no such deal.
        """
        with self.editing():
            deal = self.deal(deal_id)
            kept = list(self.product_rows.get(deal_id, [])) if append else []
            made = [
                ProductRow(
                    id=self.new_id("product row"),
                    deal=deal_id,
                    name=str(row["name"]),
                    price=float(row.get("price", 0)),
                    quantity=float(row.get("quantity", 1)),
                    more={key: one for key, one in row.items() if key not in ("name", "price", "quantity")},
                )
                for row in rows
            ]
            self.product_rows[deal_id] = [*kept, *made]
            if tell:
                deal.updated, deal.updated_by = self.clock.now(), by
                self.note("updated", "deal", deal_id, by=by, at=deal.updated, after={"product_rows": len(kept + made)})
            return made

    def _requisite(self, requisite_id: int) -> Requisite:
        found = self.requisites.get(requisite_id)
        if found is None or found.deleted:
            raise UnknownRecord(f"requisite {requisite_id}")
        return found
