"""Switchable faults of a portal, and the gate through which every API request passes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from flask import Response, request

DROP = "kasanie.sandbox.drop"
"""Set in the WSGI environ: the server closes the connection without an answer."""


@dataclass
class Faults:
    """The switches of POST /sandbox/faults. Counters count down with each request they hit."""

    answer_ms: int = 0
    """Every API answer takes this long."""
    command_ms: int = 0
    """Every command inside a batch (Bitrix24) or item of an array (amoCRM) takes this long."""
    fail_before: int = 0
    """So many next API requests are answered 500 with no effect."""
    fail_after_apply: int = 0
    """So many next writes are applied, then answered 500."""
    drop_answer: int = 0
    """So many next writes are applied, then the connection closes without an answer."""
    late_answers: int = 0
    """So many next writes are applied at once and answered only after `late_ms`."""
    late_ms: int = 0
    hold_writes: int = 0
    """So many next writes are applied only after `hold_ms`, whether or not the caller still waits."""
    hold_ms: int = 0
    throttle: int = 0
    """So many next API requests are refused as the CRM refuses when a limit is passed."""
    empty_batch: int = 0
    """Bitrix24: so many next batches are answered empty, without an error and without effect."""
    empty_after_apply: int = 0
    """Bitrix24: so many next batches that write are applied, then answered empty without an error."""
    batch_half: int = 0
    """Of so many next batches or arrays that write, the first half is applied; Bitrix24 fails the second part by part,
    amoCRM answers 504."""
    batch_cut: int = 0
    """Of so many next batches or arrays that write, the first half is applied, then the connection closes."""
    answer_error: dict[str, Any] | None = None
    """The next `count` requests are refused with this `code`, `text` and `status`; `where`: `rest`, `command`
    (Bitrix24's commands of batches and lone methods) or `oauth`; `html`: the body is no JSON. amoCRM: `body` is
    `problem`, `html`, `text` or `empty`, `more` joins a problem, and only calls of `verb` whose path begins with `path`
    are hit."""
    webhooks: Literal["on", "off", "duplicate", "drop", "reorder"] = "on"
    """off: none is made; drop: made and counted, never sent; duplicate: each is sent twice; reorder: in twos, the later
    one first."""
    hook_delay_ms: int = 0
    """Webhooks are sent only so late."""
    slow_hook_ms: int = 0
    """Bitrix24: a handler that takes longer waits for its next webhook, longer each time; 0: never."""
    stopping: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def take(self, name: str) -> bool:
        """Count one down; False when none is left."""
        with self._lock:
            left: int = getattr(self, name)
            if left > 0:
                setattr(self, name, left - 1)
            return left > 0

    def wait(self, milliseconds: float) -> None:
        """Wait, but not beyond the sandbox's end."""
        if milliseconds > 0:
            self.stopping.wait(milliseconds / 1000)

    def state(self) -> dict[str, Any]:
        """The switches as they stand, JSON-ready."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.name in SWITCHES}

    def switch(self, wanted: dict[str, Any]) -> None:
        """Set switches by name.

        Raises:
            ValueError: an unknown name or a value of the wrong type; nothing is switched then.
        """
        for name, value in wanted.items():
            if name not in SWITCHES:
                raise ValueError(f"unknown fault {name!r}; known: {', '.join(SWITCHES)}")
            if name == "webhooks":
                if value not in WEBHOOKS:
                    raise ValueError(f"webhooks is one of {', '.join(WEBHOOKS)}")
            elif name == "answer_error":
                _check_error(value)
            elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ValueError(f"{name} is a whole number, 0 or more")
        with self._lock:
            for name, value in wanted.items():
                setattr(self, name, dict(value) if isinstance(value, dict) else value)

    def take_error(self, where: str, *, path: str = "", verb: str = "") -> dict[str, Any] | None:
        """The canned error for a request at this place, counted down; None: answer as usual."""
        with self._lock:
            error = self.answer_error
            if error is None or error.get("where", "rest") != where:
                return None
            if not path.startswith(error.get("path", "")) or error.get("verb", verb) != verb:
                return None
            left = int(error.get("count", 1)) - 1
            self.answer_error = {**error, "count": left} if left > 0 else None
            return error


WEBHOOKS = ("on", "off", "duplicate", "drop", "reorder")
_ERROR_KEYS = {
    "code": str,
    "text": str,
    "status": int,
    "count": int,
    "where": str,
    "html": bool,
    "body": str,
    "more": dict,
    "path": str,
    "verb": str,
}


def _check_error(value: Any) -> None:
    if value is None:
        return
    known = isinstance(value, dict) and all(
        key in _ERROR_KEYS and isinstance(one, _ERROR_KEYS[key]) for key, one in value.items()
    )
    if not known or "code" not in value or value.get("where", "rest") not in ("rest", "command", "oauth"):
        raise ValueError(f"answer_error has a code and any of {', '.join(_ERROR_KEYS)}; where: rest, command, oauth")


SWITCHES = tuple(spec.name for spec in fields(Faults) if spec.name not in ("stopping", "_lock"))


def under_faults(faults: Faults, answer: Callable[[], Response], *, writes: bool) -> Response:
    """Answer an API request the way the switches want it; `answer` does the work, `writes`: it changes something."""
    faults.wait(faults.answer_ms)
    if faults.take("fail_before"):
        return server_error()
    if writes and faults.take("hold_writes"):
        faults.wait(faults.hold_ms)
    response = answer()
    if not writes:
        return response
    if faults.take("late_answers"):
        faults.wait(faults.late_ms)
    if faults.take("fail_after_apply"):
        return server_error()
    if faults.take("drop_answer"):
        request.environ[DROP] = True
    return response


def server_error() -> Response:
    """A 500 with an HTML body, as both CRMs' front servers send it."""
    return Response("<html><head><title>500 Internal Server Error</title></head></html>", 500, mimetype="text/html")
