"""Touches that a person confirms first: by a card with buttons, or where there is none by a task that stands for it.

Two portals of Bitrix24: one has our application installed, one a pair of webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from connector.offers import write_offers_again
from story.offered import MANAGER, REGULATION, TITLE, Deal, day_of
from story.world import PATIENCE, World, whole_kasanie


@pytest.fixture(scope="module")
def with_buttons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("buttons")
    with whole_kasanie(folder, application=True, regulation=REGULATION, crm="bitrix24") as made:
        yield made


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("without")
    with whole_kasanie(folder, regulation=REGULATION, crm="bitrix24") as made:
        yield made


def buttons(card: dict[str, Any]) -> set[str]:
    """The names of what can be pressed, the menu's entries included."""
    footer = card["layout"].get("footer") or {}
    return {*footer.get("buttons", {}), *footer.get("menu", {}).get("items", {})}


def texts(card: dict[str, Any]) -> str:
    blocks = card["layout"]["body"]["blocks"]
    return "\n".join(str(one["properties"].get("value", "")) for one in blocks.values())


# by buttons
def test_a_new_deal_brings_a_card_and_no_task(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Астра")
    card = deal.card
    assert card["title"] == f"Предложение: {TITLE}"
    assert "Позвонить: Астра. Узнать, кто решает." in texts(card)
    assert "Почему: Считаем от" in texts(card)
    assert sorted(card["layout"]["footer"]["buttons"]) == ["accept", "later_3"]
    assert buttons(card) == {"accept", "later_3", "later_1", "later_7", "later_30", "decline_5", "decline_6"}
    assert (card["assignee"], card["completed"], card["locked"]) == (MANAGER, False, [])
    assert day_of(card["due"]) == deal.row.promise_at
    assert deal.row.offer == f"activity:{card['id']}"
    assert deal.tasks == []


def test_an_accepted_card_becomes_a_task(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Берег")
    deal.press("accept")
    (task,) = deal.tasks
    assert (task["title"], task["open"], task["assignee"]) == (TITLE, True, MANAGER)
    row, card = deal.row, deal.card
    assert (deal.state, row.answer, row.answered_by) == ("asked", "accept", str(MANAGER))
    assert row.task_id == str(task["id"])
    assert card["completed"]
    assert "Принято" in texts(card)
    assert buttons(card) == set()
    deal.is_called()
    assert deal.state == "done"
    assert [one["open"] for one in deal.tasks] == [False]


def test_a_card_that_is_put_off_keeps_its_buttons_until_it_may_not_be_put_off_again(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Ветер")
    today = day_of(with_buttons.sandbox.get("clock")["now"]).date()
    deal.press("later_7")
    row = deal.row
    assert (deal.state, row.later, row.later_until) == ("offered", 1, today + timedelta(days=7))
    assert day_of(deal.card["due"]) == row.promise_at
    assert day_of(deal.card["due"]).date() == today + timedelta(days=7)
    assert f"Отложено до {row.later_until:%d.%m.%Y}" in texts(deal.card)
    assert "later_7" in buttons(deal.card)
    deal.press("later_30")
    deal.press("later_30")
    assert deal.row.later == 3
    assert buttons(deal.card) == {"accept", "decline_1", "decline_2"}
    assert deal.tasks == []
    deal.press("accept")
    assert len(deal.tasks) == 1


def test_a_declined_card_says_why_and_is_not_offered_again(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Гранит")
    deal.press("decline_6")
    row = deal.row
    assert (deal.state, row.reason, row.answer) == ("declined", "Не подходит этому клиенту", "decline")
    assert "Не подходит этому клиенту" in texts(deal.card)
    assert (deal.card["completed"], buttons(deal.card), deal.tasks) == (True, set(), [])


def test_a_card_is_closed_by_the_call_itself(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Дельта")
    deal.is_called()
    assert deal.state == "done"
    assert "Касание состоялось: звонок" in texts(deal.card)
    assert (deal.card["completed"], deal.tasks) == (True, [])


def test_a_card_goes_and_comes_with_its_reason(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Ель")
    deal.moves("QUALIFY", "withdrawn")
    assert deal.state == "withdrawn"
    assert "Отменено регламентом" in texts(deal.card)
    assert deal.card["completed"]
    deal.moves("NEW", "offered")
    assert deal.state == "offered"
    assert (deal.card["completed"], "accept" in buttons(deal.card)) == (False, True)
    deal.press("accept")
    assert len(deal.tasks) == 1


def test_a_click_whose_event_is_lost_leaves_no_locked_card(with_buttons: World) -> None:
    deal = Deal(with_buttons, "Жемчуг")
    deal.stage.tell("faults", {"webhooks": "drop"})
    told = deal.stage.tell("press", {"activity": deal.card["id"], "button": "accept", "by": MANAGER})
    assert told["locked"]
    deal.until(lambda: deal.stage.ledger()["webhooks"].get("ONCRMTIMELINEITEMACTION dropped"), "the lost click")
    deal.stage.tell("faults", {"webhooks": "on"})
    assert deal.card["locked"]
    now = datetime.fromisoformat(with_buttons.sandbox.get("clock")["now"])
    assert write_offers_again(with_buttons.store, deal.stage.portal, now) > 0
    deal.answered()
    assert (deal.state, "accept" in buttons(deal.card)) == ("offered", True)
    deal.press("accept")
    assert [one["open"] for one in deal.tasks] == [True]


def test_a_click_on_what_is_decided_frees_the_card_and_changes_nothing(with_buttons: World) -> None:
    """Two browsers had it open: the second presses what the first has answered already."""
    deal = Deal(with_buttons, "Заря")
    deal.stage.tell("faults", {"webhooks": "duplicate"})
    deal.press("accept")
    deal.stage.tell("faults", {"webhooks": "on"})
    with_buttons.settle()
    assert len(deal.tasks) == 1
    assert not deal.card["locked"]


def test_a_card_is_answered_on_the_portals_page(with_buttons: World, page: Page) -> None:
    deal = Deal(with_buttons, "Изумруд")
    home = next(one["base_url"] for one in with_buttons.sandbox.portals if one["name"] == deal.stage.portal)
    page.goto(f"{home}/cards/deal/{deal.id}")
    card = page.locator(f"[data-plan='{deal.card['id']}']")
    expect(card).to_contain_text("ждёт ответа")
    card.get_by_role("button", name="Поставить задачу").click()
    deal.answered()
    page.reload()
    expect(page.locator(f"[data-plan='{deal.card['id']}']")).to_contain_text("принято")
    expect(page.locator(".task", has_text=re.compile(rf"^\s*{TITLE}")).first).to_be_visible()


# without buttons
def test_without_an_application_the_proposal_is_a_task_that_says_how_to_answer(without: World) -> None:
    deal = Deal(without, "Астра")
    proposal = deal.proposal
    assert proposal["title"] == f"Предложение: {TITLE}"
    assert "Как ответить: завершить – принять" in proposal["text"]
    assert deal.row.offer == f"task:{proposal['id']}"
    assert (deal.row.task_id, deal.tasks) == (None, [])


def test_completed_it_is_accepted_and_one_task_is_open(without: World) -> None:
    deal = Deal(without, "Берег")
    deal.does("complete", "asked")
    (task,) = deal.tasks
    assert (task["title"], task["open"]) == (TITLE, True)
    assert (deal.state, deal.row.answer, deal.row.task_id) == ("asked", "accept", str(task["id"]))
    assert not deal.proposal["open"]
    assert deal.proposal["text"].startswith("Принято")
    without.settle()
    assert len(deal.tasks) == 1


def test_with_another_deadline_it_comes_back_that_day(without: World) -> None:
    deal = Deal(without, "Ветер")
    deal.does("edit", "offered", due="2026-10-14T12:00:00+03:00")
    row = deal.row
    assert (deal.state, row.later, f"{row.later_until}") == ("offered", 1, "2026-10-14")
    assert day_of(deal.proposal["due"]) == row.promise_at
    assert deal.proposal["text"].startswith("Отложено до 14.10.2026")
    without.advance("1 hour")
    assert deal.row.later == 1, "the same deadline is not another answer"
    deal.does("complete", "asked")
    assert [one["open"] for one in deal.tasks] == [True]


def test_deferred_it_comes_back_in_three_days(without: World) -> None:
    deal = Deal(without, "Вереск")
    today = day_of(without.sandbox.get("clock")["now"]).date()
    rest = without.sandbox.portal("bitrix24")["rest_url"]
    answer = requests.post(f"{rest}tasks.task.defer", json={"taskId": deal.proposal["id"]}, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    deal.until(lambda: deal.row.later, "deferred")
    assert (deal.row.later, deal.row.later_until) == (1, today + timedelta(days=3))
    without.advance("1 hour")
    assert deal.row.later == 1


def test_deleted_it_is_declined(without: World) -> None:
    deal = Deal(without, "Гранит")
    deal.does("delete", "declined")
    assert (deal.state, deal.row.reason, deal.tasks) == ("declined", "deleted", [])


def test_its_task_is_closed_by_the_call_itself_and_opened_when_its_reason_returns(without: World) -> None:
    deal = Deal(without, "Ель")
    deal.moves("QUALIFY", "withdrawn")
    assert (deal.state, deal.proposal["open"]) == ("withdrawn", False)
    assert deal.proposal["text"].startswith("Отменено регламентом")
    deal.moves("NEW", "offered")
    assert (deal.state, deal.proposal["open"], deal.tasks) == ("offered", True, [])
    deal.is_called()
    assert (deal.state, deal.proposal["open"], deal.tasks) == ("done", False, [])
