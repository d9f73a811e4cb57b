"""Links between cards, of one card or of many: made, undone (facts/amocrm.md 4.3)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account
from connector.sandbox.amocrm.answers import Body, nothing, whole_list
from connector.sandbox.amocrm.catalogs import link_element
from connector.sandbox.amocrm.customers import change_customer, need_customers
from connector.sandbox.amocrm.face import Face, sent_array
from connector.sandbox.amocrm.problems import Flaw, invalid, missing, not_supported
from connector.sandbox.records import Card, CardKind, Contact, Deal


def add_linking(face: Face) -> None:
    """Hang up the calls that link and unlink."""
    linker = _Linker(face.account)
    for plural in PLURAL.values():
        for verb in ("link", "unlink"):
            apart = verb == "unlink"
            face.on(
                "POST",
                f"{plural}/<int:number>/{verb}",
                lambda number, plural=plural, apart=apart: linker.link(plural, number, apart=apart),
            )
            face.on(
                "POST", f"{plural}/{verb}", lambda plural=plural, apart=apart: linker.link(plural, None, apart=apart)
            )


class _Linker:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def link(self, plural: str, number: int | None, *, apart: bool) -> Response:
        """Link or unlink: 200 with the links, or 204. Without `number` each object names its own card."""
        kind, rows = KIND_OF[plural], list[Body]()
        for place, one in enumerate(sent_array(self._account)):
            own = one.get("entity_id") if number is None else number
            try:
                if not isinstance(own, int):
                    raise missing("entity_id")
                self._one(kind, self._base.card(kind, own), one, apart=apart)
            except Flaw as flaw:
                raise invalid([(str(place), flaw)]) from flaw
            metadata = one.get("metadata") or {}
            told = {"main_contact": bool(metadata.get("is_main"))} if one["to_entity_type"] == "contacts" else metadata
            target = {"to_entity_id": one["to_entity_id"], "to_entity_type": one["to_entity_type"]}
            rows.append({"entity_id": own, "entity_type": plural, **target, "metadata": told or None})
        if apart:
            return nothing()
        path = f"{plural}/links" if number is None else f"{plural}/{number}/links"
        return whole_list(self._account, path, "links", rows)

    def _one(self, kind: CardKind, card: Card, sent: dict[str, Any], *, apart: bool) -> None:
        to, to_id = sent.get("to_entity_type"), sent.get("to_entity_id")
        if not isinstance(to_id, int):
            raise missing("to_entity_id")
        if to == "catalog_elements" and kind == "deal":
            link_element(self._account, card.id, sent, apart=apart, by=self._account.token_user)
        elif to == "customers" and kind != "deal":
            self._customer("contacts" if kind == "contact" else "companies", card.id, to_id, apart=apart)
        else:
            other = KIND_OF.get(str(to))
            if other is None:
                raise not_supported("to_entity_type")
            self._base.card(other, to_id)
            main = bool((sent.get("metadata") or {}).get("is_main"))
            self._bind(card, kind, other, to_id, apart=apart, main=main)

    def _customer(self, name: str, card: int, number: int, *, apart: bool) -> None:
        need_customers(self._account)
        customer = self._account.kept.customers.get(number)
        if customer is None:
            raise not_supported("to_entity_id")
        rest = [one for one in getattr(customer, name) if one != card]
        by = self._account.token_user
        change_customer(self._account, number, by=by, **{name: rest if apart else [*rest, card]})

    def _bind(self, card: Card, kind: CardKind, other: CardKind, other_id: int, *, apart: bool, main: bool) -> None:
        by = self._account.token_user
        if kind == "company" and other in ("contact", "deal"):
            self._bind(self._base.card(other, other_id), other, "company", card.id, apart=apart, main=False)
        elif isinstance(card, Deal) and other == "contact":
            rest = [one for one in card.contacts if one != other_id]
            people = rest if apart else [other_id, *rest] if main else [*rest, other_id]
            self._base.update_card("deal", card.id, by=by, contacts=people)
        elif isinstance(card, Deal) and other == "company":
            self._base.update_card("deal", card.id, by=by, company=None if apart else other_id)
        elif isinstance(card, Contact) and other == "company":
            self._base.update_card("contact", card.id, by=by, company_ids=[] if apart else [other_id])
        else:
            raise not_supported("to_entity_type")
