"""Bitrix24's REST: addresses, who calls, limits, the envelope, batches (facts/bitrix24.md 2)."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g, request

from connector.sandbox.base import Base
from connector.sandbox.bitrix24 import activities, card_methods, portal, stages, tasks
from connector.sandbox.bitrix24.call import METHODS, READINGS, Answer, Call, Refusal
from connector.sandbox.bitrix24.form import as_array, decode, to_json
from connector.sandbox.bitrix24.limits import Bucket, Operating
from connector.sandbox.bitrix24.references import resolve
from connector.sandbox.config import PortalConfig
from connector.sandbox.faults import under_faults

_REGISTERED = (activities, card_methods, portal, stages, tasks)
"""The modules whose methods fill METHODS."""
NO_SUCH_METHOD = Refusal("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
TOO_MANY = Refusal("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)


@dataclass
class Face:
    """One portal's REST with its counters."""

    base: Base
    config: PortalConfig
    bucket: Bucket = field(init=False)
    operating: Operating = field(init=False)
    task_fields: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.config.limits)
        self.operating = Operating(self.config.limits)
        self.config.readings = READINGS | self.config.readings

    def answer(self, method: str, user: int, params: dict[str, Any]) -> Response:
        """One request within the limits and under the faults."""
        method = method.removesuffix(".json").lower()
        if self.config.faults.take("throttle") or not self.bucket.admit():
            return _response(_error(TOO_MANY), TOO_MANY.status)
        writes = _writes(method, params)
        return under_faults(self.config.faults, lambda: self._envelope(method, user, params), writes=writes)

    def _envelope(self, method: str, user: int, params: dict[str, Any]) -> Response:
        began, moment = time.monotonic(), self.base.clock.now()
        spent: dict[str, Any] = {}
        try:
            if method == "batch":
                answer = Answer(self._batch(user, params))
            else:
                answer, spent = self._run(method, user, params)
        except Refusal as refusal:
            return _response(_error(refusal), refusal.status)
        told = Call(self.base, self.config, {}, user)
        took = time.monotonic() - began
        body: dict[str, Any] = {"result": answer.result}
        if answer.total is not None:
            body["total"] = answer.total
        if answer.next is not None:
            body["next"] = answer.next
        start = moment.timestamp()
        body["time"] = {
            "start": start,
            "finish": start + took,
            "duration": took,
            "processing": took,
            "date_start": told.told(moment),
            "date_finish": told.told(self.base.clock.now()),
            **spent,
        }
        return _response(body, 200)

    def _run(self, method: str, user: int, params: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
        """One method: its answer, and its execution time as answers tell it (in the portal's time)."""
        if method not in METHODS:
            raise NO_SUCH_METHOD
        if not self.operating.admit(method):
            raise Refusal("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)
        function, _ = METHODS[method]
        began = time.monotonic()
        self.config.faults.wait(self.config.faults.command_ms)
        try:
            with self.base.lock, self.base.as_api():
                result = function(Call(self.base, self.config, params, user, self.task_fields))
        finally:
            spent, left = self.operating.book(method, time.monotonic() - began)
        reset = int(self.base.clock.now().timestamp() + left)
        answer = result if isinstance(result, Answer) else Answer(result)
        return answer, {"operating": round(spent, 6), "operating_reset_at": reset}

    def _batch(self, user: int, params: dict[str, Any]) -> dict[str, Any]:
        commands = params.get("cmd") or {}
        pairs = list(enumerate(commands)) if isinstance(commands, list) else list(commands.items())
        halt = params.get("halt") in (1, "1", True, "true", "Y")
        g.commands = len(pairs)
        told: dict[str, dict[Any, Any]] = {name: {} for name in ("result", "error", "total", "next", "time")}
        for place, (key, command) in enumerate(pairs):
            began = time.monotonic()
            try:
                answer, spent = self._command(place, user, str(command), told["result"])
            except Refusal as refusal:
                told["error"][key] = _error(refusal)
                if halt:
                    break
                continue
            told["result"][key] = answer.result
            for name, value in (("total", answer.total), ("next", answer.next)):
                if value is not None:
                    told[name][key] = value
            start = self.base.clock.now().timestamp()
            took = time.monotonic() - began
            told["time"][key] = {"start": start - took, "finish": start, "duration": took, "processing": took, **spent}
        named = {"result": told["result"]}
        return named | {f"result_{name}": told[name] for name in ("error", "total", "next", "time")}

    def _command(self, place: int, user: int, command: str, results: dict[Any, Any]) -> tuple[Answer, dict[str, Any]]:
        method, _, query = command.partition("?")
        method = method.removesuffix(".json").lower()
        if place >= self.config.limits.batch:
            raise Refusal("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        if method == "batch":
            raise Refusal("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
        return self._run(method, user, resolve(decode(query), results))


def _writes(method: str, params: dict[str, Any]) -> bool:
    if method != "batch":
        return METHODS.get(method, (None, False))[1]
    commands = params.get("cmd") or {}
    listed = commands.values() if isinstance(commands, dict) else commands
    names = (str(one).partition("?")[0].removesuffix(".json").lower() for one in listed)
    return any(METHODS.get(name, (None, False))[1] for name in names)


def _error(refusal: Refusal) -> dict[str, str]:
    return {"error": refusal.code, "error_description": refusal.text}


def _response(body: dict[str, Any], status: int) -> Response:
    return Response(to_json(body), status, content_type="application/json; charset=utf-8")


def _params() -> dict[str, Any]:
    params = decode(request.query_string.decode("ascii", "replace"))
    if request.is_json:
        sent = request.get_json(silent=True)
        params |= as_array(sent) if isinstance(sent, dict) else {}
    elif request.method == "POST":
        params |= decode(request.get_data().decode("utf-8", "replace"))
    return params


def blueprint(base: Base, config: PortalConfig) -> Blueprint:
    """The routes of the REST."""
    face = Face(base, config)
    routes = Blueprint("face", __name__)
    secrets = config.credentials

    @routes.route("/rest/<int:user>/<code>/<method>", methods=["GET", "POST"])
    @routes.route("/rest/<int:user>/<code>/<method>/", methods=["GET", "POST"])
    def by_webhook(user: int, code: str, method: str) -> Response:
        g.told_path = f"/rest/{user}/***/{method}"
        if user != secrets.rest_user or not _same(code, secrets.rest_code):
            refusal = Refusal("NO_AUTH_FOUND", "Wrong authorization data", 401)
            return _response(_error(refusal), refusal.status)
        return face.answer(method, user, _params())

    @routes.route("/rest/<method>", methods=["GET", "POST"])
    def by_token(method: str) -> Response:
        params = _params()
        if not _same(str(params.pop("auth", "")), secrets.access_token):
            refusal = Refusal("invalid_token", "Unable to get application by token", 401)
            return _response(_error(refusal), refusal.status)
        return face.answer(method, secrets.rest_user or 1, params)

    @routes.route("/rest/<path:rest>", methods=["GET", "POST"])
    def elsewhere(rest: str) -> Response:
        g.told_path = "/rest/…"
        del rest
        return _response(_error(NO_SUCH_METHOD), NO_SUCH_METHOD.status)

    return routes


def _same(given: str, secret: str | None) -> bool:
    return secret is not None and hmac.compare_digest(given.encode(), secret.encode())
