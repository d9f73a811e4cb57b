"""Bells: a set of subjects to look at again, not a log of what webhooks said."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from connector.crm.port import Bell
from connector.store import RungBell
from connector.store.doorbell import wish_reconciliation
from connector.store.tables import dirty
from connector.store.tables import portal as portals
from connector.store.transactions import Part


class Bells(Part):
    """The path of a webhook: one short transaction, durable before the answer."""

    def put_bells(self, portal: str, bells: Iterable[Bell], now: datetime) -> None:
        """See Store."""
        listed = list(bells)
        named = {bell.ref: bell.event for bell in listed if bell.ref is not None}
        insert = self._db.insert(dirty)
        again = insert.on_conflict_do_update(
            index_elements=["portal", "ref"],
            set_={"seq": dirty.c.seq + 1, "last_at": insert.excluded.last_at, "event": insert.excluded.event},
        )
        rows = [
            {"portal": portal, "ref": ref, "seq": first_seq(), "first_at": now, "last_at": now, "event": event}
            for ref, event in sorted(named.items())  # in one order, or two hooks could wait for each other
        ]
        with self._db.write() as connection:
            if rows:
                connection.execute(again, rows)
            if any(bell.ref is None for bell in listed):
                wish_reconciliation(connection, portal)

    def count_unreadable(self, portal: str, now: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(portals)
                .where(portals.c.portal == portal)
                .values(unreadable=portals.c.unreadable + 1, unreadable_at=now)
            )
            wish_reconciliation(connection, portal)

    def bells(self, portal: str, limit: int) -> list[RungBell]:
        """See Store."""
        oldest = (
            sa.select(dirty.c.ref, dirty.c.seq)
            .where(dirty.c.portal == portal)
            .order_by(dirty.c.first_at, dirty.c.ref)
            .limit(limit)
        )
        with self._db.read() as connection:
            return [RungBell(ref=row.ref, seq=row.seq) for row in connection.execute(oldest)]

    def clear_bells(self, portal: str, rung: Iterable[RungBell]) -> None:
        """See Store."""
        rows = sorted(
            ({"was": bell.ref, "read": bell.seq} for bell in rung if bell.ref), key=lambda row: str(row["was"])
        )
        unchanged = sa.delete(dirty).where(
            dirty.c.portal == portal, dirty.c.ref == sa.bindparam("was"), dirty.c.seq == sa.bindparam("read")
        )
        if rows:
            with self._db.write() as connection:
                connection.execute(unchanged, rows)


def first_seq() -> int:
    """Where a new row's `seq` begins: microseconds, so that a row made anew never repeats the seq of a cleared one."""
    return time.time_ns() // 1000
