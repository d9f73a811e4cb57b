"""Daily limits per manager and the spread of a first run, over the orders of many clients."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from scenes import MOSCOW, Story, b2b, call, local, only, verdict, won

from rules.assess import assess
from rules.explain import explain_verdict
from rules.ration import Rationed, ration, told_to_wait

if TYPE_CHECKING:
    from rules.assessment import Assessment, Order

TODAY = date(2026, 3, 12)


def silent(name: str, rule: str = "planned-touch-a", *, since: str = "2026-01-12 09:00") -> tuple[Story, Assessment]:
    """A client who comes up for his planned touch on 12 March."""
    client = {"id": name, "cycle": "120 days"}
    touches = [call(f"c-{name}", "2026-03-02 11:00")]
    story = Story(only(rule), client, deals=[won(f"D-{name}", "2026-02-20 12:00")], touches=touches, since=since)
    return story, assess(story.regulation, story.snapshot(), story.world.moment("2026-03-12 09:00"))


def rationed(orders: list[Order], asked_today: int = 0, *, per_day: int = 25, at: str = "2026-03-12 09:00") -> Rationed:
    story, _ = silent("x")
    limits = replace(b2b().limits, per_manager_per_day=per_day)
    load = {("anna", TODAY): asked_today, ("anna", date(2026, 3, 11)): 99, ("boris", TODAY): 99}
    return ration(orders, load, limits, story.world.moment(at), calendar=b2b().calendar, portal=story.portal)


def many(count: int) -> list[Order]:
    return [order for place in range(count) for order in silent(f"K{place:03}")[1].orders]


def test_a_manager_gets_no_more_than_the_daily_limit_and_the_rest_waits_for_the_next_working_day() -> None:
    found = rationed(many(5), asked_today=1, per_day=4)
    assert len(found.admitted) == 3
    assert [(one.reason.code, local(one.until)) for one in found.postponed] == [
        ("per-manager-per-day", "2026-03-13 09:00")
    ] * 2
    postponed = found.postponed[0].order.entry.client
    assert local(found.recheck_at(postponed)) == "2026-03-13 09:00"
    assert found.recheck_at(found.admitted[0].entry.client) is None


def test_what_was_asked_yesterday_or_of_others_does_not_count() -> None:
    assert not rationed(many(2), asked_today=23).postponed


def test_priority_decides_who_waits_then_the_due() -> None:
    low, high = many(2)
    found = rationed([replace(low, rank=30), replace(high, rank=1)], per_day=1)
    assert [one.rank for one in found.admitted] == [1]
    assert [one.order.rank for one in found.postponed] == [30]


def test_always_and_what_is_no_asking_are_not_held_by_the_limit() -> None:
    one, two = many(2)
    found = rationed([replace(one, always=True), replace(two, do="close")], asked_today=99)
    assert (len(found.admitted), found.postponed) == (2, ())


def test_what_is_always_asked_still_counts() -> None:
    one, two = many(2)
    found = rationed([replace(one, always=True), two], asked_today=24)
    assert [order.key for order in found.admitted] == [one.key]


def test_a_line_waits_with_its_task() -> None:
    host, line = many(2)
    found = rationed([host, replace(line, do="join", joins=host.key)], asked_today=25)
    assert [one.reason.code for one in found.postponed] == ["per-manager-per-day", "with-task"]


def test_the_backlog_of_a_first_run_is_spread_by_priority_and_comes_to_an_end() -> None:
    backlog = [replace(order, spread=True, rank=place % 3) for place, order in enumerate(many(25))]
    story, _ = silent("x", since="2026-03-12 09:00")
    calendar, limits = b2b().calendar, b2b().limits
    day, per_day, left = TODAY, [], backlog
    while left:
        now = calendar.start_of_work(day, story.world.zone)
        found = ration(left, {}, limits, now, calendar=calendar, portal=story.portal)
        assert {one.reason.code for one in found.postponed} <= {"first-run"}
        assert max(one.rank for one in found.admitted) <= min((one.order.rank for one in found.postponed), default=9)
        per_day.append(len(found.admitted))
        left = [one.order for one in found.postponed]
        day = calendar.shift_days(day, 1)
    assert per_day == [3] * 5 + [2] * 5


def test_a_rhythm_that_was_due_before_its_rule_is_marked_for_the_spread() -> None:
    _, before = silent("K", since="2026-03-16 12:00")
    assert [order.spread for order in before.orders] == [True]
    _, after = silent("K", since="2026-03-13 12:00")
    assert [order.spread for order in after.orders] == [False]


def test_the_verdict_of_a_postponed_touch_says_until_when_it_waits() -> None:
    story, judged = silent("K")
    found = rationed(list(judged.orders), asked_today=25)
    told = verdict(replace(judged, verdicts=told_to_wait(judged.verdicts, found.postponed)), "planned-touch-a")
    text = explain_verdict(told, story.regulation, MOSCOW, "ru")
    assert (told.status, told.because) == ("due", "postponed")
    assert "У менеджера на этот день уже 25 касаний, предел 25: перенесено на 13.03.2026 09:00." in text
    assert "Попросили" not in text
    assert told_to_wait(judged.verdicts, ()) == judged.verdicts


def test_no_order_is_lost_or_made() -> None:
    orders = many(7)
    found = rationed(orders, per_day=3)
    assert Counter(one.key for one in (*found.admitted, *(one.order for one in found.postponed))) == Counter(
        order.key for order in orders
    )
