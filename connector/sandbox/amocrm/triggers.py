"""Blocks on stages of the digital pipeline: plain webhooks and actions of widgets, sent once (amocrm.md 1.1, 1.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.sandbox.amocrm.account import Account, unix
from connector.sandbox.amocrm.form import encode
from connector.sandbox.amocrm.kept import Trigger
from connector.sandbox.amocrm.posting import FORM, JSON
from connector.sandbox.records import Activity, Change, Deal

MOVED, ADDED = (14, "lead_status_changed"), (1, "lead_added")
TALKED = {"call": ("call_in", 17), "chat": ("chat", 19), "email": ("mail_in", 16)}
"""By kind of an incoming communication: the hook's action, and the type of a widget's event."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to post."""

    url: str
    entity: str
    action: str
    content_type: str
    body: bytes


def orders_of(account: Account, change: Change) -> Iterator[Order]:
    """What the blocks of the stage tell of a change; hold the base's lock."""
    if not account.kept.triggers:
        return
    if change.kind == "deal" and change.what in ("added", "moved"):
        lead = account.base.deals[change.of]
        action = "add" if change.what == "added" else "status"
        event = ADDED if change.what == "added" else MOVED
        yield from _told(account, change, lead, action, event)
    elif change.kind == "activity" and change.what == "added":
        activity = account.base.activities[change.of]
        if activity.deal and activity.direction == "in" and activity.kind in TALKED:
            yield from _talked(account, change, activity)


def _talked(account: Account, change: Change, activity: Activity) -> Iterator[Order]:
    action, number = TALKED[activity.kind]
    yield from _told(account, change, account.base.deals[activity.deal or 0], action, (number, action))


def _told(account: Account, change: Change, lead: Deal, action: str, event: tuple[int, str]) -> Iterator[Order]:
    for one in account.kept.triggers:
        if (one.pipeline, one.stage) != (lead.pipeline, lead.stage):
            continue
        if one.settings is None:
            body = encode(_plain(account, change, lead, action))
            yield Order(one.url, "leads", action, FORM, body)
            continue
        told = _widget(account, change, lead, one, event)
        content = (FORM, encode(told)) if one.form else (JSON, json.dumps(told, ensure_ascii=False).encode())
        yield Order(one.url, "widget", event[1], *content)


def _plain(account: Account, change: Change, lead: Deal, action: str) -> dict[str, Any]:
    """Ids only; the old pipeline is always told of a move."""
    body = {
        "id": lead.id,
        "status_id": account.status_of(lead.pipeline, lead.stage),
        "pipeline_id": lead.pipeline,
    }
    if change.what == "moved":
        before = change.before
        body["old_status_id"] = account.status_of(before["pipeline"], before["stage"])
        body["old_pipeline_id"] = before["pipeline"]
    return {"leads": {action: [body]}, "account": {"id": account.id, "subdomain": account.subdomain}}


def _widget(account: Account, change: Change, lead: Deal, one: Trigger, event: tuple[int, str]) -> dict[str, Any]:
    number, code = event
    told: dict[str, Any] = {
        "id": lead.id,
        "element_type": 2,
        "status_id": account.status_of(lead.pipeline, lead.stage),
        "pipeline_id": lead.pipeline,
    }
    if one.multiple:
        told["direction_of_movement"] = "went_in_trigger"
    return {
        "event": {"type": number, "type_code": code, "data": told, "time": unix(change.at)},
        "action": {"settings": {"widget": {"settings": one.settings}}},
        "subdomain": account.subdomain,
        "account_id": account.id,
    }
