"""Reading side by side and ahead: nothing is skipped when lists move under the reader, and little is asked in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from math import ceil
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.port import Fact
from connector.errors import LeaseLost, Unavailable
from crm.amocrm.shelf import NOW, OLD, Shelf, event, firm, lead, moved, open_crm, pull
from crm.canned import Asked, Canned, CannedServer, FreePacer, canned_server

PATIENCE = 5
"""Seconds that a test waits for another request before it goes on without it."""


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.keeps_order = True
    return shelf


@pytest.fixture
def server(shelf: Shelf) -> Iterator[CannedServer]:
    with canned_server() as running:
        running.answer = shelf.answer
        yield running


@pytest.fixture
def crm(server: CannedServer) -> Iterator[AmoCrm]:
    opened = open_crm(server)
    yield opened
    opened.close()


def page_of(asked: Asked) -> tuple[str, int]:
    """Which page of which list."""
    parts = urlsplit(asked.path)
    return parts.path.removeprefix("/api/v4/"), int(parse_qs(parts.query).get("page", ["1"])[0])


def overtaken(shelf: Shelf, path: str, page: int, meanwhile: Callable[[], None]) -> Callable[[Asked], Canned]:
    """This page is answered after the one behind it, and something happens between the two."""
    behind = threading.Event()

    def answer(asked: Asked) -> Canned:
        if page_of(asked) == (path, page):
            assert behind.wait(PATIENCE), "nobody read ahead"
            meanwhile()
        answered = shelf.answer(asked)
        if page_of(asked) == (path, page + 1):
            behind.set()
        return answered

    return answer


def count(facts: dict[str, Fact], kind: str) -> int:
    return len([fact for fact in facts.values() if fact.kind == kind])


def test_a_full_load_skips_no_lead_that_is_changed_under_it(crm: AmoCrm, server: CannedServer, shelf: Shelf) -> None:
    leads = [lead(number, OLD + number) for number in range(1, 1101)]
    shelf.lists["leads"] = leads
    server.answer = overtaken(shelf, "leads", 3, lambda: leads[0].update(updated_at=NOW + 500))
    facts, _, _ = pull(crm)
    assert count(facts, "deal") == 1100


def test_no_event_is_skipped_when_new_ones_come_before_it(crm: AmoCrm, server: CannedServer, shelf: Shelf) -> None:
    events = [moved(number, NOW - number, 11, 12) for number in range(1, 501)]
    shelf.lists["events"] = events
    server.answer = overtaken(shelf, "events", 3, lambda: events.insert(0, moved(9000, NOW + 50, 11, 12)))
    facts, _, _ = pull(crm)
    assert {f"stage:{one['id']}" for one in events[1:]} <= facts.keys()


def test_oldest_first_is_read_to_the_end(crm: AmoCrm, shelf: Shelf) -> None:
    """The order of the events list is not documented."""
    shelf.lists["events"] = [moved(number, OLD + number, 11, 12) for number in range(1, 501)]
    facts, _, _ = pull(crm)
    assert count(facts, "stage") == 500


def test_what_changed_is_read_one_page_after_the_other(crm: AmoCrm, server: CannedServer, shelf: Shelf) -> None:
    """Newest first, a row that changes pushes the others back: read in turn they come twice, and none is skipped."""
    leads = [lead(number, OLD + number) for number in range(1, 1101)]
    shelf.lists["leads"] = leads
    ahead, early = threading.Event(), []

    def answer(asked: Asked) -> Canned:
        if page_of(asked) == ("leads", 4):
            ahead.set()
        if page_of(asked) == ("leads", 3):
            early.append(ahead.wait(0.2))
            leads[0].update(updated_at=NOW + 500)
        return shelf.answer(asked)

    server.answer = answer
    facts, _, _ = pull(crm, {"leads": str(OLD)})
    assert early == [False]
    assert count(facts, "deal") == 1100 - 1  # the one in front comes with the next pull
    facts, _, _ = pull(crm, {"leads": str(NOW)})
    assert "deal:1" in facts


def test_feeds_are_asked_side_by_side(crm: AmoCrm, server: CannedServer, shelf: Shelf) -> None:
    feeds = {"companies", "contacts", "leads", "companies/notes", "contacts/notes", "leads/notes", "tasks"}
    together = threading.Barrier(len(feeds))

    def answer(asked: Asked) -> Canned:
        if page_of(asked)[0] in feeds:
            together.wait(PATIENCE)
        return shelf.answer(asked)

    server.answer = answer
    pull(crm, dict.fromkeys((*feeds, "events", "links"), str(NOW)))
    assert not together.broken


def test_events_are_asked_after_the_last_lead(crm: AmoCrm, server: CannedServer, shelf: Shelf) -> None:
    """A lead that moves while leads are read would else show a stage that no event explains."""
    leads = [lead(number, OLD) for number in range(1, 1001)]
    shelf.lists["leads"] = leads

    def answer(asked: Asked) -> Canned:
        if page_of(asked) == ("leads", 3):
            leads[600].update(status_id=12, updated_at=NOW)
            shelf.lists["events"] = [moved(601, NOW, 11, 12)]
        return shelf.answer(asked)

    server.answer = answer
    facts, _, _ = pull(crm)
    rows = [fact.body for fact in facts.values() if fact.body.get("deal") == "deal:601"]
    assert [row["stage"] for row in sorted(rows, key=lambda row: row["at"])] == ["5:11", "5:12"]


def test_snapshots_of_500_clients_cost_little_more_than_their_pages(crm: AmoCrm, shelf: Shelf) -> None:
    """2,000 leads, 1,500 contacts, 500 companies, 15,000 notes, 8,000 moves and 2,000 creations, 500 tasks."""
    shelf.lists["leads"] = [lead(number, OLD) for number in range(1, 2001)]
    shelf.lists["contacts"] = [firm(number, OLD) for number in range(1, 1501)]
    shelf.lists["companies"] = [firm(number, OLD) for number in range(1, 501)]
    call = {"note_type": "call_out", "params": {"duration": 60}, "created_at": OLD, "updated_at": OLD}
    shelf.lists["leads/notes"] = [{**call, "id": number, "entity_id": 1 + number % 2000} for number in range(15_000)]
    task = {"text": "x", "task_type_id": 1, "updated_at": OLD}
    shelf.lists["tasks"] = [{**task, "id": number} for number in range(500)]
    created = [event("lead_added", number, OLD) for number in range(1, 2001)]
    moves = [moved(number, OLD + nth + 1, 11 + nth, 12 + nth) for nth in (3, 2, 1, 0) for number in range(1, 2001)]
    shelf.lists["events"] = [*moves, *created]
    facts, _, _ = pull(crm)
    assert (count(facts, "deal"), count(facts, "signal"), count(facts, "stage")) == (2000, 15_000, 10_000)
    fewest = sum(ceil(rows / 250) for rows in (2000, 1500, 500, 15_000, 500)) + 2 + ceil(10_000 / 100)
    assert len(shelf.asked) <= 1.05 * fewest


@pytest.mark.parametrize("rows", [0, 1, 249, 250, 251, 499, 500, 501, 4996, 5000])
@pytest.mark.parametrize("gap", [1, 977])
def test_all_of_a_list_costs_its_pages(crm: AmoCrm, shelf: Shelf, rows: int, gap: int) -> None:
    """One more where the pages are full, for then only the next one tells the end; and one where there are two."""
    shelf.lists["leads"] = [lead(gap * number, OLD) for number in range(1, rows + 1)]
    facts, _, _ = pull(crm)
    assert count(facts, "deal") == rows
    assert shelf.asked.count("leads") <= max(ceil(rows / 250), 1) + 2


def test_a_list_of_uneven_ids_is_read_whole_too(crm: AmoCrm, shelf: Shelf) -> None:
    numbers = [number**2 for number in range(1, 1301)] + [10**9 + number for number in range(1, 1301)]
    shelf.lists["leads"] = [lead(number, OLD) for number in numbers]
    facts, _, _ = pull(crm)
    assert count(facts, "deal") == 2600
    assert shelf.asked.count("leads") <= 11 + 3


@pytest.mark.parametrize("kept", ["upwards", "downwards", "none"])
def test_where_the_order_is_not_kept_all_of_a_list_is_read_to_its_end(crm: AmoCrm, shelf: Shelf, kept: str) -> None:
    shelf.keeps_order = False
    rows = [lead(number, OLD) for number in range(1, 1101)]
    shelf.lists["leads"] = {"upwards": rows, "downwards": rows[::-1], "none": [*rows[::2], *rows[1::2]]}[kept]
    facts, _, _ = pull(crm)
    assert count(facts, "deal") == 1100


def test_a_short_list_is_not_read_ahead_of(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["events"] = [moved(number, NOW, 11, 12) for number in range(1, 651)]
    pull(crm, dict.fromkeys(("events", "links", "leads"), str(OLD)))
    assert shelf.asked.count("events") == 7


def test_an_error_ends_the_pull_and_leaves_no_request_in_the_air(
    crm: AmoCrm, server: CannedServer, shelf: Shelf
) -> None:
    shelf.lists["contacts"] = [firm(number, OLD) for number in range(5000)]

    def answer(asked: Asked) -> Canned:
        return Canned({"status": 400}, 400) if page_of(asked)[0] == "companies" else shelf.answer(asked)

    server.answer = answer
    with pytest.raises(Exception, match="companies"):
        pull(crm)
    asked = len(server.asked)
    crm.close()  # waits for its threads
    assert len(server.asked) == asked


def test_a_lost_lease_stops_the_reading(server: CannedServer, shelf: Shelf) -> None:
    class Leaving(FreePacer):
        turns = 0

        def wait_turn(self) -> None:
            self.turns += 1
            if self.turns > 9:
                raise LeaseLost

    shelf.lists["events"] = [moved(number, NOW, 11, 12) for number in range(1, 651)]
    crm = open_crm(server, pacer=Leaving())
    with pytest.raises(LeaseLost):
        pull(crm)
    crm.close()
    assert len(server.asked) == 9


def test_an_unreadable_row_in_a_page_read_ahead_is_said(crm: AmoCrm, shelf: Shelf) -> None:
    shelf.lists["companies"] = [firm(number, OLD) for number in range(600)]
    shelf.lists["companies"][590]["updated_at"] = "вчера"
    with pytest.raises(Unavailable):
        pull(crm)
