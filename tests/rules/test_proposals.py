"""Proposals: what an answer does, when it counts, and what comes back as a proposal and what as a task."""

from dataclasses import replace
from typing import Any

import pytest
from scenes import Story, deal, local, orders, won, written
from trial import HEAD, LONG, rule, story

from rules.ledger import Answer, State
from rules.ration import ration

OFFERED = "2026-03-11 09:00"
SHORT = "due: 8 working days after last_won, kind: [call]"
OFFER = rule("offer", SHORT, task=", mode: propose")


def offered(touch: str = SHORT, **more: Any) -> Story:
    tale = story(rule("offer", touch, task=", mode: propose"), deals=[won("D", "2026-03-02 12:00")], **more)
    assert [one.do for one in tale.at(OFFERED).orders] == ["offer"]
    return tale


def answer(what: str, at: str, **more: Any) -> dict[str, Any]:
    return {"rule": "offer", "of": "K", "answer": what, "at": at, "by": "anna", **more}


def test_the_ledger_remembers_who_answered_what_and_when() -> None:
    tale = offered()
    tale.at("2026-03-11 10:00", answers=[answer("decline", "2026-03-11 09:59", reason="Не подходит")])
    row = tale.rows[0]
    assert (row.state, row.answer, row.answered_by, row.reason) == (State.DECLINED, "decline", "anna", "Не подходит")
    assert local(row.answered_at) == "2026-03-11 09:59"
    assert row.proposed, "it never became a task"


def test_what_was_put_off_can_be_accepted_before_it_comes_back() -> None:
    tale = offered()
    tale.at("2026-03-11 10:00", answers=[answer("later", "2026-03-11 10:00", until="2026-03-27")])
    judged = tale.at("2026-03-11 11:00", answers=[answer("accept", "2026-03-11 11:00")])
    assert orders(judged) == ["ask offer won:D anna 2026-03-27 18:00"]
    assert not tale.rows[0].proposed


def test_it_is_put_off_as_often_as_the_file_says() -> None:
    tale = offered()
    for day in ("12", "13", "16", "17"):
        put_off = answer("later", f"2026-03-{day} 10:00", until=f"2026-04-{day}")
        tale.at(f"2026-03-{day} 10:00", answers=[put_off])
    row = tale.rows[0]
    assert (row.later, str(row.later_until)) == (3, "2026-04-16")
    assert row.state is State.OFFERED, "the fourth time it ages as if unanswered"


def test_an_answer_to_what_was_shown_before_does_not_count() -> None:
    tale = offered()
    tale.at("2026-03-11 12:00", deals=[deal("N", "2026-03-11 12:00", ("new", "2026-03-11 12:00"))])
    old = answer("accept", "2026-03-11 08:00")
    assert orders(tale.at("2026-03-12 10:00", answers=[old])) == []
    assert tale.rows[0].state is State.OFFERED


def test_an_accepted_touch_is_asked_although_the_day_is_full() -> None:
    tale = offered()
    judged = tale.at("2026-03-12 10:00", answers=[answer("accept", "2026-03-12 10:00")])
    full = replace(tale.regulation.limits, per_manager_per_day=0)
    given = ration(judged.orders, {}, full, judged.at, calendar=tale.regulation.calendar, portal=tale.snapshot().portal)
    assert [one.do for one in given.admitted] == ["ask"]


LAPSING = "due: 8 working days after last_won, kind: [call], lapse: 2 working days"


def test_what_has_lapsed_is_not_asked_although_it_was_accepted() -> None:
    tale = offered(LAPSING)
    judged = tale.at("2026-03-20 10:00", answers=[answer("accept", "2026-03-12 10:00")])
    assert [(one.do, one.because) for one in judged.orders] == [("withdraw", "lapsed")]
    assert tale.rows[0].state is State.MISSED


GOING = rule("offer", SHORT, task=", mode: propose", more="if: {state: between}")


def going() -> Story:
    """An offer that goes while a deal is open."""
    tale = Story(written(HEAD + GOING), {"cycle": "120 days"}, deals=[won("D", "2026-03-02 12:00")])
    assert [one.do for one in tale.at(OFFERED).orders] == ["offer"]
    return tale


