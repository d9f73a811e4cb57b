"""Many at once: threads with stores of their own, other processes, and a process that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_rows import NOW, A, B, asked, counted, due, fact, intent, judged, with_portals

from connector.crm.port import Bell, Outcome, Page
from connector.store import Store, StoreDown
from connector.store.opening import open_store

ROOT = Path(__file__).parents[2]
MANY = 4


@pytest.fixture
def stores(database_url: str) -> Iterator[list[Store]]:
    """Several stores on one database, as several processes have them."""
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(open_store(database_url))) for _ in range(MANY)]
        with_portals(opened[0])
        yield opened


def together(stores: list[Store], work: Callable[[Store], None]) -> None:
    """Let every store work in a thread of its own; the first error is raised."""
    with ThreadPoolExecutor(len(stores)) as pool:
        for one in [pool.submit(work, store) for store in stores]:
            one.result()


def test_no_bell_is_lost_between_reading_and_clearing(stores: list[Store]) -> None:
    refs = [f"deal:{number}" for number in range(3)]
    rung: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    rings = threading.Lock()
    over = threading.Event()

    def ring(store: Store) -> None:
        for _ in range(25):
            for ref in refs:
                with rings:
                    rung[ref] += 1
                store.put_bells(A, [Bell(ref, "e"), Bell("deal:9", "e")], NOW)

    def answer(store: Store) -> None:
        while True:
            last = over.is_set()
            read = store.bells(A, 10)
            for bell in read:
                seen[str(bell.ref)] = rung[str(bell.ref)]
            store.clear_bells(A, read)
            if last and not read:
                return

    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(answer, stores[0])
        together(stores[1:], ring)
        over.set()
        answering.result()
    assert {ref: seen[ref] for ref in refs} == dict(rung)


def test_never_two_in_one_lane(stores: list[Store]) -> None:
    inside: list[int] = []
    served: Counter[int] = Counter()

    def serve(store: Store) -> None:
        me = stores.index(store)
        while served[me] < 8:
            if store.take_lease(A, f"worker {me}", 60):
                inside.append(me)
                time.sleep(0.001)
                assert inside == [me]
                served[me] += 1
                inside.clear()
                store.release_lease(A, f"worker {me}")

    together(stores, serve)
    assert set(served.values()) == {8}


def test_each_portal_is_rung_once(stores: list[Store]) -> None:
    names = [f"portal-{number:02}" for number in range(20)]
    for name in names:
        stores[0].add_portal(name, "bitrix24", rate=2, burst=50)
    rung: list[str] = []

    def ring(store: Store) -> None:
        for _ in range(5):
            rung.extend(store.ring_due(NOW, 60))

    together(stores, ring)
    assert sorted(rung) == sorted([*names, A, B])


def test_all_who_reserve_share_one_limit(stores: list[Store]) -> None:
    rate = 50
    stores[0].add_portal(A, "amocrm", rate=rate, burst=2)
    spans: list[tuple[float, float]] = []

    def reserve(store: Store) -> None:
        for _ in range(30):
            before = time.time()
            pause = store.reserve(A)
            spans.append((before + pause, time.time() + pause))

    together(stores, reserve)
    earliest, latest = sorted(begin for begin, _ in spans), sorted(end for _, end in spans)
    assert len(spans) == 30 * MANY
    for begin, end in zip(earliest, latest[rate:], strict=False):
        assert end - begin >= 1


def test_one_of_many_puts_a_regulation_in_force(stores: list[Store]) -> None:
    new: list[bool] = []
    together(stores, lambda store: new.append(store.put_in_force(A, "d1", "text", ["call"], NOW)))
    assert sorted(new) == [False] * (MANY - 1) + [True]


def test_judging_and_settling_do_not_stand_in_each_others_way(stores: list[Store]) -> None:
    rows = [asked(occurrence=f"{number:03}") for number in range(60)]
    whole = [judged(*rows, intents=tuple(intent(row) for row in rows))]
    stores[0].record(A, whole, NOW)

    def work(store: Store) -> None:
        for start in range(0, 60, 15):
            if store is stores[0]:  # the other way round than the ledger is written
                done = [Outcome(key=f"{row.key}#ask", status="done", remote_id="1") for row in rows[start : start + 15]]
                store.settle_effects(A, reversed(done), NOW)
            else:
                store.record(A, whole, NOW)
                store.mark_all_clients(A)

    together(stores, work)
    assert due(stores[0]) == []
    assert {row.task_id for row in stores[0].ledger(A)} == {"1"}


def test_a_store_that_cannot_write_says_so_and_stores_nothing(database_url: str) -> None:
    with closing(open_store(database_url, patience=0.2)) as store:
        with_portals(store)
        with _write_lock(database_url), pytest.raises(StoreDown):
            store.put_bells(A, [Bell("deal:1", "e")], NOW)
        assert store.bells(A, 9) == []
        store.put_bells(A, [Bell("deal:1", "e")], NOW)
        assert counted(store) == {"bells": 1}


@contextmanager
def _write_lock(url: str) -> Iterator[None]:
    """What another process in the middle of a write looks like."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.driver_connection.isolation_level = None  # type: ignore[union-attr]  # it is open
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("LOCK TABLE dirty IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextmanager
def _another(code: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process on the same database; killed with SIGKILL at the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    with subprocess.Popen(
        [sys.executable, "-c", code, url], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


RINGER = """
import sys
from connector.crm.port import Bell
from connector.store.opening import open_store
from store_rows import A, NOW
store = open_store(sys.argv[1])
for number in range(100_000):
    store.put_bells(A, [Bell(f"deal:{number}", "e")], NOW)
    print(number, flush=True)
"""


def test_what_was_acknowledged_before_a_kill_is_there(store: Store, database_url: str) -> None:
    with_portals(store)
    with _another(RINGER, database_url) as ringer:
        assert ringer.stdout is not None
        told = []
        for number in range(60):
            told.append(ringer.stdout.readline())
            store.save_page(A, Page(facts=(fact("deal", "1", title=str(number)),)), NOW)  # we write beside it
        ringer.kill()
        told += ringer.stdout.readlines()
    acknowledged = {f"deal:{line.strip()}" for line in told if line.endswith("\n")}
    assert len(acknowledged) >= 60
    assert acknowledged <= {bell.ref for bell in store.bells(A, 200_000)}


SENDER = """
import sys, time
from connector.store.opening import open_store
from store_rows import A, send, to_create
store = open_store(sys.argv[1])
send(store, *to_create(store, "one", "two"), quarantine=0.5)
print("sent", flush=True)
time.sleep(60)
"""


def test_a_kill_while_writes_are_in_the_air_leaves_them_doubtful(store: Store, database_url: str) -> None:
    with_portals(store)
    with _another(SENDER, database_url) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sent\n"
    assert not store.take_lease(A, "other", 60)
    store.free_lanes("w")
    assert store.take_lease(A, "other", 60)
    assert counted(store)["effects_doubtful"] == 2
    for _ in range(100):
        if rows := store.due_effects(A, 9):
            break
        time.sleep(0.05)
    assert [(row.doubtful, row.tries) for row in rows] == [(True, 1), (True, 1)]
