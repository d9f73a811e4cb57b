"""`$result[key][field]` inside a batch: later commands use what earlier ones answered (facts/bitrix24.md 2.4)."""

from __future__ import annotations

import re
from typing import Any

_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
_STEP = re.compile(r"\[([^\]]*)\]")


def resolve(value: Any, results: dict[Any, Any]) -> Any:
    """Replace references in parameters. What can't be found becomes empty text (the documents do not say)."""
    if isinstance(value, dict):
        return {key: resolve(one, results) for key, one in value.items()}
    if isinstance(value, list):
        return [resolve(one, results) for one in value]
    if not isinstance(value, str) or "$result[" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole[1], results)
    return _REFERENCE.sub(lambda match: str(_look_up(match[1], results)), value)


def _look_up(path: str, results: dict[Any, Any]) -> Any:
    at: Any = results
    for step in _STEP.findall(path):
        if isinstance(at, dict):
            at = at.get(step, at.get(int(step)) if step.isdigit() else None)
        elif isinstance(at, list) and step.isdigit() and int(step) < len(at):
            at = at[int(step)]
        else:
            return ""
    return "" if at is None else at
