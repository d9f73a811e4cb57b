"""Stories for tests of the judge: a regulation, invented facts, and a clock that only the test moves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rules.dossier import Template, read_dossier
from rules.play_crm import Played
from rules.play_facts import World, read_portal
from rules.reader import read_regulation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rules.assessment import Assessment, Order, Verdict
    from rules.facts import Portal, Snapshot
    from rules.ledger import Asked
    from rules.regulation import Regulation

HERE = Path(__file__).parent
MOSCOW = ZoneInfo("Europe/Moscow")
PEOPLE = {"anna": "client_manager", "boris": "active_manager", "vera": "head"}
CLIENT = {"id": "K", "name": "Ромашка", "segment": "A", "client_manager": "anna", "created": "2025-03-01 10:00"}


@cache
def template() -> Template:
    """The shipped dossier of 50 fields."""
    path = HERE.parents[1] / "rules" / "library" / "dossier-key-client-50.yaml"
    found, _ = read_dossier(path.read_text(encoding="utf-8"), path.name)
    assert found is not None
    return found


@cache
def b2b() -> Regulation:
    """The whole B2B regulation of the method."""
    text = (HERE / "specimens" / "regulation-b2b.yaml").read_text(encoding="utf-8")
    return written(text)


@cache
def written(text: str) -> Regulation:
    """A regulation from its text."""
    reading = read_regulation(text, "regulation.yaml", template=template())
    assert reading.regulation is not None, [problem.sentence("en") for problem in reading.problems]
    return reading.regulation


def as_auto(regulation: Regulation) -> Regulation:
    """The same regulation with every proposal asked as a task."""
    rules = tuple(replace(rule, task=replace(rule.task, mode="auto")) for rule in regulation.rules)
    return replace(regulation, rules=rules)


def only(*rules: str, regulation: Regulation | None = None) -> Regulation:
    """The regulation with only these rules on."""
    whole = regulation or b2b()
    kept = tuple(replace(rule, enabled=rule.enabled and rule.id in rules) for rule in whole.rules)
    assert {rule.id for rule in kept if rule.enabled} == set(rules)
    return replace(whole, rules=kept)


class Story:
    """One client whose facts become known and whose clock is moved by hand."""

    def __init__(
        self,
        regulation: Regulation,
        client: Mapping[str, Any] | None = None,
        *,
        people: Mapping[str, str] = PEOPLE,
        since: str = "2026-01-12 09:00",
        **facts: Any,
    ) -> None:
        self.regulation = regulation
        self.world = World(MOSCOW)
        self.world.learn({"client": {**CLIENT, **(client or {})}, **facts})
        told = {"zone": "Europe/Moscow", "in_force_since": since, "people": people}
        self.portal = read_portal(told, tuple(rule.id for rule in regulation.rules))
        self.played = Played(self.world)

    def at(self, moment: str, **new: Any) -> Assessment:
        """Let facts become known, judge, and let everything that was ordered happen."""
        self.world.learn(new, self.world.moment(moment))
        self.played.act(new, self.regulation)
        return self.played.judge(self.regulation, self.portal, self.world.moment(moment))

    def learn(self, **new: Any) -> None:
        """Facts that become known, and what people do in the CRM."""
        self.world.learn(new)
        self.played.act(new, self.regulation)

    def snapshot(self) -> Snapshot:
        """Everything known now."""
        answers = tuple(self.played.answers.values())
        return self.world.snapshot(self.portal, self.played.tasks, tuple(self.played.ledger.values()), answers)

    def change_portal(self, portal: Portal) -> None:
        """Other people, other zones."""
        self.portal = portal

    @property
    def rows(self) -> list[Asked]:
        """The ledger."""
        return list(self.played.ledger.values())


def shown(order: Order) -> str:
    """`ask planned-touch-a @2026-03-02 anna 2026-03-16 18:00`."""
    parts = (order.do, order.key.rule, order.key.occurrence, order.to, local(order.due_at))
    return " ".join(part for part in parts if part)


def orders(judged: Assessment) -> list[str]:
    """What is ordered, in short."""
    return [shown(order) for order in judged.orders]


def verdict(judged: Assessment, rule: str, subject: str | None = None) -> Verdict:
    """The one verdict of a rule (for a subject)."""
    found = [one for one in judged.verdicts if one.rule == rule and subject in (None, one.subject)]
    assert len(found) == 1, found
    return found[0]


def stands(judged: Assessment, rule: str, subject: str | None = None) -> str:
    """`due 2026-03-16 18:00`, `skipped state`."""
    one = verdict(judged, rule, subject)
    last = one.because if one.status in ("skipped", "unknown") else local(one.due_at)
    return f"{one.status} {last}" if last else str(one.status)


def local(moment: datetime | None) -> str:
    """In the portal's zone."""
    return f"{moment.astimezone(MOSCOW):%Y-%m-%d %H:%M}" if moment is not None else ""


def call(name: str, at: str, **more: Any) -> dict[str, Any]:
    """An answered call of two minutes."""
    return {"id": name, "kind": "call", "at": at, "direction": "out", "answered": True, "seconds": 120, **more}


def deal(name: str, created: str, *history: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A deal of Boris with its stage history."""
    stages = [{"phase": phase, "at": at} for phase, at in history]
    return {"id": name, "owner": "boris", "created": created, "history": stages, **more}


def won(name: str, at: str, **more: Any) -> dict[str, Any]:
    """A deal that was won then."""
    return deal(name, "2025-11-01 10:00", ("new", "2025-11-01 10:00"), ("won", at), **more)
