"""REST 3.0: JSON only, one form of answers and errors, `batch` as a list, `Idempotency-Key` (facts/bitrix24.md 2.7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.sandbox.bitrix24.call import Call

KEPT = timedelta(hours=24)
"""How long the answer to a key is remembered, on the sandbox's clock."""
MOST_COMMANDS = 50
_PREFIX = "BITRIX_REST_V3_EXCEPTION_"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class Refusal3(Exception):  # noqa: N818  # what a portal answers, not a fault of the sandbox
    """An error answer: the end of its code, text, HTTP status, and which field it is about."""

    def __init__(self, code: str, text: str, status: int = 400, *, field: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.told: dict[str, Any] = {"code": f"{_PREFIX}{code}", "message": text}
        if field:
            self.told |= {
                "code": f"{_PREFIX}VALIDATION_REQUESTVALIDATIONEXCEPTION",
                "message": "Error validating request object",
                "validation": [{"message": text, "field": field}],
            }


def required(name: str) -> Refusal3:
    """A required field is absent."""
    return Refusal3("", f"Required field `{name}` is not specified", field=name)


def mistyped(name: str, wanted: str) -> Refusal3:
    """A field has another type than it should."""
    return Refusal3("", f"Field `{name}` requires data type `{wanted}` for this request", field=name)


Method3 = Callable[[Call, dict[str, Any]], dict[str, Any]]
METHODS3: dict[str, tuple[Method3, str, bool]] = {}
"""Name → the method, its scope, whether it writes."""


def method3(name: str, scope: str, *, writes: bool = False) -> Callable[[Method3], Method3]:
    """Register a method of REST 3.0 under its name."""

    def register(function: Method3) -> Method3:
        METHODS3[name] = (function, scope, writes)
        return function

    return register


@dataclass
class Answered:
    """The answer that a key has brought."""

    request: str
    result: Any
    until: datetime


@dataclass
class Third:
    """What a portal remembers of REST 3.0: the answers to keys."""

    answered: dict[tuple[str, int, str, str], Answered] = field(default_factory=dict)
    """By caller, user, method and key."""

    def writes(self, method: str, body: Any) -> bool:
        """Whether a request changes anything."""
        if method != "batch":
            return method in METHODS3 and METHODS3[method][2]
        listed = body if isinstance(body, list) else []
        return any(self.writes(str(one.get("method")), None) for one in listed if isinstance(one, dict))

    def answer(self, call: Call, method: str, body: Any, key: str | None) -> tuple[Any, bool]:
        """The result, and whether it is an old one given again.

        Raises:
            Refusal3: as the documents refuse.
        """
        if method == "batch":
            return self._batch(call, body), False
        if not isinstance(body, dict):
            raise Refusal3("INVALIDJSONEXCEPTION", "Request body is not valid JSON")
        if key is None or not self.writes(method, body):
            return _carry_out(call, method, body), False
        if not _KEY.fullmatch(key):
            raise Refusal3("INVALIDIDEMPOTENCYKEYEXCEPTION", "Idempotency-Key must be 1 to 255 printable characters")
        place = (call.application or "webhook", call.user, method, key)
        request, now = json.dumps(body, sort_keys=True), call.base.clock.now()
        known = self.answered.get(place)
        if known and known.until > now:
            if known.request != request:
                raise Refusal3("IDEMPOTENCYKEYREUSEDEXCEPTION", "Idempotency-Key was used with another request", 422)
            return known.result, True
        result = _carry_out(call, method, body)
        self.answered[place] = Answered(request, result, now + KEPT)
        return result, False

    def _batch(self, call: Call, body: Any) -> list[Any]:
        """Commands in order; one that fails has its error in its place (how a portal tells it is not documented)."""
        if not isinstance(body, list):
            raise Refusal3("INVALIDSELECTEXCEPTION", "Unable to recognize the request")
        if len(body) > MOST_COMMANDS:
            raise Refusal3("", f"No more than {MOST_COMMANDS} calls in a batch", field="batch")
        told: list[Any] = []
        for one in body:
            given = one if isinstance(one, dict) else {}
            query = given.get("query")
            try:
                told.append(_carry_out(call, str(given.get("method")), query if isinstance(query, dict) else {}))
            except Refusal3 as refusal:
                told.append({"error": refusal.told})
        return told


def _carry_out(call: Call, method: str, query: dict[str, Any]) -> dict[str, Any]:
    if method not in METHODS3:
        raise Refusal3("METHODNOTFOUNDEXCEPTION", f"Method `{method}` is not found", 404)
    function, scope, _ = METHODS3[method]
    if scope and scope not in call.scopes:
        raise Refusal3("INSUFFICIENTSCOPEEXCEPTION", f"Scope `{scope}` is required", 403)
    with call.base.lock, call.base.as_api():
        return function(call, query)


@method3("rest.documentation.openapi", "")
def documentation(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Which methods there are."""
    del call, query
    return {
        "openapi": "3.0.0",
        "info": {"title": "Bitrix24 REST V3 API", "version": "1.0.0"},
        "paths": {f"/{name}": {} for name in sorted(METHODS3)},
    }


@method3("rest.scope.list", "")
def scopes(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Which scope every method needs."""
    del call, query
    return {"items": [{"method": name, "scope": scope} for name, (_, scope, _) in sorted(METHODS3.items()) if scope]}


METHODS3["documentation"] = METHODS3["rest.documentation.openapi"]
