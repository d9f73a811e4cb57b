"""Judging reads no file, no clock and no network: with all of them blocked the judge still works."""

from __future__ import annotations

import builtins
import io
import os
import random
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenes import MOSCOW, Story, as_auto, b2b, call, deal, template, won

import rules
from rules.assess import assess
from rules.explain import as_record, explain
from rules.ration import ration

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise AssertionError("the judge must not look outside")

    places: list[tuple[Any, str]] = [
        (builtins, "open"),
        (io, "open"),
        (os, "open"),
        (os, "stat"),
        (socket, "socket"),
        (time, "time"),
        (time, "monotonic"),
        (random, "random"),
    ]
    with monkeypatch.context() as patch:
        for module, name in places:
            patch.setattr(module, name, refuse)
        yield


def story() -> Story:
    deals = [
        won("D1", "2025-11-20 12:00"),
        won("D2", "2026-02-20 12:00"),
        deal("N", "2026-03-12 12:00", ("new", "2026-03-12 12:00"), ("offer", "2026-03-13 12:00")),
    ]
    person = {"id": "P", "main": True, "birthday": "5 May"}
    dossier = {"contract_end": "2026-09-30", "turnover": 5}
    return Story(b2b(), {"dossier": dossier}, deals=deals, contacts=[person], touches=[call("c", "2026-03-02 11:00")])


def test_assess_ration_and_explain_run_with_files_sockets_and_clock_blocked(request: pytest.FixtureRequest) -> None:
    template()
    tale = story()
    snapshot, now = tale.snapshot(), tale.world.moment("2026-03-16 09:00")
    request.getfixturevalue("_blocked")
    for regulation in (tale.regulation, as_auto(tale.regulation)):
        judged = assess(regulation, snapshot, now)
        assert judged.orders
        assert judged.score is not None
        admitted = ration(
            judged.orders, {}, regulation.limits, now, calendar=regulation.calendar, portal=snapshot.portal
        ).admitted
        assert admitted
        assert explain(judged, regulation, MOSCOW, "ru") != explain(judged, regulation, MOSCOW, "en")
        assert all(as_record(verdict, MOSCOW)["ru"] for verdict in judged.verdicts)


def test_no_module_of_the_core_names_a_clock_or_a_random_number() -> None:
    """`datetime.now` belongs to a C type that can't be replaced, so the sources are read instead."""
    asks_outside = re.compile(
        r"\.(now|utcnow|today)\(|^(import|from) (time|random|secrets|os|logging|socket|uuid|pathlib)\b", re.MULTILINE
    )
    sources = sorted(Path(rules.__path__[0]).rglob("*.py"))
    assert len(sources) > 30
    named = {path.name: asks_outside.findall(path.read_text(encoding="utf-8")) for path in sources}
    assert {name: found for name, found in named.items() if found} == {}
