"""One story told through each CRM: the same snapshot of every client, and the same assessment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sandbox_fixture import Sandbox, run_sandbox

from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.portals import directory_from_json, rules_since
from connector.sandbox.installation import Installation, wait_for
from connector.snapshot import load_snapshots, make_reader
from connector.worker import EMBEDDED
from rules.assess import assess
from rules.assessment import Assessment
from rules.facts import UNKNOWN, Deal, Signal, Snapshot
from rules.ledger import State
from story.world import CRMS, PATIENCE, UNDONE, hurry

ELSEWHERE = ("Дмитрий Белов",)
"""Live in another zone than the portal, which Bitrix24 knows and amoCRM does not."""


@dataclass(frozen=True)
class Told:
    """A client as one portal has it: what a rule may see, and what the rules make of it."""

    seen: dict[str, Any]
    judged: dict[str, Any]


@dataclass
class Twins:
    """The same base on a portal of each CRM, and one Kasanie that serves both."""

    sandbox: Sandbox
    opened: Opened
    flow: Flow
    began: datetime
    """When the rules came into force, on both."""
    at: datetime
    """Of the last act."""

    @property
    def names(self) -> list[str]:
        """Of the portals."""
        return [self.sandbox.portal(crm)["name"] for crm in CRMS]

    def act(self, order: str, body: Any, *, later: str = "0 minutes") -> None:
        """The same act at the same moment on both portals; then all its consequences."""
        self.sandbox.advance(later)
        self.at = datetime.fromisoformat(self.sandbox.get("clock")["now"]).replace(second=5, microsecond=0)
        self.at += timedelta(minutes=1)
        for name in self.names:
            self.sandbox.post("clock", {"set": self.at.isoformat()})
            given = body(name) if callable(body) else body
            self.sandbox.post(order, given, name)
        self.sandbox.advance("6 minutes")
        self.settle()

    def settle(self) -> None:
        """Until each portal is heard and nothing is undone; Kasanie's clock may lag a moment behind the sandbox's."""
        now = datetime.fromisoformat(self.sandbox.get("clock")["now"])
        for name in self.names:
            wait_for(lambda: self._served(name, now), PATIENCE, f"{name} has always something left")  # noqa: B023  # called at once

    def _served(self, name: str, now: datetime) -> bool:
        self.flow.serve_portal(name)
        counts = self.opened.store.counts(name)
        return not self.opened.store.reconcile_due(name, now) and not any(counts[one] for one in UNDONE)

    def told(self, name: str) -> dict[str, Told]:
        """Every client of a portal by name."""
        store = self.opened.store
        row, in_force = store.portal(name), self.opened.portals.current(name)
        assert row is not None
        assert row.directory is not None
        assert in_force is not None
        since = dict.fromkeys(rules_since(in_force.regulation, store.rules_since(name)), self.began)
        reader = make_reader(name, in_force.mapped, directory_from_json(row.directory), since)
        snapshots = load_snapshots(store, reader, store.clients(name))
        told: dict[str, Told] = {}
        for snapshot in map(without_zones, snapshots.values()):
            names = Names(snapshot)
            one = assess(in_force.regulation, snapshot, self.at, "ru")
            told[snapshot.client.name] = Told(seen(snapshot, names), judged(one, names))
        return told


class Names:
    """Ids of one portal as the names that both have."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._cards = {snapshot.client.id: snapshot.client.name}
        self._cards |= {f"deal:{one.id}": one.title for one in snapshot.deals}
        self._cards |= {f"contact:{one.id}": one.name for one in snapshot.contacts}
        self._people = {one.id: one.name for one in snapshot.portal.managers.values()}
        self._elsewhere = self.person(snapshot.client.owner) in ELSEWHERE

    def due(self, moment: datetime | None) -> Any:
        """Where the owner has a zone of his own only the day: elsewhere nobody knows when his working day ends."""
        return moment.date() if moment and self._elsewhere else minute(moment)

    def card(self, ref: str | None) -> str | None:
        """Title or name; what is no card of this client keeps its number, which is the same in both bases."""
        return None if ref is None else self._cards.get(ref, ref)

    def person(self, number: str | None) -> str | None:
        """A user's name."""
        return None if number is None else self._people[number]


