"""Opening a database: migrations on both engines, two starters at once, and files that are not ours."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from store_rows import NOW, judged, score, send, to_create, with_portals

from connector.crm.port import Outcome
from connector.store import StoreDown
from connector.store.opening import open_store
from connector.store.tables import metadata
from connector.store.transactions import Transactions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(request: pytest.FixtureRequest, tmp_path: Path, engine_name: str) -> Callable[[str], str]:
    """Makes the URL of a database without any table."""

    def make(name: str) -> str:
        if engine_name == "sqlite":
            return f"sqlite:///{tmp_path / 'made' / name}.db"
        url: str = request.getfixturevalue("bare_postgres")()
        return url

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def described(url: str) -> dict[str, Any]:
    """Every table with its columns, key and indexes, as the database itself tells them."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    look = sa.inspect(engine)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in look.get_columns(table)
            ],
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (index["name"] or "", index["column_names"], sorted(map(str, index["dialect_options"].values())))
                for index in look.get_indexes(table)
            ),
        }
        for table in look.get_table_names()
        if table != "alembic_version"
    }


def test_the_migrations_make_the_tables_that_the_code_knows(bare: Callable[[str], str]) -> None:
    migrated, declared = bare("migrated"), bare("declared")
    open_store(migrated).close()
    open_store(declared).close()
    engine = sa.create_engine(declared, poolclass=sa.NullPool)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert described(migrated) == described(declared)
    assert set(described(migrated)) == set(metadata.tables)


def test_every_key_begins_with_the_portal() -> None:
    for table in metadata.tables.values():
        assert next(iter(table.primary_key)).name == "portal", table.name
        for index in table.indexes:
            assert next(iter(index.columns)).name == "portal", index.name


def test_opening_again_keeps_everything(bare: Callable[[str], str]) -> None:
    url = bare("kept")
    first = open_store(url)
    with_portals(first)
    first.close()
    second = open_store(url)
    assert len(second.portals()) == 2
    second.close()


def test_many_starting_at_once_find_one_set_of_tables(bare: Callable[[str], str]) -> None:
    url = bare("raced")
    code = "import sys; from connector.store.opening import open_store; open_store(sys.argv[1]).close()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, url], cwd=ROOT, env=environment, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    errors = [racer.communicate(timeout=60)[1].decode() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 3, errors
    assert set(described(url)) == set(metadata.tables)


def test_a_migration_that_fails_leaves_nothing_behind(bare: Callable[[str], str]) -> None:
    url = bare("foreign")
    Transactions(url).close()  # makes the folder
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE audit (theirs INTEGER)")
    with pytest.raises((StoreDown, sa.exc.ProgrammingError)):
        open_store(url)
    assert set(described(url)) == {"audit"}


def test_tables_of_a_newer_version_are_left_alone(bare: Callable[[str], str]) -> None:
    url = bare("newer")
    open_store(url).close()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreDown, match="another version"):
        open_store(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kasanie.db"
    path.write_text("not a database, " * 1000)
    with pytest.raises(StoreDown, match="not a database"):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://kasanie:s3cr3t@/kasanie?host={tmp_path}"
    with pytest.raises(StoreDown) as told:
        open_store(url, patience=2)
    assert "s3cr3t" not in str(told.value)
    assert told.value.__cause__ is None
    database = Transactions(url)
    assert "s3cr3t" not in repr(database)
    database.close()


def test_sqlite_survives_a_power_cut_and_keeps_the_folder_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "kasanie.db"
    database = Transactions(f"sqlite:///{path}")
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_what_is_asked_all_the_time_is_answered_from_an_index(tmp_path: Path) -> None:
    """Settled rows pile up for years; the pump and the lane must not read them."""
    url = f"sqlite:///{tmp_path / 'kasanie.db'}"
    store = open_store(url)
    with_portals(store)
    told: list[tuple[str, Any]] = []

    def listen(*call: Any) -> None:
        told.append((call[2], call[3]))

    event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        key, *_ = to_create(store, "one", "two")
        store.record("alpha", [judged(score=score("one"))], NOW)
        store.ring_due(NOW, 60)
        store.idle(NOW)
        store.bells("alpha", 9)
        store.clients_to_judge("alpha", NOW, 9)
        store.due_effects("alpha", 9)
        send(store, key)
        store.settle_effects("alpha", [Outcome(key=key, status="refused")], NOW)
        store.dead_effects("alpha", 9)
        store.linked("alpha", ["company:1"], ["deal"])
        store.answers("alpha")
        store.shown_dues("alpha", ["call/company:1/one"])
        store.last_showings("alpha", ["call/company:1/one"])
        store.open_offers("alpha", "activity")
    finally:
        event.remove(sa.Engine, "before_cursor_execute", listen)
    store.close()
    with closing(sqlite3.connect(tmp_path / "kasanie.db")) as connection:
        connection.create_function("real_now", 0, lambda: 0.0)
        for statement, values in told:
            if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
                continue
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values):
                one_each = r"(?:portal|install)\b"  # of these a portal has one row
                whole = re.match(
                    rf"SCAN (?!CONSTANT|portal\b)|SEARCH (?!{one_each}).*autoindex_\w+ \(portal=\?\)", step
                )
                assert not whole, (step, statement)


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(StoreDown, match="too old"):
        open_store(f"sqlite:///{tmp_path / 'kasanie.db'}")
