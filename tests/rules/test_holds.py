"""What keeps a touch back: open tasks, do-not-disturb, silence, gaps, limits, dates that lapse or move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from scenes import MOSCOW, Story, as_auto, b2b, call, deal, local, only, orders, stands, won
from trial import SHORT, rule, story

from rules.assess import assess


# holds
def test_do_not_disturb_holds_the_touch_and_then_it_is_asked_late() -> None:
    tale = Story(
        only("planned-touch-a"),
        {"cycle": "120 days", "quiet_until": "2026-03-20"},
        deals=[won("D", "2026-02-20 12:00")],
        touches=[call("c", "2026-03-02 11:00")],
    )
    held = tale.at("2026-03-12 09:00")
    assert (stands(held, "planned-touch-a"), local(held.recheck_at)) == ("skipped held", "2026-03-23 09:00")
    assert orders(tale.at("2026-03-20 17:00")) == []  # the day itself is quiet too
    assert orders(tale.at("2026-03-23 09:00")) == ["ask planned-touch-a @2026-03-02 anna 2026-03-23 18:00"]


def test_do_not_disturb_freezes_the_escalation_of_what_is_asked_already() -> None:
    tale = Story(only("first-contact"), deals=[deal("D", "2026-04-27 10:00", ("new", "2026-04-27 10:00"))])
    tale.at("2026-04-27 10:00")
    frozen = tale.at("2026-04-27 12:00", client={"quiet_until": "2026-04-28"})
    assert (orders(frozen), local(frozen.recheck_at)) == ([], "2026-04-29 09:00")
    assert [one.do for one in tale.at("2026-04-29 09:00").orders] == ["tell"]


def test_a_complaint_silences_other_rules_but_not_itself() -> None:
    tale = Story(
        as_auto(only("complaint", "assortment")),
        {"cycle": "120 days", "complaints": [{"id": "R", "at": "2026-03-19 10:00"}], "quiet_until": "2026-12-31"},
        deals=[won("D", "2026-03-03 15:00")],
    )
    judged = tale.at("2026-03-19 10:00")
    assert orders(judged) == ["ask complaint R anna 2026-03-19 14:00"]
    tale.learn(client={"quiet_until": None})
    tale.at("2026-03-19 11:00", touches=[call("c", "2026-03-19 10:30")])
    silent = tale.at("2026-03-20 09:00")
    assert (stands(silent, "assortment"), local(silent.recheck_at)) == ("skipped held", "2026-04-03 09:00")
    assert [one.do for one in tale.at("2026-04-03 09:00").orders] == ["ask"]


def test_the_gap_between_touches_holds_rhythms_of_the_client_only() -> None:
    tale = Story(
        only("key-meeting", "negotiate-advance"),
        deals=[deal("D", "2026-04-01 10:00", ("negotiate", "2026-04-01 10:00"))],
        touches=[call("c", "2026-04-23 11:00")],
    )
    judged = tale.at("2026-04-28 09:00")
    assert orders(judged) == [
        "ask negotiate-advance @2026-04-23 boris 2026-04-30 18:00",
        "ask key-meeting @2025-03-01 anna 2026-04-28 18:00",
    ]
    tale = Story(only("key-meeting"), deals=[won("D", "2026-04-01 10:00")], touches=[call("c", "2026-04-23 11:00")])
    held = tale.at("2026-04-27 17:00")
    assert (stands(held, "key-meeting"), local(held.recheck_at)) == ("skipped held", "2026-04-28 09:00")


def test_a_third_open_task_of_a_client_waits_until_one_is_settled() -> None:
    apart = ", merge: false"
    rules = [rule(name, SHORT, task=apart) for name in ("one", "two", "three")]
    tale = story(*rules, deals=[won("D", "2026-03-02 12:00")])
    judged = tale.at("2026-03-16 09:00")
    assert [one.key.rule for one in judged.orders] == ["one", "two"]
    assert stands(judged, "three") == "skipped open-per-client"
    settled = tale.at("2026-03-16 12:00", ticked=[{"rule": "one", "of": "K", "at": "2026-03-16 11:00"}])
    assert [(one.do, one.key.rule) for one in settled.orders] == [("ask", "three")]


def test_always_is_not_held_by_open_tasks() -> None:
    apart = ", merge: false"
    rules = [rule(name, SHORT, task=apart, more="always: true") for name in ("one", "two", "three")]
    assert len(story(*rules, deals=[won("D", "2026-03-02 12:00")]).at("2026-03-16 09:00").orders) == 3


def test_at_most_drops_an_appointment_over_the_limit() -> None:
    tale = Story(only("nps"), deals=[won("D1", "2026-03-02 12:00"), won("D2", "2026-04-02 12:00")])
    assert [one.key.subject for one in tale.at("2026-03-16 09:00").orders] == ["deal:D1"]
    tale.at("2026-03-17 09:00", client={"nps": [{"id": "n", "at": "2026-03-16 12:00", "score": 9}]})
    assert stands(tale.at("2026-04-14 09:00"), "nps", "deal:D2") == "skipped at-most"
    tale.at("2026-06-12 09:00", deals=[won("D3", "2026-06-01 12:00")])
    assert stands(tale.at("2026-06-15 09:00"), "nps", "deal:D3") == "due 2026-06-15 18:00"


def test_a_birthday_that_was_missed_lapses_and_comes_back_next_year() -> None:
    person = {"id": "P", "main": True, "birthday": "5 May"}
    regulation = as_auto(only("birthday-key"))
    tale = Story(regulation, {"cycle": "120 days"}, deals=[won("D", "2026-04-20 12:00")], contacts=[person])
    assert orders(tale.at("2026-05-05 09:00")) == ["ask birthday-key 2026 anna 2026-05-05 18:00"]
    assert local(tale.at("2026-05-05 18:00").recheck_at) == "2026-05-07 09:00"
    lapsed = tale.at("2026-05-07 09:00")
    assert [(one.do, one.settles_as) for one in lapsed.orders] == [("withdraw", "missed")]
    assert stands(lapsed, "birthday-key") == "due 2027-05-05 18:00"


def test_a_moved_date_field_is_followed_and_a_new_date_is_a_new_touch() -> None:
    invoice = deal("D", "2026-04-01 10:00", ("payment", "2026-04-01 10:00"), fields={"invoice_due": "2026-04-17"})
    tale = Story(only("payment-soon"), deals=[invoice])
    assert orders(tale.at("2026-04-14 09:00")) == ["ask payment-soon 2026-04-17 boris 2026-04-16 18:00"]
    moved = tale.at("2026-04-14 10:00", deals=[{"id": "D", "fields": {"invoice_due": "2026-05-20"}}])
    assert [(one.do, one.because) for one in moved.orders] == [("withdraw", "anchor-moved")]
    assert stands(moved, "payment-soon") == "due 2026-05-19 18:00"
    cleared = tale.at("2026-04-15 10:00", deals=[{"id": "D", "fields": {"invoice_due": None}}])
    assert stands(cleared, "payment-soon") == "skipped no-anchor"


def test_a_date_moved_by_half_of_the_notice_is_the_same_and_a_day_more_is_a_new_one() -> None:
    for end, done, due in (("2026-10-30", "move", "2026-08-31 18:00"), ("2026-10-31", "withdraw", "2026-09-01 18:00")):
        client = {"cycle": "365 days", "dossier": {"contract_end": "2026-09-30"}}
        tale = Story(only("contract-end"), client, deals=[won("D", "2026-06-10 12:00")])
        assert [one.do for one in tale.at("2026-07-29 09:00").orders] == ["ask"]
        judged = tale.at("2026-07-30 09:00", client={"dossier": {"contract_end": end}})
        assert [one.do for one in judged.orders] == [done]
        assert stands(judged, "contract-end") == f"due {due}"


def test_a_text_in_a_date_field_is_skipped_and_shown() -> None:
    invoice = deal("D", "2026-04-01 10:00", ("payment", "2026-04-01 10:00"), fields={"invoice_due": "в пятницу"})
    judged = Story(only("payment-soon"), deals=[invoice]).at("2026-04-14 09:00")
    assert stands(judged, "payment-soon") == "skipped not-a-date"
    assert [note.code for note in judged.notes] == ["not-a-date"]


def test_the_clients_quiet_hours_move_the_due_to_their_end() -> None:
    tale = Story(only("first-contact"), deals=[deal("D", "2026-04-27 15:50", ("new", "2026-04-27 15:50"))])
    snapshot = tale.snapshot()
    client = replace(snapshot.client, zone=ZoneInfo("Asia/Yekaterinburg"))  # 20:05 there
    judged = assess(b2b(), replace(snapshot, client=client), tale.world.moment("2026-04-27 15:50"))
    asked = next(one for one in judged.orders if one.key.rule == "first-contact")
    assert asked.due_at is not None
    assert asked.due_at.astimezone(MOSCOW).strftime("%m-%d %H:%M") == "04-27 16:05"  # 18:05 there: not quiet yet
    client = replace(snapshot.client, zone=ZoneInfo("Asia/Vladivostok"))  # 23:05 there
    judged = assess(b2b(), replace(snapshot, client=client), tale.world.moment("2026-04-27 15:50"))
    asked = next(one for one in judged.orders if one.key.rule == "first-contact")
    assert asked.due_at is not None
    assert asked.due_at.astimezone(MOSCOW).strftime("%m-%d %H:%M") == "04-28 09:00"


def test_a_birthday_inside_a_long_quiet_is_looked_at_again_when_it_lapses() -> None:
    person = {"id": "P", "main": True, "birthday": "5 May"}
    client = {"cycle": "120 days", "quiet_until": "2026-05-20"}
    tale = Story(as_auto(only("birthday-key")), client, deals=[won("D", "2026-04-20 12:00")], contacts=[person])
    held = tale.at("2026-05-05 09:00")
    assert (stands(held, "birthday-key"), local(held.recheck_at)) == ("skipped held", "2026-05-07 09:00")
    assert stands(tale.at("2026-05-07 09:00"), "birthday-key") == "due 2027-05-05 18:00"


def test_a_rhythm_over_its_limit_waits_until_the_oldest_falls_out_of_the_window() -> None:
    often = "every: 5 days after last_touch, at_most: 1 per 30 days, kind: [meeting]"
    tale = story(rule("often", often), deals=[won("D", "2026-04-20 12:00")], touches=[call("c", "2026-04-20 12:30")])
    assert orders(tale.at("2026-04-27 09:00")) == ["ask often @2026-04-20 anna 2026-04-27 18:00"]
    tale.at("2026-04-27 12:00", ticked=[{"rule": "often", "of": "K", "at": "2026-04-27 12:00"}])
    waiting = tale.at("2026-05-04 09:00")
    assert (stands(waiting, "often"), local(waiting.recheck_at)) == ("skipped at-most", "2026-05-27 09:00")
    assert orders(tale.at("2026-05-27 09:00")) == ["ask often @2026-04-27 anna 2026-05-27 18:00"]


def test_time_alone_changes_the_state_and_the_judge_says_when() -> None:
    tale = Story(
        only("planned-touch-a"),
        {"cycle": "10 days"},
        deals=[won("D", "2026-04-06 12:00")],
        touches=[call("c", "2026-04-15 11:00")],
    )
    judged = tale.at("2026-04-16 09:00")
    assert (stands(judged, "planned-touch-a"), local(judged.recheck_at)) == ("due 2026-04-29 18:00", "2026-04-22 00:00")
    assert stands(tale.at("2026-04-22 00:00"), "planned-touch-a") == "skipped state"


def early(name: str) -> dict[str, Any]:
    return deal(name, "2025-01-09 10:00", ("new", "2025-01-09 10:00"), ("won", "2025-01-20 12:00"))


def test_the_score_is_looked_at_again_when_a_field_expires() -> None:
    client = {"segment": "A", "cycle": "120 days", "dossier": {"champion": "Иван", "category_budget": 100}}
    tale = Story(only("thanks"), client, deals=[early("D1"), early("D2")])
    judged = tale.at("2025-08-31 09:00")
    assert local(judged.recheck_at) == "2025-09-01 10:00"  # six months after the client was created
    assert judged.score is not None
    assert judged.score.expired == ()
