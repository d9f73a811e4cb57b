"""Carries out requests within the limits and under the faults: lone methods and batches (facts/bitrix24.md 2)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Response, g, request

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.answers import (
    NO_SUCH_METHOD,
    TOO_MANY,
    Caller,
    canned,
    envelope,
    error_of,
    refuse,
    respond,
    span,
)
from connector.sandbox.bitrix24.application import Application
from connector.sandbox.bitrix24.call import METHODS, NAMES, Answer, Call, Refusal
from connector.sandbox.bitrix24.form import decode
from connector.sandbox.bitrix24.limits import Bucket, Operating
from connector.sandbox.bitrix24.references import resolve
from connector.sandbox.bitrix24.scopes import check_scope
from connector.sandbox.bitrix24.third import Refusal3, Third
from connector.sandbox.config import PortalConfig
from connector.sandbox.faults import DROP, under_faults

OUT_OF_TIME = Refusal("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)
BATCH_TOO_LONG = Refusal("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded", 400)
NOT_IN_BATCH = Refusal("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
BROKEN = Refusal("INTERNAL_SERVER_ERROR", "Internal server error", 500)
_TOLD = ("result", "error", "total", "next", "time")


@dataclass
class Face:
    """One portal's REST with its counters."""

    base: Base
    config: PortalConfig
    application: Application
    bucket: Bucket = field(init=False)
    operating: Operating = field(init=False)
    third: Third = field(default_factory=Third)

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.config.limits)
        self.operating = Operating(self.config.limits)

    def answer(self, method: str, caller: Caller, params: dict[str, Any]) -> Response:
        """One request of the old REST."""
        method = _short(method)
        g.called = method
        refused = self._limited()
        if refused is not None:
            return refused
        writes = _writes(method, params)
        return under_faults(self.config.faults, lambda: self._whole(method, caller, params), writes=writes)

    def _limited(self) -> Response | None:
        if self.config.faults.take("throttle") or not self.bucket.admit():
            return refuse(TOO_MANY)
        return canned(self.config.faults, "rest")

    def _whole(self, method: str, caller: Caller, params: dict[str, Any]) -> Response:
        began, moment = time.monotonic(), self.base.clock.now()
        spent: dict[str, Any] = {}
        try:
            if method.lower() == "batch":
                answer = Answer(self._batch(caller, params))
            else:
                answer, spent = self._run(method, caller, params)
        except Refusal as refusal:
            return refuse(refusal)
        return respond(envelope(answer, span(moment, time.monotonic() - began, self._told) | spent))

    def _told(self, moment: datetime) -> str:
        return Call(self.base, self.config, {}, 0).told(moment)

    def call_of(self, caller: Caller, params: dict[str, Any]) -> Call:
        """What a method is given."""
        return Call(self.base, self.config, params, caller.user, caller.application, caller.scopes)

    def _run(self, method: str, caller: Caller, params: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
        """One method: its answer, and its execution time as answers tell it (in the portal's time)."""
        caller.admit_command()
        error = self.config.faults.take_error("command")
        if error:
            raise Refusal(error["code"], error.get("text", error["code"]), error.get("status", 400))
        name = method.lower()
        if name not in METHODS or (method != NAMES[name] and not self.config.readings["methods_any_case"]):
            raise NO_SUCH_METHOD
        check_scope(name, caller.scopes, by_webhook=caller.application is None)
        counted = f"{caller.application or 'webhook'} {name}"
        if not self.operating.admit(counted):
            raise OUT_OF_TIME
        function, _ = METHODS[name]
        connector = str(params.get("auth_connector") or "")
        began = time.monotonic()
        self.config.faults.wait(self.config.faults.command_ms)
        try:
            with self.base.lock, self.base.as_api(), self.application.calling(connector):
                result = function(self.call_of(caller, params))
        finally:
            spent, left = self.operating.book(counted, time.monotonic() - began)
        return result if isinstance(result, Answer) else Answer(result), self._spent(spent, left)

    def _spent(self, seconds: float, left: float) -> dict[str, Any]:
        """`operating` and when it is freed."""
        if not self.config.readings["operating_told"]:
            return {}
        reset: Any = int(self.base.clock.now().timestamp() + left)
        if self.config.readings["operating_reset_as_text"]:
            reset = self._told(datetime.fromtimestamp(reset, UTC))
        return {"operating": round(seconds, 6), "operating_reset_at": reset}

    def answer_third(self, method: str, caller: Caller, body: Any) -> Response:
        """One request of REST 3.0: the same limits and faults, other words."""
        g.called = method
        refused = self._limited()
        if refused is not None:
            return refused
        key, faults = request.headers.get("Idempotency-Key"), self.config.faults
        g.commands = len(body) if method == "batch" and isinstance(body, list) else 1

        def carry_out() -> Response:
            began, moment = time.monotonic(), self.base.clock.now()
            faults.wait(faults.command_ms * g.commands)
            try:
                caller.admit_command()
                result, replayed = self.third.answer(self.call_of(caller, {}), method, body, key)
            except Refusal3 as refusal:
                g.error_code = refusal.told["code"]
                return respond({"error": refusal.told}, refusal.status)
            except Refusal as refusal:
                return refuse(refusal)
            answered = respond(envelope(Answer(result), span(moment, time.monotonic() - began, self._told)))
            if key is not None:
                answered.headers["Idempotency-Key"] = key
            if replayed:
                answered.headers["Idempotent-Replayed"] = "true"
            return answered

        return under_faults(faults, carry_out, writes=self.third.writes(method, body))

    # batches

    def _batch(self, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
        commands = params.get("cmd") or {}
        pairs = list(enumerate(commands)) if isinstance(commands, list) else list(commands.items())
        halt = params.get("halt") in (1, "1", True, "true", "Y")
        g.commands = len(pairs)
        faults, writes = self.config.faults, _writes("batch", params)
        if faults.take("empty_batch"):
            return _told({})
        half = len(pairs)
        cut = writes and faults.take("batch_cut")
        if cut or (writes and faults.take("batch_half")):
            half //= 2
        told: dict[str, dict[Any, Any]] = {name: {} for name in _TOLD}
        for place, (key, command) in enumerate(pairs):
            began, moment = time.monotonic(), self.base.clock.now()
            try:
                if place >= half:
                    raise BROKEN
                answer, spent = self._command(place, caller, str(command), params, told["result"])
            except Refusal as refusal:
                told["error"][key] = error_of(refusal)
                if halt:
                    break
                continue
            told["result"][key] = answer.result
            for name, value in (("total", answer.total), ("next", answer.next)):
                if value is not None:
                    told[name][key] = value
            told["time"][key] = span(moment, time.monotonic() - began, self._told) | spent
        if cut:
            request.environ[DROP] = True
        return _told({} if writes and faults.take("empty_after_apply") else told)

    def _command(
        self, place: int, caller: Caller, command: str, params: dict[str, Any], results: dict[Any, Any]
    ) -> tuple[Answer, dict[str, Any]]:
        method, _, query = command.partition("?")
        method = _short(method)
        if place >= self.config.limits.batch:
            raise BATCH_TOO_LONG
        if method.lower() == "batch":
            raise NOT_IN_BATCH
        given: dict[str, Any] = resolve(decode(query), results)
        if "auth_connector" in params:
            given.setdefault("auth_connector", params["auth_connector"])
        return self._run(method, caller, given)


def _told(told: dict[str, dict[Any, Any]]) -> dict[str, Any]:
    named = {"result": told.get("result", {})}
    return named | {f"result_{name}": told.get(name, {}) for name in _TOLD[1:]}


def _short(method: str) -> str:
    return method.removesuffix(".json")


def _writes(method: str, params: dict[str, Any]) -> bool:
    name = method.lower()
    if name != "batch":
        return METHODS.get(name, (None, False))[1]
    commands = params.get("cmd") or {}
    listed = commands.values() if isinstance(commands, dict) else commands
    names = (_short(str(one).partition("?")[0]).lower() for one in listed)
    return any(METHODS.get(one, (None, False))[1] for one in names)
