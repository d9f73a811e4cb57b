"""Filter, order, paging and choice of fields, the same for every list method (facts/bitrix24.md 2.3, 4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from connector.sandbox.bitrix24.call import Answer, Call, Refusal

Type = Literal["int", "number", "text", "moment", "day", "flag", "ints", "raw"]
_KEY = re.compile(r"^(!=%|!%=|!=|!%|!@|=%|%=|>=|<=|>|<|@|%|=|!)?(.*)$")


@dataclass(frozen=True)
class Column:
    """One field of a row: how it is read from the record, and whether lists may filter and order by it."""

    type: Type
    get: Callable[[Any], Any]
    filterable: bool = True


Columns = Mapping[str, Column]


def run(
    call: Call,
    columns: Columns,
    rows: Callable[[int], Iterable[Any]],
    show: Callable[[Any, list[str]], dict[str, Any]],
    *,
    id_name: str,
    defaults: list[str] | None = None,
) -> Answer:
    """Answer a list method: `rows(after)` gives the records with an id above `after`, ascending by id.

    Raises:
        Refusal: a field that can't be filtered or ordered by, a bad value or direction.
    """
    wanted = call.mapping("filter")
    keep = _condition(call, columns, wanted)
    order = _order(columns, call.mapping("order"))
    names = [str(name) for name in call.sequence("select")]
    if not names or "*" in names:
        names = [*(defaults or columns), *names]
    page = call.config.limits.page
    start = _int(call.get("start") or 0)
    by_id = not order or order == [(id_name, False)]
    candidates = rows(_int(wanted.get(f">{id_name}") or 0) if f">{id_name}" in wanted else 0)
    if start < 0 and by_id:
        chosen: list[Any] = []
        for record in candidates:
            if keep(record):
                chosen.append(record)
                if len(chosen) == page:
                    break
        return _answer(call, [show(record, names) for record in chosen])
    found = [record for record in candidates if keep(record)]
    for name, down in reversed(order):
        found.sort(key=lambda record: _sortable(columns[name].get(record)), reverse=down)  # used at once
    if start < 0:
        return _answer(call, [show(record, names) for record in found[:page]])
    shown = [show(record, names) for record in found[start : start + page]]
    following = start + page if start + page < len(found) else None
    return Answer(shown, total=len(found), next=following)


def _answer(call: Call, shown: list[dict[str, Any]]) -> Answer:
    """With `start=-1` nothing is counted; whether `total` is 0 or absent is a reading."""
    return Answer(shown, total=0 if call.reading("start_minus_one_counts") else None)


def _order(columns: Columns, wanted: dict[str, Any]) -> list[tuple[str, bool]]:
    order = []
    for name, direction in wanted.items():
        if name not in columns or not columns[name].filterable:
            raise Refusal("INVALID_ARG_VALUE", f"Invalid order: field '{name}' is not allowed in order")
        if str(direction).upper() not in ("ASC", "DESC"):
            raise Refusal(
                "INVALID_ARG_VALUE", f"Invalid order: allowed values for sort are ASC, DESC, got '{direction}'"
            )
        order.append((name, str(direction).upper() == "DESC"))
    return order


def _condition(call: Call, columns: Columns, wanted: dict[str, Any]) -> Callable[[Any], bool]:
    """A filter as a question to a record; `logic: OR` at any depth."""
    parts: list[Callable[[Any], bool]] = []
    for key, value in wanted.items():
        if key == "logic":
            continue
        if str(key).isdigit() and isinstance(value, (dict, list)):
            inner = value if isinstance(value, dict) else {str(place): one for place, one in enumerate(value)}
            parts.append(_condition(call, columns, inner))
            continue
        match = _KEY.match(str(key))
        operator, name = (match[1] or "", match[2]) if match else ("", str(key))
        if name not in columns or not columns[name].filterable:
            raise Refusal("INVALID_ARG_VALUE", f"Invalid filter: field '{name}' is not allowed in filter")
        parts.append(test(call, columns[name], operator, value))
    if str(wanted.get("logic", "")).upper() == "OR":
        return lambda record: any(part(record) for part in parts)
    return lambda record: all(part(record) for part in parts)


def test(call: Call, column: Column, operator: str, value: Any) -> Callable[[Any], bool]:
    """One condition on one column as a question to a record.

    Raises:
        Refusal: the value does not fit the column.
    """
    listed = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
    try:
        if "%" in operator:
            texts = [str(one).strip("%").lower() for one in listed]
            return _unless(operator, lambda record: _contains(column.get(record), texts))
        if operator in (">", ">=", "<", "<="):
            bound = _coerce(call, column, listed[0] if listed else None)
            return lambda record: _within(column.get(record), operator, bound)
        wanted = [_coerce(call, column, one) for one in listed]
        return _unless(operator, lambda record: _among(column.get(record), wanted))
    except (TypeError, ValueError) as error:
        raise Refusal("INVALID_ARG_VALUE", f"Invalid value for filter: {value!r}") from error


def _unless(operator: str, question: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return (lambda record: not question(record)) if operator.startswith("!") else question


def _contains(raw: Any, texts: list[str]) -> bool:
    return any(text in str(raw or "").lower() for text in texts)


def _coerce(call: Call, column: Column, value: Any) -> Any:
    if value is None or value == "":
        return None
    match column.type:
        case "int" | "ints":
            return int(value)
        case "number":
            return float(value)
        case "moment":
            return call.heard(value)
        case "day":
            return call.heard(value).astimezone(call.zone).date()
        case "flag":
            return value in (True, 1, "1", "Y", "true")
        case _:
            return str(value)


def _among(raw: Any, wanted: list[Any]) -> bool:
    if isinstance(raw, (list, tuple)):
        return any(one in wanted for one in raw) or (not raw and None in wanted)
    return raw in wanted or (not raw and any(not one for one in wanted))


def _within(raw: Any, operator: str, bound: Any) -> bool:
    if bound is None:
        bound = type(raw)() if isinstance(raw, (int, float, str)) else None
    if raw is None or bound is None:
        return bound is None and raw is not None
    if isinstance(raw, datetime):
        raw = raw.replace(microsecond=0)
    match operator:
        case ">":
            return bool(raw > bound)
        case ">=":
            return bool(raw >= bound)
        case "<":
            return bool(raw < bound)
        case _:
            return bool(raw <= bound)


def _sortable(raw: Any) -> tuple[bool, Any]:
    if isinstance(raw, (list, tuple)):
        return bool(raw), list(raw)
    if isinstance(raw, (datetime, date)):
        return True, raw.isoformat()
    return raw is not None, 0 if raw is None else raw


def as_text(call: Call, type_: Type, raw: Any) -> Any:
    """A value as the classic methods tell it: numbers as texts, dates with the portal's offset, flags Y and N."""
    match type_:
        case "moment":
            return call.told(raw)
        case "day":
            return call.told_day(raw)
        case "flag":
            return "Y" if raw else "N"
        case "raw":
            return raw
        case "ints":
            return [str(one) for one in raw]
        case _:
            return None if raw is None else str(raw)


def as_rows(call: Call, columns: Columns) -> Callable[[Any, list[str]], dict[str, Any]]:
    """How a classic list shows its rows: every chosen column as text."""

    def show(record: Any, names: list[str]) -> dict[str, Any]:
        return {
            name: as_text(call, columns[name].type, columns[name].get(record))
            for name in dict.fromkeys(names)
            if name in columns
        }

    return show


def _int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
