"""A worker: the pump asks the tables which portals have something undone, Huey carries `serve_portal` to its threads.

Beside SQLite Huey's queue lives in memory and one worker holds a file lock; over PostgreSQL the queue is a table and
any number of workers on any machines share it. A lost message costs a delay, never data: the pump rings again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Any, Final

import structlog
from huey import Huey, MemoryHuey, PostgresHuey
from huey.consumer import Consumer
from psycopg.errors import UniqueViolation

from connector.flow import Flow
from connector.opening import Opened
from connector.settings import Settings
from connector.store import StoreDown
from connector.texts import say

QUEUE: Final = "touch"
SHUTDOWN_SECONDS: Final = 10
TAKEN_OUT: Final = 10 * 365 * 86400.0
"""Real seconds for which a portal that config.yaml no longer names is left alone."""
LONGEST_HOLD: Final = 10.0
"""Real seconds after which a portal that nobody took is rung again: the delay that a lost message costs."""
EMBEDDED: Final = "embedded"
"""The one worker beside SQLite: the same name after a restart, so it takes its own leases back at once."""

log = structlog.get_logger()


def open_queue(settings: Settings) -> Huey:
    """Huey's queue: in memory beside SQLite, a table on PostgreSQL."""
    if not settings.distributed:
        return MemoryHuey(QUEUE, results=False)
    dsn = settings.database.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        return PostgresHuey(QUEUE, dsn=dsn, results=False)
    except UniqueViolation:  # two processes made Huey's tables at the same moment; the second time they are there
        return PostgresHuey(QUEUE, dsn=dsn, results=False)


def declare(queue: Huey, serve: Callable[[str], None]) -> Callable[[str], Any]:
    """The one task, under a name that does not depend on the module that started the process."""

    @queue.task(name="serve_portal")  # type: ignore[untyped-decorator]  # huey has no types
    def serve_portal(name: str) -> None:
        serve(name)

    return serve_portal  # type: ignore[no-any-return]  # huey has no types


def run_worker(opened: Opened, *, drain: bool = False) -> int:
    """Work until SIGTERM or SIGINT; with `drain`, until nothing is due. Returns the exit code."""
    settings = opened.settings
    with ExitStack() as stack:
        if settings.distributed:
            worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"  # containers share names and pids
        else:
            worker = EMBEDDED
            lock = _only_worker(settings)
            if lock is None:
                sys.stderr.write(say("second-worker") + "\n")
                return 2
            stack.enter_context(lock)
        opened.store.free_lanes(worker)
        for row in opened.store.portals():
            if row.name in settings.portals:  # what parked it may have been mended before this start
                opened.store.park(row.name, None)
            else:  # taken out of config.yaml: its rows stay, nothing of it is due
                opened.store.park(row.name, say("not-in-config", portal=row.name), TAKEN_OUT)
        flow = stack.enter_context(closing(Flow(settings, opened.store, opened.portals, opened.clock, worker)))
        if drain:
            drain_all(opened, flow)
        else:
            _consume(opened, flow)
        # what a CRM's slow answer still holds: its thread ends with us, and whatever it was sending is in quarantine
        opened.store.free_lanes(worker)
    return 0


def drain_all(opened: Opened, flow: Flow) -> None:
    """Serve portals one after the other until nothing is due any more."""
    while True:
        names = opened.store.ring_due(opened.clock(), hold=0)
        if not names and opened.store.idle(opened.clock()):
            return
        for name in names:
            flow.serve_portal(name)
        if not names:
            time.sleep(opened.settings.waits.pump)


def _consume(opened: Opened, flow: Flow) -> None:
    queue = open_queue(opened.settings)
    serve_portal = declare(queue, flow.serve_portal)
    consumer = Consumer(
        queue,
        workers=opened.settings.work_threads,
        worker_type="thread",
        periodic=False,
        max_delay=0.2,
        graceful_signal="TERM",
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    flow.leaving = consumer.stop_flag
    pump = threading.Thread(target=_pump, args=(opened, queue, serve_portal, flow.leaving), name="pump", daemon=True)
    pump.start()
    log.info("worker.started", threads=opened.settings.work_threads)
    try:
        consumer.run()
    finally:
        flow.leaving.set()
        pump.join(timeout=SHUTDOWN_SECONDS)


def _pump(opened: Opened, queue: Huey, serve_portal: Callable[[str], Any], stop: threading.Event) -> None:
    """Level-triggered: it asks what is undone, not what was announced."""
    waits = opened.settings.waits
    while not stop.wait(waits.pump):
        try:
            if queue.pending_count() > 2 * opened.settings.work_threads:
                continue  # they are busy; the tables will still know
            for name in opened.store.ring_due(opened.clock(), hold=min(waits.lease, LONGEST_HOLD)):
                serve_portal(name)
        except StoreDown as error:
            log.warning("pump.database", why=str(error))
            stop.wait(1)


def _only_worker(settings: Settings) -> IO[str] | None:
    """The lock file beside SQLite; None when another worker holds it."""
    path = Path(settings.database_url().removeprefix("sqlite:///")).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
