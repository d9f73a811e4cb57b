"""Whatever stands in a file: it is refused with a place, and nothing is raised, expanded or run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.located import MAX_BYTES, locate
from rules.problems import render
from rules.reader import read_regulation

REGULATION = (Path(__file__).parent / "specimens/regulation-b2c.yaml").read_text(encoding="utf-8")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "brackets": ("[" * 30_000 + "]" * 30_000, "too-deep"),
    "braces": ("{a: " * 20_000, "too-deep"),
    "open brackets": ("[" * 100_000, "too-deep"),
    "dashes": ("- " * 100_000, "too-deep"),
    "question marks": ("? " * 50_000, "key-not-text"),
    "aliases": (BOMB, "anchor-mark"),
    "merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", "anchor-mark"),
    "a tag that makes objects": ("!!python/object/apply:os.system ['echo hello']", "tag"),
    "keys": ("".join(f"k{i}: 1\n" for i in range(100_000)), "too-many-keys"),
    "elements": ("rules: [" + "1," * 100_000 + "1]", "too-many-keys"),
    "parts": ("rules:\n" + ("- [" + "1, " * 4_000 + "1]\n") * 80, "too-many-parts"),
    "size": ("a: " + "я" * MAX_BYTES, "too-large"),
    "octets": (b"a" * (MAX_BYTES + 1), "too-large"),
    "nothing but zeros": ("\x00" * 1000, "bad-character"),
    "a lone surrogate": ("a: \ud800", "bad-character"),
    "a terminal's escape": ("a: \x1b[2J", "bad-character"),
    "not UTF-8": (b"a: \xff\xfe\xfa", "not-utf8"),
    "documents": ("a: 1\n" + "---\na: 1\n" * 1000, "two-documents"),
    "a long key": ("? " + "k" * 5000 + "\n: 1\n", "unknown-key"),
    "a directive": ("%YAML 9.9\n---\na: 1", "yaml"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    text, code = HOSTILE[name]
    reading = read_regulation(text, "regulation.yaml")
    assert reading.regulation is None
    assert code in {problem.code for problem in reading.problems}
    assert len(reading.problems) <= 200
    for problem in reading.problems:
        assert problem.line >= 1
        assert problem.column >= 1
    assert len(render(reading.problems, "ru")) < 200_000
    assert "\x1b" not in render(reading.problems, "en")


def test_an_alias_bomb_is_not_expanded() -> None:
    located = locate(BOMB)
    assert located.root["i"] == [None] * 9


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300), st.text("[]{}:-#&*!|>'\"%@`?,\n\t x1", max_size=120)))
def test_no_text_whatever_raises(text: str | bytes) -> None:
    reading = read_regulation(text, "regulation.yaml")
    assert reading.regulation is None
    assert reading.problems
    render(reading.problems, "ru")


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, len(REGULATION)),
    st.integers(0, 60),
    st.one_of(
        st.sampled_from(["", "{", "}", "[", "]", ": ", "- ", "\n", "#", "'", '"', "&a ", "null", "\t", "0", "{}"]),
        st.text(max_size=8),
    ),
)
def test_no_slip_of_the_keyboard_raises(start: int, length: int, typed: str) -> None:
    text = REGULATION[:start] + typed + REGULATION[start + length :]
    reading = read_regulation(text, "regulation.yaml")
    assert (reading.regulation is None) is any(problem.severity == "error" for problem in reading.problems)
    lines = len(text.splitlines()) + 1
    assert all(1 <= problem.line <= lines + 1 for problem in reading.problems)
    render(reading.problems, "en")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 100)
    | st.sampled_from(["", "x", "deal", "5 days after last_touch", "won", "60%"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "phase", "any", "below", "ru", "A", "field"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = [
    "title",
    "calendar",
    "work_hours",
    "quiet_hours",
    "limits",
    "proposals",
    "proof",
    "means",
    "segments",
    "cycles",
    "states",
    "feasts",
    "rules",
]
RULE_KEYS = ["id", "was", "title", "for", "if", "touch", "task", "escalate", "silence", "pay", "enabled"]


def as_yaml(value: object) -> str:
    """Flow YAML of plain values."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    words = {None: "null", True: "true", False: "false"}
    return (
        words[value]
        if value is None or isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KEYS + RULE_KEYS), VALUES)
def test_no_value_of_another_kind_raises(key: str, value: object) -> None:
    rule = {
        "id": "one",
        "title": "One",
        "for": "deal",
        "touch": {"every": "5 days after last_touch"},
        "task": {"text": "x"},
        "pay": "none",
    }
    file = {"version": 1, "title": "T", "calendar": "RU", "work_hours": "09:00-18:00"}
    if key in RULE_KEYS:
        rule[key] = value  # type: ignore[assignment]  # any value is the point
    whole: dict[str, object] = {**file, "rules": [rule]}
    if key in KEYS and key != "title":
        whole[key] = value
    reading = read_regulation(as_yaml(whole), "regulation.yaml")
    assert (reading.regulation is None) is any(problem.severity == "error" for problem in reading.problems)
    for lang in ("ru", "en"):
        assert "{" not in "".join(problem.sentence(lang) for problem in reading.problems if not problem.given)
