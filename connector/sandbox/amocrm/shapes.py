"""Leads, contacts and companies as JSON of API v4 (facts/amocrm.md 4.1, 4.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from connector.sandbox.amocrm.account import PLURAL, Account, unix
from connector.sandbox.amocrm.catalogs import linked_elements
from connector.sandbox.amocrm.fields import shown_values
from connector.sandbox.amocrm.tags import shown_tags
from connector.sandbox.records import Card, CardKind, Company, Contact, Deal


class Shower:
    """Shows the cards of one answer; what takes a walk over the whole base is worked out once."""

    def __init__(self, account: Account, wanted: Collection[str]) -> None:
        self._account = account
        self._wanted = wanted
        self._nearest = account.closest_tasks()
        self._leads: dict[tuple[CardKind, int], list[int]] = defaultdict(list)
        self._people: dict[int, list[int]] = defaultdict(list)
        if "leads" in wanted:
            for deal in account.base.deals.values():
                if not deal.deleted:
                    for contact in deal.contacts:
                        self._leads["contact", contact].append(deal.id)
                    if deal.company:
                        self._leads["company", deal.company].append(deal.id)
        if "contacts" in wanted:
            for person in account.base.contacts.values():
                if person.company_ids and not person.deleted:
                    self._people[person.company_ids[0]].append(person.id)

    def show(self, card: Card) -> dict[str, Any]:
        """The card's full model."""
        if isinstance(card, Deal):
            return self._lead(card)
        if isinstance(card, Contact):
            return self._contact(card)
        assert isinstance(card, Company)
        return self._company(card)

    def in_bin(self, card: Card) -> dict[str, Any]:
        """The short model of a deleted lead (`with=only_deleted`)."""
        return {
            "id": card.id,
            "updated_at": unix(card.updated),
            "updated_by": card.updated_by,
            "is_deleted": True,
            "_links": self._account.link(f"leads/{card.id}"),
        }

    def _lead(self, deal: Deal) -> dict[str, Any]:
        embedded: dict[str, Any] = {
            "tags": self._tags("deal", deal),
            "companies": self._refs("company", [deal.company] if deal.company else []),
        }
        if "contacts" in self._wanted:
            embedded["contacts"] = [
                {"id": row["id"], "is_main": number == 0, "_links": row["_links"]}
                for number, row in enumerate(self._refs("contact", deal.contacts))
            ]
        if "catalog_elements" in self._wanted:
            embedded["catalog_elements"] = linked_elements(self._account, deal.id)
        if "loss_reason" in self._wanted and deal.loss_reason:
            embedded["loss_reason"] = [loss_reason(self._account, deal.loss_reason)]
        return {
            "id": deal.id,
            "name": deal.title,
            "price": deal.amount,
            "responsible_user_id": deal.owner,
            "group_id": 0,
            "status_id": self._account.status_of(deal.pipeline, deal.stage),
            "pipeline_id": deal.pipeline,
            "loss_reason_id": deal.loss_reason,
            **self._origin(deal),
            "closed_at": unix(deal.closed) if deal.closed else None,
            "closest_task_at": self._nearest.get(("deal", deal.id)),
            "is_deleted": deal.deleted,
            **self._values("deal", deal),
            "score": None,
            "account_id": self._account.id,
            "labor_cost": None,
            "_links": self._account.link(f"leads/{deal.id}"),
            "_embedded": embedded,
        }

    def _contact(self, person: Contact) -> dict[str, Any]:
        embedded: dict[str, Any] = {
            "tags": self._tags("contact", person),
            "companies": self._refs("company", person.company_ids[:1]),
        }
        if "leads" in self._wanted:
            embedded["leads"] = self._refs("deal", self._leads["contact", person.id])
        if "customers" in self._wanted:
            embedded["customers"] = self._customers("contact", person.id)
        return {
            "id": person.id,
            "name": person.title,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "responsible_user_id": person.owner,
            "group_id": 0,
            **self._origin(person),
            "closest_task_at": self._nearest.get(("contact", person.id)),
            "is_deleted": person.deleted,
            "is_unsorted": person.id in self._account.hidden("contact"),
            **self._values("contact", person),
            "account_id": self._account.id,
            "_links": self._account.link(f"contacts/{person.id}"),
            "_embedded": embedded,
        }

    def _company(self, company: Company) -> dict[str, Any]:
        embedded: dict[str, Any] = {"tags": self._tags("company", company)}
        if "contacts" in self._wanted:
            embedded["contacts"] = self._refs("contact", self._people[company.id])
        if "leads" in self._wanted:
            embedded["leads"] = self._refs("deal", self._leads["company", company.id])
        if "customers" in self._wanted:
            embedded["customers"] = self._customers("company", company.id)
        return {
            "id": company.id,
            "name": company.title,
            "responsible_user_id": company.owner,
            "group_id": 0,
            **self._origin(company),
            "closest_task_at": self._nearest.get(("company", company.id)),
            "is_deleted": company.deleted,
            **self._values("company", company),
            "account_id": self._account.id,
            "_links": self._account.link(f"companies/{company.id}"),
            "_embedded": embedded,
        }

    def _origin(self, card: Card) -> dict[str, int]:
        return {
            "created_by": card.created_by,
            "updated_by": card.updated_by,
            "created_at": unix(card.created),
            "updated_at": unix(card.updated),
        }

    def _customers(self, kind: CardKind, card: int) -> list[dict[str, Any]]:
        found = [
            one.id
            for one in self._account.kept.customers.values()
            if not one.deleted and card in (one.contacts if kind == "contact" else one.companies)
        ]
        return [{"id": one, "_links": self._account.link(f"customers/{one}")} for one in found]

    def _tags(self, kind: CardKind, card: Card) -> list[dict[str, Any]]:
        return shown_tags(self._account, kind, self._account.kept.tagged.get((kind, card.id), ()))

    def _values(self, kind: CardKind, card: Card) -> dict[str, Any]:
        shown = shown_values(self._account, kind, card)
        return {} if shown is None and self._account.says("empty_fields_absent") else {"custom_fields_values": shown}

    def _refs(self, kind: CardKind, ids: list[int]) -> list[dict[str, Any]]:
        """Linked cards as amoCRM embeds them: id and address only; those in the bin are left out."""
        pile = self._account.pile(kind)
        alive = [one for one in ids if one in pile and not pile[one].deleted]
        return [{"id": one, "_links": self._account.link(f"{PLURAL[kind]}/{one}")} for one in alive]


def loss_reason(account: Account, number: int) -> dict[str, Any]:
    """One reason for losing."""
    order = list(account.base.loss_reasons).index(number)
    return {
        "id": number,
        "name": account.base.loss_reasons[number],
        "sort": (order + 1) * 10000,
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_000,
        "_links": account.link(f"leads/loss_reasons/{number}"),
    }
