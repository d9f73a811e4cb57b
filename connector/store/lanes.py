"""One portal, one lane: its lease and its limiter, both columns of the portal's row.

One short UPDATE decides between workers on all machines, on the database's own clock.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.tables import portal as portals
from connector.store.transactions import Part, RealNow

RATE_MARGIN = 0.95
"""We use 95 % of the published rate and one less than the burst: requests arrive jittered (engine.md, changes)."""


class Lanes(Part):
    """Lease and limiter of each portal."""

    def take_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """See Store."""
        row = portals.c
        free = sa.or_(row.lease_by.is_(None), row.lease_until_real <= RealNow())
        statement = (
            sa.update(portals)
            .where(row.portal == portal, free, row.parked_until_real <= RealNow())
            # whoever serves has heard the bell; what comes from now on may ring again
            .values(lease_by=worker, lease_until_real=RealNow() + seconds, rung_until_real=0)
        )
        with self._db.write() as connection:
            return connection.execute(statement).rowcount == 1

    def renew_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """See Store."""
        with self._db.write() as connection:
            return hold_lease(connection, portal, worker, seconds)

    def release_lease(self, portal: str, worker: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(portals)
                .where(portals.c.portal == portal, portals.c.lease_by == worker)
                .values(lease_by=None, lease_until_real=0, rung_until_real=0)
            )

    def free_lanes(self, worker: str) -> None:
        """See Store."""
        mine_or_nobodys = sa.or_(portals.c.lease_by == worker, portals.c.lease_by.is_(None))
        with self._db.write() as connection:
            connection.execute(
                sa.update(portals).where(mine_or_nobodys).values(lease_by=None, lease_until_real=0, rung_until_real=0)
            )

    def reserve(self, portal: str) -> float:
        """See Store.

        GCRA: `arrival` is when the bucket will be empty again; a request may leave while it is less than a burst away.
        Raises KeyError for a portal that was never added.
        """
        row = portals.c
        later = sa.case((row.arrival_real > RealNow(), row.arrival_real), else_=RealNow())
        statement = (
            sa.update(portals)
            .where(row.portal == portal)
            .values(arrival_real=later + 1 / _rate())
            .returning(row.arrival_real - _burst() / _rate() - RealNow())
        )
        with self._db.write() as connection:
            pause = connection.execute(statement).scalar_one_or_none()
        if pause is None:
            raise KeyError(portal)
        return max(0.0, float(pause))

    def push_back(self, portal: str, seconds: float) -> None:
        """See Store. Afterwards requests leave at the plain rate, without a burst."""
        row = portals.c
        pushed = RealNow() + seconds + (_burst() - 1) / _rate()
        statement = (
            sa.update(portals)
            .where(row.portal == portal)
            .values(arrival_real=sa.case((row.arrival_real > pushed, row.arrival_real), else_=pushed))
        )
        with self._db.write() as connection:
            connection.execute(statement)


def hold_lease(connection: sa.Connection, portal: str, worker: str, seconds: float) -> bool:
    """Extend one's own lease inside a transaction; False: another worker took it.

    A lease that ran out and that nobody took is still one's own: its row names us.
    """
    statement = (
        sa.update(portals)
        .where(portals.c.portal == portal, portals.c.lease_by == worker)
        .values(lease_until_real=RealNow() + seconds)
    )
    return connection.execute(statement).rowcount == 1


def _rate() -> sa.ColumnElement[float]:
    return portals.c.rate * RATE_MARGIN


def _burst() -> sa.ColumnElement[float]:
    return sa.case((portals.c.burst > 2, portals.c.burst - 1.0), else_=1.0)
