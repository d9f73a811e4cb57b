"""The five hand-worked cases of the language, played through time by the engine itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rules.located import locate
from rules.play import play, play_case

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
