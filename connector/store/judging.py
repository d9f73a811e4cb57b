"""What judging clients leaves behind: ledger rows, intents, verdicts, recheck times, scores, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.crm.port import Ref
from connector.errors import LeaseLost
from connector.store import Intent, Judged
from connector.store.ledger import write_rows
from connector.store.outbox import bury_orphans, new_row
from connector.store.scores import keep_scores
from connector.store.tables import answer, client, outbox, unsettled, verdict
from connector.store.tables import portal as portals
from connector.store.transactions import Part, Transactions, chunks, lock_portal


class Judging(Part):
    """Verdicts, and everything that follows from them."""

    def verdicts(self, portal: str, client: Ref) -> list[dict[str, Any]]:
        """See Store."""
        last = sa.select(verdict.c.verdicts).where(verdict.c.portal == portal, verdict.c.client == client)
        with self._db.read() as connection:
            return connection.execute(last).scalar_one_or_none() or []

    def record(self, portal: str, judged: Sequence[Judged], now: datetime, worker: str | None = None) -> None:
        """See Store."""
        listed = sorted(judged, key=lambda each: each.client.ref)
        with self._db.write() as connection:
            row = lock_portal(connection, portal)
            if worker is not None and (row is None or row["lease_by"] != worker):
                raise LeaseLost(portal)
            write_rows(self._db, connection, portal, (entry for each in listed for entry in each.asked))
            intents = [intent for each in listed for intent in each.intents]
            scores = {each.client.ref: each.score for each in listed if each.score is not None}
            intents += keep_scores(connection, portal, scores, now)
            put_intents(self._db, connection, portal, intents, now)
            take_answers(connection, portal, [n for each in listed for n in each.answers])
            self._db.put(connection, verdict, [_verdict_row(portal, each, now) for each in listed])
            self._clear_clients(connection, portal, listed, now)

    def _clear_clients(self, connection: sa.Connection, portal: str, judged: Iterable[Judged], now: datetime) -> None:
        """A client that was marked again while it was judged stays on the list."""
        insert = self._db.insert(client)
        statement = insert.on_conflict_do_update(
            index_elements=["portal", "ref"],
            set_={
                "to_judge": sa.case((client.c.seq == insert.excluded.seq, sa.false()), else_=client.c.to_judge),
                "recheck_at": insert.excluded.recheck_at,
                "judged_at": insert.excluded.judged_at,
                "regulation": insert.excluded.regulation,
            },
        )
        rows = [
            {
                "portal": portal,
                "ref": each.client.ref,
                "seq": each.client.seq,
                "to_judge": False,
                "recheck_at": each.recheck_at,
                "judged_at": now,
                "regulation": each.regulation,
            }
            for each in judged
        ]
        if rows:
            connection.execute(statement, rows)


def put_intents(
    database: Transactions, connection: sa.Connection, portal: str, intents: Sequence[Intent], now: datetime
) -> None:
    """Record intents in order, inside a transaction that locked the portal; an existing key stays.

    A proposal is shown as it stands now: an older showing that was surely not sent is dropped.
    """
    if not intents:
        return
    shown = [intent.occurrence for intent in intents if intent.effect.verb == "show_offer"]
    for some in chunks(shown):
        connection.execute(
            sa.delete(outbox).where(
                outbox.c.portal == portal,
                outbox.c.occurrence.in_(some),
                outbox.c.verb == "show_offer",
                unsettled(),
                outbox.c.state == "new",
            )
        )
    first = take_numbers(connection, portal, len(intents))
    rows = [new_row(portal, first + place, intent, now) for place, intent in enumerate(intents)]
    insert = database.insert(outbox)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["portal", "key"]), rows)
    bury_orphans(connection, portal, now)


def take_answers(connection: sa.Connection, portal: str, numbers: Sequence[int]) -> None:
    """These clicks are judged: they go in the transaction that stores what followed from them."""
    taking = sa.update(answer).where(answer.c.portal == portal, answer.c.n == sa.bindparam("number"))
    if numbers:
        connection.execute(taking.values(taken=True), [{"number": n} for n in numbers])


def take_numbers(connection: sa.Connection, portal: str, count: int) -> int:
    """The first of `count` new numbers that give a portal's rows their order. Raises KeyError for an unknown portal."""
    last = connection.execute(
        sa.update(portals)
        .where(portals.c.portal == portal)
        .values(counter=portals.c.counter + count)
        .returning(portals.c.counter)
    ).scalar_one_or_none()
    if last is None:
        raise KeyError(portal)
    return int(last) - count + 1


def _verdict_row(portal: str, judged: Judged, now: datetime) -> dict[str, Any]:
    return {
        "portal": portal,
        "client": judged.client.ref,
        "verdicts": [dict(each) for each in judged.verdicts],
        "judged_at": now,
        "regulation": judged.regulation,
    }
