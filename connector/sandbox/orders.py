"""What the control API can do to a portal: each function carries out one JSON object (docs/sandbox.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox.base import Base, plain
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.dossier import read_value
from connector.sandbox.portal import Portal
from connector.sandbox.records import Card, CardKind, Contact, Deal, Pipeline, Stage

MOST_DEALS = 100_000


def card_kind(text: Any) -> CardKind:
    """A card kind by its word.

    Raises:
        ValueError: another word.
    """
    kinds: dict[str, CardKind] = {"company": "company", "contact": "contact", "deal": "deal"}
    if text not in kinds:
        raise ValueError("kind is company, contact or deal")
    return kinds[text]


def find_pipeline(base: Base, wanted: Any) -> Pipeline:
    """A pipeline by id or title; None: the main one."""
    for one in base.pipelines.values():
        if (wanted is None and one.is_main) or wanted in (one.id, str(one.id), one.title):
            return one
    raise UnknownRecord(f"pipeline {wanted}")


def find_stage(pipeline: Pipeline, wanted: Any) -> Stage:
    """A stage by code, title or id; None: the first that is not the unsorted one."""
    for one in pipeline.stages:
        if (wanted is None and not one.unsorted) or wanted in (one.code, one.title, one.id, str(one.id)):
            return one
    raise UnknownRecord(f"stage {wanted} of pipeline {pipeline.id}")


def find_company(base: Base, wanted: Any) -> int | None:
    """A company's id by id or title; None stays None."""
    if wanted is None:
        return None
    for one in base.companies.values():
        if not one.deleted and wanted in (one.id, str(one.id), one.title):
            return one.id
    raise UnknownRecord(f"company {wanted}")


def _fields(base: Base, kind: CardKind, body: dict[str, Any]) -> dict[str, Any]:
    specs = base.field_specs(kind)
    given = body.get("fields") or {}
    unknown = set(given) - set(specs)
    if unknown:
        raise ValueError(f"{kind} has no field {', '.join(sorted(unknown))}")
    return {code: read_value(specs[code], raw) for code, raw in given.items()}


