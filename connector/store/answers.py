"""Answers to proposals: clicks are durable before their webhook is answered, and judged once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.crm.port import Click, Effect
from connector.store import Intent
from connector.store.clients import mark
from connector.store.judging import put_intents, take_numbers
from connector.store.ledger import asked_of
from connector.store.proposals import AnswerRow, OpenOffer
from connector.store.regulations import add_note
from connector.store.tables import answer, asked, outbox
from connector.store.transactions import Part, chunks, lock_portal

_WAITING: sa.ColumnElement[bool] = sa.literal_column("NOT taken")
_OFFERED: sa.ColumnElement[bool] = sa.literal_column("asked.state = 'offered'")
"""Word by word as their partial indexes say it."""


class Answers(Part):
    """Clicks as they come, and what was offered."""

    def put_clicks(self, portal: str, clicks: Iterable[Click], now: datetime) -> None:
        """See Store."""
        listed = list(clicks)
        if not listed:
            return
        with self._db.write() as connection:
            lock_portal(connection, portal)
            rows = _rows_of(connection, portal, {click.about for click in listed})
            first = take_numbers(connection, portal, len(listed))
            answers = [_row(portal, first + place, click, rows, now) for place, click in enumerate(listed)]
            connection.execute(sa.insert(answer), answers)
            mark(self._db, connection, portal, {rows[one["about"]]["client"] for one in answers if not one["taken"]})
            for one in answers:
                if one["taken"]:
                    details = {name: one[name] for name in ("offer", "answer", "pressed_by")}
                    add_note(connection, portal, "click.unknown", one["about"], details, now)

    def answers(self, portal: str) -> list[AnswerRow]:
        """See Store."""
        query = sa.select(answer).where(answer.c.portal == portal, _WAITING).order_by(answer.c.n)
        with self._db.read() as connection:
            return [
                AnswerRow(
                    n=row.n,
                    click=Click(
                        about=row.about,
                        offer=row.offer,
                        answer=row.answer,
                        by=row.pressed_by,
                        reason=row.reason,
                        days=row.days,
                    ),
                    heard_at=row.heard_at,
                )
                for row in connection.execute(query)
            ]

    def offered(self, portal: str, occurrences: Collection[str]) -> dict[str, Effect]:
        """See Store."""
        writes = self._writes(portal, occurrences, ("offer_touch",))
        return {row.occurrence: Effect.from_json(row.effect) for row in writes}

    def last_showings(self, portal: str, occurrences: Collection[str]) -> dict[str, Effect | None]:
        """See Store."""
        writes = self._writes(portal, occurrences, ("offer_touch", "show_offer"))
        return {
            row.occurrence: Effect.from_json(row.effect) if row.state == "done" else None
            for row in writes
            if row.state != "dead"
        }

    def _writes(self, portal: str, occurrences: Collection[str], verbs: Sequence[str]) -> list[sa.Row[Any]]:
        """These writes about proposals, in the order of deciding."""
        found: list[sa.Row[Any]] = []
        with self._db.read() as connection:
            for some in chunks(occurrences):
                theirs = sa.select(outbox.c.n, outbox.c.occurrence, outbox.c.state, outbox.c.effect).where(
                    outbox.c.portal == portal, outbox.c.occurrence.in_(some), outbox.c.verb.in_(verbs)
                )
                found += connection.execute(theirs)
        return sorted(found, key=lambda row: int(row.n))

    def open_offers(self, portal: str, kind: str) -> list[OpenOffer]:
        """See Store."""
        query = (
            sa.select(asked)
            .where(asked.c.portal == portal, _OFFERED, asked.c.offer.like(f"{kind}:%"))
            .order_by(asked.c.key)
        )
        with self._db.read() as connection:
            rows = [asked_of(row) for row in connection.execute(query).mappings()]
        writes = self._writes(portal, [str(row.key) for row in rows], ("offer_touch", "show_offer"))
        last = {write.occurrence: write for write in writes}
        return [
            OpenOffer(asked=row, shown=Effect.from_json(last[key].effect))
            for row in rows
            if (key := str(row.key)) in last and last[key].state == "done"
        ]

    def show_again(self, portal: str, intents: Sequence[Intent], now: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            lock_portal(connection, portal)
            put_intents(self._db, connection, portal, intents, now)


def _rows_of(connection: sa.Connection, portal: str, about: Collection[str]) -> dict[str, sa.RowMapping]:
    """Client and card of what the clicks are about, as far as it was ever offered."""
    columns = (asked.c.key, asked.c.client, asked.c.offer)
    offered = sa.select(*columns).where(asked.c.portal == portal, asked.c.mode != "auto")
    found: dict[str, sa.RowMapping] = {}
    for some in chunks(about):
        rows = connection.execute(offered.where(asked.c.key.in_(some))).mappings()
        found.update({row["key"]: row for row in rows})
    return found


def _row(portal: str, n: int, click: Click, rows: Mapping[str, sa.RowMapping], now: datetime) -> dict[str, Any]:
    known = rows.get(click.about)
    ours = known is not None and known["offer"] in (None, click.offer)
    return {
        "portal": portal,
        "n": n,
        "about": click.about,
        "offer": click.offer,
        "answer": click.answer,
        "reason": click.reason,
        "days": click.days,
        "pressed_by": click.by,
        "heard_at": now,
        "taken": not ours,
    }
