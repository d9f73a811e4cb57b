"""Reading regulations: the whole language is understood, and the same text always gives the same regulation."""

from __future__ import annotations

import builtins
import socket
import time
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rules.calendar import Duration, Unit
from rules.problems import render
from rules.reader import read_regulation
from rules.regulation import AtMost, Escalation, Feast, Phrase, Regulation, Rule, Silence, Table, Text
from rules.template import Template, read_dossier

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SPECIMENS = Path(__file__).parent / "specimens"
LIBRARY = ROOT / "rules/library"


@pytest.fixture(scope="module")
def template() -> Template:
    read, _ = read_dossier((LIBRARY / "dossier-key-client-50.yaml").read_text(encoding="utf-8"), "dossier.yaml")
    assert read is not None
    return read


def read(text: str, **more: object) -> Regulation:
    reading = read_regulation(text, "regulation.yaml", **more)  # type: ignore[arg-type]  # the keywords of the reader
    assert reading.regulation is not None, render(reading.problems, "en")
    return reading.regulation


@pytest.fixture(scope="module")
def b2b(template: Template) -> Regulation:
    return read((SPECIMENS / "regulation-b2b.yaml").read_text(encoding="utf-8"), template=template)


@pytest.fixture(scope="module")
def b2c() -> Regulation:
    return read((SPECIMENS / "regulation-b2c.yaml").read_text(encoding="utf-8"))


def rule(regulation: Regulation, name: str) -> Rule:
    found = regulation.rule(name)
    assert found is not None
    return found


def days(number: str, unit: Unit = Unit.DAY) -> Duration:
    return Duration(Decimal(number), unit)


WORKING = Unit.WORKING_DAY


@pytest.mark.parametrize(("name", "count"), [("b2b", 51), ("b2c", 10)])
def test_the_whole_regulation_of_the_method_is_read(name: str, count: int, template: Template) -> None:
    octets = (SPECIMENS / f"regulation-{name}.yaml").read_bytes()
    reading = read_regulation(octets, "regulation.yaml", template=template if name == "b2b" else None)
    assert {(problem.code, problem.severity) for problem in reading.problems} <= {("batch-one-by-one", "warning")}
    assert reading.regulation is not None
    assert len(reading.regulation.rules) == count
    assert [one.priority for one in reading.regulation.rules] == list(range(count))
    modes = [one.task.mode for one in reading.regulation.rules]
    assert modes.count("batch") == len(reading.problems)


def test_the_shipped_regulation_has_no_problems_and_asks_at_once(template: Template) -> None:
    octets = (LIBRARY / "regulation-b2b.yaml").read_bytes()
    reading = read_regulation(octets, "regulation-b2b.yaml", template=template)
    assert reading.problems == ()
    assert reading.regulation is not None
    assert {one.task.mode for one in reading.regulation.rules} == {"auto"}
    assert {one.id for one in reading.regulation.rules} == {
        "first-contact",
        "offer-received",
        "offer-discuss",
        "negotiate-advance",
        "stalled",
        "thanks",
        "quality-check",
        "planned-touch-a",
        "planned-touch-b",
        "planned-touch-c",
        "dossier-gaps",
    }


def test_every_key_of_the_header_arrives(b2b: Regulation, b2c: Regulation) -> None:
    assert b2b.title == Text("Регламент касаний B2B", "B2B touch regulation")
    assert (b2b.lead, b2b.grace) == (days("2", WORKING), days("1", WORKING))
    assert b2b.quiet_hours == (20 * 60, 9 * 60)
    assert (b2b.limits.open_per_client, b2b.limits.per_manager_per_day) == (2, 25)
    assert (b2b.limits.merge_within, b2b.limits.ride_within) == (days("3", WORKING), days("7"))
    assert b2b.limits.min_gap == {"A": days("5"), "B": days("10"), "C": days("30")}
    assert b2b.limits.first_run == days("10", WORKING)
    assert (b2b.proposals.remind, b2b.proposals.ignored, b2b.proposals.later) == (
        days("2", WORKING),
        days("5", WORKING),
        3,
    )
    assert b2b.proposals.decline[0] == "Уже сделано"
    assert (b2b.proof.call_seconds, b2b.proof.chat_days) == (30, 3)
    assert set(b2b.means) == {"regular", "key"}
    assert (b2b.segments.field, b2b.segments.revenue) == ("client.segment", {})
    assert (b2c.segments.field, b2c.segments.revenue) == (None, {"A": Decimal("0.5"), "B": Decimal("0.8")})
    assert b2c.segments.months == 12
    assert b2b.cycles == {"A": 30, "B": 60, "C": 120}
    assert (b2b.states.at_risk, b2b.states.sleeping, b2b.states.gone) == (Decimal("1.5"), Decimal(2), Decimal(4))
    assert b2b.states.gone_not_before_months == 12
    assert b2b.dossier is not None
    assert b2b.feasts["womens-day"] == Feast(Text("Международный женский день", "International Women's Day"), 3, 8)
    assert b2b.feasts["builders-day"] == Feast(Text("День строителя", "Builder's Day"), 8, None, 2, 6)
    assert b2b.calendar.country == "RU"
    assert not b2b.calendar.is_working_day(date(2026, 3, 9))


