"""The limits of Bitrix24's face: bucket, execution time, batch, page; and the faults any portal can be given."""

from __future__ import annotations

from collections.abc import Iterator

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


def test_requests_are_in_the_ledger_without_the_secret(portal: OpenPortal) -> None:
    portal.call("batch", cmd=["server.time", "user.current"])
    portal.ask("crm.nothing")
    ledger = portal.get("/sandbox/ledger").text
    assert "sandbox-code" not in ledger
    notes = portal.base.ledger()["requests"]
    assert [(one["path"], one["status"], one["commands"]) for one in notes] == [
        ("/rest/1/***/batch", 200, 2),
        ("/rest/1/***/crm.nothing", 404, 1),
    ]
