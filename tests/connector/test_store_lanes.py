"""Portals, their lease, their limiter, and the pump's question what is undone."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import count

import pytest
from store_rows import NOW, A, B, asked, intent, judged, send, to_create, with_portals

from connector.crm.port import Bell
from connector.store import Store

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def calm(store: Store) -> Store:
    """Both portals reconciled: nothing is undone."""
    with_portals(store)
    for name in (A, B):
        store.reconciled(name, LATER)
    return store


def test_adding_a_portal_again_brings_its_limits_up_to_date_and_keeps_what_was_learnt(store: Store) -> None:
    with_portals(store)
    store.learn_account(A, "member-1")
    store.save_directory(A, "Asia/Omsk", {"users": [{"id": "5", "name": "Иван"}]}, NOW)
    store.add_portal(A, "amocrm", rate=7, burst=2, account="member-2")
    row = store.portal(A)
    assert row is not None
    assert (row.crm, row.account, row.zone) == ("amocrm", "member-1", "Asia/Omsk")
    assert row.directory == {"users": [{"id": "5", "name": "Иван"}]}
    assert [each.name for each in store.portals()] == [A, B]
    assert store.portal("nobody") is None


def test_an_account_once_learnt_is_never_replaced(store: Store) -> None:
    with_portals(store)
    store.learn_account(A, "genuine")
    store.learn_account(A, "another")
    assert [row.account for row in store.portals()] == ["genuine", None]


def test_one_worker_holds_the_lane(store: Store) -> None:
    with_portals(store)
    assert store.take_lease(A, "one", 60)
    assert not store.take_lease(A, "two", 60)
    assert not store.take_lease(A, "one", 60), "a second thread of the same worker"
    assert store.renew_lease(A, "one", 60)
    assert store.take_lease(B, "two", 60)
    assert not store.renew_lease(A, "two", 60)
    store.release_lease(A, "two")
    assert not store.take_lease(A, "two", 60)
    store.release_lease(A, "one")
    assert store.take_lease(A, "two", 60)
    assert not store.renew_lease(A, "one", 60)


def test_a_lease_that_ran_out_goes_to_the_next_one(store: Store) -> None:
    with_portals(store)
    assert store.take_lease(A, "one", 0.01)
    time.sleep(0.02)
    assert store.take_lease(A, "two", 60)
    assert not store.renew_lease(A, "one", 60)


def test_a_worker_that_starts_again_frees_what_its_former_life_held(calm: Store) -> None:
    calm.put_bells(A, [Bell("deal:1", "e")], NOW)
    calm.put_bells(B, [Bell("deal:1", "e")], NOW)
    assert calm.ring_due(NOW, 60) == [A, B]
    assert calm.take_lease(A, "mine", 60)
    assert calm.take_lease(B, "other", 60)
    calm.free_lanes("mine")
    assert calm.ring_due(NOW, 60) == [A]


def test_the_burst_leaves_at_once_and_then_the_rate_with_its_margin_holds(store: Store) -> None:
    store.add_portal(A, "bitrix24", rate=2, burst=5)
    begin = time.time()
    pauses, leaves = [], []
    for _ in range(8):
        pauses.append(store.reserve(A))
        leaves.append(time.time() + pauses[-1])
    assert pauses[:4] == [0, 0, 0, 0]
    for place, pause, leave in zip(count(1), pauses[4:], leaves[4:], strict=False):
        assert pause <= place / 1.9
        assert leave >= begin + place / 1.9


def test_no_second_holds_more_requests_than_the_rate(store: Store) -> None:
    rate, burst = 7, 2
    store.add_portal(A, "amocrm", rate=rate, burst=burst)
    earliest, latest = [], []
    for _ in range(30):
        before = time.time()
        pause = store.reserve(A)
        earliest.append(before + pause)
        latest.append(time.time() + pause)
    for one, seventh_after in zip(earliest, latest[rate:], strict=False):
        assert seventh_after - one >= 1


def test_a_portal_that_said_too_fast_is_left_alone(store: Store) -> None:
    with_portals(store)
    store.push_back(A, 30)
    first, second = store.reserve(A), store.reserve(A)
    assert 29 < first <= 30.0
    assert second > first + 0.4
    store.push_back(A, 1)
    assert store.reserve(A) > second
    assert store.reserve(B) == 0


def test_an_unknown_portal_has_no_limiter(store: Store) -> None:
    with pytest.raises(KeyError):
        store.reserve("nobody")


def test_a_new_portal_is_rung_for_its_first_load_but_not_twice(store: Store) -> None:
    with_portals(store)
    assert not store.idle(NOW)
    assert store.ring_due(NOW, 60) == [A, B]
    assert store.ring_due(NOW, 60) == []


def test_a_call_that_got_lost_is_repeated(store: Store) -> None:
    with_portals(store)
    assert store.ring_due(NOW, 0.01) == [A, B]
    time.sleep(0.02)
    assert store.ring_due(NOW, 60) == [A, B]


def test_nobody_is_rung_for_nothing(calm: Store) -> None:
    assert calm.ring_due(NOW, 60) == []
    assert calm.idle(NOW)


def test_each_kind_of_undone_work_rings(calm: Store) -> None:
    def rings() -> bool:
        calm.free_lanes("nobody")
        rung = calm.ring_due(NOW, 60)
        assert calm.idle(NOW) is (rung == [])
        return rung == [A]

    calm.put_bells(A, [Bell("deal:1", "e")], NOW)
    assert rings()
    calm.clear_bells(A, calm.bells(A, 9))
    assert not rings()

    calm.mark_clients(A, ["company:1"])
    assert rings()
    (client,) = calm.clients_to_judge(A, NOW, 9)
    calm.record(A, [judged(client=client, recheck_at=NOW)], NOW)
    assert rings(), "its time has come"
    calm.record(A, [judged(client=client, recheck_at=LATER)], NOW)
    assert not rings()

    to_create(calm, "one")
    assert rings()
    send(calm, "call/company:1/one#ask", quarantine=60)
    calm.release_lease(A, "w")
    assert not rings(), "in quarantine"


def test_work_that_waits_for_a_task_does_not_keep_anybody_awake(calm: Store) -> None:
    entry = asked(occurrence="one")
    calm.record(A, [judged(entry, intents=(intent(entry), intent(entry, "move_task", "move")))], NOW)
    send(calm, "call/company:1/one#ask")
    calm.release_lease(A, "w")
    assert calm.idle(NOW)


def test_a_held_lane_is_not_rung_and_whoever_leaves_it_lets_it_ring(calm: Store) -> None:
    calm.put_bells(A, [Bell("deal:1", "e")], NOW)
    assert calm.ring_due(NOW, 60) == [A]
    assert calm.take_lease(A, "w", 60)
    assert calm.ring_due(NOW, 60) == []
    assert not calm.idle(NOW)
    calm.release_lease(A, "w")
    assert calm.ring_due(NOW, 60) == [A]


def test_a_parked_portal_rests_says_why_and_still_takes_bells(calm: Store) -> None:
    calm.park(A, "token revoked")
    calm.put_bells(A, [Bell("deal:1", "e")], NOW)
    assert calm.ring_due(NOW, 60) == []
    assert calm.idle(NOW)
    assert not calm.take_lease(A, "w", 60)
    row = calm.portal(A)
    assert row is not None
    assert row.problem == "token revoked"
    calm.park(A, None)
    assert calm.ring_due(NOW, 60) == [A]
    assert calm.portals()[0].problem is None


def test_parking_ends_by_itself_and_the_reason_stays_in_sight(calm: Store) -> None:
    calm.put_bells(A, [Bell("deal:1", "e")], NOW)
    calm.park(A, "ban", 0.01)
    time.sleep(0.02)
    assert calm.ring_due(NOW, 60) == [A]
    assert calm.portals()[0].problem == "ban"


def test_reconciliation_comes_round(calm: Store) -> None:
    assert not calm.reconcile_due(A, NOW)
    assert calm.reconcile_due(A, LATER)
    assert calm.reconcile_due(A, LATER), "begun, not done: a crash must not lose it"
    calm.reconciled(A, LATER + timedelta(minutes=5))
    assert not calm.reconcile_due(A, LATER)
    assert not calm.reconcile_due(B, NOW)


def test_an_earlier_wish_wins_over_a_later_one(calm: Store) -> None:
    calm.set_reconcile_due(A, NOW + timedelta(minutes=1))
    calm.set_reconcile_due(A, NOW + timedelta(minutes=3))
    assert not calm.reconcile_due(A, NOW)
    assert calm.reconcile_due(A, NOW + timedelta(minutes=1))
    assert calm.reconcile_due(A, NOW + timedelta(minutes=1)), "begun, not done: a crash must not lose the wish"
    calm.reconciled(A, LATER)
    assert not calm.reconcile_due(A, NOW + timedelta(minutes=3))


def test_a_wish_during_a_reconciliation_is_one_more(calm: Store) -> None:
    assert calm.reconcile_due(A, LATER)
    calm.count_unreadable(A, LATER)
    calm.reconciled(A, LATER + timedelta(minutes=5))
    assert calm.reconcile_due(A, LATER)
    calm.reconciled(A, LATER + timedelta(minutes=5))
    assert not calm.reconcile_due(A, LATER)
