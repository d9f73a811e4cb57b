"""Form bodies as PHP writes them: `a[b][]=1` becomes nested dicts and lists, exactly as PHP's parse_str reads it.

Bounded, and free of recursion over what a stranger sent. Reference: `php_register_variable_ex` of PHP 8.2
(main/php_variables.c); tests/crm/form_cases.json holds its results.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from connector.errors import Unreadable

BODY_LIMIT: Final = 512 * 1024
"""Bytes. These four bounds are the project's table of bounds (shared by both CRMs)."""
PAIR_LIMIT: Final = 10_000
DEPTH_LIMIT: Final = 16
KEY_LIMIT: Final = 256
"""Characters of a decoded key, brackets included."""

_LARGEST = 2**63 - 1
"""PHP's greatest integer key: nothing can be appended after it."""
_SPACES = " \t\n\v\f\r"

Branch = dict[str, Any]


def decode(raw: bytes) -> Branch:
    """Read a whole form body; a branch whose keys are 0, 1, 2… in this order is a list, every leaf is text.

    Raises:
        Unreadable: over a bound, or not UTF-8.
    """
    if len(raw) > BODY_LIMIT:
        raise Unreadable(f"the body is longer than {BODY_LIMIT} bytes")
    if raw.count(b"&") >= PAIR_LIMIT:
        raise Unreadable(f"the body has more than {PAIR_LIMIT} pairs")
    tree: Branch = {}
    following: dict[int, int] = {}
    for raw_key, raw_value in pairs(raw):
        try:
            key, value = _text(raw_key), _text(raw_value)
        except UnicodeDecodeError:
            raise Unreadable("the body is not UTF-8") from None
        if len(key) > KEY_LIMIT:
            raise Unreadable(f"a key is longer than {KEY_LIMIT} characters")
        path = _path(key)
        if path:
            _plant(tree, following, path, value)
    return {key: _listed(value) for key, value in tree.items()}


def pairs(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The pairs of a body as they were sent, still percent-encoded; a missing value is empty."""
    for pair in raw.split(b"&"):
        if pair:
            key, _, value = pair.partition(b"=")
            yield key, value


def find(raw: bytes, wanted: str) -> bytes | None:
    """The value of one plain key such as `auth[member_id]`, the last one as in PHP, however broken the rest is."""
    word = wanted.rpartition("[")[2].rstrip("]").encode()
    found = None
    for key, value in pairs(raw):
        if word in key and unquote_to_bytes(key) == wanted.encode():
            found = unquote_to_bytes(value.replace(b"+", b" "))
    return found


def rows(branch: Any) -> list[Any]:
    """The members of a list, or of a branch with other keys; nothing for a leaf."""
    if isinstance(branch, dict):
        return list(branch.values())
    return branch if isinstance(branch, list) else []


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")


def _path(key: str) -> list[str | None]:
    """`a[b][]` -> a, b, None; None means "append". Empty when PHP drops the pair."""
    key = key.partition("\0")[0].lstrip(" ")
    name, bracket, rest = key.partition("[")
    name = name.replace(" ", "_").replace(".", "_")
    if not name:
        return []
    path: list[str | None] = [name]
    while bracket:
        inside, closed, after = rest.partition("]")
        if not closed:
            if len(path) == 1:  # an unclosed bracket belongs to the name, mangled like it
                path[0] = f"{name}_{rest.translate({32: '_', 46: '_', 91: '_'})}"
            break
        path.append(None if inside == "" or (len(inside) == 1 and inside in _SPACES) else inside)
        if len(path) > DEPTH_LIMIT + 1:
            raise Unreadable(f"a key is nested deeper than {DEPTH_LIMIT}")
        if not after.startswith("["):  # what follows a closing bracket is ignored
            break
        bracket, rest = "[", after[1:]
    return path


def _plant(tree: Branch, following: dict[int, int], path: list[str | None], value: str) -> None:
    """Put a value into the tree; `following` knows each branch's next free number (by identity)."""
    branch = tree
    for index, key in enumerate(path):
        if key is None:
            number = following.get(id(branch), 0)
            if number > _LARGEST:
                return
            key = str(number)  # noqa: PLW2901  # the resolved name of this step
        _note_number(following, branch, key)
        if index == len(path) - 1:
            branch[key] = value
            return
        below = branch.get(key)
        if not isinstance(below, dict):  # a leaf in the way gives way, as in PHP
            below = branch[key] = {}
            following.pop(id(below), None)  # a replaced branch's address may be in use again
        branch = below


def _note_number(following: dict[int, int], branch: Branch, key: str) -> None:
    """Remember the number after the largest one seen; PHP treats `7` as a number, `07` and `-0` as text."""
    if key.isascii() and key.isdecimal() and (key == "0" or key[0] != "0"):
        number = int(key)
        if number <= _LARGEST and number >= following.get(id(branch), 0):
            following[id(branch)] = number + 1


def _listed(value: Any) -> Any:
    """Lists where PHP would see a list. As deep as DEPTH_LIMIT at most."""
    if not isinstance(value, dict):
        return value
    if all(key == str(number) for number, key in enumerate(value)):
        return [_listed(member) for member in value.values()]
    return {key: _listed(member) for key, member in value.items()}
