"""The nightly reading of everything: what vanished without an event is found, and what vanished by the dozen is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import structlog
from crm.canned import FreePacer
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.port import Connection, Effect, Page
from connector.loader import load
from connector.portal_map import Mapped, read_portal_file
from connector.store import Store

NAME = "north"
MAP = """
map:
  phases: {new: 0:NEW}
  fields: {client.inn: company.requisite.RQ_INN}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=8, rate=0, burst=10_000) as running:
        yield running


@pytest.fixture(scope="module")
def mapped() -> Mapped:
    found, problems = read_portal_file(MAP, "portal.yaml")
    assert found is not None, problems
    return found


class Mirror:
    """A portal and what we hold of it."""

    def __init__(self, sandbox: Sandbox, store: Store, mapped: Mapped) -> None:
        told = sandbox.portals[0]
        connection = Connection(portal=NAME, url=SecretStr(told["rest_url"]), wanted=mapped.wanted)
        self.crm = Bitrix24(connection, FreePacer())
        self.sandbox = sandbox
        self.store = store
        self._mapped = mapped

    def load(self, *named: str) -> int:
        now = datetime.fromisoformat(self.sandbox.get("clock")["now"])
        return load(self.store, self.crm, NAME, self._mapped, None, named, now)

    def load_at_night(self) -> tuple[int, dict[str, Any]]:
        """What the next night brings: how many facts changed, and what the log says of the scan."""
        now = datetime.fromisoformat(self.sandbox.get("clock")["now"])
        while not 1 <= (now.hour + 3) % 24 < 5:
            now = datetime.fromisoformat(self.sandbox.advance("1 hour"))
        with structlog.testing.capture_logs() as lines:
            changed = self.load()
        return changed, next((dict(one) for one in lines if one["event"] == "facts.scanned"), {})

    def gone(self, *refs: str) -> list[bool]:
        facts = {fact.ref: fact.gone for fact in self.store.facts(NAME, refs)}
        return [facts[ref] for ref in refs]


@pytest.fixture
def mirror(sandbox: Sandbox, store: Store, mapped: Mapped) -> Iterator[Mirror]:
    store.add_portal(NAME, "bitrix24", rate=2, burst=50)
    opened = Mirror(sandbox, store, mapped)
    opened.load()
    sandbox.advance("20 hours")
    yield opened
    opened.crm.close()


def new_deals(sandbox: Sandbox, count: int) -> list[int]:
    company = sandbox.post("companies", {"title": "Ночная", "owner": 2})["id"]
    ids: list[int] = sandbox.post("deals", {"title": "Ночная", "company": company, "count": count})["ids"]
    return ids


def test_a_deal_and_a_task_that_vanished_without_a_word_are_found_in_the_night(mirror: Mirror) -> None:
    lost, kept = new_deals(mirror.sandbox, 2)
    effect = Effect(verb="create_task", key="k", marker="kasanie:00000000abcd", title="Касание", assignee="2")
    (outcome,) = mirror.crm.send([effect])
    assert outcome.remote_id
    mirror.load()
    mirror.sandbox.post("deals/delete", {"deal": lost})
    mirror.sandbox.post("tasks/delete", {"task": int(outcome.remote_id)})
    assert mirror.load() == 0, "nothing tells of a deletion"
    assert mirror.gone(f"deal:{lost}", f"task:{outcome.remote_id}") == [False, False]
    changed, told = mirror.load_at_night()
    assert mirror.gone(f"deal:{lost}", f"task:{outcome.remote_id}", f"deal:{kept}") == [True, True, False]
    assert (changed, told["vanished"], told["missed"]) == (2, 2, 0)


def test_a_night_without_news_finds_that_our_copy_is_true_and_the_day_does_not_scan(mirror: Mirror) -> None:
    changed, told = mirror.load_at_night()
    assert (changed, told["missed"], told["vanished"]) == (0, 0, 0)
    assert mirror.load_at_night() == (0, {}), "once a night"


def test_what_changed_behind_our_back_is_counted_and_mended(mirror: Mirror) -> None:
    """As if a change had moved no time of change: the stored copy is spoilt by hand."""
    (deal,) = new_deals(mirror.sandbox, 1)
    mirror.load()
    mirror.sandbox.advance("1 hour")
    mirror.load()
    (fact,) = mirror.store.facts(NAME, [f"deal:{deal}"])
    spoilt = Page(facts=(replace(fact, body={**fact.body, "title": "Старое имя"}),))
    mirror.store.save_page(NAME, spoilt, fact.changed)
    _, told = mirror.load_at_night()
    assert told["missed"] == 1
    assert mirror.store.facts(NAME, [f"deal:{deal}"])[0].body["title"] == "Ночная"


def test_very_many_at_once_raise_an_alarm_and_stay(mirror: Mirror) -> None:
    """So it looks when the token's user may see less than yesterday."""
    deals = new_deals(mirror.sandbox, 60)
    mirror.load()
    for deal in deals[:40]:
        mirror.sandbox.post("deals/delete", {"deal": deal})
    changed, told = mirror.load_at_night()
    refs = [f"deal:{deal}" for deal in deals]
    assert mirror.gone(*refs) == [False] * 60
    alarms = [line for line in mirror.store.audit(NAME, 10) if line.what == "facts-vanished"]
    assert [(line.about, line.details["missing"]) for line in alarms] == [("deal", 40)]
    assert (changed, told["vanished"]) == (0, 0)
