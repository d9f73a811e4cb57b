"""The page: what a manager sees, what he can do by hand, and that nobody else can do it for him."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20) as opened:
        yield opened


def _submit(portal: OpenPortal, path: str, fields: dict[str, str], origin: str | None = None) -> requests.Response:
    headers = {"Origin": origin or portal.config.base_url}
    return portal.session.post(
        portal.config.base_url + path, data={"back": "", **fields}, headers=headers, timeout=5, allow_redirects=False
    )


def _vector(portal: OpenPortal) -> tuple[int, int]:
    company = next(one.id for one in portal.base.companies.values() if one.title == "Вектор")
    return company, next(one.id for one in portal.base.deals.values() if one.company == company)


def _column(page: str, code: str) -> str:
    found = re.search(rf'data-stage="{code}">(.*?)</section>', page, re.DOTALL)
    assert found
    return found[1]


def test_a_deal_is_moved_by_hand_across_the_board(portal: OpenPortal) -> None:
    _, deal = _vector(portal)
    page = portal.get("/").text
    assert "Вектор: линия упаковки" in _column(page, "OFFER")
    assert "Неразобранное" not in page
    stage = portal.base.pipelines[1].stage("NEGOTIATE").id
    answer = _submit(portal, f"/deals/{deal}/move", {"stage": str(stage), "back": "/?pipeline=1&lang=ru"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?pipeline=1&lang=ru")
    assert "Вектор: линия упаковки" in _column(portal.get("/").text, "NEGOTIATE")
    assert portal.base.changes[-1].by == portal.base.deals[deal].owner


def test_the_clients_card_shows_tasks_touches_scores_and_history(portal: OpenPortal) -> None:
    company, deal = _vector(portal)
    portal.base.define_field("company", "kasanie_fill", "Досье, %", "number")
    portal.base.define_field("company", "kasanie_gaps", "Чего не хватает", "text")
    scores = {"kasanie_fill": 30, "kasanie_gaps": "ИНН"}
    portal.base.update_card("company", company, fields=scores)
    portal.base.add_task(
        "Обсудить <КП>", assignee=3, by=1, cards=[("deal", deal)], text="Зачем: срок", tags=["kasanie"]
    )
    page = portal.get(f"/cards/company/{company}").text
    assert 'id="fill">30<' in page
    assert 'id="gaps">ИНН<' in page
    assert "Обсудить &lt;КП&gt;" in page
    assert "Зачем: срок" in page
    assert "КП отправлено" in page
    assert "звонок, от нас, 4 мин" in page
    assert "ИНН" in page
    assert "оценки ещё нет" in portal.get("/cards/company/1").text


def test_a_task_is_completed_a_call_recorded_a_field_filled_a_day_passed(portal: OpenPortal) -> None:
    company, _ = _vector(portal)
    task = portal.base.add_task("Позвонить", assignee=3, by=1, cards=[("company", company)])
    assert _submit(portal, f"/tasks/{task.id}/complete", {}).status_code == 303
    assert portal.base.tasks[task.id].closed_by == 3
    touches = len(portal.base.activities)
    assert _submit(portal, f"/cards/company/{company}/call", {}).status_code == 303
    assert len(portal.base.activities) == touches + 1
    assert _submit(portal, f"/cards/company/{company}/field", {"code": "sites", "value": "Тула"}).status_code == 303
    assert portal.base.companies[company].fields["sites"] == "Тула"
    assert _submit(portal, f"/cards/company/{company}/field", {"code": "turnover", "value": "много"}).status_code == 400
    before = portal.base.clock.now()
    assert _submit(portal, "/clock", {}).status_code == 303
    assert portal.base.clock.now() - before >= timedelta(days=1)


def test_the_page_speaks_english(portal: OpenPortal) -> None:
    page = portal.get("/?lang=en").text
    assert '<html lang="en">' in page
    assert "+1 day" in page
    assert "Переместить" not in page
    assert "Stage history" in portal.get("/cards/company/1?lang=en").text


def test_clients_are_found_by_name(portal: OpenPortal) -> None:
    assert "Ромашка" in portal.get("/clients").text
    found = portal.get("/clients?title=полим").text
    assert "Полимер" in found
    assert "Ромашка" not in found
    assert portal.get("/cards/company/9999").status_code == 404
    assert portal.get("/cards/lead/1").status_code == 404


def test_no_script_and_no_foreign_form(portal: OpenPortal) -> None:
    for path in ("/", "/clients", "/cards/company/1"):
        answer = portal.get(path)
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not re.search(r"<script|style=|\son\w+=", answer.text)
    _, deal = _vector(portal)
    stage = portal.base.deals[deal].stage
    wanted = {"stage": str(portal.base.pipelines[1].stage("NEW").id)}
    assert _submit(portal, f"/deals/{deal}/move", wanted, origin="http://evil.example").status_code == 403
    assert _submit(portal, f"/deals/{deal}/move", wanted, origin="null").status_code == 403
    plain = {"Content-Type": "text/plain"}
    url = f"{portal.config.base_url}/deals/{deal}/move"
    assert portal.session.post(url, data="stage=1", headers=plain, timeout=5).status_code == 415
    assert portal.base.deals[deal].stage == stage


@pytest.mark.parametrize("back", ["http://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_a_form_leads_back_to_this_page_only(portal: OpenPortal, back: str) -> None:
    assert _submit(portal, "/clock", {"back": back}).headers["Location"] == "/?lang=ru"
