"""Proposals in the CRM: written again after every answer and every change, and once an hour while they are open.

A click locks the card until it is written again, and Bitrix24 never repeats an event (facts/bitrix24.md 6.7): so each
click leads to a writing, also one that changes nothing, and the hourly round frees cards whose click was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import structlog

from connector.answers import shown_by
from connector.crm.port import Effect
from connector.offer_words import OfferWords
from connector.order_words import Words
from connector.store import AnswerRow, Intent, Store
from rules.assessment import Order
from rules.facts import Snapshot
from rules.ledger import Asked, State

log = structlog.get_logger()


def rows_to_show(snapshot: Snapshot, rows: Iterable[Asked], clicks: Iterable[AnswerRow]) -> list[Asked]:
    """What was offered before this judgement and looks another way after it, was clicked on, or got an unclear answer.

    `rows`: those that the judgement changed.
    """
    after = {row.key: row for row in rows}
    pressed = {click.click.about for click in clicks} | unclear(snapshot).keys()
    return [
        now
        for was in snapshot.asked
        if was.mode != "auto"
        and (now := after.get(was.key, was))
        and ((was.proposed and _look(was) != _look(now)) or str(was.key) in pressed)
    ]


def unclear(snapshot: Snapshot) -> dict[str, str]:
    """By occurrence: words with which somebody answered an open proposal, and that nobody understands."""
    rows = {row.key: row for row in snapshot.asked if row.state is State.OFFERED}
    return {
        str(answer.key): answer.reason or ""
        for answer in snapshot.answers
        if answer.answer == "unclear"
        and (row := rows.get(answer.key))
        and answer.at > (row.answered_at or row.asked_at)
    }


def showings(
    rows: Sequence[Asked],
    offered: Mapping[str, Effect],
    clicks: Iterable[AnswerRow],
    orders: Iterable[Order],
    words: Words,
    now: datetime,
) -> list[Intent]:
    """The writings that show these proposals as they stand; `offered` by occurrence, as `Store.offered` gives it."""
    last_click = {click.click.about: click.n for click in clicks}
    decided = {order.key: order for order in orders}
    misheard = unclear(words.snapshot)
    intents = []
    for row in rows:
        about = str(row.key)
        if about not in offered:  # it joined a task at once: no card of its own was ever made
            continue
        offer = OfferWords(words)
        said = misheard.get(about) if row.state is State.OFFERED else None
        shown = replace(
            offered[about],
            verb="show_offer",
            assignee=row.assignee,
            due=row.promise_at,
            offer=row.offer,
            status=offer.status(row, decided.get(row.key)) if said is None else offer.unclear(said),
            closing=_closing(row, words.snapshot),
            **offer.for_card(row),
        )
        if said is not None and about not in last_click:  # once for each way it looks, whatever else is answered
            looks = sha256(repr(_look(row)).encode()).hexdigest()[:8]
            intents.append(_again(shown, about, f"show:unclear:{looks}"))
            continue
        # not the moment alone: two judgements may fall on one, and a click must lead to a writing of its own
        told = sha256(repr((shown.to_json(), last_click.get(about))).encode()).hexdigest()[:8]
        intents.append(_again(shown, about, f"show:{now:%Y%m%dT%H%M%S.%f}:{told}"))
    return intents


def write_offers_again(store: Store, portal: str, now: datetime) -> int:
    """Record a writing of every open card as it was written last; how many. To be called once an hour of real time.

    `now`: business time. Only cards lock; a proposal that is a task of its own needs nothing. Of a card that somebody
    deleted, the client is put on the list to judge instead.
    """
    offers = store.open_offers(portal, "activity")
    cards = {shown_by(one.asked) or "": one for one in offers}
    gone = [cards[fact.ref] for fact in store.facts(portal, cards) if fact.gone]
    store.mark_clients(portal, {one.asked.client for one in gone})
    hour = f"show:again:{datetime.now(UTC):%Y%m%dT%H}"
    # without a due only the looks are written: what a person did to the card meanwhile stays
    intents = [
        _again(replace(one.shown, verb="show_offer", due=None), str(one.asked.key), hour)
        for one in offers
        if one not in gone
    ]
    if intents:
        store.show_again(portal, intents, now)
        log.info("offers.written_again", portal=portal, offers=len(intents))
    return len(intents)


def _again(effect: Effect, occurrence: str, what: str) -> Intent:
    """The marker stays that of the offer: the card carries it, and it is found by it."""
    return Intent(effect=replace(effect, key=f"{occurrence}#{what}"), occurrence=occurrence)


def _closing(row: Asked, snapshot: Snapshot) -> str:
    """When the task that stands for a proposal was closed, if it is."""
    kind, _, number = (row.offer or "").partition(":")
    task = snapshot.tasks.get(number) if kind == "task" else None
    return task.closed_at.isoformat() if task is not None and not task.open and task.closed_at is not None else ""


def _look(row: Asked) -> tuple[object, ...]:
    """What a person sees of a proposal."""
    return row.state, row.promise_at, row.assignee, row.joined, row.answer, row.later
