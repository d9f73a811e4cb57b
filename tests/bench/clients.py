"""The same job with our client and with a published one: read all deals, then create tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fast_bitrix24 import BitrixAsync
from pydantic import SecretStr

from bench.floors import BURST, RATE
from bench.measuring import Cost
from connector.crm.kinds import CRMS
from connector.crm.port import Connection, Crm, Effect, Wanted
from connector.pacing import PortalPacer
from connector.store.opening import open_store

DUE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
MANAGERS = ("3", "4", "6", "7")
END_OF_LIST = "1000000"
"""A cursor of the lists that are not part of the job: above every id."""


@contextmanager
def our_client(url: str, folder: Path, wanted: Wanted | None = None) -> Iterator[Crm]:
    """The adapter with its limiter in a fresh database, as a worker opens it."""
    with closing(open_store(f"sqlite:///{folder / 'limiter.db'}")) as store:
        store.add_portal("bench", "bitrix24", rate=RATE, burst=BURST)
        connection = Connection(portal="bench", url=SecretStr(url), wanted=wanted or Wanted())
        with closing(CRMS["bitrix24"].open(connection, PortalPacer(store, "bench"))) as crm:
            yield crm


def with_ours(crm: Crm, cost: Cost, tasks: int) -> None:
    """As the worker does it: a pull in which only deals are new, then as many writes at once as the adapter says."""
    now = DUE.isoformat(timespec="seconds")
    times = dict.fromkeys(("company", "contact", "signal_changed", "task"), now)
    for page in crm.pull({**times, "stage": END_OF_LIST, "signal": END_OF_LIST}, ()):
        cost.rows += sum(fact.kind == "deal" for fact in page.facts)
    rest = [
        Effect(
            verb="create_task",
            key=f"bench#{number}",
            marker=f"kasanie:{number:012x}",
            title=f"Позвонить: заявка {number}",
            text="Узнать задачу, срок, кто решает.",
            assignee=MANAGERS[number % len(MANAGERS)],
            due=DUE + timedelta(minutes=number),
            bind=(f"deal:{1 + number % max(1, cost.rows)}",),
        )
        for number in range(tasks)
    ]
    while rest:
        size = crm.batch_size()
        now_sent, rest = rest[:size], rest[size:]
        left = [outcome for outcome in crm.send(now_sent) if outcome.status != "done"]
        if left:
            raise RuntimeError(f"not done: {left[0]}")


def with_theirs(url: str, cost: Cost, tasks: int) -> None:
    """fast_bitrix24, unmodified and with its own defaults."""

    async def job() -> None:
        bitrix = BitrixAsync(url, verbose=False)
        deals = await bitrix.get_all("crm.item.list", {"entityTypeId": 2, "select": ["id", "title", "stageId"]})
        cost.rows = len(deals)
        fields = [
            {
                "TITLE": f"Позвонить: заявка {number}",
                "DESCRIPTION": "Узнать задачу, срок, кто решает.",
                "RESPONSIBLE_ID": MANAGERS[number % len(MANAGERS)],
                "DEADLINE": (DUE + timedelta(minutes=number)).isoformat(),
                "UF_CRM_TASK": [f"D_{1 + number % len(deals)}"],
            }
            for number in range(tasks)
        ]
        await bitrix.call("tasks.task.add", [{"fields": one} for one in fields])

    asyncio.run(job())
