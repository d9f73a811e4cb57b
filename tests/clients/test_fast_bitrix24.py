"""fast_bitrix24: packs pages and commands into batches side by side, and paces itself by what the portal answers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest
from fast_bitrix24 import BitrixAsync
from fast_bitrix24.server_response import ErrorInServerResponseException

from clients.conftest import OPEN_DEALS, Portal

DEAL, COMPANY = 2, 4
DEALS = {"entityTypeId": DEAL, "select": ["id"]}
Told = TypeVar("Told")


@pytest.fixture(scope="module")
def portal(portals: dict[str, Portal]) -> Portal:
    return portals["fast_bitrix24"]


def ask(portal: Portal, question: Callable[[BitrixAsync], Awaitable[Told]], **options: Any) -> Told:
    """Ask one question with a client of its own; only the certificate is ours, over the client's own `client=`."""

    async def asking() -> Told:
        trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(portal.certificate)))
        async with aiohttp.ClientSession(connector=trusting, raise_for_status=True) as session:
            url = f"https://{portal.domain}/rest/{options.pop('webhook', portal.webhook)}"
            return await question(BitrixAsync(url, verbose=False, client=session, **options))

    return asyncio.run(asking())


def test_get_all_brings_more_rows_than_a_batch_of_pages_holds(portal: Portal) -> None:
    deals = ask(portal, lambda bitrix: bitrix.get_all("crm.item.list", DEALS))
    assert len(deals) > OPEN_DEALS
    assert len({deal["id"] for deal in deals}) == len(deals)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.company.list", {"select": ["ID"]}),
        ("crm.deal.list", {"select": ["ID"], "filter": {"CATEGORY_ID": 0}}),
        ("crm.activity.list", {"select": ["ID"]}),
        ("crm.stagehistory.list", {"entityTypeId": DEAL, "select": ["ID"]}),
        ("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}}),
        ("crm.category.list", {"entityTypeId": DEAL}),
        ("user.get", {}),
        ("department.get", {}),
        ("crm.company.userfield.list", {}),
    ],
)
def test_get_all_reads_every_kind_of_list(portal: Portal, method: str, params: dict[str, Any]) -> None:
    rows = ask(portal, lambda bitrix: bitrix.get_all(method, params))
    assert rows
    names = {str(row.get("ID") or row.get("id")) for row in rows}
    assert len(names) == len(rows)


def test_get_by_id_answers_under_the_ids(portal: Portal) -> None:
    wanted = list(range(1, 121))
    told = ask(portal, lambda bitrix: bitrix.get_by_ID("crm.item.get", wanted, "id", {"entityTypeId": DEAL}))
    assert {int(key): deal["item"]["id"] for key, deal in told.items()} == {number: number for number in wanted}


def test_call_makes_tasks_in_batches_and_completes_them(portal: Portal) -> None:
    titles = [f"Касание {number}: «Ромашка» & партнёры" for number in range(70)]
    wanted = [{"fields": {"TITLE": title, "RESPONSIBLE_ID": 3, "UF_CRM_TASK": ["CO_1"]}} for title in titles]
    made = ask(portal, lambda bitrix: bitrix.call("tasks.task.add", wanted))
    assert sorted(task["title"] for task in made) == sorted(titles)
    there = {task["id"]: task["title"] for task in portal.ledger["tasks"]}
    assert {int(task["id"]): task["title"] for task in made} == there

    ids = [int(task["id"]) for task in made]
    ask(portal, lambda bitrix: bitrix.call("tasks.task.complete", [{"taskId": one} for one in ids]))
    listed = ask(portal, lambda bitrix: bitrix.get_all("tasks.task.list", {"filter": {"STATUS": 5}}))
    assert {int(task["id"]) for task in listed} == set(ids)


