"""Placeholders: a closed list, filled in literally."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.placeholders import MAX_TEXT, MAX_VALUE, PLACEHOLDERS, check, fill, used
from rules.scope import Scope

if TYPE_CHECKING:
    from rules.regulation import Subject


def refused(text: str, subject: Subject = "client", **more: object) -> list[str]:
    return [wrong.type for wrong in check(text, Scope(subject=subject, **more))]  # type: ignore[arg-type]  # Scope's keywords


def test_a_text_is_filled_in() -> None:
    values = {"client.name": "Ромашка", "last_touch.days": "15 дней"}
    assert fill("{client.name}: {last_touch.days} без контакта.\n", values) == "Ромашка: 15 дней без контакта."


def test_a_value_is_never_read_as_a_placeholder() -> None:
    values = {"client.name": "{deal.title} {0.__class__} %s", "deal.title": "секрет"}
    assert fill("{client.name}", values) == "{deal.title} {0.__class__} %s"


def test_a_name_without_a_value_stays_as_it_is() -> None:
    assert fill("{client.name} {step}", {"step": "2"}) == "{client.name} 2"


def test_sizes_are_capped() -> None:
    assert fill("{client.name}", {"client.name": "я" * 9999}) == "я" * (MAX_VALUE - 1) + "…"
    many = {"client.name": "я" * MAX_VALUE}
    assert len(fill("{client.name}" * 100, many)) == MAX_TEXT


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(PLACEHOLDERS["deal"]), st.text(max_size=20)))
def test_any_text_can_be_filled(text: str, values: dict[str, str]) -> None:
    assert len(fill(text, values)) <= MAX_TEXT


def test_the_names_of_a_text_are_listed() -> None:
    assert used("{a.b} {} {c}") == ("a.b", "", "c")


@pytest.mark.parametrize("subject", PLACEHOLDERS)
def test_every_listed_name_is_known_for_its_subject(subject: Subject) -> None:
    assert refused(" ".join("{" + name + "}" for name in PLACEHOLDERS[subject]), subject) == []


@pytest.mark.parametrize(
    ("text", "subject", "wanted"),
    [
        ("{client.nmae}", "client", ["unknown-placeholder"]),
        ("{deal.title}", "client", ["placeholder-of-other"]),
        ("{contact.birthday}", "deal", ["placeholder-of-other"]),
        ("{deal.delivery_date}", "deal", []),
        ("{deal.delivery_date}", "contact", ["unknown-placeholder"]),
        ("{client.promise_date}", "client", ["unknown-placeholder"]),
        ("{dossier.contract_end}", "client", []),
        ("{client.name", "client", ["lone-brace"]),
        ("{}", "client", ["unknown-placeholder"]),
        ("{client.name.__class__}", "client", ["unknown-placeholder"]),
        ("{client.name!r}", "client", ["unknown-placeholder"]),
        ("{{client.name}}", "client", ["lone-brace"]),
        ("{feast.title}", "contact", ["unknown-placeholder"]),
    ],
)
def test_an_unknown_name_is_refused(text: str, subject: Subject, wanted: list[str]) -> None:
    assert refused(text, subject) == wanted


def test_dates_and_feasts_the_rule_counts_from_are_known() -> None:
    assert refused("{client.promise_date}", "client", dates=frozenset({"client.promise_date"})) == []
    assert refused("{feast.title}", "contact", anchors=frozenset({"feast.new-year"})) == []