def without_zones(snapshot: Snapshot) -> Snapshot:
    """amoCRM does not tell a user's own time zone: his working hours are the account's there."""
    portal = snapshot.portal
    managers = {number: replace(one, zone=None) for number, one in portal.managers.items()}
    return replace(snapshot, portal=replace(portal, managers=managers))


def minute(moment: Any) -> Any:
    """Both CRMs tell seconds; ours, of asking and closing, differ by a few."""
    return moment.replace(second=0, microsecond=0).isoformat() if isinstance(moment, datetime) else moment


def seen(snapshot: Snapshot, names: Names) -> dict[str, Any]:
    """All that a rule may see, ids as names. What the CRMs honestly tell otherwise is left out:

    the currency (amoCRM's leads have none); an empty flag (`N` in Bitrix24, nothing in amoCRM); whose call it was
    beside the deal it was about (amoCRM's notes hang on one card); a meeting's direction (amoCRM's is a task).
    """
    client = snapshot.client
    flags = {"strategic": bool(client.fields.get("strategic"))}
    return {
        "client": replace(
            client,
            id="",
            created_at=minute(client.created_at),
            owner=names.person(client.owner),
            client_manager=names.person(client.client_manager),
            active_manager=names.person(client.active_manager),
            fields={**client.fields, **flags},
        ),
        "contacts": sorted(
            (replace(one, id="", created_at=minute(one.created_at)) for one in snapshot.contacts), key=repr
        ),
        "deals": [_deal(one, names) for one in sorted(snapshot.deals, key=lambda deal: deal.title)],
        "signals": sorted((_signal(one, names) for one in snapshot.signals), key=repr),
        "tasks": sorted(
            (
                (
                    names.due(one.due_at),
                    one.open,
                    names.person(one.assignee),
                    one.deleted,
                    minute(one.closed_at),
                )
                for one in snapshot.tasks.values()
            ),
            key=repr,
        ),
        "asked": sorted(
            (
                (
                    one.key.rule,
                    names.card(one.key.subject),
                    one.state,
                    names.due(one.due_at),
                    minute(one.planned_at),
                    names.person(one.assignee),
                )
                for one in snapshot.asked
            ),
            key=repr,
        ),
    }


def _deal(deal: Deal, names: Names) -> tuple[Any, ...]:
    history = deal.history
    steps = [(minute(step.at), step.phase) for step in history] if isinstance(history, tuple) else history
    contacts = sorted(str(names.card(f"contact:{one}")) for one in deal.contacts)
    plain = replace(
        deal,
        id="",
        pipeline="",
        created_at=minute(deal.created_at),
        owner=names.person(deal.owner),
        history=UNKNOWN,
        currency=None,
        contacts=(),
    )
    return plain, steps, contacts


def _signal(signal: Signal, names: Names) -> Signal:
    direction = None if signal.kind == "meeting" else signal.direction
    return replace(
        signal,
        id="",
        at=minute(signal.at),
        direction=direction,
        by=names.person(signal.by),
        contact=None,
        deal=signal.deal and names.card(f"deal:{signal.deal}"),
    )


