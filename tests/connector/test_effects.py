"""From what is decided to what is written: one write to one task at a time, a merged task closed once, edits seen."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scenes import Story, only, won

from connector.crm.port import Effect, Outcome
from connector.effects import intents_of
from connector.judging import ledger_rows
from connector.outgoing import one_per_task
from connector.pacing import Lane
from connector.portals import rules_since
from connector.store import ClientRow, Intent, Judged, OutboxRow, Store
from connector.store.opening import open_store

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def row(key: str, task: str | None) -> OutboxRow:
    effect = Effect(verb="add_line", key=key, marker="kasanie:0", task=task)
    return OutboxRow(effect=effect, occurrence=key, tries=0, doubtful=False, first_try=None, recorded_at=NOW)


def test_of_the_writes_to_one_task_only_the_first_leaves() -> None:
    """The second reads what the first has written: sent together, one of the texts would be lost."""
    rows = [row("a", "7"), row("b", None), row("c", "7"), row("d", "8"), row("e", None)]
    assert [one.effect.key for one in one_per_task(rows)] == ["a", "b", "d", "e"]


class Kept:
    """A story whose orders pass through the real tables, every write succeeding at once."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(f"sqlite:///{folder / 'kasanie.db'}")
        self.store.add_portal("p", "bitrix24", rate=2, burst=50)
        self.regulation = only("thanks", "quality-check")
        self.story = Story(self.regulation, deals=[won("D", "2026-03-02 12:00")])

    def at(self, when: str, **new: object) -> list[Intent]:
        """Judge, record, write."""
        judged = self.story.at(when, **new)
        now = self.story.world.moment(when)
        intents = intents_of("p", judged.orders, self.regulation, self.story.snapshot(), now, "ru")
        record = Judged(
            client=ClientRow(ref="company:K", seq=0),
            asked=ledger_rows(judged, judged.orders),
            intents=intents,
            verdicts=[],
            score=None,
            recheck_at=None,
            regulation="r",
        )
        self.store.record("p", [record], now)
        while rows := self.store.due_effects("p", 50):
            done = [
                Outcome(
                    key=one.effect.key, status="done", remote_id="900" if one.effect.verb == "create_task" else None
                )
                for one in rows
            ]
            self.store.settle_effects("p", done, now)
        return list(intents)

    def shown(self) -> datetime | None:
        """The due that our last write gave the task."""
        keys = {str(one.key) for one in self.store.ledger("p")}
        dues = [due for _, due in self.store.shown_dues("p", keys)]
        return dues[-1]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.store.close()


def test_the_lines_of_a_task_that_end_together_close_it_once(kept: Kept) -> None:
    kept.at("2026-03-02 12:00")
    kept.at("2026-03-03 09:05")
    assert sum(one.open for one in kept.store.ledger("p")) == 2
    call = {"id": "c1", "kind": "call", "at": "2026-03-03 11:00", "direction": "out", "answered": True, "seconds": 90}
    closing = kept.at("2026-03-03 12:00", touches=[call])
    assert [one.effect.verb for one in closing] == ["close_task"]
    assert "звонок" in closing[0].effect.text


def test_a_line_that_ends_while_its_task_goes_on_is_told_as_a_line(kept: Kept) -> None:
    kept.at("2026-03-02 12:00")
    kept.at("2026-03-03 09:05")
    letter = {"id": "m1", "kind": "email", "at": "2026-03-03 11:00", "direction": "in"}
    told = kept.at("2026-03-03 12:00", touches=[letter])
    assert [one.effect.verb for one in told if one.effect.verb != "move_task"] == ["add_line"]
    assert told[0].effect.text.startswith("Поблагодарить, закрыть документы: Касание состоялось: письмо")


def test_what_we_moved_ourselves_is_not_taken_for_a_persons_edit(kept: Kept) -> None:
    kept.at("2026-03-02 12:00")
    kept.at("2026-03-03 09:05")
    letter = {"id": "m1", "kind": "email", "at": "2026-03-03 11:00", "direction": "in"}
    kept.at("2026-03-03 12:00", touches=[letter])
    kept.at("2026-03-04 12:00", deals=[won("D", "2026-03-02 12:00", fields={"delivery_date": "2026-03-11"})])
    in_crm = next(iter(kept.story.played.tasks.values())).due_at
    assert kept.shown() == in_crm


def test_a_renamed_rule_is_in_force_since_its_first_name_was() -> None:
    regulation = only("thanks")
    first = regulation.rules[0]
    renamed = replace(regulation, rules=(replace(first, was=("old-name",)), *regulation.rules[1:]))
    stored = {first.id: NOW, "old-name": NOW - timedelta(days=90)}
    assert rules_since(renamed, stored)[first.id] == NOW - timedelta(days=90)


def test_a_call_that_is_held_up_keeps_its_quarantine_ahead(tmp_path: Path) -> None:
    """Else a create that waits long for its turn could leave after its quarantine, and be looked up too early."""
    store = open_store(f"sqlite:///{tmp_path / 'kasanie.db'}")
    store.add_portal("p", "bitrix24", rate=2, burst=50)
    effect = Effect(verb="create_task", key="k", marker="kasanie:1", title="t")
    judged = Judged(
        client=ClientRow(ref="company:1", seq=0),
        asked=(),
        intents=(Intent(effect=effect, occurrence="k"),),
        verdicts=[],
        score=None,
        recheck_at=None,
        regulation="r",
    )
    store.record("p", [judged], NOW)
    with Lane(store, "p", "w", 0.6, threading.Event()) as lane:
        assert store.start_effects("p", "w", ["k"], 0.3, 0.6)
        with lane.sending(["k"], 0.3):
            for _ in range(10):  # a second and more: far beyond the quarantine it was started with
                threading.Event().wait(0.12)
                assert store.due_effects("p", 5) == []
    store.close()
