"""A Kasanie beside a sandbox, to be killed: work is caused in the CRM, and what came of it is read there again."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from sandbox_fixture import Sandbox, run_sandbox

from connector.sandbox.installation import SHORT_WAITS, Installation
from connector.sandbox.story import MARKER
from connector.store import Store
from connector.store.opening import open_store

ASKED = "Первый контакт по заявке"
"""What the regulation asks for every new deal: a task of its own, that no other takes in."""
SCORED = "Полимер"
"""A key client of every sandbox: 14 of the 50 dossier fields are filled, and these are not."""
TO_FILL = (
    *("growth_plan", "complaints", "promises", "origin", "opponent", "champion", "payment_terms", "limits"),
    *("approval_path", "criteria", "buying_center", "requirements", "problems", "budget_month", "seasonality"),
)
MANAGERS = (3, 4, 6, 7)
PATIENCE = 60.0
WAITS = {**SHORT_WAITS, "read_timeout": 1.5, "quarantine": 4.5}
"""The quarantine is longer than any write is held here (HELD_MS), and an answer is given up before."""
HELD_MS = 2500
UNDONE = ("bells", "clients_to_judge", "effects_open", "effects_doubtful")


@dataclass(frozen=True)
class Ordered:
    """A deal that we made, the only one of its client."""

    portal: str
    deal: int


@dataclass
class Site:
    """An installation, its sandbox, its tables, and the work that was caused."""

    sandbox: Sandbox
    installation: Installation
    store: Store
    ordered: list[Ordered] = field(default_factory=list)
    filled: Counter[str] = field(default_factory=Counter)
    """Per portal, how many dossier fields of SCORED were filled."""
    workers: list[Popen[bytes]] = field(default_factory=list)
    _number: int = 0

    @property
    def portals(self) -> list[str]:
        """Names of all portals."""
        return [portal["name"] for portal in self.sandbox.portals]

    def order(self, count: int, *portals: str, dossier: bool = True) -> None:
        """So many new clients with a new deal each, and a dossier field filled; on the portals named or on all."""
        for portal in portals or self.portals:
            if dossier:
                self._fill_in(portal)
            for _ in range(count):
                number = len(self.ordered)
                owner = MANAGERS[number % len(MANAGERS)]
                company = {
                    "title": f"Завод {number}",
                    "owner": owner,
                    "people": [{"first_name": "Иван", "last_name": f"Петров {number}"}],
                }
                client = self.sandbox.post("companies", company, portal)["id"]
                deal = {"title": f"Заявка {number}", "company": client, "owner": owner}
                self.ordered.append(Ordered(portal, self.sandbox.post("deals", deal, portal)["ids"][0]))

    def _fill_in(self, portal: str) -> None:
        code = TO_FILL[self.filled[portal]]
        self.sandbox.post("cards", {"kind": "company", "id": self._scored(portal), "fields": {code: "Узнали"}}, portal)
        self.filled[portal] += 1

    def _scored(self, portal: str) -> int:
        """The company SCORED: the same in every portal, they are invented alike."""
        if not self._number:
            self._number = int(self.sandbox.get(f"cards?portal={portal}&title={SCORED}")["company"][0]["id"])
        return self._number

    def start(self, *command: str, failpoint: str | None = None, log_name: str | None = None) -> Popen[bytes]:
        """A process of Kasanie that goes on."""
        return self.installation.start(*command, failpoint=failpoint, log_name=log_name)

    def work(self, failpoint: str | None = None, log_name: str = "work") -> Popen[bytes]:
        """A worker."""
        worker = self.start("work", failpoint=failpoint, log_name=log_name)
        self.workers.append(worker)
        return worker

    def kill_workers(self) -> None:
        """All that are still alive."""
        for worker in self.workers:
            worker.kill()
            worker.wait(timeout=PATIENCE)
        self.workers.clear()

    def stop(self) -> None:
        """End what runs of Kasanie, as an operator does."""
        self.installation.stop()

    def webhooks(self) -> dict[str, int]:
        """How many webhooks of each kind were answered or not, in all portals."""
        return dict(sum((Counter(ledger["webhooks"]) for _, ledger in self._ledgers()), Counter()))

    def switch(self, **faults: int) -> None:
        """Switch faults of the sandbox, in every portal."""
        for portal in self.portals:
            self.sandbox.post("faults", faults, portal)

    def struck(self, fault: str) -> bool:
        """Whether a write met the fault, in every portal."""
        return not any(self.sandbox.get("faults", portal)[fault] for portal in self.portals)

    def in_doubt(self) -> int:
        """Writes that were sent and whose outcome is not known."""
        return sum(self.store.counts(portal)["effects_doubtful"] for portal in self.portals)

    def log(self, name: str) -> str:
        """What processes wrote into one log."""
        return (self.installation.folder / f"{name}.log").read_text(encoding="utf-8")

    def looked_up(self) -> int:
        """How many writes the workers ever looked for in the CRM before they sent them again."""
        return sum(map(int, re.findall(r"effects\.looked_up .* doubtful=(\d+)", self.log("work"))))

    def undone(self) -> dict[str, dict[str, int]]:
        """Per portal what the tables still have to do."""
        found = {}
        for portal in self.portals:
            counts = {name: number for name, number in self.store.counts(portal).items() if name in UNDONE and number}
            if counts:
                found[portal] = counts
        return found

    def settle(self, seconds: float = PATIENCE) -> None:
        """Until everything ordered is in the CRM and nothing is left to do; then nothing may be there twice."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 3:
            undone = self.undone()
            quiet = 0 if undone or self.missing() else quiet + 1  # the last echoes may still be on their way
            if time.monotonic() > deadline:
                raise TimeoutError(f"missing: {self.missing()[:10]}; undone: {undone}")
            time.sleep(0.3)
        assert self.twice() == []
        assert self.wrong_scores() == []

    def missing(self) -> list[object]:
        """What must be in the CRM and is not: tasks of what was ordered, and the score of the filled dossier."""
        found: list[object] = []
        for portal, ledger in self._ledgers():
            asked = {deal for task in ledger["tasks"] for deal in _deals_asked(task)}
            ordered = [one for one in self.ordered if one.portal == portal]
            found += [one for one in ordered if one.deal not in asked]
            scores = self._scores(portal, ledger)
            found += [] if scores[-1:] == [28 + 2 * self.filled[portal]] else [(portal, scores)]
        return found

    def twice(self) -> list[str]:
        """Markers that more than one task carries, and what was asked twice for one deal."""
        found: list[str] = []
        for _, ledger in self._ledgers():
            markers = Counter(mark for task in ledger["tasks"] if (mark := marker_of(task)))
            asked = Counter(deal for task in ledger["tasks"] for deal in _deals_asked(task))
            found += [mark for mark, count in markers.items() if count > 1]
            found += [f"deal {deal}" for deal, count in asked.items() if count > 1]
        return found

    def wrong_scores(self) -> list[tuple[str, list[int]]]:
        """Per portal all scores ever written, where one of them was never true or an older one came after a newer."""
        true = {portal: range(28, 29 + 2 * self.filled[portal], 2) for portal in self.portals}
        written = [(portal, self._scores(portal, ledger)) for portal, ledger in self._ledgers()]
        return [(portal, was) for portal, was in written if was != sorted(was) or set(was) - set(true[portal])]

    def _scores(self, portal: str, ledger: dict[str, Any]) -> list[int]:
        """Every fill rate that was written on the client's card, in order."""
        client = self._scored(portal)
        return [
            int(write["value"])
            for write in ledger["writes"]
            if write["by_api"] and (write["card"], write["id"]) == ("company", client) and _is_fill(write["code"])
        ]

    def tasks(self, portal: str) -> list[dict[str, Any]]:
        """All tasks of ours in a portal."""
        return [task for task in self.sandbox.ledger(portal)["tasks"] if marker_of(task)]

    def _ledgers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for ledger in self.sandbox.get("ledger")["portals"]:
            yield ledger["portal"], ledger


