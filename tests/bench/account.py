"""An amoCRM account under measurement: its limits, its rows, what a job costs there, and the floor of that job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

import requests
from aioamocrm import AmoCRMClient, LongLivedToken, Task
from pydantic import SecretStr
from sandbox_fixture import Sandbox

from bench.clients import DUE, MANAGERS
from bench.measuring import Cost
from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.kinds import CRMS
from connector.crm.port import Connection, Effect
from connector.pacing import PortalPacer
from connector.store.opening import open_store

PAGE, ARRAY, EVENTS_PAGE = 250, 250, 100
"""Rows of one page, members of one array, events of one page: the most that the API gives and takes."""
A_SECOND = 7
"""Requests in any second."""
KINDS = ("call_in", "call_out", "sms_in", "sms_out", "amomail_message")
HAPPENINGS = ("lead_added", "lead_status_changed", "incoming_chat_message", "outgoing_chat_message")
LISTS: tuple[tuple[str, str, int, tuple[tuple[str, str], ...]], ...] = (
    ("companies", "companies", PAGE, ()),
    ("contacts", "contacts", PAGE, ()),
    ("leads", "leads", PAGE, ()),
    *(
        (f"{card}/notes", "notes", PAGE, tuple(("filter[note_type][]", kind) for kind in KINDS))
        for card in ("companies", "contacts", "leads")
    ),
    ("events", "events", EVENTS_PAGE, tuple(("filter[type][]", kind) for kind in HAPPENINGS)),
    ("tasks", "tasks", PAGE, ()),
)
"""What a snapshot is made of: path, key in the answer, rows of a page, filter."""


def fewest(reads: int, writes: int) -> int:
    """Requests of "read so many leads, then create so many tasks": full pages, full arrays."""
    return ceil(reads / PAGE) + ceil(writes / ARRAY)


def least_seconds(reads: int, writes: int, call: float) -> float:
    """The least seconds for that, when each answer takes `call` seconds.

    Seven requests leave at once and seven more each second. Tasks are about leads, so none leaves before the last page
    is answered; their answers are waited for together.
    """
    pages, arrays = ceil(reads / PAGE), ceil(writes / ARRAY)
    last_page = (pages - 1) // A_SECOND
    return max((pages + arrays - 1) // A_SECOND, last_page + call) + call


@dataclass(frozen=True)
class Account:
    """The first portal of a sandbox."""

    sandbox: Sandbox

    @property
    def told(self) -> dict[str, Any]:
        """As `--describe` has it."""
        return self.sandbox.portals[0]

    @contextmanager
    def measuring(self, call: float) -> Iterator[Cost]:
        """At the documented limits, each answer taking so many seconds; the cost is complete at the end."""
        self.sandbox.post("limits", {"rate": A_SECOND, "burst": A_SECOND})
        self.sandbox.post("faults", {"answer_ms": int(1000 * call)})
        before = self.sandbox.ledger()
        cost = Cost()
        began = time.monotonic()
        try:
            yield cost
        finally:
            cost.seconds = time.monotonic() - began
            after = self.sandbox.ledger()
            asked = after["requests"][len(before["requests"]) :]
            cost.requests = len(asked)
            cost.refused = sum(one["status"] in (403, 429) for one in asked)
            cost.tasks = len(after["tasks"]) - len(before["tasks"])
            self.at_ease()

    def at_ease(self) -> None:
        """No limits, no waiting: for what is not measured."""
        self.sandbox.post("limits", {"rate": 0})
        self.sandbox.post("faults", {"answer_ms": 0})

    def add_deals(self, count: int) -> None:
        """Until there are so many leads."""
        missing = count - self.counted()["leads"]
        if missing > 0:
            self.sandbox.post("deals", {"title": "Заявка", "company": 1, "stage": "QUALIFY", "count": missing})

    def counted(self) -> dict[str, int]:
        """Rows of every list that a snapshot is made of, read page by page outside of what is measured."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.told['access_token']}"
            return {path: self._rows(session, path, key, limit, asked) for path, key, limit, asked in LISTS}

    def post(self, path: str, array: Sequence[Mapping[str, Any]]) -> None:
        """A plain write of the bench itself, outside of what is measured."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.told['access_token']}"
            session.post(f"{self.told['base_url']}/api/v4/{path}", json=list(array), timeout=60).raise_for_status()

    def _rows(
        self, session: requests.Session, path: str, key: str, limit: int, asked: Sequence[tuple[str, str]]
    ) -> int:
        rows, page = 0, 1
        while True:
            params = [*asked, ("page", str(page)), ("limit", str(limit))]
            answer = session.get(f"{self.told['base_url']}/api/v4/{path}", params=params, timeout=60)
            answer.raise_for_status()
            if answer.status_code == 204:
                return rows
            rows, page = rows + len(answer.json()["_embedded"][key]), page + 1

    @contextmanager
    def our_client(self, folder: Path, call: float = 0.0) -> Iterator[AmoCrm]:
        """The adapter with its limiter in a fresh database, acquainted with the account, as a worker opens it."""
        kind = CRMS["amocrm"]
        url, token = SecretStr(self.told["base_url"]), SecretStr(self.told["access_token"])
        with closing(open_store(f"sqlite:///{folder / 'limiter.db'}")) as store:
            store.add_portal("bench", "amocrm", rate=kind.rate, burst=kind.burst)
            connection = Connection(portal="bench", url=url, token=token)
            with closing(AmoCrm(connection, PortalPacer(store, "bench"))) as crm:
                self.sandbox.post("faults", {"answer_ms": int(1000 * call)})
                crm.directory()
                time.sleep(1)  # what was asked for getting acquainted is out of the limit's sight
                yield crm

    def with_ours(self, crm: AmoCrm, cost: Cost, tasks: int) -> None:
        """The list of leads as a first load reads it, without the other lists; then as many writes as are allowed."""
        leads = [row["id"] for rows in crm._lists.whole("leads", "leads").pages() for row in rows]
        cost.rows = len(leads)
        rest = [
            Effect(
                verb="create_task",
                key=f"bench#{number}",
                marker=f"kasanie:{number:012x}",
                title=f"Позвонить: заявка {number}",
                text="Узнать задачу, срок, кто решает.",
                assignee=MANAGERS[number % len(MANAGERS)],
                due=DUE + timedelta(minutes=number),
                bind=(f"deal:{leads[number % len(leads)]}",),
            )
            for number in range(tasks)
        ]
        while rest:
            size = crm.batch_size()
            now_sent, rest = rest[:size], rest[size:]
            left = [outcome for outcome in crm.send(now_sent) if outcome.status != "done"]
            if left:
                raise RuntimeError(f"not done: {left[0]}")

    def with_theirs(self, cost: Cost, tasks: int) -> None:
        """aioamocrm, unmodified and with its own defaults."""

        async def job() -> None:
            token = LongLivedToken(self.told["access_token"])
            async with AmoCRMClient(base_url=self.told["base_url"], auth=token) as amo:
                leads = [lead.id async for lead in amo.leads.iterate()]
                cost.rows = len(leads)
                wanted = [
                    Task(
                        text=f"Позвонить: заявка {number}\nУзнать задачу, срок, кто решает.",
                        responsible_user_id=int(MANAGERS[number % len(MANAGERS)]),
                        complete_till=int((DUE + timedelta(minutes=number)).timestamp()),
                        entity_type="leads",
                        entity_id=leads[number % len(leads)],
                    )
                    for number in range(tasks)
                ]
                await amo.tasks.create(wanted)

        asyncio.run(job())
