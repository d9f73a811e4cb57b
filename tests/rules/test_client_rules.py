"""Planned touches and dossier gaps of a client without an open deal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from scenes import Story, as_auto, call, deal, local, only, orders, stands, won

from rules.assess import assess
from rules.facts import UNKNOWN
from rules.ledger import State

TOUCH = "planned-touch-a"


# planned touches
@pytest.mark.parametrize(
    ("segment", "rule", "asked", "due"),
    [
        ("A", "planned-touch-a", "2026-03-12 09:00", "2026-03-16 18:00"),
        ("B", "planned-touch-b", "2026-03-30 09:00", "2026-04-01 18:00"),
        ("C", "planned-touch-c", "2026-05-28 09:00", "2026-06-01 18:00"),  # 31 May is a Sunday
    ],
)
def test_a_silent_client_is_asked_by_his_segment_without_any_deal_open(
    segment: str, rule: str, asked: str, due: str
) -> None:
    client = {"segment": segment, "cycle": "120 days"}
    story = Story(as_auto(only(rule)), client, deals=[won("D", "2026-02-20 12:00")])
    before = story.at("2026-03-03 10:00", touches=[call("c", "2026-03-02 11:00")])
    assert (orders(before), local(before.recheck_at)) == ([], asked)
    assert orders(story.at(asked)) == [f"ask {rule} @2026-03-02 anna {due}"]


@pytest.mark.parametrize("others", [("B", "planned-touch-a"), ("A", "planned-touch-b"), ("B", "planned-touch-c")])
def test_other_segments_are_not_meant(others: tuple[str, str]) -> None:
    story = Story(
        as_auto(only(others[1])), {"segment": others[0], "cycle": "120 days"}, deals=[won("D", "2026-02-20 12:00")]
    )
    assert stands(story.at("2026-03-03 10:00"), others[1]).startswith("skipped")


def silent(**client: Any) -> Story:
    facts = {"cycle": "120 days", **client}
    return Story(only(TOUCH), facts, deals=[won("D", "2026-02-20 12:00")], touches=[call("c", "2026-03-02 11:00")])


def test_fifteen_days_of_silence_are_asked_once_and_after_a_tick_once_more() -> None:
    story = silent()
    assert orders(story.at("2026-03-17 09:00")) == ["ask planned-touch-a @2026-03-02 anna 2026-03-17 18:00"]
    assert orders(story.at("2026-03-17 09:01")) == []
    ticked = story.at("2026-03-17 12:00", ticked=[{"rule": TOUCH, "of": "K", "at": "2026-03-17 12:00"}])
    assert ([row.state for row in ticked.changes], orders(ticked)) == ([State.UNPROVEN], [])
    assert stands(ticked, TOUCH) == "due 2026-03-31 18:00"
    assert orders(story.at("2026-03-26 18:00")) == []
    assert orders(story.at("2026-03-27 09:00")) == ["ask planned-touch-a @2026-03-17 anna 2026-03-31 18:00"]
    assert orders(story.at("2026-03-30 09:00")) == []


def test_a_late_record_of_the_call_proves_the_ticked_task_after_all() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    story.at("2026-03-13 12:00", ticked=[{"rule": TOUCH, "of": "K", "at": "2026-03-13 12:00"}])
    judged = story.at("2026-03-13 13:00", touches=[call("c2", "2026-03-13 11:50")])
    assert ([(row.state, row.proof) for row in judged.changes], orders(judged)) == ([(State.DONE, ("c2",))], [])
    assert stands(judged, TOUCH) == "due 2026-03-27 18:00"


def test_a_call_of_his_own_moves_the_touch_by_a_whole_interval() -> None:
    story = silent()
    judged = story.at("2026-03-10 12:00", touches=[call("c2", "2026-03-10 11:00")])
    assert (orders(judged), stands(judged, TOUCH)) == ([], "due 2026-03-24 18:00")


def test_a_call_found_late_from_before_the_asking_moves_the_open_task_away() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    judged = story.at("2026-03-12 10:00", touches=[call("c2", "2026-03-11 17:00")])
    assert [(one.do, one.settles_as, one.because) for one in judged.orders] == [("withdraw", "moved", "moved")]
    assert stands(judged, TOUCH) == "due 2026-03-25 18:00"
    assert orders(story.at("2026-03-23 09:00")) == ["ask planned-touch-a @2026-03-11 anna 2026-03-25 18:00"]


def test_a_call_that_is_deleted_from_the_crm_does_not_take_the_open_task_away() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    story.world.touches.clear()
    judged = story.at("2026-03-12 10:00")
    assert (orders(judged), stands(judged, TOUCH)) == ([], "due 2026-03-16 18:00")


def test_a_deleted_task_is_declined_and_asked_again_an_interval_later() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    judged = story.at("2026-03-13 10:00", removed=[{"rule": TOUCH, "of": "K", "at": "2026-03-13 09:30"}])
    assert ([(row.state, row.reason) for row in judged.changes], orders(judged)) == ([(State.DECLINED, "deleted")], [])
    assert stands(judged, TOUCH) == "due 2026-03-27 18:00"


def test_a_client_never_touched_counts_from_his_creation() -> None:
    story = Story(
        only(TOUCH), {"created": "2026-02-20 10:00", "cycle": "60 days"}, deals=[won("D", "2026-02-20 12:00")]
    )
    assert stands(story.at("2026-03-03 10:00"), TOUCH) == "due 2026-03-06 18:00"


def test_a_touch_in_the_future_does_not_exist_yet() -> None:
    story = silent()
    planned = call("c2", "2026-03-20 11:00")
    assert stands(story.at("2026-03-03 10:00", touches=[planned]), TOUCH) == "due 2026-03-16 18:00"


def test_an_open_deal_silences_the_planned_touch_and_its_end_brings_it_back() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    opened = story.at("2026-03-12 12:00", deals=[deal("N", "2026-03-12 12:00", ("new", "2026-03-12 12:00"))])
    assert [(one.do, one.because) for one in opened.orders] == [("withdraw", "state")]
    closed = story.at("2026-03-12 15:00", deals=[{"id": "N", "history": [{"phase": "lost", "at": "2026-03-12 15:00"}]}])
    assert orders(closed) == ["reopen planned-touch-a @2026-03-02 anna 2026-03-16 18:00"]


def test_a_reason_that_comes_and_goes_reopens_three_times_only() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    done: list[list[str]] = []
    for minute in range(4):
        opened, closed = f"2026-03-12 1{minute}:00", f"2026-03-12 1{minute}:30"
        story.at(opened, deals=[deal(f"N{minute}", opened, ("new", opened))])
        judged = story.at(closed, deals=[{"id": f"N{minute}", "history": [{"phase": "lost", "at": closed}]}])
        done.append([one.do for one in judged.orders])
    assert done == [["reopen"], ["reopen"], ["reopen"], []]
    assert stands(judged, TOUCH) == "skipped reopened-enough"


def test_what_a_person_edited_stays_when_the_reason_goes_and_is_not_escalated() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    story.learn(edited=[{"rule": TOUCH, "of": "K"}])
    opened = deal("N", "2026-03-12 12:00", ("new", "2026-03-12 12:00"))
    assert orders(story.at("2026-03-12 12:00", deals=[opened])) == []
    assert orders(story.at("2026-03-25 09:00")) == []


def test_without_a_known_segment_nobody_guesses() -> None:
    story = silent()
    snapshot = story.snapshot()
    client = replace(snapshot.client, segment=UNKNOWN)
    judged = assess(story.regulation, replace(snapshot, client=client), story.world.moment("2026-03-17 09:00"))
    assert (stands(judged, TOUCH), judged.orders) == ("unknown unknown", ())


def test_a_deleted_client_takes_his_open_touches_with_him() -> None:
    story = silent()
    story.at("2026-03-12 09:00")
    judged = story.at("2026-03-12 10:00", client={"deleted": True})
    assert [(one.do, one.because) for one in judged.orders] == [("withdraw", "gone")]
    assert judged.recheck_at is None


def test_the_touch_is_asked_in_working_time_only() -> None:
    story = silent()
    evening = story.at("2026-03-16 18:30")
    assert (orders(evening), local(evening.recheck_at)) == ([], "2026-03-17 09:00")


def test_asked_in_the_last_hour_the_promise_is_the_next_working_day() -> None:
    story = silent()
    assert orders(story.at("2026-03-20 17:01")) == ["ask planned-touch-a @2026-03-02 anna 2026-03-23 18:00"]
    assert orders(silent().at("2026-03-20 17:00")) == ["ask planned-touch-a @2026-03-02 anna 2026-03-20 18:00"]


# the dossier
def gaps(**dossier: Any) -> Story:
    deals = [won("D1", "2025-11-20 12:00"), won("D2", "2026-02-20 12:00")]
    client = {"cycle": "120 days", "dossier": dossier}
    touches = [call("c", "2026-03-02 11:00")]
    return Story(as_auto(only("dossier-gaps")), client, deals=deals, touches=touches, since="2026-03-01 09:00")


def test_a_thin_dossier_of_a_regular_key_client_is_asked_and_then_every_fortnight() -> None:
    story = gaps(turnover=5)
    asked = story.at("2026-03-10 09:00")
    assert orders(asked) == ["ask dossier-gaps @2026-03-01 anna 2026-03-10 18:00"]
    assert asked.orders[0].spread
    assert "2\u00a0% (1 из 50)" in asked.orders[0].text
    assert "Бюджет на нашу категорию" in asked.orders[0].text
    done = story.at("2026-03-11 10:00", client={"dossier": {"category_budget": 100}})
    assert [(one.do, one.settles_as) for one in done.orders] == [("close", "done")]
    assert stands(done, "dossier-gaps") == "due 2026-03-25 18:00"


def test_a_call_alone_makes_no_progress_in_the_dossier() -> None:
    story = gaps()
    story.at("2026-03-10 09:00")
    assert orders(story.at("2026-03-11 10:00", touches=[call("c2", "2026-03-11 09:30")])) == []


def test_no_progress_in_thirty_days_is_told_to_the_head() -> None:
    story = gaps()
    story.at("2026-03-10 09:00")
    assert local(story.at("2026-03-10 18:00").recheck_at) == "2026-03-27 09:00"  # 16 days after the promise
    assert [(one.do, one.to) for one in story.at("2026-03-27 09:00").orders] == [("tell", "vera")]


def test_only_a_regular_key_client_is_scored() -> None:
    assert gaps().at("2026-03-10 09:00").score is not None
    once = Story(only("dossier-gaps"), {"cycle": "120 days"}, deals=[won("D1", "2026-02-20 12:00")])
    assert once.at("2026-03-10 09:00").score is None
    small = Story(
        only("dossier-gaps"), {"segment": "B"}, deals=[won("D1", "2025-11-20 12:00"), won("D2", "2026-02-20 12:00")]
    )
    assert small.at("2026-03-10 09:00").score is None


def test_the_score_is_counted_without_any_rule_about_it() -> None:
    story = gaps(plans="x", inn="7707083893")
    score = story.at("2026-03-10 09:00").score
    assert score is not None
    assert (score.fill, score.filled, score.total) == (4, 2, 50)


def test_a_full_interval_passes_between_two_asks_of_the_dossier() -> None:
    story = gaps()
    story.at("2026-03-10 09:00")
    story.at("2026-03-10 12:00", ticked=[{"rule": "dossier-gaps", "of": "K", "at": "2026-03-10 12:00"}])
    asked = story.rows[0]
    assert asked.state is State.UNPROVEN
    assert orders(story.at("2026-03-19 18:00")) == []
    again = story.at("2026-03-20 09:00")
    assert orders(again) == ["ask dossier-gaps @2026-03-10 anna 2026-03-24 18:00"]
    assert again.orders[0].entry.due_at - asked.due_at > timedelta(days=14)
