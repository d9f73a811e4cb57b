"""The layout of a configurable activity: what its documents allow, and nothing else (bitrix24.md 6.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.bitrix24.call import Refusal

ICONS = ("arrow-down", "call", "call-completed", "document", "info", "notification")
"""Icons of this portal: only codes that the documents show."""
LOGOS = ("arrow-down", "call", "call-incoming", "document", "info", "notification")
"""Logos of this portal: only codes that the documents show."""
LANGUAGES = ("ru", "en", "de")
MOST_PARAMS = 20
_KEY = re.compile(r"[A-Za-z0-9_-]+")

Check = Callable[[Any, str], Any]
"""A value and its path in the layout → the value as it is kept; refuses what does not fit."""


def read_layout(sent: Any) -> dict[str, Any]:
    """The layout as it is kept.

    Raises:
        Refusal: it is empty, or breaks a rule of its description.
    """
    if not isinstance(sent, dict) or not sent:
        raise Refusal("ERROR_EMPTY_LAYOUT", "Layout field should be filled")
    kept: dict[str, Any] = _LAYOUT(sent, "layout")
    return kept


def _shape(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """An object of these fields and no others."""
    known = {**required, **optional}

    def check(value: Any, path: str) -> Any:
        given = _object(value, path)
        for name in required:
            if given.get(name) in (None, "", {}, []):
                raise Refusal("FIELD_IS_REQUIRED", f"Field `{path}.{name}` is required")
        for name in given:
            if name not in known:
                raise Refusal("FIELD_IS_REDUNDANT", f"Field `{path}.{name}` is redundant")
        return {name: known[name](one, f"{path}.{name}") for name, one in given.items() if one is not None}

    return check


def _keyed(check_one: Check, most: int | None = None, least: int = 0) -> Check:
    """An associative array of equal things; PHP sends an empty one as a list."""

    def check(value: Any, path: str) -> Any:
        given = _object(value, path)
        if most is not None and len(given) > most:
            raise Refusal("TOO_MANY_ITEMS", f"Too many items in `{path}`: no more than {most} are allowed")
        if len(given) < least:
            raise Refusal("FIELD_IS_REQUIRED", f"Field `{path}` must hold at least {least}")
        for key in given:
            if not _KEY.fullmatch(key):
                raise Refusal("KEY_CONTAIN_WRONG_SYMBOLS", f"Key `{key}` of `{path}` contains wrong symbols")
        return {key: check_one(one, f"{path}.{key}") for key, one in given.items()}

    return check


def _object(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, list):
        return {str(place): one for place, one in enumerate(value)}
    if not isinstance(value, dict):
        raise Refusal("WRONG_FIELD_VALUE", f"Field `{path}` has wrong value")
    return value


def _text(value: Any, path: str) -> Any:
    """Text, or texts by language."""
    if isinstance(value, dict):
        for language, one in value.items():
            if language not in LANGUAGES:
                raise Refusal("WRONG_LANG", f"Wrong language `{language}` in `{path}`")
            _plain(one, path)
        return value
    return _plain(value, path)


def _plain(value: Any, path: str) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise Refusal("WRONG_FIELD_VALUE", f"Field `{path}` has wrong value")
    return str(value)


def _flag(value: Any, path: str) -> bool:
    known = {"Y": True, "1": True, "TRUE": True, "N": False, "0": False, "FALSE": False, "": False}
    try:
        return known[str(value).upper()]
    except KeyError as error:
        raise Refusal("WRONG_FIELD_VALUE", f"Field `{path}` has wrong value") from error


def _number(value: Any, path: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise Refusal("WRONG_FIELD_VALUE", f"Field `{path}` has wrong value") from error


def _among(*allowed: str) -> Check:
    def check(value: Any, path: str) -> str:
        if value not in allowed:
            raise Refusal("ENUM_FIELD", f"Field `{path}` has a value that is not in the list: {', '.join(allowed)}")
        return str(value)

    return check


def _params(value: Any, path: str) -> dict[str, str]:
    """What a click gives back: up to 20 scalars, kept as texts."""
    given = _object(value, path)
    if len(given) > MOST_PARAMS:
        raise Refusal("TOO_MANY_ITEMS", f"Too many items in `{path}`: no more than {MOST_PARAMS} are allowed")
    return {name: _plain(one, f"{path}.{name}") for name, one in given.items() if one is not None}


def _typed(kinds: Mapping[str, Check], within: str | None = None) -> Check:
    """An object whose `type` says which fields it has; `within` names where those fields lie, if not beside it."""
    which = _among(*kinds)

    def check(value: Any, path: str) -> Any:
        given = _object(value, path)
        if not given.get("type"):
            raise Refusal("FIELD_IS_REQUIRED", f"Field `{path}.type` is required")
        kind = which(given["type"], f"{path}.type")
        if within is None:
            return {"type": kind, **kinds[kind]({key: one for key, one in given.items() if key != "type"}, path)}
        for name in given:
            if name not in ("type", within):
                raise Refusal("FIELD_IS_REDUNDANT", f"Field `{path}.{name}` is redundant")
        inner = given.get(within)
        return {"type": kind, within: kinds[kind]({} if inner is None else inner, f"{path}.{within}")}

    return check


_SCOPE = _among("web", "mobile")
_ACTION = _typed(
    {
        "redirect": _shape({}, {"uri": _plain}),
        "restEvent": _shape({"id": _plain}, {"actionParams": _params, "animationType": _among("loader", "disable")}),
        "openRestApp": _shape(
            {},
            {
                "actionParams": _params,
                "sliderParams": _shape({}, {"width": _number, "leftBoundary": _number, "title": _text}),
            },
        ),
    }
)
_SIMPLE_BLOCKS: dict[str, Check] = {
    "text": _shape(
        {"value": _text},
        {
            "multiline": _flag,
            "title": _text,
            "bold": _flag,
            "size": _among("xs", "sm", "md"),
            "color": _among("base_50", "base_60", "base_70", "base_90"),
            "scope": _SCOPE,
        },
    ),
    "link": _shape({"text": _text, "action": _ACTION}, {"bold": _flag, "scope": _SCOPE}),
    "deadline": _shape({}, {"readonly": _flag, "scope": _SCOPE}),
}
_SIMPLE = _typed(_SIMPLE_BLOCKS, "properties")
_BLOCK = _typed(
    {
        **_SIMPLE_BLOCKS,
        "largeText": _shape({"value": _text}, {"scope": _SCOPE}),
        "withTitle": _shape({"title": _text, "block": _SIMPLE}, {"inline": _flag, "scope": _SCOPE}),
        "lineOfBlocks": _shape({"blocks": _keyed(_SIMPLE)}, {"scope": _SCOPE}),
    },
    "properties",
)
_SEEN = {"scope": _SCOPE, "hideIfReadonly": _flag}
_TAG = _shape(
    {"title": _text, "type": _among("warning", "success", "failure", "primary", "secondary")},
    {"action": _ACTION, **_SEEN},
)
_BUTTON = _shape({"title": _text, "type": _among("primary", "secondary"), "action": _ACTION}, _SEEN)
_MENU_ENTRY = _shape({"title": _text, "action": _ACTION}, _SEEN)
_LAYOUT = _shape(
    {
        "icon": _shape({"code": _among(*ICONS)}, {}),
        "header": _shape({"title": _text}, {"titleAction": _ACTION, "tags": _keyed(_TAG, most=2)}),
        "body": _shape(
            {"logo": _shape({"code": _among(*LOGOS)}, {"action": _ACTION})},
            {"blocks": _keyed(_BLOCK, most=20, least=1)},
        ),
    },
    {
        "footer": _shape(
            {},
            {
                "buttons": _keyed(_BUTTON, most=2),
                "menu": _shape(
                    {},
                    {
                        "showPinItem": _flag,
                        "showPostponeItem": _flag,
                        "showDeleteItem": _flag,
                        "items": _keyed(_MENU_ENTRY),
                    },
                ),
            },
        )
    },
)
