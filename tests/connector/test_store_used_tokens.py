"""Disposable tokens in the tables: each counts once on its portal, and is forgotten when it has expired."""

from __future__ import annotations

import sqlalchemy as sa
from store_rows import A, B, with_portals

from connector.store import Store
from connector.store.opening import Tables
from connector.store.tables import used_token

FAR = 9e9
"""Real time of the year 2255."""


def test_a_token_counts_once_on_its_portal(store: Store) -> None:
    with_portals(store)
    assert [store.use_once(A, "one", FAR) for _ in range(3)] == [True, False, False]
    assert store.use_once(A, "two", FAR)
    assert store.use_once(B, "one", FAR), "another portal's token may have the same name"


def test_an_expired_one_is_forgotten(store: Store) -> None:
    with_portals(store)
    store.use_once(A, "old", 1.0)
    store.use_once(B, "old", 1.0)
    store.use_once(A, "new", FAR)
    assert isinstance(store, Tables)
    with store._db.read() as connection:  # nothing asks for them
        rows = connection.execute(sa.select(used_token.c.portal, used_token.c.name)).all()
    assert sorted(map(tuple, rows)) == [(A, "new"), (B, "old")]