def test_fields_are_updated_and_emptied(portal: Portal) -> None:
    wanted = [{"entityTypeId": DEAL, "id": number, "fields": {"title": f"Сделка {number}"}} for number in (1, 2, 3)]
    ask(portal, lambda bitrix: bitrix.call("crm.item.update", wanted))
    read = ask(portal, lambda bitrix: bitrix.get_by_ID("crm.item.get", [1, 2, 3], "id", {"entityTypeId": DEAL}))
    assert {deal["item"]["title"] for deal in read.values()} == {"Сделка 1", "Сделка 2", "Сделка 3"}

    emptied = {"entityTypeId": DEAL, "id": 1, "fields": {"companyId": None}}
    answer = ask(portal, lambda bitrix: bitrix.call("crm.item.update", emptied, raw=True))
    assert answer["result"]["item"]["companyId"] in (0, None)


def test_call_batch_hands_results_from_command_to_command(portal: Portal) -> None:
    commands = {
        "deal": f"crm.item.list?entityTypeId={DEAL}&filter[!companyId]=0&select[0]=id&select[1]=companyId",
        "company": f"crm.item.get?entityTypeId={COMPANY}&id=$result[deal][items][0][companyId]",
    }
    told = ask(portal, lambda bitrix: bitrix.call_batch({"halt": 0, "cmd": commands}))
    assert told["company"]["item"]["id"] == told["deal"]["items"][0]["companyId"]


def test_errors_under_the_first_numbers_come_as_a_list(portal: Portal) -> None:
    """As a real portal answered: to PHP the keys "0" and "1" are numbers, so two first errors make a list."""
    commands = {"0": "crm.deal.get?id=0", "1": "crm.deal.get?id=999999", "7": "crm.deal.get?id=7"}
    told = ask(portal, lambda bitrix: bitrix.call("batch", {"halt": 0, "cmd": commands}, raw=True))["result"]
    assert [one["error_description"] for one in told["result_error"]] == ["ID is not defined or invalid", "Not found"]
    assert told["result"]["7"]["ID"] == "7"


def test_errors_of_commands_come_as_the_clients_own(portal: Portal) -> None:
    with pytest.raises(ErrorInServerResponseException, match="NOT_FOUND"):
        ask(portal, lambda bitrix: bitrix.get_by_ID("crm.item.get", [1, 999_999], "id", {"entityTypeId": DEAL}))
    with pytest.raises(ErrorInServerResponseException, match="ERROR_METHOD_NOT_FOUND"):
        ask(portal, lambda bitrix: bitrix.call("crm.item.lits", {"entityTypeId": DEAL}))


@pytest.mark.parametrize(
    ("status", "method", "params", "webhook"),
    [
        (404, "crm.itm.list", {"entityTypeId": DEAL}, {}),
        (400, "crm.item.list", {"entityTypeId": DEAL, "filter": {"nonsense": 1}}, {}),
        (401, "crm.item.list", {"entityTypeId": DEAL}, {"webhook": "1/not-the-code"}),
    ],
)
def test_refused_requests_carry_the_documented_status(
    portal: Portal, status: int, method: str, params: dict[str, Any], webhook: dict[str, str]
) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        ask(portal, lambda bitrix: bitrix.get_all(method, params), **webhook)
    assert refused.value.status == status


def test_dead_token_of_an_application_is_asked_for_again(portal: Portal) -> None:
    portal.set("tokens", expire=True)
    asked: list[str] = []

    async def token() -> str:
        asked.append(portal.set("tokens", issue=1)["access_token"] if asked else portal.told["access_token"])
        return asked[-1]

    deals = ask(portal, lambda bitrix: bitrix.get_all("crm.item.list", DEALS), webhook="", token_func=token)
    assert (len(deals) > OPEN_DEALS, len(asked)) == (True, 2)


def test_refusals_of_a_full_bucket_are_waited_out(portals: dict[str, Portal]) -> None:
    portal = portals["limits"]
    before = len(portal.ledger["requests"])
    wanted = [{"entityTypeId": DEAL, "id": number} for number in range(1, 6)]
    portal.set("limits", rate=8, burst=5, level=5)
    try:
        told = ask(portal, lambda bitrix: bitrix.call("crm.item.get", wanted), batch_size=1)
    finally:
        portal.set("limits", rate=0)
    assert {deal["id"] for deal in told} == set(range(1, 6))
    statuses = [one["status"] for one in portal.ledger["requests"][before:]]
    assert (statuses.count(200), 503 in statuses) == (5, True)
