"""What tests of every folder share: a real PostgreSQL for the whole run, and an empty store on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from postgres import postgres_server

from connector.store import Store
from connector.store.opening import open_store
from connector.store.tables import metadata

ENGINES = ("sqlite", "postgresql")

# The same examples in every run: what is red here is red everywhere. `--hypothesis-profile=search` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of the server's own database; start from `new_postgres` for one of your own."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def copy_database(postgres_url: str) -> Callable[[str], str]:
    """Makes one more database like the one named, and tells its URL."""
    server = sa.make_url(postgres_url)
    numbers = count(1)

    def copy(like: str) -> str:
        name = f"test_{next(numbers)}"
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        return server.set(database=name).render_as_string(hide_password=False)

    return copy


@pytest.fixture(scope="session")
def bare_postgres(copy_database: Callable[[str], str]) -> Callable[[], str]:
    """Makes one more database without any table."""
    return lambda: copy_database("template1")


@pytest.fixture(scope="session")
def new_postgres(copy_database: Callable[[str], str], bare_postgres: Callable[[], str]) -> Callable[[], str]:
    """Makes one more empty database with our tables in it."""
    pattern = bare_postgres()
    open_store(pattern).close()
    name = str(sa.make_url(pattern).database)
    return lambda: copy_database(name)


@pytest.fixture(scope="session")
def used_postgres() -> list[str]:
    """Databases that tests have left, emptied again: a new one is 300 files."""
    return []


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database with our tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'kasanie.db'}"
        return
    used: list[str] = request.getfixturevalue("used_postgres")
    url: str = used.pop() if used else request.getfixturevalue("new_postgres")()
    yield url
    _empty(url)
    used.append(url)


def _empty(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        # a killed process may leave a server behind that is still at its last statement
        others = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %(name)s AND pid <> %(own)s"
        )
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        connection.exec_driver_sql(others, {"name": engine.url.database, "own": own})
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    opened = open_store(database_url)
    yield opened
    opened.close()
