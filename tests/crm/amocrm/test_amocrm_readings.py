"""What the documents leave open changes no fact: every reading of the sandbox is turned over once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.crm.port import Fact, Wanted
from crm.amocrm.emulated import emulated
from crm.contract import SandboxPortal, read

OTHER = {
    "oauth_error_status": "400",
    "renamed_status": "404",
    "customers_mode": "periodicity",
    "hook_timeout_code": "0",
}
"""Of readings that are no switch; a number is doubled."""
TAKES_AWAY = {"chats": "chat", "mails_as_notes": "email"}
"""Readings that say whether the CRM tells a kind of signal at all."""


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    """An account in which something of everything has happened."""
    with emulated(clients=6) as running:
        company, contact, deal = running.new_client("Чтения")
        for told in (
            {"kind": "call", "direction": "in", "seconds": 90},
            {"kind": "call", "direction": "out", "answered": False},
            {"kind": "meeting", "completed": True},
            {"kind": "email", "direction": "in"},
            {"kind": "chat", "direction": "in"},
            {"kind": "chat", "direction": "out"},
        ):
            running.control.post("activities", {**told, "deal": deal, "contact": contact, "by": 3})
        running.control.post(
            "cards", {"kind": "company", "id": company, "fields": {"segment": "A", "quiet_until": "2026-12-01"}}
        )
        running.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
        lost = running.new_client("Потеря")[2]
        running.control.post("deals/move", {"deal": lost, "stage": "LOSE", "loss_reason": "Дорого"})
        running.control.post("deals/delete", {"deal": running.new_client("Корзина")[2]})
        yield running


def told(portal: SandboxPortal) -> dict[str, tuple[Any, ...]]:
    wanted = Wanted(company=("SEGMENT", "QUIET_UNTIL"), contact=("BIRTHDAY", "PHONE"))
    facts, _, _ = read(portal.connect(wanted))
    return {ref: (fact.body, fact.links, fact.changed, fact.gone) for ref, fact in facts.items()}


def turned(name: str, value: bool | str) -> bool | str:
    if isinstance(value, bool):
        return not value
    return OTHER[name] if name in OTHER else str(2 * float(value))


def test_every_reading_turned_over_leaves_the_facts_as_they_are(portal: SandboxPortal) -> None:
    usual = told(portal)
    kinds = {body["kind"] for ref, (body, *_) in usual.items() if ref.startswith("signal:")}
    assert {"call", "chat", "email", "meeting"} <= kinds
    readings: dict[str, bool | str] = portal.control.get("readings")
    assert len(readings) > 10
    for name, value in readings.items():
        portal.control.post("readings", {name: turned(name, value)})
        found = told(portal)
        portal.control.post("readings", {name: value})
        silent = TAKES_AWAY.get(name)
        expected = {ref: fact for ref, fact in usual.items() if silent is None or fact[0].get("kind") != silent}
        differing = {ref for ref in expected.keys() | found.keys() if expected.get(ref) != found.get(ref)}
        assert differing == set(), name


class Later:
    """An account that goes on: some of its leads are neither among the first ones nor among what changed last."""

    def __init__(self, portal: SandboxPortal) -> None:
        self.portal = portal
        self.crm = portal.connect(Wanted())
        facts, cursors, _ = read(self.crm)
        deals = [int(fact.id) for fact in facts.values() if fact.kind == "deal" and not fact.gone]
        self.old = [f"deal:{number}" for number in sorted(deals)[-5:]]
        portal.control.post("clock", {"advance": "1 hour"})
        company = portal.new_client("Час спустя")[0]
        portal.control.post("deals", {"title": "Волна", "company": company, "count": 300})
        portal.control.post("clock", {"advance": "1 hour"})
        portal.new_client("Два часа спустя")
        _, self.cursors, _ = read(self.crm, cursors)

    def read_named(self, *more: str) -> tuple[dict[str, Fact], set[str], int]:
        """Facts, answered refs, and how many requests asked for a single card."""
        requests = self.portal.control.ledger(self.portal.name)["requests"]
        facts, self.cursors, answered = read(self.crm, self.cursors, [*self.old, *more])
        asked = self.portal.control.ledger(self.portal.name)["requests"][len(requests) :]
        single = [one for one in asked if one["path"].split("?")[0].rsplit("/", 1)[1].isdecimal()]
        return facts, answered, len(single)


@pytest.mark.parametrize("paid", [False, True])
def test_named_cards_are_found_with_and_without_the_paid_filter(portal: SandboxPortal, paid: bool) -> None:
    later, lost = Later(portal), {"deal:990001", "deal:990002"}
    portal.control.post("readings", {"api_filter": paid})
    facts, answered, single = later.read_named(*lost)
    portal.control.post("readings", {"api_filter": False})
    assert answered == {*later.old, *lost}
    assert {ref for ref in answered if facts[ref].gone} == lost
    assert single == (len(lost) if paid else len(answered))


def test_a_filter_that_is_ignored_is_seen_through(portal: SandboxPortal) -> None:
    """The option ended while we know the account as one that has it: what was not asked for is no answer."""
    later = Later(portal)
    portal.control.post("readings", {"api_filter": True})
    assert later.read_named()[2] == 0
    portal.control.post("readings", {"api_filter": False})
    facts, answered, single = later.read_named("deal:990001")
    assert answered == {*later.old, "deal:990001"}
    assert {ref for ref in answered if facts[ref].gone} == {"deal:990001"}
    assert "deal:1" not in facts
    assert single == len(answered)
