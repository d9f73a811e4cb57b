"""Duplicates joined into one card, as a manager does it by hand (facts/amocrm.md 5.6, 6)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.orders import card_kind
from connector.sandbox.portal import Portal
from connector.sandbox.records import CardKind


def merge(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`kind`, `into`, `from`: [ids], `by`: what belonged to the others belongs to the one; they vanish."""
    base, kind, into = portal.base, card_kind(body["kind"]), int(body["into"])
    others = {int(one) for one in body["from"]}
    if into in others:
        raise ValueError("a card is not merged into itself")
    with base.editing():
        kept = base.card(kind, into)
        by = int(body.get("by", kept.owner))
        for number in others:
            gone = base.card(kind, number)
            for code, value in gone.fields.items():
                kept.fields.setdefault(code, value)
        _relink(base, kind, into, others, by=by)
        for number in others:
            base.card(kind, number).deleted = True
        kept.updated, kept.updated_by = base.clock.now(), by
        base.note("merged", kind, into, by=by, at=kept.updated, after={"from": sorted(others)})
    return {"id": into}


def _relink(base: Base, kind: CardKind, into: int, others: set[int], *, by: int) -> None:
    for activity in base.activities.values():
        if getattr(activity, kind) in others:
            setattr(activity, kind, into)
    for task in base.tasks.values():
        task.cards = [(of, into if of == kind and number in others else number) for of, number in task.cards]
    for comment in base.comments.values():
        if comment.card[0] == kind and comment.card[1] in others:
            comment.card = (kind, into)
    if kind == "contact":
        for deal in list(base.deals.values()):
            if others & set(deal.contacts) and not deal.deleted:
                people = dict.fromkeys(into if one in others else one for one in deal.contacts)
                base.update_card("deal", deal.id, by=by, contacts=list(people))
    elif kind == "company":
        for deal in list(base.deals.values()):
            if deal.company in others and not deal.deleted:
                base.update_card("deal", deal.id, by=by, company=into)
        for person in list(base.contacts.values()):
            if others & set(person.company_ids) and not person.deleted:
                firms = dict.fromkeys(into if one in others else one for one in person.company_ids)
                base.update_card("contact", person.id, by=by, company_ids=list(firms))
