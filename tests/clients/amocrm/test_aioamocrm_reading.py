"""aioamocrm reads: pages by the links it is given, filters, cards by id, and models that refuse a wrong type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from aioamocrm import AmoCRMClient, NotFoundError

from clients.amocrm.conftest import OPEN_DEALS, Account, ask

WON, LOST = 142, 143
FAR = 999_999_999


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    return accounts["aioamocrm"]


@contextmanager
def paid_filter(account: Account) -> Iterator[None]:
    account.set("readings", api_filter=True)
    try:
        yield
    finally:
        account.set("readings", api_filter=False)


async def every(amo: AmoCRMClient, name: str, **options: Any) -> list[Any]:
    return [one async for one in getattr(amo, name).iterate(**options)]


async def get(amo: AmoCRMClient, name: str, number: int) -> Any:
    return await getattr(amo, name).get(number)


def test_leads_are_walked_by_the_links_of_the_pages(account: Account) -> None:
    before = len(account.requests("/api/v4/leads"))
    leads = ask(account, lambda amo: every(amo, "leads", order={"id": "asc"}, with_=["contacts"]))
    asked = account.requests("/api/v4/leads")[before:]
    assert len(leads) > OPEN_DEALS
    assert [one.id for one in leads] == sorted({one.id for one in leads})
    assert len(asked) == -(-len(leads) // 250)
    # a client that is given a link of its own account asks exactly that: brackets stand percent-encoded in it
    assert all("order%5Bid%5D=asc" in one["path"] and "with=contacts" in one["path"] for one in asked)


@pytest.mark.parametrize("name", ["contacts", "companies"])
def test_people_and_companies_are_read_in_pages(account: Account, name: str) -> None:
    wanted = {"contacts": ["leads"], "companies": ["contacts", "leads"]}[name]
    rows = ask(account, lambda amo: every(amo, name, limit=3, with_=wanted))
    assert len(rows) > 3
    assert len({one.id for one in rows}) == len(rows)
    assert any(one.embedded.leads for one in rows)


def test_links_inside_the_answers_stay_in_the_account(account: Account) -> None:
    lead = ask(account, lambda amo: amo.leads.get_page(limit=1))
    root = f"https://{account.subdomain}.amocrm.ru/api/v4/leads"
    assert (lead.next_url or "").startswith(f"{root}?")
    assert lead.items[0].links == {"self": {"href": f"{root}/{lead.items[0].id}"}}


def test_page_past_the_end_and_search_without_hits_are_empty(account: Account) -> None:
    past = ask(account, lambda amo: amo.leads.get_page(999))
    assert (past.items, past.next_url) == ([], None)
    assert ask(account, lambda amo: every(amo, "contacts", query="nobody is called so")) == []


def test_filters_of_cards_are_ignored_until_paid_for(account: Account) -> None:
    chosen = {"filter": {"id": [1, 2, 3]}}
    assert len(ask(account, lambda amo: every(amo, "leads", **chosen))) > OPEN_DEALS
    with paid_filter(account):
        assert {one.id for one in ask(account, lambda amo: every(amo, "leads", **chosen))} == {1, 2, 3}
        assert ask(account, lambda amo: every(amo, "leads", filter={"id": [FAR]})) == []
        won = ask(account, lambda amo: every(amo, "leads", filter={"statuses": [{"pipeline_id": 1, "status_id": WON}]}))
        assert {(one.pipeline_id, one.status_id) for one in won} == {(1, WON)}
        newest = max(one.updated_at for one in won)
        recent = ask(account, lambda amo: every(amo, "leads", filter={"updated_at": {"from": newest}}))
        assert {one.updated_at >= newest for one in recent} == {True}


def test_what_is_not_there_is_204_for_cards(account: Account) -> None:
    for name in ("leads", "contacts", "companies"):
        with pytest.raises(NotFoundError) as missing:
            ask(account, partial(get, name=name, number=FAR))
        assert missing.value.status_code == 204
    for name in ("tasks", "users"):
        with pytest.raises(NotFoundError):
            ask(account, partial(get, name=name, number=FAR))


def test_lead_tells_its_people_and_its_company(account: Account) -> None:
    leads = ask(account, lambda amo: every(amo, "leads", with_=["contacts", "loss_reason"]))
    lead = next(one for one in leads if one.embedded.contacts and one.embedded.companies)
    assert [one.is_main for one in lead.embedded.contacts].count(True) == 1
    person = ask(account, lambda amo: amo.contacts.get(lead.embedded.contacts[0].id, with_=["leads"]))
    assert lead.id in {one.id for one in person.embedded.leads}
    assert person.field_value("PHONE", enum_code="WORK")
    lost = next(one for one in leads if one.loss_reason_id)
    assert lost.status_id == LOST
    (reason,) = (lost.embedded.model_extra or {})["loss_reason"]
    assert reason["id"] == lost.loss_reason_id
    assert ask(account, lambda amo: amo.request("GET", reason["_links"]["self"]["href"])) == reason


def test_pipelines_share_the_last_two_stages(account: Account) -> None:
    pipelines = ask(account, lambda amo: amo.pipelines.list())
    assert [one.is_main for one in pipelines].count(True) == 1
    for pipeline in pipelines:
        assert {WON, LOST} <= {one.id for one in pipeline.statuses}
        assert {one.pipeline_id for one in pipeline.statuses} == {pipeline.id}
    first = pipelines[0]
    assert ask(account, lambda amo: amo.pipelines.statuses(first.id or 0)) == first.statuses
    assert ask(account, lambda amo: amo.pipelines.get(first.id or 0)) == first


def test_account_and_its_users_fit_the_models(account: Account) -> None:
    told = ask(account, lambda amo: amo.account.get(with_=["task_types", "datetime_settings", "users_groups"]))
    assert (told.id, told.subdomain) == (account.told["account_id"], account.subdomain)
    assert isinstance(told.embedded, dict)
    assert {1: "FOLLOW_UP", 2: "MEETING"}.items() <= {
        one["id"]: one["code"] for one in told.embedded["task_types"]
    }.items()
    assert told.embedded["datetime_settings"]["timezone"] == "Europe/Moscow"
    users = ask(account, lambda amo: every(amo, "users", with_=["role", "group"]))
    assert {one.id: one.rights["is_active"] for one in users} == {
        one["id"]: one["active"] for one in account.told["users"]
    }


def test_definitions_of_fields_come_in_pages_too(account: Account) -> None:
    async def fields(amo: AmoCRMClient) -> list[Any]:
        return [one async for one in amo.contacts.custom_fields.iterate(limit=2)]

    found = ask(account, fields)
    assert len({one.id for one in found}) == len(found) > 2
    phone = next(one for one in found if one.code == "PHONE")
    assert phone.type == "multitext"
    assert phone.enum_id("WORK")
    assert ask(account, lambda amo: amo.contacts.custom_fields.get(phone.id)) == phone
    with pytest.raises(NotFoundError):
        ask(account, lambda amo: amo.contacts.custom_fields.get(FAR))


def test_events_are_pages_of_a_hundred_at_most(account: Account) -> None:
    async def events(amo: AmoCRMClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 1000):
            answer = await amo.request("GET", "events", params={"page": page, "limit": 100})
            if answer is None:
                break
            assert len(answer["_embedded"]["events"]) <= 100
            found += answer["_embedded"]["events"]
        return found

    found = ask(account, events)
    assert len({one["id"] for one in found}) == len(found) > 100
    assert all(isinstance(one["value_after"], list) and isinstance(one["value_before"], list) for one in found)
    types = ask(account, lambda amo: amo.request("GET", "events/types"))["_embedded"]["events_types"]
    assert {one["type"] for one in found} <= {one["key"] for one in types}

    named = {"with": "lead_name", "filter": {"entity": ["lead"], "entity_id": [1]}}
    of_lead = ask(account, lambda amo: amo.request("GET", "events", params=named))["_embedded"]["events"]
    title = ask(account, lambda amo: amo.leads.get(1)).name
    assert {(one["entity_id"], one["_embedded"]["entity"]["name"]) for one in of_lead} == {(1, title)}
