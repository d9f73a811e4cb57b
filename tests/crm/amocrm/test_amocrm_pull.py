"""Reading what changed, over an account that forgets, reorders, deletes and relinks as the documents warn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scenes import Story, deal, local, only, stands

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.port import Fact, Wanted
from connector.errors import Unavailable
from crm.amocrm.shelf import NOW, OLD, Shelf, event, firm, lead, moved, open_crm, pull
from crm.canned import canned_server


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def crm(shelf: Shelf) -> Iterator[AmoCrm]:
    with canned_server() as server:
        server.answer = shelf.answer
        opened = open_crm(server)
        yield opened
        opened.close()


def history(facts: dict[str, Fact], deal: str) -> list[tuple[str, str]]:
    rows = [fact for fact in facts.values() if fact.kind == "stage" and fact.body["deal"] == deal]
    assert all(fact.links == (deal,) and fact.body["stage"].startswith(fact.body["pipeline"] + ":") for fact in rows)
    return sorted((fact.body["at"], fact.body["stage"]) for fact in rows)


def iso(seconds: int, microseconds: int = 0) -> str:
    return (datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)).isoformat()


def test_the_first_stage_of_a_lead_is_where_its_first_move_began(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW, status=13), lead(2, OLD, status=11)]
    for order in (1, -1):  # whether the list of events comes newest or oldest first is not documented
        shelf.lists["events"] = [moved(1, NOW, 12, 13), moved(1, NOW - 50, 11, 12)][::order]
        facts, _, _ = pull(crm)
        assert history(facts, "deal:1") == [(iso(OLD), "5:11"), (iso(NOW - 50), "5:12"), (iso(NOW), "5:13")]
        assert history(facts, "deal:2") == [(iso(OLD), "5:11")]


def test_a_later_pull_brings_moves_and_only_new_leads_begin(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW - 500)]
    shelf.lists["events"] = [event("lead_added", 1, NOW - 500)]
    _, cursors, _ = pull(crm)
    new, imported = lead(2, NOW, created=NOW, status=12), lead(3, NOW, created=OLD - 9)
    shelf.lists["leads"] = [imported, new, lead(1, NOW, status=12)]
    shelf.lists["events"] = [
        event("lead_added", 3, NOW),
        moved(2, NOW, 11, 12),
        event("lead_added", 2, NOW),
        moved(1, NOW, 11, 12),
    ]
    facts, _, _ = pull(crm, cursors)
    assert history(facts, "deal:1") == [(iso(NOW), "5:12")]  # its beginning is known and stays as it was
    assert history(facts, "deal:2") == [(iso(NOW), "5:11"), (iso(NOW, 1), "5:12")]
    assert history(facts, "deal:3") == [(iso(NOW), "5:11")]


def test_an_imported_lead_begins_when_the_account_got_it(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(9, NOW - 900)]
    shelf.lists["events"] = [event("lead_added", 9, NOW - 900)]
    _, cursors, _ = pull(crm)
    shelf.lists["leads"].insert(0, lead(1, NOW + 60, created=OLD, status=13))
    shelf.lists["events"] += [moved(1, NOW + 60, 12, 13), event("lead_added", 1, NOW), moved(1, NOW, 11, 12)]
    begun, whole = pull(crm, cursors)[0], pull(crm)[0]
    assert history(begun, "deal:1") == [(iso(NOW), "5:11"), (iso(NOW, 1), "5:12"), (iso(NOW + 60), "5:13")]
    records = {ref: fact for ref, fact in whole.items() if fact.body.get("deal") == "deal:1"}
    assert {ref: begun[ref] for ref in records} == records
    assert "stage:0-1" in records


def test_a_beginning_is_never_later_than_the_first_move(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW, created=OLD, status=12)]
    shelf.lists["events"] = [event("lead_added", 1, NOW + 5), moved(1, NOW, 11, 12)]
    assert history(pull(crm)[0], "deal:1") == [(iso(NOW), "5:11"), (iso(NOW), "5:12")]


@pytest.mark.parametrize(("age", "outcome"), [(86_400 * 300, "skipped imported"), (0, "due 2026-04-27 10:15")])
def test_an_imported_lead_gets_no_first_contact(crm: AmoCrm, shelf: Shelf, age: int, outcome: str) -> None:
    came = int(datetime(2026, 4, 27, 7, 0, tzinfo=UTC).timestamp())
    shelf.lists["leads"] = [lead(1, came, created=came - age)]
    shelf.lists["events"] = [event("lead_added", 1, came)]
    facts, _, _ = pull(crm)
    moments = (facts["deal:1"].body["created"], history(facts, "deal:1")[0][0])
    created, first = (local(datetime.fromisoformat(moment)) for moment in moments)
    told = deal("D", created, ("new", first))
    assert stands(Story(only("first-contact"), deals=[told]).at("2026-04-27 10:00"), "first-contact") == outcome


def test_moves_of_one_second_follow_each_other_whatever_their_ids(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW, created=NOW, status=13)]
    hops = [(11, 12), (12, 14), (14, 12), (12, 13)]
    expected = [(iso(NOW), "5:11"), *((iso(NOW, nth), f"5:{after}") for nth, (_, after) in enumerate(hops, 1))]
    for names in ("dcba", "abcd", "cadb"):
        events = [{**moved(1, NOW, *hop), "id": f"01{name}"} for hop, name in zip(hops, names, strict=True)]
        shelf.lists["events"] = [*events, event("lead_added", 1, NOW)]
        facts, cursors, _ = pull(crm)
        assert history(facts, "deal:1") == expected
        again, _, _ = pull(crm, {**cursors, "leads": str(NOW + 500)})  # read again without the card: the same moments
        assert history(again, "deal:1") == expected[1:]


def test_a_crash_after_the_leads_loses_no_beginning(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW)]
    cursors: dict[str, str] = {}
    for page in crm.pull({}, ()):  # stored page by page until the events begin
        if "events" in page.cursors:
            break
        cursors |= page.cursors
    assert set(cursors) == {"companies", "contacts"}
    facts, _, _ = pull(crm, cursors)
    assert history(facts, "deal:1") == [(iso(OLD), "5:11")]


def test_cards_are_read_newest_first_until_older_than_the_cursor(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["companies"] = [firm(number, NOW - number) for number in range(600)]
    facts, cursors, _ = pull(crm)
    assert len(facts) == 600
    assert cursors["companies"] == str(NOW - 120)
    shelf.asked.clear()
    facts, _, _ = pull(crm, cursors)
    assert len(facts) == 121  # the overlap
    assert shelf.asked.count("companies") == 1


def test_where_the_order_is_not_kept_the_whole_list_is_read(crm: AmoCrm, shelf: Shelf) -> None:
    rows = [firm(number, OLD) for number in range(600)]
    rows[100], rows[599] = firm(100, NOW), firm(599, NOW)
    shelf.lists["companies"] = rows
    facts, _, _ = pull(crm, {"companies": str(NOW - 120)})
    assert set(facts) == {"company:100", "company:599"}


def test_events_are_read_to_the_end_though_the_next_link_is_forgotten(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.forgets_next = True
    shelf.lists["events"] = [moved(number, NOW, 11, 12) for number in range(1, 251)]
    facts, _, _ = pull(crm)
    assert len([fact for fact in facts.values() if fact.kind == "stage"]) == 250


def test_a_cursor_is_never_later_than_the_crms_own_clock(crm: AmoCrm, shelf: Shelf) -> None:
    now = int(time.time())  # the server's answers carry the real date
    shelf.lists["companies"] = [firm(1, now + 90_000), firm(2, now)]
    shelf.lists["tasks"] = [{"id": 8, "text": "x", "task_type_id": 1, "updated_at": now + 900}]
    _, cursors, _ = pull(crm)
    assert now - 120 <= int(cursors["companies"]) < now
    assert now - 120 <= int(cursors["tasks"]) < now
    assert cursors["events"] == "0"  # nothing seen yet: from the beginning again
    _, again, _ = pull(crm, {**cursors, "companies": str(now + 50)})
    assert again["companies"] == str(now + 50)  # and never moves back


def test_deleted_restored_and_relinked_cards(crm: AmoCrm, shelf: Shelf) -> None:
    _, cursors, _ = pull(crm)
    link: dict[str, Any] = {"value_after": [{"link": {"entity": {"type": "company", "id": 31}}}], "value_before": []}
    unlink: dict[str, Any] = {
        "value_after": [],
        "value_before": [{"unlink": {"entity": {"type": "contact", "id": 41}}}],
    }
    shelf.lists["events"] = [
        event("lead_deleted", 1, NOW),
        event("lead_restored", 1, NOW - 5),
        event("lead_restored", 2, NOW),
        event("lead_deleted", 2, NOW - 5),
        event("contact_deleted", 3, NOW, "contact"),
        event("task_deleted", 4, NOW, "task"),
        event("company_linked", 5, NOW, **link),
        event("contact_unlinked", 5, NOW, **unlink),
        event("entity_merged", 32, NOW, "company"),
        event("lead_deleted", 6, NOW - 9),  # and changed after that: it is back
    ]
    shelf.lists["leads"] = [lead(6, NOW)]
    shelf.one = {"leads/2": lead(2, OLD), "leads/5": {**lead(5, OLD), "_embedded": {"companies": [{"id": 31}]}}}
    shelf.one |= {"companies/31": firm(31, OLD), "companies/32": firm(32, OLD)}
    cursors |= dict.fromkeys(("events", "links", "leads", "companies", "contacts"), str(NOW - 200))
    facts, _, _ = pull(crm, cursors)
    gone = {ref for ref, fact in facts.items() if fact.gone}
    assert gone == {"deal:1", "contact:3", "task:4", "signal:task-4", "contact:41"}
    assert {ref for ref, fact in facts.items() if not fact.gone} == {
        "deal:2",
        "deal:5",
        "deal:6",
        "company:31",
        "company:32",
    }
    assert facts["deal:5"].links == ("company:31",)


def test_named_refs_are_answered_by_a_feed_or_read_by_id(crm: AmoCrm, shelf: Shelf) -> None:
    ours = {"id": 7, "text": "x\n[kasanie:0123456789ab]", "task_type_id": 1, "updated_at": OLD, "is_completed": True}
    shelf.lists["companies"] = [firm(1, NOW), firm(2, OLD)]
    shelf.one = {"leads/3": lead(3, OLD), "tasks/7": ours, "tasks/8": {**ours, "id": 8, "text": "чужая"}}
    _, cursors, _ = pull(crm)
    shelf.asked.clear()
    named = ("company:1", "company:2", "company:9", "deal:3", "task:7", "task:8", "task:9", "signal:note-1", "deal:x")
    facts, _, answered = pull(crm, {**cursors, "companies": str(NOW - 120)}, *named)
    assert answered == set(named)
    by_id = {path for path in shelf.asked if path.split("/")[-1].isdigit()}
    assert by_id == {"companies/9", "leads/3", "tasks/7", "tasks/8", "tasks/9"}
    assert {ref for ref, fact in facts.items() if fact.gone} == {"company:9", "task:9", "signal:task-9"}
    assert {"company:2", "deal:3", "task:7"} <= set(facts)
    assert "task:8" not in facts


def test_a_quiet_account_costs_one_request_a_feed(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["leads"] = [lead(1, NOW)]
    shelf.lists["events"] = [
        event("contact_linked", 1, NOW, value_after=[{"link": {"entity": {"type": "contact", "id": 2}}}])
    ]
    shelf.one = {"contacts/2": firm(2, NOW)}
    _, cursors, _ = pull(crm)
    _, cursors, _ = pull(crm, cursors)
    shelf.lists["events"].insert(0, moved(1, NOW + 30, 11, 12))
    _, cursors, _ = pull(crm, cursors)
    shelf.asked.clear()
    pull(crm, cursors)
    feeds = ["companies", "contacts", "leads", "events", "companies/notes", "contacts/notes", "leads/notes", "tasks"]
    assert sorted(shelf.asked) == sorted(feeds)
    assert set(cursors) == {*feeds, "links", "scan"}


def test_an_account_that_was_never_scanned_is_scanned_in_a_week_and_not_now(crm: AmoCrm, shelf: Shelf) -> None:
    _, cursors, _ = pull(crm)
    del cursors["scan"]
    shelf.asked.clear()
    _, cursors, _ = pull(crm, cursors)
    assert "scan" in cursors
    assert shelf.asked.count("leads") == 1


def test_a_wanted_field_that_the_account_lacks_is_not_empty_but_unread(shelf: Shelf) -> None:
    shelf.lists["companies"] = [firm(1, NOW)]
    shelf.lists["companies/custom_fields"] = [{"id": 501, "code": "INN"}, {"id": 502, "code": None}]
    shelf.lists["companies/custom_fields"] += [{"id": 600 + number, "code": f"F{number}"} for number in range(300)]
    with canned_server() as server:
        server.answer = shelf.answer
        crm = open_crm(server, Wanted(company=("INN", "502", "F299", "DELETED")))
        facts, _, _ = pull(crm)
        crm.close()
    assert facts["company:1"].body["fields"] == {"INN": None, "502": None, "F299": None}


@pytest.mark.parametrize("changed", ["вчера", 10**13, 10**17, 10**30])
def test_a_row_of_an_unknown_shape_is_said_without_its_values(crm: AmoCrm, shelf: Shelf, changed: Any) -> None:
    shelf.lists["companies"] = [{"id": 1, "name": "Иванов", "updated_at": changed}]
    with pytest.raises(Unavailable) as caught:
        pull(crm)
    assert "Иванов" not in str(caught.value)
