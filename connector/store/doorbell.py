"""What is undone? The pump's question, and when a reconciliation is due."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from connector.store.outbox import ready
from connector.store.tables import MARKED, client, dirty, install
from connector.store.tables import portal as portals
from connector.store.transactions import Part, RealNow

HOOKS_SECONDS = 900.0
"""Real seconds between two looks at the event subscriptions (reliability.md F34)."""
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""Due whatever the business time is."""


class Doorbell(Part):
    """Level-triggered: the tables are asked what is undone, so a lost call costs a delay and never work."""

    def ring_due(self, now: datetime, hold: float) -> list[str]:
        """See Store."""
        row = portals.c
        free = sa.or_(row.lease_by.is_(None), row.lease_until_real <= RealNow())
        due = (
            sa.select(row.portal)
            .where(free, row.rung_until_real <= RealNow(), row.parked_until_real <= RealNow(), _undone(now))
            .order_by(row.portal)
            .with_for_update(skip_locked=True)  # SQLite leaves it out: there the write lock is held already
        )
        with self._db.write() as connection:
            names = list(connection.execute(due).scalars())
            if names:
                connection.execute(
                    sa.update(portals).where(row.portal.in_(names)).values(rung_until_real=RealNow() + hold)
                )
        return names

    def idle(self, now: datetime) -> bool:
        """See Store."""
        due = sa.select(portals.c.portal).where(portals.c.parked_until_real <= RealNow(), _undone(now)).limit(1)
        with self._db.read() as connection:
            return connection.execute(due).first() is None

    def reconcile_due(self, portal: str, now: datetime) -> bool:
        """See Store. From here on new wishes count for the next one."""
        row = portals.c
        statement = (
            sa.update(portals)
            .where(row.portal == portal, _reconcile(now))
            .values(reconcile_at=sa.case((row.reconcile_at > now, now), else_=row.reconcile_at), wished_at=None)
        )
        with self._db.write() as connection:
            return connection.execute(statement).rowcount == 1

    def set_reconcile_due(self, portal: str, at: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            wish_reconciliation(connection, portal, at)

    def reconciled(self, portal: str, next_at: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(sa.update(portals).where(portals.c.portal == portal).values(reconcile_at=next_at))


def wish_reconciliation(connection: sa.Connection, portal: str, at: datetime = AT_ONCE) -> None:
    """Ask for a reconciliation at `at`, or earlier if one is wished for earlier."""
    wished = portals.c.wished_at
    connection.execute(
        sa.update(portals).where(portals.c.portal == portal).values(wished_at=sa.case((wished <= at, wished), else_=at))
    )


def hooks_unseen(portal: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether an installed application's event subscriptions were not looked at for too long."""
    row = install.c
    return sa.exists().where(row.portal == portal, row.access != "", row.hooks_real <= RealNow() - HOOKS_SECONDS)


def _reconcile(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(portals.c.reconcile_at.is_(None), portals.c.reconcile_at <= now, portals.c.wished_at <= now)


def _undone(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a portal has bells, clients to judge, effects whose time has come, or a due reconciliation."""
    name = portals.c.portal
    return sa.or_(
        _reconcile(now),
        sa.exists().where(dirty.c.portal == name),
        sa.exists().where(client.c.portal == name, MARKED),
        sa.exists().where(client.c.portal == name, client.c.recheck_at.is_not(None), client.c.recheck_at <= now),
        ready(name).exists(),
        hooks_unseen(name),
    )
