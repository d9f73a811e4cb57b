"""What the papers leave open must not matter to what is read: one story under either reading gives the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.port import CompanyCalendar, Connection, Effect, Fact, Wanted
from crm.canned import FreePacer

FIELDS = ("UF_CRM_INN", "UF_CRM_SEGMENT", "UF_CRM_SITES", "UF_CRM_QUIET_UNTIL", "UF_CRM_HEADCOUNT", "phone", "email")
WANTED = Wanted(company=(*FIELDS, "requisite.RQ_INN"), contact=("UF_CRM_NPS", "phone"), deal=("products",))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=6, rate=0, burst=10_000) as running:
        yield running


@pytest.fixture(scope="module")
def crm(sandbox: Sandbox) -> Iterator[Bitrix24]:
    told = sandbox.portals[0]
    opened = Bitrix24(Connection(portal=told["name"], url=SecretStr(told["rest_url"]), wanted=WANTED), FreePacer())
    yield opened
    opened.close()


def story(sandbox: Sandbox, crm: Bitrix24, number: int) -> list[Any]:
    """A client with all that can happen to one, and what is read of it: full, and by name; ids and times left out."""
    people = [{"first_name": "Ольга", "phone": "+79990000000"}]
    made = sandbox.post("companies", {"title": "Прочтения", "owner": 2, "people": people, "fields": {"segment": "A"}})
    company, contact = made["id"], made["contacts"][0]
    deal = sandbox.post("deals", {"title": "Поставка", "company": company, "amount": 1000})["ids"][0]
    sandbox.post("requisites", {"company": company, "fields": {"RQ_INN": "7707083893"}})
    sandbox.post("products", {"deal": deal, "rows": [{"name": "Болт", "price": 1, "quantity": 1}]})
    sandbox.post("deals/move", {"deal": deal, "stage": "OFFER"})
    sandbox.post(
        "activities",
        [
            {"kind": "call", "contact": contact, "deal": deal, "direction": "out", "seconds": 90, "by": 2},
            {"kind": "call", "contact": contact, "answered": False, "direction": "in"},
            {"kind": "meeting", "company": company},
            {"kind": "email", "deal": deal, "direction": "in"},
            {"kind": "chat", "contact": contact, "direction": "in", "seconds": 600, "by": 2},
        ],
    )
    effect = Effect(
        verb="create_task",
        key=f"k{number}",
        marker=f"kasanie:{number:012x}",
        title="Касание",
        text="Позвонить",
        assignee="2",
        bind=(f"deal:{deal}", f"company:{company}"),
    )
    (outcome,) = crm.send([effect])
    assert outcome.status == "done", outcome
    mine = {f"company:{company}", f"contact:{contact}", f"deal:{deal}"}
    facts: dict[str, Fact] = {}
    cursors: dict[str, str] = {}
    for page in crm.pull({}, ()):
        facts |= {fact.ref: fact for fact in page.facts}
        cursors |= page.cursors
    own = [ref for ref, fact in facts.items() if ref in mine or mine & set(fact.links)]
    named = {fact.ref: fact for page in crm.pull(cursors, own) for fact in page.facts}
    assert {ref: named[ref] for ref in own if facts[ref].kind != "stage"} == {
        ref: facts[ref] for ref in own if facts[ref].kind != "stage"
    }, "by name as by feed"
    assert {facts[ref].body["marker"] for ref in own if facts[ref].kind == "task"} == {effect.marker}
    return sorted((told(facts[ref], mine) for ref in own), key=repr)


def told(fact: Fact, mine: set[str]) -> Any:
    """A fact without what differs from story to story."""
    body = {name: value for name, value in fact.body.items() if name not in ("at", "created", "marker")}
    for name in ("contact", "deal", "company"):
        body |= {name: bool(body[name])} if name in body else {}
    body |= {"contacts": len(body["contacts"])} if "contacts" in body else {}
    return (fact.kind, fact.gone, sorted(ref.partition(":")[0] for ref in fact.links if ref in mine), body)


FLIPPED: dict[str, bool | str] = {
    "task_as_activity": False,
    "status_id_with_category": True,
    "start_minus_one_counts": True,
    "unknown_task_filter_is_error": True,
    "task_xml_id_filter": True,
    "task_xml_id_kept": False,
    "task_touches_cards": True,
    "funnel_move_updates_deal": True,
    "activity_bindings_in_select": True,
    "methods_any_case": False,
    "operating_told": False,
    "operating_reset_as_text": True,
    "product_rows_update_deal": True,
    "empty_values": "mixed",
}
"""Every reading that could touch what is read. What is written, posted or told to applications is tested there."""


def test_either_reading_gives_the_same_facts(sandbox: Sandbox, crm: Bitrix24) -> None:
    before = story(sandbox, crm, 1)
    assert [one[0] for one in before].count("signal") == 5
    assert {one[0] for one in before} == {"company", "contact", "deal", "stage", "signal", "task"}
    differing = {}
    for number, (name, value) in enumerate(FLIPPED.items(), 2):
        sandbox.post("readings", {name: value})
        try:
            after = story(sandbox, crm, number)
        finally:
            sandbox.post("readings", {name: "plain" if isinstance(value, str) else not value})
        if after != before:
            differing[name] = [pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]]
    assert differing == {}


@pytest.mark.parametrize(("reading", "hours"), [("9", "09:00"), ("9.00", "09:00"), ("9.30", "09:30")])
def test_working_hours_however_they_are_written(sandbox: Sandbox, crm: Bitrix24, reading: str, hours: str) -> None:
    sandbox.post("readings", {"working_hours": reading})
    calendar = crm.directory().calendar
    assert isinstance(calendar, CompanyCalendar)
    assert (calendar.work_from, calendar.days_off) == (hours, ("SA", "SU"))
    assert {"01-01", "05-09"} <= set(calendar.holidays)
