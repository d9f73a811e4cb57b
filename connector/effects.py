"""Orders of `rules` -> effects for the outbox: what is written into the CRM, under which key.

A key is the occurrence's identity and what is done about it, so the same judgement never yields a second effect.
Orders and ledger rows are stored in one transaction, which is why `move` and `assign` may carry the moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from connector.crm.port import Effect, Verb
from connector.store import Intent
from rules.assessment import Doing, Order
from rules.facts import Snapshot

VERBS: dict[Doing, Verb] = {
    "ask": "create_task",
    "offer": "create_task",
    "join": "add_line",
    "move": "move_task",
    "assign": "assign_task",
    "close": "close_task",
    "withdraw": "withdraw_task",
    "reopen": "reopen_task",
    "remind": "tell",
    "tell": "tell",
}
MARKER = "kasanie:"


def marker_of(portal: str, name: str) -> str:
    """What a task is found by in the CRM: `kasanie:` and 12 hex digits of portal and identity."""
    return MARKER + sha256(f"{portal}/{name}".encode()).hexdigest()[:12]


def intents_of(portal: str, orders: Iterable[Order], snapshot: Snapshot, now: datetime) -> tuple[Intent, ...]:
    """One intent per order, in the order given."""
    return tuple(Intent(effect=effect_of(portal, order, snapshot, now), occurrence=str(order.key)) for order in orders)


def effect_of(portal: str, order: Order, snapshot: Snapshot, now: datetime) -> Effect:
    """The write that carries an order out."""
    verb = VERBS[order.do]
    key = effect_key(order, now)
    return Effect(
        verb=verb,
        key=key,
        # a note is found by a marker of its own, a task by that of its occurrence
        marker=marker_of(portal, key if verb == "tell" else str(order.key)),
        task=order.entry.task_id,
        title=order.title,
        text=order.text,
        assignee=order.to,
        due=order.due_at,
        bind=order.bind or (snapshot.client.id,),
        watchers=order.copy_to,
    )


def effect_key(order: Order, now: datetime) -> str:
    """`rule/subject/occurrence#what`."""
    what: dict[Doing, str] = {
        "ask": "ask",
        "offer": "ask",
        "join": "join",
        "move": f"move:{now:%Y%m%dT%H%M%S}",
        "assign": f"assign:{now:%Y%m%dT%H%M%S}",
        "close": f"close:{order.entry.reopened}",
        "withdraw": f"withdraw:{order.entry.reopened}",
        "reopen": f"reopen:{order.entry.reopened}",
        "remind": f"remind:{order.entry.later}",
        "tell": f"tell:{order.step or order.because}",
    }
    return f"{order.key}#{what[order.do]}"
