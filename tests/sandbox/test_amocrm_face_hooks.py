"""Webhooks of the sandbox's amoCRM face: raw bodies, subscriptions, retries (facts/amocrm.md 1)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from amocrm_account import AmoPortal, Post, Receiver, listen, open_account, until

from connector.sandbox.amocrm.form import encode
from connector.sandbox.amocrm.sender import LADDER


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as one:
        yield one


@pytest.fixture
def amo(receiver: Receiver) -> Iterator[AmoPortal]:
    with open_account() as portal:
        portal.config.hook_target = receiver.url
        yield portal


def settled(amo: AmoPortal, receiver: Receiver, last: str = "Последняя") -> list[Post]:
    """All posts: a last company closes the row, and is taken off."""
    amo.base.add_company(last)
    with receiver.arrived:
        assert receiver.arrived.wait_for(
            lambda: any(one.form.get("contacts[add][0][name]") == last for one in receiver.posts), timeout=10
        )
        return receiver.posts[:-1]


def actions(posts: list[Post]) -> list[str]:
    keys = [next(key for key in one.form if not key.startswith("account")) for one in posts]
    return ["[".join(key.split("[")[:2]) for key in keys]


def test_the_raw_body_of_a_stage_move(amo: AmoPortal, receiver: Receiver) -> None:
    made = amo.base.add_deal("Окна & двери", pipeline=1, stage=2, amount=120_000, owner=3, by=3)
    receiver.wait(1)
    amo.base.move_deal(made.id, 1, amo.base.pipelines[1].stage("OFFER").id, by=4)
    status, update = receiver.wait(3)[1:]
    began, moved = int(made.created.timestamp()), int(made.moved.timestamp())
    lead = [
        ("id", made.id),
        ("name", "Окна & двери"),
        ("status_id", 4),
        ("price", 120_000),
        ("pipeline_id", 1),
        ("responsible_user_id", 3),
        ("old_status_id", 2),
        ("last_modified", moved),
        ("modified_user_id", 4),
        ("created_user_id", 3),
        ("date_create", began),
        ("account_id", 31_000_001),
        ("created_at", began),
        ("updated_at", moved),
    ]
    account = [
        ("account[subdomain]", "amo-1"),
        ("account[id]", 31_000_001),
        ("account[_links][self]", "https://amo-1.amocrm.ru"),
    ]
    for post, action in ((status, "status"), (update, "update")):
        pairs = [*((f"leads[{action}][0][{key}]", value) for key, value in lead), *account]
        expected = "&".join(
            f"{quote(key, safe='')}={quote(str(value), safe='').replace('%20', '+')}" for key, value in pairs
        )
        assert post.raw.decode() == expected
    assert b"leads%5Bstatus%5D%5B0%5D%5Bname%5D=%D0%9E%D0%BA%D0%BD%D0%B0+%26+" in status.raw


def test_the_envelope_is_amocrms(amo: AmoPortal, receiver: Receiver) -> None:
    amo.base.add_company("К")
    (post,) = receiver.wait(1)
    assert post.headers["User-Agent"] == "amoCRM-Webhooks/3.0"
    assert post.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert len(post.headers["X-AmoCRM-RequestId"]) == 36
    assert "Authorization" not in post.headers
    amo.config.readings["account_first"] = True
    amo.base.add_company("К2")
    assert receiver.wait(2)[1].raw.startswith(b"account%5Bsubdomain%5D=amo-1&")


def test_companies_ring_under_contacts(amo: AmoPortal, receiver: Receiver) -> None:
    company = amo.base.add_company("Завод")
    person = amo.base.add_contact("Анна", company_ids=[company.id])
    added, person_added = receiver.wait(2)
    assert added.form["contacts[add][0][type]"] == "company"
    assert person_added.form["contacts[add][0][type]"] == "contact"
    assert person_added.form["contacts[add][0][linked_company_id]"] == str(company.id)
    amo.base.update_card("company", company.id, owner=7)
    assert receiver.wait(3)[2].form["contacts[update][0][old_responsible_user_id]"] == "0"
    amo.base.delete_card("contact", person.id)
    gone = receiver.wait(4)[3].form
    assert {key: value for key, value in gone.items() if key.startswith("contacts")} == {
        "contacts[delete][0][id]": str(person.id),
        "contacts[delete][0][type]": "contact",
    }


def test_every_action_of_a_lead(amo: AmoPortal, receiver: Receiver) -> None:
    deal = amo.base.add_deal("Д", pipeline=1, stage=2, contacts=[1], company=1)
    amo.base.update_card("deal", deal.id, owner=4)
    amo.base.update_card("deal", deal.id, amount=9)
    amo.base.delete_card("deal", deal.id)
    amo.base.restore_card("deal", deal.id)
    posts = settled(amo, receiver)
    assert actions(posts) == [f"leads[{verb}]" for verb in ("add", "responsible", "update", "delete", "restore")]
    assert posts[1].form["leads[responsible][0][old_responsible_user_id]"] == "0"
    gone = {key for key in posts[3].form if key.startswith("leads")}
    assert gone == {f"leads[delete][0][{key}]" for key in ("id", "status_id", "pipeline_id")}


def test_tasks_ring_in_the_singular(amo: AmoPortal, receiver: Receiver) -> None:
    due = amo.base.clock.now()
    task = amo.base.add_task("Позвонить", assignee=3, by=3, due=due, cards=[("company", 1)])
    amo.base.update_task(task.id, assignee=4, by=2)
    amo.base.complete_task(task.id, by=4, result="Дозвонился")
    amo.base.delete_task(task.id)
    posts = settled(amo, receiver)
    assert actions(posts) == ["task[add]", "task[update]", "task[update]", "task[delete]"]
    added, moved, closed, gone = (one.form for one in posts)
    assert added["task[add][0][element_type]"] == "3"
    assert added["task[add][0][complete_before]"] == str(int(due.timestamp()))
    assert added["task[add][0][complete_till]"] == f"{due:%Y-%m-%d %H:%M:%S}"
    assert (moved["task[update][0][old_responsible_user_id]"], moved["task[update][0][action_close]"]) == ("3", "0")
    assert (closed["task[update][0][status]"], closed["task[update][0][action_close]"]) == ("1", "1")
    assert closed["task[update][0][result][text]"] == "Дозвонился"
    assert [key for key in gone if key.startswith("task")] == ["task[delete][0][id]"]


def test_values_of_fields_have_their_odd_shapes(amo: AmoPortal, receiver: Receiver) -> None:
    segment = amo.base.field_specs("company")["segment"]
    values = {"segment": next(iter(segment.choices)), "next_need": date(2026, 10, 1), "headcount": 5, "strategic": True}
    amo.base.add_company("Поля", fields=values)
    form = receiver.wait(1)[0].form
    fields = {
        form[key]: key.removesuffix("[code]")
        for key in form
        if key.startswith("contacts[add][0][custom_fields]") and key.endswith("[code]")
    }
    assert form[f"{fields['NEXT_NEED']}[values][0]"] == "1790802000"
    assert form[f"{fields['HEADCOUNT']}[values][0][value]"] == "5"
    assert form[f"{fields['STRATEGIC']}[values][0][value]"] == "1"
    assert form[f"{fields['SEGMENT']}[values][0][value]"] == "A"
    assert form[f"{fields['SEGMENT']}[values][0][enum]"] == str(values["segment"])


def test_calls_and_incoming_chats_ring_too(amo: AmoPortal, receiver: Receiver) -> None:
    amo.base.add_activity("call", seconds=60, by=3, contact=1)
    amo.base.add_activity("chat", direction="in", contact=1, subject="Когда привезёте?")
    call, chat = (one.form for one in settled(amo, receiver))
    assert (call["contacts[note][0][note][element_id]"], call["contacts[note][0][type]"]) == ("1", "contact")
    assert call["contacts[note][0][note][note_type]"] == "11"
    assert (chat["message[add][0][contact_id]"], chat["message[add][0][type]"]) == ("1", "incoming")
    assert chat["message[add][0][text]"] == "Когда привезёте?"


def test_writes_over_the_api_ring_too_and_equal_values_do_not(amo: AmoPortal, receiver: Receiver) -> None:
    body = {"custom_fields_values": [{"field_code": "INN", "values": [{"value": "7700"}]}]}
    amo.call("PATCH", "companies/1", body)
    amo.call("PATCH", "companies/1", body)
    posts = settled(amo, receiver)
    assert actions(posts) == ["contacts[update]"]
    assert posts[0].form["contacts[update][0][modified_user_id]"] == "1"


def test_nothing_is_told_beyond_the_subscription(amo: AmoPortal, receiver: Receiver) -> None:
    (by_hand,) = amo.rows("webhooks", "webhooks")
    assert (by_hand["destination"], by_hand["disabled"]) == (receiver.url, False)
    assert "add_outgoing_message" not in by_hand["settings"]
    amo.base.add_activity("chat", direction="out", contact=1, by=3)
    body = {"destination": receiver.url, "settings": ["note_lead", "add_company"], "sort": 10}
    replaced = amo.call("POST", "webhooks", body)
    assert (replaced.status_code, replaced.json()["id"]) == (201, by_hand["id"])
    amo.base.update_card("deal", 1, amount=1)
    amo.base.add_activity("chat", direction="in", contact=1)
    amo.base.add_comment("deal", 1, "Слово")
    posts = settled(amo, receiver)
    assert actions(posts) == ["leads[note]"]
    assert posts[0].form["leads[note][0][note][note_type]"] == "4"


def test_webhooks_are_made_and_dropped_over_the_api(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.hook_target = None
    assert amo.call("GET", "webhooks").status_code == 204
    made = amo.call("POST", "webhooks", {"destination": receiver.url, "settings": ["add_company"]})
    assert made.status_code == 201
    amo.base.add_company("К")
    receiver.wait(1)
    assert amo.rows("webhooks", "webhooks", **{"filter[destination]": "http://127.0.0.1:1/"}) == []
    assert amo.call("DELETE", "webhooks", {"destination": receiver.url}).status_code == 204
    assert amo.call("DELETE", "webhooks", {"destination": receiver.url}).status_code == 404
    unknown = amo.call("POST", "webhooks", {"destination": receiver.url, "settings": ["add_planet"]})
    assert unknown.status_code == 400


def test_only_this_machine_is_told(amo: AmoPortal, receiver: Receiver) -> None:
    amo.call("POST", "webhooks", {"destination": "http://192.0.2.1/hooks", "settings": ["add_company"]})
    settled(amo, receiver)
    until(lambda: amo.base.webhooks.total() > 0)
    assert amo.base.webhooks.total() == 1


@pytest.mark.parametrize(("code", "attempts"), [(500, 5), (404, 3), (302, 3)])
def test_bad_answers_are_retried_up_the_ladder(amo: AmoPortal, receiver: Receiver, code: int, attempts: int) -> None:
    amo.config.readings["hook_retry_factor"] = "0.00000001"
    receiver.codes = [code] * 10
    amo.base.add_company("К")
    posts = receiver.wait(attempts)
    assert len({one.raw for one in posts}) == 1
    receiver.codes = []
    settled(amo, receiver)  # one more attempt would now be waiting, before the next
    assert [one.raw for one in settled(amo, receiver, "Самая последняя")].count(posts[0].raw) == attempts


def test_an_address_where_nobody_listens_is_tried_three_times(amo: AmoPortal) -> None:
    amo.config.readings["hook_retry_factor"] = "0.00000001"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        amo.config.hook_target = f"http://127.0.0.1:{nobody.getsockname()[1]}/hooks"
        amo.base.add_company("К")
        until(lambda: amo.base.webhooks["contacts[add] unanswered"] == 3)


def test_a_ladder_ends_with_the_first_good_answer(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings["hook_retry_factor"] = "0.00000001"
    receiver.codes = [500, 200]
    amo.base.add_company("К")
    receiver.wait(2)
    settled(amo, receiver)
    until(lambda: amo.base.webhooks == {"contacts[add] answered 500": 1, "contacts[add] answered 200": 2})
    assert LADDER == (300, 900, 900, 3600)


def test_more_than_a_hundred_bad_answers_switch_it_off_until_subscribed_again(
    amo: AmoPortal, receiver: Receiver
) -> None:
    amo.config.readings["hook_retry_factor"] = "1"
    receiver.codes = [404] * 101
    for number in range(101):
        amo.base.add_company(f"К{number}")
    until(lambda: bool(amo.rows("webhooks", "webhooks")[0]["disabled"]))
    amo.base.add_company("Молчание")
    amo.call("POST", "webhooks", {"destination": receiver.url, "settings": ["add_company"]})
    receiver.codes = [404]
    amo.base.add_company("Отказ")
    names = [one.form["contacts[add][0][name]"] for one in settled(amo, receiver)]
    assert "Молчание" not in names
    assert names[-1] == "Отказ"


def test_a_webhook_made_by_hand_can_be_dropped_over_the_api(amo: AmoPortal, receiver: Receiver) -> None:
    assert amo.call("DELETE", "webhooks", {"destination": receiver.url}).status_code == 204
    assert amo.call("GET", "webhooks").status_code == 204
    assert amo.config.hook_target is None


def test_webhooks_can_be_doubled_lost_and_switched_off(amo: AmoPortal, receiver: Receiver) -> None:
    faults = amo.config.faults
    faults.webhooks = "duplicate"
    amo.base.add_company("Дважды")
    faults.webhooks = "drop"
    amo.base.add_company("Потеряна")
    faults.webhooks = "off"
    amo.base.add_company("Не сделана")
    faults.webhooks = "on"
    posts = settled(amo, receiver)
    assert [one.form["contacts[add][0][name]"] for one in posts] == ["Дважды", "Дважды"]
    assert amo.base.ledger()["webhooks"]["contacts[add] dropped"] == 1


def test_waiting_hooks_can_share_a_post(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings["hooks_grouped"] = True
    with amo.base.editing():
        for number in range(3):
            amo.base.add_deal(f"Д{number}", pipeline=1, stage=2)
    settled(amo, receiver)
    names = [
        value
        for one in receiver.posts
        for key, value in one.form.items()
        if key.startswith("leads[add]") and key.endswith("[name]")
    ]
    assert names == ["Д0", "Д1", "Д2"]
    assert any("leads[add][1][name]" in one.form for one in receiver.posts)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"a": {"b": ["x y", 2]}}, "a%5Bb%5D%5B0%5D=x+y&a%5Bb%5D%5B1%5D=2"),
        ({"a": None, "b": [], "c": True, "d": False}, "c=1&d=0"),
        ({"a": "~*-._&=%"}, "a=%7E%2A-._%26%3D%25"),
        ({"имя": "я"}, "%D0%B8%D0%BC%D1%8F=%D1%8F"),
    ],
)
def test_forms_are_written_as_php_writes_them(body: dict[str, Any], form: str) -> None:
    assert encode(body).decode() == form
