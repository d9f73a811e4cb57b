"""What placeholders say in tasks: dates and counts as people write them, and «нет данных» for what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from scenes import Story, call, deal, won, written
from trial import HEAD

FACTS: dict[str, Any] = {
    "contacts": [{"id": "P", "name": "Пётр", "main": True, "birthday": "5 May"}],
    "touches": [call("c", "2026-04-06 11:00"), {"id": "m", "kind": "meeting", "at": "2026-04-01 11:00"}],
}
CLIENT = {
    "cycle": "60 days",
    "next_group": "Крепёж",
    "nps": [{"id": "n", "at": "2026-03-20 10:00", "score": 9}],
    "complaints": [{"id": "r", "at": "2026-03-21 10:00"}],
    "dossier": {"contract_end": "2026-09-30", "turnover": 5},
}


def said(placeholder: str, subject: str = "client", client: dict[str, Any] | None = None, **facts: Any) -> str:
    touch = {"client": "due: 10 days after last_complaint", "deal": "due: 1 working day after deal.created"}
    rule = f"""
  - id: one
    title: {{ru: Проба, en: Trial}}
    for: {subject}
    touch: {{{touch.get(subject, "due: on contact.birthday")}, kind: [task_done]}}
    task: {{text: "<{{{placeholder}}}>", assign_to: client_manager, lead: 20 working days}}
    pay: none
"""
    deals = facts.pop("deals", [won("W", "2026-02-20 12:00", title="Трубы")])
    tale = Story(written(HEAD + rule), {**CLIENT, **(client or {})}, deals=deals, **{**FACTS, **facts})
    judged = tale.at("2026-04-27 12:00")
    texts = [order.text for order in judged.orders]
    return texts[-1].strip("<>") if texts else ""


@pytest.mark.parametrize(
    ("placeholder", "text"),
    [
        ("client.name", "Ромашка"),
        ("client.segment", "A"),
        ("client.cycle", "60 дней"),
        ("client.next_group", "Крепёж"),
        ("client.anniversary", "20.02"),
        ("last_touch.days", "21 день"),
        ("last_touch.date", "06.04.2026"),
        ("last_meeting.days", "26 дней"),
        ("last_won.title", "Трубы"),
        ("last_won.date", "20.02.2026"),
        ("last_complaint.date", "21.03.2026"),
        ("last_nps.score", "9"),
        ("dossier.fill", "4\u00a0%"),
        ("dossier.filled", "2"),
        ("dossier.total", "50"),
        ("dossier.contract_end", "30.09.2026"),
        ("step", "1"),
        ("due.date", "27.04.2026"),
    ],
)
def test_what_a_client_placeholder_says(placeholder: str, text: str) -> None:
    assert said(placeholder) == text


@pytest.mark.parametrize(
    ("placeholder", "text"),
    [
        ("deal.title", "Кран"),
        ("deal.created", "24.04.2026"),
        ("deal.delivery_date", "20.05.2026"),
        ("deal.invoice_due", "нет данных"),
        ("deal.won", "нет данных"),
        ("deal.loss_reason", "нет данных"),
        ("phase.title", "negotiate"),
        ("phase.days", "3 дня"),
        ("attempts", "1 попытка"),
        ("last_touch.days", "нет данных"),
    ],
)
def test_what_a_deal_placeholder_says(placeholder: str, text: str) -> None:
    mine = deal(
        "D",
        "2026-04-24 10:00",
        ("negotiate", "2026-04-24 10:00"),
        title="Кран",
        fields={"delivery_date": "2026-05-20"},
    )
    tried = call("t", "2026-04-24 12:00", answered=False, seconds=0, deal="D")
    assert said(placeholder, "deal", deals=[mine], touches=[tried]) == text


def test_a_contact_is_named_with_his_day() -> None:
    assert said("contact.name", "contact") == "Пётр"
    assert said("contact.birthday", "contact") == "05.05"


def test_what_is_not_known_is_said_so() -> None:
    bare: dict[str, Any] = {"nps": [], "next_group": None}
    assert said("last_nps.score", client=bare) == "нет данных"
    assert said("client.next_group", client=bare) == "нет данных"
    assert said("last_meeting.date", touches=[]) == "нет данных"


def test_gaps_are_named_by_their_titles_and_never_by_their_values() -> None:
    first = said("dossier.next_question")
    assert said("dossier.gaps").split("; ")[0] == first
    assert len(said("dossier.gaps").split("; ")) == 3
    assert "Бюджет" in first