def marker_of(task: dict[str, Any]) -> str | None:
    """Bitrix24 keeps the marker in a field of its own, amoCRM in the text."""
    found = MARKER.search(f"{task.get('xml_id') or ''} {task['text']}")
    return found[0] if found else None


def _deals_asked(task: dict[str, Any]) -> Iterator[int]:
    """The deal whose first contact a task asks for."""
    if ASKED in task["title"] and marker_of(task):
        yield from (number for kind, number in task["cards"] if kind == "deal")


def _is_fill(code: str) -> bool:
    return code.lower() == "kasanie_fill"


@contextmanager
def open_site(folder: Path, database: str | None = None, **options: Any) -> Iterator[Site]:
    """A sandbox with these options and a Kasanie installed beside it; nothing of Kasanie runs yet."""
    with run_sandbox(clients=5, **options) as sandbox:
        url = database or f"sqlite:///{folder / 'kasanie.db'}"
        installation = Installation(folder, sandbox.portals[0]["base_url"], database=url, waits=WAITS)
        try:
            installation.install()
            with closing(open_store(url)) as store:
                yield Site(sandbox, installation, store)
        finally:
            installation.stop()


def kill(running: Popen[bytes]) -> None:
    """As the power fails: kill -9, and gone."""
    running.kill()
    assert running.wait(timeout=10) == -signal.SIGKILL
