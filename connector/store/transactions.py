"""One short transaction after another, the same on SQLite and PostgreSQL.

SQLite: WAL, synchronous=FULL (an answered webhook survives a power cut), and BEGIN IMMEDIATE behind one lock of the
process: threads queue in front of the file instead of sleeping inside of it (engine.md 2). PostgreSQL: READ COMMITTED.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from connector.store import StoreDown
from connector.store.tables import portal as portals

PATIENCE = 30.0
"""Seconds a transaction waits for another one before StoreDown."""
CHUNK = 500
"""Values in one IN list: far below every engine's limit on parameters."""
_WRITING: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""SQLite: one writer per file in this process."""


class RealNow(sa.sql.expression.FunctionElement[float]):
    """Real time in seconds since the epoch: the database server's clock, so that machines need not agree."""

    type = sa.Double()
    inherit_cache = True
    name = "real_now"


@compiles(RealNow, "sqlite")
def _on_sqlite(*_: Any, **__: Any) -> str:
    return "real_now()"  # registered with every connection: SQLite before 3.42 knows no fractions of a second


@compiles(RealNow, "postgresql")
def _on_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


class Transactions:
    """The engine of one database and the only two ways into it: `write()` and `read()`.

    Raises StoreDown where the database is locked, full or not reachable; nothing of the transaction is kept then.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._url = sa.make_url(url)
        self.on_sqlite = self._url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {} if self.on_sqlite else _postgresql_options(patience)
        self.engine = sa.create_engine(
            self._url,
            connect_args=options,
            pool_size=5,
            max_overflow=15,
            pool_timeout=patience / 2,
            pool_pre_ping=not self.on_sqlite,
            hide_parameters=True,  # they carry names and phones, and errors are logged
            json_serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
        )
        if self.on_sqlite:
            Path(self._url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            event.listen(self.engine, "connect", partial(_open_sqlite, patience))
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "connect", partial(_open_postgresql, patience))

    def __repr__(self) -> str:
        return f"Transactions({self._url!r})"  # SQLAlchemy's repr hides the password

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may change rows; committed at the end, rolled back by an exception."""
        if self.on_sqlite:
            with self._turn() as left, self._begun(left) as connection:
                yield connection
        else:
            with self._begun(self._patience) as connection:
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only looks."""
        with _told_plainly(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Queue behind the other threads of this process; the seconds that are left for other processes."""
        lock, since = _WRITING[str(self._url)], time.monotonic()
        if not lock.acquire(timeout=self._patience):
            raise StoreDown("the database is busy")
        try:
            yield max(0.0, self._patience - (time.monotonic() - since))
        finally:
            lock.release()

    @contextmanager
    def _begun(self, patience: float) -> Iterator[sa.Connection]:
        with (
            _told_plainly(),
            self.engine.connect().execution_options(write_within=patience) as connection,
            connection.begin(),
        ):
            yield connection

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ON CONFLICT in this engine's words."""
        return sqlite.insert(table) if self.on_sqlite else postgresql.insert(table)

    def put(self, connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Insert the rows or bring them up to date by their primary key. All rows name the same columns."""
        if not rows:
            return
        insert = self.insert(table)
        key = [column.name for column in table.primary_key]
        change = {name: insert.excluded[name] for name in rows[0] if name not in key}
        statement = insert.on_conflict_do_update(index_elements=key, set_=change)
        connection.execute(statement, list(rows))


def lock_portal(connection: sa.Connection, portal: str) -> sa.RowMapping | None:
    """Lock a portal's row until the transaction ends, and read it; None: there is no such portal.

    Whoever changes many rows of a portal does this first, so on PostgreSQL two of them never wait for each other.
    """
    row = sa.select(portals).where(portals.c.portal == portal).with_for_update()
    return connection.execute(row).mappings().one_or_none()


class Part:
    """One subject of the store: its methods share the database and nothing else."""

    def __init__(self, transactions: Transactions) -> None:
        self._db = transactions


def chunks(values: Collection[str], size: int = CHUNK) -> Iterator[list[str]]:
    """The values in lists that fit one statement."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Database trouble becomes StoreDown; a mistake of ours in SQL or in a value stays what it is."""
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError, sa.exc.NotSupportedError):
        raise
    except sa.exc.DBAPIError as error:
        raise StoreDown(f"the database cannot do it now: {_first_line(error.orig)}") from None
    except sa.exc.TimeoutError:
        raise StoreDown("the database is busy: no free connection") from None


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0][:200]


def _open_sqlite(patience: float, connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    connection.create_function("real_now", 0, time.time)
    connection.execute("PRAGMA synchronous=FULL")
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # two that open a new file at once: SQLite does not wait by itself for this one statement
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    # IMMEDIATE takes the write lock before the first read, so what is read and then changed cannot change between.
    within: float | None = connection.get_execution_options().get("write_within")
    if within is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(within * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql_options(patience: float) -> dict[str, Any]:
    """libpq's: a server behind a dead network is given up too, not only one that refuses (milliseconds, seconds)."""
    return {
        "connect_timeout": max(2, int(patience)),
        "tcp_user_timeout": int(patience * 1000),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


def _open_postgresql(patience: float, connection: Any, _: object) -> None:
    connection.execute(f"SET lock_timeout = {int(patience * 500)}")  # the other half is the pool's
    connection.commit()
