"""Runs the benchmarks on the sandbox and prints what they cost, beside the floor that the portal's limits allow."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox_fixture import run_sandbox

from bench.account import Account, fewest
from bench.account import least_seconds as account_floor
from bench.account_snapshots import fill_account, load_account
from bench.clients import our_client, with_ours, with_theirs
from bench.floors import BATCH, IN_FLIGHT, PAGE, Slowness, fewest_requests, least_seconds, pages
from bench.measuring import Cost, Measured
from bench.snapshots import fill, load_all

DEALS, TASKS = 5000, 1000
CLIENTS = 500
INVENTED = 5
"""Clients that every sandbox has by itself."""
QUICK, SLOW = Slowness(), Slowness(call=0.4, command=0.04)
Case = tuple[str, Slowness, bool]
CASES: tuple[Case, ...] = (
    ("from a full allowance", QUICK, False),
    ("from an exhausted one", QUICK, True),
    ("slow, from a full one", SLOW, False),
)
"""What it is called, how slow the portal is, whether the allowance is used up."""


CALLS = (0.0, 0.4)
"""Seconds of an answer of amoCRM."""


def compare(
    measured: Measured, deals: int, tasks: int, cases: Sequence[Case] = CASES
) -> Iterator[tuple[str, str, Cost, float]]:
    """Every case with both clients: the case, the client, the cost, the floor in seconds."""
    measured.at_ease()
    measured.add_deals(deals)
    for case, slow, exhausted in cases:
        floor = least_seconds(deals, tasks, slow, exhausted=exhausted)
        with tempfile.TemporaryDirectory() as folder, our_client(measured.url, Path(folder)) as crm:
            with measured.measuring(slow, exhausted=exhausted) as cost:
                with_ours(crm, cost, tasks)
            yield case, "Kasanie", cost, floor
        with measured.measuring(slow, exhausted=exhausted) as cost:
            with_theirs(measured.url, cost, tasks)
        yield case, "fast_bitrix24", cost, floor


def print_comparison(deals: int, tasks: int) -> None:
    """Requests, refusals, seconds and ratios of the job."""
    fewest = fewest_requests(pages(deals)) + fewest_requests(tasks)
    _say(f"Read {deals} deals, create {tasks} tasks (2 requests/s, burst 50, batches of {BATCH}, pages of {PAGE}).")
    _say(f"Slow: {1000 * SLOW.call:.0f} ms a call and {1000 * SLOW.command:.0f} ms a batched command.")
    _say(f"Fewest requests: {fewest}. Floor in seconds, the greater of")
    _say("  by the rate           (requests - allowance) / 2")
    _say("  by the portal's pace  requests*call + pages*command of the list, read as one chain,")
    _say(f"                        + (requests*call + writes*command) / {IN_FLIGHT} in flight.")
    _say("fast_bitrix24 has up to 50 requests in flight and pages by offset, so the second one does not bind it.")
    _say()
    row = "{:<22} {:<14} {:>8} {:>8} {:>8} {:>7} {:>6}"
    _say(row.format("", "", "requests", "refused", "seconds", "floor", "ratio"))
    with run_sandbox(crm="bitrix24", clients=INVENTED) as sandbox:
        for case, client, cost, floor in compare(Measured(sandbox), deals, tasks):
            assert (cost.rows, cost.tasks) == (deals, tasks), f"{client}, {case}: the job is not done: {cost}"
            ratio = f"{cost.seconds / floor:.2f}" if floor else "-"
            told = (cost.requests, cost.refused, f"{cost.seconds:.1f}", f"{floor:.1f}", ratio)
            _say(row.format(case, client, *told))


def print_snapshots(clients: int) -> None:
    """Requests of a first load against the fewest that the paging allows."""
    with run_sandbox(crm="bitrix24", clients=INVENTED) as sandbox, tempfile.TemporaryDirectory() as folder:
        measured = Measured(sandbox)
        measured.at_ease()
        fill(measured, clients - INVENTED)
        cost, rows, fewest = load_all(measured, Path(folder))
    listed = ", ".join(f"{count} {name}" for name, count in rows.items())
    every = " + ".join(f"{pages(count)}" for count in rows.values())
    _say(f"Snapshots of {clients} clients: {listed}.")
    _say(f"Pages {every}; fewest requests {fewest}; taken {cost.requests}, refused {cost.refused}; ", end="")
    _say(f"ratio {cost.requests / fewest:.2f}; {cost.seconds:.1f} s with storing.")


def compare_accounts(
    account: Account, leads: int, tasks: int, calls: Sequence[float] = CALLS
) -> Iterator[tuple[float, str, Cost, float]]:
    """Every pace of amoCRM with both clients: seconds of an answer, the client, the cost, the floor in seconds."""
    account.at_ease()
    account.add_deals(leads)
    for call in calls:
        floor = account_floor(leads, tasks, call)
        with tempfile.TemporaryDirectory() as folder, account.our_client(Path(folder), call) as crm:
            with account.measuring(call) as cost:
                account.with_ours(crm, cost, tasks)
            yield call, "Kasanie", cost, floor
        with account.measuring(call) as cost:
            account.with_theirs(cost, tasks)
        yield call, "aioamocrm", cost, floor


def print_accounts(leads: int, tasks: int) -> None:
    """The same job on amoCRM."""
    _say(f"Read {leads} leads, create {tasks} tasks (7 requests/s, pages and arrays of 250).")
    _say(f"Fewest requests: {fewest(leads, tasks)}. Floor: 7 leave at once and 7 more each second; tasks wait for the")
    _say("last lead's answer.")
    _say()
    row = "{:<22} {:<14} {:>8} {:>8} {:>8} {:>7} {:>6}"
    _say(row.format("", "", "requests", "refused", "seconds", "floor", "ratio"))
    with run_sandbox(crm="amocrm", clients=INVENTED) as sandbox:
        for call, client, cost, floor in compare_accounts(Account(sandbox), leads, tasks):
            assert (cost.rows, cost.tasks) == (leads, tasks), f"{client}, {call} s: the job is not done: {cost}"
            case = f"{1000 * call:.0f} ms an answer"
            told = (cost.requests, cost.refused, f"{cost.seconds:.1f}", f"{floor:.1f}", f"{cost.seconds / floor:.2f}")
            _say(row.format(case, client, *told))


def print_account_snapshots(clients: int) -> None:
    """Requests of a first load of an amoCRM account against the fewest that the paging allows."""
    with run_sandbox(crm="amocrm", clients=INVENTED) as sandbox, tempfile.TemporaryDirectory() as folder:
        account = Account(sandbox)
        account.at_ease()
        fill_account(account, clients - INVENTED)
        cost, rows, least = load_account(account, Path(folder))
    _say(f"Snapshots of {clients} clients: {', '.join(f'{count} {name}' for name, count in rows.items())}.")
    _say(f"Fewest requests {least}; taken {cost.requests}, refused {cost.refused}; ", end="")
    _say(f"ratio {cost.requests / least:.2f}; {cost.seconds:.1f} s with storing.")


PORTIONS: dict[str, Callable[[], None]] = {
    "bitrix24": lambda: print_comparison(DEALS, TASKS),
    "snapshots": lambda: print_snapshots(CLIENTS),
    "amocrm": lambda: print_accounts(DEALS, TASKS),
    "amocrm-snapshots": lambda: print_account_snapshots(CLIENTS),
}


def main(wanted: Sequence[str]) -> int:
    """The portions named, or all of them."""
    unknown = [name for name in wanted if name not in PORTIONS]
    if unknown:
        sys.stderr.write(f"no such portion: {', '.join(unknown)}; known: {', '.join(PORTIONS)}\n")
        return 2
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    _say(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {machine}")
    for name in wanted or PORTIONS:
        began = time.monotonic()
        _say()
        PORTIONS[name]()
        _say(f"({name}: {time.monotonic() - began:.0f} s)")
    return 0


def _say(text: str = "", end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
