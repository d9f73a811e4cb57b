"""Bitrix24's outgoing webhook on the wire: bodies as the files in payloads/bitrix24, and when it rings or not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bitrix24_portal import OpenPortal, hear_posts, open_portal

PAYLOADS = Path(__file__).parent / "payloads" / "bitrix24"
TASK = {"TITLE": "Касание", "RESPONSIBLE_ID": 3}
PATIENCE = 10


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20) as opened:
        yield opened


def _rung(portal: OpenPortal, act: Any, expected: int) -> list[str]:
    """The bodies that `act` makes the portal post, put in the files' form: fixed moment and port."""
    with hear_posts() as (url, bodies, came):
        portal.control("hook_target", {"url": url})
        act()
        portal.control("activities", {"kind": "call", "company": 1, "seconds": 40})
        for _ in range(expected + 1):
            assert came.acquire(timeout=PATIENCE), bodies
        portal.control("hook_target", {"url": None})
    *mine, last = bodies
    assert "event=ONCRMACTIVITYADD" in last
    return [re.sub(r"127\.0\.0\.1%3A\d+", "127.0.0.1%3A80", re.sub(r"&ts=\d+", "&ts=1790150400", one)) for one in mine]


def _file(name: str) -> str:
    return (PAYLOADS / f"{name}.txt").read_text(encoding="ascii").replace("\n", "")


def test_a_moved_deal_rings_once_with_its_id_only(portal: OpenPortal) -> None:
    move = {"deal": 1, "stage": "NEW"}
    (body,) = _rung(portal, lambda: portal.control("deals/move", move), 1)
    assert body == _file("deal_update")


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("deals", {"title": "Новая", "company": 1}, "deal_add"),
        ("deals/delete", {"deal": 1}, "deal_delete"),
        ("cards", {"kind": "company", "id": 1, "fields": {"sites": "Тула"}}, "company_update"),
    ],
)
def test_bodies_of_cards(portal: OpenPortal, path: str, body: dict[str, Any], name: str) -> None:
    (rung,) = _rung(portal, lambda: portal.control(path, body), 1)
    assert rung == re.sub(r"ID%5D=\d+", re.search(r"ID%5D=\d+", rung)[0], _file(name))  # type: ignore[index]  # it is there


def test_our_own_writes_ring_too_and_a_task_says_undefined(portal: OpenPortal) -> None:
    assert _rung(portal, lambda: portal.call("tasks.task.add", fields=TASK), 1) == [_file("task_add")]
    assert _rung(portal, lambda: portal.call("tasks.task.complete", taskId=1), 1) == [_file("task_update")]
    assert _rung(portal, lambda: portal.call("tasks.task.delete", taskId=1), 1) == [_file("task_delete")]


def test_a_bound_task_is_an_activity_as_well(portal: OpenPortal) -> None:
    bound = {**TASK, "UF_CRM_TASK": ["CO_1"]}
    rung = _rung(portal, lambda: portal.call("tasks.task.add", fields=bound), 2)
    assert [re.search(r"event=(\w+)", one)[1] for one in rung] == ["ONTASKADD", "ONCRMACTIVITYADD"]  # type: ignore[index]  # they are there


def test_one_save_rings_once(portal: OpenPortal) -> None:
    fields = {"title": "Иначе", "assignedById": 4, "stageId": "NEW", "opportunity": 1}
    rung = _rung(portal, lambda: portal.call("crm.item.update", entityTypeId=2, id=1, fields=fields), 1)
    assert len(rung) == 1


def test_without_a_save_nothing_rings(portal: OpenPortal) -> None:
    title = portal.base.deals[1].title
    assert _rung(portal, lambda: portal.call("crm.item.update", entityTypeId=2, id=1, fields={"title": title}), 0) == []


def test_a_move_to_another_funnel_rings_for_nobody(portal: OpenPortal) -> None:
    move = {"deal": 1, "pipeline": "Сервис", "stage": "NEW"}
    assert _rung(portal, lambda: portal.control("deals/move", move), 0) == []
    portal.control("readings", {"funnel_move_updates_deal": True})
    move = {"deal": 1, "pipeline": "Продажи B2B", "stage": "NEW"}
    assert _rung(portal, lambda: portal.control("deals/move", move), 1) == [_file("deal_update")]


def test_webhooks_can_be_doubled_or_lost(portal: OpenPortal) -> None:
    with hear_posts() as (url, bodies, came):
        portal.control("hook_target", {"url": url})
        portal.control("faults", {"webhooks": "drop"})
        portal.control("deals/move", {"deal": 1, "stage": "NEW"})
        portal.control("faults", {"webhooks": "duplicate"})
        portal.control("deals/move", {"deal": 2, "stage": "NEW"})
        assert came.acquire(timeout=PATIENCE)
        assert came.acquire(timeout=PATIENCE)
        portal.control("hook_target", {"url": None})
    assert len(bodies) == 2
    assert len({re.sub(r"&ts=\d+", "", one) for one in bodies}) == 1


def test_a_refused_webhook_is_never_repeated(portal: OpenPortal) -> None:
    with hear_posts(status=503) as (url, bodies, came):
        portal.control("hook_target", {"url": url})
        portal.control("deals/move", {"deal": 1, "stage": "NEW"})
        portal.control("deals/move", {"deal": 2, "stage": "NEW"})
        assert came.acquire(timeout=PATIENCE)
        assert came.acquire(timeout=PATIENCE)
    assert len(bodies) == 2
    portal.running.stop()
    assert portal.base.webhooks["ONCRMDEALUPDATE answered 503"] == 2


def test_where_nobody_listens_webhooks_are_lost(portal: OpenPortal) -> None:
    with hear_posts() as (url, _, _):
        pass
    portal.control("hook_target", {"url": url})
    portal.control("deals/move", {"deal": 1, "stage": "NEW"})
    until = time.monotonic() + PATIENCE
    while not portal.base.webhooks and time.monotonic() < until:
        time.sleep(0.01)
    assert portal.base.webhooks == {"ONCRMDEALUPDATE unanswered": 1}


def test_targets_outside_this_machine_are_refused(portal: OpenPortal) -> None:
    for url in ("http://example.com/hook", "https://127.0.0.1/hook", "http://10.0.0.1/hook", "file:///etc/passwd"):
        answer: requests.Response = portal.control("hook_target", {"url": url})
        assert answer.status_code == 400, url
    assert portal.config.hook_target is None