def judged(assessment: Assessment, names: Names) -> dict[str, Any]:
    """Verdicts, due moments, orders and the score."""
    score = assessment.score
    return {
        "verdicts": sorted(
            (
                (one.rule, names.card(one.subject), one.status, names.due(one.due_at), one.because)
                for one in assessment.verdicts
            ),
            key=repr,
        ),
        "orders": sorted(
            (
                (
                    one.do,
                    one.key.rule,
                    names.card(one.key.subject),
                    names.person(one.to),
                    names.due(one.due_at),
                    names.due(one.task_due_at),
                    one.title,
                    one.text,
                )
                for one in assessment.orders
            ),
            key=repr,
        ),
        "score": score and (score.fill, score.weighted, score.gaps_text),
        "recheck": names.due(assessment.recheck_at),
    }


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    folder: Path = tmp_path_factory.mktemp("twins")
    with pytest.MonkeyPatch.context() as patch, run_sandbox(clients=8, rate=100, burst=1000) as sandbox:
        patch.setenv("KASANIE_SANDBOX", "1")
        patch.setenv("KASANIE_SANDBOX_URL", sandbox.portals[0]["base_url"])
        installation = Installation(folder, sandbox.portals[0]["base_url"])
        installation.install()
        hurry(folder / "config.yaml")
        opened = open_all(folder / "config.yaml")
        try:
            with closing(Flow(opened.settings, opened.store, opened.portals, opened.clock, EMBEDDED)) as flow:
                now = datetime.fromisoformat(sandbox.get("clock")["now"])
                made = Twins(sandbox, opened, flow, now, now)
                made.settle()
                yield made
        finally:
            opened.close()


def assert_alike(twins: Twins) -> dict[str, Told]:
    first, second = (twins.told(name) for name in twins.names)
    assert first.keys() == second.keys()
    for client in first:
        assert first[client].seen == second[client].seen, client
        assert first[client].judged == second[client].judged, client
    return first


def deal_of(twins: Twins, portal: str, title: str) -> int:
    return int(twins.sandbox.get(f"cards?title={title}", portal)["deal"][0]["id"])


def test_one_story_on_both(twins: Twins) -> None:
    base = assert_alike(twins)
    assert any(each.judged["verdicts"] for each in base.values())
    title = "Вектор: полки"

    def deal(portal: str) -> int:
        return deal_of(twins, portal, title)

    def number_of_task(portal: str) -> int:
        tasks = twins.sandbox.ledger(portal)["tasks"]
        return next(int(one["id"]) for one in tasks if one["open"] and ["deal", deal(portal)] in one["cards"])

    twins.act("deals", {"title": title, "company": "Вектор", "amount": 50000})
    asked = assert_alike(twins)["Вектор"].seen
    assert any(row[1] == title for row in asked["asked"]), asked["asked"]
    twins.act("activities", lambda name: {"kind": "call", "deal": deal(name), "direction": "out", "answered": False})
    assert_alike(twins)
    twins.act("tasks/complete", lambda name: {"task": number_of_task(name), "result": "дозвонился"})
    assert_alike(twins)
    twins.act("activities", lambda name: {"kind": "call", "deal": deal(name), "direction": "in", "seconds": 200})
    assert_alike(twins)
    twins.act("deals/move", lambda name: {"deal": deal(name), "stage": "OFFER"}, later="1 days")
    assert_alike(twins)
    twins.act("activities", lambda name: {"kind": "email", "deal": deal(name), "direction": "in"})
    twins.act("activities", lambda name: {"kind": "chat", "deal": deal(name), "direction": "in"}, later="1 hours")
    assert_alike(twins)
    company = next(one["id"] for one in twins.sandbox.get("cards?title=Вектор")["company"])
    twins.act("cards", {"kind": "company", "id": company, "fields": {"sites": "Тула", "quiet_until": "2026-12-01"}})
    assert_alike(twins)
    twins.act(
        "deals/move", lambda name: {"deal": deal(name), "stage": "LOSE", "loss_reason": "Дорого"}, later="20 days"
    )
    last = assert_alike(twins)
    assert {signal.kind for signal in last["Вектор"].seen["signals"]} >= {"call", "email", "chat"}
    assert any(row[:3] == ("first-contact", title, State.UNPROVEN) for row in last["Вектор"].seen["asked"])
