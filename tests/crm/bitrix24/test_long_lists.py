"""What is known of a portal's pace, and how long lists are cut and read side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.operating import ALLOWANCE, Operating
from connector.crm.bitrix24.sharing import Demand, share_out
from connector.crm.port import Connection
from connector.errors import CrmError, Throttled, Unavailable
from crm.canned import Asked, Canned, FreePacer, canned_server

Query = dict[str, str]
NOW = 1790150400.0


# what is known of the portal's speed


def learnt(*answers: dict[str, Any]) -> Operating:
    operating = Operating()
    for one in answers:
        operating.learn([("m", one)])
    return operating


RESETS = [NOW + 50, str(NOW + 50), "2026-09-23T08:00:50+00:00"]


@pytest.mark.parametrize("reset", RESETS, ids=["number", "text", "iso"])
@pytest.mark.parametrize(("spent", "waits"), [(0.79 * ALLOWANCE, False), (0.81 * ALLOWANCE, True)])
def test_from_four_fifths_of_the_allowance_a_method_waits(reset: Any, spent: float, *, waits: bool) -> None:
    operating = learnt({"finish": NOW, "operating": spent, "operating_reset_at": reset, "duration": 1})
    assert (operating.wait("m") > 0) == waits
    assert operating.wait("m") <= 50
    assert operating.wait("other") == 0


def test_an_answer_that_was_overtaken_gives_no_time_back() -> None:
    told = {"finish": NOW, "operating_reset_at": NOW + 50}
    operating = learnt({**told, "operating": 470}, {**told, "operating": 300})
    assert operating.wait("m") > 0
    operating.learn([("m", {"finish": NOW + 50, "operating_reset_at": NOW + 110, "operating": 300})])
    assert operating.wait("m") == 0


@pytest.mark.parametrize(
    "told",
    [{}, {"operating": 470}, {"operating_reset_at": NOW + 9}, {"operating": "much", "operating_reset_at": "soon"}],
    ids=["nothing", "no reset", "no sum", "words"],
)
def test_where_the_portal_tells_less_nothing_is_held_back(told: dict[str, Any]) -> None:
    assert learnt({"finish": NOW, "duration": 1, **told}).wait("m") == 0


def test_a_refusal_shows_the_true_allowance() -> None:
    operating = learnt({"finish": NOW, "operating": 300, "operating_reset_at": NOW + 50})
    assert operating.wait("m") == 0
    assert operating.refused("m") == pytest.approx(50, abs=1)
    operating.learn([("other", {"finish": NOW, "operating": 250, "operating_reset_at": NOW + 30})])
    assert operating.wait("other") == pytest.approx(30, abs=1), "250 s are more than four fifths of 300 s"


def test_a_refusal_of_which_nothing_is_known_waits_a_minute() -> None:
    assert Operating().refused("m") == 60


def test_a_method_that_was_never_called_is_guessed_from_the_others() -> None:
    operating = Operating()
    assert operating.expected("m") is None
    operating.learn([("a", {"duration": 0.02}), ("b", {"duration": 0.04})])
    assert operating.expected("m") == pytest.approx(6 * 0.03)
    assert operating.expected("a") == 0.02


# how lists are cut


SHARES: list[tuple[list[Demand], int, list[dict[int, int]]]] = [
    ([Demand(None)], 0, [{0: 50}]),
    ([Demand(None), Demand(None)], 4, [{0: 23, 1: 23}]),
    ([Demand(1), Demand(5)], 0, [{0: 1, 1: 5}]),
    ([Demand(50), Demand(50), Demand(20)], 0, [{0: 50}, {1: 50}, {2: 20}]),
    ([Demand(300), Demand(30), Demand(10)], 0, [{0: 50}]),
    ([Demand(300), Demand(60), Demand(10)], 0, [{0: 50}, {1: 50}]),
    ([Demand(30), Demand(30)], 0, [{0: 30}, {1: 30}]),
    ([Demand(100, cost=0.2)], 0, [{0: 5}]),
    ([Demand(100, cost=1.0), Demand(100, cost=1.0)], 0, [{0: 1}, {1: 1}]),
    ([Demand(4), Demand(None)], 0, [{0: 4, 1: 46}]),
    ([], 4, [{}]),
]


@pytest.mark.parametrize(("demands", "taken", "expected"), SHARES)
def test_places_go_to_who_needs_them(demands: list[Demand], taken: int, expected: list[dict[int, int]]) -> None:
    assert share_out(demands, taken) == expected


class LongList:
    """A list of one kind in a portal where all others are empty."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.requests: list[int] = []
        self.asked: Counter[int] = Counter()
        self.fail: Callable[[Query], bool] = lambda query: False
        self.ignore_bound = False
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Canned:
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        with self._lock:
            self.requests.append(len(asked.json["cmd"]))
            for key, text in asked.json["cmd"].items():
                method, _, raw = text.partition("?")
                query = dict(parse_qsl(raw))
                if method != "crm.stagehistory.list":
                    empty: dict[str, Any] = {"crm.item.list": {"items": []}, "tasks.task.list": {"tasks": []}}
                    results[key] = {"fields": {}} if method == "crm.item.fields" else empty.get(method, [])
                elif self.fail(query):
                    errors[key] = {"error": "INTERNAL_SERVER_ERROR"}
                else:
                    results[key] = {"items": self._page(query, results)}
        inner: dict[str, Any] = {"result": results, "result_error": errors or [], "result_time": []}
        return Canned({"result": inner, "time": {"date_start": "2026-09-23T11:20:00+03:00"}})

    def _page(self, query: Query, results: dict[str, Any]) -> list[dict[str, Any]]:
        if query["order[ID]"] == "DESC":
            return [{"ID": number} for number in reversed(self.ids[-50:])]
        told = query["filter[>ID]"]
        if told.startswith("$result["):
            page = results.get(told.split("[")[1].rstrip("]"), {"items": []})["items"]
            if len(page) < 50:
                return []
            after = page[49]["ID"]
        else:
            after = int(told)
        last = int(query.get("filter[<=ID]", 10**9)) if not self.ignore_bound else 10**9
        found = [number for number in self.ids if after < number <= last][:50]
        self.asked.update(found)
        row = {"OWNER_ID": 1, "TYPE_ID": 2, "CREATED_TIME": "2026-09-23T11:20:00+03:00", "CATEGORY_ID": 0}
        return [{"ID": number, **row, "STAGE_ID": "NEW"} for number in found]


