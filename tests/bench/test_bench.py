"""The benchmarks at a tiny size: that they still run, that what they count is true. Nothing here asserts a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_fixture import run_sandbox

from bench.__main__ import CALLS, CASES, compare, compare_accounts
from bench.account import LISTS, Account, fewest
from bench.account import least_seconds as account_floor
from bench.account_snapshots import fill_account, load_account
from bench.floors import Slowness, fewest_to_load, least_seconds
from bench.measuring import Measured
from bench.snapshots import fill, load_all

DEALS, TASKS = 120, 60
FASTER = tuple((case, Slowness(slow.call / 20, slow.command / 20), exhausted) for case, slow, exhausted in CASES)


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    with run_sandbox(crm="bitrix24", clients=5) as sandbox:
        yield Measured(sandbox)


def test_snapshots_are_loaded_whole(measured: Measured, tmp_path: Path) -> None:
    measured.at_ease()
    fill(measured, 3)
    cost, rows, fewest = load_all(measured, tmp_path)
    assert (cost.rows, rows["companies"], rows["tasks"]) == (8, 8, 3)
    assert cost.requests >= fewest == fewest_to_load(rows.values())


def test_both_clients_do_the_whole_job(measured: Measured) -> None:
    told = {(case, client): cost for case, client, cost, _ in compare(measured, DEALS, TASKS, FASTER)}
    assert len(told) == 2 * len(CASES)
    assert {(cost.rows, cost.tasks) for cost in told.values()} == {(DEALS, TASKS)}
    ours = [cost for (_, client), cost in told.items() if client == "Kasanie"]
    assert [cost.refused for cost in ours] == [0, 1, 0], "refused from an exhausted allowance only, and once"


@pytest.mark.parametrize(
    ("slow", "exhausted", "seconds"),
    [
        (Slowness(), False, 0.0),
        (Slowness(), True, 11.0),
        (Slowness(call=0.4, command=0.04), False, 2 * 0.4 + 100 * 0.04 + (20 * 0.4 + 1000 * 0.04) / 8),
        (Slowness(call=0.1), True, 11.0),
    ],
)
def test_floor_of_the_big_job(slow: Slowness, exhausted: bool, seconds: float) -> None:
    assert least_seconds(5000, 1000, slow, exhausted=exhausted) == pytest.approx(seconds)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with run_sandbox(crm="amocrm", clients=5) as sandbox:
        yield Account(sandbox)


def test_snapshots_of_an_account_are_loaded_whole(account: Account, tmp_path: Path) -> None:
    account.at_ease()
    fill_account(account, 3)
    cost, rows, least = load_account(account, tmp_path)
    assert (cost.rows, rows["companies"], rows["companies/notes"]) == (8, 8, 90)
    assert rows["tasks"] >= 3
    assert cost.requests >= least == len(LISTS) + rows["events"] // 100
    assert cost.refused == 0


def test_both_clients_do_the_whole_job_on_an_account(account: Account) -> None:
    faster = [call / 20 for call in CALLS]
    told = {(call, client): cost for call, client, cost, _ in compare_accounts(account, DEALS, TASKS, faster)}
    assert len(told) == 2 * len(CALLS)
    assert {(cost.rows, cost.tasks, cost.refused) for cost in told.values()} == {(DEALS, TASKS, 0)}
    ours = [cost.requests for (_, client), cost in told.items() if client == "Kasanie"]
    assert ours[0] == fewest(DEALS, TASKS)


@pytest.mark.parametrize(("call", "seconds"), [(0.0, 3.0), (0.4, 3.4), (2.0, 6.0)])
def test_floor_of_the_big_job_on_an_account(call: float, seconds: float) -> None:
    assert fewest(5000, 1000) == 24
    assert account_floor(5000, 1000, call) == pytest.approx(seconds)
