"""Orders of `rules` -> effects for the outbox: what is written into the CRM, under which key.

A key is the occurrence's identity and what is done about it, so the same judgement never yields a second effect.
Orders and ledger rows are stored in one transaction, which is why `move` and `assign` may carry the moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from connector.crm.port import Effect, Ref, Verb
from connector.offer_words import OfferWords
from connector.order_words import Words
from connector.store import Intent
from rules.assessment import Doing, Order
from rules.facts import Snapshot
from rules.ledger import Key
from rules.regulation import Regulation
from rules.texts import Lang

VERBS: dict[Doing, Verb] = {
    "ask": "create_task",
    "offer": "offer_touch",
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
ON_CARDS: frozenset[Doing] = frozenset({"move", "assign", "close", "withdraw", "reopen"})
"""Orders that about a proposal mean: show it as it stands now (`connector.offers`)."""


def marker_of(portal: str, name: str) -> str:
    """What a task is found by in the CRM: `kasanie:` and 12 hex digits of portal and identity."""
    return MARKER + sha256(f"{portal}/{name}".encode()).hexdigest()[:12]


def intents_of(
    portal: str, orders: Iterable[Order], regulation: Regulation, snapshot: Snapshot, now: datetime, lang: Lang
) -> tuple[Intent, ...]:
    """What each order writes, in the order given."""
    words = Words(regulation, snapshot, lang)
    ended: set[Key] = set()
    intents = []
    for order in orders:
        if order.do in ON_CARDS and order.entry.proposed:
            continue
        if order.do in ("close", "withdraw") and order.whole_task:
            head = order.entry.joined or order.key
            if head in ended:  # its lines end together: one closing does for all
                continue
            ended.add(head)
        intents.append(Intent(effect=effect_of(portal, order, words, now), occurrence=str(order.key)))
    return tuple(intents)


def effect_of(portal: str, order: Order, words: Words, now: datetime) -> Effect:
    """The write that carries an order out. A line that is settled while its task goes on is told as one more line."""
    verb = VERBS[order.do]
    if verb in ("close_task", "withdraw_task") and not order.whole_task:
        verb = "add_line"
    key = effect_key(order, now)
    offer = OfferWords(words)
    title, text = offer.offered(order) if verb == "offer_touch" else words.of(order)
    return Effect(
        verb=verb,
        key=key,
        # a note or a proposal is found by a marker of its own, a task by that of its occurrence
        marker=marker_of(portal, key if verb in ("tell", "offer_touch") else str(order.key)),
        task=order.entry.task_id,
        title=title,
        text=text,
        assignee=order.to,
        due=order.task_due_at or order.due_at,
        bind=order.bind or cards_of(order, words.snapshot),
        watchers=order.copy_to,
        **(offer.for_card(order.entry) if verb == "offer_touch" else {}),
    )


def cards_of(order: Order, snapshot: Snapshot) -> tuple[Ref, ...]:
    """The cards a note goes to: the subject's, then its client's."""
    return tuple(dict.fromkeys((order.key.subject, snapshot.client.id)))


def effect_key(order: Order, now: datetime) -> str:
    """`rule/subject/occurrence#what`."""
    what: dict[Doing, str] = {
        "ask": "ask",
        "offer": "offer",
        "join": "join",
        "move": f"move:{now:%Y%m%dT%H%M%S.%f}",
        "assign": f"assign:{now:%Y%m%dT%H%M%S.%f}",
        "close": f"close:{order.entry.reopened}",
        "withdraw": f"withdraw:{order.entry.reopened}",
        "reopen": f"reopen:{order.entry.reopened}",
        "remind": f"remind:{_round(order)}",
        "tell": f"ignored:{_round(order)}" if order.because == "ignored" else f"tell:{order.step or order.because}",
    }
    return f"{order.key}#{what[order.do]}"


def _round(order: Order) -> str:
    """A proposal that was put off or came back is reminded of, and told of, anew."""
    entry = order.entry
    return f"{entry.later}.{entry.reopened}" if entry.reopened else str(entry.later)
