"""One renewal at a time, over threads and processes, against the sandbox's OAuth server, on both databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import sqlalchemy as sa
from app_portal import NAME, app_of, install
from sandbox_fixture import ROOT, Sandbox, run_sandbox

from connector.crm.bitrix24.oauth import renewal
from connector.crm.port import App, Tokens
from connector.errors import Blocked, Unavailable
from connector.store import Store
from connector.store.opening import open_store
from connector.vault import Vault, open_vault

ROUNDS = 6
THREADS = 8


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=5) as running:
        yield running


@pytest.fixture
def vault(tmp_path: Path, store: Store) -> Vault:
    return open_vault(tmp_path / "kasanie.key", store)


@pytest.fixture
def told(sandbox: Sandbox, store: Store, vault: Vault) -> dict[str, Any]:
    """A fresh pair of the sandbox's application, stored."""
    portal = sandbox.portals[0]
    pair = sandbox.post("tokens", {"issue": 1})
    told = {**portal, "access_token": pair["access_token"], "refresh_token": pair["refresh_token"]}
    install(store, vault, told)
    return told


def counted(sandbox: Sandbox) -> tuple[int, int]:
    """Renewals, and uses of a refresh token that was spent already."""
    tokens = sandbox.get("tokens")
    return tokens["refreshes"], tokens["refresh_reuses"]


def start(
    url: str, key: Path, told: dict[str, Any], *, lock: float = 30.0, failpoint: str = ""
) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KASANIE_SANDBOX": "1", "KASANIE_FAILPOINT": failpoint}
    script = Path(__file__).with_name("renew_many.py")
    threads = "1" if failpoint else str(THREADS)
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), url, str(key), json.dumps(told), threads, str(lock)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_of_eight_threads_renew_once_each_time(
    sandbox: Sandbox, database_url: str, store: Store, tmp_path: Path, told: dict[str, Any]
) -> None:
    before, reused = counted(sandbox)
    with ExitStack() as stack:
        processes = [stack.enter_context(start(database_url, tmp_path / "kasanie.key", told)) for _ in range(2)]
        for expired in range(1, ROUNDS + 1):
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{expired}\n")
                process.stdin.flush()
            got = [json.loads(process.stdout.readline()) for process in processes if process.stdout is not None]
            assert got == [[str(expired + 1)] * THREADS] * 2
            assert counted(sandbox) == (before + expired, reused)
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=30) == 0


def test_one_expired_token_is_one_renewal(sandbox: Sandbox, store: Store, vault: Vault, told: dict[str, Any]) -> None:
    app = app_of(told, store, vault)
    stale = app.keeper.current()
    before = counted(sandbox)[0]
    fresh = [app.keeper.renew(stale, renewal(app, NAME)) for _ in range(3)]
    assert {pair.generation for pair in fresh} == {2}
    assert counted(sandbox)[0] == before + 1
    assert fresh[0].access.get_secret_value() != stale.access.get_secret_value()
    assert app.keeper.current() == fresh[0]


def test_killed_between_use_and_storing(
    sandbox: Sandbox, database_url: str, store: Store, vault: Vault, tmp_path: Path, told: dict[str, Any]
) -> None:
    """The lock ends by itself; the next one tries the spent token once; then a person is asked to install again."""
    with start(database_url, tmp_path / "kasanie.key", told, lock=1.0, failpoint="tokens_used") as dying:
        assert dying.stdin is not None
        dying.stdin.write("1\n")
        dying.stdin.close()
        assert dying.wait(timeout=30) == -signal.SIGKILL
    row = store.installation(NAME)
    assert row is not None
    assert (row.locked, row.generation) == (True, 1)
    refreshes, reused = counted(sandbox)
    app = app_of(told, store, vault, lock_seconds=1.0)
    for _ in range(3):
        with pytest.raises(Blocked) as refused:
            app.keeper.renew(app.keeper.current(), renewal(app, NAME))
        assert (refused.value.code, refused.value.advice) == ("invalid_grant", "crm-install")
    assert counted(sandbox) == (refreshes, reused + 1)

    install(store, vault, {**told, **sandbox.post("tokens", {"issue": 1})})  # the administrator installs it again
    assert app.keeper.renew(app.keeper.current(), renewal(app, NAME)).generation == 3


def test_an_oauth_server_that_is_silent_is_asked_again_by_the_next(
    store: Store, vault: Vault, told: dict[str, Any]
) -> None:
    app = app_of(told, store, vault)

    def silent(_: Tokens) -> Tokens:
        raise Unavailable("no answer", portal=NAME, call="oauth.token")

    with pytest.raises(Unavailable):
        app.keeper.renew(app.keeper.current(), silent)
    assert app.keeper.renew(app.keeper.current(), renewal(app, NAME)).generation == 2


def test_a_database_that_is_away_when_the_new_pair_comes_does_not_lose_it(
    database_url: str, store: Store, vault: Vault, told: dict[str, Any]
) -> None:
    hasty = open_store(database_url, patience=0.2)
    app = app_of(told, hasty, vault)
    engine = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    with closing(hasty), engine.connect() as other:

        def away(old: Tokens) -> Tokens:
            fresh = renewal(app, NAME)(old)
            for statement in ("BEGIN IMMEDIATE",) if engine.name == "sqlite" else ("BEGIN", "LOCK TABLE install"):
                other.exec_driver_sql(statement)
            Timer(1.0, lambda: other.exec_driver_sql("ROLLBACK")).start()
            return fresh

        assert app.keeper.renew(app.keeper.current(), away).generation == 2
    engine.dispose()
    assert app_of(told, store, vault).keeper.current().generation == 2


def test_a_renewal_that_meets_a_reinstallation_does_not_undo_it(
    sandbox: Sandbox, store: Store, vault: Vault, told: dict[str, Any]
) -> None:
    app = app_of(told, store, vault)
    anew = sandbox.post("tokens", {"issue": 1})

    def reinstalled(old: Tokens) -> Tokens:
        fresh = renewal(app, NAME)(old)
        install(store, vault, {**told, **anew})
        return fresh

    kept = app.keeper.renew(app.keeper.current(), reinstalled)
    assert kept.access.get_secret_value() == anew["access_token"]
    assert app.keeper.current() == kept


def test_what_is_not_installed_is_told_as_such(store: Store, vault: Vault, told: dict[str, Any]) -> None:
    app: App = app_of(told, store, vault)
    never = app_of(told, store, vault, name="south")
    stale = app.keeper.current()
    store.remove_install(NAME, datetime.now(UTC), clean=False)
    for keeper in (app.keeper, never.keeper):
        for use in (keeper.current, lambda keeper=keeper: keeper.renew(stale, renewal(app, NAME))):
            with pytest.raises(Blocked) as refused:
                use()
            assert (refused.value.code, refused.value.advice) == ("NOT_INSTALLED", "crm-install")
    assert store.sealed_secrets() == []
