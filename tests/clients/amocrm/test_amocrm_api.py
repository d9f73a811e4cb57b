"""amocrm-api: a model for each card, whose links, notes, tasks and tags are calls of their own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from amocrm.v2 import Company, Contact, Event, Lead, Pipeline, Tag, Task, User, custom_field, exceptions
from amocrm.v2.account import AccountInteraction
from amocrm.v2.entity.customer import Customer, CustomersInteraction
from amocrm.v2.entity.pipeline import Status
from amocrm.v2.filters import DateRangeFilter, FiltersByPipelineAndStatus, SingleFilter, SingleListFilter
from amocrm.v2.tokens import MemoryTokensStorage, default_token_manager

from clients.amocrm.conftest import OPEN_DEALS, REDIRECT, Account

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")  # the client's, from 3.12 on
WON, LOST = 142, 143
FAR = 999_999_999
DUE = datetime(2027, 1, 12, 20, 59, tzinfo=UTC)


class Firm(Company):  # type: ignore[misc]  # the client has no types
    """A company with fields of the account, as users of the client describe them."""

    headcount = custom_field.NumericCustomField("Сколько людей", code="HEADCOUNT")
    industry = custom_field.TextCustomField("Отрасль и чем зарабатывает", code="INDUSTRY")
    segment = custom_field.SelectCustomField("Сегмент", code="SEGMENT")
    strategic = custom_field.CheckboxCustomField("Стратегический клиент", code="STRATEGIC")


class Person(Contact):  # type: ignore[misc]  # the client has no types
    """A contact with a phone."""

    phone = custom_field.ContactPhoneField("Телефон")


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    """The account that all models of the client talk to: it knows one for the whole program."""
    account = accounts["amocrm_api"]
    pair = account.set("tokens", issue=1)
    storage = MemoryTokensStorage()
    storage.save_tokens(pair["access_token"], pair["refresh_token"])
    known = (account.told["client_id"], account.told["client_secret"], account.subdomain, REDIRECT)
    default_token_manager(*known, storage=storage)
    return account


def card(account: Account, kind: str, number: int) -> dict[str, Any]:
    """What lies in the account."""
    told: dict[str, Any] = account.look(f"cards/{kind}/{number}")
    return told


def test_all_brings_every_page(account: Account) -> None:
    before = len(account.requests("/api/v4/leads"))
    leads = list(Lead.objects.all())
    assert len({lead.id for lead in leads}) == len(leads) > OPEN_DEALS
    assert len(account.requests("/api/v4/leads")) - before == -(-len(leads) // 250)
    for model in (Contact, Company, User, Pipeline):
        rows = list(model.objects.all())
        assert len({row.id for row in rows}) == len(rows) > 0


def test_filters_of_cards_are_ignored_until_paid_for(account: Account) -> None:
    chosen = [SingleListFilter("id")(5)]
    assert len(list(Lead.objects.filter(filters=chosen))) > OPEN_DEALS
    account.set("readings", api_filter=True)
    try:
        assert [lead.id for lead in Lead.objects.filter(filters=chosen)] == [5]
        won = list(Lead.objects.filter(filters=[FiltersByPipelineAndStatus("statuses")(1, WON)]))
        assert {lead.status.id for lead in won[:2]} == {WON}
        newest = max(lead.updated_at.replace(tzinfo=UTC) for lead in won)
        recent = DateRangeFilter("updated_at")(newest, newest + timedelta(days=9))
        assert 0 < len(list(Lead.objects.filter(filters=[recent]))) < OPEN_DEALS
        assert list(Lead.objects.filter(filters=[SingleListFilter("id")(FAR)])) == []
    finally:
        account.set("readings", api_filter=False)


def test_search_and_order(account: Account) -> None:
    person = next(iter(Contact.objects.all()))
    assert person.id in {one.id for one in Contact.objects.filter(query=person.name)}
    assert list(Contact.objects.filter(query="nobody is called so")) == []
    newest = [lead.updated_at for lead in Lead.objects.filter(order={"updated_at": "desc"})]
    assert newest == sorted(newest, reverse=True)


def test_lead_leads_to_everything_it_is_bound_to(account: Account) -> None:
    lead = next(lead for lead in Lead.objects.all() if lead._data["_embedded"]["contacts"])
    there = card(account, "deal", lead.id)
    assert [person.id for person in lead.contacts] == there["contacts"]
    assert (lead.responsible_user.id, lead.pipeline.id) == (there["owner"], there["pipeline"])
    assert lead.status.id in {status.id for status in lead.pipeline.statuses}
    person = next(iter(lead.contacts))
    assert lead.id in {one.id for one in person.leads}
    assert person.company.id in card(account, "contact", person.id)["company_ids"]
    lost = next(lead for lead in Lead.objects.all() if lead.loss_reason_id)
    assert [one["id"] for one in lost.loss_reason] == [lost.loss_reason_id]


def test_stages_of_a_pipeline_are_found_by_name(account: Account) -> None:
    pipeline = next(iter(Pipeline.objects.all()))
    listed = list(Status.get_for(pipeline).all())
    assert {status.id for status in listed} == {status.id for status in pipeline.statuses} > {WON, LOST}
    assert Status.get_for(pipeline).get(query=listed[1].name.upper()).id == listed[1].id
    assert Status.get_for(pipeline).get(WON).id == WON


def test_what_is_not_there_is_not_found(account: Account) -> None:
    for model in (Lead, Contact, Company):
        with pytest.raises(exceptions.NotFound):
            model.objects.get(FAR)
    with pytest.raises(exceptions.AmoApiException):
        Task.objects.get(FAR)


def test_account_tells_what_its_model_asks_for(account: Account) -> None:
    asked = ["version", "users_groups", "task_types", "datetime_settings", "entity_names", "is_api_filter_enabled"]
    told = AccountInteraction().get(include=asked)
    assert (told["id"], told["subdomain"], told["is_api_filter_enabled"]) == (
        account.told["account_id"],
        account.subdomain,
        False,
    )
    assert told["_embedded"]["task_types"]


def test_lead_is_made_changed_tagged_and_linked(account: Account) -> None:
    lead = Lead(name="Сделка: «Ромашка» & партнёры", price=1000).save()
    there = card(account, "deal", lead.id)
    assert (there["title"], there["amount"]) == ("Сделка: «Ромашка» & партнёры", 1000)

    lead = Lead.objects.get(lead.id)
    lead.price = 2000
    lead.status = WON
    lead.tags.append("важный")
    lead.save()
    assert Lead.objects.get(lead.id).status.id == WON
    assert card(account, "deal", lead.id)["amount"] == 2000
    (tag,) = Lead.objects.get(lead.id).tags
    assert (bool(tag.id), tag.name) == (True, "важный")
    assert {one.name: one.id for one in Tag.leads.all()}["важный"] == tag.id
    assert Tag.leads.create(name="важный").id == tag.id
    lead = Lead.objects.get(lead.id)
    lead.tags.remove("важный")
    lead.save()
    assert list(Lead.objects.get(lead.id).tags) == []

    lead = Lead.objects.get(lead.id)
    first, second, *_ = Contact.objects.all()
    lead.contacts.append(first)
    lead.contacts.append(second, main=True)
    assert card(account, "deal", lead.id)["contacts"] == [second.id, first.id]
    assert [person.id for person in Lead.objects.get(lead.id).contacts] == [second.id, first.id]


def test_fields_of_companies_are_written_and_read(account: Account) -> None:
    firm = Firm.objects.get(1)
    firm.headcount, firm.industry, firm.segment, firm.strategic = 37, "Окна & двери", "B", True
    firm.save()
    firm = Firm.objects.get(1)
    assert (firm.headcount, firm.industry, firm.strategic) == (37.0, "Окна & двери", True)
    assert (firm.segment.value, bool(firm.segment.id)) == ("B", True)
    written = {one["code"]: one["value"] for one in account.ledger["writes"] if one["by_api"] and one["id"] == 1}
    assert (written["headcount"], written["industry"], written["strategic"]) == (37, "Окна & двери", True)

    person = Person.objects.get(1)
    person.phone = "+79990001122"
    person.save()
    assert (Person.objects.get(1).phone, card(account, "contact", 1)["phone"]) == ("+79990001122", "+79990001122")
    found = {field.code: field.type for field in custom_field.CustomFieldModel.get_for(firm)}
    assert (found["HEADCOUNT"], found["SEGMENT"]) == ("numeric", "select")


def test_tasks_of_a_card_are_added_changed_and_closed(account: Account) -> None:
    firm = Company.objects.get(2)
    firm.tasks.add(Task(text="Касание 1: позвонить", complete_till=DUE, task_type_id=1))
    (task,) = firm.tasks
    assert (task.text, task.complete_till.replace(tzinfo=UTC), task.is_completed) == (
        "Касание 1: позвонить",
        DUE,
        False,
    )
    assert (task.result, task.entity.id) == (None, 2)
    assert Company.objects.get(2).closest_task_at == task.complete_till

    task.complete_till = DUE + timedelta(days=1)
    task.save()
    Task.objects.update(task.id, is_completed=True, result={"text": "да"})
    task = Task.objects.get(task.id)
    assert (task.is_completed, task.result) == (True, "да")
    there = next(one for one in account.ledger["tasks"] if one["id"] == task.id)
    assert (there["open"], there["result"], there["cards"]) == (False, "да", [["company", 2]])
    open_ones = [
        SingleFilter("is_completed")(0),
        SingleFilter("entity_type")("companies"),
        SingleFilter("entity_id")(2),
    ]
    assert list(Task.objects.filter(filters=open_ones)) == []


def test_notes_of_a_card_are_added_and_read(account: Account) -> None:
    firm = Company.objects.get(3)
    made = firm.notes(text="Примечание").save()
    assert (firm.notes.objects.get(made.id).text, firm.notes.objects.get(made.id).note_type) == ("Примечание", "common")
    assert made.id in {note.id for note in firm.notes.objects.all()}
    assert [one["text"] for one in account.ledger["comments"] if one["card"] == ["company", 3]] == ["Примечание"]


def test_events_are_read_whole_and_in_the_shapes_of_their_types(account: Account) -> None:
    Lead.objects.update(7, {"responsible_user_id": 4, "status_id": WON, "pipeline_id": 1, "name": "Другая"})
    events = list(Event.objects.all())
    assert len({event.id for event in events}) == len(events) > 100
    kinds = Counter(event.type for event in events)
    assert {"lead_added", "lead_status_changed", "task_added", "task_completed", "common_note_added"} <= set(kinds)
    told = [(event.type, event.value_after, event.value_before) for event in events]  # none breaks the client's reader
    assert len(told) == len(events)
    newest_last = sorted(events, key=lambda event: event.created_at)
    of_one = {event.type: event for event in newest_last if (event.entity_type, event.entity_id) == ("lead", 7)}
    assert of_one["entity_responsible_changed"].value_after == 4
    assert of_one["lead_status_changed"].value_after == {"id": WON, "pipeline_id": 1}
    chosen = Event.objects.filter(filters=[SingleFilter("type")("lead_status_changed")])
    assert {event.type for event in chosen} == {"lead_status_changed"}


def test_customers_are_there_once_switched_on(account: Account) -> None:
    with pytest.raises(exceptions.AmoApiException):
        list(Customer.objects.all())
    CustomersInteraction().enable()
    try:
        assert list(Customer.objects.all()) == []
        Customer(name="Покупатель", next_price=5, next_date=DUE).save()
        (customer,) = Customer.objects.all()
        assert (customer.name, customer.next_price, customer.purchases_count) == ("Покупатель", 5, 0)
        customer.next_price = 7
        customer.save()
        assert Customer.objects.get(customer.id).next_price == 7
    finally:
        CustomersInteraction().disable()


def test_refusals_are_the_clients_own(account: Account) -> None:
    with pytest.raises(exceptions.ValidationError) as refused:
        Lead.objects.update(1, {"responsible_user_id": FAR})
    assert refused.value.args[0]["validation-errors"][0]["errors"][0]["code"] == "NotSupportedChoice"
    with pytest.raises(exceptions.ValidationError, match="complete_till"):
        Task.objects.create(text="Без срока")
    for status, body, error in [
        (403, "html", exceptions.PermissionsDenyException),
        (402, "problem", ValueError),
        (429, "text", exceptions.AmoApiException),
        (500, "problem", exceptions.AmoApiException),
    ]:
        account.set("faults", answer_error={"code": "", "status": status, "body": body, "count": 1})
        with pytest.raises(error):
            Lead.objects.get(1)
    account.set("faults", drop_answer=1)
    with pytest.raises(exceptions.AmoApiException):
        Lead.objects.update(1, {"name": "Применено"})
    assert Lead.objects.get(1).name == "Применено"
