"""Bitrix24's answers judged by their codes: the whole request, and each command of a batch for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.api import Api, Command
from connector.crm.http import Session
from connector.crm.port import Connection
from connector.errors import Ambiguous, Blocked, CrmError, Gone, NotSent, Refused, Throttled, Unavailable
from crm.canned import Canned, CannedServer, FreePacer, canned_server

SECRET = "c0dec0dec0de"
COMMANDS = {"a": Command("crm.item.get", {"id": 1}), "b": Command("tasks.task.add", {"fields": {"TITLE": "x"}})}


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


class Portal:
    """An Api on the canned server."""

    def __init__(self, server: CannedServer) -> None:
        self.pacer = FreePacer()
        self.session = Session("sever", self.pacer, read_timeout=3)
        connection = Connection(portal="sever", url=SecretStr(f"{server.url}/rest/7/{SECRET}/"))
        self.api = Api(self.session, connection, self.pacer)


@pytest.fixture
def portal(server: CannedServer) -> Iterator[Portal]:
    opened = Portal(server)
    yield opened
    opened.session.close()


def batch_of(result: Any, errors: Any = (), times: Any = ()) -> dict[str, Any]:
    """A batch's answer; PHP writes its empty maps as `[]`."""
    inner = {"result": result or [], "result_error": errors or [], "result_total": [], "result_next": []}
    return {
        "result": {**inner, "result_time": times or []},
        "time": {"start": 1790150400.0, "finish": 1790150400.4, "date_start": "2026-09-23T11:20:00+03:00"},
    }


def test_commands_travel_percent_encoded_as_php_reads_them(server: CannedServer, portal: Portal) -> None:
    server.answer = lambda _: Canned(batch_of({"x": 1}))
    params = {
        "entityTypeId": 2,
        "filter": {">id": "$result[p0][items][49][id]", "@x": ["a b", "c&d"]},
        "fields": {"TITLE": "Позвонить: 100 % + 1", "FLAG": True, "OFF": False, "SKIPPED": None, "EMPTY": ""},
        "nothing": [],
    }
    portal.api.batch({"x": Command("crm.item.list", params)}, writing=False)
    asked = server.asked[0]
    assert asked.path == f"/rest/7/{SECRET}/batch.json"
    assert asked.json["halt"] == 0
    method, _, query = asked.json["cmd"]["x"].partition("?")
    assert method == "crm.item.list"
    assert "[" not in query
    assert " " not in query
    assert parse_qsl(query, keep_blank_values=True, strict_parsing=True) == [
        ("entityTypeId", "2"),
        ("filter[>id]", "$result[p0][items][49][id]"),
        ("filter[@x][0]", "a b"),
        ("filter[@x][1]", "c&d"),
        ("fields[TITLE]", "Позвонить: 100 % + 1"),
        ("fields[FLAG]", "Y"),
        ("fields[OFF]", "N"),
        ("fields[EMPTY]", ""),
    ]


def test_each_command_is_judged_for_itself(server: CannedServer, portal: Portal) -> None:
    error = {"error": "ERROR_CORE", "error_description": "Не указан исполнитель<br>"}
    times = {"a": {"duration": 0.25}}
    server.answer = lambda _: Canned(batch_of({"a": {"item": {"id": 1}}}, {"b": error}, times))
    answers = portal.api.batch(COMMANDS, writing=True)
    assert answers.by_key["a"].result == {"item": {"id": 1}}
    assert answers.by_key["a"].seconds == 0.25
    refused = answers.by_key["b"].error
    assert isinstance(refused, Refused)
    assert (refused.code, refused.text, refused.call) == ("ERROR_CORE", "Не указан исполнитель", "tasks.task.add")
    assert answers.at is not None
    assert answers.at.isoformat() == "2026-09-23T08:20:00+00:00"


@pytest.mark.parametrize("writing", [True, False])
def test_a_command_that_the_answer_lacks_is_in_doubt(server: CannedServer, portal: Portal, *, writing: bool) -> None:
    server.answer = lambda _: Canned(batch_of({}))
    answers = portal.api.batch(COMMANDS, writing=writing)
    assert {type(answer.error) for answer in answers.by_key.values()} == {Ambiguous if writing else Unavailable}


OUTER: list[tuple[int, Any, type[CrmError]]] = [
    (503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}, Throttled),
    (503, {"error": "OVERLOAD_LIMIT"}, Blocked),
    (429, {"error": "OPERATION_TIME_LIMIT"}, Throttled),
    (401, {"error": "expired_token"}, Blocked),
    (401, {"error": "NO_AUTH_FOUND"}, Blocked),
    (401, {"error": "no_auth_found"}, Blocked),
    (403, {"error": "INVALID_CREDENTIALS"}, Blocked),
    (403, {"error": "insufficient_scope"}, Blocked),
    (403, {"error": "ACCESS_DENIED", "error_description": "REST is available only on commercial plans"}, Blocked),
    (403, {"error": "user_access_error"}, Blocked),
    (404, {"error": "ERROR_METHOD_NOT_FOUND"}, Blocked),
    (401, {"error": "PAYMENT_REQUIRED"}, Blocked),
    (500, {"error": "PORTAL_DELETED"}, Blocked),
    (410, {"error": "PORTAL_DELETED"}, Blocked),
    (200, {"error": "APPLICATION_NOT_FOUND"}, Blocked),
    (400, {"error": "INVALID_REQUEST", "error_description": "Https required."}, Blocked),
    (400, {"error": 0, "error_description": "something"}, Refused),
    (302, b"<html>", Blocked),
    (401, b"<html>", Blocked),
    (403, b"<html>", Blocked),
    (404, b"<html>", Blocked),
    (429, b"", Throttled),
]
DOUBTFUL: list[tuple[int, Any]] = [
    (500, {"error": "INTERNAL_SERVER_ERROR", "error_description": "Internal server error"}),
    (200, {"error": "ERROR_UNEXPECTED_ANSWER"}),
    (500, {"error": "", "error_description": "?"}),
    (500, b"<html>"),
    (502, b""),
    (503, b"<html>"),
    (504, b"<html>"),
    (200, b""),
    (200, b"garbage"),
    (200, [1, 2]),
    (200, {"time": {}}),
    (200, {"result": []}),
]


