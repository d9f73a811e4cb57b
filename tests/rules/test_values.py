"""What counts as a filled dossier field: placeholders, checks, hashes, and what is kept of a value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.dossier import Field, judge_value
from rules.regulation import Text
from rules.values import as_date


def field(**more: Any) -> Field:
    return Field(
        id="plans", title=Text("Цели и проекты на год", "Goals and projects"), section="company", card="company", **more
    )


@pytest.mark.parametrize(
    "raw",
    [
        None, "", "   ", "\u00a0", "-", "—", "–", ".", "...", "?", "???", "нет", "Нет", "НЕТ.", "н/д", "Н/Д", "n/a",
        "N/A", "уточнить", "Уточнить", "уточнить!", "«уточнить»", "не знаю", "Не  знаю", "тест", "test",
        "123", "aaaa", "ааа", "xx", "111", "1 1 1", "--", "Цели и проекты на год", "цели и проекты на год:",
        "Goals and projects", "plans", "unknown", "no", "TBD", False, [], (), {}, ["", "-"], [None, False],
    ],
)  # fmt: skip
def test_a_placeholder_is_not_a_value(raw: Any) -> None:
    assert judge_value(field(), raw).filled is False
    assert judge_value(field(), raw).hash is None


@pytest.mark.parametrize(
    "raw",
    [
        "Открыть филиал", "нет планов, всё устраивает", "уточнить у секретаря", "3M", "12", "ИП", "123 Lane",
        True, 7, 0, Decimal("1.5"), ["", "Аптеки"], [45], {"id": 5}, date(2026, 1, 1), "тестируют новый цех",
    ],
)  # fmt: skip
def test_a_value_is_a_value(raw: Any) -> None:
    judged = judge_value(field(), raw)
    assert judged.filled is True
    assert judged.hash is not None
    assert judged.value is None  # only a hash of it is stored


def test_no_is_an_answer_where_the_field_allows_it() -> None:
    assert judge_value(field(allow_none=True), "Нет").filled is True
    assert judge_value(field(allow_none=True), "no.").filled is True
    assert judge_value(field(allow_none=True), "-").filled is False
    assert judge_value(field(allow_none=True), "уточнить").filled is False


@pytest.mark.parametrize(
    ("check", "raw", "filled"),
    [
        ("inn", "7707083893", True),
        ("inn", "7707 083 893", True),
        ("inn", 7707083893, True),
        ("inn", "7707083894", False),
        ("inn", "500100732259", True),
        ("inn", "500100732258", False),
        ("inn", "500100732269", False),
        ("inn", "0000000000", False),
        ("inn", "77070838", False),
        ("inn", "ИНН 7707083893", False),
        ("inn", "274062111", False),
        ("inn", 274062111, True),  # a number field lost the leading zero
        ("number", "1 200 000", True),
        ("number", "1\u00a0200\u00a0000,50 ₽", True),
        ("number", "5 млн руб.", True),
        ("number", "2,5 млрд", True),
        ("number", "1000000|RUB", True),
        ("number", "123", True),
        ("number", "22", True),
        ("number", "0", True),
        ("number", 0, True),
        ("number", 1500.5, True),
        ("number", "-5", False),
        ("number", "1111111", False),
        ("number", "много", False),
        ("number", "около 5", False),
        ("number", "н/д", False),
        ("number", float("nan"), False),
        ("number", True, False),
        ("future_date", "2027-05-01", True),
        ("future_date", "01.05.2027", True),
        ("future_date", "2027-05-01T00:00:00+03:00", True),
        ("future_date", date(2027, 5, 1), True),
        ("future_date", "31.02.2027", False),
        ("future_date", "весной", False),
        ("range_1_5", "4", True),
        ("range_1_5", 5, True),
        ("range_1_5", "4 – всё нравится", True),
        ("range_1_5", "4/5", True),
        ("range_1_5", "0", False),
        ("range_1_5", "6", False),
        ("range_1_5", "4.5", False),
        ("range_1_5", "45", False),
        ("range_1_5", "хорошо", False),
        ("range_0_10", 0, True),
        ("range_0_10", "10", True),
        ("range_0_10", 11, False),
        ("range_0_10", "9.0000", True),
        ("day_month", "05.03", True),
        ("day_month", "5 марта", True),
        ("day_month", "5 марта 1980 г.", True),
        ("day_month", "5 March", True),
        ("day_month", "29.02", True),
        ("day_month", "29.02.1980", True),
        ("day_month", "29.02.1981", False),
        ("day_month", "30.02", False),
        ("day_month", "1980-03-05", True),
        ("day_month", "весной", False),
        ("day_month", "второе воскресенье августа", False),
    ],
)  # fmt: skip
def test_checks(check: Any, raw: Any, filled: bool) -> None:
    assert judge_value(field(check=check), raw).filled is filled


def test_zero_is_no_answer_where_the_meaning_forbids_it() -> None:
    budget = field(check="number", zero=False)
    assert [judge_value(budget, raw).filled for raw in (0, "0", "0,00 ₽", "0.5", 10)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_only_what_rules_count_from_is_kept() -> None:
    assert judge_value(field(check="number"), "45").value is None
    assert judge_value(field(check="number", kept=True), "45").value == 45
    assert judge_value(field(check="number", kept=True), "2,5 млн").value == 2_500_000
    assert judge_value(field(check="range_0_10", kept=True), "9 из 10").value == 9
    assert judge_value(field(check="future_date", kept=True), "31.12.2027").value == date(2027, 12, 31)
    assert judge_value(field(check="future_date", kept=True), ["", "31.12.2027"]).value == date(2027, 12, 31)


def test_a_changed_value_has_another_hash_and_the_value_is_not_in_it() -> None:
    one, same, other = (judge_value(field(), raw).hash for raw in ("Рыбалка", "Рыбалка", "Лыжи"))
    assert one == same != other
    assert "Рыбалка" not in str(judge_value(field(), "Рыбалка"))


def test_dates_of_every_spelling() -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for written in (moment, "01.05.2026 12:00", "1.5.2026", "2026-05-01", "2026-05-01T00:00:00+03:00"):
        assert as_date(written) == date(2026, 5, 1)
    assert as_date("2026-13-01") is None
    assert as_date(20260501) is None


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(_ANY, st.sampled_from([None, "number", "future_date", "day_month", "range_1_5", "range_0_10", "inn"]))
def test_whatever_a_crm_sends_is_judged(raw: Any, check: Any) -> None:
    judged = judge_value(field(check=check, kept=True), raw)
    assert judged.filled is (judged.hash is not None)
    assert judged.filled or judged.value is None
