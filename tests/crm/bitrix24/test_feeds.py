"""How feeds are read when the portal misbehaves: nothing is skipped, nothing circles, no cursor moves too far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.port import Connection, Fact
from connector.errors import CrmError, Refused, Throttled, Unavailable
from crm.canned import Asked, Canned, CannedServer, FreePacer, canned_server

Query = dict[str, str]
Answers = Callable[[str, Query], Any]
"""Method and parameters -> result; an exception that holds the error; None: the answer lacks the command."""
NOW = "2026-09-23T11:20:00+03:00"
EMPTY: dict[str, Any] = {
    "crm.item.list": {"items": []},
    "crm.stagehistory.list": {"items": []},
    "tasks.task.list": {"tasks": []},
}


class Told(Exception):  # noqa: N818  # an answer, not a fault
    """An error answer."""


def unwilling(method: str, _: Query) -> Any:
    raise Told("INVALID_ARG_VALUE")


def emptiness(method: str, _: Query) -> Any:
    return {"fields": {}} if method == "crm.item.fields" else EMPTY.get(method, [])


class Portal:
    """An adapter on a canned server that answers every command by `answers`."""

    def __init__(self, server: CannedServer) -> None:
        self.answers: Answers = emptiness
        self.newest: Answers = unwilling
        """How the portal answers who asks for the highest id of a list."""
        server.answer = self._answer
        connection = Connection(portal="sever", url=SecretStr(server.url + "/rest/7/code/"), read_timeout=3)
        self.crm = Bitrix24(connection, FreePacer())
        self.batches = 0
        self.seconds = 0.0
        self.sizes: list[int] = []

    def _answer(self, asked: Asked) -> Canned:
        self.batches += 1
        self.sizes.append(len(asked.json["cmd"]))
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for key, line in asked.json["cmd"].items():
            method, _, query = line.partition("?")
            try:
                answers = self.newest if key.startswith("newest_") else self.answers
                result = answers(method, dict(parse_qsl(query, keep_blank_values=True)))
            except Told as told:
                errors[key] = {"error": str(told), "error_description": "?"}
                continue
            if result is not None:
                results[key] = result
        inner: dict[str, Any] = {
            "result": results or [],
            "result_error": errors or [],
            "result_time": {key: {"duration": self.seconds} for key in results},
        }
        return Canned({"result": inner, "time": {"date_start": NOW}})

    def pull(self, cursors: dict[str, str]) -> tuple[list[Fact], dict[str, str], CrmError | None]:
        facts: list[Fact] = []
        moved: dict[str, str] = {}
        try:
            for page in self.crm.pull(cursors, ()):
                facts += page.facts
                moved |= page.cursors
        except CrmError as error:
            return facts, moved, error
        return facts, moved, None


@pytest.fixture
def portal() -> Iterator[Portal]:
    with canned_server() as server:
        opened = Portal(server)
        yield opened
        opened.crm.close()


def history(numbers: range) -> dict[str, Any]:
    row = {"OWNER_ID": 1, "TYPE_ID": 2, "CREATED_TIME": NOW, "CATEGORY_ID": 0, "STAGE_ID": "NEW"}
    return {"items": [{"ID": number, **row} for number in numbers]}


TIME_CURSORS = ("company", "contact", "deal", "signal_changed", "task")


def test_an_empty_portal_gets_all_its_cursors(portal: Portal) -> None:
    activities: list[Query] = []

    def answers(method: str, query: Query) -> Any:
        if method == "crm.activity.list" and query["filter[>ID]"] == "0":
            activities.append(query)
        return emptiness(method, query)

    portal.answers = answers
    facts, moved, error = portal.pull({})
    assert (facts, error, portal.batches) == ([], None, 1)
    assert len(activities) == 1, "the first load of all activities brings the changed ones as well"
    assert moved == {
        **dict.fromkeys(TIME_CURSORS, "2026-09-23T08:18:00+00:00"),  # the portal's clock, two minutes back
        **dict.fromkeys(("signal", "stage"), "0"),
        "scan": "2026-09-23T08:20:00+00:00",  # all was just read
    }


def test_a_method_that_is_blocked_does_not_hold_up_the_others(portal: Portal) -> None:
    def answers(method: str, query: Query) -> Any:
        if method == "crm.activity.list":
            raise Told("OPERATION_TIME_LIMIT")
        if method == "crm.stagehistory.list" and query["filter[>ID]"] == "0":
            return history(range(1, 4))
        return emptiness(method, query)

    portal.answers = answers
    facts, moved, error = portal.pull({})
    assert [fact.ref for fact in facts] == ["stage:1", "stage:2", "stage:3"]
    assert set(moved) == {"company", "contact", "deal", "stage", "task", "scan"}
    assert moved["stage"] == "3"
    assert isinstance(error, Throttled)


def test_an_answer_that_lacks_commands_moves_no_cursor(portal: Portal) -> None:
    portal.answers = lambda method, query: emptiness(method, query) if method == "crm.item.fields" else None
    facts, moved, error = portal.pull({"deal": NOW})
    assert (facts, moved) == ([], {})
    assert isinstance(error, Unavailable)


def test_where_references_do_not_work_the_pages_come_one_by_one(portal: Portal) -> None:
    def answers(method: str, query: Query) -> Any:
        if method != "crm.stagehistory.list":
            return emptiness(method, query)
        after = query["filter[>ID]"]
        if not after.isdecimal():
            raise Told("INVALID_ARG_VALUE")
        return history(range(int(after) + 1, min(int(after) + 50, 120) + 1))

    portal.answers = answers
    facts, moved, error = portal.pull({})
    assert [fact.id for fact in facts] == [str(number) for number in range(1, 121)]
    assert (moved["stage"], error, portal.batches) == ("120", None, 3)


def test_where_an_unresolved_reference_counts_as_nothing_no_row_comes_twice(portal: Portal) -> None:
    def answers(method: str, query: Query) -> Any:
        if method != "crm.stagehistory.list":
            return emptiness(method, query)
        after = query["filter[>ID]"]
        return history(range(1, 51)) if not after.isdecimal() else history(range(int(after) + 1, 101)[:50])

    portal.answers = answers
    facts, moved, error = portal.pull({})
    assert [fact.id for fact in facts] == [str(number) for number in range(1, 101)]
    assert (moved["stage"], error) == ("100", None)


def test_a_list_that_ignores_the_filter_by_id_is_an_error_and_no_circle(portal: Portal) -> None:
    def answers(method: str, query: Query) -> Any:
        return history(range(1, 51)) if method == "crm.stagehistory.list" else emptiness(method, query)

    portal.answers = answers
    _, moved, error = portal.pull({})
    assert isinstance(error, Refused)
    assert portal.batches <= 2
    assert moved["deal"]


def test_ids_are_read_again_with_an_overlap_and_the_cursor_never_goes_back(portal: Portal) -> None:
    asked: list[str] = []

    def answers(method: str, query: Query) -> Any:
        if method == "crm.stagehistory.list":
            asked.append(query["filter[>ID]"])
        return emptiness(method, query)

    portal.answers = answers
    _, moved, _ = portal.pull({"stage": "1000", "signal": "5"})
    assert asked[0] == "800"
    assert (moved["stage"], moved["signal"]) == ("1000", "5")


def test_times_are_asked_for_from_the_cursor(portal: Portal) -> None:
    asked: dict[str, str | None] = {}

    def answers(method: str, query: Query) -> Any:
        name = f"{method}:{query.get('entityTypeId', '')}"
        for key in ("filter[>=updatedTime]", "filter[>=CHANGED_DATE]", "filter[>=LAST_UPDATED]"):
            if key in query:
                asked[name] = query[key]
        return emptiness(method, query)

    portal.answers = answers
    cursor = "2026-09-23T08:00:00+00:00"
    portal.pull({**dict.fromkeys(TIME_CURSORS, cursor), "signal": "1"})
    assert asked == dict.fromkeys(
        ("crm.item.list:2", "crm.item.list:3", "crm.item.list:4", "crm.activity.list:", "tasks.task.list:"), cursor
    )


def test_a_cursor_that_is_no_cursor_is_a_full_load(portal: Portal) -> None:
    asked: list[Query] = []

    def answers(method: str, query: Query) -> Any:
        asked.append(query)
        return emptiness(method, query)

    portal.answers = answers
    _, _, error = portal.pull({"deal": "yesterday", "stage": "x", "signal": "", "task": ""})
    assert error is None
    assert not [query for query in asked if any(key.startswith("filter[>=") for key in query)]


def test_a_feed_by_time_keeps_its_old_cursor_until_it_is_read_to_its_end(portal: Portal) -> None:
    def answers(method: str, query: Query) -> Any:
        if method != "crm.item.list" or query["entityTypeId"] != "2":
            return emptiness(method, query)
        reference = query["filter[>id]"]
        page = int(reference.split("_")[1].partition("]")[0]) if not reference.isdecimal() else -1
        after = int(reference) if reference.isdecimal() else (page + 1) * 50
        card = {"createdTime": NOW, "updatedTime": NOW, "categoryId": 0, "stageId": "NEW", "stageSemanticId": "P"}
        return {"items": [{"id": number, **card} for number in range(after + 1, min(after + 50, 399) + 1)]}

    portal.answers = answers
    pages = list(portal.crm.pull({}, ()))
    assert [len(page.facts) for page in pages] == [350, 49]
    assert ["deal" in page.cursors for page in pages] == [False, True]
    assert "company" in pages[0].cursors


def test_slow_pages_come_in_smaller_batches(portal: Portal) -> None:
    """A page that takes 5 s: five of them in a request, for the portal cuts at 60 s."""
    portal.seconds = 5.0

    def answers(method: str, query: Query) -> Any:
        if method != "crm.stagehistory.list":
            return emptiness(method, query)
        after = query["filter[>ID]"]
        if not after.isdecimal():
            raise Told("INVALID_ARG_VALUE")
        return history(range(int(after) + 1, min(int(after) + 50, 120) + 1))

    portal.answers = answers
    portal.pull({})
    assert portal.sizes[0] > 40
    assert set(portal.sizes[1:]) == {5}
