"""Seconds in which we are slow or failing ourselves: amoCRM's webhooks are answered within its 2 s, truthfully."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from subprocess import Popen

import pytest
import requests
from sandbox_fixture import Sandbox, run_sandbox

from connector.sandbox.installation import HOOK_SECRET, Installation
from story.world import PATIENCE, hurry

LIMIT = 2.0
"""Seconds that amoCRM waits; a later answer is a strike (facts/amocrm.md)."""
SENDERS = 4
SECONDS = 6.0
"""Of each ill; with so many senders about a hundred webhooks come in meanwhile."""
BEAT = 0.2


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Installation, Popen[bytes]]]:
    """The receiver and a worker apart, so that each can be stopped."""
    with run_sandbox(crm="amocrm", clients=8, rate=100, burst=1000) as sandbox:
        installation = Installation(tmp_path_factory.mktemp("ill"), sandbox.portals[0]["base_url"])
        try:
            installation.install()
            hurry(installation.folder / "config.yaml")
            installation.start("serve", "--no-worker")
            installation.wait_ready(PATIENCE)
            yield sandbox, installation, installation.start("work")
        finally:
            installation.stop()


def post_for(seconds: float, sandbox: Sandbox, installation: Installation) -> Counter[int]:
    """Genuine webhooks, one after the other from each sender; a sender that would wait longer than amoCRM fails."""
    portal = sandbox.portals[0]
    door = f"http://127.0.0.1:{installation.port}/hooks/{portal['name']}/{HOOK_SECRET}"
    body = {"leads[update][0][id]": "1", "account[id]": str(portal["account_id"])}
    until = time.monotonic() + seconds

    def send(_: int) -> Counter[int]:
        answers: Counter[int] = Counter()
        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() < until:
                answers[session.post(door, data=body, timeout=LIMIT).status_code] += 1
                time.sleep(BEAT)
        return answers

    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(send, range(SENDERS)), Counter[int]())


@contextmanager
def database_held(installation: Installation) -> Iterator[None]:
    """Somebody else writes and does not come to an end."""
    path = installation.folder / "state" / "kasanie.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def test_while_the_worker_stands_still(ill: tuple[Sandbox, Installation, Popen[bytes]]) -> None:
    sandbox, installation, worker = ill
    worker.send_signal(signal.SIGSTOP)
    try:
        assert set(post_for(SECONDS, sandbox, installation)) <= {200, 503}
    finally:
        worker.send_signal(signal.SIGCONT)


def test_while_the_crm_is_slow(ill: tuple[Sandbox, Installation, Popen[bytes]]) -> None:
    sandbox, installation, _ = ill
    sandbox.post("faults", {"answer_ms": 3000})
    try:
        assert set(post_for(SECONDS, sandbox, installation)) == {200}
    finally:
        sandbox.post("faults", {"answer_ms": 0})


def test_while_the_database_is_held(ill: tuple[Sandbox, Installation, Popen[bytes]]) -> None:
    sandbox, installation, _ = ill
    with database_held(installation):
        assert set(post_for(SECONDS, sandbox, installation)) == {503}
    assert set(post_for(1, sandbox, installation)) == {200}, "and afterwards all is well"
