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
    webhooks: Literal["on", "off", "duplicate", "drop"] = "on"
    """off: none is made; drop: made and counted, never sent; duplicate: each is sent twice."""
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
                if value not in ("on", "off", "duplicate", "drop"):
                    raise ValueError("webhooks is one of on, off, duplicate, drop")
            elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ValueError(f"{name} is a whole number, 0 or more")
        with self._lock:
            for name, value in wanted.items():
                setattr(self, name, value)


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
