"""Touches that become one task, riders on other tasks, and proposals."""

from __future__ import annotations

from typing import Any

from scenes import Story, call, deal, local, only, orders, stands, verdict, won, written
from trial import HEAD, LONG, SHORT, rule, story

from rules.ledger import State


def test_the_highest_priority_gives_the_title_and_the_earliest_line_the_due() -> None:
    tale = story(rule("long", LONG), rule("short", SHORT), deals=[won("D", "2026-03-02 12:00")])
    judged = tale.at("2026-03-16 09:00")
    assert [(one.do, one.key.rule, one.title, local(one.due_at)) for one in judged.orders] == [
        ("ask", "long", "long", "2026-03-17 18:00"),
        ("join", "short", "short", "2026-03-16 18:00"),
    ]
    assert {local(one.task_due_at) for one in judged.orders} == {"2026-03-16 18:00"}
    assert orders(tale.at("2026-03-16 09:01")) == []


def test_a_line_that_comes_later_and_is_due_earlier_pulls_the_task_forward() -> None:
    nine = rule("short", SHORT.replace("8", "9"), task=", lead: 0 working days")
    tale = story(rule("long", LONG), nine, deals=[won("D", "2026-03-02 12:00")])
    assert orders(tale.at("2026-03-13 09:00")) == ["ask long won:D anna 2026-03-17 18:00"]
    joined = tale.at("2026-03-16 09:00")
    assert [(one.do, one.key.rule, local(one.due_at)) for one in joined.orders] == [
        ("join", "short", "2026-03-16 18:00"),
        ("move", "long", "2026-03-16 18:00"),
    ]
    assert tale.played.tasks["task-1"].due_at == joined.orders[0].due_at
    assert local(tale.rows[0].promise_at) == "2026-03-17 18:00"  # the line keeps its own


def test_touches_too_far_apart_are_two_tasks() -> None:
    far = "due: 14 working days after last_won, kind: [call]"
    tale = story(
        rule("short", SHORT), rule("far", far, task=", lead: 9 working days"), deals=[won("D", "2026-03-02 12:00")]
    )
    assert [one.do for one in tale.at("2026-03-12 09:00").orders] == ["ask", "ask"]


def test_another_kind_another_doer_or_merge_false_is_a_task_of_its_own() -> None:
    meeting = rule("meet", LONG.replace("call", "meeting"))
    alone = rule("alone", LONG, task=", merge: false")
    tale = story(rule("long", LONG), meeting, deals=[won("D", "2026-03-02 12:00")])
    assert [one.do for one in tale.at("2026-03-13 09:00").orders] == ["ask", "ask"]
    tale = story(rule("long", LONG), alone, deals=[won("D", "2026-03-02 12:00")])
    assert [one.do for one in tale.at("2026-03-13 09:00").orders] == ["ask", "ask"]
    boris = rule("hers", LONG).replace("client_manager", "active_manager")
    tale = story(rule("long", LONG), boris, deals=[won("D", "2026-03-02 12:00")])
    assert [(one.do, one.to) for one in tale.at("2026-03-13 09:00").orders] == [("ask", "anna"), ("ask", "boris")]


def test_a_merged_task_that_is_ticked_leaves_every_line_unproven() -> None:
    tale = story(rule("long", LONG), rule("short", SHORT), deals=[won("D", "2026-03-02 12:00")])
    tale.at("2026-03-16 09:00")
    ticked = tale.at("2026-03-16 12:00", ticked=[{"rule": "long", "of": "K", "at": "2026-03-16 12:00"}])
    assert ([row.state for row in ticked.changes], orders(ticked)) == ([State.UNPROVEN, State.UNPROVEN], [])


def two_deals() -> Story:
    stages = (("new", "2026-04-06 09:30"), ("qualify", "2026-04-07 11:00"))
    return Story(only("qualify-facts"), deals=[deal(name, "2026-04-06 09:30", *stages) for name in "PQ"])


def test_a_call_about_one_deal_settles_its_line_only() -> None:
    both = [
        deal(name, "2026-04-06 09:30", ("new", "2026-04-06 09:30"), ("qualify", "2026-04-07 11:00")) for name in "PQ"
    ]
    tale = Story(only("qualify-facts"), deals=both)
    assert [(one.do, one.key.subject) for one in tale.at("2026-04-07 11:00").orders] == [
        ("ask", "deal:P"),
        ("join", "deal:Q"),
    ]
    one = tale.at("2026-04-07 12:00", touches=[call("c", "2026-04-07 11:30", deal="P")])
    assert [(order.do, order.key.subject, order.whole_task) for order in one.orders] == [("close", "deal:P", False)]
    rest = tale.at("2026-04-07 13:00", touches=[call("c2", "2026-04-07 12:30")])
    assert [(order.do, order.key.subject, order.whole_task) for order in rest.orders] == [("close", "deal:Q", True)]


def test_a_contact_never_proves_one_rule_twice() -> None:
    both = [
        deal(name, "2026-04-06 09:30", ("new", "2026-04-06 09:30"), ("qualify", "2026-04-07 11:00")) for name in "PQ"
    ]
    tale = Story(only("qualify-facts"), deals=both)
    tale.at("2026-04-07 11:00")
    judged = tale.at("2026-04-07 12:00", touches=[call("c", "2026-04-07 11:30")])
    assert [(order.do, order.key.subject) for order in judged.orders] == [("close", "deal:P")]
    assert orders(tale.at("2026-04-07 12:01")) == []


