"""The one HTTP session to CRMs: time limits, pacing, redaction, and "will a retry help?" for every failure.

`requests` and `tenacity` live here only. Redirects are never followed. Reads are retried here, writes never.
"""

from __future__ import annotations

import io
import json as jsonlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeVar

import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from connector.crm.port import Pacer
from connector.errors import Ambiguous, CrmError, NotSent, Unavailable

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0
"""Seconds until the CRM must have taken the connection."""
ANSWER_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of an answer; 50 commands of 50 rows stay below 10 MiB."""
TRIES: Final = 4
LONGEST_PAUSE: Final = 30.0
"""Seconds that `patiently` waits at most; whatever takes longer is the caller's affair."""

_log = logging.getLogger(__name__)
# urllib3 writes whole URLs, and a Bitrix24 webhook's URL is its password. Every failure is reported here instead.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that arrived whole. Its meaning is the adapter's business: both CRMs reuse statuses."""

    status: int
    headers: Mapping[str, str]
    """Keys in lower case."""
    json: Any
    """The parsed body; None when empty (amoCRM's 204)."""
    is_json: bool
    """False: HTML or garbage; `json` is None then."""
    seconds: float = 0.0
    """From the moment it left to the last byte of the answer."""


class _Body(io.BytesIO):
    """A request's body that remembers whether its first byte was asked for.

    Before that the CRM can hold at most a head that promises a body: nothing it could carry out.
    """

    started = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.started = True
        return super().read(size)


class Session:
    """Calls of one portal; may be used by several threads at once.

    `call` makes exactly one request, after `pacer.wait_turn()`. It raises NotSent when the request surely never
    reached the CRM and Ambiguous when it may have; what the answer means is for the caller to judge.
    """

    def __init__(
        self, portal: str, pacer: Pacer | None, *, read_timeout: float, headers: Mapping[str, str] | None = None
    ) -> None:
        """`pacer` None: another server than the portal's, whose limiter has no say."""
        self._portal = portal
        self._pacer = pacer
        self._read_timeout = read_timeout
        self._requests = requests.Session()
        self._requests.trust_env = False  # no proxy, no netrc: a portal is reached as it is written, or not at all
        self._requests.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._requests.headers.update({"User-Agent": "Kasanie/0.1", "Accept": "application/json", **(headers or {})})
        for scheme in ("https://", "http://"):
            self._requests.mount(scheme, HTTPAdapter(pool_maxsize=8, max_retries=0))

    def call(
        self,
        verb: str,
        url: str,
        *,
        name: str,
        json: Any = None,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
    ) -> Reply:
        """One request; `name` is what logs and errors call it (never the URL), `headers` come beside the session's.

        `read_timeout` (seconds) bounds each silence and, doubled, the whole answer.
        Raises NotSent, Ambiguous, or what `pacer.wait_turn` raises.
        """
        if self._pacer is not None:
            self._pacer.wait_turn()
        body = None if json is None else _Body(jsonlib.dumps(json, ensure_ascii=False).encode())
        started = time.monotonic()
        try:
            reply = self._exchange(verb, url, body, params, headers or {}, read_timeout or self._read_timeout)
        except (requests.RequestException, HTTPError, UnicodeError, _TooMuch) as error:
            # Only the class leaves this block: the texts of requests hold the URL.
            failure, why = (Ambiguous if _left(error, body) else NotSent), type(error).__name__
        else:
            seconds = round(time.monotonic() - started, 3)
            _log.debug("crm call", extra={"portal": self._portal, "call": name, "status": reply.status, "s": seconds})
            return replace(reply, seconds=seconds)
        _log.warning("crm call failed", extra={"portal": self._portal, "call": name, "why": why})
        raise failure(_WORDS.get(why, "the connection failed"), portal=self._portal, call=name, code=why)

    def close(self) -> None:
        """Give the connections back."""
        self._requests.close()

    def _exchange(
        self, verb: str, url: str, body: _Body | None, params: Any, headers: Mapping[str, str], read_timeout: float
    ) -> Reply:
        deadline = time.monotonic() + 2 * read_timeout
        with self._requests.request(
            verb,
            url,
            params=params,
            data=body,
            headers={**headers, **({"Content-Type": "application/json"} if body is not None else {})},
            timeout=(CONNECT_TIMEOUT, read_timeout),
            allow_redirects=False,
            stream=True,
        ) as answer:
            content = bytearray()
            for chunk in answer.iter_content(64 * 1024):
                content += chunk
                if len(content) > ANSWER_LIMIT or time.monotonic() > deadline:
                    raise _TooMuch
            parsed, is_json = _parse(bytes(content))
            headers = {key.lower(): value for key, value in answer.headers.items()}
            return Reply(answer.status_code, headers, parsed, is_json)


class _TooMuch(Exception):  # noqa: N818  # never leaves this module
    """The answer is larger or slower than any honest one."""


_WORDS: Final = {
    "ConnectTimeout": "no connection within 5 s",
    "SSLError": "no trusted TLS connection",
    "ReadTimeout": "no answer in time",
    "ChunkedEncodingError": "the answer was cut",
    "ContentDecodingError": "the answer cannot be decoded",
    "InvalidURL": "the address in the settings is not usable",
    "_TooMuch": "the answer was too large or too slow",
}


def _left(error: Exception, body: _Body | None) -> bool:
    """Whether the request may have reached the CRM."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return False
    if body is not None:
        return body.started
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return not isinstance(error, requests.exceptions.SSLError) and not isinstance(reason, NewConnectionError)


def _parse(content: bytes) -> tuple[Any, bool]:
    if not content.strip():
        return None, True
    try:
        return jsonlib.loads(content), True
    except (ValueError, RecursionError):
        return None, False


def patiently(read: Callable[[], T]) -> T:
    """Run a *read* again, with growing pauses, while its CrmError says that a retry can help.

    A read has no outcome to doubt, so Ambiguous counts as Unavailable here. Raises the last error.
    """

    def attempt() -> T:
        try:
            return read()
        except Ambiguous as error:
            unread = Unavailable(error.text, portal=error.portal, call=error.call, code=error.code)
        raise unread

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_repeating),
        wait=_pause,
        stop=tenacity.stop_after_attempt(TRIES),
        reraise=True,
    )(attempt)


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, CrmError) and error.retry and error.wait <= LONGEST_PAUSE


_random = tenacity.wait_random_exponential(multiplier=0.5, max=8)


def _pause(state: tenacity.RetryCallState) -> float:
    """What the CRM asked for, else a random pause that grows."""
    error = state.outcome.exception() if state.outcome else None
    return max(error.wait if isinstance(error, CrmError) else 0.0, _random(state))
