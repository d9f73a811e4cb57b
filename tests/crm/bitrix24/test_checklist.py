"""A new task's checklist is made in the request that makes the task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.writes import LINES_LIMIT
from connector.crm.port import Connection, Effect, Wanted
from crm.canned import FreePacer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=5, rate=0, burst=10_000) as running:
        yield running


@pytest.fixture
def crm(sandbox: Sandbox) -> Iterator[Bitrix24]:
    told = sandbox.portals[0]
    opened = Bitrix24(Connection(portal=told["name"], url=SecretStr(told["rest_url"]), wanted=Wanted()), FreePacer())
    yield opened
    opened.close()


def asking(number: int, *lines: str) -> Effect:
    return Effect(
        verb="create_task",
        key=f"k{number}",
        marker=f"kasanie:{number:012x}",
        title="Касание",
        assignee="2",
        lines=lines,
    )


def checklist(sandbox: Sandbox, task: str | None) -> list[Any]:
    url = f"{sandbox.portals[0]['rest_url']}task.checklistitem.getlist"
    asked = {"TASKID": task, "ORDER": {"ID": "asc"}}
    return [row["TITLE"] for row in sandbox.session.post(url, json=asked, timeout=20).json()["result"]]


def test_every_line_is_in_the_list_and_a_text_refers_to_nothing(sandbox: Sandbox, crm: Bitrix24) -> None:
    lines = ("Спросить про дорасход", "Счёт\nза март", "$result[e0][task][id]")
    before = len(sandbox.ledger()["requests"])
    outcomes = {one.key: one for one in crm.send([asking(1, *lines), asking(2), asking(3, "Одна строка")])}
    assert {one.status for one in outcomes.values()} == {"done"}
    assert len(sandbox.ledger()["requests"]) - before == 1
    found = checklist(sandbox, outcomes["k1"].remote_id)
    assert [line.replace("\u200b", "") for line in found] == [lines[0], "Счёт за март", lines[2]]
    assert checklist(sandbox, outcomes["k2"].remote_id) == []
    assert checklist(sandbox, outcomes["k3"].remote_id) == ["Одна строка"]


def test_no_list_is_longer_than_its_bound(sandbox: Sandbox, crm: Bitrix24) -> None:
    (outcome,) = crm.send([asking(4, *map(str, range(100)))])
    assert outcome.status == "done"
    assert checklist(sandbox, outcome.remote_id) == [str(number) for number in range(LINES_LIMIT)]
