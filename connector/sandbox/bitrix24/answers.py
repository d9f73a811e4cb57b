"""How a portal answers: envelope, `time`, errors; and who it answers (facts/bitrix24.md 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, g, request

from connector.sandbox.bitrix24.call import Answer, Refusal
from connector.sandbox.bitrix24.form import to_json
from connector.sandbox.faults import Faults

NO_SUCH_METHOD = Refusal("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
TOO_MANY = Refusal("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
NO_AUTH = Refusal("NO_AUTH_FOUND", "Wrong authorization data", 401)
HTTPS_REQUIRED = Refusal("INVALID_REQUEST", "Https required", 400)


@dataclass(frozen=True)
class Caller:
    """Who makes a request: a webhook, or an application with a token."""

    user: int
    scopes: tuple[str, ...]
    application: str | None = None
    admit_command: Callable[[], None] = lambda: None
    """Raises Refusal once the token has died, also between two commands of a batch."""


def error_of(refusal: Refusal) -> dict[str, Any]:
    """The body of a refusal, alone or inside `result_error`."""
    return {"error": refusal.code, "error_description": refusal.text, **refusal.more}


def respond(body: dict[str, Any], status: int = 200) -> Response:
    """A body as PHP would write it."""
    return Response(to_json(body), status, content_type="application/json; charset=utf-8")


def refuse(refusal: Refusal) -> Response:
    """A refusal as the whole answer."""
    g.error_code = str(refusal.code)
    return respond(error_of(refusal), refusal.status)


def canned(faults: Faults, where: str) -> Response | None:
    """The error that the switches want here; None: answer as usual."""
    error = faults.take_error(where)
    if error is None:
        return None
    refusal = Refusal(error["code"], error.get("text", error["code"]), error.get("status", 400))
    if error.get("html"):
        g.error_code = str(refusal.code)
        return Response(f"<html><head><title>{refusal.status}</title></head></html>", refusal.status)
    return refuse(refusal)


def span(began: datetime, real_seconds: float, told: Callable[[datetime], str]) -> dict[str, Any]:
    """The six keys of `time`, on the sandbox's clock; the duration is real."""
    start = began.timestamp()
    return {
        "start": start,
        "finish": start + real_seconds,
        "duration": real_seconds,
        "processing": real_seconds,
        "date_start": told(began),
        "date_finish": told(began),
    }


def envelope(answer: Answer, time_told: dict[str, Any]) -> dict[str, Any]:
    """The whole answer of a method."""
    body: dict[str, Any] = {"result": answer.result}
    if answer.total is not None:
        body["total"] = answer.total
    if answer.next is not None:
        body["next"] = answer.next
    return body | {"time": time_told}


def moved(address: str, old_host: str, new_host: str) -> Response | None:
    """302 with an HTML body when a renamed portal is asked under another name; None: the name is right."""
    if old_host == new_host:
        return None
    g.error_code = "302"
    where = address + request.full_path.rstrip("?")
    return Response("<html><body>302 Found</body></html>", 302, {"Location": where}, mimetype="text/html")
