"""Reasons as sentences, in both languages, and the words of tasks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from scenes import MOSCOW, Story, b2b, call, deal, only, verdict, won

from rules.assess import assess
from rules.assessment import Reason
from rules.calendar import Duration, Unit
from rules.conditions.catalog import CATALOG
from rules.explain import as_record, explain, explain_reason, explain_verdict, say_because
from rules.facts import LOSS_REASONS, PHASES, ROLES, STATES, UNKNOWN
from rules.texts import SENTENCES

RULE = "planned-touch-a"


def silent(at: str, **client: Any) -> tuple[Story, str, str]:
    facts = {"cycle": "120 days", **client}
    story = Story(only(RULE), facts, deals=[won("D", "2026-02-20 12:00")], touches=[call("c", "2026-03-02 11:00")])
    judged = story.at(at)
    texts = [explain_verdict(verdict(judged, RULE), b2b(), MOSCOW, lang) for lang in ("ru", "en")]
    return story, texts[0], texts[1]


def test_why_it_is_due_and_when_it_will_be_asked() -> None:
    _, ru, en = silent("2026-03-03 10:00")
    assert ru.splitlines() == [
        "Плановое касание А (planned-touch-a, company:K): Предстоит, срок 16.03.2026 18:00.",
        "  Попросим 12.03.2026 09:00, раньше не нужно.",
        "  Считаем от 02.03.2026 11:00, срок – 14 дней.",
        "  Состояние клиента: между сделками.",
        "  Ключевой клиент: да.",
        "    Хотя бы одно из условий: да.",
        "      Сегмент клиента: A.",
        "      Поле client.strategic: пусто, а нужно: да.",
    ]
    assert en.splitlines()[:4] == [
        "Planned touch, segment A (planned-touch-a, company:K): Ahead, due 16 March 2026 18:00.",
        "  It will be asked 12 March 2026 09:00, not earlier.",
        "  Counted from 2 March 2026 11:00, term: 14 days.",
        "  State of the client: between deals.",
    ]


def test_why_it_did_not_appear() -> None:
    story = Story(only("first-contact"), deals=[deal("D", "2026-04-27 10:00", ("offer", "2026-04-27 10:00"))])
    text = explain_verdict(verdict(story.at("2026-04-27 12:00"), "first-contact"), b2b(), MOSCOW, "ru")
    assert "Сейчас не нужно." in text
    assert "Фаза сделки: предложение, а нужно: новая." in text


def test_why_it_is_held_and_until_when() -> None:
    _, ru, en = silent("2026-03-12 09:00", quiet_until="2026-03-20")
    assert "Клиент просил не беспокоить до 20.03.2026." in ru
    assert "The client is not to be disturbed until 20 March 2026." in en


def test_a_ticked_task_is_named_as_the_reason_of_the_next_one() -> None:
    story, _, _ = silent("2026-03-12 09:00")
    judged = story.at("2026-03-13 10:00", ticked=[{"rule": RULE, "of": "K", "at": "2026-03-13 10:00"}])
    text = explain(judged, story.regulation, MOSCOW, "ru")
    assert "Прошлую задачу закрыли 13.03.2026 10:00 без контакта: интервал идёт оттуда." in text
    assert text.endswith("Следующая проверка по времени: 25.03.2026 09:00.")


def test_when_only_a_fact_can_change_anything_it_says_so() -> None:
    judged = Story(only("first-contact")).at("2026-04-27 12:00")
    assert explain(judged, b2b(), MOSCOW, "en").endswith("only a new event in the CRM does.")


def test_a_record_is_plain_json_with_both_languages() -> None:
    story = Story(only(RULE), {"cycle": "120 days"}, deals=[won("D", "2026-02-20 12:00")])
    record = as_record(verdict(story.at("2026-03-03 10:00"), RULE), MOSCOW)
    assert json.loads(json.dumps(record)) == record
    assert len(record["ru"]) == len(record["en"]) > 2


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_condition_word_and_reason_has_its_sentence(lang: Any) -> None:
    assert {f"condition-{key}" for key in CATALOG} <= SENTENCES.keys()
    assert {f"word-{word}" for word in (*PHASES, *STATES, *ROLES)} <= SENTENCES.keys()
    assert {f"loss-{word}" for word in LOSS_REASONS} <= SENTENCES.keys()
    for key in (*CATALOG, "done", "moved", "lapsed", "rule_off", "gone", "overdue", "ignored", "deleted"):
        assert say_because(key, lang) not in (key, "")
    assert say_because("Клиент просил не беспокоить", lang) == "Клиент просил не беспокоить"


@pytest.mark.parametrize(
    ("seen", "wanted", "text"),
    [
        (Decimal("0.4"), ("below", Decimal("0.6")), "Fill of the dossier: 40%."),
        (Decimal("0.7"), ("below", Decimal("0.6")), "Fill of the dossier: 70%, wanted: below 60%."),
        (UNKNOWN, ("below", Decimal("0.6")), "Fill of the dossier: unknown, wanted: below 60%."),
    ],
)
def test_shares_are_shown_as_percent(seen: Any, wanted: Any, text: str) -> None:
    reason = Reason(path="if.dossier_fill", code="dossier_fill", seen=seen, wanted=wanted)
    assert explain_reason(reason, MOSCOW, "en") == text


def test_other_values_read_as_people_write_them() -> None:
    days = ("at_least", Duration(Decimal(15), Unit.DAY))
    reason = Reason(path="if.delivery_takes", code="delivery_takes", seen=10, wanted=days)
    assert explain_reason(reason, MOSCOW, "ru") == "Дней до поставки: 10, а нужно: не меньше 15 дней."
    ahead = Reason(path="if.field.deal.return_date", code="field", seen=date(2026, 5, 4), wanted=("ahead", True))
    assert "4 May 2026" in explain_reason(ahead, MOSCOW, "en")
    moment = Reason(path="if.field.deal.x", code="field", seen=datetime(2026, 5, 4, 9, tzinfo=UTC), wanted=(True,))
    assert "04.05.2026 12:00" in explain_reason(moment, MOSCOW, "ru")


def test_a_task_speaks_of_this_client_and_says_when_something_is_not_known() -> None:
    story = Story(
        only("negotiate-advance", "offer-decision"),
        deals=[deal("D", "2026-04-01 10:00", ("negotiate", "2026-04-01 10:00"), title="Трубы {client.name}")],
    )
    snapshot, now = story.snapshot(), story.world.moment("2026-04-08 09:00")
    text = assess(story.regulation, snapshot, now).orders[0].text
    assert "Ромашка, «Трубы {client.name}»: нет данных без контакта" in text  # a value is never read as a placeholder
    story.learn(touches=[call("c", "2026-04-02 11:00")])
    asked = assess(story.regulation, story.snapshot(), story.world.moment("2026-04-23 09:00")).orders[0]
    assert "21 день без контакта" in asked.text
    assert (asked.title, asked.bind) == ("Продвинуть согласование", ("deal:D", "company:K"))
    english = assess(story.regulation, story.snapshot(), story.world.moment("2026-04-23 09:00"), "en").orders[0]
    assert english.title == "Move the approval on"
