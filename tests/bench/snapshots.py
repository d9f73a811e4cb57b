"""Loading everything that the snapshots of many clients are made of, by the loader itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import SecretStr
from sandbox_fixture import Sandbox

from bench.clients import MANAGERS
from bench.floors import BURST, RATE, Slowness, fewest_to_load
from bench.measuring import Cost, Measured
from connector.crm.kinds import CRMS
from connector.crm.port import Connection
from connector.loader import load
from connector.pacing import PortalPacer
from connector.portal_map import Mapped, read_portal_file
from connector.sandbox.installation import portal_map
from connector.store.opening import open_store
from rules.dossier import Template, read_dossier

DEALS, CONTACTS, ACTIVITIES, MOVES, TASKS = 4, 3, 30, 3, 1
"""Of each client; a deal's creation is a row of its history, too (facts/bulk.md: h = 4)."""
AT_ONCE = 500
"""Orders in one call of the control API."""
T = TypeVar("T")
LIBRARY = Path(__file__).resolve().parents[2] / "rules" / "library"


def fill(measured: Measured, clients: int) -> None:
    """So many companies with all that belongs to each, beside the few that every sandbox invents."""
    sandbox = measured.sandbox
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
    for part in parts([company for company in made for _ in range(TASKS)], 50):
        measured.batch(
            {
                f"t{number}": f"tasks.task.add?fields[TITLE]=a&fields[RESPONSIBLE_ID]=3&fields[TAGS][]=kasanie"
                f"&fields[UF_CRM_TASK][]=CO_{company}"
                for number, company in enumerate(part)
            }
        )


def load_all(measured: Measured, folder: Path) -> tuple[Cost, dict[str, int], int]:
    """What the first load costs (`rows`: companies stored), the rows there are, the fewest requests for these."""
    mapped = mapped_of(measured.sandbox)
    told = dossier()
    rows = measured.counted()
    with closing(open_store(f"sqlite:///{folder / 'facts.db'}")) as store:
        store.add_portal("bench", "bitrix24", rate=RATE, burst=BURST)
        connection = Connection(portal="bench", url=SecretStr(measured.url), wanted=mapped.wanted)
        with closing(CRMS["bitrix24"].open(connection, PortalPacer(store, "bench"))) as crm:
            with measured.measuring(Slowness(), exhausted=False) as cost:
                load(store, crm, "bench", mapped, told, (), datetime.now(UTC))
            cost.rows = sum(ref.startswith("company:") for ref in store.clients("bench"))
    return cost, rows, fewest_to_load(rows.values())


def dossier() -> Template:
    """The dossier of fifty fields."""
    told, problems = read_dossier((LIBRARY / "dossier-key-client-50.yaml").read_bytes(), "dossier.yaml")
    assert told is not None, problems
    return told


def mapped_of(sandbox: Sandbox) -> Mapped:
    """The portal's fields, as the templates of a portal name them."""
    story = sandbox.get("portals")["portals"][0]
    mapped, problems = read_portal_file(yaml.safe_dump(portal_map(story)).encode(), "portal.yaml")
    assert mapped is not None, problems
    return mapped


def parts(listed: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The list in parts of this size."""
    for first in range(0, len(listed), size):
        yield listed[first : first + size]
