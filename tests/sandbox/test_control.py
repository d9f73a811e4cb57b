"""The control API: everything docs/sandbox.md promises, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from bitrix24_portal import OpenPortal, open_portal

from connector.sandbox.spans import read_span


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20, portals=2) as opened:
        yield opened


def _json(portal: OpenPortal, path: str) -> Any:
    answer = portal.get(f"/sandbox/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _company(portal: OpenPortal, title: str) -> int:
    return int(_json(portal, f"cards?title={title}")["company"][0]["id"])


def test_the_clock_moves_for_all_portals(portal: OpenPortal) -> None:
    before = datetime.fromisoformat(_json(portal, "clock")["now"])
    after = datetime.fromisoformat(portal.control("clock", {"advance": "14 days"}).json()["now"])
    assert after - before >= timedelta(days=14)
    told = [one["now"] for one in _json(portal, "ledger")["portals"]]
    assert len(told) == 2
    assert all(datetime.fromisoformat(one) >= after for one in told)
    assert portal.control("clock", {"set": "2027-01-01T10:00:00+03:00"}).json()["now"].startswith("2027-01-01T07:00:00")
    broken: list[Any] = [{"advance": "soon"}, {"advance": "-1 day"}, {}, {"set": "tomorrow"}, []]
    for wrong in broken:
        assert portal.control("clock", wrong).status_code == 400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("14 days", 1_209_600), ("2 hours 30 minutes", 9000), ("1 неделя", 604_800), ("3 рабочих", None), (90, 90)],
)
def test_spans(text: Any, seconds: int | None) -> None:
    if seconds is None:
        with pytest.raises(ValueError, match="unit"):
            read_span(text)
    else:
        assert read_span(text) == timedelta(seconds=seconds)


def test_deals_one_and_many(portal: OpenPortal) -> None:
    one = {"title": "Новая", "company": "Ромашка", "stage": "NEW", "amount": 5, "fields": {"invoice_due": "2026-10-01"}}
    (made,) = portal.control("deals", one).json()["ids"]
    deal = _json(portal, f"cards/deal/{made}")
    assert (deal["stage_code"], deal["fields"]["invoice_due"], deal["owner"]) == ("NEW", "2026-10-01", 3)
    assert deal["contacts"]
    ids = portal.control("deals", [{"company": "Вектор", "count": 300}, {"company": "Полимер"}]).json()
    assert [len(answer["ids"]) for answer in ids] == [300, 1]
    moved = portal.control("deals/move", {"deals": ids[0]["ids"], "stage": "OFFER"}).json()["ids"]
    assert len(moved) == 300
    assert portal.base.stage(portal.base.deals[moved[-1]]).code == "OFFER"


def test_a_lost_deal_has_a_reason_and_the_bin_gives_back(portal: OpenPortal) -> None:
    (made,) = portal.control("deals", {"company": "Вектор"}).json()["ids"]
    portal.control("deals/move", {"deal": made, "stage": "LOSE", "loss_reason": "Дорого"})
    assert _json(portal, f"cards/deal/{made}")["loss_reason"] == 1
    portal.control("deals/delete", {"deal": made})
    assert portal.get(f"/sandbox/cards/deal/{made}").status_code == 404
    portal.control("deals/restore", {"deal": made})
    assert _json(portal, f"cards/deal/{made}")["id"] == made


def test_communications_show_on_the_clients_card(portal: OpenPortal) -> None:
    steel = _company(portal, "Северсталь")
    before = len(_json(portal, f"cards/company/{steel}")["touches"])
    portal.control("activities", {"kind": "call", "company": steel, "direction": "in", "seconds": 200})
    portal.control("activities", {"kind": "call", "company": steel, "answered": False})
    touches = _json(portal, f"cards/company/{steel}")["touches"]
    assert len(touches) == before + 2
    assert (touches[0]["answered"], touches[0]["seconds"]) == (False, 0)
    assert (touches[1]["direction"], touches[1]["seconds"], touches[1]["by"]) == ("in", 200, 6)
    for wrong in ({"kind": "fax", "company": steel}, {"kind": "call"}, {"kind": "call", "contact": 9999}):
        assert portal.control("activities", wrong).status_code in (400, 404)


def test_fields_of_a_card_by_code_text_or_emptied(portal: OpenPortal) -> None:
    polymer = _company(portal, "Полимер")
    change = {"kind": "company", "id": polymer, "fields": {"segment": "B", "quiet_until": "2026-12-01", "turnover": 7}}
    card = portal.control("cards", change).json()
    choices = portal.base.field_specs("company")["segment"].choices
    assert choices[card["fields"]["segment"]] == "B"
    assert card["fields"]["quiet_until"] == "2026-12-01"
    card = portal.control("cards", {"kind": "company", "id": polymer, "fields": {"turnover": ""}, "owner": 6}).json()
    assert (card["fields"]["turnover"], card["owner"]) == (None, 6)
    for wrong in ({"fields": {"nothing": 1}}, {"fields": {"turnover": "много"}}, {"created": "2020-01-01"}):
        answer = portal.control("cards", {"kind": "company", "id": polymer, **wrong})
        assert answer.status_code == 400, wrong
        assert answer.json()["error"]


def test_a_manager_works_on_tasks(portal: OpenPortal) -> None:
    company = _company(portal, "Вектор")
    task = portal.base.add_task("Позвонить", assignee=3, by=1, cards=[("company", company)])
    portal.control("tasks/edit", {"task": task.id, "title": "Позвонить ещё раз", "due": "2026-10-01T10:00:00+03:00"})
    portal.control("tasks/complete", {"task": task.id, "result": "сделано"})
    (told,) = _json(portal, f"cards/company/{company}")["tasks"]
    assert (told["title"], told["open"], told["closed_by"], told["result"]) == (
        "Позвонить ещё раз",
        False,
        3,
        "сделано",
    )
    assert told["due"] == "2026-10-01T07:00:00+00:00"
    portal.control("tasks/reopen", {"task": task.id})
    assert portal.base.tasks[task.id].open
    portal.control("tasks/delete", {"task": task.id})
    assert portal.control("tasks/complete", {"task": task.id}).status_code == 404
    assert _json(portal, "ledger?portal=bitrix24-1")["portals"][0]["tasks"][0]["deleted"] is True
    assert {one["what"] for one in _json(portal, "changes")["changes"] if one["kind"] == "task"} == {
        "added",
        "updated",
        "completed",
        "reopened",
        "deleted",
    }


def test_new_clients(portal: OpenPortal) -> None:
    body = {
        "title": "Новый завод",
        "owner": 6,
        "people": [{"first_name": "Олег", "last_name": "Ким"}],
        "fields": {"segment": "A"},
    }
    made = portal.control("companies", body).json()
    card = _json(portal, f"cards/company/{made['id']}")
    assert card["contacts_of_company"] == made["contacts"]
    person = portal.control("contacts", {"first_name": "Анна", "birthday": "1990-02-28"}).json()
    assert _json(portal, f"cards/contact/{person['id']}")["birthday"] == "1990-02-28"


def test_one_portal_is_driven_from_the_port_of_another(portal: OpenPortal) -> None:
    portal.control("deals?portal=bitrix24-2", {"title": "Там", "company": "Ромашка"})
    first, second = (one.base for one in portal.running.portals)
    assert "Там" not in {deal.title for deal in first.deals.values()}
    assert "Там" in {deal.title for deal in second.deals.values()}
    assert portal.control("deals?portal=nobody", {}).status_code == 404


def test_faults_readings_and_limits_are_read_and_set_by_name(portal: OpenPortal) -> None:
    assert _json(portal, "faults")["webhooks"] == "on"
    assert portal.control("faults", {"answer_ms": 5}).json()["answer_ms"] == 5
    for wrong in ({"nothing": 1}, {"answer_ms": -1}, {"webhooks": "maybe"}, {"answer_ms": 1, "late_ms": "x"}):
        assert portal.control("faults", wrong).status_code == 400
    assert _json(portal, "faults")["answer_ms"] == 5
    assert _json(portal, "readings")["task_as_activity"] is True
    unreadable: list[dict[str, Any]] = [{"nothing": True}, {"task_as_activity": "no"}]
    for reading in unreadable:
        assert portal.control("readings", reading).status_code == 400
    assert portal.control("limits", {"page": 10}).json()["page"] == 10
    assert portal.control("limits", {"nothing": 1}).status_code == 400


def test_the_portal_tells_what_a_map_is_written_from(portal: OpenPortal) -> None:
    story = _json(portal, "portals")["portals"][0]
    assert [one["title"] for one in story["pipelines"]] == ["Продажи B2B", "Повторные продажи", "Сервис"]
    assert {one["code"] for one in story["fields"] if one["card"] == "deal"} == {"delivery_date", "invoice_due"}
    assert len(story["staff"]) == 8


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json", "Host": "evil.example"}, 421),
    ],
)
def test_foreign_posts_are_refused(portal: OpenPortal, headers: dict[str, str], status: int) -> None:
    url = f"{portal.config.base_url}/sandbox/clock"
    before = portal.base.clock.now()
    answer = portal.session.post(url, data='{"advance": "99 days"}', headers=headers, timeout=5)
    assert answer.status_code == status
    assert portal.base.clock.now() - before < timedelta(days=1)


def test_its_own_origin_and_host_names_are_let_in(portal: OpenPortal) -> None:
    base_url, port = portal.config.base_url, portal.config.base_url.rpartition(":")[2]
    host = f"{portal.config.host}:{port}"
    for headers in ({"Origin": base_url}, {"Host": host, "Origin": f"http://{host}"}):
        answer = portal.session.post(f"{base_url}/sandbox/clock", json={"advance": "1 day"}, headers=headers, timeout=5)
        assert answer.status_code == 200


def test_broken_bodies_and_unknown_orders_get_a_sentence(portal: OpenPortal) -> None:
    url = f"{portal.config.base_url}/sandbox/"
    headers = {"Content-Type": "application/json"}
    for path, data, status in (("deals", "{", 400), ("nothing", "{}", 404), ("deals", '{"company": "Никто"}', 404)):
        answer = portal.session.post(url + path, data=data, headers=headers, timeout=5)
        assert answer.status_code == status
        assert answer.json()["error"]
    assert portal.get("/sandbox/cards/lead/1").status_code == 400
