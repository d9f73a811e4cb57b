"""The decoder of PHP form bodies: equal to parse_str (expected results written down from PHP's rules), and bounded."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.crm.form import BODY_LIMIT, DEPTH_LIMIT, KEY_LIMIT, PAIR_LIMIT, decode, find, rows
from connector.errors import Unreadable

CASES = json.loads((Path(__file__).parent / "form_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("body", "expected"), CASES, ids=[body or "empty" for body, _ in CASES])
def test_a_body_reads_as_php_reads_it(body: str, expected: Any) -> None:
    decoded = decode(body.encode())
    assert decoded == expected
    assert json.dumps(decoded) == json.dumps(expected), "the order of keys differs"


def encode(tree: Any, prefix: str = "") -> list[str]:
    """The plain way to write nested values, brackets and all, independent of the decoder."""
    if isinstance(tree, str):
        return [f"{quote_plus(prefix)}={quote_plus(tree)}"]
    members = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return [pair for key, value in members for pair in encode(value, f"{prefix}[{key}]" if prefix else str(key))]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="[]\0. \t\n\v\f\r", categories=("L", "P")), min_size=1, max_size=6
)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.text(st.characters(codec="utf-8"), max_size=8),
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


@given(TREES)
def test_what_was_written_is_read(tree: dict[str, Any]) -> None:
    assert decode("&".join(encode(tree)).encode()) == tree


@given(st.binary(max_size=300) | st.text("ab[]=&%.0 +\x00", max_size=80).map(str.encode))
def test_any_bytes_are_read_or_unreadable(raw: bytes) -> None:
    with suppress(Unreadable):
        decode(raw)


@pytest.mark.parametrize(
    ("raw", "fits"),
    [
        (b"a=" + b"x" * (BODY_LIMIT - 2), True),
        (b"a=" + b"x" * (BODY_LIMIT - 1), False),
        (b"&".join([b"a[]=1"] * PAIR_LIMIT), True),
        (b"&".join([b"a[]=1"] * (PAIR_LIMIT + 1)), False),
        (b"a" + b"[b]" * DEPTH_LIMIT + b"=1", True),
        (b"a" + b"[b]" * (DEPTH_LIMIT + 1) + b"=1", False),
        (b"a" * KEY_LIMIT + b"=1", True),
        (b"a" * (KEY_LIMIT + 1) + b"=1", False),
        (b"a" + b"[" * 20_000 + b"=1", False),
        (b"a=\xff", False),
        (b"a=%D0", False),
        (b"%D0=1", False),
    ],
    ids=[
        "longest",
        "too-long",
        "most-pairs",
        "too-many",
        "deepest",
        "too-deep",
        "longest-key",
        "long-key",
        "brackets",
        "not-utf8",
        "cut-letter",
        "cut-letter-in-key",
    ],
)
def test_bounds(raw: bytes, fits: bool) -> None:
    if fits:
        assert decode(raw)
    else:
        with pytest.raises(Unreadable):
            decode(raw)


def test_hostile_bodies_are_settled_at_once() -> None:
    """Not a timing test: each of these would take minutes if any step were quadratic."""
    started = time.monotonic()
    for raw in (
        b"&" * 1_000_000,
        b"&".join(b"a[%d]=1" % number for number in range(10_000)),
        b"&".join(b"k%d[a][b][c]=1" % number for number in range(10_000)),
        b"%" * BODY_LIMIT,
        b"[" * BODY_LIMIT,
    ):
        with suppress(Unreadable):
            decode(raw)
        find(raw, "auth[application_token]")
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"auth[application_token]=t0ken", b"t0ken"),
        (b"data%5Bx%5D=1&auth%5Bapplication_token%5D=t0%2Bken&auth%5Bx", b"t0+ken"),
        (b"auth[application_token]=one&auth[application_token]=two", b"two"),
        (b"auth[application_token]", b""),
        (b"auth[application_token][x]=1", None),
        (b"xauth[application_token]=1", None),
        (b"a=%ff&b[=%zz&auth[application_token]=t0ken&c=%D0", b"t0ken"),
        (b"", None),
    ],
)
def test_one_key_is_found_however_broken_the_rest_is(raw: bytes, expected: bytes | None) -> None:
    assert find(raw, "auth[application_token]") == expected


def test_rows_of_a_list_of_a_branch_and_of_a_leaf() -> None:
    assert rows(["a", "b"]) == ["a", "b"]
    assert rows({"1": "a", "0": "b"}) == ["a", "b"]
    assert rows("a") == rows(None) == []
