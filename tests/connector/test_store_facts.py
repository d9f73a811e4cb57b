"""Bells, facts, cursors and the list of clients to judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from store_rows import NOW, A, B, asked, counted, fact, judged, with_portals

from connector.crm.port import Bell, Page
from connector.store import Store


@pytest.fixture(autouse=True)
def _portals(store: Store) -> None:
    with_portals(store)


def test_bells_are_a_set_of_subjects_the_oldest_first(store: Store) -> None:
    store.put_bells(A, [Bell("deal:7", "oncrmdealupdate")], NOW)
    store.put_bells(A, [Bell("deal:8", "e"), Bell("deal:7", "e"), Bell("deal:8", "e")], NOW + timedelta(seconds=1))
    store.put_bells(B, [Bell("deal:9", "e")], NOW)
    assert [bell.ref for bell in store.bells(A, 10)] == ["deal:7", "deal:8"]
    assert [bell.ref for bell in store.bells(A, 1)] == ["deal:7"]
    assert counted(store) == {"bells": 2}


def test_a_bell_that_rings_while_it_is_answered_is_not_cleared(store: Store) -> None:
    store.put_bells(A, [Bell("deal:7", "e"), Bell("deal:8", "e")], NOW)
    read = store.bells(A, 10)
    store.put_bells(A, [Bell("deal:7", "e")], NOW)
    store.clear_bells(A, read)
    assert [bell.ref for bell in store.bells(A, 10)] == ["deal:7"]
    store.clear_bells(A, store.bells(A, 10))
    assert store.bells(A, 10) == []


def test_a_late_clear_does_not_take_a_bell_that_was_made_anew(store: Store) -> None:
    store.put_bells(A, [Bell("deal:7", "e")], NOW)
    read = store.bells(A, 10)
    store.clear_bells(A, read)
    store.put_bells(A, [Bell("deal:7", "e")], NOW)
    store.clear_bells(A, read)
    assert [bell.ref for bell in store.bells(A, 10)] == ["deal:7"]


def test_clearing_touches_one_portal_only(store: Store) -> None:
    for name in (A, B):
        store.put_bells(name, [Bell("deal:7", "e")], NOW)
    store.clear_bells(A, store.bells(B, 10))
    store.clear_bells(B, store.bells(B, 10))
    assert (len(store.bells(A, 10)), len(store.bells(B, 10))) == (1, 0)


def test_a_bell_of_unknown_shape_only_makes_a_reconciliation_due_at_once(store: Store) -> None:
    for name in (A, B):
        store.reconciled(name, NOW + timedelta(days=1))
    store.put_bells(A, [Bell(None, "odd")], NOW)
    assert store.bells(A, 10) == []
    assert store.reconcile_due(A, NOW)
    assert not store.reconcile_due(B, NOW)


def test_an_unreadable_hook_is_counted_and_makes_a_reconciliation_due_whatever_the_business_time(store: Store) -> None:
    store.reconciled(A, NOW + timedelta(days=1))
    store.count_unreadable(A, NOW + timedelta(days=400))
    assert store.reconcile_due(A, NOW)
    assert counted(store) == {"unreadable_hooks": 1}


def test_a_fact_comes_back_as_it_was_told(store: Store) -> None:
    deal = fact("deal", "7", "company:1", "contact:2", title="Окна «Люкс»", amount="120000.50", contacts=["contact:2"])
    assert store.save_page(A, Page(facts=(deal,)), NOW) == ["deal:7"]
    assert store.facts(A, ["deal:7", "deal:8"]) == [deal]
    assert store.facts(B, ["deal:7"]) == []


def test_only_what_really_changed_is_reported(store: Store) -> None:
    one, two = fact("deal", "1", "company:1", title="a"), fact("deal", "2", title="b")
    store.save_page(A, Page(facts=(one, two)), NOW)
    touched = replace(one, changed=NOW + timedelta(hours=1))
    assert store.save_page(A, Page(facts=(touched, two)), NOW) == []
    assert store.save_page(A, Page(facts=(replace(one, body={"title": "c"}), two)), NOW) == ["deal:1"]
    assert store.save_page(A, Page(facts=(replace(two, links=("company:1",)),)), NOW) == ["deal:2"]
    assert store.save_page(A, Page(facts=(replace(two, links=("company:1",), gone=True),)), NOW) == ["deal:2"]
    assert [each.gone for each in store.facts(A, ["deal:2"])] == [True]


def test_of_a_record_named_twice_on_a_page_the_later_reading_stands(store: Store) -> None:
    page = Page(facts=(fact("deal", "1", "company:1", title="old"), fact("deal", "1", "company:1", title="new")))
    assert store.save_page(A, page, NOW) == ["deal:1"]
    assert [each.body["title"] for each in store.facts(A, ["deal:1"])] == ["new"]


def test_facts_are_found_by_the_cards_they_belong_to(store: Store) -> None:
    call = fact("signal", "1", "company:1", "deal:7")
    deal = fact("deal", "7", "company:1")
    other = fact("deal", "8", "company:2")
    store.save_page(A, Page(facts=(call, deal, other)), NOW)
    store.save_page(B, Page(facts=(fact("deal", "9", "company:1"),)), NOW)
    assert store.linked(A, ["company:1"], ["deal"]) == [deal]
    assert {each.ref for each in store.linked(A, ["company:1", "deal:7"], ["deal", "signal"])} == {"deal:7", "signal:1"}
    assert store.linked(A, [], ["deal"]) == []
    store.save_page(B, Page(facts=(fact("deal", "7", "company:5"),)), NOW)
    assert store.linked(A, ["company:1"], ["deal"]) == [deal], "a deal of the same number elsewhere"


def test_a_record_that_moved_is_found_at_its_new_card_only(store: Store) -> None:
    deal = fact("deal", "7", "company:1")
    store.save_page(A, Page(facts=(deal,)), NOW)
    moved = replace(deal, links=("company:2",))
    store.save_page(A, Page(facts=(moved,)), NOW)
    assert store.linked(A, ["company:1"], ["deal"]) == []
    assert store.linked(A, ["company:2"], ["deal"]) == [moved]


def test_many_more_refs_than_one_statement_takes(store: Store) -> None:
    facts = tuple(fact("deal", str(number), "company:1") for number in range(1300))
    assert len(store.save_page(A, Page(facts=facts), NOW)) == 1300
    assert len(store.facts(A, [each.ref for each in facts])) == 1300
    assert len(store.linked(A, [*(each.ref for each in facts), "company:1"], ["deal"])) == 1300


def test_cursors_move_with_the_page_and_forgetting_them_is_the_full_load(store: Store) -> None:
    assert store.cursors(A) == {}
    store.save_page(A, Page(facts=(), cursors={"deals": "1", "calls": "5"}), NOW)
    store.save_page(A, Page(facts=(), cursors={"deals": "2"}), NOW)
    store.save_page(B, Page(facts=(), cursors={"deals": "9"}), NOW)
    assert store.cursors(A) == {"deals": "2", "calls": "5"}
    store.forget_cursors(A)
    assert store.cursors(A) == {}
    assert store.cursors(B) == {"deals": "9"}


def test_a_page_is_stored_whole_or_not_at_all(store: Store) -> None:
    naive = replace(fact("deal", "2"), changed=NOW.replace(tzinfo=None))
    with pytest.raises(Exception, match="zone"):
        store.save_page(A, Page(facts=(fact("deal", "1"), naive), cursors={"deals": "1"}), NOW)
    broken = {"deals": None}
    with pytest.raises(Exception, match=r"(?i)null"):
        store.save_page(A, Page(facts=(fact("deal", "1", "company:1"),), cursors=broken), NOW)  # type: ignore[arg-type]  # breaks the last statement on purpose
    assert store.facts(A, ["deal:1"]) == []
    assert store.linked(A, ["company:1"], ["deal"]) == []
    assert store.cursors(A) == {}


def test_marked_clients_are_judged_in_the_order_of_marking(store: Store) -> None:
    store.mark_clients(A, ["company:2"])
    store.mark_clients(A, ["company:1", "company:1"])
    store.mark_clients(A, [])
    assert [row.ref for row in store.clients_to_judge(A, NOW, 9)] == ["company:2", "company:1"]
    assert [row.ref for row in store.clients_to_judge(A, NOW, 1)] == ["company:2"]
    assert store.clients_to_judge(B, NOW, 9) == []
    assert counted(store) == {"clients_to_judge": 2}


def test_a_client_marked_while_it_is_judged_stays_on_the_list(store: Store) -> None:
    store.mark_clients(A, ["company:1", "company:2"])
    first, second = store.clients_to_judge(A, NOW, 9)
    store.mark_clients(A, [first.ref])
    store.record(A, [judged(client=first), judged(client=second)], NOW)
    assert [row.ref for row in store.clients_to_judge(A, NOW, 9)] == [first.ref]


def test_time_alone_brings_a_client_back(store: Store) -> None:
    store.mark_clients(A, ["company:1", "company:2"])
    one, two = store.clients_to_judge(A, NOW, 9)
    tomorrow = NOW + timedelta(days=1)
    store.record(A, [judged(client=one, recheck_at=tomorrow), judged(client=two)], NOW)
    assert store.clients_to_judge(A, tomorrow - timedelta(seconds=1), 9) == []
    assert [row.ref for row in store.clients_to_judge(A, tomorrow, 9)] == ["company:1"]
    store.mark_clients(A, ["company:1"])
    assert len(store.clients_to_judge(A, tomorrow, 9)) == 1, "due for both reasons, and named once"


def test_a_new_regulation_puts_every_client_of_its_portal_on_the_list(store: Store) -> None:
    for name in (A, B):
        store.mark_clients(name, ["company:1", "company:2"])
        store.record(name, [judged(client=row) for row in store.clients_to_judge(name, NOW, 9)], NOW)
    store.mark_all_clients(A)
    assert len(store.clients_to_judge(A, NOW, 9)) == 2
    store.record(A, [judged(client=row) for row in store.clients_to_judge(A, NOW, 9)], NOW)
    assert store.put_in_force(A, "d1", "text", ["call"], NOW)
    assert len(store.clients_to_judge(A, NOW, 9)) == 2
    assert store.clients_to_judge(B, NOW, 9) == []
    assert store.clients(B) == ["company:1", "company:2"]


def test_equal_ids_in_two_portals_are_two_records(store: Store) -> None:
    store.save_page(A, Page(facts=(fact("deal", "1", title="a"),)), NOW)
    store.save_page(B, Page(facts=(fact("deal", "1", title="b"),)), NOW)
    store.record(A, [judged(asked())], NOW)
    assert [each.body["title"] for each in store.facts(A, ["deal:1"])] == ["a"]
    assert store.ledger(B) == []


def test_what_is_present_leaves_out_the_gone_and_closed_tasks(store: Store) -> None:
    facts = (
        fact("deal", "1"),
        fact("deal", "2", gone=True),
        fact("company", "3"),
        fact("task", "4", open=True),
        fact("task", "5", open=False),
        fact("task", "6", open=True, gone=True),
    )
    store.save_page(A, Page(facts=facts), NOW)
    store.save_page(B, Page(facts=(fact("deal", "9"),)), NOW)
    assert store.present(A, "deal") == {"deal:1"}
    assert store.present(A, "task") == {"task:4"}
    assert store.present(A, "contact") == set()
