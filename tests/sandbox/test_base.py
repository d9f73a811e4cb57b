"""The records of the sandbox: what counts as a change, who hears of it and when."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from connector.sandbox.base import Base
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.names import lay_pipelines
from connector.sandbox.records import Change


@pytest.fixture
def base() -> Base:
    made = Base("portal", "bitrix24", Clock())
    lay_pipelines(made)
    return made


def test_writing_what_stands_there_already_is_no_change(base: Base) -> None:
    company = base.add_company("Ромашка", fields={"inn": "7701"})
    updated = company.updated
    heard: list[Change] = []
    base.listen(heard.append)
    base.update_card("company", company.id, fields={"inn": "7701"}, title="Ромашка")
    assert heard == []
    assert company.updated == updated
    assert [(write.code, write.changed) for write in base.writes] == [("inn", False)]


def test_one_save_with_a_stage_and_a_field_is_told_as_one_save(base: Base) -> None:
    main = base.pipelines[1]
    deal = base.add_deal("Поставка", pipeline=1, stage=main.stage("NEW").id)
    heard: list[Change] = []
    base.listen(heard.append)
    base.update_card("deal", deal.id, by=3, stage=main.stage("OFFER").id, amount=5)
    assert [change.what for change in heard] == ["moved", "updated"]
    assert len({change.save for change in heard}) == 1
    assert heard[0].before == {"pipeline": 1, "stage": main.stage("NEW").id}


def test_listeners_run_after_the_lock_is_given_back(base: Base) -> None:
    free: list[bool] = []

    def other_thread_can_work(change: Change) -> None:
        del change
        thread = threading.Thread(target=lambda: free.append(base.lock.acquire(timeout=2)))
        thread.start()
        thread.join()

    base.listen(other_thread_can_work)
    base.add_company("Ромашка")
    assert free == [True]


def test_the_stage_history_tells_how_a_deal_went(base: Base) -> None:
    main, service = base.pipelines[1], base.pipelines[3]
    deal = base.add_deal("Поставка", pipeline=1, stage=main.stage("NEW").id)
    base.move_deal(deal.id, 1, main.stage("OFFER").id)
    base.move_deal(deal.id, 3, service.stage("NEW").id)
    base.move_deal(deal.id, 3, service.stage("WON").id)
    assert [row.kind for row in base.stage_rows] == ["created", "moved", "pipeline", "final"]
    assert base.stage_rows[2].previous == (1, main.stage("OFFER").id)
    assert deal.closed is not None
    base.move_deal(deal.id, 3, service.stage("NEW").id)
    assert deal.closed is None


def test_only_a_lost_deal_keeps_its_reason(base: Base) -> None:
    main = base.pipelines[1]
    deal = base.add_deal("Поставка", pipeline=1, stage=main.stage("NEW").id)
    base.move_deal(deal.id, 1, main.stage("LOSE").id, loss_reason=2)
    assert deal.loss_reason == 2
    base.move_deal(deal.id, 1, main.stage("NEW").id)
    assert deal.loss_reason is None


def test_a_stage_of_another_pipeline_is_refused(base: Base) -> None:
    deal = base.add_deal("Поставка", pipeline=1, stage=base.pipelines[1].stage("NEW").id)
    with pytest.raises(UnknownRecord):
        base.move_deal(deal.id, 1, base.pipelines[2].stage("NEW").id)


def test_what_is_deleted_cannot_be_read_until_it_is_restored(base: Base) -> None:
    company = base.add_company("Ромашка")
    base.delete_card("company", company.id)
    with pytest.raises(UnknownRecord):
        base.card("company", company.id)
    base.restore_card("company", company.id)
    assert base.card("company", company.id) is company


def test_changes_made_over_the_api_are_marked(base: Base) -> None:
    with base.as_api():
        company = base.add_company("Ромашка")
        base.update_card("company", company.id, fields={"kasanie_fill": 30})
    base.update_card("company", company.id, fields={"inn": "7701"})
    assert [change.api for change in base.changes] == [True, True, False]
    assert [write.by_api for write in base.writes] == [True, False]


def test_new_links_between_cards_are_told(base: Base) -> None:
    first, second = base.add_company("Ромашка"), base.add_company("Вектор")
    contact = base.add_contact("Олег", company_ids=[first.id])
    base.changes.clear()
    base.update_card("contact", contact.id, company_ids=[second.id])
    assert [(change.what, change.before or change.after) for change in base.changes] == [
        ("linked", {"kind": "company", "id": second.id}),
        ("unlinked", {"kind": "company", "id": first.id}),
    ]


def test_a_task_is_closed_once_and_opened_again(base: Base) -> None:
    task = base.add_task("Позвонить", assignee=3, by=1)
    base.complete_task(task.id, by=3, result="дозвонился")
    base.complete_task(task.id, by=4)
    assert (task.open, task.closed_by, task.result) == (False, 3, "дозвонился")
    base.reopen_task(task.id, by=3)
    assert task.open
    assert task.closed is None
    assert [change.what for change in base.changes] == ["added", "completed", "reopened"]


def test_a_notification_with_the_same_tag_replaces_the_last(base: Base) -> None:
    base.notify(3, "первое", tag="kasanie")
    base.notify(3, "второе", tag="kasanie")
    base.notify(4, "другому", tag="kasanie")
    assert sorted(one.text for one in base.notifications.values()) == ["второе", "другому"]


def test_the_clock_runs_on_from_where_it_was_put() -> None:
    clock = Clock()
    before = clock.now()
    assert clock.advance(timedelta(days=14)) - before >= timedelta(days=14)
    assert clock.now() - before < timedelta(days=14, minutes=1)
