"""Loading everything that the snapshots of many clients of an amoCRM account are made of, by the loader itself."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

from pydantic import SecretStr

from bench.account import LISTS, Account
from bench.clients import MANAGERS
from bench.measuring import Cost
from bench.snapshots import ACTIVITIES, CONTACTS, DEALS, MOVES, TASKS, dossier, mapped_of, parts
from connector.crm.kinds import CRMS
from connector.crm.port import Connection
from connector.loader import load
from connector.pacing import PortalPacer
from connector.store.opening import open_store


def fill_account(account: Account, clients: int) -> None:
    """So many companies with all that belongs to each, beside the few that every sandbox invents."""
    sandbox = account.sandbox
    people = [{"first_name": "Иван", "last_name": f"Петров {number}"} for number in range(CONTACTS)]
    wanted = [
        {"title": f"Завод {number}", "owner": MANAGERS[number % 4], "people": people} for number in range(clients)
    ]
    made = [one["id"] for part in parts(wanted) for one in sandbox.post("companies", part)]
    deals: list[int] = []
    for company in made:
        deals += sandbox.post("deals", {"company": company, "stage": "NEW", "count": DEALS})["ids"]
    for stage in ("QUALIFY", "OFFER", "NEGOTIATE")[:MOVES]:
        sandbox.post("deals/move", {"deals": deals, "stage": stage})
    calls = [
        {"kind": "call", "company": company, "direction": "out", "seconds": 100}
        for company in made
        for _ in range(ACTIVITIES)
    ]
    for part in parts(calls):
        sandbox.post("activities", part)
    tasks = [
        {"text": "a\n[kasanie:0123456789ab]", "complete_till": 1790000000, "entity_type": "companies", "entity_id": one}
        for one in made
        for _ in range(TASKS)
    ]
    for part in parts(tasks, 250):
        account.post("tasks", part)


def load_account(account: Account, folder: Path) -> tuple[Cost, dict[str, int], int]:
    """What the first load costs (`rows`: companies stored), the rows there are, the fewest requests for these."""
    mapped, rows, kind = mapped_of(account.sandbox), account.counted(), CRMS["amocrm"]
    url, token = SecretStr(account.told["base_url"]), SecretStr(account.told["access_token"])
    with closing(open_store(f"sqlite:///{folder / 'facts.db'}")) as store:
        store.add_portal("bench", "amocrm", rate=kind.rate, burst=kind.burst)
        connection = Connection(portal="bench", url=url, token=token, wanted=mapped.wanted)
        with closing(kind.open(connection, PortalPacer(store, "bench"))) as crm:
            with account.measuring(0.0) as cost:
                load(store, crm, "bench", mapped, dossier(), (), datetime.now(UTC))
            cost.rows = sum(ref.startswith("company:") for ref in store.clients("bench"))
    return cost, rows, sum(max(1, ceil(rows[path] / limit)) for path, _, limit, _ in LISTS)
