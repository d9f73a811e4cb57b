"""Purchases of buyers are won deals where the portal's map says so, and nothing is asked about them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.crm.facts import PURCHASE_STAGE
from connector.crm.port import Wanted
from connector.loader import load
from connector.portal_map import read_portal_file
from connector.snapshot import load_snapshots, make_reader
from connector.store import Store
from crm.amocrm.emulated import emulated
from crm.amocrm.shelf import NOW, OLD, Shelf, event, firm, open_crm, pull
from crm.canned import CannedServer, canned_server
from crm.contract import SandboxPortal, read

SALES = Wanted(purchases=True)


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.one["account"] = {"id": 31000111, "customers_mode": "periodicity"}
    buyer = {"id": 3300, "name": "Ромашка", "responsible_user_id": 9, "updated_at": OLD}
    links = {"companies": [{"id": 31}], "contacts": [{"id": 42, "is_main": False}, {"id": 41, "is_main": True}]}
    shelf.lists["companies"] = [firm(31, OLD)]
    shelf.lists["customers"] = [{**buyer, "_embedded": links}]
    shelf.lists["customers/transactions"] = [bought(1, OLD), bought(2, OLD + 50, is_deleted=True)]
    return shelf


@pytest.fixture
def server(shelf: Shelf) -> Iterator[CannedServer]:
    with canned_server() as running:
        running.answer = shelf.answer
        yield running


def bought(number: int, at: int, **more: Any) -> dict[str, Any]:
    row = {"id": number, "price": 5000, "comment": None, "completed_at": at, "customer_id": 3300, "is_deleted": False}
    return {**row, "created_at": at + 5, "updated_at": at + 5, **more}


def added(number: int, at: int) -> dict[str, Any]:
    return event("transaction_added", 3300, at, "customer", value_after=[{"transaction": {"id": number}}])


def test_a_purchase_is_a_deal_won_at_once(server: CannedServer) -> None:
    crm = open_crm(server, SALES)
    facts, _, _ = pull(crm)
    crm.close()
    assert {ref for ref, fact in facts.items() if fact.gone} == {"deal:purchase-2"}
    deal, record = facts["deal:purchase-1"], facts["stage:purchase-1"]
    assert deal.links == ("company:31", "contact:41", "contact:42")
    assert deal.body == {
        "title": "Ромашка",
        "owner": "9",
        "created": "2025-10-09T06:06:40+00:00",
        "pipeline": "purchases",
        "stage": PURCHASE_STAGE,
        "semantic": "won",
        "amount": "5000",
        "currency": None,
        "loss_reason": None,
        "company": "company:31",
        "contacts": ["contact:41", "contact:42"],
        "fields": {},
    }
    assert record.body == {
        "deal": "deal:purchase-1",
        "at": "2025-10-09T06:06:40+00:00",
        "pipeline": "purchases",
        "stage": PURCHASE_STAGE,
    }
    assert record.links == ("deal:purchase-1",)


def test_later_only_what_an_event_names_is_read(server: CannedServer, shelf: Shelf) -> None:
    crm = open_crm(server, SALES)
    _, cursors, _ = pull(crm)
    shelf.lists["customers/transactions"] += [bought(3, NOW), bought(4, NOW)]
    shelf.lists["events"] = [added(3, NOW), added(9, NOW)]
    shelf.one["customers/3300"] = shelf.lists["customers"][0]
    shelf.asked.clear()
    facts, cursors, _ = pull(crm, {**cursors, "events": str(OLD)})
    assert {ref: fact.gone for ref, fact in facts.items() if "purchase" in ref and fact.kind == "deal"} == {
        "deal:purchase-3": False,
        "deal:purchase-9": True,
    }
    asked = [path for path in shelf.asked if path.startswith("customers")]
    assert asked == ["customers/transactions", "customers/3300"]
    shelf.asked.clear()
    pull(crm, {**cursors, "events": str(NOW + 60)})
    crm.close()
    assert [path for path in shelf.asked if path.startswith("customers")] == []


def test_a_crash_before_the_events_cursor_loses_no_purchase(server: CannedServer, shelf: Shelf) -> None:
    crm = open_crm(server, SALES)
    _, cursors, _ = pull(crm)
    shelf.lists["customers/transactions"].append(bought(3, NOW))
    shelf.lists["events"] = [added(3, NOW)]
    shelf.one["customers/3300"] = shelf.lists["customers"][0]
    seen: set[str] = set()
    for page in crm.pull({**cursors, "events": str(OLD)}, ()):
        if "events" in page.cursors:
            break
        seen |= {fact.ref for fact in page.facts}
    crm.close()
    assert "deal:purchase-3" in seen


@pytest.mark.parametrize(
    ("wanted", "mode"), [(Wanted(), "periodicity"), (SALES, "disabled"), (SALES, "unavailable"), (SALES, None)]
)
def test_nothing_is_asked_where_nobody_wants_it_or_the_account_has_none(
    server: CannedServer, shelf: Shelf, wanted: Wanted, mode: str | None
) -> None:
    shelf.one["account"]["customers_mode"] = mode
    crm = open_crm(server, wanted)
    facts, cursors, _ = pull(crm)
    facts |= pull(crm, cursors)[0]
    assert [path for path in shelf.asked if path.startswith("customers")] == []
    assert [ref for ref in facts if "purchase" in ref] == []
    crm.close()


def test_a_named_purchase_is_answered_also_when_they_are_not_read_any_more(server: CannedServer, shelf: Shelf) -> None:
    named = ("deal:purchase-1", "deal:purchase-77", "deal:purchase-x")
    shelf.one["customers/3300"] = shelf.lists["customers"][0]
    crm = open_crm(server, SALES)
    _, cursors, _ = pull(crm)
    facts, _, answered = pull(crm, cursors, *named)
    assert answered == set(named)
    assert (facts["deal:purchase-1"].gone, facts["deal:purchase-77"].gone) == (False, True)
    crm.close()
    crm = open_crm(server, Wanted())
    facts, _, answered = pull(crm, cursors, *named)
    assert answered == set(named)
    assert all(facts[ref].gone for ref in named)
    crm.close()


def test_a_map_that_names_the_stage_makes_a_purchase_the_clients_last_sale(server: CannedServer, store: Store) -> None:
    mapped, problems = read_portal_file(f"map: {{phases: {{won: '{PURCHASE_STAGE}'}}}}", "portal.yaml")
    assert mapped is not None, problems
    assert mapped.wanted == SALES
    store.add_portal("romashka", "amocrm", rate=7, burst=2)
    crm = open_crm(server, mapped.wanted)
    load(store, crm, "romashka", mapped, None, (), datetime(2025, 10, 20, tzinfo=UTC))
    reader = make_reader("romashka", mapped, crm.directory(), {})
    crm.close()
    (snapshot,) = load_snapshots(store, reader, ["company:31"]).values()
    (deal,) = snapshot.deals
    assert (deal.id, deal.phase, deal.sale) == ("purchase-1", "won", True)
    assert isinstance(deal.history, tuple)
    assert [change.at for change in deal.history] == [datetime(2025, 10, 9, 6, 6, 40, tzinfo=UTC)]


def test_the_directory_offers_the_stage_only_where_buyers_are_kept(server: CannedServer, shelf: Shelf) -> None:
    crm = open_crm(server)
    (stage,) = (stage for stage in crm.directory().stages if stage.key == PURCHASE_STAGE)
    assert (stage.pipeline, stage.semantic, stage.title) == ("purchases", "won", "Покупка")
    shelf.one["account"]["customers_mode"] = "disabled"
    assert PURCHASE_STAGE not in {stage.key for stage in crm.directory().stages}
    crm.close()


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    with emulated(clients=3) as running:
        running.control.post("readings", {"customers_mode": "periodicity"})
        yield running


def test_purchases_of_the_emulated_account(portal: SandboxPortal) -> None:
    company = portal.new_client("Покупатель")[0]
    sold = [{"price": 50000, "at": "2026-06-01T10:00:00+03:00"}, {"price": 60000}]
    buyer = portal.control.post("customers", {"name": "Покупатель", "company": company, "purchases": sold})
    crm = portal.connect(SALES)
    facts, cursors, _ = read(crm)
    deals = [fact for fact in facts.values() if fact.kind == "deal" and fact.id.startswith("purchase-")]
    assert sorted(str(deal.body["amount"]) for deal in deals) == ["50000", "60000"]
    assert {deal.body["company"] for deal in deals} == {f"company:{company}"}
    portal.control.post("clock", {"advance": "1 hour"})
    portal.control.post("customers", {"customer": buyer["id"], "purchases": [{"price": 70000}]})
    facts, _, _ = read(crm, cursors)
    fresh = [fact for fact in facts.values() if fact.kind == "deal" and fact.id.startswith("purchase-")]
    assert "70000" in {fact.body["amount"] for fact in fresh}
