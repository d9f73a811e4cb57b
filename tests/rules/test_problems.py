"""Every file of tests/rules/problems is refused (or warned of) in both languages exactly as its .out files say.

To accept changed outputs after reading them: KASANIE_ACCEPT=1 pytest tests/rules/test_problems.py
"""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import pytest

from rules.problems import render
from rules.reader import Reading, read_regulation
from rules.sentences.problems import SENTENCES
from rules.template import Template, read_dossier
from rules.texts import LANGS, Lang

HERE = Path(__file__).parent
SPECIMENS = sorted((HERE / "problems").glob("*.yaml"))
ELSEWHERE = {
    "bad-form", "not-above", "not-under", "text-too-short", "too-large", "too-many", "too-many-keys", "too-many-parts",
    "yaml",
}  # fmt: skip
"""Out of reach for a regulation small enough to keep: test_shape.py and test_hostile.py have them."""


@pytest.fixture(scope="module")
def template() -> Template:
    text = (HERE.parents[1] / "rules/library/dossier-key-client-50.yaml").read_text(encoding="utf-8")
    read, problems = read_dossier(text, "dossier.yaml")
    assert not problems
    assert read is not None
    return read


def _read(specimen: Path, template: Template) -> Reading:
    octets = specimen.read_bytes()
    stated = re.match(rb"# today: (\S+)", octets)
    today = date.fromisoformat(stated[1].decode()) if stated else None
    return read_regulation(octets, specimen.name, template=template, today=today)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda path: path.stem)
def test_problems_are_told_as_written_down(specimen: Path, lang: Lang, template: Template) -> None:
    reading = _read(specimen, template)
    told = render(reading.problems, lang)
    wanted = specimen.with_suffix(f".{lang}.out")
    if os.environ.get("KASANIE_ACCEPT"):
        wanted.write_text(told, encoding="utf-8")
    assert told == wanted.read_text(encoding="utf-8")
    assert (reading.regulation is None) is any(problem.severity == "error" for problem in reading.problems)


def test_every_code_and_hint_is_shown_by_some_specimen(template: Template) -> None:
    found = [problem for path in SPECIMENS for problem in _read(path, template).problems]
    shown = {problem.code for problem in found} | {problem.hint.code for problem in found if problem.hint}
    assert set(SENTENCES) - shown - {"in-rule", "warning-mark", "hint-mark"} == ELSEWHERE


def test_five_mistakes_are_found_in_one_run(template: Template) -> None:
    text = (HERE / "problems/five-mistakes.yaml").read_text(encoding="utf-8")
    found = read_regulation(text, "regulation.yaml", template=template).problems
    assert [(problem.code, problem.rule) for problem in found] == [
        ("unknown-phase", "first-contact"),
        ("bad-duration", "offer-discuss"),
        ("unknown-kind", "offer-discuss"),
        ("milestone-in-every", "planned-touch"),
        ("unknown-placeholder", "second-touch"),
    ]
    for problem in found:
        line = text.splitlines()[problem.line - 1]
        word = line[problem.column - 1 : problem.column - 1 + problem.width]
        assert word in ("negotiations", "3 раб дня", "metting", "last_won", "{client.nmae}")
