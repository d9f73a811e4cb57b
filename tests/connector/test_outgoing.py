"""Sending what is due: outcomes are kept as they come; a portal that shuts itself is left alone, with advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import cast

import pytest
import structlog
from sandbox_fixture import Sandbox, run_sandbox

from connector.clock import real_clock
from connector.crm.port import Crm, Effect, Outcome
from connector.errors import Blocked
from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.outgoing import Outgoing
from connector.pacing import Lane
from connector.sandbox.installation import Installation
from connector.settings import Waits
from connector.store import ClientRow, Intent, Judged, Store
from connector.store.opening import open_store
from connector.texts import say


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'kasanie.db'}")
    opened.add_portal("p", "bitrix24", rate=0, burst=50)
    yield opened
    opened.close()


def intend(store: Store, portal: str, count: int, card: str = "company:1") -> list[str]:
    """So many scores to be written, each on a card of its own or all on one."""
    effects = [
        Effect(verb="write_fields", key=f"score:{n}", marker="kasanie:0", card=card, fields={"FILL": n})
        for n in range(count)
    ]
    judged = Judged(
        client=ClientRow(ref="company:1", seq=0),
        asked=(),
        intents=tuple(Intent(effect=effect, occurrence=effect.key) for effect in effects),
        verdicts=(),
        score=None,
        recheck_at=None,
        regulation="r",
    )
    store.record(portal, [judged], datetime.now(UTC))
    return [effect.key for effect in effects]


class Answering:
    """The part of a CRM that sending asks, with prepared answers. Notes what lies in the tables at each of them."""

    def __init__(self, store: Store, outcomes: Sequence[Outcome]) -> None:
        self._store = store
        self._outcomes = outcomes
        self.sent: list[int] = []
        self.still_open: list[int] = []

    def batch_size(self) -> int:
        return 400

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        self.sent.append(len(effects))
        for outcome in self._outcomes:
            self.still_open.append(self._store.counts("p")["effects_doubtful"])
            yield outcome


def write(store: Store, crm: Answering) -> int:
    outgoing = Outgoing(store, "w", Waits(), real_clock)
    with Lane(store, "p", "w", 30, Event()) as lane:
        return outgoing.write("p", lane, cast("Crm", crm))


def test_outcomes_are_written_down_while_others_are_in_the_air(kept: Store) -> None:
    keys = intend(kept, "p", 120)
    crm = Answering(kept, [Outcome(key=key, status="done") for key in keys])
    assert write(kept, crm) == 120
    assert crm.sent == [120]
    assert [crm.still_open[number] for number in (0, 49, 60, 119)] == [120, 120, 70, 20]
    assert kept.counts("p")["effects_open"] == 0


def test_a_portal_that_shuts_itself_is_told_when_all_outcomes_are_kept(kept: Store) -> None:
    keys = intend(kept, "p", 3)
    shut = {"text": "Payment required", "code": "PAYMENT_REQUIRED", "advice": "crm-payment", "wait": 900.0}
    crm = Answering(
        kept,
        [
            Outcome(key=keys[0], status="later", closed=True, **shut),  # type: ignore[arg-type]  # of mixed types
            Outcome(key=keys[1], status="done"),
            Outcome(key=keys[2], status="refused", code="X"),
        ],
    )
    with pytest.raises(Blocked) as caught:
        write(kept, crm)
    assert (caught.value.code, caught.value.advice) == ("PAYMENT_REQUIRED", "crm-payment")
    assert (kept.counts("p")["effects_open"], kept.counts("p")["effects_doubtful"]) == (1, 0)
    assert kept.due_effects("p", 10) == []


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=5) as running:
        yield running


@pytest.fixture
def opened(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    installation = Installation(tmp_path, sandbox.portals[0]["base_url"])
    installation.install()
    for name, value in installation.environment().items():
        if name.startswith("KASANIE_"):
            monkeypatch.setenv(name, value)
    one = open_all(tmp_path / "config.yaml")
    yield one
    one.close()
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("code", "status", "advice"),
    [("PAYMENT_REQUIRED", 401, "crm-payment"), ("OVERLOAD_LIMIT", 503, "crm-overload"), ("", 403, "crm-webhook")],
)
def test_the_administrator_reads_what_to_do_and_the_portal_is_left_alone(
    sandbox: Sandbox, opened: Opened, code: str, status: int, advice: str
) -> None:
    """Whether it shuts itself while we write or while we read: one call, then a long rest."""
    name = sandbox.portals[0]["name"]
    with closing(Flow(opened.settings, opened.store, opened.portals, opened.clock, "w")) as flow:
        flow.serve_portal(name)
        company = sandbox.get(f"cards?portal={name}&title=Полимер")["company"][0]["id"]
        keys = intend(opened.store, name, 60, f"company:{company}")
        asked = len(sandbox.ledger()["requests"])
        error = {"code": code, "text": "?", "status": status, "count": 99, "html": not code}
        sandbox.post("faults", {"answer_error": error})
        for _ in range(3):
            flow.serve_portal(name)
        row = opened.store.portal(name)
        assert row is not None
        assert row.problem is not None
        assert say(advice) in row.problem
        assert len(sandbox.ledger()["requests"]) - asked <= 8
        assert opened.store.counts(name)["effects_open"] == len(keys)
        assert opened.store.counts(name)["effects_doubtful"] == 0
