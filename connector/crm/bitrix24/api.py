"""Bitrix24's REST as a language: commands in, judged answers out. Everything travels in `batch`, 50 commands at most.

Sources: facts/bitrix24.md 2.2-2.6. An error is told by its code in the body, not by the HTTP status: 503 is both "too
fast" and "closed by hand", 500 may be a deleted portal, 200 may carry an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from connector.crm.http import Reply, Session
from connector.crm.port import Pacer
from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused, Throttled, Unavailable

BATCH_LIMIT: Final = 50
"""Commands in one batch; also the rows of one page."""
TOO_FAST_WAIT: Final = 2.0
"""Seconds to leave a portal alone after QUERY_LIMIT_EXCEEDED: its bucket leaks 2 requests a second."""
OPERATING_WAIT: Final = 60.0
"""Seconds to leave a method alone when nothing told when its execution time is given back."""
LONGEST_WAIT: Final = 600.0

_TERMINAL: Final = frozenset(
    {
        "overload_limit",
        "expired_token",
        "invalid_token",
        "no_auth_found",
        "insufficient_scope",
        "user_access_error",
        "allowed_only_intranet_user",
        "wrong_auth_type",
        "payment_required",
        "application_not_found",
        "error_oauth",
        "not_installed",
        "authorization_error",
        "method_confirm_waiting",
        "method_confirm_denied",
        "portal_deleted",
        "invalid_request",
    }
)
_TERMINAL_OUTSIDE: Final = frozenset({"access_denied", "invalid_credentials", "error_method_not_found"})
"""Of the whole call: the tariff, the user, the address. Of one command: just this object, or a module not bought."""
_TERMINAL_INSIDE_IS_REFUSED: Final = frozenset({"insufficient_scope", "wrong_auth_type"})
_MISSING: Final = re.compile(r"(?:\w+ is )?not found\b", re.IGNORECASE)
"""How the classic methods say "not found", under an empty code."""
_BROKEN: Final = frozenset({"internal_server_error", "error_unexpected_answer"})


@dataclass(frozen=True, slots=True)
class Command:
    """One call inside a batch. Flags travel as Y and N; None cannot travel at all and is left out."""

    method: str
    params: Mapping[str, Any]

    def line(self) -> str:
        """`method?query`, the query percent-encoded as PHP's http_build_query does."""
        return self.method + "?" + "&".join(f"{quote(key, safe='')}={quote(text)}" for key, text in _flat(self.params))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command; both empty when the portal did not say (a throttled batch loses parts)."""

    result: Any = None
    error: CrmError | None = None
    seconds: float | None = None
    """How long it ran."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A batch's answers by key. A command that the portal said nothing about has an error here."""

    by_key: Mapping[str, Answer]
    at: datetime | None
    """The portal's own clock when the batch began, UTC."""


