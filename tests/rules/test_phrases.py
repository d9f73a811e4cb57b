"""Phrases in both languages, and what is no phrase."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from rules.anchors import ANCHORS, find_anchor
from rules.calendar import Duration, Unit
from rules.durations import say_duration
from rules.phrases import parse_phrase
from rules.regulation import Phrase
from rules.texts import LANGS, Lang

PAIRS = [
    ("3 working days after phase.entered", "3 рабочих дня после phase.entered", "after", "3", Unit.WORKING_DAY),
    (
        "15 working minutes after deal.created",
        "15 рабочих минут после deal.created",
        "after",
        "15",
        Unit.WORKING_MINUTE,
    ),
    ("1 working hour after last_nps", "1 рабочий час после last_nps", "after", "1", Unit.WORKING_HOUR),
    ("60 days before dossier.contract_end", "за 60 дней до dossier.contract_end", "before", "60", Unit.DAY),
    ("0.8 cycles after last_won", "0.8 цикла после last_won", "after", "0.8", Unit.CYCLE),
    ("on contact.birthday", "в день contact.birthday", "on", None, None),
    ("then 2 weeks", "затем 2 недели", "then", "2", Unit.WEEK),
    ("Then 1 month", "Затем 1 месяц", "then", "1", Unit.MONTH),
    ("0 days after last_touch", "0 дней после last_touch", "after", "0", Unit.DAY),
]


@pytest.mark.parametrize(("english", "russian", "how", "amount", "unit"), PAIRS)
def test_a_phrase_reads_the_same_in_both_languages(
    english: str, russian: str, how: str, amount: str | None, unit: Unit | None
) -> None:
    read = parse_phrase(english)
    assert isinstance(read, Phrase)
    assert read == parse_phrase(russian)
    assert read.how == how
    assert read.duration == (Duration(Decimal(amount), unit) if amount and unit else None)
    assert (read.anchor is None) is (how == "then")


@pytest.mark.parametrize(
    "text",
    [
        "3 working days",
        "after phase.entered",
        "3 days after",
        "3 days after phase.entered and later",
        "3 days from phase.entered",
        "3 дня до deal.invoice_due",
        "за 3 дня после phase.entered",
        "1 hour after deal.created",
        "3 wd after phase.entered",
        "P3D after phase.entered",
        "-3 days after phase.entered",
        "1,5 cycles after last_won",
        "three days after last_won",
        "then",
        "on",
        "",
    ],
)
def test_everything_else_is_refused_with_a_hint(text: str) -> None:
    read = parse_phrase(text)
    assert isinstance(read, PydanticCustomError)
    assert read.type in ("bad-phrase", "bad-duration")
    assert read.context is not None
    assert read.context["hint"]


@given(
    st.builds(
        Duration,
        st.integers(0, 90).map(Decimal),
        st.sampled_from([unit for unit in Unit if unit is not Unit.INTERVAL]),
    ),
    st.sampled_from(sorted(ANCHORS)),
    st.sampled_from(LANGS),
)
def test_what_is_said_is_read_again(duration: Duration, anchor: str, lang: Lang) -> None:
    said = say_duration(duration, lang)
    word = "после" if lang == "ru" else "after"
    assert parse_phrase(f"{said} {word} {anchor}") == Phrase("after", duration, anchor)


@pytest.mark.parametrize(
    ("name", "nature", "subjects"),
    [
        ("deal.created", "milestone", {"deal"}),
        ("deal.invoice_due", "date", {"deal"}),
        ("client.promise_date", "date", {"deal", "client", "contact"}),
        ("dossier.contract_end", "date", {"deal", "client", "contact"}),
        ("client.anniversary", "yearly", {"client"}),
        ("contact.birthday", "yearly", {"contact"}),
        ("contact.left", "milestone", {"contact"}),
        ("feast.new-year", "yearly", {"client", "contact"}),
        ("last_touch", "rhythm", {"deal", "client", "contact"}),
        ("last_meeting", "rhythm", {"client"}),
    ],
)
def test_an_anchor_has_its_nature_and_its_subjects(name: str, nature: str, subjects: set[str]) -> None:
    anchor = find_anchor(name)
    assert anchor is not None
    assert (anchor.nature, set(anchor.subjects)) == (nature, subjects)


@pytest.mark.parametrize("name", ["deal", "deal.", "company.name", "last_call", "phase.left", "a.b.c", "deal.{x}"])
def test_there_is_no_other_anchor(name: str) -> None:
    assert find_anchor(name) is None
