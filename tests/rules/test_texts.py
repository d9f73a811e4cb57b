"""Every sentence exists in Russian and English and says the same: with the same slots."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import import_module
from pkgutil import iter_modules
from zoneinfo import ZoneInfo

import pytest

import rules.sentences
from rules.conditions.catalog import CATALOG
from rules.texts import SENTENCES, day_text, moment_text, plural, sentence

SLOT = re.compile(r"\{([a-z_]+)\}")
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


@pytest.mark.parametrize("code", SENTENCES)
def test_both_languages_have_the_same_slots(code: str) -> None:
    russian, english = SENTENCES[code]
    assert sorted(SLOT.findall(russian)) == sorted(SLOT.findall(english))
    assert russian.strip()
    assert english.strip()
    assert not CYRILLIC.search(english)


def test_no_code_is_given_twice() -> None:
    modules = [import_module(f"rules.sentences.{module.name}") for module in iter_modules(rules.sentences.__path__)]
    assert len(SENTENCES) == sum(len(module.SENTENCES) for module in modules)


@pytest.mark.parametrize("key", CATALOG)
def test_every_condition_has_its_words(key: str) -> None:
    assert f"condition-{key}" in SENTENCES


def test_a_value_is_never_read_as_a_slot() -> None:
    assert sentence("unknown-key", "en", key="{key} {x}") == "key '{key} {x}' is not known here"


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 день"), (3, "3 дня"), (11, "11 дней"), (21, "21 день"), (0, "0 дней")]
)
def test_counts_come_with_their_word(number: int, text: str) -> None:
    assert plural(number, {"one": "день", "few": "дня", "many": "дней", "other": "дня"}, "ru") == text


def test_days_and_moments_are_told_in_the_readers_zone() -> None:
    assert (day_text(date(2026, 3, 2), "ru"), day_text(date(2026, 3, 2), "en")) == ("02.03.2026", "2 March 2026")
    moment = datetime(2026, 3, 2, 21, 5, tzinfo=UTC)
    assert moment_text(moment, ZoneInfo("Europe/Moscow"), "ru") == "03.03.2026 00:05"
