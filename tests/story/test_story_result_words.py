"""Touches that a person confirms first on amoCRM: a task closed with a word, or a button of the card's widget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests

from story.offered import MANAGER, REGULATION, TITLE, Deal, day_of
from story.world import PATIENCE, World, whole_kasanie


@pytest.fixture(scope="module")
def amo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("amo")
    with whole_kasanie(folder, regulation=REGULATION, crm="amocrm") as made:
        yield made


def test_on_amocrm_the_proposal_is_a_task_that_says_with_which_words_it_is_closed(amo: World) -> None:
    deal = Deal(amo, "Астра")
    proposal = deal.proposal
    assert proposal["title"] == f"Предложение: {TITLE}"
    assert "Позвонить: Астра. Узнать, кто решает." in proposal["text"]
    assert "Почему: Считаем от" in proposal["text"]
    assert "«да» – принять" in proposal["text"]
    assert "Причины: Уже сделано; Не подходит этому клиенту." in proposal["text"]
    assert (deal.row.offer, deal.row.task_id, deal.tasks) == (f"task:{proposal['id']}", None, [])


def test_closed_with_yes_it_is_accepted(amo: World) -> None:
    deal = Deal(amo, "Берег")
    deal.does("complete", "asked", result="Да!")
    (task,) = deal.tasks
    assert (task["title"], task["open"], task["assignee"]) == (f"Касание: {TITLE}", True, MANAGER)
    assert (deal.row.answer, deal.row.answered_by, deal.row.task_id) == ("accept", str(MANAGER), str(task["id"]))
    assert "Принято" in deal.proposal["text"]
    assert (deal.proposal["open"], deal.proposal["result"]) == (False, "Да!"), "his own words stay"
    deal.is_called()
    assert [one["open"] for one in deal.tasks] == [False]


def test_closed_without_a_word_it_is_accepted_once_no_word_can_be_on_its_way(amo: World) -> None:
    deal = Deal(amo, "Бриз")
    deal.stage.tell("tasks/complete", {"task": deal.proposal["id"], "by": MANAGER})
    amo.settle()
    assert (deal.state, deal.tasks) == ("offered", []), "his word may come in a second webhook"
    amo.advance("2 minutes")
    assert (deal.state, len(deal.tasks)) == ("asked", 1)


def test_a_word_that_comes_after_the_closing_is_the_answer(amo: World) -> None:
    """From the list of tasks amoCRM closes first and brings the result in a second webhook."""
    deal = Deal(amo, "Буран")
    closed = {"task": deal.proposal["id"], "by": MANAGER, "result": "нет, не подходит"}
    deal.stage.tell("tasks/complete", {**closed, "apart": True})
    deal.until(lambda: deal.state == "declined", "declined")
    amo.advance("5 minutes")
    assert (deal.state, deal.row.reason, deal.tasks) == ("declined", "Не подходит этому клиенту", [])


def test_closed_with_later_it_is_open_again_and_comes_back_that_day(amo: World) -> None:
    deal = Deal(amo, "Ветер")
    today = day_of(amo.sandbox.get("clock")["now"]).date()
    deal.does("complete", "offered", result="позже, через 7 дней")
    row, proposal = deal.row, deal.proposal
    assert (row.answer, row.later, row.later_until) == ("later", 1, today + timedelta(days=7))
    assert (proposal["open"], day_of(proposal["due"])) == (True, row.promise_at)
    assert f"Отложено до {row.later_until:%d.%m.%Y}" in proposal["text"]
    amo.advance("1 hour")
    assert deal.row.later == 1, "one closing is one answer"
    deal.stage.tell("tasks/complete", {"task": deal.proposal["id"], "by": MANAGER, "result": "ок"})
    amo.settle()
    amo.advance("2 minutes")
    assert (deal.state, [one["open"] for one in deal.tasks]) == ("asked", [True])


def test_closed_with_no_and_a_reason_it_is_declined(amo: World) -> None:
    deal = Deal(amo, "Гранит")
    deal.does("complete", "declined", result="Нет: уже сделано")
    assert (deal.row.reason, deal.row.answered_by, deal.tasks) == ("Уже сделано", str(MANAGER), [])
    assert "Отклонено" in deal.proposal["text"]
    assert not deal.proposal["open"]


def test_words_that_nobody_understands_are_asked_again_once(amo: World) -> None:
    deal = Deal(amo, "Дельта")
    deal.stage.tell("tasks/complete", {"task": deal.proposal["id"], "by": MANAGER, "result": "позвоню, если успею"})
    deal.until(lambda: "не понят" in deal.proposal["text"], "asked again")
    assert "«позвоню, если успею»" in deal.proposal["text"]
    assert (deal.proposal["open"], deal.state, deal.tasks) == (True, "offered", [])
    amo.advance("1 minute")
    deal.stage.tell("tasks/complete", {"task": deal.proposal["id"], "by": MANAGER, "result": "ну не знаю"})
    amo.advance("1 hour")
    assert (deal.proposal["open"], deal.state, deal.tasks) == (False, "offered", []), "not again and again"


def test_with_another_deadline_the_task_of_amocrm_comes_back_that_day(amo: World) -> None:
    deal = Deal(amo, "Ель")
    deal.does("edit", "offered", due="2026-10-14T12:00:00+03:00")
    assert (deal.row.later, f"{deal.row.later_until}") == (1, "2026-10-14")
    assert day_of(deal.proposal["due"]) == deal.row.promise_at


def test_deleted_the_task_of_amocrm_is_declined(amo: World) -> None:
    deal = Deal(amo, "Жемчуг")
    deal.does("delete", "declined")
    assert (deal.row.reason, deal.tasks) == ("deleted", [])


def test_the_task_of_amocrm_goes_and_comes_with_its_reason(amo: World) -> None:
    deal = Deal(amo, "Заря")
    deal.moves("QUALIFY", "withdrawn")
    proposal = deal.proposal
    assert (proposal["open"], proposal["result"][:29]) == (False, "Kasanie: Отменено регламентом")
    deal.moves("NEW", "offered")
    assert (deal.proposal["open"], deal.tasks) == (True, [])
    amo.advance("1 minute")  # amoCRM tells seconds: nobody closes it in the very second in which it was opened
    deal.stage.tell("tasks/complete", {"task": deal.proposal["id"], "by": MANAGER})
    amo.settle()
    amo.advance("2 minutes")
    assert (deal.state, len(deal.tasks)) == ("asked", 1), "what we wrote there ourselves is nobody's answer"


# in the card
def test_the_cards_widget_accepts_a_proposal(amo: World) -> None:
    deal = Deal(amo, "Изумруд")
    ours = f"http://127.0.0.1:{amo.installation.port}"
    account = amo.sandbox.portals[0]["base_url"]

    def headers() -> dict[str, str]:
        token = deal.stage.tell("widget_token", {"user": MANAGER, "aud": ours})["token"]
        return {"Origin": account, "X-Auth-Token": token}

    card = {"entity": "leads", "id": str(deal.id)}
    shown = requests.get(f"{ours}/embed/amocrm/offers", params=card, headers=headers(), timeout=PATIENCE)
    assert (shown.status_code, shown.headers["Access-Control-Allow-Origin"]) == (200, account)
    (offer,) = shown.json()["offers"]
    assert offer["title"] == f"Предложение: {TITLE}"
    assert [one["answer"] for one in offer["choices"]] == ["accept", *["later"] * 4, *["decline"] * 2]
    url = f"{ours}/embed/amocrm/offers/{offer['about']}"
    answer = requests.post(url, json={"answer": "accept"}, headers=headers(), timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (200, {"answered": True})
    deal.until(lambda: deal.state == "asked" and not deal.proposal["open"], "accepted")
    assert [one["open"] for one in deal.tasks] == [True]
    assert (deal.row.answer, deal.row.answered_by) == ("accept", str(MANAGER))
    assert deal.proposal["result"].startswith("Kasanie: Принято"), "the task's own feed tells it"
    again = requests.post(url, json={"answer": "decline"}, headers=headers(), timeout=PATIENCE)
    assert again.status_code == 409
    assert headers()["X-Auth-Token"] not in amo.logs()