def test_every_key_of_a_rule_arrives(b2b: Regulation, b2c: Regulation) -> None:
    complaint = rule(b2b, "complaint")
    assert complaint.subject == "client"
    assert complaint.always
    assert complaint.touch.kinds == ("call", "meeting")
    assert complaint.touch.due == (Phrase("after", days("4", Unit.WORKING_HOUR), "last_complaint"),)
    assert (complaint.task.assign_to, complaint.task.copy_to, complaint.task.merge) == (
        ("client_manager",),
        ("head",),
        False,
    )
    assert complaint.escalate == (Escalation(days("1", WORKING), "head"),)
    assert complaint.silence == Silence(
        (
            *("nps", "assortment", "dossier-gaps", "birthday-gift", "birthday-key", "birthday"),
            *("new-year", "defenders-day", "womens-day", "builders-day", "anniversary"),
        ),
        days("14"),
    )
    assert complaint.pay == "loyalty"
    assert rule(b2b, "nps").touch.at_most == AtMost(1, days("90"))
    assert rule(b2c, "review").touch.at_most == AtMost(1, days("90"))
    assert rule(b2b, "key-review").touch.ride_on == ("key-meeting",)
    assert rule(b2b, "birthday").task.lead == days("0", WORKING)
    assert rule(b2b, "birthday").touch.due == (Phrase("on", None, "contact.birthday"),)
    assert rule(b2b, "planned-touch-a").touch.kinds == ("call", "meeting", "email", "chat", "order")
    assert [one.key for one in rule(b2b, "dossier-gaps").conditions] == ["regular", "key", "any"]
    assert [one.id for one in b2b.rules if not one.enabled] == [
        *("new-owner", "promise-due", "keep-the-person", "learn-the-successor", "new-site-visit", "meeting-b", "review")
    ]


def test_ladders_independent_steps_and_tables(b2b: Regulation) -> None:
    assert rule(b2b, "offer-discuss").touch.due == (
        Phrase("after", days("3", WORKING), "phase.entered"),
        Phrase("then", days("7")),
        Phrase("then", days("10")),
        Phrase("then", days("15")),
    )
    assert rule(b2b, "contract-end").touch.due == (
        Phrase("before", days("60"), "dossier.contract_end"),
        Phrase("before", days("30"), "dossier.contract_end"),
    )
    stalled = rule(b2b, "stalled")
    assert isinstance(stalled.touch.every, Table)
    assert stalled.touch.every.column == "phase"
    assert stalled.touch.every.terms["offer"] == Phrase("after", days("7", WORKING), "last_touch")
    assert stalled.escalate == (Escalation(days("1", Unit.INTERVAL), "head"),)
    first, *then = rule(b2b, "lost-return").touch.due
    assert isinstance(first, Table)
    assert first.terms["not_now"] == Phrase("after", days("60"), "deal.lost")
    assert then == [Phrase("then", days("90"))] * 3


def test_russian_phrases_mean_the_same(b2c: Regulation) -> None:
    assert rule(b2c, "payment-soon").touch.due == (Phrase("before", days("1", WORKING), "deal.invoice_due"),)
    assert rule(b2c, "wake-up").touch.due == (
        Phrase("after", days("5", WORKING), "state.entered"),
        Phrase("then", days("60")),
    )
    assert rule(b2c, "birthday").touch.due == (Phrase("on", None, "contact.birthday"),)
    assert rule(b2c, "repeat").touch.due == (Phrase("after", days("0.8", Unit.CYCLE), "last_won"),)


