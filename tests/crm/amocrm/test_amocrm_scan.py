"""Once a week everything is read again: what vanished without an event is found, and how true our copy is, is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from connector.crm.port import Crm, Page, Wanted
from connector.loader import load
from connector.portal_map import Mapped, read_portal_file
from connector.store import Store
from crm.amocrm.emulated import emulated
from crm.contract import SandboxPortal, asking, done

NAME = "romashka"


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    with emulated(clients=8) as running:
        yield running


@pytest.fixture(scope="module")
def mapped() -> Mapped:
    found, problems = read_portal_file("map: {phases: {new: 1:2}}", "portal.yaml")
    assert found is not None, problems
    return found


class Mirror:
    """An account and what we hold of it."""

    def __init__(self, portal: SandboxPortal, store: Store, mapped: Mapped) -> None:
        self.portal, self.store, self._mapped = portal, store, mapped
        self.crm: Crm = portal.connect(Wanted())

    def load(self) -> tuple[int, dict[str, Any]]:
        """How many facts changed, and what the log says of a scan."""
        with structlog.testing.capture_logs() as lines:
            changed = load(self.store, self.crm, NAME, self._mapped, None, (), self.portal.control.now())
        return changed, next((dict(one) for one in lines if one["event"] == "facts.scanned"), {})

    def advance(self, span: str) -> datetime:
        self.portal.control.post("clock", {"advance": span})
        return self.portal.control.now()

    def until_night(self) -> None:
        """Moscow is three hours ahead."""
        while not 1 <= (self.advance("1 hour").hour + 3) % 24 < 5:
            pass


@pytest.fixture
def mirror(portal: SandboxPortal, store: Store, mapped: Mapped) -> Mirror:
    store.add_portal(NAME, "amocrm", rate=7, burst=2)
    opened = Mirror(portal, store, mapped)
    opened.load()
    return opened


def test_a_week_without_news_finds_that_our_copy_is_true(mirror: Mirror) -> None:
    mirror.advance("5 days")
    mirror.until_night()
    assert mirror.load()[1] == {}, "not before the week is over"
    mirror.advance("1 day")
    mirror.advance("12 hours")
    mirror.until_night()
    changed, told = mirror.load()
    assert (changed, told["missed"], told["vanished"]) == (0, 0, 0)
    mirror.advance("1 day")
    assert mirror.load()[1] == {}, "once a week"


def test_what_vanished_without_an_event_is_found(mirror: Mirror) -> None:
    company, _, lost = mirror.portal.new_client("Пропажа")
    kept = mirror.portal.new_client("Остался")[2]
    task = done(mirror.crm, asking(77_001, kept, company))
    mirror.load()
    facts = mirror.store.facts(NAME, [f"deal:{lost}", f"task:{task}"])
    mirror.portal.control.post("deals/delete", {"deal": lost})
    mirror.portal.control.post("tasks/delete", {"task": int(task)})
    mirror.advance("1 day")
    mirror.portal.new_client("Час спустя")  # or the overlap would bring the events again
    mirror.load()
    mirror.store.save_page(NAME, Page(facts=tuple(facts)), facts[0].changed)  # as if no event had told it
    mirror.advance("7 days")
    mirror.until_night()
    _, told = mirror.load()
    after = {fact.ref: fact.gone for fact in mirror.store.facts(NAME, [f"deal:{lost}", f"deal:{kept}", f"task:{task}"])}
    assert after == {f"deal:{lost}": True, f"deal:{kept}": False, f"task:{task}": True}
    assert told["vanished"] == 2


def test_a_week_costs_the_pages_of_what_there_is(mirror: Mirror) -> None:
    mirror.advance("9 days")
    before = len(mirror.portal.control.ledger(mirror.portal.name)["requests"])
    _, told = mirror.load()
    assert told, "by day, when it is overdue"
    assert len(mirror.portal.control.ledger(mirror.portal.name)["requests"]) - before == 8 + 4
