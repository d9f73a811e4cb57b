"""Who belongs to whom: the contacts of deals and companies, the companies of contacts (facts/bitrix24.md 4.3)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.bitrix24.call import Call, Refusal, method
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.records import Card, CardKind, Contact, Deal

_NO_ID = Refusal("", "The parameter ownerEntityID is invalid or not defined.")


def _find(call: Call, kind: CardKind, unknown: Refusal) -> Card:
    number = call.number("id", _NO_ID)
    if number < 1:
        raise _NO_ID
    try:
        return call.base.card(kind, number)
    except UnknownRecord as error:
        raise unknown from error


def _rows(name: str, ids: list[int]) -> list[dict[str, Any]]:
    return [
        {name: one, "SORT": 10 * place, "ROLE_ID": 0, "IS_PRIMARY": "Y" if place == 1 else "N"}
        for place, one in enumerate(ids, start=1)
    ]


@method("crm.deal.contact.items.get")
def contacts_of_deal(call: Call) -> list[dict[str, Any]]:
    """A deal's people, the main one first."""
    deal = _find(call, "deal", Refusal("", "Not found."))
    assert isinstance(deal, Deal)
    return _rows("CONTACT_ID", deal.contacts)


@method("crm.company.contact.items.get")
def contacts_of_company(call: Call) -> list[dict[str, Any]]:
    """A company's people."""
    company = _find(call, "company", Refusal("ACCESS_DENIED", "Access denied!"))
    return _rows("CONTACT_ID", call.base.people_of(company.id))


@method("crm.contact.company.items.get")
def companies_of_contact(call: Call) -> list[dict[str, Any]]:
    """A person's companies, the main one first."""
    contact = _find(call, "contact", Refusal("", "Not found."))
    assert isinstance(contact, Contact)
    return _rows("COMPANY_ID", contact.company_ids)
