"""The five hand-worked cases of the language, played through time by the engine itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rules.located import locate
from rules.play import play, play_case
from rules.play_facts import CaseError

SPECIMENS = Path(__file__).parent / "specimens"
CASES: dict[str, Any] = locate((SPECIMENS / "cases.tests.yaml").read_text(encoding="utf-8")).root
REGULATION = (SPECIMENS / "regulation-b2b.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: str(case["case"]))
def test_every_moment_goes_as_it_was_worked_out(case: dict[str, Any]) -> None:
    mismatches = play_case(case, CASES["portal"], locate(REGULATION).root)
    assert not mismatches, "\n".join(map(str, mismatches))


def test_the_runner_notices_a_wrong_expectation() -> None:
    text = (SPECIMENS / "cases.tests.yaml").read_text(encoding="utf-8")
    wrong = (
        text.replace("due: 2026-03-27 18:00}]", "due: 2026-03-28 18:00}]", 1)
        .replace("recheck: 2026-03-12 09:00", "recheck: 2026-03-12 10:00", 1)
        .replace('occurrence: "@2026-03-23", to: anna', 'occurrence: "@2026-03-24", to: anna', 1)
    )
    assert [(one.at, one.part) for one in play(wrong, REGULATION)] == [
        ("2026-03-10 10:00", "recheck"),
        ("2026-03-13 12:31", "expect"),
        ("2026-04-02 09:00", "orders"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rules: [planned-touch-a]", "rule: [planned-touch-a]", "cases.0: KeyError: 'rules'"),
        ("at: 2026-03-10 10:00", "at: yesterday", "'yesterday' is no moment"),
        ("ticked: [{rule: planned-touch-a", "ticked: [{rule: planned-touch-b", "no open touch of 'planned-touch-b'"),
        ("change: {qualify-facts: {id", "change: {qualify-fact: {id", "no rule 'qualify-fact' to change"),
        ("change: {qualify-facts: {touch: {due: 3", "change: {qualify-facts: {touch: {dues: 3", "dues"),
    ],
)
def test_a_file_that_cannot_be_played_says_where(old: str, new: str, said: str) -> None:
    text = (SPECIMENS / "cases.tests.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(CaseError) as refused:
        play(text.replace(old, new, 1), REGULATION)
    assert said in str(refused.value)
