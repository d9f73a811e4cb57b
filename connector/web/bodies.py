"""A request's body, as far as it comes in time: a sender who stalls must not keep a thread from the others."""

from __future__ import annotations

import time
from typing import Final

import structlog
from flask import request
from werkzeug.exceptions import ClientDisconnected

BODY_SECONDS: Final = 5.0
"""Real seconds in which a body must be here; the CRMs send theirs at once (amoCRM waits 2 s for the answer)."""
PIECE: Final = 1024
MAX_READ: Final = 2 * 1024 * 1024
"""Bytes of a body that are looked at, to prove one that is over the bound of 512 KiB; the rest is never read."""

log = structlog.get_logger()


def read_body() -> bytes:
    """The body of the present request. What a proxy in front buffers, this never waits for."""
    connection = request.environ.get("gunicorn.socket")
    until = time.monotonic() + BODY_SECONDS
    parts: list[bytes] = []
    length = 0
    try:
        while length < MAX_READ and (left := until - time.monotonic()) > 0:
            if connection is not None:
                connection.settimeout(min(left, 1.0))
            part = request.stream.read(min(PIECE, MAX_READ - length))
            if not part:
                break
            parts.append(part)
            length += len(part)
    except (TimeoutError, ClientDisconnected):
        log.warning("hook.slow", read=length)
    finally:
        if connection is not None:
            connection.settimeout(None)
    return b"".join(parts)


def is_cut(raw: bytes) -> bool:
    """Whether the connection broke off within the body: a cut id would be another deal's."""
    return len(raw) < min(request.content_length or 0, MAX_READ)
