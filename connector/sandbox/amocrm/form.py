"""Webhook bodies as amoCRM sends them: PHP's `http_build_query` over nested arrays (facts/amocrm.md 1.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

Nested = Mapping[str, Any] | Sequence[Any]


def encode(body: Mapping[str, Any]) -> bytes:
    """Nested mappings and lists as a form: brackets percent-encoded, `+` for a space, every value a string.

    As in PHP: None and empty lists vanish, True is `1`, False is `0`, `~` is encoded, list indices start at 0.
    """
    return "&".join(f"{_quote(key)}={_quote(value)}" for key, value in _flat(body, "")).encode("ascii")


def _flat(nested: Nested, above: str) -> Iterator[tuple[str, str]]:
    pairs = nested.items() if isinstance(nested, Mapping) else enumerate(nested)
    for key, value in pairs:
        name = f"{above}[{key}]" if above else str(key)
        if isinstance(value, (Mapping, list, tuple)):
            yield from _flat(value, name)
        elif value is not None:
            yield name, str(int(value)) if isinstance(value, bool) else str(value)


def _quote(text: str) -> str:
    return quote_plus(text).replace("~", "%7E")