SMALL = """
version: 1
title: {ru: Проба, en: Trial}
calendar: RU
work_hours: 09:00-18:00
rules:
  - id: one
    title: Звонок
    for: client
    touch: {every: 5 days after last_touch}
    task: {text: Позвонить}
    pay: none
"""


def test_what_a_file_leaves_out_has_its_default() -> None:
    small = read(SMALL)
    assert small.lead == days("2", WORKING)
    assert small.limits.merge_within == days("3", WORKING)
    assert small.limits.ride_within == days("7")
    assert small.cycles == {"A": 30, "B": 60, "C": 120}
    assert small.rules[0].title == Text("Звонок", "Звонок")
    assert small.rules[0].task.assign_to == ("owner",)
    assert (small.rules[0].enabled, small.rules[0].always, small.rules[0].task.mode) == (True, False, "auto")
    assert small.dossier is None
    assert small.quiet_hours is None


def test_a_digest_follows_the_rule_not_its_place_name_or_comments() -> None:
    before = read(SMALL)
    same = read(SMALL.replace("id: one", "id: two  # renamed\n    was: [one]").replace("rules:", "# remark\nrules:"))
    assert same.rules[0].digest == before.rules[0].digest
    assert same.digest != before.digest
    assert same.rule("one") is same.rules[0]
    edited = read(SMALL.replace("5 days", "6 days"))
    assert edited.rules[0].digest != before.rules[0].digest
    assert read(SMALL).digest == before.digest


def test_the_dossier_counts_in_the_digest_of_the_file(template: Template) -> None:
    assert read(SMALL, template=template).digest != read(SMALL).digest


def test_days_off_of_the_file_and_of_the_portal_are_in_the_calendar() -> None:
    own = "calendar: {base: RU, off: [2026-03-11], work: [2026-03-14], short_before_holiday: 1 working hour}"
    text = SMALL.replace("calendar: RU", own).replace("09:00-18:00", "09:00-13:00, 14:00-18:00")
    calendar = read(text, days_off=frozenset({date(2026, 3, 12)}), days_on=frozenset({date(2026, 3, 15)})).calendar
    assert [calendar.is_working_day(date(2026, 3, day)) for day in range(10, 16)] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    assert calendar.short[date(2026, 11, 3)] == 60
    assert len(calendar.hours) == 2


@pytest.mark.parametrize(("today", "warned"), [("2026-06-01", 0), ("2027-01-10", 1), ("2030-01-10", 1), (None, 0)])
def test_a_year_without_a_decree_is_a_warning(today: str | None, warned: int) -> None:
    reading = read_regulation(SMALL, "regulation.yaml", today=date.fromisoformat(today) if today else None)
    assert [problem.code for problem in reading.problems] == ["no-decree"] * warned
    assert reading.regulation is not None


def test_a_byte_order_mark_and_windows_lines_do_no_harm() -> None:
    octets = b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()
    reading = read_regulation(octets, "regulation.yaml")
    assert reading.problems == ()


@pytest.fixture
def shut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk, the network and the clock are out of reach."""

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("the rules talked to the world")

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", refuse)
        patch.setattr(socket, "socket", refuse)
        for name in ("time", "monotonic", "perf_counter", "localtime", "gmtime"):
            patch.setattr(time, name, refuse)
        yield


def test_checking_needs_neither_disk_nor_network_nor_clock(template: Template, request: pytest.FixtureRequest) -> None:
    good = (SPECIMENS / "regulation-b2b.yaml").read_bytes()
    bad = [path.read_bytes() for path in (Path(__file__).parent / "problems").glob("*.yaml")]
    read_regulation(good, "regulation.yaml")  # the country's calendar is built once
    request.getfixturevalue("shut_off")
    assert read_regulation(good, "regulation.yaml", template=template).regulation is not None
    for octets in bad:
        reading = read_regulation(octets, "regulation.yaml", template=template, today=date(2027, 6, 1))
        assert render(reading.problems, "ru")


def test_a_regulation_can_be_compared(b2c: Regulation) -> None:
    """Two readings of one text are equal part by part, so a reload changes nothing by itself."""
    again = read((SPECIMENS / "regulation-b2c.yaml").read_text(encoding="utf-8"))
    for field in fields(Regulation):
        assert getattr(again, field.name) == getattr(b2c, field.name), field.name
