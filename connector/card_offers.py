"""The open proposals of one card, for a widget that shows them there, and the answers that are given in it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, Literal

from connector.crm.port import Click, Ref
from connector.errors import ConnectorError
from connector.result_words import REASON_LIMIT
from connector.store import Store
from rules.ledger import Asked, State

LONGEST_DAYS: Final = 365


class NotOffered(ConnectorError):  # noqa: N818  # a state, not a fault
    """Nothing of this name waits for an answer, or not for this one."""


def offers_on(store: Store, portal: str, card: Ref) -> list[dict[str, Any]]:
    """What is offered about this card and about whose it is: as plain JSON. Raises StoreDown."""
    refs = {card} | {ref for fact in store.facts(portal, [card]) for ref in fact.links if not ref.startswith("deal:")}
    rows = [*store.asked_about(portal, [card]).get(card, []), *_of_clients(store, portal, refs)]
    waiting = {str(row.key): row for row in rows if _is_open(row) and row.key.subject in refs}
    shown = store.last_showings(portal, waiting)
    pressed = {one.click.about for one in store.answers(portal)}
    return [
        {
            "about": about,
            "title": effect.title,
            "text": effect.text,
            "status": effect.status,
            "due": int(row.promise_at.timestamp()),
            "assignee": row.assignee,
            "answered": about in pressed,
            "choices": [asdict(choice) for choice in effect.choices],
        }
        for about, row in sorted(waiting.items(), key=lambda pair: (pair[1].promise_at, pair[0]))
        if (effect := shown.get(about)) is not None  # else our own word about it is on its way
    ]


def answer_offer(
    store: Store,
    portal: str,
    about: str,
    answer: Literal["accept", "later", "decline"],
    *,
    by: str,
    days: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep an answer as if a button of the CRM had been pressed; the portal's lane judges it. Raises StoreDown.

    Raises:
        NotOffered: it is not open, or may not be answered so (any more).
    """
    subject = about.split("/")[1] if about.count("/") >= 2 else ""
    rows = store.asked_about(portal, [subject]).get(subject, []) if subject else []
    row = next((row for row in rows if str(row.key) == about and _is_open(row)), None)
    shown = store.last_showings(portal, [about]).get(about) if row is not None else None
    if row is None or row.offer is None or shown is None:
        raise NotOffered("nothing of this name waits for an answer")
    if all(choice.answer != answer for choice in shown.choices):
        raise NotOffered("it may not be answered so")
    click = Click(
        about=about,
        offer=row.offer,
        answer=answer,
        by=by,
        days=days if answer == "later" else None,
        reason=reason[:REASON_LIMIT] if reason and answer == "decline" else None,
    )
    store.put_clicks(portal, [click], datetime.now(UTC))


def _is_open(row: Asked) -> bool:
    return row.state is State.OFFERED and row.offer is not None


def _of_clients(store: Store, portal: str, refs: set[Ref]) -> list[Asked]:
    return [row for rows in store.asked(portal, refs).values() for row in rows]