class Api:
    """The REST of one portal through its incoming webhook."""

    def __init__(self, session: Session, url: SecretStr, portal: str, pacer: Pacer) -> None:
        self._session = session
        self._url = SecretStr(url.get_secret_value().rstrip("/") + "/batch.json")
        self._portal = portal
        self._pacer = pacer
        self._given_back: dict[str, float] = {}
        """By method: seconds from its last answer until a part of its execution time is given back."""

    def batch(self, commands: Mapping[str, Command], *, writing: bool) -> Answers:
        """Run up to 50 commands in one request; each is judged for itself.

        `writing` says whether a lost answer leaves a doubt. Raises CrmError when the request as a whole failed.
        """
        assert len(commands) <= BATCH_LIMIT
        cmd = {key: command.line() for key, command in commands.items()}
        reply = self._session.call("POST", self._url.get_secret_value(), name="batch", json={"halt": 0, "cmd": cmd})
        error = self._outer_error(reply, writing=writing)
        if error is not None:
            if isinstance(error, Throttled):
                self._pacer.push_back(error.wait)
            raise error
        outer = reply.json["result"]
        results, errors, times = (_map(outer.get(name)) for name in ("result", "result_error", "result_time"))
        by_key: dict[str, Answer] = {}
        for key, command in commands.items():
            self._learn(command.method, _map(times.get(key)))
            if key in errors:
                by_key[key] = Answer(error=self.command_error(command.method, errors[key], writing=writing))
            elif key in results:
                by_key[key] = Answer(result=results[key], seconds=_number(_map(times.get(key)).get("duration")))
            else:
                by_key[key] = Answer(error=self._broken("the answer lacks this command", command.method, "", writing))
        return Answers(by_key, _beginning(_map(reply.json.get("time"))))

    def command_error(self, method: str, told: Any, *, writing: bool) -> CrmError:
        """The error of one command, judged by its code."""
        code, text = _code_and_text(told)
        if code.lower() in _TERMINAL_INSIDE_IS_REFUSED:
            return Refused(text, portal=self._portal, call=method, code=code)
        return self._judge(method, code, text, status=400, writing=writing)

    def _outer_error(self, reply: Reply, *, writing: bool) -> CrmError | None:
        """The error of the request as a whole, or None."""
        told = reply.json if isinstance(reply.json, dict) else {}
        if "error" in told:
            code, text = _code_and_text(told)
            if code.lower() in _TERMINAL_OUTSIDE:
                return Blocked(text, portal=self._portal, call="batch", code=code)
            return self._judge("batch", code, text, status=reply.status, writing=writing)
        if reply.status in (301, 302, 307, 308):
            text = "the portal answers under another address now: enter it in the settings"
            return Blocked(text, portal=self._portal, call="batch", code="MOVED")
        if reply.status in (401, 403, 404, 410):
            text = f"the portal refuses the webhook (HTTP {reply.status})"
            return Blocked(text, portal=self._portal, call="batch", code=f"HTTP_{reply.status}")
        if reply.status == 429:
            return self._too_much("batch", "too many requests", "HTTP_429", LONGEST_WAIT)
        if reply.status != 200 or not isinstance(told.get("result"), dict):
            return self._broken(f"no usable answer (HTTP {reply.status})", "batch", f"HTTP_{reply.status}", writing)
        return None

    def _judge(self, method: str, code: str, text: str, *, status: int, writing: bool) -> CrmError:
        word = code.lower()
        if word == "query_limit_exceeded":
            return self._too_much(method, text, code, TOO_FAST_WAIT)
        if word == "operation_time_limit":
            return self._too_much(method, text, code, self._given_back.get(method, OPERATING_WAIT))
        if word in _TERMINAL:
            return Blocked(text, portal=self._portal, call=method, code=code)
        if word == "not_found" or (word in ("", "0", "error_core") and _MISSING.match(text)):
            return Gone(text, portal=self._portal, call=method, code=code or "NOT_FOUND")
        if word in _BROKEN or status >= 500:
            return self._broken(text, method, code, writing)
        return Refused(text, portal=self._portal, call=method, code=code)

    def _too_much(self, method: str, text: str, code: str, wait: float) -> Throttled:
        return Throttled(text, portal=self._portal, call=method, code=code, wait=min(max(wait, 1.0), LONGEST_WAIT))

    def _broken(self, text: str, method: str, code: str, writing: bool) -> CrmError:
        return (Ambiguous if writing else Unavailable)(text, portal=self._portal, call=method, code=code)

    def _learn(self, method: str, times: Mapping[str, Any]) -> None:
        """Remember when the method's execution time is given back; told as a number or as ISO text."""
        told, finish = times.get("operating_reset_at"), _number(times.get("finish"))
        moment = _moment(told)
        reset = moment.timestamp() if moment else _number(told)
        if reset is not None and finish is not None:
            self._given_back[method] = reset - finish


def _flat(params: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Keys in PHP's brackets, as deep as our own parameters are."""
    members: Iterable[tuple[Any, Any]] = params.items() if isinstance(params, Mapping) else enumerate(params)
    for name, value in members:
        key = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, Mapping | list | tuple):
            yield from _flat(value, key)
        elif value is not None:
            yield key, ("Y" if value else "N") if isinstance(value, bool) else str(value)


def _beginning(time: Mapping[str, Any]) -> datetime | None:
    """The portal's clock when it began to answer, told as text and as a number."""
    start = _number(time.get("start"))
    return _moment(time.get("date_start")) or (datetime.fromtimestamp(start, UTC) if start else None)


def _map(value: Any) -> Mapping[str, Any]:
    """PHP writes an empty map as `[]`."""
    return value if isinstance(value, dict) else {}


def _code_and_text(told: Any) -> tuple[str, str]:
    """`{"error": code, "error_description": text}`; the code may be empty, a number, or a sentence."""
    if not isinstance(told, dict):
        return "", str(told)
    code, text = told.get("error"), told.get("error_description")
    if isinstance(code, dict):  # the form of REST 3.0
        text = code.get("message")
        code = code.get("code")
    sentence = str(text or "no description").replace("<br>", " ").strip()
    return ("" if code is None else str(code))[:100], sentence


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _moment(value: Any) -> datetime | None:
    """An ISO moment with an offset, in UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
