"""The refresh race on amoCRM: refresh tokens work once, without any grace, and many need the next pair at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from amocrm_portal import NAME, install
from sandbox_fixture import ROOT, Sandbox, run_sandbox

from connector.store import Store
from connector.vault import open_vault

THREADS = 8
ROUNDS = {"sqlite": 20, "postgresql": 200}
"""Several machines share a PostgreSQL; beside SQLite there are two processes at most, the worker and `doctor`."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", clients=5, rate=100_000, burst=100_000) as running:
        yield running


def start(url: str, key: Path, told: dict[str, Any]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KASANIE_SANDBOX": "1"}
    script = Path(__file__).with_name("expire_many.py")
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), url, str(key), json.dumps(told), str(THREADS)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_sixteen_threads_in_two_processes_renew_once_for_each_expiry(
    sandbox: Sandbox, database_url: str, store: Store, tmp_path: Path
) -> None:
    key = tmp_path / "kasanie.key"
    told = {**sandbox.portals[0], **sandbox.post("tokens", {"issue": 1})}
    install(store, open_vault(key, store), told)
    rounds = ROUNDS[database_url.partition(":")[0].partition("+")[0]]
    before = sandbox.get("tokens")
    with ExitStack() as stack:
        processes = [stack.enter_context(start(database_url, key, told)) for _ in range(2)]
        for _ in range(rounds):
            sandbox.post("tokens", {"expire": True})
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            got = [json.loads(process.stdout.readline()) for process in processes if process.stdout is not None]
            assert got == [["200"] * THREADS] * 2
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=30) == 0
    after = sandbox.get("tokens")
    assert after["refreshes"] == before["refreshes"] + rounds
    assert (after["refresh_reuses"], after["refused"]) == (before["refresh_reuses"], before["refused"])
    row = store.installation(NAME)
    assert row is not None
    assert row.generation == 1 + rounds
