"""Many writes in the air: what leaves together, what waits for what, and what becomes of them when the lane ends."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.operating import ALLOWANCE
from connector.crm.port import Connection, Effect, Outcome
from connector.errors import LeaseLost
from crm.canned import Asked, Canned, FreePacer, canned_server

Query = dict[str, str]
NOW = 1790150400.0


class Refusal(Exception):  # noqa: N818  # an answer, not a fault
    """A command's error."""


class Portal:
    """A portal of Bitrix24 that carries commands out, at a pace, and remembers what was in the air together."""

    def __init__(self, url: str, pacer: Any = None) -> None:
        self.pacer = pacer or FreePacer()
        self.crm = Bitrix24(Connection(portal="p", url=SecretStr(url + "/rest/7/c/"), read_timeout=5), self.pacer)
        self.requests: list[list[str]] = []
        """Methods of every request, in the order of their coming."""
        self.seconds: dict[str, float] = {}
        """What a command of a method is said to take."""
        self.operating: dict[str, float] = defaultdict(float)
        self.refuse: Callable[[str, Query], str | None] = lambda method, query: None
        self.hold = 0.0
        self.most_in_the_air = 0
        self.in_the_air_at_start: list[dict[int, Any]] = []
        """What was in the air when a request came."""
        self.together: list[tuple[str, ...]] = []
        self._air: dict[int, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._made = 100

    def answer(self, asked: Asked) -> Canned:
        commands = {key: line.partition("?") for key, line in asked.json["cmd"].items()}
        subjects = tuple(dict(parse_qsl(query)).get("taskId", "") for _, _, query in commands.values())
        me = threading.get_ident()
        with self._lock:
            self.requests.append([method for method, _, _ in commands.values()])
            self.in_the_air_at_start.append(dict(self._air))
            self._air[me] = subjects
            self.most_in_the_air = max(self.most_in_the_air, len(self._air))
            self.together.append(tuple(filter(None, (one for each in self._air.values() for one in each))))
        time.sleep(self.hold)
        results, errors, times = {}, {}, {}
        with self._lock:
            del self._air[me]
            for key, (method, _, query) in commands.items():
                try:
                    results[key] = self._carry_out(method, dict(parse_qsl(query)))
                except Refusal as refusal:
                    errors[key] = {"error": str(refusal), "error_description": "?"}
                    continue
                took = self.seconds.get(method, 0.01)
                self.operating[method] += took
                times[key] = {
                    "finish": NOW,
                    "duration": took,
                    "operating": self.operating[method],
                    "operating_reset_at": NOW + 100,
                }
        inner: dict[str, Any] = {"result": results or [], "result_error": errors or [], "result_time": times or []}
        return Canned({"result": inner, "time": {"date_start": "2026-09-23T11:20:00+03:00"}})

    def _carry_out(self, method: str, query: Query) -> Any:
        code = self.refuse(method, query)
        if code is not None:
            raise Refusal(code)
        self._made += 1
        if method == "tasks.task.get":
            return {"task": {"id": query["taskId"], "status": "2", "description": "text"}}
        return {"task": {"id": str(self._made)}} if method.startswith("tasks.") else self._made

    def sent(self, effects: list[Effect]) -> dict[str, Outcome]:
        return {one.key: one for one in self.crm.send(effects)}

    def learn(self, *methods: str) -> None:
        """So that the pace of these is known."""
        made = {"tasks.task.add": create(0), "crm.item.update": score(0)}
        self.sent([replace(made[method], key=f"first {method}") for method in methods])
        self.requests.clear()
        self.in_the_air_at_start.clear()
        self.most_in_the_air = 0


@pytest.fixture
def portal() -> Iterator[Portal]:
    with canned_server() as server:
        opened = Portal(server.url)
        server.answer = opened.answer
        yield opened
        opened.crm.close()


def create(number: int, **more: Any) -> Effect:
    asked = {"title": "t", "assignee": "3", "due": datetime(2026, 10, 1, tzinfo=UTC), "bind": ("deal:1",)}
    return Effect(verb="create_task", key=f"create {number}", marker=f"kasanie:{number:012x}", **{**asked, **more})


def score(number: int) -> Effect:
    card = f"company:{number}"
    return Effect(verb="write_fields", key=f"score {number}", marker="kasanie:0", card=card, fields={"FILL": 7})


def move(number: int, task: str) -> Effect:
    return Effect(
        verb="move_task", key=f"move {number}", marker="kasanie:0", task=task, due=datetime(2026, 10, 1, tzinfo=UTC)
    )


def line(number: int, task: str) -> Effect:
    return Effect(verb="add_line", key=f"line {number}", marker="kasanie:0", task=task, text=f"line {number}")


def sizes(portal: Portal) -> list[int]:
    return sorted((len(one) for one in portal.requests), reverse=True)


# what leaves together


def test_the_first_write_is_short_and_then_all_that_fits_leaves_side_by_side(portal: Portal) -> None:
    portal.hold = 0.1
    outcomes = portal.sent([create(number) for number in range(1000)])
    assert {one.status for one in outcomes.values()} == {"done"}
    assert len({one.remote_id for one in outcomes.values()}) == 1000
    assert len(portal.requests[0]) == 25
    assert sizes(portal) == [50] * 19 + [25, 25]
    assert portal.most_in_the_air == 8


def test_quick_answers_to_reading_let_the_first_write_be_long(portal: Portal) -> None:
    portal.hold = 0.1
    portal.sent([line(number, str(number)) for number in range(30)])  # reads 30 tasks
    portal.requests.clear()
    assert portal.crm.batch_size() == 8 * 50 or portal.crm.batch_size() == 4 * 50
    portal.most_in_the_air = 0
    portal.sent([create(number) for number in range(1000)])
    assert sizes(portal) == [50] * 20


def test_tasks_go_before_scores_and_each_kind_by_itself(portal: Portal) -> None:
    portal.learn("tasks.task.add", "crm.item.update")
    effects = [one for number in range(120) for one in (score(number), create(number))]
    portal.sent(effects)
    kinds = [set(one) for one in portal.requests]
    assert len(portal.requests) == 5, "240 writes"
    assert sum(len(one) > 1 for one in kinds) == 1, "only what does not fill a request travels with others"
    assert [one for each in portal.requests for one in each].count("tasks.task.add") == 120


def test_a_few_writes_of_all_kinds_share_one_request(portal: Portal) -> None:
    portal.learn("tasks.task.add", "crm.item.update")
    outcomes = portal.sent([score(1), create(1), move(1, "7")])
    assert {one.status for one in outcomes.values()} == {"done"}
    assert len(portal.requests) == 1
    assert portal.requests[0][-1] == "crm.item.update"


def test_two_writes_to_one_task_are_never_in_the_air_together(portal: Portal) -> None:
    portal.hold = 0.05
    effects = [move(number, str(number % 20)) for number in range(60)]
    outcomes = portal.sent([*effects, *(line(100 + number, str(number % 20)) for number in range(20))])
    assert len(outcomes) == 80
    assert {one.status for one in outcomes.values()} == {"done"}
    assert [one for one in portal.together if len(set(one)) < len(one)] == []


def test_the_second_command_of_an_effect_leaves_when_the_first_is_done(portal: Portal) -> None:
    """A task that is closed says that its text was written; so the text may not be what failed."""
    portal.refuse = lambda method, query: "QUERY_LIMIT_EXCEEDED" if "fields[DESCRIPTION]" in query else None
    effect = Effect(verb="close_task", key="close", marker="kasanie:0", task="7", text="Сделано")
    outcome = portal.sent([effect])["close"]
    assert (outcome.status, outcome.wait > 0) == ("later", True)
    assert "tasks.task.complete" not in [one for each in portal.requests for one in each]
    portal.refuse = lambda method, query: None
    assert portal.sent([effect])["close"].status == "done"
    assert portal.requests[-1] == ["tasks.task.complete"]


def test_lines_of_a_checklist_travel_with_their_task_and_cannot_make_it_twice(portal: Portal) -> None:
    portal.refuse = lambda method, query: "INTERNAL_SERVER_ERROR" if method == "task.checklistitem.add" else None
    outcome = portal.sent([create(1, lines=("one", "two"))])["create 1"]
    assert (outcome.status, bool(outcome.remote_id)) == ("done", True)
    assert portal.requests == [["tasks.task.add", "task.checklistitem.add", "task.checklistitem.add"]]
    portal.refuse = lambda method, query: "ERROR_CORE" if method == "tasks.task.add" else None
    assert portal.sent([create(2, lines=("one",))])["create 2"].status == "refused"


# what waits


def test_slow_methods_travel_in_short_requests(portal: Portal) -> None:
    """0.6 s a command: 25 of them take 15 s, the portal cuts at 60 s."""
    portal.seconds["tasks.task.add"] = 0.6
    portal.learn("tasks.task.add")
    portal.sent([create(number) for number in range(100)])
    assert sizes(portal) == [25] * 4


def test_a_method_near_its_allowance_is_left_alone_and_others_go_on(portal: Portal) -> None:
    portal.operating["crm.item.update"] = 0.85 * ALLOWANCE
    portal.learn("crm.item.update")
    outcomes = portal.sent([create(1), score(1), score(2)])
    assert outcomes["create 1"].status == "done"
    assert {outcomes[f"score {number}"].status for number in (1, 2)} == {"later"}
    assert 90 < outcomes["score 1"].wait <= 100
    assert [set(one) for one in portal.requests] == [{"tasks.task.add"}]


def test_a_method_that_was_refused_is_not_called_again_before_its_time(portal: Portal) -> None:
    portal.learn("crm.item.update")
    portal.refuse = lambda method, query: "OPERATION_TIME_LIMIT" if method == "crm.item.update" else None
    first = portal.sent([score(1), create(1)])
    assert (first["create 1"].status, first["score 1"].status) == ("done", "later")
    assert 90 < first["score 1"].wait <= 100
    portal.requests.clear()
    assert portal.sent([score(2)])["score 2"].status == "later"
    assert portal.requests == []


def test_no_more_of_a_method_is_in_the_air_than_its_allowance_holds(portal: Portal) -> None:
    """1 s each, and 384 s that we use: 25 requests of 15 would book 375 s at once."""
    portal.seconds["tasks.task.add"] = 1.0
    portal.operating["tasks.task.add"] = 300.0
    portal.learn("tasks.task.add")
    portal.hold = 0.05
    outcomes = portal.sent([create(number) for number in range(200)])
    assert portal.operating["tasks.task.add"] < ALLOWANCE
    assert Counter(one.status for one in outcomes.values())["later"] > 100


def test_a_portal_that_is_shut_is_not_asked_any_further(portal: Portal) -> None:
    portal.learn("tasks.task.add", "crm.item.update")
    portal.refuse = lambda method, query: "PAYMENT_REQUIRED"
    outcomes = portal.sent([create(number) for number in range(1000)])
    assert len(outcomes) == 1000
    assert {(one.status, one.closed) for one in outcomes.values()} == {("later", True)}
    assert len(portal.requests) <= 8


class Lost(FreePacer):
    """The lane is lost after some requests."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def wait_turn(self) -> None:
        super().wait_turn()
        if self.turns > self._after:
            raise LeaseLost("p")


def test_what_was_answered_before_the_lane_was_lost_is_told() -> None:
    with canned_server() as server:
        portal = Portal(server.url, Lost(4))
        server.answer = portal.answer
        outcomes: list[Outcome] = []
        with pytest.raises(LeaseLost):
            outcomes.extend(portal.crm.send([create(number) for number in range(400)]))
        portal.crm.close()
    told: list[Outcome] = outcomes
    assert portal.requests
    assert len(told) in (0, sum(len(one) for one in portal.requests))


def test_after_a_long_silence_one_request_goes_ahead(portal: Portal) -> None:
    """Somebody else may have used up the allowance: then one is refused and not eight."""
    portal.learn("tasks.task.add", "crm.item.update")
    portal.hold = 0.1
    portal.crm._api._answered -= 60
    portal.sent([create(number) for number in range(400)])
    assert [len(one) for one in portal.in_the_air_at_start[:2]] == [0, 0]
    assert portal.most_in_the_air > 2


def test_outcomes_come_before_all_is_sent(portal: Portal) -> None:
    portal.hold = 0.05
    outcomes = portal.crm.send([create(number) for number in range(400)])
    next(outcomes)
    assert len(portal.requests) < 3
    assert len(list(outcomes)) == 399


def test_whoever_stops_listening_leaves_nothing_in_the_air(portal: Portal) -> None:
    portal.learn("tasks.task.add")
    portal.hold = 0.2
    outcomes = portal.crm.send([create(number) for number in range(400)])
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # the port promises an iterator, ours is a generator
    assert portal._air == {}
