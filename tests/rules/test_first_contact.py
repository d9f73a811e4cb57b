"""The first contact with a new deal: its minutes, its owner, and facts that are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scenes import Story, call, deal, local, only, orders, stands

from rules.assess import assess
from rules.facts import UNKNOWN
from rules.ledger import State

FIRST = "first-contact"


def new_deal(at: str, **more: Any) -> dict[str, Any]:
    return deal("D", at, ("new", at), **more)


# first contact
@pytest.mark.parametrize(
    ("created", "due"),
    [
        ("2026-04-27 10:00", "2026-04-27 10:15"),
        ("2026-04-27 17:45", "2026-04-27 18:00"),
        ("2026-04-24 17:50", "2026-04-27 09:05"),
        ("2026-04-30 17:50", "2026-05-04 09:05"),
        ("2026-04-25 12:00", "2026-04-27 09:15"),
    ],
    ids=["in the day", "to the end of work", "over a weekend", "over a holiday", "on a Saturday"],
)
def test_a_new_deal_is_called_within_fifteen_working_minutes(created: str, due: str) -> None:
    story = Story(only(FIRST), deals=[new_deal(created)])
    assert stands(story.at(created), FIRST) == f"due {due}"


def test_a_deal_made_at_night_is_asked_in_the_morning() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-24 22:00")])
    night = story.at("2026-04-24 22:00")
    assert (orders(night), local(night.recheck_at)) == ([], "2026-04-27 09:00")
    assert orders(story.at("2026-04-27 09:00")) == ["ask first-contact created boris 2026-04-27 09:15"]


def test_a_call_the_same_evening_makes_the_morning_task_needless() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-24 22:00")])
    story.at("2026-04-24 22:00")
    judged = story.at("2026-04-24 22:20", touches=[call("c", "2026-04-24 22:10")])
    assert [(row.state, row.proof) for row in judged.changes] == [(State.DONE, ("c",))]
    assert orders(story.at("2026-04-27 09:00")) == []


def test_an_imported_deal_gets_no_first_contact() -> None:
    created = deal("D", "2026-04-20 10:00", ("new", "2026-04-27 10:00"))
    assert stands(Story(only(FIRST), deals=[created]).at("2026-04-27 10:00"), FIRST) == "skipped imported"
    marked = new_deal("2026-04-27 10:00", imported=True)
    assert stands(Story(only(FIRST), deals=[marked]).at("2026-04-27 10:00"), FIRST) == "skipped imported"


def test_what_was_due_before_the_rule_came_into_force_is_never_asked() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")], since="2026-04-27 10:16")
    judged = story.at("2026-04-27 10:16")
    assert (stands(judged, FIRST), orders(judged), judged.recheck_at) == ("skipped before-force", [], None)
    at_the_minute = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")], since="2026-04-27 10:15")
    assert len(at_the_minute.at("2026-04-27 10:15").orders) == 1


@pytest.mark.parametrize(
    ("asked", "promise"),
    [("10:07", "10:15"), ("10:08", "11:08"), ("11:00", "12:00")],
    ids=["half of the term is left", "less than half", "after the due"],
)
def test_nobody_is_late_for_what_he_was_not_asked(asked: str, promise: str) -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    judged = story.at(f"2026-04-27 {asked}")
    assert orders(judged) == [f"ask first-contact created boris 2026-04-27 {promise}"]
    assert local(judged.orders[0].entry.due_at) == "2026-04-27 10:15"


def test_an_unanswered_new_deal_is_overdue_then_told_to_the_head_once() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    story.at("2026-04-27 10:00")
    late = story.at("2026-04-27 10:15")
    assert (stands(late, FIRST), orders(late)) == ("overdue 2026-04-27 10:15", [])
    assert local(late.recheck_at) == "2026-04-27 10:45"
    told = story.at("2026-04-27 10:45")
    assert [(one.do, one.to, one.step, one.because) for one in told.orders] == [("tell", "vera", 1, "overdue")]
    assert orders(story.at("2026-04-27 10:46")) == []


def test_a_call_that_moved_the_stage_fulfils_and_does_not_cancel() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    story.at("2026-04-27 10:00")
    moved = {"id": "D", "history": [{"phase": "qualify", "at": "2026-04-27 10:09"}]}
    judged = story.at("2026-04-27 10:10", deals=[moved], touches=[call("c", "2026-04-27 10:05", deal="D")])
    assert [(one.do, one.settles_as, one.proof) for one in judged.orders] == [("close", "done", ("c",))]


def test_an_open_task_follows_the_deal_to_its_new_owner() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    story.at("2026-04-27 10:00")
    judged = story.at("2026-04-27 10:05", deals=[{"id": "D", "owner": "anna"}])
    assert orders(judged) == ["assign first-contact created anna"]
    assert orders(story.at("2026-04-27 10:06")) == []


def test_a_dismissed_owner_is_replaced_by_his_head() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    managers = {**story.portal.managers}
    managers["boris"] = replace(managers["boris"], active=False)
    story.change_portal(replace(story.portal, managers=managers))
    assert story.at("2026-04-27 10:00").orders[0].to == "vera"


def test_with_nobody_to_ask_people_see_a_note_and_nothing_is_written() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    story.change_portal(replace(story.portal, managers={}))
    judged = story.at("2026-04-27 10:00")
    assert (orders(judged), stands(judged, FIRST)) == ([], "skipped nobody")
    assert [note.code for note in judged.notes] == ["nobody"]


def test_an_unreadable_history_is_shown_and_not_acted_upon() -> None:
    story = Story(only(FIRST, "offer-received"), deals=[deal("D", "2026-04-27 10:00", ("offer", "2026-04-27 10:00"))])
    snapshot = story.snapshot()
    deals = tuple(replace(one, history=UNKNOWN) for one in snapshot.deals)
    judged = assess(story.regulation, replace(snapshot, deals=deals), story.world.moment("2026-04-27 12:00"))
    assert (stands(judged, "offer-received"), judged.orders) == ("unknown unknown-anchor", ())


def test_a_history_that_lags_behind_the_deal_is_unknown_too() -> None:
    story = Story(only("offer-received"), deals=[deal("D", "2026-04-27 10:00", ("qualify", "2026-04-27 10:00"))])
    snapshot = story.snapshot()
    deals = tuple(replace(one, phase="offer") for one in snapshot.deals)
    judged = assess(story.regulation, replace(snapshot, deals=deals), story.world.moment("2026-04-27 12:00"))
    assert stands(judged, "offer-received") == "unknown unknown-anchor"


def test_a_deal_dated_by_a_clock_ahead_of_ours_is_looked_at_again_when_it_exists() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:01")])
    early = story.at("2026-04-27 10:00")
    assert (orders(early), local(early.recheck_at)) == ([], "2026-04-27 10:01")
    assert orders(story.at("2026-04-27 10:01")) == ["ask first-contact created boris 2026-04-27 10:16"]


def test_a_deal_that_moves_to_another_client_keeps_its_open_task() -> None:
    story = Story(only(FIRST), deals=[new_deal("2026-04-27 10:00")])
    story.at("2026-04-27 10:00")
    story.world.client["id"] = "other"
    judged = story.at("2026-04-27 10:05")
    assert (orders(judged), [row.client for row in judged.changes]) == ([], ["company:other"])
