"""The dossier's score: the worked examples of the method, gaps, ages, the next question, and refused files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.dossier import Template, changes_at, next_questions, read_dossier, score
from rules.facts import UNKNOWN, DossierField
from rules.problems import render

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SHIPPED = (Path(__file__).parents[2] / "rules/library/dossier-key-client-50.yaml").read_text(encoding="utf-8")


def shipped() -> Template:
    template, problems = read_dossier(SHIPPED, "dossier.yaml")
    assert problems == ()
    assert template is not None
    return template


TEMPLATE = shipped()
IDS = [field.id for field in TEMPLATE.fields]


def filled(*ids: str, since: datetime = NOW) -> dict[str, DossierField]:
    return {one: DossierField(filled=True, since=since, hash=one) for one in ids}


def of_section(section: str) -> list[str]:
    return [field.id for field in TEMPLATE.fields if field.section == section]


def test_the_shipped_template_has_the_fifty_fields_of_the_method() -> None:
    assert len(TEMPLATE.fields) == 50
    assert [(s.id, s.weight, len(of_section(s.id))) for s in TEMPLATE.sections] == [
        ("company", 10, 8),
        ("wallet", 28, 10),
        ("decision", 18, 8),
        ("dm_work", 20, 10),
        ("dm_person", 14, 8),
        ("relation", 10, 6),
    ]
    assert {field.id: field.weight for field in TEMPLATE.fields if field.weight > 1} == {
        "category_budget": 3,
        "competitors": 2,
        "product_map": 2,
        "problems": 2,
        "dm_kpi": 2,
        "growth_plan": 2,
    }
    assert [field.id for field in TEMPLATE.fields if field.sensitive] == of_section("dm_person")
    assert {field.id for field in TEMPLATE.fields if field.allow_none} == {
        "opponent", "dm_sport", "dm_dates", "promises", "complaints",
    }  # fmt: skip
    assert {field.id for field in TEMPLATE.fields if field.kept} == {
        "next_need",
        "contract_end",
        "purchase_cycle",
        "nps",
    }


def test_fifteen_of_fifty_are_exactly_thirty_percent() -> None:
    first = score(TEMPLATE, filled(*IDS[:15]), NOW, "ru")
    assert (first.fill, first.weighted, first.filled, first.total) == (30, 31, 15, 50)
    personal = score(TEMPLATE, filled(*of_section("dm_person"), *of_section("company")[:7]), NOW, "ru")
    assert (personal.fill, personal.weighted) == (30, 23)
    assert first.template == "key-client-50/1"


def test_fifteen_of_fifty_holds_whichever_fields_they_are() -> None:
    for start in range(0, 36, 7):
        assert score(TEMPLATE, filled(*IDS[start : start + 15]), NOW, "en").fill == 30


def test_full_and_empty() -> None:
    dates = {one: DossierField(filled=True, since=NOW, value=date(2027, 5, 1)) for one in ("next_need", "contract_end")}
    full = score(TEMPLATE, filled(*IDS) | dates, NOW, "ru")
    assert (full.fill, full.weighted, full.gaps, full.next_question) == (100, 100, (), None)
    assert full.gaps_text == "Досье заполнено."
    empty = score(TEMPLATE, {}, NOW, "ru")
    assert (empty.fill, empty.weighted, empty.filled) == (0, 0, 0)
    assert len(empty.gaps) == 50


def small(fields: int) -> Template:
    lines = ["version: 1", "name: small", "sections:", "- {id: a, title: {ru: А, en: A}, weight: 100}", "fields:"]
    lines += [
        f"- {{id: f{n}, title: {{ru: Поле {n}, en: Field {n}}}, section: a, card: company}}" for n in range(fields)
    ]
    template, problems = read_dossier("\n".join(lines), "small.yaml")
    assert template is not None, problems
    return template


@pytest.mark.parametrize(
    ("of", "known", "percent"),
    [(3, 1, 33), (3, 2, 67), (8, 1, 13), (200, 1, 1), (200, 199, 99), (1, 1, 100), (1, 0, 0)],
)
def test_rounding_is_half_up_and_never_says_full_or_empty_wrongly(of: int, known: int, percent: int) -> None:
    result = score(small(of), filled(*(f"f{n}" for n in range(known))), NOW, "en")
    assert (result.fill, result.weighted) == (percent, percent)


def test_gaps_come_with_the_most_valuable_first_in_the_readers_language() -> None:
    result = score(TEMPLATE, {}, NOW, "ru")
    assert result.gaps[:5] == ("category_budget", "competitors", "product_map", "problems", "dm_kpi")
    assert result.gaps_text.startswith(
        "Не хватает 50 из 50: Бюджет на нашу категорию в год; У кого ещё покупает и сколько;"
    )
    assert result.next_question == "Бюджет на нашу категорию в год"
    english = score(TEMPLATE, {}, NOW, "en")
    assert english.gaps_text.startswith("Missing 50 of 50: Yearly budget in our category; Other suppliers")
    assert english.next_question == "Yearly budget in our category"
    assert english.digest != result.digest


def test_an_old_value_counts_as_filled_but_is_shown() -> None:
    since = datetime(2025, 11, 24, 12, 0, tzinfo=UTC)
    known = filled("category_budget", since=since)  # out of date after 12 months
    before = score(TEMPLATE, known, NOW - timedelta(seconds=1), "ru")
    assert (before.fill, before.expired) == (2, ())
    assert changes_at(TEMPLATE, known, NOW - timedelta(seconds=1)) == NOW
    after = score(TEMPLATE, known, NOW, "ru")
    assert (after.fill, after.expired) == (2, ("category_budget",))
    assert "category_budget" not in after.gaps
    assert after.next_question == "Бюджет на нашу категорию в год"
    assert after.gaps_text.endswith("Устарело полей: 1 (Бюджет на нашу категорию в год).")
    assert len(after.gaps_text) <= 250
    assert changes_at(TEMPLATE, known, NOW) is None
    assert score(TEMPLATE, filled("legal_name", since=since - timedelta(days=9999)), NOW, "ru").expired == ()


def test_a_date_that_has_passed_is_a_gap_again() -> None:
    known = {"contract_end": DossierField(filled=True, since=NOW, value=date(2026, 11, 24))}
    assert "contract_end" not in score(TEMPLATE, known, NOW, "ru").gaps
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    assert changes_at(TEMPLATE, known, NOW) == midnight
    assert "contract_end" in score(TEMPLATE, known, midnight, "ru").gaps
    assert score(TEMPLATE, known, midnight, "ru").expired == ()


def test_unreadable_is_not_empty() -> None:
    known = filled(*IDS[:15]) | {one: DossierField(filled=UNKNOWN) for one in IDS[40:]}
    result = score(TEMPLATE, known, NOW, "ru")
    assert (result.fill, result.filled, result.total) == (38, 15, 40)
    assert set(result.unreadable) == set(IDS[40:])
    assert not set(result.unreadable) & set(result.gaps)
    assert result.gaps_text.endswith("Нет доступа к полям: 10.")
    nothing = score(TEMPLATE, {one: DossierField(filled=UNKNOWN) for one in IDS}, NOW, "ru")
    assert (nothing.total, nothing.gaps_text) == (0, "Нет доступа к полям: 50.")


def test_personal_matters_are_asked_face_to_face_once_the_work_is_half_known() -> None:
    work = of_section("dm_work")
    others = [one for one in IDS if one not in (*work, *of_section("dm_person"))]

    def personal(known: list[str], *, face_to_face: bool) -> bool:
        asked = next_questions(TEMPLATE, filled(*known), NOW, face_to_face=face_to_face)
        return any(field.sensitive for field in asked)

    assert not personal(others + work[:4], face_to_face=True)
    assert personal(others + work[:5], face_to_face=True)
    assert not personal(others + work[:5], face_to_face=False)
    assert score(TEMPLATE, filled(*others, *work), NOW, "ru").next_question is None


def test_the_digest_is_of_what_would_be_written() -> None:
    one = score(TEMPLATE, filled(*IDS[:15]), NOW, "ru")
    assert one.digest == score(TEMPLATE, filled(*IDS[:15]), NOW + timedelta(days=1), "ru").digest
    assert one.digest != score(TEMPLATE, filled(*IDS[:16]), NOW, "ru").digest


FIELD_STATES = st.one_of(
    st.none(),
    st.builds(
        DossierField,
        filled=st.sampled_from([True, False, UNKNOWN]),
        since=st.sampled_from([NOW, NOW - timedelta(days=200), NOW - timedelta(days=2000), None]),
        value=st.sampled_from([None, date(2026, 1, 1), date(2027, 1, 1)]),
    ),
)


@given(st.fixed_dictionaries(dict.fromkeys(IDS, FIELD_STATES)), st.sampled_from(["ru", "en"]))
def test_any_dossier_has_a_sound_score(states: dict[str, DossierField | None], lang: Literal["ru", "en"]) -> None:
    known = {one: state for one, state in states.items() if state is not None}
    result = score(TEMPLATE, known, NOW, lang)
    assert result.filled + len(result.gaps) == result.total == 50 - len(result.unreadable)
    assert (result.fill == 100) == (result.filled == result.total > 0)
    assert (result.fill == 0) == (result.filled == 0)
    assert 0 <= result.weighted <= 100
    assert len(result.gaps_text) <= 250

    assert result.gaps_text
    soon = changes_at(TEMPLATE, known, NOW)
    assert soon is None or soon > NOW
    if soon is not None:
        assert score(TEMPLATE, known, soon - timedelta(seconds=1), lang).digest == result.digest


@given(st.lists(st.sampled_from(IDS), unique=True), st.sampled_from(IDS))
def test_one_more_field_never_lowers_a_score(known: list[str], more: str) -> None:
    before = score(TEMPLATE, filled(*known), NOW, "ru")
    after = score(TEMPLATE, filled(*known, more), NOW, "ru")
    assert after.fill >= before.fill
    assert after.weighted >= before.weighted


@pytest.mark.parametrize(
    ("written", "instead", "caret", "code"),
    [
        ("weight: 28", "weight: 29", "10\n  - id: wallet", "dossier-weights"),
        ("- id: inn", "- id: legal_name # 2", "legal_name # 2", "dossier-twice"),
        ("section: wallet", "section: walet", "walet", "dossier-section"),
        ("opens_after: dm_work", "opens_after: dm_wrk", "dm_wrk", "dossier-section"),
        ("stale_after: 12 months", "stale_after: 12 mo", "12 mo\n", "dossier-stale"),
        ("stale_after: 12 months", "stale_after: 0 months", "0 months", "dossier-stale"),
        ("zero: false", "zero: no", "no\n", "not-boolean"),
        ("check: inn", "check: innn", "innn", "unknown-value"),
        ("card: company", "card: deal", "deal\n", "unknown-value"),
        ("card: company", "cards: company", "cards", "unknown-key"),
        ("sensitive: true", "sensitive: true\n    keep: true", "true\n  - id: dm_family", "dossier-keep"),
        ("version: 1", "version: 0", "0\nname", "below-least"),
        ("name: key-client-50", "", "version: 1", "missing-key"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(written: str, instead: str, caret: str, code: str) -> None:
    start = SHIPPED.index("version: 1")  # below the explaining comments
    text = SHIPPED[:start] + SHIPPED[start:].replace(written, instead, 1)
    caret_at = text.index(caret, start)
    before = text[:caret_at].split("\n")
    template, problems = read_dossier(text, "dossier.yaml")
    assert template is None
    for shown in (render(problems, "ru"), render(problems, "en")):
        assert f"dossier.yaml:{len(before)}:{len(before[-1]) + 1}: " in shown
        assert f"[{code}]" in shown


def test_a_section_without_fields_is_refused() -> None:
    text = SHIPPED.replace("    section: relation", "    section: company")
    assert [problem.code for problem in read_dossier(text, "d.yaml")[1]] == ["dossier-empty-section"]


def test_the_same_list_without_personal_fields_is_its_own_hundred_percent() -> None:
    head, fields = SHIPPED.split("\nfields:\n")
    kept = [part for part in fields.split("\n  - ")[1:] if "section: dm_person" not in part]
    start, rest = head.split("  - id: dm_person", 1)
    text = (
        start
        + rest[rest.index("  - id: relation") :].replace("weight: 10", "weight: 24")
        + "\nfields:\n  - "
        + "\n  - ".join(kept)
    )
    template, problems = read_dossier(text, "d.yaml")
    assert template is not None, problems
    assert len(template.fields) == 42
    assert score(template, filled(*(field.id for field in template.fields)), NOW, "ru").total == 42
