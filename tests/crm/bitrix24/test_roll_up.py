"""Whose contact is it? Raw activities, rolled up over a client's company, people and deals (facts/domain.md 5)."""

from __future__ import annotations

from typing import Any

import pytest

from connector.clients import Family
from connector.crm.bitrix24.mapping import card_fact
from connector.crm.bitrix24.signals import signal_fact
from connector.crm.port import Fact, FactKind

MADE = {"createdTime": "2026-09-01T10:00:00+03:00", "updatedTime": "2026-09-01T10:00:00+03:00"}
CARDS: list[tuple[FactKind, dict[str, Any]]] = [
    ("company", {"id": 45, "title": "Север"}),
    ("company", {"id": 46, "title": "Юг"}),
    ("contact", {"id": 9, "name": "Ольга", "companyId": 45, "companyIds": [45]}),
    ("contact", {"id": 10, "name": "Пётр, в обеих", "companyId": 45, "companyIds": [45, 46]}),
    ("contact", {"id": 11, "name": "Анна, сама по себе", "companyId": 0, "companyIds": []}),
    ("deal", {"id": 123, "companyId": 45, "contactIds": [9]}),
    ("deal", {"id": 124, "companyId": None, "contactId": 11, "contactIds": [11]}),
    ("deal", {"id": 125, "companyId": 0, "contactIds": [10]}),
    ("deal", {"id": 126, "companyId": "0", "contactIds": []}),
]
DEAL = {"categoryId": 0, "stageId": "NEW", "stageSemanticId": "P"}
LEAD, INVOICE = "1", "31"


def facts() -> list[Fact]:
    found = [card_fact(kind, row | MADE | DEAL, (), {}) for kind, row in CARDS]
    return [fact for fact in found if fact is not None]


def activity(
    owner: tuple[str, str], *people: str, bound: tuple[tuple[str, str], ...] = (), **more: Any
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": "777",
        "OWNER_TYPE_ID": owner[0],
        "OWNER_ID": owner[1],
        "TYPE_ID": "2",
        "PROVIDER_ID": "VOXIMPLANT_CALL",
        "DIRECTION": "2",
        "COMPLETED": "Y",
        "STATUS": "2",
        "START_TIME": "2026-09-23T11:00:00+03:00",
        "END_TIME": "2026-09-23T11:01:30+03:00",
        "CREATED": "2026-09-23T11:01:31+03:00",
        "LAST_UPDATED": "2026-09-23T11:01:32+03:00",
        "RESPONSIBLE_ID": "7",
        "COMMUNICATIONS": [{"ENTITY_ID": one, "ENTITY_TYPE_ID": "3", "TYPE": "PHONE"} for one in people],
    }
    return row | more


def bound(*cards: tuple[str, str]) -> list[dict[str, str]]:
    return [{"OWNER_TYPE_ID": kind, "OWNER_ID": number} for kind, number in cards]


CONTACT, COMPANY, OF_DEAL = "3", "4", "2"
MAIL: dict[str, Any] = {"TYPE_ID": "4", "PROVIDER_ID": "CRM_EMAIL", "DIRECTION": "1"}
CHAT: dict[str, Any] = {"TYPE_ID": "6", "PROVIDER_ID": "IMOPENLINES_SESSION", "ASSOCIATED_ENTITY_ID": "51"}
TODO: dict[str, Any] = {"TYPE_ID": "6", "PROVIDER_ID": "CRM_TODO", "PROVIDER_TYPE_ID": "TODO"}
TASK: dict[str, Any] = {"TYPE_ID": "3", "PROVIDER_ID": "CRM_TASKS_TASK", "ASSOCIATED_ENTITY_ID": "8123"}
PROPOSAL: dict[str, Any] = {
    "TYPE_ID": "6",
    "PROVIDER_ID": "CONFIGURABLE_REST_APP",
    "ORIGINATOR_ID": "kasanie",
    "ORIGIN_ID": "kasanie:1",
}

WHOSE: list[tuple[str, dict[str, Any], set[str] | None]] = [
    ("a call with a person of the company", activity((CONTACT, "9"), "9"), {"company:45"}),
    ("a call on the company's own card", activity((COMPANY, "46")), {"company:46"}),
    ("a letter in a deal", activity((OF_DEAL, "123"), **MAIL), {"company:45"}),
    ("a letter in a deal of a person", activity((OF_DEAL, "124"), "11", **MAIL), {"contact:11"}),
    ("a chat with a person alone", activity((CONTACT, "11"), **CHAT), {"contact:11"}),
    ("one person, two companies", activity((CONTACT, "10"), "10"), {"company:45", "company:46"}),
    ("the same, bound to a deal of one of them", activity((OF_DEAL, "123"), "10"), {"company:45"}),
    (
        "the same, by the bindings of the list",
        activity((CONTACT, "10"), "10", BINDINGS=bound((CONTACT, "10"), (COMPANY, "46"), (OF_DEAL, "123"))),
        {"company:45"},
    ),
    ("a deal that belongs to its person's company", activity((OF_DEAL, "125")), {"company:45"}),
    ("a deal that is its own client", activity((OF_DEAL, "126")), {"deal:126"}),
    ("a call on a lead, with a person we know", activity((LEAD, "4"), "9"), {"company:45"}),
    ("a call on a lead alone", activity((LEAD, "4")), None),
    ("a letter with an invoice alone", activity((INVOICE, "4"), **MAIL), None),
    ("a to-do", activity((OF_DEAL, "123"), **TODO), None),
    ("a task's shadow", activity((OF_DEAL, "123"), **TASK), None),
    ("our own proposal", activity((OF_DEAL, "123"), **PROPOSAL), None),
    ("a card of another application", activity((OF_DEAL, "123"), **{**PROPOSAL, "ORIGINATOR_ID": "other"}), None),
]


@pytest.mark.parametrize(("row", "clients"), [one[1:] for one in WHOSE], ids=[one[0] for one in WHOSE])
def test_whose_contact_an_activity_is(row: dict[str, Any], clients: set[str] | None) -> None:
    signal = signal_fact(row)
    if clients is None:
        assert signal is None
    else:
        assert signal is not None
        known = {fact.ref: fact for fact in facts()}
        family = Family([signal], lambda refs: [known[ref] for ref in refs if ref in known])
        assert family.clients_of(signal) == clients
