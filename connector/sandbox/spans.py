"""Spans of time as a person writes them: `14 days`, `2 hours 30 minutes`, `1 неделя`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_UNITS = [
    (re.compile(r"^(s|sec|seconds?|секунд\w*)$"), timedelta(seconds=1)),
    (re.compile(r"^(min|minutes?|минут\w*)$"), timedelta(minutes=1)),
    (re.compile(r"^(h|hours?|час\w*)$"), timedelta(hours=1)),
    (re.compile(r"^(d|days?|день|дня|дней)$"), timedelta(days=1)),
    (re.compile(r"^(w|weeks?|недел\w*)$"), timedelta(weeks=1)),
]


def read_span(text: Any) -> timedelta:
    """A span; a bare number is seconds.

    Raises:
        ValueError: not a span, or negative.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool) and text >= 0:
        return timedelta(seconds=text)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([^\W\d]+)", str(text).lower())
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*([^\W\d]+)|[\s,]", "", str(text).lower()):
        raise ValueError(f'{text!r} is not a span; write it like "14 days" or "2 hours 30 minutes"')
    return sum((float(number) * _unit(word) for number, word in parts), timedelta())


def _unit(word: str) -> timedelta:
    for pattern, unit in _UNITS:
        if pattern.match(word):
            return unit
    raise ValueError(f"{word!r} is not a unit of time")
