"""One portal of the sandbox under measurement: its size, its allowance, and what a job costs there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from sandbox_fixture import Sandbox

from bench.floors import BURST, RATE, Slowness

LIST = {2: "deals", 3: "contacts", 4: "companies"}


@dataclass
class Cost:
    """What a job took."""

    requests: int = 0
    refused: int = 0
    seconds: float = 0.0
    rows: int = 0
    """Read."""
    tasks: int = 0
    """Made."""


@dataclass(frozen=True)
class Measured:
    """The first portal of a sandbox."""

    sandbox: Sandbox

    @property
    def url(self) -> str:
        """The incoming webhook."""
        return str(self.sandbox.portals[0]["rest_url"])

    @contextmanager
    def measuring(self, slow: Slowness, *, exhausted: bool) -> Iterator[Cost]:
        """From this allowance on, at this pace; the cost is complete at the end."""
        before = self.sandbox.ledger()
        self.sandbox.post("faults", {"answer_ms": int(1000 * slow.call), "command_ms": int(1000 * slow.command)})
        cost = Cost()
        began = time.monotonic()
        self.sandbox.post("limits", {"rate": RATE, "burst": BURST, "level": BURST if exhausted else 0})
        try:
            yield cost
        finally:
            cost.seconds = time.monotonic() - began
            after = self.sandbox.ledger()
            asked = after["requests"][len(before["requests"]) :]
            cost.requests = len(asked)
            cost.refused = sum(one["status"] == 503 for one in asked)
            cost.tasks = len(after["tasks"]) - len(before["tasks"])
            self.at_ease()

    def at_ease(self) -> None:
        """No limits, no waiting: for what is not measured."""
        self.sandbox.post("limits", {"rate": 0})
        self.sandbox.post("faults", {"answer_ms": 0, "command_ms": 0})

    def counted(self) -> dict[str, int]:
        """Rows of every list that a snapshot is made of, as the portal itself counts them."""
        commands = {name: f"crm.item.list?entityTypeId={number}&select[]=id" for number, name in LIST.items()}
        commands["stage rows"] = "crm.stagehistory.list?entityTypeId=2&select[]=ID"
        commands["activities"] = "crm.activity.list?select[]=ID"
        commands["tasks"] = "tasks.task.list?filter[TAG]=kasanie&select[]=ID"
        told = self.batch(commands)["result_total"]
        return {name: int(told[name]) for name in commands}

    def batch(self, commands: dict[str, str]) -> Any:
        """A plain request of the bench itself, outside of what is measured."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{self.url}batch.json", json={"halt": 0, "cmd": commands}, timeout=60)
        answer.raise_for_status()
        return answer.json()["result"]

    def add_deals(self, count: int) -> None:
        """Until there are so many."""
        missing = count - self.counted()["deals"]
        if missing > 0:
            self.sandbox.post("deals", {"title": "Заявка", "company": 1, "stage": "QUALIFY", "count": missing})
