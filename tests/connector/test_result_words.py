"""The words that close a proposal's task, in both languages: one answer or none, never a guess."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.result_words import LONGEST_DAYS, USUAL_DAYS, Said, read_words

TODAY = date(2026, 10, 1)
REASONS = ("Уже сделано", "Не подходит этому клиенту", "Too early")


def said(text: str) -> Said:
    return read_words(text, TODAY, REASONS)


@pytest.mark.parametrize(
    "text",
    [
        *("да", "Да!", "ДА.", " да ", "да, да", "ок", "ОК", "Окей", "принять", "Принято.", "+", "да, спасибо"),
        *("хорошо", "согласна", "yes", "Yes, please", "OK", "accepted", "«да»"),
    ],
)
def test_accepted(text: str) -> None:
    assert said(text) == Said("accept")


@pytest.mark.parametrize(
    ("text", "until"),
    [
        *((text, date(2026, 10, 4)) for text in ("позже", "Потом!", "later", "не сейчас", "позже, клиент в отпуске")),
        ("завтра", date(2026, 10, 2)),
        ("позже, послезавтра", date(2026, 10, 3)),
        ("later: tomorrow", date(2026, 10, 2)),
        ("позже 7 дней", date(2026, 10, 8)),
        ("ПОЗЖЕ   7 ДНЕЙ!!!", date(2026, 10, 8)),
        ("позже на 1 день", date(2026, 10, 2)),
        ("через 3 дн.", date(2026, 10, 4)),
        ("in 3 days", date(2026, 10, 4)),
        ("потом, через неделю", date(2026, 10, 8)),
        ("отложить на 2 недели", date(2026, 10, 15)),
        ("later 2 weeks", date(2026, 10, 15)),
        ("перенести на месяц", date(2026, 10, 31)),
        ("позже, на следующей неделе", date(2026, 10, 8)),
        ("later, next week", date(2026, 10, 8)),
        ("позже 14.10", date(2026, 10, 14)),
        ("позже до 14.10.", date(2026, 10, 14)),
        ("14.10", date(2026, 10, 14)),
        ("позже 14.10.2026", date(2026, 10, 14)),
        ("later 14.04.27", date(2027, 4, 14)),
        ("позже 15.01", date(2027, 1, 15)),
        ("2026-10-20", date(2026, 10, 20)),
        ("later until 2026-10-20", date(2026, 10, 20)),
        ("позже 14 октября", date(2026, 10, 14)),
        ("later 14 October", date(2026, 10, 14)),
    ],
)
def test_put_off(text: str, until: date) -> None:
    assert said(text) == Said("later", until=until)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, None) for text in ("нет", "Нет!", "отказ", "отклонено", "-", "–", "no", "declined", "не надо")),
        ("Нет: уже сделано", "Уже сделано"),
        ("нет — УЖЕ СДЕЛАНО!", "Уже сделано"),
        ("отклонить. Не подходит", "Не подходит этому клиенту"),
        ("нет, уже сделано вчера", "Уже сделано"),
        ("уже сделано", "Уже сделано"),
        ("no: too early", "Too early"),
        ("нет, у них другой поставщик «Ёлка»", "у них другой поставщик «Ёлка»"),
        ("не нужно, дорого", "дорого"),
        ("no,  too\nexpensive", "too expensive"),
        ("нет " + "x" * 900, "x" * 200),
    ],
)
def test_declined(text: str, reason: str | None) -> None:
    assert said(text) == Said("decline", reason=reason)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "?", "спасибо", "чё", "позвоню, если успею", "да, позвоню завтра", "да нет", "ок, позже", "не да"),
        *("нет, позже", "нет, не сейчас", "no, later", "хочу", "1", "далее", "некогда", "через", "до"),
        *("позже 30.09", "позже 32.13", "позже 01.10", "позже 20.09.2025", "позже 0 дней", "позже 400 дней"),
        *("позже 2-3 дня", "позже 3", "позже 15 числа", "позже до понедельника", "позже 2 рабочих дня"),
    ],
)
def test_what_could_be_anything_is_no_answer(text: str) -> None:
    assert said(text).answer == "unclear"


@given(st.text(alphabet=st.sampled_from("да нетпозжечерез 0123456789.-/+ёЁ²٣\n\x00laterindys,:"), max_size=40))
def test_nothing_that_is_typed_breaks_it_and_no_day_is_out_of_reach(text: str) -> None:
    answer = said(text)
    assert (answer.answer == "later") is (answer.until is not None)
    if answer.until is not None:
        assert 0 < (answer.until - TODAY).days <= LONGEST_DAYS
    assert answer.reason is None or answer.answer == "decline"


@pytest.mark.parametrize("text", ["1" * 5000 + " дней", "позже " + "9" * 5000, "нет" * 5000, "[" * 5000])
def test_neither_does_a_long_text(text: str) -> None:
    assert said(text).answer == "unclear"


def test_the_usual_days_are_those_of_the_button_that_stands_first() -> None:
    assert said("позже") == said(f"позже {USUAL_DAYS} дня")
