"""The list to judge: clients whose facts changed and clients whose time has come."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from connector.crm.port import Ref
from connector.store import ClientRow
from connector.store.bells import first_seq
from connector.store.tables import MARKED, client
from connector.store.transactions import Part, Transactions, lock_portal


class Clients(Part):
    """Rows of `client`; a mark is taken away only by `record`, and only if `seq` is still what was read."""

    def mark_clients(self, portal: str, clients: Collection[Ref]) -> None:
        """See Store."""
        if not clients:
            return
        with self._db.write() as connection:
            lock_portal(connection, portal)
            mark(self._db, connection, portal, clients)

    def mark_all_clients(self, portal: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            lock_portal(connection, portal)
            mark_all(connection, portal)

    def clients_to_judge(self, portal: str, now: datetime, limit: int) -> list[ClientRow]:
        """See Store."""
        marked = sa.select(client.c.ref, client.c.seq).where(client.c.portal == portal, MARKED)
        timed = sa.select(client.c.ref, client.c.seq).where(
            client.c.portal == portal, client.c.recheck_at.is_not(None), client.c.recheck_at <= now
        )
        with self._db.read() as connection:
            rows = [
                *connection.execute(marked.order_by(client.c.seq).limit(limit)),
                *connection.execute(timed.order_by(client.c.recheck_at).limit(limit)),
            ]
        return list(dict.fromkeys(ClientRow(ref=row.ref, seq=row.seq) for row in rows))[:limit]

    def clients(self, portal: str) -> list[Ref]:
        """See Store."""
        with self._db.read() as connection:
            return list(
                connection.execute(
                    sa.select(client.c.ref).where(client.c.portal == portal).order_by(client.c.ref)
                ).scalars()
            )


def mark(database: Transactions, connection: sa.Connection, portal: str, clients: Collection[Ref]) -> None:
    """Put clients on the list, inside a transaction that locked the portal."""
    insert = database.insert(client)
    again = insert.on_conflict_do_update(
        index_elements=["portal", "ref"], set_={"seq": client.c.seq + 1, "to_judge": True}
    )
    rows = [{"portal": portal, "ref": ref, "seq": first_seq(), "to_judge": True} for ref in sorted(set(clients))]
    if rows:
        connection.execute(again, rows)


def mark_all(connection: sa.Connection, portal: str) -> None:
    """Put every known client on the list, inside a transaction that locked the portal."""
    connection.execute(sa.update(client).where(client.c.portal == portal).values(seq=client.c.seq + 1, to_judge=True))