def test_one_contact_settles_the_earliest_due_and_moves_the_rhythm() -> None:
    rhythm = rule("rhythm", "every: 14 days after last_touch", task=", merge: false")
    sooner = rule("sooner", SHORT, task=", merge: false")
    tale = story(rhythm, sooner, deals=[won("D", "2026-03-02 12:00")], touches=[call("c", "2026-03-02 12:30")])
    tale.at("2026-03-12 09:00")
    judged = tale.at("2026-03-12 12:00", touches=[call("c2", "2026-03-12 11:00")])
    assert [(one.do, one.key.rule, one.settles_as) for one in judged.orders] == [
        ("close", "sooner", "done"),
        ("withdraw", "rhythm", "moved"),
    ]
    assert stands(judged, "rhythm") == "due 2026-03-26 18:00"


# riding
def riders(mode: str) -> Story:
    host = rule("host", "every: 14 days after last_touch")
    gap = rule("rider", "every: 14 days after rule.last_done, kind: [task_done], ride_on: [host]", task=mode)
    facts: dict[str, Any] = {"deals": [won("D", "2026-03-02 12:00")], "touches": [call("c", "2026-03-02 12:30")]}
    return story(host, gap, since="2026-03-02 09:00", **facts)


def test_a_rider_waits_for_a_host_that_is_due_soon_and_becomes_its_line() -> None:
    tale = riders("")
    waiting = tale.at("2026-03-10 09:00")
    assert (orders(waiting), local(waiting.recheck_at)) == ([], "2026-03-12 09:00")
    assert verdict(waiting, "rider").reasons[0].code == "rides"
    assert [(one.do, one.key.rule) for one in tale.at("2026-03-12 09:00").orders] == [
        ("ask", "host"),
        ("join", "rider"),
    ]


def test_a_rider_does_not_wait_for_a_host_that_is_far() -> None:
    tale = riders("")
    assert [(one.do, one.key.rule) for one in tale.at("2026-03-07 09:00").orders] == []  # a holiday, and the gap
    tale = riders("")
    tale.regulation = written(
        HEAD
        + rule("host", "every: 30 days after last_touch")
        + rule("rider", "every: 14 days after rule.last_done, kind: [task_done], ride_on: [host]")
    )
    assert [(one.do, one.key.rule) for one in tale.at("2026-03-10 09:00").orders] == [("ask", "rider")]


# proposals
def test_proposals_join_a_task_that_comes_up_with_or_after_them() -> None:
    offer = rule("offer", SHORT, task=", mode: propose")
    tale = story(offer, rule("long", LONG), deals=[won("D", "2026-03-02 12:00")])
    assert [(one.do, one.key.rule) for one in tale.at("2026-03-11 09:00").orders] == [("offer", "offer")]
    judged = tale.at("2026-03-13 09:00")
    assert [(one.do, one.key.rule) for one in judged.orders] == [("ask", "long"), ("join", "offer")]
    tale = story(offer, rule("long", LONG), deals=[won("D", "2026-03-02 12:00")])
    assert [(one.do, one.key.rule) for one in tale.at("2026-03-13 09:00").orders] == [
        ("ask", "long"),
        ("join", "offer"),
    ]


def test_a_proposal_put_off_has_a_new_due_and_is_reminded_later() -> None:
    tale = story(rule("offer", SHORT, task=", mode: propose"), deals=[won("D", "2026-03-02 12:00")])
    tale.at("2026-03-11 09:00")
    later = {"rule": "offer", "of": "K", "answer": "later", "at": "2026-03-12 10:00", "until": "2026-03-27"}
    judged = tale.at("2026-03-12 10:00", answers=[later])
    assert (orders(judged), stands(judged, "offer")) == ([], "due 2026-03-27 18:00")
    assert local(judged.recheck_at) == "2026-03-27 18:00"
    assert [one.do for one in tale.at("2026-03-30 09:00").orders] == ["remind"]
    assert orders(tale.at("2026-03-30 10:00")) == []  # the old answer is not taken again
    assert tale.rows[0].later == 1


def test_a_proposal_that_comes_back_is_a_proposal_again() -> None:
    tale = Story(only("assortment"), {"cycle": "120 days"}, deals=[won("D", "2026-03-03 15:00")])
    assert [one.do for one in tale.at("2026-03-20 09:00").orders] == ["offer"]
    assert [one.do for one in tale.at("2026-03-20 12:00", deals=[opened()]).orders] == ["withdraw"]
    lost = {"id": "N", "history": [{"phase": "lost", "at": "2026-03-20 15:00"}]}
    judged = tale.at("2026-03-20 15:00", deals=[lost])
    assert [(one.do, one.entry.state) for one in judged.orders] == [("reopen", State.OFFERED)]


def opened() -> dict[str, Any]:
    return deal("N", "2026-03-20 12:00", ("new", "2026-03-20 12:00"))


def test_a_proposal_is_looked_at_again_for_its_reminder() -> None:
    tale = story(rule("offer", SHORT, task=", mode: propose"), deals=[won("D", "2026-03-02 12:00")])
    tale.at("2026-03-11 09:00")
    assert local(tale.at("2026-03-13 18:00").recheck_at) == "2026-03-16 09:00"
    assert [one.do for one in tale.at("2026-03-16 09:00").orders] == ["remind"]


def test_a_declined_proposal_is_not_offered_again() -> None:
    tale = story(rule("offer", SHORT, task=", mode: propose"), deals=[won("D", "2026-03-02 12:00")])
    tale.at("2026-03-11 09:00")
    no = {"rule": "offer", "of": "K", "answer": "decline", "at": "2026-03-12 10:00", "reason": "Уже сделано"}
    judged = tale.at("2026-03-12 10:00", answers=[no])
    assert [(row.state, row.reason) for row in judged.changes] == [(State.DECLINED, "Уже сделано")]
    assert stands(tale.at("2026-04-12 10:00"), "offer") == "skipped declined"
