"""REST 3.0: one form of answers and errors, filters as triples, `batch` as a list, keys that replay an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from bitrix24_portal import OpenPortal, open_portal

PREFIX = "BITRIX_REST_V3_EXCEPTION_"


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=5) as opened:
        for number in range(1, 7):
            opened.base.add_task(f"Задача {number}", assignee=3, by=1)
        yield opened


def _ask(portal: OpenPortal, method: str, body: Any, **headers: str) -> requests.Response:
    url = portal.rest_url.replace("/rest/", "/rest/api/") + method
    return portal.session.post(url, json=body, headers={key.replace("_", "-"): one for key, one in headers.items()})


def _result(portal: OpenPortal, method: str, body: Any) -> Any:
    answer = _ask(portal, method, body)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def _error(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    fields = [one["field"] for one in error.get("validation", [])]
    return answer.status_code, error["code"].removeprefix(PREFIX), ",".join(fields)


def _new(**fields: Any) -> dict[str, Any]:
    return {"fields": {"title": "Касание", "creatorId": 1, "responsibleId": 3} | fields}


def test_a_task_is_made_and_told_in_camel_case(portal: OpenPortal) -> None:
    fields = {"deadline": "2026-09-25T18:00:00+03:00", "crmItemIds": ["D_1", "CO_2"], "xmlId": "kasanie:1"}
    item = _result(portal, "tasks.task.add", _new(**fields))["item"]
    assert (item["status"], item["priority"], item["crmItemIds"]) == ("pending", "average", ["D_1", "CO_2"])
    task = portal.base.tasks[item["id"]]
    assert (task.assignee, task.xml_id, task.cards) == (3, "kasanie:1", [("deal", 1), ("company", 2)])
    asked = {"id": item["id"], "select": ["id", "title", "responsible.name", "nothing"]}
    told = _result(portal, "tasks.task.get", asked)["item"]
    name = portal.base.users[3].name
    assert told == {"id": item["id"], "title": "Касание", "responsible": {"name": name}}
    assert _result(portal, "tasks.task.update", {"id": item["id"], "fields": {"status": "completed"}}) == {
        "result": True
    }
    assert not task.open
    assert _result(portal, "tasks.task.delete", {"id": item["id"]}) == {"result": True}
    assert _error(_ask(portal, "tasks.task.get", {"id": item["id"]})) == (400, "ENTITYNOTFOUNDEXCEPTION", "")


VALIDATION = "VALIDATION_REQUESTVALIDATIONEXCEPTION"


@pytest.mark.parametrize(
    ("method", "body", "error"),
    [
        ("tasks.task.add", {}, (400, VALIDATION, "fields")),
        ("tasks.task.add", {"fields": {"title": "x"}}, (400, VALIDATION, "creatorId")),
        ("tasks.task.add", _new(responsibleId="3"), (400, VALIDATION, "responsibleId")),
        ("tasks.task.add", _new(responsibleId=8), (400, VALIDATION, "responsibleId")),
        ("tasks.task.add", _new(deadline="скоро"), (400, VALIDATION, "deadline")),
        ("tasks.task.add", _new(TITLE="x"), (400, "UNKNOWNDTOPROPERTYEXCEPTION", "")),
        ("tasks.task.get", {}, (400, VALIDATION, "id")),
        ("tasks.task.get", {"id": "1"}, (400, VALIDATION, "id")),
        ("tasks.task.get", {"id": 1, "select": ["responsible.stageId"]}, (400, "UNKNOWNDTOPROPERTYEXCEPTION", "")),
        ("tasks.task.update", {"id": 9999, "fields": {"title": "x"}}, (403, "ACCESSDENIEDEXCEPTION", "")),
        ("tasks.task.update", {"id": 1, "fields": {"creatorId": 2}}, (400, VALIDATION, "creatorId")),
        ("tasks.task.list", {"filter": [["title", "=", "x"]]}, (400, VALIDATION, "title")),
        ("tasks.task.list", {"filter": [["nothing", "=", 1]]}, (400, "UNKNOWNDTOPROPERTYEXCEPTION", "")),
        ("tasks.task.list", {"filter": [["id", "~", 1]]}, (400, "UNKNOWNFILTEROPERATOREXCEPTION", "")),
        ("tasks.task.list", {"filter": [["id", "=", "x"]]}, (400, VALIDATION, "id")),
        ("tasks.task.list", {"order": {"id": "up"}}, (400, "INVALIDORDEREXCEPTION", "")),
        ("tasks.task.list", {"pagination": {"limit": 0}}, (400, "INVALIDPAGINATIONEXCEPTION", "")),
        ("tasks.task.list", {"pagination": {"limit": 1001}}, (400, "INVALIDPAGINATIONEXCEPTION", "")),
        ("tasks.task.list", {"select": "id"}, (400, "INVALIDSELECTEXCEPTION", "")),
        ("tasks.task.list", [], (400, "INVALIDJSONEXCEPTION", "")),
        ("batch", {"cmd": {"a": "tasks.task.get?id=1"}}, (400, "INVALIDSELECTEXCEPTION", "")),
    ],
)
def test_refusals_have_one_form(portal: OpenPortal, method: str, body: Any, error: tuple[int, str, str]) -> None:
    assert _error(_ask(portal, method, body)) == error


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        ([["id", 2]], [2]),
        ([["id", [1, 3]]], [1, 3]),
        ([["id", "in", [1, 3, 5]], ["id", ">", 1]], [3, 5]),
        ([["id", "between", [2, 4]]], [2, 3, 4]),
        ([{"logic": "or", "conditions": [["id", "=", 1], ["id", ">=", 6]]}, ["id", "<", 7]], [1, 6]),
        ([["id", "!=", 1], ["id", "<=", 3]], [2, 3]),
    ],
)
def test_filters(portal: OpenPortal, wanted: list[Any], right: list[int]) -> None:
    items = _result(portal, "tasks.task.list", {"filter": wanted})["items"]
    assert items == [{"id": one} for one in right]


def test_pages_and_order(portal: OpenPortal) -> None:
    def page(**pagination: int) -> list[int]:
        body = {"pagination": pagination, "order": {"id": "DESC"}, "filter": [["id", "<=", 6]]}
        return [item["id"] for item in _result(portal, "tasks.task.list", body)["items"]]

    assert page(limit=2) == [6, 5]
    assert page(limit=2, page=3) == [2, 1]
    assert page(limit=3, offset=4) == [2, 1]


def test_a_batch_is_a_list(portal: OpenPortal) -> None:
    calls = [
        {"method": "tasks.task.get", "query": {"id": 1, "select": ["id", "title"]}},
        {"method": "tasks.task.get", "query": {"id": 9999}},
    ]
    told = _result(portal, "batch", calls)
    assert told[0] == {"item": {"id": 1, "title": "Задача 1"}}
    assert told[1]["error"]["code"] == f"{PREFIX}ENTITYNOTFOUNDEXCEPTION"
    assert portal.base.ledger()["requests"][-1]["commands"] == 2


def test_a_key_gives_the_same_answer_again_for_a_day(portal: OpenPortal) -> None:
    before = len(portal.base.tasks)
    first = _ask(portal, "tasks.task.add", _new(), Idempotency_Key="kasanie:1")
    assert (first.headers["Idempotency-Key"], first.headers.get("Idempotent-Replayed")) == ("kasanie:1", None)
    again = _ask(portal, "tasks.task.add", _new(), Idempotency_Key="kasanie:1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["result"] == first.json()["result"]
    other = _ask(portal, "tasks.task.add", _new(title="Другое"), Idempotency_Key="kasanie:1")
    assert _error(other) == (422, "IDEMPOTENCYKEYREUSEDEXCEPTION", "")
    assert len(portal.base.tasks) == before + 1
    failed = _ask(portal, "tasks.task.add", {"fields": {}}, Idempotency_Key="kasanie:2")
    assert failed.status_code == 400
    assert _ask(portal, "tasks.task.add", _new(), Idempotency_Key="kasanie:2").status_code == 200
    long = _ask(portal, "tasks.task.add", _new(), Idempotency_Key="k" * 256)
    assert _error(long) == (400, "INVALIDIDEMPOTENCYKEYEXCEPTION", "")
    portal.control("clock", {"advance": "25 hours"})
    late = _ask(portal, "tasks.task.add", _new(), Idempotency_Key="kasanie:1")
    assert "Idempotent-Replayed" not in late.headers
    assert len(portal.base.tasks) == before + 3


def test_a_lost_answer_is_given_again_instead_of_a_second_task(portal: OpenPortal) -> None:
    before = len(portal.base.tasks)
    portal.control("faults", {"fail_after_apply": 1})
    assert _ask(portal, "tasks.task.add", _new(), Idempotency_Key="lost").status_code == 500
    again = _ask(portal, "tasks.task.add", _new(), Idempotency_Key="lost")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(portal.base.tasks) == before + 1


def test_the_application_sends_its_token_in_the_body(portal: OpenPortal) -> None:
    url = f"{portal.config.base_url}/rest/api/tasks.task.list"
    access = portal.config.credentials.access_token
    assert portal.session.post(url, json={"auth": access, "select": ["id"]}).json()["result"]["items"]
    assert portal.session.post(f"{url}?auth={access}", json={}).status_code == 401
    portal.control("app", {"scopes": ["crm", "task"]})
    refused = portal.session.post(url, json={"auth": access})
    portal.control("app", {"scopes": ["crm", "task", "tasks"]})
    assert _error(refused) == (403, "INSUFFICIENTSCOPEEXCEPTION", "")


def test_what_there_is(portal: OpenPortal) -> None:
    assert "/tasks.task.add" in _result(portal, "documentation", {})["paths"]
    address = portal.rest_url.replace("/rest/", "/rest/api/")
    assert portal.session.get(f"{address}rest.documentation.openapi").json()["result"]["openapi"] == "3.0.0"
    assert _error(portal.session.get(f"{address}tasks.task.get?id=1")) == (400, VALIDATION, "id")
    scopes = {row["method"]: row["scope"] for row in _result(portal, "rest.scope.list", {})["items"]}
    assert scopes["tasks.task.list"] == "tasks"
    assert _ask(portal, "crm.item.get", {"id": 1}).status_code == 404
