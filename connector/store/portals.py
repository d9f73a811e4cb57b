"""The portals: one row each, and why one of them is not served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store import PortalRow
from connector.store.doorbell import wish_reconciliation
from connector.store.tables import MARKED, client, dirty, outbox
from connector.store.tables import portal as portals
from connector.store.transactions import Part, RealNow


class Portals(Part):
    """Rows of `portal`, without the lane's columns."""

    def add_portal(self, name: str, crm: str, *, rate: float, burst: int, account: str | None = None) -> None:
        """See Store."""
        with self._db.write() as connection:
            insert = self._db.insert(portals)
            change = {column: insert.excluded[column] for column in ("crm", "rate", "burst")}
            statement = insert.on_conflict_do_update(index_elements=["portal"], set_=change)
            connection.execute(
                statement, {"portal": name, "crm": crm, "rate": rate, "burst": burst, "account": account}
            )
            if account:
                _learn(connection, name, account)

    def portals(self) -> list[PortalRow]:
        """See Store."""
        with self._db.read() as connection:
            return [_row(row) for row in connection.execute(sa.select(portals).order_by(portals.c.portal))]

    def portal(self, name: str) -> PortalRow | None:
        """See Store."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(portals).where(portals.c.portal == name)).one_or_none()
        return _row(row) if row is not None else None

    def learn_account(self, portal: str, account: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            _learn(connection, portal, account)

    def save_directory(self, portal: str, zone: str, directory: Mapping[str, Any], now: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(portals)
                .where(portals.c.portal == portal)
                .values(zone=zone, directory=dict(directory), directory_at=now)
            )

    def forget_directory(self, portal: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(sa.update(portals).where(portals.c.portal == portal).values(directory_at=None))
            wish_reconciliation(connection, portal)

    def moved(self, portal: str, host: str, was: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(sa.update(portals).where(portals.c.portal == portal).values(host=host, host_was=was))

    def park(self, portal: str, problem: str | None, seconds: float = 900.0) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(portals)
                .where(portals.c.portal == portal)
                .values(problem=problem, parked_until_real=RealNow() + seconds if problem else 0)
            )

    def counts(self, portal: str) -> Mapping[str, int]:
        """See Store."""

        def count(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
            return (
                sa.select(sa.func.count()).select_from(table).where(table.c.portal == portal, where).scalar_subquery()
            )

        wanted = {
            "bells": count(dirty, sa.true()),
            "clients_to_judge": count(client, MARKED),
            "effects_open": count(outbox, sa.literal_column("state = 'new'")),
            "effects_doubtful": count(outbox, sa.literal_column("state = 'sending'")),
            "effects_dead": count(outbox, sa.literal_column("state = 'dead'")),
            "unreadable_hooks": sa.select(portals.c.unreadable).where(portals.c.portal == portal).scalar_subquery(),
        }
        with self._db.read() as connection:
            row = connection.execute(sa.select(*(query.label(name) for name, query in wanted.items()))).mappings().one()
        return {name: int(value or 0) for name, value in row.items()}


def _learn(connection: sa.Connection, portal: str, account: str) -> None:
    """An account once learnt is never replaced: whoever comes later with another one is not ours."""
    connection.execute(
        sa.update(portals).where(portals.c.portal == portal, portals.c.account.is_(None)).values(account=account)
    )


def _row(row: sa.Row[Any]) -> PortalRow:
    return PortalRow(
        name=row.portal,
        crm=row.crm,
        account=row.account,
        zone=row.zone,
        directory=row.directory,
        regulation=row.regulation,
        problem=row.problem,
        directory_at=row.directory_at,
        host=row.host,
        host_was=row.host_was,
    )
