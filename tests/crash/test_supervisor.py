"""`serve` and its two children: ended by SIGTERM, started again when they die, and one worker alone beside SQLite."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
import sqlalchemy as sa

from connector.sandbox.installation import wait_for
from connector.serve import GRACE_SECONDS
from connector.texts import say
from crash.site import PATIENCE, Site, open_site

SLOW_MS = 500


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both CRMs in one installation, where nothing runs."""
    with open_site(tmp_path_factory.mktemp("both")) as made:
        yield made


@pytest.fixture
def site(installed: Site) -> Iterator[Site]:
    yield installed
    installed.switch(answer_ms=0)
    installed.stop()


def test_sigterm_in_the_middle_of_much_work(site: Site) -> None:
    """The lanes are given back and nobody is left behind; what was not done is done after the next start."""
    site.order(3)
    site.switch(answer_ms=SLOW_MS)
    serve = site.start("serve")
    for portal in site.portals:
        wait_for(lambda: len(site.sandbox.ledger(portal)["requests"]) > 3, PATIENCE, f"{portal} is not served")  # noqa: B023  # called at once
    wait_for(lambda: children(serve), PATIENCE, "the children do not start")
    family = descendants(serve.pid)
    assert any(lane_holders(site))
    serve.terminate()
    assert serve.wait(timeout=2 * GRACE_SECONDS) == 0
    assert [pid for pid in family if alive(pid)] == []
    assert not any(lane_holders(site))
    site.switch(answer_ms=0)
    site.start("serve")
    site.settle()


def test_child_that_dies_is_started_again(site: Site) -> None:
    serve = site.start("serve")
    site.installation.wait_ready(PATIENCE)
    first = wait_for(lambda: children(serve), PATIENCE, "the children do not start")
    family = descendants(serve.pid)
    for pid in first.values():
        os.kill(pid, signal.SIGKILL)
    second = wait_for(
        lambda: (now := children(serve)) and not set(now.values()) & set(first.values()) and now,
        PATIENCE,
        "the children do not start again",
    )
    assert second.keys() == first.keys()
    wait_for(lambda: not any(map(alive, family)), PATIENCE, "a process of the dead web goes on")
    site.installation.wait_ready(PATIENCE)
    site.order(1)
    site.settle()


def test_second_worker_beside_sqlite(site: Site) -> None:
    site.work(log_name="alone")
    wait_for(lambda: "worker.started" in site.log("alone"), PATIENCE, "the worker does not start")
    second = site.installation.run("work", check=False)
    assert second.returncode == 2
    assert second.stderr.strip() == say("second-worker")
    assert site.workers[-1].poll() is None


def lane_holders(site: Site) -> list[str | None]:
    """Who holds each portal's lane, straight from the tables."""
    engine = sa.create_engine(site.installation.database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT lease_by FROM portal").scalars())


def children(serve: Popen[bytes]) -> dict[str, int]:
    """The supervisor's children by what they are, once both run."""
    found = {}
    for pid in children_of(serve.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        found["web" if "gunicorn" in command else "work"] = pid
    return found if len(found) == 2 else {}


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    return [one for child in children_of(pid) for one in (child, *descendants(child))]


def children_of(pid: int) -> list[int]:
    """Running processes whose parent this is."""
    running = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in running if _stat(one)[1:2] == [str(pid)]]


def alive(pid: int) -> bool:
    """Whether it still runs; one that only waits to be buried does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """State, parent and more of a process; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
