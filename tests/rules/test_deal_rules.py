"""Rules about a deal on its way: offers, negotiations, stalled deals, the time after the win."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scenes import Story, as_auto, call, deal, local, only, orders, stands, won

from rules.ledger import State


# the offer
def offered(at: str = "2026-04-29 12:00") -> dict[str, Any]:
    return deal("D", "2026-04-27 10:00", ("new", "2026-04-27 10:00"), ("offer", at))


def test_an_offer_is_checked_a_day_later_and_discussed_after_three() -> None:
    story = Story(only("offer-received", "offer-discuss"), deals=[offered()])
    judged = story.at("2026-04-29 12:00")
    assert orders(judged) == ["ask offer-received offer@2026-04-29T09:00Z boris 2026-04-30 18:00"]
    assert stands(judged, "offer-discuss") == "due 2026-05-05 18:00"  # 1-3 May are off


def test_one_call_settles_both_lines_of_the_offer_and_starts_the_next_step() -> None:
    story = Story(only("offer-received", "offer-discuss"), deals=[offered()])
    story.at("2026-04-29 12:00")
    assert orders(story.at("2026-04-30 09:00")) == ["join offer-discuss offer@2026-04-29T09:00Z boris 2026-05-05 18:00"]
    judged = story.at("2026-04-30 15:00", touches=[call("c", "2026-04-30 14:00", deal="D")])
    assert [(one.do, one.key.rule, one.whole_task) for one in judged.orders] == [
        ("close", "offer-received", True),
        ("close", "offer-discuss", True),
    ]
    assert stands(judged, "offer-discuss") == "due 2026-05-07 18:00"  # seven days after the call


def test_the_ladder_climbs_by_touches_and_ticks_and_ends() -> None:
    story = Story(only("offer-discuss"), deals=[offered()])
    story.at("2026-04-30 09:00")
    story.at("2026-04-30 15:00", touches=[call("c1", "2026-04-30 14:00", deal="D")])
    moved = story.at("2026-05-04 10:00", touches=[call("c2", "2026-05-04 09:30", deal="D")])
    assert (orders(moved), stands(moved, "offer-discuss")) == ([], "due 2026-05-12 18:00")  # 11 May is off
    asked = story.at("2026-05-08 09:00")
    assert orders(asked) == ["ask offer-discuss offer@2026-04-29T09:00Z/2 boris 2026-05-12 18:00"]
    assert "разговор 2 из 4" in asked.orders[0].text
    ticked = story.at("2026-05-12 12:00", ticked=[{"rule": "offer-discuss", "of": "D", "at": "2026-05-12 11:00"}])
    assert [row.state for row in ticked.changes] == [State.UNPROVEN]
    assert stands(ticked, "offer-discuss") == "due 2026-05-22 18:00"  # ten days after the tick
    story.at("2026-05-20 09:00")
    story.at("2026-05-21 12:00", touches=[call("c3", "2026-05-21 11:00", deal="D")])
    assert orders(story.at("2026-06-03 09:00")) == [
        "ask offer-discuss offer@2026-04-29T09:00Z/4 boris 2026-06-05 18:00"
    ]
    done = story.at("2026-06-04 12:00", touches=[call("c4", "2026-06-04 11:00", deal="D")])
    assert (stands(done, "offer-discuss"), done.recheck_at) == ("met 2026-06-05 18:00", None)


def test_back_within_a_working_day_is_the_same_visit_and_the_same_task() -> None:
    story = Story(only("offer-received"), deals=[offered("2026-04-29 12:00")])
    story.at("2026-04-29 12:00")
    left = story.at(
        "2026-04-29 15:00", deals=[{"id": "D", "history": [{"phase": "qualify", "at": "2026-04-29 15:00"}]}]
    )
    assert [(one.do, one.because) for one in left.orders] == [("withdraw", "phase")]
    back = story.at("2026-04-30 11:00", deals=[{"id": "D", "history": [{"phase": "offer", "at": "2026-04-30 11:00"}]}])
    assert orders(back) == ["reopen offer-received offer@2026-04-29T09:00Z boris 2026-04-30 18:00"]
    assert len(story.played.tasks) == 1


def test_back_after_more_than_a_working_day_is_a_new_visit_and_a_new_touch() -> None:
    story = Story(only("offer-received"), deals=[offered("2026-04-27 12:00")])
    story.at("2026-04-27 12:00")
    story.at("2026-04-28 12:00", deals=[{"id": "D", "history": [{"phase": "qualify", "at": "2026-04-28 12:00"}]}])
    back = story.at("2026-04-30 11:00", deals=[{"id": "D", "history": [{"phase": "offer", "at": "2026-04-30 11:00"}]}])
    assert orders(back) == ["ask offer-received offer@2026-04-30T08:00Z boris 2026-05-04 18:00"]


def test_a_recomputed_history_that_holds_the_recorded_start_is_the_same_visit() -> None:
    story = Story(only("offer-received"), deals=[offered("2026-04-29 12:00")])
    story.at("2026-04-29 12:00")
    story.world.deals["D"]["history"][1]["at"] = "2026-04-29 11:30"
    assert orders(story.at("2026-04-29 13:00")) == []


# negotiation and stalled deals
def test_a_negotiation_is_moved_on_five_working_days_after_the_last_touch() -> None:
    stages = [("new", "2026-04-20 10:00"), ("negotiate", "2026-04-21 10:00")]
    story = Story(only("negotiate-advance"), deals=[deal("D", "2026-04-20 10:00", *stages)])
    judged = story.at("2026-04-24 12:00", touches=[call("c", "2026-04-24 11:00", deal="D")])
    assert (stands(judged, "negotiate-advance"), orders(judged)) == ("due 2026-05-04 18:00", [])
    assert orders(story.at("2026-04-29 09:00")) == ["ask negotiate-advance @2026-04-24 boris 2026-05-04 18:00"]
    other = call("c2", "2026-04-29 12:00", deal="another")
    assert orders(story.at("2026-04-29 12:01", touches=[other])) == []  # a call about another deal
    mine = story.at("2026-04-29 15:00", touches=[call("c3", "2026-04-29 14:00")])  # bound to no deal: counts
    assert [(one.do, one.settles_as) for one in mine.orders] == [("close", "done")]
    assert stands(mine, "negotiate-advance") == "due 2026-05-07 18:00"


def test_a_deal_that_was_never_touched_stalls_from_its_creation() -> None:
    story = Story(as_auto(only("stalled")), deals=[deal("D", "2026-04-20 10:00", ("qualify", "2026-04-20 10:00"))])
    story.learn(touches=[call("old", "2026-03-01 10:00")])  # before the deal existed
    assert stands(story.at("2026-04-20 10:00"), "stalled") == "due 2026-04-23 18:00"


@pytest.mark.parametrize(
    ("phase", "due"),
    [
        ("new", "2026-04-22 18:00"),
        ("qualify", "2026-04-23 18:00"),
        ("offer", "2026-04-29 18:00"),
        ("negotiate", "2026-05-05 18:00"),
        ("payment", "2026-04-27 18:00"),
        ("delivery", "2026-05-12 18:00"),
    ],
)
def test_each_phase_has_its_own_patience(phase: str, due: str) -> None:
    story = Story(as_auto(only("stalled")), deals=[deal("D", "2026-04-20 10:00", (phase, "2026-04-20 10:00"))])
    assert stands(story.at("2026-04-20 10:00"), "stalled") == f"due {due}"


def test_two_intervals_that_begin_on_one_day_are_two_touches() -> None:
    story = Story(as_auto(only("stalled")), deals=[deal("D", "2026-04-20 10:00", ("new", "2026-04-20 10:00"))])
    assert orders(story.at("2026-04-20 10:00")) == ["ask stalled @2026-04-20 boris 2026-04-22 18:00"]
    ticked = story.at("2026-04-20 11:00", ticked=[{"rule": "stalled", "of": "D", "at": "2026-04-20 11:00"}])
    assert orders(ticked) == ["ask stalled @2026-04-20T08:00Z boris 2026-04-22 18:00"]
    assert orders(story.at("2026-04-20 11:01")) == []


def test_a_finished_deal_does_not_stall() -> None:
    stages = [("new", "2026-04-20 10:00"), ("lost", "2026-04-21 10:00")]
    story = Story(as_auto(only("stalled")), deals=[deal("D", "2026-04-20 10:00", *stages)])
    assert stands(story.at("2026-05-20 10:00"), "stalled") == "skipped phase"


def test_a_stalled_deal_is_told_to_the_head_one_more_interval_later() -> None:
    story = Story(as_auto(only("stalled")), deals=[deal("D", "2026-04-20 10:00", ("qualify", "2026-04-20 10:00"))])
    story.at("2026-04-21 09:00")
    assert local(story.at("2026-04-23 18:00").recheck_at) == "2026-04-29 09:00"
    assert [one.do for one in story.at("2026-04-29 09:00").orders] == ["tell"]


# nobody answers
def failed(name: str, at: str) -> dict[str, Any]:
    return call(name, at, answered=False, seconds=0, deal="D")


def test_each_failed_attempt_proves_the_step_before_it_and_starts_the_next() -> None:
    story = Story(only("call-again"), deals=[deal("D", "2026-04-20 10:00", ("new", "2026-04-20 10:00"))])
    first = story.at("2026-04-20 10:30", touches=[failed("a1", "2026-04-20 10:30")])
    assert orders(first) == ["ask call-again attempts boris 2026-04-20 12:30"]  # the first try proves nothing yet
    again = story.at("2026-04-20 12:00", touches=[failed("a2", "2026-04-20 11:50")])
    assert [(one.do, one.key.occurrence, one.proof) for one in again.orders] == [
        ("close", "attempts", ("a2",)),
        ("ask", "attempts/2", ()),
    ]
    assert stands(again, "call-again") == "due 2026-04-21 18:00"
    story.at("2026-04-21 12:00", touches=[failed("a3", "2026-04-21 11:00")])
    assert stands(story.at("2026-04-21 12:01"), "call-again") == "due 2026-04-24 18:00"
    reached = story.at("2026-04-22 12:00", touches=[call("ok", "2026-04-22 11:00", deal="D")])
    assert (orders(reached), stands(reached, "call-again")) == ([], "skipped touched")


def test_many_messages_of_one_talk_settle_one_touch() -> None:
    stages = [("new", "2026-04-20 10:00"), ("offer", "2026-04-20 11:00")]
    tale = Story(only("offer-received", "offer-discuss"), deals=[deal("D", "2026-04-20 10:00", *stages)])
    separate = tuple(replace(rule, task=replace(rule.task, merge=False)) for rule in tale.regulation.rules)
    tale.regulation = replace(tale.regulation, rules=separate)
    tale.at("2026-04-21 09:00")
    chat = [
        {"id": f"m{place}", "kind": "chat", "direction": "in" if place % 2 else "out", "at": f"2026-04-21 10:0{place}"}
        for place in range(6)
    ]
    judged = tale.at("2026-04-21 11:00", touches=chat)
    assert [(one.do, one.key.rule, one.proof) for one in judged.orders] == [("close", "offer-received", ("m1",))]
    assert orders(tale.at("2026-04-21 11:01")) == []


# after the win
@pytest.mark.parametrize(
    ("at", "thanks", "quality"),
    [
        ("2026-04-27 12:00", "2026-04-28 18:00", "2026-04-30 18:00"),
        ("2026-04-30 12:00", "2026-05-04 18:00", "2026-05-06 18:00"),
        ("2025-10-31 12:00", "2025-11-01 18:00", "2025-11-06 18:00"),  # 1 November 2025 was a working Saturday
    ],
    ids=["plain", "over the May holidays", "over a working Saturday"],
)
def test_thanks_and_quality_check_count_working_days_from_the_win(at: str, thanks: str, quality: str) -> None:
    story = Story(only("thanks", "quality-check"), {"created": "2024-01-01 10:00"}, since="2025-01-09 09:00")
    judged = story.at(at, deals=[deal("D", "2025-10-01 10:00", ("new", "2025-10-01 10:00"), ("won", at))])
    assert (stands(judged, "thanks"), stands(judged, "quality-check")) == (f"due {thanks}", f"due {quality}")
    assert {one.to for one in judged.orders} == {"anna"}  # the client manager, not the seller


def test_the_quality_check_counts_from_the_delivery_and_follows_it() -> None:
    story = Story(only("quality-check"), deals=[won("D", "2026-04-20 12:00", fields={"delivery_date": "2026-05-13"})])
    assert stands(story.at("2026-04-20 12:00"), "quality-check") == "due 2026-05-18 18:00"
    asked = story.at("2026-05-14 09:00")
    assert orders(asked) == ["ask quality-check won@2026-04-20T09:00Z anna 2026-05-18 18:00"]
    later = {"id": "D", "fields": {"delivery_date": "2026-05-20"}}
    assert orders(story.at("2026-05-14 10:00", deals=[later])) == [
        "move quality-check won@2026-04-20T09:00Z anna 2026-05-25 18:00"
    ]
    assert orders(story.at("2026-05-14 10:01")) == []
    assert stands(story.at("2026-05-18 18:00"), "quality-check") == "due 2026-05-25 18:00"


def test_a_mail_thanks_but_does_not_check_the_quality() -> None:
    story = Story(only("thanks", "quality-check"), deals=[won("D", "2026-04-20 12:00")])
    story.at("2026-04-20 12:00")
    story.at("2026-04-21 09:00")
    mail = {"id": "m", "kind": "email", "direction": "in", "at": "2026-04-21 10:00"}
    judged = story.at("2026-04-21 11:00", touches=[mail])
    assert [(one.do, one.key.rule, one.whole_task) for one in judged.orders] == [
        ("close", "thanks", False),
        ("move", "thanks", False),
    ]
    assert local(judged.orders[1].due_at) == "2026-04-23 18:00"  # the task lives on with its other line
