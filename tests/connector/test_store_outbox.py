"""The outbox: order, fencing, quarantine, and what every outcome leads to."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_rows import NOW, A, B, asked, counted, due, intent, judged, send, to_create, with_portals

from connector.crm.port import Outcome
from connector.store import Store
from rules.ledger import Key


@pytest.fixture(autouse=True)
def _portals(store: Store) -> None:
    with_portals(store)


def settle(store: Store, key: str, status: str, **more: object) -> None:
    store.settle_effects(A, [Outcome(key=key, status=status, **more)], NOW)  # type: ignore[arg-type]  # a table of words


def test_effects_leave_in_the_order_they_were_recorded(store: Store) -> None:
    keys = to_create(store, "z", "a", "m") + to_create(store, "b")
    assert due(store) == keys
    assert [row.effect.key for row in store.due_effects(A, 2)] == keys[:2]
    assert due(store, B) == []


def test_of_one_occurrence_only_the_first_unsettled_leaves(store: Store) -> None:
    row = asked()
    create, move, tell = intent(row), intent(row, "move_task", "move"), intent(row, "tell", "tell:1")
    store.record(A, [judged(row, intents=(create, move, tell))], NOW)
    assert due(store) == [create.effect.key]
    send(store, create.effect.key)
    assert due(store) == []
    settle(store, create.effect.key, "done", remote_id="8123")
    assert [each.effect.task for each in store.due_effects(A, 9)] == ["8123"]
    assert due(store) == [move.effect.key]
    send(store, move.effect.key)
    settle(store, move.effect.key, "done")
    assert due(store) == [tell.effect.key]


def test_a_created_task_is_in_the_ledger(store: Store) -> None:
    (key,) = to_create(store, "one")
    to_create(store, "one", portal=B)
    send(store, key)
    settle(store, key, "done", remote_id="8123")
    assert [row.task_id for row in store.ledger(A)] == ["8123"]
    assert [row.task_id for row in store.ledger(B)] == [None]


def test_a_line_waits_for_the_task_it_is_added_to(store: Store) -> None:
    host = asked(occurrence="host")
    line = asked("thanks", joined=host.key)
    add = intent(line, "add_line", "join")
    store.record(A, [judged(host, line, intents=(add, intent(host)))], NOW)
    assert due(store) == [f"{host.key}#ask"]
    send(store, f"{host.key}#ask")
    settle(store, f"{host.key}#ask", "done", remote_id="8123")
    assert [(each.effect.key, each.effect.task) for each in store.due_effects(A, 9)] == [(add.effect.key, "8123")]
    assert {row.task_id for row in store.ledger(A)} == {"8123"}


def test_a_line_of_a_task_that_is_there_already_leaves_at_once(store: Store) -> None:
    (key,) = to_create(store, "host")
    send(store, key)
    settle(store, key, "done", remote_id="8123")
    line = asked("thanks", joined=Key("call", "company:1", "host"))
    store.record(A, [judged(line, intents=(intent(line, "add_line", "join"),))], NOW)
    assert [each.effect.task for each in store.due_effects(A, 9)] == ["8123"]


def test_the_ledgers_task_counts_not_the_one_of_the_order(store: Store) -> None:
    row = asked(task_id="8123")
    store.record(A, [judged(row, intents=(intent(row, "move_task", "move", task="1"),))], NOW)
    assert [each.effect.task for each in store.due_effects(A, 9)] == ["8123"]


def test_nothing_starts_without_the_lane(store: Store) -> None:
    (key,) = to_create(store, "one")
    assert not store.start_effects(A, "w", [key], 60, 60)
    assert store.take_lease(A, "other", 60)
    assert not store.start_effects(A, "w", [key], 60, 60)
    assert due(store) == [key]
    assert [row.tries for row in store.due_effects(A, 9)] == [0]


def test_starting_renews_the_lease(store: Store) -> None:
    (key,) = to_create(store, "one")
    assert store.take_lease(A, "w", 0.05)
    assert store.start_effects(A, "w", [key], 60, 60)
    time.sleep(0.06)
    assert not store.take_lease(A, "other", 60)


def test_what_is_being_sent_is_not_offered_or_started_again(store: Store) -> None:
    one, two = to_create(store, "one", "two")
    send(store, one)
    assert due(store) == [two]
    assert not store.start_effects(A, "w", [two, one], 60, 60)
    assert due(store) == [two], "all or none"
    assert counted(store) == {"effects_open": 1, "effects_doubtful": 1}


def test_what_was_dropped_meanwhile_does_not_start(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key)
    settle(store, key, "done", remote_id="1")
    assert not store.start_effects(A, "w", [key], 60, 60)
    assert not store.start_effects(A, "w", ["never/recorded/x#ask"], 60, 60)


def test_an_unknown_outcome_waits_out_its_quarantine_and_comes_back_doubtful(store: Store) -> None:
    (key,) = to_create(store, "one")
    before = datetime.now(UTC)
    send(store, key, quarantine=60)
    settle(store, key, "unknown", code="timeout")
    assert due(store) == []
    assert store.idle(NOW) is False, "the portals were never reconciled"
    (other,) = to_create(store, "two")
    send(store, other, quarantine=0)
    settle(store, other, "unknown")
    (row,) = store.due_effects(A, 9)
    assert (row.effect.key, row.doubtful, row.tries) == (other, True, 1)
    assert row.first_try is not None
    assert before - timedelta(seconds=1) < row.first_try < datetime.now(UTC) + timedelta(seconds=1)


def test_the_first_try_stays_the_first(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key, quarantine=0)
    first = store.due_effects(A, 9)[0].first_try
    time.sleep(0.01)
    send(store, key, quarantine=0)
    (row,) = store.due_effects(A, 9)
    assert (row.first_try, row.tries) == (first, 2)


def test_surely_not_applied_is_free_again_after_its_wait(store: Store) -> None:
    one, two = to_create(store, "one", "two")
    send(store, one, two)
    settle(store, one, "later", wait=0.0)
    settle(store, two, "later", wait=60.0)
    (row,) = store.due_effects(A, 9)
    assert (row.effect.key, row.doubtful) == (one, False)


def test_a_refused_effect_is_dead_and_shown_with_its_reason(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key)
    settle(store, key, "refused", code="ERR_RESPONSIBLE", text="Пользователь уволен")
    assert due(store) == []
    assert counted(store) == {"effects_dead": 1}
    (dead,) = store.dead_effects(A, 9)
    assert (dead.effect.key, dead.code, dead.text, dead.died_at) == (key, "ERR_RESPONSIBLE", "Пользователь уволен", NOW)
    assert store.dead_effects(B, 9) == []


def test_what_needs_a_refused_task_dies_with_it_and_a_message_does_not(store: Store) -> None:
    row, line = asked(), asked("thanks", joined=Key("call", "company:1", "created"))
    create, move, tell = intent(row), intent(row, "move_task", "move"), intent(row, "tell", "tell:1")
    add = intent(line, "add_line", "join")
    store.record(A, [judged(row, line, intents=(create, move, tell, add))], NOW)
    send(store, create.effect.key)
    settle(store, create.effect.key, "refused", code="NO")
    assert {(dead.effect.key, dead.code) for dead in store.dead_effects(A, 9)} == {
        (create.effect.key, "NO"),
        (move.effect.key, "no-task"),
        (add.effect.key, "no-task"),
    }
    assert due(store) == [tell.effect.key]


def test_an_order_about_a_task_that_was_refused_long_ago_is_dead_at_once(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key)
    settle(store, key, "refused")
    row = asked(occurrence="one")
    store.record(A, [judged(row, intents=(intent(row, "close_task", "close"),))], NOW)
    assert counted(store) == {"effects_dead": 2}


def test_a_refused_move_leaves_the_close_alive(store: Store) -> None:
    row = asked(task_id="8123")
    store.record(A, [judged(row, intents=(intent(row, "move_task", "move"), intent(row, "close_task", "close")))], NOW)
    send(store, f"{row.key}#move")
    settle(store, f"{row.key}#move", "refused")
    assert due(store) == [f"{row.key}#close"]


def test_what_is_settled_stays_settled(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key)
    settle(store, key, "done", remote_id="8123")
    settle(store, key, "refused")
    settle(store, key, "later")
    settle(store, "never/recorded/x#ask", "done", remote_id="1")
    assert counted(store) == {}
    assert [row.task_id for row in store.ledger(A)] == ["8123"]


def test_what_was_found_in_the_crm_is_adopted(store: Store) -> None:
    one, two = to_create(store, "one", "two")
    send(store, one, two, quarantine=0)
    store.adopt_effects(A, {one: "8123"}, NOW)
    assert due(store) == [two]
    assert {row.key.occurrence: row.task_id for row in store.ledger(A)} == {"one": "8123", "two": None}


def test_outcomes_of_one_portal_do_not_settle_another_ones(store: Store) -> None:
    (key,) = to_create(store, "one")
    to_create(store, "one", portal=B)
    send(store, key)
    store.settle_effects(B, [Outcome(key=key, status="refused")], NOW)
    settle(store, key, "done", remote_id="1")
    assert counted(store, B) == {"effects_dead": 1}
    assert counted(store, A) == {}


def test_a_task_made_anew_after_a_reopening_is_the_one_that_counts(store: Store) -> None:
    (key,) = to_create(store, "one")
    send(store, key)
    settle(store, key, "done", remote_id="1")
    row = asked(occurrence="one")
    store.record(A, [judged(replace(row, reopened=1), intents=(intent(row, "create_task", "ask:1"),))], NOW)
    send(store, f"{row.key}#ask:1")
    settle(store, f"{row.key}#ask:1", "done", remote_id="2")
    assert [each.task_id for each in store.ledger(A)] == ["2"]
