"""The YAML reader: only the core schema, every place known, and nothing that could hurt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rules.located import Located, locate


def value_of(text: str) -> Any:
    located = locate(f"key: {text}\n")
    assert located.mistakes == []
    return located.root["key"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("18:00", "18:00"),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2026-05-04", "2026-05-04"),
        ("5", 5),
        ("-5", -5),
        ("0.8", Decimal("0.8")),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".nan", ".nan"),
        ("=", "="),
        ("<<", "<<"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("null", None),
        ("~", None),
        ("", None),
        ("[a, 1]", ["a", 1]),
        ("{a: no}", {"a": "no"}),
        ("1234567890123456789012", "1234567890123456789012"),
    ],
)
def test_a_value_stays_what_was_typed(text: str, wanted: Any) -> None:
    read = value_of(text)
    assert read == wanted
    assert type(read) is type(wanted)


def place(located: Located, *path: str | int) -> tuple[int, int]:
    found = located.values[path]
    return found.line, found.column


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_keys_and_values_know_their_places(end: str) -> None:
    located = locate(end.join(["a: 1", "список:", "  - {имя: два, b: [x, y]}", "  - последний"]))
    assert place(located, "a") == (1, 4)
    assert place(located, "список", 0, "имя") == (3, 11)
    assert place(located, "список", 0, "b", 1) == (3, 23)
    assert place(located, "список", 1) == (4, 5)
    assert (located.keys["список",].line, located.keys["список",].column) == (2, 1)
    assert located.keys["список", 0, "b"].in_braces
    assert located.lines[3] == "  - последний"


def test_a_byte_order_mark_moves_nothing() -> None:
    assert place(locate("\ufeffa: 1"), "a") == (1, 4)
    assert locate(b"\xef\xbb\xbfa: 1").root == {"a": 1}


def test_a_comment_behind_plain_text_is_seen() -> None:
    located = locate('a: позвонить #1\nb: "позвонить #1"\nc: позвонить#1\nd: |\n  позвонить #1\n')
    assert [located.values[key,].comment_follows for key in "abcd"] == [True, False, False, False]
    assert located.root == {"a": "позвонить", "b": "позвонить #1", "c": "позвонить#1", "d": "позвонить #1\n"}


def test_what_stands_under_a_key_given_twice_is_not_taken_but_checked() -> None:
    located = locate("a: {b: 1}\na: {c: &x 2, c: 3}\n")
    assert located.root == {"a": {"b": 1}}
    assert [mistake.code for mistake in located.mistakes] == ["duplicate-key", "anchor-mark", "duplicate-key"]
    assert located.mistakes[0].given == {"key": "a", "line": "1"}


@pytest.mark.parametrize(
    ("octets", "line", "column", "hint"),
    [
        ("имя: 1\nтекст: Привет".encode("cp1251"), 1, 1, "save-utf8"),
        (b"a: 1\nb: " + b"\xff\xfe", 2, 4, "save-utf8"),
        ("a: 1".encode("utf-16"), 1, 1, "save-utf16"),
    ],
)
def test_a_file_that_is_not_utf8_is_refused_at_its_first_wrong_byte(
    octets: bytes, line: int, column: int, hint: str
) -> None:
    located = locate(octets)
    (mistake,) = located.mistakes
    assert (mistake.code, mistake.place.line, mistake.place.column, mistake.hint) == ("not-utf8", line, column, hint)
    assert not located.whole
