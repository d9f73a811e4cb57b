"""The vendor's client, b24pysdk, as the owner of an incoming webhook uses it."""

from __future__ import annotations

from typing import Any

import pytest
from b24pysdk import BitrixWebhook, Client, errors

from clients.conftest import OPEN_DEALS, Portal

DEAL, COMPANY = 2, 4


@pytest.fixture(scope="module")
def portal(portals: dict[str, Portal]) -> Portal:
    return portals["b24pysdk"]


@pytest.fixture(scope="module")
def bitrix(portal: Portal) -> Any:
    return portal.vendor_client()


def test_list_pages_through_more_than_one_batch_of_pages(bitrix: Any) -> None:
    deals = bitrix.crm.item.list(DEAL, select=["id", "title"]).as_list().result
    assert len(deals) > OPEN_DEALS
    assert len({deal["id"] for deal in deals}) == len(deals)
    assert bitrix.crm.item.list(DEAL, select=["id"]).response.result["items"] == [
        {"id": deal["id"]} for deal in deals[:50]
    ]


def test_fast_list_chains_commands_and_finds_the_same(bitrix: Any) -> None:
    plain = [deal["id"] for deal in bitrix.crm.item.list(DEAL, select=["id"]).as_list().result]
    fast = [deal["id"] for deal in bitrix.crm.item.list(DEAL, select=["id"]).as_list_fast().result]
    assert fast == sorted(plain)
    down = bitrix.crm.item.list(DEAL, select=["id"]).as_list_fast(descending=True, limit=120).result
    assert [deal["id"] for deal in down] == sorted(plain, reverse=True)[:120]


def test_page_without_counting_tells_no_next(bitrix: Any) -> None:
    page = bitrix.crm.item.list(DEAL, select=["id"], start=-1).response
    assert (len(page.result["items"]), page.total, page.next) == (50, 0, None)


@pytest.mark.parametrize(
    "ask",
    [
        lambda bitrix: bitrix.crm.item.list(COMPANY, select=["id"], filter={">id": 3}),
        lambda bitrix: bitrix.crm.activity.list(select=["ID"]),
        lambda bitrix: bitrix.user.get(filter={"ACTIVE": True}),
    ],
    ids=["companies", "activities", "users"],
)
def test_fast_and_plain_list_agree(bitrix: Any, ask: Any) -> None:
    plain = {str(row.get("ID") or row.get("id")) for row in ask(bitrix).as_list().result}
    fast = [str(row.get("ID") or row.get("id")) for row in ask(bitrix).as_list_fast().result]
    assert len(fast) == len(plain) > 3
    assert set(fast) == plain


def test_list_by_ids_is_split_into_commands(bitrix: Any) -> None:
    wanted = list(range(1, 131))
    found = bitrix.crm.item.list(DEAL, select=["id"], filter={"@id": wanted}).as_list().result
    assert [deal["id"] for deal in found] == wanted


def test_hundred_and_twenty_commands_come_back_under_their_own_keys(bitrix: Any) -> None:
    asked = {f"deal {number}": bitrix.crm.item.get(DEAL, number) for number in range(1, 121)}
    answer = bitrix.call_batches(asked).result
    assert {key: told["item"]["id"] for key, told in answer.result.items()} == {
        f"deal {number}": number for number in range(1, 121)
    }
    assert not answer.result_error
    assert set(answer.result_time) == set(asked)


def test_tasks_are_made_changed_and_completed(bitrix: Any, portal: Portal) -> None:
    fields = {
        "TITLE": "Позвонить: «Ромашка» & партнёры, 100 %",
        "RESPONSIBLE_ID": 3,
        "DEADLINE": "2026-10-01T18:00:00+03:00",
        "UF_CRM_TASK": ["D_1", "CO_1"],
        "TAGS": ["kasanie", "проверка"],
    }
    made = [int(bitrix.tasks.task.add(fields).result["task"]["id"])]
    batch = bitrix.call_batches([bitrix.tasks.task.add(fields) for _ in range(60)]).result
    made += [int(told["task"]["id"]) for told in batch.result.values()]
    assert len(set(made)) == 61

    assert (
        bitrix.tasks.task.update(made[0], {"TITLE": "Позвонить завтра"}).result["task"]["title"] == "Позвонить завтра"
    )
    bitrix.tasks.task.complete(made[0]).call()

    there = {task["id"]: task for task in portal.ledger["tasks"]}
    assert {there[one]["title"] for one in made[1:]} == {fields["TITLE"]}
    assert {tuple(there[one]["tags"]) for one in made} == {("kasanie", "проверка")}
    assert (there[made[0]]["title"], there[made[0]]["open"]) == ("Позвонить завтра", False)

    listed = bitrix.tasks.task.list(filter={"TAG": "проверка"}, select=["ID", "TITLE"]).as_list().result
    assert {int(task["id"]) for task in listed} == set(made)
    fast = bitrix.tasks.task.list(filter={"TAG": "проверка"}, select=["ID"]).as_list_fast().result
    assert [int(task["id"]) for task in fast] == sorted(made)


