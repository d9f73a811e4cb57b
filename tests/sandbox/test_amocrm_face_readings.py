"""Webhooks that the documents leave open, blocks on stages, and what is ordered by hand (facts/amocrm.md 1)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from amocrm_account import AmoPortal, Receiver, keys, listen, open_account, order, subscribe

from connector.sandbox.orders import complete_task
from connector.sandbox.portal import Portal


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as one:
        yield one


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def test_a_block_on_a_stage_tells_ids_only_and_once(amo: AmoPortal, receiver: Receiver) -> None:
    order(amo, "triggers", {"stage": "OFFER", "url": receiver.url})
    deal = amo.base.add_deal("Д", pipeline=2, stage=amo.base.pipelines[2].stage("NEW").id, by=3)
    receiver.codes = [500]
    amo.base.move_deal(deal.id, 1, amo.base.pipelines[1].stage("OFFER").id, by=3)
    order(amo, "triggers", {"stage": "OFFER", "url": receiver.url, "widget": {"rule_key": "touch"}, "multiple": True})
    order(amo, "triggers", {"stage": "OFFER", "url": receiver.url, "widget": {"rule_key": "t"}, "form": True})
    amo.base.add_activity("call", direction="in", seconds=60, by=3, deal=deal.id)
    moved, called, widget, form = receiver.wait(4)
    assert moved.form == {
        "leads[status][0][id]": str(deal.id),
        "leads[status][0][status_id]": "4",
        "leads[status][0][pipeline_id]": "1",
        "leads[status][0][old_status_id]": str(amo.base.pipelines[2].stage("NEW").id),
        "leads[status][0][old_pipeline_id]": "2",
        "account[id]": "31000001",
        "account[subdomain]": "amo-1",
    }
    assert called.form["leads[call_in][0][id]"] == str(deal.id)
    told = json.loads(widget.raw)
    assert widget.headers["Content-Type"] == "application/json"
    assert (told["event"]["type_code"], told["event"]["data"]["id"]) == ("call_in", deal.id)
    assert told["event"]["data"]["direction_of_movement"] == "went_in_trigger"
    assert told["action"]["settings"]["widget"]["settings"] == {"rule_key": "touch"}
    assert form.form["action[settings][widget][settings][rule_key]"] == "t"
    assert form.form["event[data][id]"] == str(deal.id)


def test_whatever_waits_may_share_a_post(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings["hooks_mixed"] = True
    subscribe(amo, receiver)
    amo.config.faults.hook_delay_ms = 150
    amo.base.update_card("deal", 1, by=3, amount=1)
    amo.base.update_card("deal", 2, by=3, amount=2)
    amo.base.update_card("company", 1, by=3, title="Иначе")
    amo.base.move_deal(1, 1, amo.base.pipelines[1].stage("PAYMENT").id, by=3)
    (post, *_) = receiver.wait(1)
    assert {"leads[update]", "contacts[update]"} <= set(keys(post))
    assert {post.form["leads[update][0][id]"], post.form["leads[update][1][id]"]} == {"1", "2"}


def test_old_keys_may_be_stale(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings["stale_old_keys"] = True
    subscribe(amo, receiver, "update_lead", "update_company", "responsible_lead")
    amo.base.move_deal(1, 1, amo.base.pipelines[1].stage("OFFER").id, by=3)
    left = amo.base.deals[1].stage
    amo.base.move_deal(1, 1, amo.base.pipelines[1].stage("PAYMENT").id, by=3)
    amo.base.update_card("deal", 1, by=3, amount=1)
    amo.base.update_card("company", 1, by=3, title="Иначе")
    _, moved, lead, company = receiver.wait(4)
    assert moved.form["leads[update][0][old_status_id]"] == lead.form["leads[update][0][old_status_id]"] == str(left)
    owner = company.form["contacts[update][0][responsible_user_id]"]
    assert company.form["contacts[update][0][old_responsible_user_id]"] == owner


def test_readings_of_actions_and_indices(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings |= {"contacts_responsible_action": True, "doubled_index": True}
    subscribe(amo, receiver, "responsible_company", "update_task")
    amo.base.update_card("company", 1, by=3, owner=4)
    task = amo.base.add_task("Т", assignee=3)
    amo.base.complete_task(task.id, by=3)
    responsible, closed = receiver.wait(2)
    assert keys(responsible) == ["contacts[responsible]"]
    assert closed.form["task[update][0][0][action_close]"] == "1"


def test_conversations_and_raw_webhooks(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver, "add_talk", "update_talk")
    for _ in range(2):
        amo.base.add_activity("chat", direction="in", contact=1, subject="?")
    began, went_on = receiver.wait(2)
    assert (keys(began), keys(went_on)) == (["talk[add]"], ["talk[update]"])
    amo.config.hook_target = receiver.url
    assert order(amo, "raw_hook", {"body": "a%5B0%5D=1&a=2"}) == {"status": 200}
    assert receiver.wait(3)[2].raw == b"a%5B0%5D=1&a=2"


def test_two_webhooks_change_places(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver, "add_company")
    amo.config.faults.webhooks = "reorder"
    amo.base.add_company("Первая")
    amo.base.add_company("Вторая")
    assert [one.form["contacts[add][0][name]"] for one in receiver.wait(2)] == ["Вторая", "Первая"]


def test_a_task_closed_from_a_list_rings_twice(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver, "update_task")
    task = amo.base.add_task("Т", assignee=3)
    complete_task(Portal(amo.base, amo.config), {"task": task.id, "result": "да", "apart": True})
    closed, told = (one.form for one in receiver.wait(2))
    assert closed["task[update][0][action_close]"] == "1"
    assert "task[update][0][result][text]" not in closed
    assert (told["task[update][0][action_close]"], told["task[update][0][status]"]) == ("0", "1")
    assert told["task[update][0][result][text]"] == "да"
    types = [one["type"] for one in amo.rows("events", "events", **{"filter[entity]": "task"})]
    assert types[:2] == ["task_result_added", "task_completed"]


def test_a_webhook_switched_off_comes_back_as_the_reading_says(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver)

    def disabled() -> bool:
        return bool(amo.rows("webhooks", "webhooks")[0]["disabled"])

    order(amo, "subscriptions", {"disable": True})
    assert disabled()
    amo.config.readings["subscribing_enables"] = False
    subscribe(amo, receiver)
    assert disabled()
    amo.config.readings["subscribing_enables"] = True
    subscribe(amo, receiver)
    assert not disabled()
    order(amo, "subscriptions", {"drop": [receiver.url]})
    assert amo.call("GET", "webhooks").status_code == 204
