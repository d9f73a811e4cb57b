"""Incoming leads: made, accepted, declined; what they bring can't be read until then (facts/amocrm.md 4.8)."""

from __future__ import annotations

import secrets
from typing import Any

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.card_writes import CardWriter, Plan
from connector.sandbox.amocrm.kept import Category, Unsorted
from connector.sandbox.amocrm.problems import Flaw, Problem, not_supported
from connector.sandbox.records import CardKind

BROUGHT: dict[str, CardKind] = {"contacts": "contact", "companies": "company"}


def take_in(account: Account, category: Category, sent: dict[str, Any]) -> Unsorted:
    """A new incoming lead with its contacts and companies, as the API is sent it. Raises Flaw."""
    writer, embedded = CardWriter(account), sent.get("_embedded") or {}
    pipeline = _pipeline(account, sent.get("pipeline_id"))
    lead = {**((embedded.get("leads") or [{}])[0]), "pipeline_id": pipeline}
    if "created_at" in sent:
        lead.setdefault("created_at", sent["created_at"])
    plans: dict[str, list[Plan]] = {
        name: [writer.plan(kind, {"name": "", **one}, None) for one in embedded.get(name) or ()]
        for name, kind in BROUGHT.items()
    }
    plan = writer.plan("deal", lead, None)
    with account.base.editing():
        brought = {name: [writer.add(BROUGHT[name], one).id for one in rows] for name, rows in plans.items()}
        stage = next(one.id for one in account.base.pipelines[pipeline].stages if one.unsorted)
        plan.attributes.update(
            pipeline=pipeline, stage=stage, contacts=brought["contacts"], company=next(iter(brought["companies"]), None)
        )
        made = writer.add("deal", plan)
        number = account.base.new_id("unsorted")
        one = Unsorted(
            number=number,
            uid=secrets.token_hex(30),
            category=category,
            lead=made.id,
            contacts=brought["contacts"],
            companies=brought["companies"],
            pipeline=pipeline,
            created=made.created,
            source_name=str(sent.get("source_name") or ""),
            source_uid=sent.get("source_uid"),
            metadata=dict(sent.get("metadata") or {}),
        )
        account.kept.unsorted[one.uid] = one
        by, at = account.token_user, made.created
        account.base.note("added", "unsorted", number, by=by, at=at, after={"uid": one.uid})
        return one


def _pipeline(account: Account, wanted: Any) -> int:
    for one in account.base.pipelines.values():
        if wanted == one.id or (wanted is None and one.is_main):
            if not any(stage.unsorted for stage in one.stages):
                raise not_supported("pipeline_id")
            return one.id
    raise not_supported("pipeline_id")


def settle(account: Account, uid: str, *, accept: bool, user: int | None, status: int | None) -> Unsorted:
    """Accept (into a status, the pipeline's first one by default) or decline an incoming lead.

    Raises:
        Problem: 404, there is none that waits; 400, an unknown user or status.
    """
    base, one = account.base, account.kept.unsorted.get(uid)
    if one is None or one.state != "waiting":
        raise Problem(404, "Unsorted is not found")
    by = account.token_user if user is None else user
    if by not in base.users:
        raise Problem(400, "user_id is unknown")
    pipeline = base.pipelines[one.pipeline]
    stages = [stage for stage in pipeline.stages if not stage.unsorted]
    stage = stages[0] if status is None else account.stage_of(pipeline, status)
    if stage is None:
        raise Problem(400, "status_id is unknown")
    with base.editing():
        one.state = "accepted" if accept else "declined"
        if accept:
            base.update_card("deal", one.lead, by=by, stage=stage.id, owner=by)
        else:
            base.delete_card("deal", one.lead, by=by)
        told = {"uid": uid, "action": "accept" if accept else "decline"}
        base.note("deleted", "unsorted", one.number, by=by, at=base.clock.now(), after=told)
    return one


def category_of(word: Any) -> Category:
    """A category by its word. Raises Flaw."""
    known: dict[str, Category] = {"forms": "forms", "sip": "sip", "mail": "mail", "chats": "chats"}
    if word not in known:
        raise Flaw("NotSupportedChoice", "category", "The value you selected is not a valid choice.")
    return known[word]