@pytest.mark.parametrize(("status", "body", "expected"), OUTER)
def test_the_request_as_a_whole_is_judged_by_its_code(
    server: CannedServer, portal: Portal, status: int, body: Any, expected: type[CrmError]
) -> None:
    server.answer = lambda _: Canned(body, status=status)
    with pytest.raises(CrmError) as caught:
        portal.api.batch(COMMANDS, writing=True)
    assert type(caught.value) is expected
    assert SECRET not in str(caught.value)
    if expected is Throttled:
        assert portal.pacer.pushed == [caught.value.wait]
        assert caught.value.wait > 0


@pytest.mark.parametrize(("status", "body"), DOUBTFUL)
def test_an_answer_that_says_nothing_leaves_a_write_in_doubt_and_a_read_unread(
    server: CannedServer, portal: Portal, status: int, body: Any
) -> None:
    server.answer = lambda _: Canned(body, status=status)
    for writing, expected in ((True, Ambiguous), (False, Unavailable)):
        with pytest.raises(expected):
            portal.api.batch(COMMANDS, writing=writing)


def test_a_portal_that_cannot_be_reached_was_never_asked(server: CannedServer) -> None:
    pacer = FreePacer()
    session = Session("sever", pacer, read_timeout=3)
    connection = Connection(portal="sever", url=SecretStr("http://no-such-portal.invalid/rest/7/x/"))
    api = Api(session, connection, pacer)
    with pytest.raises(NotSent):
        api.batch(COMMANDS, writing=True)
    session.close()


INNER: list[tuple[Any, type[CrmError]]] = [
    ({"error": "NOT_FOUND", "error_description": "Элемент не найден"}, Gone),
    ({"error": "", "error_description": "Not found"}, Gone),
    ({"error": "", "error_description": "Activity is not found."}, Gone),
    ({"error": "", "error_description": "The 'FIELD_NAME' field is not found."}, Refused),
    ({"error": "", "error_description": "Access denied."}, Refused),
    ({"error": "ACCESS_DENIED"}, Refused),
    ({"error": "insufficient_scope"}, Refused),
    ({"error": "ERROR_METHOD_NOT_FOUND"}, Refused),
    ({"error": "ERROR_BATCH_LENGTH_EXCEEDED"}, Refused),
    ({"error": "ERROR_BATCH_METHOD_NOT_ALLOWED"}, Refused),
    ({"error": "INVALID_ARG_VALUE"}, Refused),
    ({"error": "1048582", "error_description": "Action not allowed"}, Refused),
    ({"error": 100, "error_description": "Could not find value for parameter {fields}"}, Refused),
    ({"error": {"code": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION", "message": "no"}}, Refused),
    ("Any sentence", Refused),
    ({"error": "QUERY_LIMIT_EXCEEDED"}, Throttled),
    ({"error": "OPERATION_TIME_LIMIT"}, Throttled),
    ({"error": "expired_token"}, Blocked),
    ({"error": "PAYMENT_REQUIRED"}, Blocked),
    ({"error": "INTERNAL_SERVER_ERROR"}, Ambiguous),
]


@pytest.mark.parametrize(("told", "expected"), INNER)
def test_a_command_is_judged_by_its_code(
    server: CannedServer, portal: Portal, told: Any, expected: type[CrmError]
) -> None:
    server.answer = lambda _: Canned(batch_of({}, {"a": told, "b": told}))
    assert type(portal.api.batch(COMMANDS, writing=True).by_key["b"].error) is expected


@pytest.mark.parametrize(
    "reset", [1790150700, "1790150700", "2026-09-23T11:05:00+03:00"], ids=["number", "text", "iso"]
)
def test_a_method_that_ran_too_long_waits_until_its_time_is_given_back(
    server: CannedServer, portal: Portal, reset: Any
) -> None:
    """The last good answer told when: 300 s after it ended."""
    times = {"b": {"finish": 1790150400.0, "operating_reset_at": reset}}
    server.answer = lambda _: Canned(batch_of({"a": 1, "b": 1}, (), times))
    portal.api.batch(COMMANDS, writing=True)
    server.answer = lambda _: Canned(batch_of({"a": 1}, {"b": {"error": "OPERATION_TIME_LIMIT"}}))
    error = portal.api.batch(COMMANDS, writing=True).by_key["b"].error
    assert isinstance(error, Throttled)
    assert error.wait == pytest.approx(300, abs=5)
