"""PHP's bracket keys, read as a portal reads them and written as `http_build_query` writes them (bitrix24.md 1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, unquote_plus

_PART = re.compile(r"\[([^\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """A query or form body → nested dicts; keys that count 0, 1, 2… become lists, as PHP's arrays do in JSON."""
    tree: dict[str, Any] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        key, _, value = pair.partition("=")
        _put(tree, unquote_plus(key), unquote_plus(value))
    shaped = as_array(tree)
    return shaped if isinstance(shaped, dict) else {str(place): value for place, value in enumerate(shaped)}


def _put(tree: dict[str, Any], key: str, value: str) -> None:
    name, bracket, rest = key.partition("[")
    path = [name, *_PART.findall(bracket + rest)]
    at = tree
    for step in path[:-1]:
        label = step or _next_index(at)
        if not isinstance(at.get(label), dict):
            at[label] = {}
        at = at[label]
    at[path[-1] or _next_index(at)] = value


def _next_index(tree: dict[str, Any]) -> str:
    taken = [int(key) for key in tree if key.isdigit()]
    return str(max(taken) + 1 if taken else 0)


def as_array(value: Any) -> Any:
    """Dicts whose keys are 0, 1, 2… in order → lists, all the way down."""
    if isinstance(value, list):
        return [as_array(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    inner = {key: as_array(one) for key, one in value.items()}
    if inner and list(map(str, inner)) == [str(place) for place in range(len(inner))]:
        return list(inner.values())
    return inner


def encode(tree: dict[str, Any]) -> str:
    """Nested values → a form body; brackets percent-encoded, None and empty arrays vanish, booleans are 1 and 0."""
    return "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in _pairs(tree, ""))


def _pairs(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _pairs(inner, f"{key}[{name}]" if key else str(name))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from _pairs(inner, f"{key}[{place}]")
    elif isinstance(value, bool):
        yield key, str(int(value))
    elif value is not None:
        yield key, str(value)


def to_json(answer: dict[str, Any]) -> str:
    """An answer as PHP's `json_encode` writes it: an empty object is `[]`, keys that count 0, 1, 2… make a list.

    PHP keeps the text "0" as the number 0, so it does not matter how the caller wrote a command's key.
    """
    return json.dumps(_php(answer), ensure_ascii=False)


def _php(value: Any) -> Any:
    if isinstance(value, dict):
        if not value:
            return []
        inner = {key: _php(one) for key, one in value.items()}
        counted = [str(key) for key in inner] == [str(place) for place in range(len(inner))]
        return list(inner.values()) if counted else inner
    if isinstance(value, (list, tuple)):
        return [_php(one) for one in value]
    return value
