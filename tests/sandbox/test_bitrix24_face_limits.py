"""The limits of Bitrix24's face: bucket, execution time, batch, page; and the faults any portal can be given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from bitrix24_portal import OpenPortal, open_portal

TASK = {"TITLE": "Касание", "RESPONSIBLE_ID": 3}


def _error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_the_bucket_fills_and_leaks() -> None:
    with open_portal(clients=5, limits={"rate": 0.001, "burst": 3}) as portal:
        assert [portal.ask("server.time").status_code for _ in range(3)] == [200] * 3
        assert _error(portal.ask("server.time")) == (503, "QUERY_LIMIT_EXCEEDED")
        assert portal.control("limits", {"rate": 1000}).status_code == 200
        assert portal.ask("server.time").status_code == 200


def test_a_batch_is_one_request_for_the_bucket() -> None:
    with open_portal(clients=5, limits={"rate": 0.001, "burst": 1}) as portal:
        assert len(portal.call("batch", cmd=["server.time"] * 50)["result"]) == 50


def test_execution_time_stops_one_method_and_not_the_others() -> None:
    limits = {"rate": 0, "operating_seconds": 0.02}
    with open_portal(clients=5, limits=limits, command_ms=30) as portal:
        first = portal.ask("server.time")
        assert first.json()["time"]["operating"] >= 0.03
        told = portal.call("batch", cmd={"time": "server.time", "user": "user.current"})
        assert told["result_error"]["time"]["error"] == "OPERATION_TIME_LIMIT"
        assert told["result"]["user"]["ID"] == "1"
        assert _error(portal.ask("server.time")) == (429, "OPERATION_TIME_LIMIT")


def test_the_commands_beyond_the_batch_limit_fail_alone() -> None:
    with open_portal(clients=5, limits={"rate": 0, "batch": 2, "page": 3}) as portal:
        told = portal.call("batch", cmd={"a": "server.time", "b": "server.time", "c": "server.time"})
        assert set(told["result"]) == {"a", "b"}
        assert told["result_error"]["c"]["error"] == "ERROR_BATCH_LENGTH_EXCEEDED"
        assert len(portal.call("crm.item.list", entityTypeId=2, select=["id"])["items"]) == 3


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=5) as opened:
        yield opened


def test_a_write_can_be_applied_and_yet_fail(portal: OpenPortal) -> None:
    portal.control("faults", {"fail_after_apply": 1})
    assert portal.ask("server.time").status_code == 200
    answer = portal.ask("tasks.task.add", fields=TASK)
    assert answer.status_code == 500
    assert "html" in answer.headers["Content-Type"]
    assert len(portal.base.tasks) == 1
    assert portal.ask("tasks.task.add", fields=TASK).status_code == 200


def test_a_write_can_lose_its_answer(portal: OpenPortal) -> None:
    portal.control("faults", {"drop_answer": 1})
    with pytest.raises(requests.ConnectionError):
        portal.ask("batch", cmd={"a": "tasks.task.add?fields[TITLE]=x&fields[RESPONSIBLE_ID]=3"})
    assert len(portal.base.tasks) == 1
    assert portal.ask("server.time").status_code == 200


def test_a_request_can_fail_without_effect_or_be_throttled(portal: OpenPortal) -> None:
    portal.control("faults", {"fail_before": 1, "throttle": 1})
    assert _error(portal.ask("tasks.task.add", fields=TASK)) == (503, "QUERY_LIMIT_EXCEEDED")
    assert portal.ask("tasks.task.add", fields=TASK).status_code == 500
    assert portal.base.tasks == {}


def test_an_answer_can_come_too_late_and_a_write_too(portal: OpenPortal) -> None:
    portal.control("faults", {"late_answers": 1, "late_ms": 400, "hold_writes": 1, "hold_ms": 400})
    with pytest.raises(requests.ReadTimeout):
        portal.session.post(portal.rest_url + "tasks.task.add", json={"fields": TASK}, timeout=0.1)
    answer = portal.ask("tasks.task.add", fields={**TASK, "TITLE": "вторая"})
    assert answer.status_code == 200
    portal.running.stop()
    assert sorted(task.title for task in portal.base.tasks.values()) == ["Касание", "вторая"]


ADD = "tasks.task.add?fields[RESPONSIBLE_ID]=3&fields[TITLE]="
FOUR = {key: ADD + key for key in ("a", "b", "c", "d")}


def test_a_batch_can_come_back_empty_without_an_error(portal: OpenPortal) -> None:
    portal.control("faults", {"empty_batch": 1, "empty_after_apply": 1})
    empty: dict[str, list[Any]] = {
        "result": [],
        "result_error": [],
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }
    assert portal.call("batch", cmd=FOUR) == empty
    assert portal.base.tasks == {}
    assert portal.call("batch", cmd=FOUR) == empty
    assert len(portal.base.tasks) == 4
    assert len(portal.call("batch", cmd=FOUR)["result"]) == 4


def test_half_of_a_batch_can_fail_or_be_lost(portal: OpenPortal) -> None:
    portal.control("faults", {"batch_half": 1})
    assert portal.call("batch", cmd=["server.time"] * 2)["result_error"] == [], "only batches that write are hit"
    told = portal.call("batch", cmd=FOUR)
    assert set(told["result"]) == {"a", "b"}
    assert {key: one["error"] for key, one in told["result_error"].items()} == {
        "c": "INTERNAL_SERVER_ERROR",
        "d": "INTERNAL_SERVER_ERROR",
    }
    portal.control("faults", {"batch_cut": 1})
    with pytest.raises(requests.ConnectionError):
        portal.ask("batch", cmd=FOUR)
    assert [task.title for task in portal.base.tasks.values()] == ["a", "b", "a", "b"]


def test_any_documented_error_can_be_ordered(portal: OpenPortal) -> None:
    wanted = {"code": "PAYMENT_REQUIRED", "text": "Payment required", "status": 401, "count": 2}
    portal.control("faults", {"answer_error": wanted})
    for _ in range(2):
        assert _error(portal.ask("tasks.task.add", fields=TASK)) == (401, "PAYMENT_REQUIRED")
    assert portal.base.tasks == {}
    assert portal.ask("server.time").status_code == 200
    portal.control("faults", {"answer_error": {"code": "ACCESS_DENIED", "where": "command", "count": 1}})
    told = portal.call("batch", cmd={"a": "server.time", "b": "server.time"})
    assert (set(told["result"]), told["result_error"]["a"]["error"]) == ({"b"}, "ACCESS_DENIED")
    portal.control("faults", {"answer_error": {"code": "PORTAL_DELETED", "status": 500, "html": True}})
    answer = portal.ask("server.time")
    assert (answer.status_code, "html" in answer.headers["Content-Type"]) == (500, True)
    portal.control("faults", {"answer_error": {"code": "PAYMENT_REQUIRED", "status": 401, "where": "oauth"}})
    assert portal.ask("server.time").status_code == 200
    oauth = f"{portal.config.oauth_root}/oauth/token/"
    assert _error(portal.session.get(oauth, timeout=5)) == (401, "PAYMENT_REQUIRED")
    for wrong in ({"status": 401}, {"code": "X", "where": "moon"}, {"code": "X", "count": "many"}, "X"):
        assert portal.control("faults", {"answer_error": wrong}).status_code == 400


def test_the_bucket_can_be_filled_and_drains(portal: OpenPortal) -> None:
    portal.control("limits", {"rate": 0.001, "level": 50})
    assert _error(portal.ask("server.time")) == (503, "QUERY_LIMIT_EXCEEDED")
    assert 49 < portal.get("/sandbox/limits").json()["level"] <= 50
    portal.control("limits", {"level": 49})
    assert [portal.ask("server.time").status_code for _ in range(2)] == [200, 503]
    errors = [(one["call"], one["error"]) for one in portal.base.ledger()["requests"]]
    assert errors == [("server.time", "QUERY_LIMIT_EXCEEDED"), ("server.time", ""), ("server.time", errors[0][1])]


def test_execution_time_can_be_spent_beforehand_and_counts_per_caller(portal: OpenPortal) -> None:
    portal.control("limits", {"operating": 400})
    told = portal.ask("server.time").json()["time"]
    assert 400 <= told["operating"] < 401
    portal.control("limits", {"operating": 480})
    assert _error(portal.ask("server.time")) == (429, "OPERATION_TIME_LIMIT")
    portal.control("limits", {"operating": 0, "operating_seconds": 0.02})
    portal.control("faults", {"command_ms": 30})
    assert [portal.ask("server.time").status_code for _ in range(2)] == [200, 429]
    mine = {"auth": portal.config.credentials.access_token}
    url = f"{portal.config.base_url}/rest/server.time"
    assert portal.session.post(url, json=mine, timeout=5).status_code == 200


def test_open_points_of_the_envelope_can_be_read_the_other_way(portal: OpenPortal) -> None:
    portal.control("readings", {"operating_reset_as_text": True})
    reset = portal.ask("server.time").json()["time"]["operating_reset_at"]
    assert datetime.fromisoformat(reset) > portal.base.clock.now()
    portal.control("readings", {"operating_told": False})
    assert "operating" not in portal.ask("server.time").json()["time"]
    portal.control("readings", {"methods_any_case": False})
    assert _error(portal.ask("Server.Time")) == (404, "ERROR_METHOD_NOT_FOUND")
    assert portal.ask("server.time").status_code == 200
    portal.control("readings", {"https_required": True})
    assert _error(portal.ask("server.time")) == (400, "INVALID_REQUEST")
    by_tls = {"X-Forwarded-Proto": "https"}
    assert portal.session.get(portal.rest_url + "server.time", headers=by_tls, timeout=5).status_code == 200
    assert _error(portal.session.get(portal.rest_url + "server.time.xml", headers=by_tls, timeout=5))[0] == 404


def test_every_command_tells_its_time(portal: OpenPortal) -> None:
    answer = portal.ask("batch", cmd={"a": "server.time"}).json()
    six = {"start", "finish", "duration", "processing", "date_start", "date_finish"}
    assert six <= set(answer["time"])
    assert six | {"operating", "operating_reset_at"} <= set(answer["result"]["result_time"]["a"])


def test_requests_are_in_the_ledger_without_the_secret(portal: OpenPortal) -> None:
    portal.call("batch", cmd=["server.time", "user.current"])
    portal.ask("crm.nothing")
    ledger = portal.get("/sandbox/ledger").text
    assert "sandbox-code" not in ledger
    notes = portal.base.ledger()["requests"]
    assert [(one["path"], one["status"], one["commands"], one["call"], one["error"]) for one in notes] == [
        ("/rest/1/***/batch", 200, 2, "batch", ""),
        ("/rest/1/***/crm.nothing", 404, 1, "crm.nothing", "ERROR_METHOD_NOT_FOUND"),
    ]
