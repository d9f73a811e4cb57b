"""What judging leaves behind: the ledger, verdicts, scores; the regulation in force and the audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from store_rows import NOW, A, B, asked, counted, due, intent, judged, score, send, with_portals

from connector.crm.port import Effect, Outcome
from connector.errors import LeaseLost
from connector.store import Store
from rules.ledger import Key, State, Step


@pytest.fixture(autouse=True)
def _portals(store: Store) -> None:
    with_portals(store)


def settle(store: Store, key: str, status: str, **more: object) -> None:
    store.settle_effects(A, [Outcome(key=key, status=status, **more)], NOW)  # type: ignore[arg-type]  # a table of words


def test_a_ledger_row_comes_back_as_it_was_written(store: Store) -> None:
    full = asked(
        occurrence="offer@2026-03-02T08:00Z/2",
        state=State.WITHDRAWN,
        notice_days=3,
        steps=(Step(to="head", at=NOW, told_at=NOW + timedelta(hours=1)), Step(to="director", at=NOW)),
        lapse_at=NOW + timedelta(days=9, microseconds=1),
        mode="propose",
        task_id="8123",
        joined=Key("other", "company:1", "@2026-03-02"),
        edited=True,
        later=2,
        later_until=date(2026, 3, 5),
        reminded_at=NOW,
        gaps=("inn", "сайт"),
        settled_at=NOW,
        proof=("17", "18"),
        reason="цена",
        withdrawn_at=NOW,
        reopened=1,
    )
    plain = asked(occurrence="created")
    store.record(A, [judged(full, plain)], NOW)
    assert store.asked(A, ["company:1", "company:2"]) == {"company:1": [plain, full]}
    assert store.ledger(A) == [plain, full]
    assert store.asked(B, ["company:1"]) == {}


def test_a_row_is_replaced_by_its_identity(store: Store) -> None:
    row = asked()
    store.record(A, [judged(row)], NOW)
    done = replace(row, state=State.DONE, settled_at=NOW, proof=("17",))
    store.record(A, [judged(done)], NOW)
    assert store.ledger(A) == [done]


def test_a_created_task_is_not_forgotten_by_a_row_judged_before(store: Store) -> None:
    row = asked()
    store.record(A, [judged(row, intents=(intent(row),))], NOW)
    send(store, f"{row.key}#ask")
    settle(store, f"{row.key}#ask", "done", remote_id="8123")
    store.record(A, [judged(replace(row, later=1))], NOW)
    assert store.ledger(A) == [replace(row, later=1, task_id="8123")]


def test_the_last_verdicts_are_kept_for_explaining(store: Store) -> None:
    assert store.verdicts(A, "company:1") == []
    store.record(A, [judged(verdicts=({"rule": "call", "because": "held"},))], NOW)
    store.record(A, [judged(verdicts=({"rule": "call", "because": "state", "seen": "сделка"},))], NOW)
    assert store.verdicts(A, "company:1") == [{"rule": "call", "because": "state", "seen": "сделка"}]
    assert store.verdicts(B, "company:1") == []


def test_asks_are_counted_by_manager_and_by_the_portals_own_day(store: Store) -> None:
    store.save_directory(A, "Asia/Vladivostok", {}, NOW)  # UTC+10
    evening = datetime(2026, 3, 2, 13, 59, tzinfo=UTC)  # 23:59 there
    store.record(
        A,
        [
            judged(
                asked(occurrence="1", asked_at=evening),
                asked(occurrence="2", asked_at=evening + timedelta(minutes=1)),
                asked(occurrence="3", asked_at=evening + timedelta(minutes=2)),
                asked(occurrence="4", asked_at=evening, assignee="6"),
                asked(occurrence="5", asked_at=evening, assignee=None),
                asked(occurrence="6", asked_at=evening - timedelta(days=1)),
            )
        ],
        NOW,
    )
    second, third = date(2026, 3, 2), date(2026, 3, 3)
    assert store.asks_per_day(A, second) == {("5", second): 1, ("5", third): 2, ("6", second): 1}
    assert store.asks_per_day(A, third) == {("5", third): 2}
    assert store.asks_per_day(B, second) == {}


def test_a_zone_nobody_knows_counts_as_utc(store: Store) -> None:
    store.save_directory(A, "Mars/Olympus", {}, NOW)
    store.record(A, [judged(asked())], NOW)
    assert store.asks_per_day(A, NOW.date()) == {("5", NOW.date()): 1}


def test_an_intent_whose_key_exists_stays_as_it_is(store: Store) -> None:
    row = asked()
    store.record(A, [judged(row, intents=(intent(row, title="first"),))], NOW)
    store.record(A, [judged(row, intents=(intent(row, title="second"),))], NOW)
    assert [each.effect.title for each in store.due_effects(A, 9)] == ["first"]
    send(store, f"{row.key}#ask")
    settle(store, f"{row.key}#ask", "done", remote_id="1")
    store.record(A, [judged(row, intents=(intent(row, title="third"),))], NOW)
    assert due(store) == []


def test_judging_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.mark_clients(A, ["company:1"])
    (client,) = store.clients_to_judge(A, NOW, 9)
    row = asked()
    broken = judged(row, intents=(intent(row),), client=client, recheck_at=NOW.replace(tzinfo=None))
    with pytest.raises(Exception, match="zone"):
        store.record(A, [broken], NOW)
    assert store.ledger(A) == []
    assert due(store) == []
    assert store.clients_to_judge(A, NOW, 9) == [client]


def test_who_lost_the_lane_records_nothing(store: Store) -> None:
    assert store.take_lease(A, "two", 60)
    with pytest.raises(LeaseLost):
        store.record(A, [judged(asked())], NOW, worker="one")
    assert store.ledger(A) == []
    store.record(A, [judged(asked())], NOW, worker="two")
    assert len(store.ledger(A)) == 1


def test_a_score_is_written_once_per_distinct_content(store: Store) -> None:
    store.record(A, [judged(score=score("one", fill=30))], NOW)
    store.record(A, [judged(score=score("one", fill=30))], NOW)
    (row,) = store.due_effects(A, 9)
    assert (row.effect.verb, row.effect.card, row.occurrence) == ("write_fields", "company:1", "score:company:1")
    assert row.effect.fields == {"FILL": 30, "SCORE": 23, "GAPS": "ИНН"}
    send(store, row.effect.key)
    settle(store, row.effect.key, "done")
    store.record(A, [judged(score=score("one", fill=30))], NOW)
    store.record(A, [judged(score=None)], NOW)
    assert due(store) == []
    store.record(A, [judged(score=score("two", fill=32))], NOW)
    assert [each.effect.fields["FILL"] for each in store.due_effects(A, 9)] == [32]


def test_an_unsent_older_score_is_dropped(store: Store) -> None:
    store.record(A, [judged(score=score("one", fill=30))], NOW)
    store.record(A, [judged(score=score("two", fill=32))], NOW)
    assert [each.effect.fields["FILL"] for each in store.due_effects(A, 9)] == [32]
    assert counted(store)["effects_open"] == 1


def test_a_dossier_that_comes_back_to_what_the_card_says_needs_no_write(store: Store) -> None:
    store.record(A, [judged(score=score("one"))], NOW)
    (first,) = due(store)
    send(store, first)
    settle(store, first, "done")
    store.record(A, [judged(score=score("two"))], NOW)
    store.record(A, [judged(score=score("one"))], NOW)
    assert due(store) == []


def test_a_dossier_that_comes_back_after_the_card_was_written_is_written_again(store: Store) -> None:
    keys = []
    for digest in ("one", "two", "one"):
        store.record(A, [judged(score=score(digest))], NOW)
        keys += due(store)
        send(store, keys[-1])
        settle(store, keys[-1], "done")
    assert len(set(keys)) == 3


def test_a_score_whose_write_was_perhaps_applied_is_followed_by_the_newer_one(store: Store) -> None:
    store.record(A, [judged(score=score("one"))], NOW)
    (first,) = due(store)
    send(store, first)
    settle(store, first, "done")
    store.record(A, [judged(score=score("two"))], NOW)
    (second,) = due(store)
    send(store, second, quarantine=0)
    settle(store, second, "unknown")
    send(store, second, quarantine=0)
    settle(store, second, "later")
    store.record(A, [judged(score=score("one"))], NOW)
    (third,) = due(store)
    assert third not in {first, second}


def test_a_score_in_the_air_is_settled_before_the_newer_one_leaves(store: Store) -> None:
    store.record(A, [judged(score=score("one"))], NOW)
    (first,) = due(store)
    send(store, first)
    store.record(A, [judged(score=score("two"))], NOW)
    assert due(store) == []
    settle(store, first, "done")
    (second,) = due(store)
    assert second != first


def test_a_refused_score_is_tried_again_with_the_next_content_only(store: Store) -> None:
    store.record(A, [judged(score=score("one"))], NOW)
    (first,) = due(store)
    send(store, first)
    settle(store, first, "refused", code="NO_FIELD")
    store.record(A, [judged(score=score("one"))], NOW)
    assert due(store) == []
    store.record(A, [judged(score=score("two"))], NOW)
    assert len(due(store)) == 1


def test_a_deal_without_a_client_has_no_card_for_a_score(store: Store) -> None:
    store.mark_clients(A, ["deal:7"])
    (client,) = store.clients_to_judge(A, NOW, 9)
    store.record(A, [judged(client=client, score=score("one"))], NOW)
    assert due(store) == []


def test_scores_of_one_portal_do_not_answer_for_another(store: Store) -> None:
    for name in (A, B):
        store.record(name, [judged(score=score("one"))], NOW)
    assert len(due(store, A)) == len(due(store, B)) == 1


def test_a_regulation_comes_into_force_once(store: Store) -> None:
    assert store.regulation_text(A) is None
    assert store.put_in_force(A, "d1", "rules: []", ["call", "thanks"], NOW, dossier_text="fields: []")
    assert not store.put_in_force(A, "d1", "rules: []", ["call", "thanks"], NOW, dossier_text="fields: []")
    assert store.regulation_text(A) == ("rules: []", "fields: []")
    assert [row.regulation for row in store.portals()] == ["d1", None]


def test_another_dossier_under_the_same_regulation_is_a_change(store: Store) -> None:
    store.put_in_force(A, "d1", "text", ["call"], NOW, dossier_text="one")
    assert store.put_in_force(A, "d1", "text", ["call"], NOW, dossier_text="two")
    assert store.regulation_text(A) == ("text", "two")


def test_an_earlier_regulation_may_come_back(store: Store) -> None:
    for digest in ("d1", "d2", "d1"):
        assert store.put_in_force(A, digest, f"text {digest}", ["call"], NOW)
    assert store.regulation_text(A) == ("text d1", "")


def test_a_rule_keeps_the_day_it_came_into_force(store: Store) -> None:
    later = NOW + timedelta(days=30)
    store.put_in_force(A, "d1", "", ["call", "thanks"], NOW)
    store.put_in_force(B, "d1", "", ["call"], later)
    store.put_in_force(A, "d2", "", ["call", "visit"], later)
    assert store.rules_since(A) == {"call": NOW, "visit": later}
    store.put_in_force(A, "d3", "", ["call", "thanks"], later)
    assert store.rules_since(A) == {"call": NOW, "thanks": later}
    assert store.rules_since(B) == {"call": later}


def test_the_audit_tells_the_newest_first(store: Store) -> None:
    for number in range(3):
        store.note(A, "regulation", f"d{number}", {"кто": "admin"}, NOW)
    store.note(B, "other", "x", {}, NOW)
    assert [line.about for line in store.audit(A, 2)] == ["d2", "d1"]
    assert store.audit(A, 1)[0].details == {"кто": "admin"}


def test_an_effect_comes_back_from_the_outbox_as_it_was_meant(store: Store) -> None:
    row = asked()
    effect = Effect(
        verb="create_task",
        key=f"{row.key}#ask",
        marker="kasanie:0123456789ab",
        title="Позвонить",
        text="Узнать срок",
        assignee="5",
        due=NOW + timedelta(days=2),
        bind=("deal:7", "company:1"),
        watchers=("6",),
    )
    store.record(A, [judged(row, intents=(replace(intent(row), effect=effect),))], NOW)
    (back,) = store.due_effects(A, 9)
    assert back.effect == effect
    assert (back.occurrence, back.tries, back.doubtful, back.first_try) == (str(row.key), 0, False, None)
    assert back.recorded_at == NOW