def opened(at: str) -> dict[str, Any]:
    return deal("N", at, ("new", at))


def lost(at: str) -> dict[str, Any]:
    return {"id": "N", "history": [{"phase": "lost", "at": at}]}


def test_what_lost_its_reason_is_not_asked_although_it_was_accepted() -> None:
    tale = going()
    given = tale.at(
        "2026-03-11 12:00", deals=[opened("2026-03-11 11:00")], answers=[answer("accept", "2026-03-11 11:59")]
    ).orders
    assert [one.do for one in given] == ["withdraw"]


@pytest.mark.parametrize("accepted", [True, False])
def test_what_comes_back_is_what_it_was(accepted: bool) -> None:
    """Also while the task's id is not known yet: the write may still be on its way."""
    tale = going()
    if accepted:
        tale.at("2026-03-11 10:00", answers=[answer("accept", "2026-03-11 10:00")])
        key = tale.rows[0].key
        tale.played.ledger[key] = replace(tale.played.ledger[key], task_id=None)
    assert [one.do for one in tale.at("2026-03-11 12:00", deals=[opened("2026-03-11 12:00")]).orders] == ["withdraw"]
    judged = tale.at("2026-03-11 15:00", deals=[lost("2026-03-11 15:00")])
    wanted = State.ASKED if accepted else State.OFFERED
    assert [(one.do, one.entry.state, one.entry.proposed) for one in judged.orders] == [
        ("reopen", wanted, not accepted)
    ]


def test_a_proposal_that_comes_back_is_reminded_of_anew() -> None:
    tale = going()
    assert [one.do for one in tale.at("2026-03-16 09:00").orders] == ["remind"]
    tale.at("2026-03-16 12:00", deals=[opened("2026-03-16 12:00")])
    assert [one.do for one in tale.at("2026-03-16 15:00", deals=[lost("2026-03-16 15:00")]).orders] == ["reopen"]
    assert orders(tale.at("2026-03-18 10:00")) == []
    assert [one.do for one in tale.at("2026-03-19 09:00").orders] == ["remind"]
    assert [(one.do, one.because) for one in tale.at("2026-03-24 09:00").orders] == [("tell", "ignored")]


def test_a_line_of_a_task_is_no_proposal_any_more() -> None:
    tale = story(OFFER, rule("long", LONG), deals=[won("D", "2026-03-02 12:00")])
    tale.at(OFFERED)
    tale.at("2026-03-13 09:00")
    assert [(row.key.rule, row.proposed) for row in tale.rows] == [("offer", False), ("long", False)]


def answered(tale: Story, what: str, at: str, **more: Any) -> None:
    """An answer as the connector reads it from a task's closing."""
    key, moment = tale.rows[0].key, tale.world.moment(at)
    tale.played.answers[key] = Answer(key=key, answer=what, by="anna", at=moment, **more)  # type: ignore[arg-type]  # a table of words


def test_an_answer_that_may_yet_change_counts_once_it_is_settled() -> None:
    tale = offered()
    answered(tale, "accept", "2026-03-11 10:00", counts_at=tale.world.moment("2026-03-11 10:01"))
    judged = tale.at("2026-03-11 10:00")
    assert (orders(judged), local(judged.recheck_at)) == ([], "2026-03-11 10:01")
    assert tale.rows[0].state is State.OFFERED
    assert [one.do for one in tale.at("2026-03-11 10:01").orders] == ["ask"]
    assert local(tale.rows[0].answered_at) == "2026-03-11 10:00"


def test_words_that_nobody_understands_answer_nothing() -> None:
    tale = offered()
    answered(tale, "unclear", "2026-03-11 10:00", reason="посмотрим")
    assert orders(tale.at("2026-03-11 10:00")) == []
    assert (tale.rows[0].state, tale.rows[0].answered_at) == (State.OFFERED, None)
    assert [one.do for one in tale.at("2026-03-16 09:00").orders] == ["remind"]