def moment_from(text: Any) -> datetime | None:
    """A moment of ISO text, UTC unless it says otherwise; None of nothing."""
    if not text:
        return None
    moment = datetime.fromisoformat(str(text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def add_company(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`title`, `owner`, `fields`, `people`: [{first_name, last_name, …}]."""
    base, owner = portal.base, int(body.get("owner", 1))
    by = int(body.get("by", owner))
    with base.lock:
        made = base.add_company(str(body["title"]), owner=owner, by=by, fields=_fields(base, "company", body))
        people = [
            add_contact(portal, {"owner": owner, "by": by, "companies": [made.id], **one})["id"]
            for one in body.get("people", [])
        ]
    return {"id": made.id, "contacts": people}


def add_contact(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`first_name`, `last_name`, `companies` (ids), `phone`, `email`, `birthday`, `owner`, `fields`."""
    base, owner = portal.base, int(body.get("owner", 1))
    birthday = body.get("birthday")
    made = base.add_contact(
        str(body["first_name"]),
        str(body.get("last_name", "")),
        company_ids=[int(one) for one in body.get("companies", [])],
        phone=str(body.get("phone", "")),
        email=str(body.get("email", "")),
        birthday=date.fromisoformat(birthday) if birthday else None,
        owner=owner,
        by=int(body.get("by", owner)),
        fields=_fields(base, "contact", body),
    )
    return {"id": made.id}


def add_deals(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`title`, `company`, `contacts`, `pipeline`, `stage`, `amount`, `owner`, `by`, `fields`; `count` of equal ones."""
    base = portal.base
    count = int(body.get("count", 1))
    if not 0 < count <= MOST_DEALS:
        raise ValueError(f"count is 1 to {MOST_DEALS}")
    pipeline = find_pipeline(base, body.get("pipeline"))
    stage = find_stage(pipeline, body.get("stage"))
    company = find_company(base, body.get("company"))
    contacts = body.get("contacts")
    if contacts is None:
        contacts = base.people_of(company)[:1] if company else []
    owner = int(body.get("owner", base.companies[company].owner if company else 1))
    ids = [
        base.add_deal(
            str(body.get("title", "Сделка")),
            pipeline=pipeline.id,
            stage=stage.id,
            company=company,
            contacts=[int(one) for one in contacts],
            amount=int(body.get("amount", 0)),
            owner=owner,
            by=int(body.get("by", owner)),
            fields=_fields(base, "deal", body),
        ).id
        for _ in range(count)
    ]
    return {"ids": ids}


def _deals(base: Base, body: dict[str, Any]) -> list[Deal]:
    wanted = body.get("deals", body.get("deal"))
    if wanted is None:
        raise KeyError("deal")
    return [base.deal(int(one)) for one in (wanted if isinstance(wanted, list) else [wanted])]


def move_deal(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`deal` or `deals`, `stage`, `pipeline` (default: the deal's own), `loss_reason`, `by` (default: the owner)."""
    base = portal.base
    moved = []
    for deal in _deals(base, body):
        pipeline = find_pipeline(base, body.get("pipeline", deal.pipeline))
        stage = find_stage(pipeline, body["stage"])
        reason = _loss_reason(base, body.get("loss_reason"))
        base.move_deal(deal.id, pipeline.id, stage.id, by=int(body.get("by", deal.owner)), loss_reason=reason)
        moved.append(deal.id)
    return {"ids": moved}


def _loss_reason(base: Base, wanted: Any) -> int | None:
    if wanted is None:
        return None
    for key, text in base.loss_reasons.items():
        if wanted in (key, str(key), text):
            return key
    raise UnknownRecord(f"loss reason {wanted}")


def delete_deal(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`deal` or `deals`, `by`."""
    deals = _deals(portal.base, body)
    for deal in deals:
        portal.base.delete_card("deal", deal.id, by=int(body.get("by", deal.owner)))
    return {"ids": [deal.id for deal in deals]}


def restore_deal(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`deal`: back from the bin."""
    portal.base.restore_card("deal", int(body["deal"]), by=int(body.get("by", 1)))
    return {"ids": [int(body["deal"])]}


def add_activity(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`kind` (call, email, meeting, chat), `direction`, `seconds`, `answered`, `completed`, `at`, and with whom."""
    base = portal.base
    kind = body["kind"]
    if kind not in ("call", "email", "meeting", "chat"):
        raise ValueError("kind is call, email, meeting or chat")
    direction = body.get("direction", "out")
    if direction not in ("in", "out"):
        raise ValueError("direction is in or out")
    answered = bool(body.get("answered", True))
    usual = {"call": 180 if answered else 0, "meeting": 3600}.get(kind, 0)
    contact, deal = body.get("contact"), body.get("deal")
    cards: list[tuple[CardKind, Any]] = [("contact", contact), ("deal", deal)]
    owners = [base.card(one, int(of)).owner for one, of in cards if of is not None]
    company = find_company(base, body.get("company"))
    if company:
        owners.append(base.companies[company].owner)
    if not owners:
        raise KeyError("company, contact or deal")
    seconds = int(body.get("seconds", usual))
    made = base.add_activity(
        kind,
        direction=direction,
        at=moment_from(body.get("at")),
        seconds=seconds,
        answered=answered,
        completed=bool(body.get("completed", True)),
        by=int(body.get("by", owners[0])),
        subject=str(body.get("subject", "")),
        company=company,
        contact=int(contact) if contact is not None else None,
        deal=int(deal) if deal is not None else None,
        robot=bool(body.get("robot", False)),
        created=None if body.get("at") else base.clock.now(),
    )
    return {"id": made.id}


def change_card(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`kind`, `id`, `fields` by code, `title`/`owner`/`amount`/`birthday`/…, `by` (default: the owner)."""
    base, kind, card_id = portal.base, card_kind(body["kind"]), int(body["id"])
    card = base.card(kind, card_id)
    changes = {name: value for name, value in body.items() if name not in ("kind", "id", "fields", "by")}
    allowed = _changeable(card)
    if set(changes) - allowed:
        raise ValueError(f"of a {kind} one can change fields, {', '.join(sorted(allowed))}")
    if changes.get("birthday"):
        changes["birthday"] = date.fromisoformat(changes["birthday"])
    by = int(body.get("by", card.owner))
    base.update_card(kind, card_id, by=by, fields=_fields(base, kind, body), **changes)
    return plain(card)


def _changeable(card: Card) -> set[str]:
    if isinstance(card, Deal):
        return {"title", "owner", "amount", "company", "contacts", "template"}
    if isinstance(card, Contact):
        return {"first_name", "last_name", "owner", "phone", "email", "birthday", "company_ids"}
    return {"title", "owner", "ours"}


def complete_task(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`task`, `result`, `by` (default: the assignee); `apart`: the result follows in a save of its own."""
    task, result = portal.base.task(int(body["task"])), str(body.get("result", ""))
    by = int(body.get("by", task.assignee))
    done = portal.base.complete_task(task.id, by=by, result="" if body.get("apart") else result)
    return plain(portal.base.update_task(task.id, by=by, result=result) if body.get("apart") else done)


def reopen_task(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`task`, `by`."""
    task = portal.base.task(int(body["task"]))
    return plain(portal.base.reopen_task(task.id, by=int(body.get("by", task.assignee))))


def edit_task(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`task`, `title`, `text`, `due`, `assignee`, `by`."""
    task = portal.base.task(int(body["task"]))
    changes: dict[str, Any] = {name: body[name] for name in ("title", "text", "assignee") if name in body}
    if "due" in body:
        changes["due"] = moment_from(body["due"])
    return plain(portal.base.update_task(task.id, by=int(body.get("by", task.assignee)), **changes))


def delete_task(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`task`, `by`."""
    task = portal.base.task(int(body["task"]))
    portal.base.delete_task(task.id, by=int(body.get("by", task.assignee)))
    return plain(task)
