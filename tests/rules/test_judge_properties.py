"""What holds of every assessment, whatever the facts: invented histories are played through time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenes import MOSCOW, Story, as_auto, b2b, call, deal

from rules.assess import assess
from rules.explain import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rules.assessment import Assessment
    from rules.ledger import Key
    from rules.regulation import Regulation

START = datetime(2026, 2, 24, 9, 0)  # noqa: DTZ001  # the portal's wall clock, as test files write it
ASKING = ("ask", "offer", "join")
PHASES = ["new", "qualify", "offer", "negotiate", "payment", "delivery", "won", "lost"]
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def stamp(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M")


FIELDS: list[dict[str, Any]] = [
    {},
    {"invoice_due": "2026-03-20"},
    {"delivery_date": "2026-03-25"},
    {"invoice_due": "9999-12-31", "delivery_date": "0001-01-01", "return_date": "скоро"},
]
QUIET = [None, None, None, "2026-03-12", "9999-12-31"]
ENDS = [None, "2026-05-10", "9999-12-31", "0001-01-01"]
MINUTES = st.integers(0, 60 * 24 * 40)


@st.composite
def deals(draw: st.DrawFn) -> dict[str, Any]:
    times = sorted(draw(st.lists(MINUTES, min_size=1, max_size=4, unique=True)))
    stages = draw(st.lists(st.sampled_from(PHASES), min_size=len(times), max_size=len(times)))
    history = [{"phase": phase, "at": stamp(at)} for phase, at in zip(stages, times, strict=True)]
    fields = draw(st.sampled_from(FIELDS))
    name = f"D{draw(st.integers(1, 3))}"
    return {
        "id": name,
        "owner": draw(st.sampled_from(["anna", "boris"])),
        "created": stamp(times[0]),
        "history": history,
        "fields": fields,
    }


@st.composite
def touches(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["call", "meeting", "email", "chat", "sms"]))
    return call(
        f"t{draw(st.integers(1, 999))}",
        stamp(draw(MINUTES)),
        kind=kind,
        direction=draw(st.sampled_from(["in", "out"])),
        answered=draw(st.booleans()),
        seconds=draw(st.sampled_from([0, 29, 30, 300])),
        deal=draw(st.sampled_from([None, "D1", "D2"])),
    )


@dataclass
class Tale:
    """A story whose facts become known when they happen, and the moments at which it is judged."""

    story: Story
    facts: dict[str, list[dict[str, Any]]]
    moments: list[str]

    def play(self, check: Callable[[Story, Assessment], None]) -> None:
        for place, at in enumerate(self.moments):
            check(self.story, self.story.at(at, **self._known(at), **self._ticked(place, at)))

    def _known(self, at: str) -> dict[str, list[dict[str, Any]]]:
        deals = [
            {**one, "history": [step for step in one["history"] if step["at"] <= at]}
            for one in self.facts["deals"]
            if one["created"] <= at
        ]
        self.story.world.deals.clear()
        return {"deals": deals, "touches": [one for one in self.facts["touches"] if one["at"] <= at]}

    def _ticked(self, place: int, at: str) -> dict[str, list[dict[str, Any]]]:
        """Every other time somebody ticks the oldest open task."""
        rows = [row for row in self.story.rows if row.open and row.task_id is not None]
        if not rows or place % 2:
            return {}
        row = min(rows, key=lambda row: row.asked_at)
        return {"ticked": [{"rule": row.key.rule, "of": row.key.subject.partition(":")[2], "at": at}]}


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    regulation: Regulation = draw(st.sampled_from([b2b(), as_auto(b2b())]))
    client: dict[str, Any] = {"segment": draw(st.sampled_from(["A", "B", "C", None])), "created": "2026-02-24 09:00"}
    client["quiet_until"] = draw(st.sampled_from(QUIET))
    client["dossier"] = {"contract_end": draw(st.sampled_from(ENDS))}
    contacts = draw(st.sampled_from([[], [{"id": "P", "main": True, "birthday": "10 March"}]]))
    facts = {
        "deals": draw(st.lists(deals(), max_size=3, unique_by=lambda one: str(one["id"]))),
        "touches": draw(st.lists(touches(), max_size=6, unique_by=lambda one: str(one["id"]))),
    }
    moments = sorted(draw(st.lists(MINUTES, min_size=2, max_size=8, unique=True)))
    story = Story(regulation, client, since="2026-02-24 09:00", contacts=contacts)
    return Tale(story, facts, [stamp(at) for at in moments])


@FEW
@given(tales())
def test_the_same_snapshot_gives_the_same_assessment(tale: Tale) -> None:
    def check(story: Story, judged: Assessment) -> None:
        snapshot = story.snapshot()
        assert assess(story.regulation, snapshot, judged.at) == assess(story.regulation, snapshot, judged.at)

    tale.play(check)


@FEW
@given(tales())
def test_once_done_there_is_nothing_more_to_do_until_the_recheck(tale: Tale) -> None:
    def check(story: Story, judged: Assessment) -> None:
        later = judged.recheck_at or judged.at + timedelta(days=90)
        assert later > judged.at
        for now in (judged.at, judged.at + (later - judged.at) / 2, later - timedelta(seconds=1)):
            again = assess(story.regulation, story.snapshot(), now)
            assert [(one.do, str(one.key)) for one in again.orders] == []
            assert again.changes == ()

    tale.play(check)


@FEW
@given(tales())
def test_no_occurrence_is_ever_asked_twice_nor_after_it_was_settled(tale: Tale) -> None:
    asked: set[Key] = set()
    settled: set[Key] = set()

    def check(story: Story, judged: Assessment) -> None:
        for order in judged.orders:
            if order.do in ASKING and order.entry.mode == "auto":
                assert order.key not in asked
                asked.add(order.key)
            if order.do in (*ASKING, "reopen"):
                assert order.key not in settled
        settled.update(row.key for row in story.rows if row.settled)

    tale.play(check)


@FEW
@given(tales())
def test_no_due_lies_on_a_day_off_or_at_night(tale: Tale) -> None:
    def check(story: Story, judged: Assessment) -> None:
        dues = [one.due_at for one in judged.orders] + [one.due_at for one in judged.verdicts]
        for due in (one.astimezone(MOSCOW) for one in dues if one is not None):
            assert story.regulation.calendar.is_working_day(due.date())
            assert (9, 0) <= (due.hour, due.minute) <= (18, 0)

    tale.play(check)


@FEW
@given(tales())
def test_a_touch_proves_one_task_and_each_rule_once(tale: Tale) -> None:
    tale.play(lambda _story, _judged: None)
    proofs = [(row.key.rule, proof) for row in tale.story.rows for proof in row.proof]
    assert len(proofs) == len(set(proofs))
    assert all(row.settled_at is not None for row in tale.story.rows if row.proof)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_sentence_that_an_assessment_needs_exists(lang: Any) -> None:
    story = Story(b2b(), deals=[deal("D", stamp(0), ("offer", stamp(0)))])
    text = explain(story.at(stamp(60)), story.regulation, MOSCOW, lang)
    assert "if." not in text