LISTS = {
    "dense": list(range(1, 10_001)),
    "begins high": list(range(1_000_000, 1_010_000)),
    "gaps": list(range(1, 100_000, 10)),
    "dense, then thin": [*range(1, 5_001), *range(5_001, 500_000, 100)],
    "thin, then dense": [*range(1, 500_000, 100), *range(500_000, 505_000)],
    "one far away": [*range(1, 3_000), 10_000_000],
    "a full page": list(range(1, 51)),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_long_list_is_read_whole_wherever_its_ids_lie(name: str) -> None:
    listed = LongList(LISTS[name])
    with canned_server() as server:
        server.answer = listed.answer
        crm = Bitrix24(Connection(portal="p", url=SecretStr(server.url + "/rest/7/c/"), read_timeout=5), FreePacer())
        pages = list(crm.pull({}, ()))
        crm.close()
    seen = [int(fact.id) for page in pages for fact in page.facts]
    assert sorted(seen) == listed.ids
    cursors = [page.cursors["stage"] for page in pages if "stage" in page.cursors]
    assert cursors[-1] == str(listed.ids[-1])
    assert len(seen) == len(set(seen))


def test_a_list_that_ignores_where_a_stretch_ends_is_read_whole_and_once() -> None:
    listed = LongList(LISTS["dense"])
    listed.ignore_bound = True
    with canned_server() as server:
        server.answer = listed.answer
        crm = Bitrix24(Connection(portal="p", url=SecretStr(server.url + "/rest/7/c/"), read_timeout=5), FreePacer())
        seen = [int(fact.id) for page in crm.pull({}, ()) for fact in page.facts]
        crm.close()
    assert sorted(seen) == listed.ids


def test_a_request_that_takes_too_long_is_asked_for_in_parts() -> None:
    """The portal cuts a request after 60 s; here it is our own patience that ends, after 0.3 s."""
    listed = LongList(list(range(1, 1200)))
    with canned_server() as server:

        def answer(asked: Asked) -> Canned:
            return Canned(fault="silent") if len(asked.json["cmd"]) > 20 else listed.answer(asked)

        server.answer = answer
        connection = Connection(portal="p", url=SecretStr(server.url + "/rest/7/c/"), read_timeout=0.3)
        crm = Bitrix24(connection, FreePacer())
        seen = [int(fact.id) for page in crm.pull({}, ()) for fact in page.facts]
        asked_too_much = [one for one in server.asked if len(one.json["cmd"]) > 20]
        crm.close()
    assert sorted(seen) == listed.ids
    assert len(asked_too_much) <= 3, "what was learnt once is not tried again"


def test_a_stretch_that_fails_keeps_the_cursor_before_it() -> None:
    listed = LongList(LISTS["dense"])

    def fail(query: Query) -> bool:
        """One of the stretches in the middle, whole."""
        return 5000 < int(query.get("filter[<=ID]", 0)) < 7000

    listed.fail = fail
    with canned_server() as server:
        server.answer = listed.answer
        crm = Bitrix24(Connection(portal="p", url=SecretStr(server.url + "/rest/7/c/"), read_timeout=5), FreePacer())
        cursors: dict[str, str] = {}
        seen: set[int] = set()
        assert _pulled(crm, seen, cursors) is Unavailable
        assert 2000 < int(cursors["stage"]) < 7000 < max(seen)
        listed.fail = lambda query: False
        assert _pulled(crm, seen, cursors) is None
        crm.close()
    assert sorted(seen) == listed.ids
    assert cursors["stage"] == "10000"


def _pulled(crm: Bitrix24, seen: set[int], cursors: dict[str, str]) -> type[CrmError] | None:
    try:
        for page in crm.pull(dict(cursors), ()):
            seen |= {int(fact.id) for fact in page.facts}
            cursors |= page.cursors
    except CrmError as error:
        return type(error)
    return None


def test_reading_a_method_that_has_used_up_its_time_waits_and_says_how_long() -> None:
    listed = LongList(LISTS["a full page"])
    with canned_server() as server:
        server.answer = listed.answer
        crm = Bitrix24(Connection(portal="p", url=SecretStr(server.url + "/rest/7/c/"), read_timeout=5), FreePacer())
        used = {"finish": NOW, "operating": 470, "operating_reset_at": NOW + 40}
        crm._api.operating.learn([("crm.stagehistory.list", used)])
        with pytest.raises(Throttled) as caught:
            list(crm.pull({}, ()))
        crm.close()
    assert 0 < caught.value.wait <= 40
    assert listed.asked == {}
