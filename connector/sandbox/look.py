"""What an observer sees of a portal: a card with all that belongs to it, a search by title, the portal's lists."""

from __future__ import annotations

from typing import Any

from connector.sandbox.base import Base, plain
from connector.sandbox.plans import Plan
from connector.sandbox.portal import Portal
from connector.sandbox.records import Activity, CardKind, Deal, StageRow, Task


def family(base: Base, kind: CardKind, card_id: int) -> dict[CardKind, set[int]]:
    """The card with its client's other cards: a company with its people and deals, a person with his deals."""
    found: dict[CardKind, set[int]] = {"company": set(), "contact": set(), "deal": set()}
    found[kind].add(card_id)
    if kind == "company":
        found["contact"] = set(base.people_of(card_id))
        found["deal"] = {one.id for one in base.deals.values() if one.company == card_id and not one.deleted}
    elif kind == "contact":
        found["deal"] = {one.id for one in base.deals.values() if card_id in one.contacts and not one.deleted}
    return found


def tasks_of(base: Base, cards: dict[CardKind, set[int]]) -> list[Task]:
    """Tasks bound to any of the cards, the newest first; the deleted ones too."""
    found = [task for task in base.tasks.values() if any(of in cards[kind] for kind, of in task.cards)]
    return sorted(found, key=lambda task: task.id, reverse=True)


def touches_of(base: Base, cards: dict[CardKind, set[int]]) -> list[Activity]:
    """Communications of any of the cards, the newest first."""
    found = [
        one
        for one in base.activities.values()
        if not one.deleted
        and (one.company in cards["company"] or one.contact in cards["contact"] or one.deal in cards["deal"])
    ]
    return sorted(found, key=lambda one: (one.at, one.id), reverse=True)


def plans_of(base: Base, cards: dict[CardKind, set[int]]) -> list[Plan]:
    """To-dos and applications' cards bound to any of the cards, the newest first."""
    found = [
        one for one in base.plans.values() if not one.deleted and any(of in cards[kind] for kind, of in one.bindings)
    ]
    return sorted(found, key=lambda plan: plan.id, reverse=True)


def history_of(base: Base, cards: dict[CardKind, set[int]]) -> list[StageRow]:
    """Stage history of the cards' deals, the newest first."""
    return [row for row in reversed(base.stage_rows) if row.deal in cards["deal"]]


def card_story(base: Base, kind: CardKind, card_id: int) -> dict[str, Any]:
    """A card with tasks, touches, comments and stage history of its client, JSON-ready."""
    with base.lock:
        card = base.card(kind, card_id)
        cards = family(base, kind, card_id)
        own: dict[str, Any] = {}
        if isinstance(card, Deal):
            own = {"stage_code": base.stage(card).code, "pipeline_title": base.pipelines[card.pipeline].title}
        return {
            "kind": kind,
            **plain(card),
            **own,
            "contacts_of_company": sorted(cards["contact"]) if kind == "company" else [],
            "deals": sorted(cards["deal"]) if kind != "deal" else [],
            "tasks": [plain(one) for one in tasks_of(base, cards)],
            "plans": [plain(one) for one in plans_of(base, cards)],
            "touches": [plain(one) for one in touches_of(base, cards)],
            "comments": [plain(one) for one in base.comments.values() if one.card[1] in cards[one.card[0]]],
            "stage_history": [plain(row) for row in history_of(base, cards)],
        }


def find_cards(base: Base, title: str) -> dict[str, Any]:
    """Cards whose title contains the text, by kind."""
    with base.lock:
        kinds: tuple[CardKind, ...] = ("company", "contact", "deal")
        return {
            kind: [
                {"id": one.id, "title": one.title, "owner": one.owner}
                for one in base.pile(kind).values()
                if not one.deleted and title.lower() in one.title.lower()
            ]
            for kind in kinds
        }


def portal_story(portal: Portal) -> dict[str, Any]:
    """The portal's staff, pipelines, fields and lists; what a map of it is written from."""
    base = portal.base
    with base.lock:
        return {
            **portal.config.describe(),
            "zone": portal.config.zone,
            "departments": [plain(one) for one in base.departments.values()],
            "staff": [plain(one) for one in base.users.values()],
            "pipelines": [plain(one) for one in base.pipelines.values()],
            "fields": [plain(one) for one in base.fields.values()],
            "loss_reasons": [{"id": key, "title": text} for key, text in base.loss_reasons.items()],
            "task_types": [{"id": key, "title": text} for key, text in base.task_types.items()],
        }
