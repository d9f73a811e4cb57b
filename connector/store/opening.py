"""Opens the store: brings the tables up to date, then puts the parts together."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from connector.store import Store, StoreDown
from connector.store.answers import Answers
from connector.store.bells import Bells
from connector.store.clients import Clients
from connector.store.doorbell import Doorbell
from connector.store.facts import Facts
from connector.store.installs import Installs
from connector.store.judging import Judging
from connector.store.lanes import Lanes
from connector.store.ledger import Ledger
from connector.store.outbox import Outbox
from connector.store.portals import Portals
from connector.store.regulations import Regulations
from connector.store.transactions import PATIENCE, Transactions
from connector.store.used_tokens import UsedTokens

_MIGRATING = 7_027_431_190
"""The advisory lock of PostgreSQL under which tables change."""
_OLDEST_SQLITE = (3, 35)
"""RETURNING came with 3.35."""


class Tables(
    Portals, Installs, Lanes, Doorbell, Bells, Facts, Clients, Ledger, Answers, Judging, Outbox, Regulations, UsedTokens
):
    """The whole store over one database."""

    def ping(self) -> None:
        """See Store."""
        with self._db.read() as connection:
            connection.execute(sa.select(1))

    def close(self) -> None:
        """See Store."""
        self._db.close()


def open_store(url: str, *, patience: float = PATIENCE) -> Store:
    """Open `sqlite:///PATH` or `postgresql+psycopg://…`, creating or migrating its tables.

    `patience`: seconds a call waits for another transaction before StoreDown; short for a process that must answer.
    Raises StoreDown.
    """
    database = Transactions(url, patience)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Tables(database)


def migrate(database: Transactions) -> None:
    """Bring the tables to the newest version, all steps in one transaction.

    Of two that start at once one waits (SQLite: for the write lock; PostgreSQL: for an advisory lock) and then finds
    nothing to do.
    """
    if database.on_sqlite and sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreDown(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        if not database.on_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreDown(f"the tables are of another version of Kasanie: {error}") from error
