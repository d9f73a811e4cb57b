"""The vendor's client, b24pysdk, on REST 3.0: other addresses, other words, the same tasks."""

from __future__ import annotations

from typing import Any

import pytest
from b24pysdk import BitrixAppLocal, BitrixTokenLocal, Client
from b24pysdk.errors import v3

from clients.conftest import Portal


@pytest.fixture(scope="module")
def portal(portals: dict[str, Portal]) -> Portal:
    return portals["third"]


@pytest.fixture(params=["webhook", "application"])
def bitrix(request: pytest.FixtureRequest, portal: Portal) -> Any:
    """The client in both kinds of address: with the webhook's code, and with a token in the body."""
    if request.param == "webhook":
        return portal.vendor_client(prefer_version=3)
    told = portal.told
    application = BitrixAppLocal(domain=portal.domain, client_id=told["client_id"], client_secret=told["client_secret"])
    token = BitrixTokenLocal(auth_token=told["access_token"], refresh_token=None, bitrix_app=application)
    return Client(token, prefer_version=3)


def test_task_is_made_changed_read_and_listed(bitrix: Any, portal: Portal) -> None:
    fields = {
        "title": "Позвонить в «Вектор»",
        "creatorId": 1,
        "responsibleId": 3,
        "deadline": "2026-10-01T18:00:00+03:00",
    }
    made = bitrix.tasks.task.add(fields).result["item"]
    assert (made["title"], made["status"]) == (fields["title"], "pending")
    assert bitrix.tasks.task.update(made["id"], {"title": "Позвонить завтра"}).result == {"result": True}
    read = bitrix.tasks.task.get(made["id"], select=["id", "title", "responsibleId"]).result["item"]
    assert (read["title"], read["responsibleId"]) == ("Позвонить завтра", 3)
    listed = bitrix.tasks.task.list(
        select=["id", "title"],
        filter=[["id", "=", made["id"]]],
        order={"id": "ASC"},
        pagination={"page": 1, "limit": 20},
    ).result
    assert [(one["id"], one["title"]) for one in listed["items"]] == [(made["id"], "Позвонить завтра")]
    there = {task["id"]: task for task in portal.ledger["tasks"]}
    assert (there[made["id"]]["title"], there[made["id"]]["assignee"]) == ("Позвонить завтра", 3)


def test_errors_are_the_clients_own(bitrix: Any) -> None:
    with pytest.raises(v3.BitrixAPIEntityNotFoundException):
        bitrix.tasks.task.get(999_999).call()
    with pytest.raises(v3.BitrixAPIUnknownDTOPropertyException):
        bitrix.tasks.task.list(select=["id"], filter=[["nonsense", "=", 1]]).call()
    with pytest.raises(v3.BitrixAPIInvalidPaginationException):
        bitrix.tasks.task.list(select=["id"], pagination={"limit": "abc"}).call()
    with pytest.raises(v3.BitrixAPIValidationRequestValidationException) as refused:
        bitrix.tasks.task.add({"title": "Без даты", "creatorId": 1, "responsibleId": 3, "deadline": "никогда"}).call()
    assert refused.value.json_response["error"]["validation"][0]["field"] == "deadline"
