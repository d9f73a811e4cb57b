"""aioamocrm writes: arrays of tasks, notes, fields of every kind, links; and its own exceptions for refusals."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from aioamocrm import (
    AmoCRMError,
    AuthError,
    Company,
    Contact,
    Embedded,
    ForbiddenError,
    Lead,
    LongLivedToken,
    NetworkError,
    Note,
    NotFoundError,
    PaymentRequiredError,
    RetryPolicy,
    ServerError,
    Task,
    ValidationError,
)

from clients.amocrm.conftest import Account, ask

AT_ONCE = RetryPolicy(backoff_base=0.01)
DUE = 1_790_000_000
FAR = 999_999_999
WON = 142


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    return accounts["aioamocrm_writing"]


def tasks_in(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    there = {one["id"]: one for one in account.ledger["tasks"]}
    return [there[one] for one in ids]


def test_tasks_are_made_in_arrays_of_250(account: Account) -> None:
    wanted = [
        Task(text=f"Касание {number}: «Ромашка»", complete_till=DUE, entity_type="companies", entity_id=1)
        for number in range(300)
    ]
    before = len(account.requests("/api/v4/tasks"))
    made = ask(account, lambda amo: amo.tasks.create(wanted, batch_size=250))
    there = tasks_in(account, [one.id or 0 for one in made])
    assert [one["text"] for one in there] == [one.text for one in wanted]
    assert {one["cards"][0][0] for one in there} == {"company"}
    assert [one["commands"] for one in account.requests("/api/v4/tasks")[before:]] == [250, 50]
    # the number in the array is echoed where no request_id was sent
    assert [one.request_id for one in made] == [str(number) for number in (*range(250), *range(50))]

    async def of_company(amo: Any, done: Any) -> list[int]:
        chosen = {"entity_type": "companies", "entity_id": [1], "is_completed": done, "created_by": [1]}
        return [one.id async for one in amo.tasks.iterate(filter=chosen)]

    for still_open in (0, [0]):
        assert {one.id for one in made} <= set(ask(account, partial(of_company, done=still_open)))
    assert ask(account, partial(of_company, done=[1])) == []


def test_task_is_changed_and_completed_with_a_result(account: Account) -> None:
    (made,) = ask(account, lambda amo: amo.tasks.create([Task(text="Позвонить", complete_till=DUE, task_type_id=2)]))
    task = ask(account, lambda amo: amo.tasks.get(made.id or 0))
    assert (task.result, task.is_completed, task.entity_id, task.task_type_id) == (None, False, None, 2)
    ask(account, lambda amo: amo.tasks.update([Task(id=made.id, complete_till=DUE + 60, responsible_user_id=3)]))
    ask(account, lambda amo: amo.tasks.complete(made.id or 0, result="Договорились"))
    task = ask(account, lambda amo: amo.tasks.get(made.id or 0))
    assert task.result is not None
    assert (task.result.text, task.is_completed) == ("Договорились", True)
    assert (task.complete_till, task.responsible_user_id, task.text) == (DUE + 60, 3, "Позвонить")
    (there,) = tasks_in(account, [made.id or 0])
    assert (there["open"], there["result"], there["assignee"]) == (False, "Договорились", 3)


def test_notes_are_written_and_read_of_one_card_and_of_all(account: Account) -> None:
    words = ["Предложение: перенести звонок", "Второе примечание"]
    made = ask(account, lambda amo: amo.companies.notes.create([Note.common(2, text) for text in words]))
    assert [one.entity_id for one in made] == [2, 2]
    assert ask(account, lambda amo: amo.companies.notes.get(made[0].id or 0, entity_id=2)).text == words[0]

    async def notes(amo: Any, **options: Any) -> list[str]:
        return [one.text async for one in amo.companies.notes.iterate(filter={"note_type": ["common"]}, **options)]

    assert ask(account, lambda amo: notes(amo, entity_id=2))[-2:] == words
    assert set(words) <= set(ask(account, notes))
    assert words == [one["text"] for one in account.ledger["comments"] if one["card"] == ["company", 2]][-2:]


def test_values_of_every_kind_come_back_as_documented(account: Account) -> None:
    company = Company(id=3)
    company.set_field("HEADCOUNT", 30)
    company.set_field("INDUSTRY", "Окна & двери")
    company.set_field("SEGMENT", "B")
    company.set_field("STRATEGIC", True)
    company.set_field("NEXT_NEED", DUE)
    ask(account, lambda amo: amo.companies.update([company]))
    read = ask(account, lambda amo: amo.companies.get(3))
    assert (read.field_value("HEADCOUNT"), read.field_value("INDUSTRY")) == ("30", "Окна & двери")
    assert (read.field_value("SEGMENT"), read.field_value("STRATEGIC")) == ("B", True)
    chosen = read.field("SEGMENT")
    assert chosen is not None
    assert chosen.values is not None
    assert chosen.values[0].enum_id
    assert isinstance(read.field_value("NEXT_NEED"), int)
    assert read.field("HEADCOUNT").field_type == "numeric"  # type: ignore[union-attr]  # it was filled above

    emptied = [{"id": 3, "custom_fields_values": [{"field_code": "HEADCOUNT", "values": None}]}]
    ask(account, lambda amo: amo.companies.update(emptied))
    read = ask(account, lambda amo: amo.companies.get(3))
    assert (read.field("HEADCOUNT"), read.field_value("INDUSTRY")) == (None, "Окна & двери")

    # what was read is sent back whole: with descriptions of fields, and with phones under their kinds
    person = ask(account, lambda amo: amo.contacts.get(1))
    phone = person.field_value("PHONE", enum_code="WORK")
    person.set_field("DM_NAME", "Пётр")
    ask(account, lambda amo: amo.contacts.update([person]))
    again = ask(account, lambda amo: amo.contacts.get(1))
    assert (again.field_value("PHONE", enum_code="WORK"), again.field_value("DM_NAME")) == (phone, "Пётр")


def test_lead_is_made_linked_and_won(account: Account) -> None:
    (made,) = ask(account, lambda amo: amo.leads.create([Lead(name="Сделка", price=1000)]))
    number = made.id or 0
    ask(account, lambda amo: amo.leads.link(number, "contacts", 1))
    ask(account, lambda amo: amo.leads.link(number, "contacts", 2, metadata={"is_main": True}))
    ask(account, lambda amo: amo.leads.link(number, "companies", 1))
    lead = ask(account, lambda amo: amo.leads.get(number, with_=["contacts"]))
    assert {one.id: one.is_main for one in lead.embedded.contacts} == {1: False, 2: True}
    assert [one.id for one in lead.embedded.companies] == [1]
    links = ask(account, lambda amo: amo.leads.links(number))
    assert {(one.to_entity_type, one.to_entity_id) for one in links} == {
        ("contacts", 1),
        ("contacts", 2),
        ("companies", 1),
    }
    assert {one.to_entity_id: one.metadata for one in links if one.to_entity_type == "contacts"}[2] == {
        "main_contact": True
    }
    one_of_two = {"to_entity_type": "companies", "to_entity_id": 1}  # a contact has the number too
    (link,) = ask(account, lambda amo: amo.leads.links(number, filter=one_of_two))
    assert (link.to_entity_type, link.to_entity_id) == ("companies", 1)
    ask(account, lambda amo: amo.leads.unlink(number, "contacts", 1))
    ask(account, lambda amo: amo.leads.update([Lead(id=number, status_id=WON, pipeline_id=lead.pipeline_id)]))
    lead = ask(account, lambda amo: amo.leads.get(number, with_=["contacts"]))
    assert ([one.id for one in lead.embedded.contacts], lead.status_id) == ([2], WON)
    assert lead.closed_at is not None
    assert account.look(f"cards/deal/{number}")["contacts"] == [2]


def test_complex_lead_brings_its_person_and_its_company(account: Account) -> None:
    person = Contact(first_name="Иван", last_name="Новый")
    person.set_field("PHONE", "+79990001122", enum_code="WORK")
    lead = Lead(
        name="Заявка с сайта", price=5, embedded=Embedded(contacts=[person], companies=[Company(name="Ромашка")])
    )
    (made,) = ask(account, lambda amo: amo.leads.create_complex([lead]))
    read = ask(account, lambda amo: amo.leads.get(made.id or 0, with_=["contacts"]))
    assert [one.id for one in read.embedded.contacts] == [made.contact_id]
    assert [one.id for one in read.embedded.companies] == [made.company_id]
    there = ask(account, lambda amo: amo.contacts.get(made.contact_id or 0))
    assert (there.last_name, there.field_value("PHONE")) == ("Новый", "+79990001122")


def test_field_is_made_renamed_and_removed(account: Account) -> None:
    async def turn(amo: Any, method: str, path: str, body: Any) -> Any:
        return await amo.request(method, f"leads/custom_fields{path}", json=body)

    wanted = [{"name": "Заполненность досье, %", "type": "numeric", "code": "KASANIE_FILL", "is_api_only": True}]
    (made,) = ask(account, partial(turn, method="POST", path="", body=wanted))["_embedded"]["custom_fields"]
    assert (made["code"], made["is_api_only"], made["request_id"]) == ("KASANIE_FILL", True, "0")
    with pytest.raises(ValidationError):
        ask(account, partial(turn, method="POST", path="", body=wanted))
    lead = Lead(id=1)
    lead.set_field("KASANIE_FILL", "30")
    ask(account, lambda amo: amo.leads.update([lead]))
    assert ask(account, lambda amo: amo.leads.get(1)).field_value(made["id"]) == "30"

    one = f"/{made['id']}"
    assert ask(account, partial(turn, method="PATCH", path=one, body={"name": "Досье, %"}))["name"] == "Досье, %"
    assert account.requests("/api/v4/leads/custom_fields")[-1]["status"] == 201
    assert ask(account, partial(turn, method="DELETE", path=one, body=None)) is None
    assert ask(account, lambda amo: amo.leads.get(1)).field(made["id"]) is None


def test_one_wrong_item_refuses_its_whole_array(account: Account) -> None:
    good, bad = Task(text="Верная", complete_till=DUE), Task(text="Ничья", complete_till=DUE, responsible_user_id=FAR)
    before = len(account.ledger["tasks"])
    with pytest.raises(ValidationError) as refused:
        ask(account, lambda amo: amo.tasks.create([good, bad]))
    (issue,) = refused.value.errors
    assert (issue.request_id, issue.code, issue.path) == ("1", "NotSupportedChoice", "responsible_user_id")
    assert len(account.ledger["tasks"]) == before
    with pytest.raises(ValidationError) as refused:
        ask(account, lambda amo: amo.tasks.create([good, Task(text="Без срока")], batch_size=1))
    assert (refused.value.batch_offset, len(refused.value.completed)) == (1, 1)
    assert refused.value.errors[0].path == "complete_till"
    with pytest.raises(ValidationError) as refused:
        ask(
            account,
            lambda amo: amo.leads.update([{"id": 1, "custom_fields_values": [{"field_id": FAR, "values": []}]}]),
        )
    assert refused.value.errors[0].path == "custom_fields_values.0.field_id"


def test_too_long_an_array_and_an_empty_one_are_refused(account: Account) -> None:
    async def post(amo: Any, items: list[dict[str, Any]]) -> Any:
        return await amo.request("POST", "tasks", json=items)

    with pytest.raises(ValidationError) as refused:
        ask(account, lambda amo: post(amo, [{"text": "", "complete_till": DUE}] * 251))
    assert (refused.value.status_code, refused.value.title) == (422, "Unprocessable Entity")
    with pytest.raises(ValidationError) as refused:
        ask(account, lambda amo: post(amo, []))
    assert (refused.value.status_code, refused.value.errors) == (400, [])


def test_strange_paths_verbs_and_tokens_have_errors_of_their_own(account: Account) -> None:
    with pytest.raises(NotFoundError):
        ask(account, lambda amo: amo.request("GET", "leeds"))
    with pytest.raises(AmoCRMError) as wrong_verb:
        ask(account, lambda amo: amo.request("DELETE", "leads/1"))
    assert wrong_verb.value.status_code == 405
    with pytest.raises(AuthError) as stranger:
        ask(account, lambda amo: amo.account.get(), auth=LongLivedToken("sandbox-not-the-token"))
    assert (stranger.value.status_code, stranger.value.title) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (402, "problem", PaymentRequiredError),
        (403, "problem", ForbiddenError),
        (403, "html", ForbiddenError),
        (500, "problem", ServerError),
        (504, "html", ServerError),
    ],
)
def test_refusals_of_any_body_are_the_clients_own(
    account: Account, status: int, body: str, error: type[AmoCRMError]
) -> None:
    account.set("faults", answer_error={"code": "", "status": status, "body": body, "count": 1})
    with pytest.raises(error) as refused:
        ask(account, lambda amo: amo.account.get(), retry=RetryPolicy(max_attempts=1))
    assert refused.value.status_code == status
    assert isinstance(refused.value.body, dict if body == "problem" else str)


def test_failures_of_the_server_are_tried_again_for_reads_alone(account: Account) -> None:
    account.set("faults", answer_error={"code": "", "status": 500, "count": 2})
    assert ask(account, lambda amo: amo.account.get(), retry=AT_ONCE).id == account.told["account_id"]
    account.set("faults", answer_error={"code": "", "status": 500, "count": 1})
    with pytest.raises(ServerError):
        ask(account, lambda amo: amo.tasks.create([Task(text="Раз", complete_till=DUE)]), retry=AT_ONCE)
    assert [one for one in account.ledger["tasks"] if one["text"] == "Раз"] == []


def test_array_whose_answer_was_lost_is_half_done(account: Account) -> None:
    wanted = [Task(text=f"Обрыв {number}", complete_till=DUE) for number in range(4)]
    account.set("faults", batch_cut=1)
    with pytest.raises((NetworkError, ServerError)):
        ask(account, lambda amo: amo.tasks.create(wanted), retry=AT_ONCE)
    there = [one["text"] for one in account.ledger["tasks"] if one["text"].startswith("Обрыв")]
    assert there == ["Обрыв 0", "Обрыв 1"]