def test_card_fields_are_written_and_read_back(bitrix: Any, portal: Portal) -> None:
    described = bitrix.crm.item.fields(COMPANY, use_original_uf_names=True).response.result["fields"]
    numeric = next(name for name, field in described.items() if field["isDynamic"] and field["type"] == "double")
    bitrix.crm.item.update(COMPANY, 2, {numeric: 37}, use_original_uf_names=True).call()
    read = bitrix.crm.item.get(COMPANY, 2, use_original_uf_names=True).result["item"]
    assert float(read[numeric]) == 37
    written = [one for one in portal.ledger["writes"] if (one["card"], one["id"]) == ("company", 2)]
    assert [(one["value"], one["by_api"]) for one in written] == [(37, True)]


def test_answers_fit_the_clients_own_types(bitrix: Any) -> None:
    described = bitrix.crm.item.fields(COMPANY, use_original_uf_names=True).value
    chosen = [field for field in described.values() if field.type == "enumeration"]
    assert chosen
    assert all(field.items and not field.is_read_only for field in chosen)
    assert bitrix.server.time().value.utcoffset().total_seconds() == 3 * 3600
    assert bitrix.feature.get("rest_offline_extended").value.value in (True, False)
    known = bitrix.method.get("crm.item.list").value
    assert (known.is_existing, known.is_available) == (True, True)
    assert not bitrix.method.get("crm.item.lits").value.is_existing


def test_errors_are_the_clients_own(bitrix: Any, portal: Portal) -> None:
    with pytest.raises(errors.BitrixAPINotFound) as missing:
        BitrixWebhook(domain=portal.domain, webhook_token=portal.webhook).call_method("crm.item.lits")
    assert missing.value.response.status_code == 404
    with pytest.raises(errors.BitrixAPINotFound, match="не найден"):
        bitrix.crm.item.get(DEAL, 999_999).call()
    with pytest.raises(errors.BitrixAPIInvalidArgValue, match="not allowed in filter"):
        bitrix.crm.item.list(DEAL, filter={"nonsense": 1}).call()
    with pytest.raises(errors.BitrixAPIBadRequest):
        bitrix.tasks.task.add({"TITLE": "Никому", "RESPONSIBLE_ID": 999}).call()
    stranger = Client(BitrixWebhook(domain=portal.domain, webhook_token="1/not-the-code"))
    with pytest.raises(errors.BitrixAPIUnauthorized) as foreign:
        stranger.crm.item.get(DEAL, 1).call()
    assert foreign.value.json_response["error"] == "NO_AUTH_FOUND"


def test_one_bad_command_of_a_batch_spoils_no_other(bitrix: Any) -> None:
    asked = {
        "good": bitrix.crm.item.get(DEAL, 1),
        "bad": bitrix.crm.item.get(DEAL, 999_999),
        "after": bitrix.crm.item.get(DEAL, 2),
    }
    told = bitrix.call_batch(asked).result
    assert set(told.result) == {"good", "after"}
    assert told.result_error["bad"]["error"] == "NOT_FOUND"
    halted = bitrix.call_batch(asked, halt=True).result
    assert set(halted.result) == {"good"}


def test_webhook_is_refused_what_only_an_application_may(bitrix: Any) -> None:
    with pytest.raises(errors.BitrixAPIWrongAuthType):
        bitrix.event.bind("ONCRMDEALUPDATE", "http://127.0.0.1:9/hooks").call()


def test_method_that_ran_too_long_is_refused_for_a_while(portals: dict[str, Portal]) -> None:
    portal = portals["limits"]
    bitrix = portal.vendor_client()
    spent = bitrix.crm.item.get(DEAL, 1).time
    assert spent.operating < 1
    assert spent.operating_reset_at > spent.date_start
    portal.set("limits", operating_seconds=480, operating=480)
    try:
        with pytest.raises(errors.BitrixAPIOperationTimeLimit):
            bitrix.crm.item.get(DEAL, 1).call()
    finally:
        portal.set("limits", operating=0)
    assert bitrix.crm.item.get(DEAL, 1).result["item"]["id"] == 1


def test_page_of_a_broken_server_is_told_as_such(portals: dict[str, Portal]) -> None:
    portal = portals["limits"]
    bitrix = portal.vendor_client()
    for status, told in [
        (500, errors.BitrixResponse500JSONDecodeError),
        (403, errors.BitrixResponse403JSONDecodeError),
    ]:
        portal.set("faults", answer_error={"code": "", "status": status, "count": 1, "html": True})
        with pytest.raises(told):
            bitrix.crm.item.get(DEAL, 1).call()
    assert bitrix.crm.item.get(DEAL, 1).result["item"]["id"] == 1


def test_refusals_of_a_full_bucket_are_waited_out(portals: dict[str, Portal]) -> None:
    portal = portals["limits"]
    before = len(portal.ledger["requests"])
    bitrix = portal.vendor_client(initial_retry_delay=0.2, retry_delay_increment=0.1)
    portal.set("limits", rate=8, burst=5, level=5)
    try:
        told = [bitrix.crm.item.get(DEAL, number).result["item"]["id"] for number in range(1, 6)]
    finally:
        portal.set("limits", rate=0)
    assert told == list(range(1, 6))
    statuses = [one["status"] for one in portal.ledger["requests"][before:]]
    assert (statuses.count(200), 503 in statuses) == (5, True)
