"""Any strict model read from YAML: every kind of fault gets our code, its place and a sentence in both languages."""

from __future__ import annotations

from collections.abc import Mapping  # pydantic reads the annotations at run time
from decimal import Decimal  # same
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, SecretStr

from rules.problems import render
from rules.shape import Strict, known_keys, read_model
from rules.texts import LANGS


class Inner(Strict):
    number: int
    word: Literal["alpha", "beta"] = "alpha"


class Model(Strict):
    inner: Inner
    several: tuple[Inner, ...] = ()
    flag: bool = True
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    count: Annotated[int, Field(ge=1, le=9)] = 1
    exact: Decimal | None = None
    name: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    text: Annotated[str, Field(min_length=2, max_length=4)] = "ab"
    parts: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("a",)
    words: tuple[str, ...] | str = ()
    places: Mapping[str, int] = {}
    phases: Mapping[Literal["new", "won"], str] = {}
    secret: SecretStr = SecretStr("")


def codes(text: str) -> list[tuple[str, int, int]]:
    read = read_model(text, "file.yaml", Model)
    for lang in LANGS:
        assert render(read.problems, lang).count("file.yaml:") == len(read.problems)
    return [(problem.code, problem.line, problem.column) for problem in read.problems]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("flag: no", ("not-boolean", 2, 7)),
        ("flag: 1", ("not-boolean", 2, 7)),
        ("share: 0.0", ("not-above", 2, 8)),
        ("share: 1.0", ("not-under", 2, 8)),
        ("share: much", ("not-number", 2, 8)),
        ("share: true", ("not-number", 2, 8)),
        ("count: 0", ("below-least", 2, 8)),
        ("count: 10", ("above-most", 2, 8)),
        ("count: 1.0", ("not-whole", 2, 8)),
        ("count: '1'", ("not-whole", 2, 8)),
        ("count: true", ("not-whole", 2, 8)),
        ("exact: x", ("not-number", 2, 8)),
        ("name: A", ("bad-form", 2, 7)),
        ("name: 5", ("not-text", 2, 7)),
        ("text: a", ("text-too-short", 2, 7)),
        ("text: abcde", ("text-too-long", 2, 7)),
        ("parts: []", ("too-few", 2, 8)),
        ("parts: [a, b, c]", ("too-many", 2, 8)),
        ("parts: [5]", ("not-text", 2, 9)),
        ("parts: a", ("not-list", 2, 8)),
        ("words: 5", ("not-list", 2, 8)),
        ("words: [a, {}]", ("not-text", 2, 12)),
        ("places: []", ("not-map", 2, 9)),
        ("places: {a: b}", ("not-whole", 2, 13)),
        ("phases: {nwe: x}", ("unknown-key", 2, 10)),
        ("phases: {new: [x]}", ("not-text", 2, 15)),
        ("several: [{word: gamma, number: 1}]", ("unknown-value", 2, 18)),
        ("several: [{}]", ("missing-key", 2, 11)),
        ("several: [5]", ("not-map", 2, 11)),
        ("several:\n  - number: 1\n    wrod: beta", ("unknown-key", 4, 5)),
        ("secret: 5", ("not-text", 2, 9)),
        ("flga: true", ("unknown-key", 2, 1)),
    ],
)
def test_a_fault_has_its_code_and_place(text: str, wanted: tuple[str, int, int]) -> None:
    assert codes(f"inner: {{number: 1}}\n{text}") == [wanted]


@pytest.mark.parametrize("text", ["words: [a]\n", "words: a\n", "share: 0.25\n", "exact: 3.5\n", "places: {}\n"])
def test_a_right_file_is_read(text: str) -> None:
    read = read_model(f"inner: {{number: 1}}\n{text}", "file.yaml", Model)
    assert read.problems == ()
    assert isinstance(read.model, Model)
    assert read.model.inner.number == 1


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    text = "inner: {number: x, wrod: beta}\nflag: no\nseveral:\n  - {number: 1}\n  - {word: gamma}\n"
    assert codes(text) == [
        ("not-whole", 1, 17),
        ("unknown-key", 1, 20),
        ("not-boolean", 2, 7),
        ("missing-key", 5, 5),
        ("unknown-value", 5, 12),
    ]


def test_mistakes_of_yaml_and_of_shape_are_told_together() -> None:
    assert codes("inner: {number: 1}\nflag: no\nflag: yes\nname: &x abc") == [
        ("not-boolean", 2, 7),
        ("duplicate-key", 3, 1),
        ("anchor-mark", 4, 7),
    ]


def test_a_flood_of_faults_is_cut() -> None:
    assert len(codes("inner: {number: 1}\n" + "".join(f"k{i}: 1\n" for i in range(1000)))) == 200


def test_a_file_with_secrets_is_never_quoted() -> None:
    read = read_model("secret: hunter2\nsecret: hunter3\nflag: hunter4\n", "config.yaml", Model, show_lines=False)
    assert len(read.problems) == 3
    told = "".join(render(read.problems, lang) for lang in LANGS) + repr(read.problems)
    assert "hunter" not in told


def test_keys_are_known_at_every_depth() -> None:
    assert known_keys(Model, ("several", 0)) == ("number", "word")
    assert known_keys(Model, ("phases",)) == ()
    assert "places" in known_keys(Model, ())


@pytest.mark.parametrize("root", ["", "[]", "5", "text", "null", "# nothing"])
def test_a_file_of_another_kind_is_one_problem(root: str) -> None:
    assert codes(root) == [("not-map", 1, 1)]


def test_no_sentence_of_the_library_reaches_a_person() -> None:
    read: Any = read_model("inner: 5\nwords: {}\nphases: {x: {}}\n", "file.yaml", Model)
    told = render(read.problems, "en")
    assert "Input" not in told
    assert "valid" not in told
