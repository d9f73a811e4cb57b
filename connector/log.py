"""Logs: one line a record, for people or as JSON, with every secret taken out of the finished line.

Redaction works on the finished text, tracebacks included, so no call can forget it: what looks like a secret of either
CRM goes, and what is known to be one (the settings' own) goes wherever it stands.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus

import structlog
from gunicorn.glogging import Logger as _GunicornBase  # type: ignore[import-untyped]  # gunicorn ships no types

HIDDEN: Final = "***"
SHORTEST_SECRET: Final = 6
"""Characters; replacing shorter texts wherever they stand would garble the log."""

_NAMES = (
    "auth|auth_id|refresh_id|app_sid|access_token|refresh_token|application_token|client_secret|hook_secret|token|"
    "password|authorization"
)
_END = r"(?:\]|%5D|%255D)?(?:\\?[\"'])?\s*(?:=|%3D|:)\s*(?:\\?[\"'])?"
_PATTERNS: Final = (
    (re.compile(r"(/rest/(?:api/)?\d+/)[^/\s\"'\\?]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(/hooks/[^/\s\"']+/)[^/\s\"'\\?]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@\"']*:)[^\s@/\"']+(?=@)", re.IGNORECASE), rf"\1{HIDDEN}"),
    # An OAuth code, state or signature stands in a query; elsewhere these words are names of other things.
    (re.compile(r"((?:[?&]|%3F|%26)(?:code|state|signature)(?:=|%3D))[^&\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\bBearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        re.compile(rf"((?:(?<![A-Za-z_])|(?<=%5B))(?:{_NAMES}){_END})(?!Bearer\b)[^\s&\"'\\,;}})\]]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without anything that looks like a secret, and without the given ones in any encoding of a URL."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            text = text.replace(form, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record, then takes the secrets out of the finished line."""

    def __init__(self, *, json_lines: bool, secrets: Iterable[str] = ()) -> None:
        ends: list[Any] = (
            [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
            if json_lines
            else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
        )
        super().__init__(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
            foreign_pre_chain=_SHARED,
        )
        self._secrets = tuple(sorted({text for text in secrets if len(text) >= SHORTEST_SECRET}, key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        """The finished line."""
        return redact(super().format(record), self._secrets)


def set_up_logging(
    level: str = "info", *, json_lines: bool = False, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send every record of the process, structlog's and the standard library's, through one redacting handler.

    `level`: debug, info, warning or error. `secrets`: the settings' own, hidden wherever they stand. To stderr unless
    `stream` is given. May be called again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(RedactingFormatter(json_lines=json_lines, secrets=secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class GunicornLogger(_GunicornBase):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's logger (setting `logger_class`) without handlers of its own: all lines pass the redacting one."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's settings, then hand both of its logs to the root."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
