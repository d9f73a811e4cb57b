"""amoCRM's API v4 as calls: HAL pages, 204 for nothing, and every answer that is not a success as a CrmError.

The status says little by itself (a 403 is a missing right or a ban), so the body decides too (facts/amocrm.md 2.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from connector.crm.http import Reply, Session, patiently
from connector.crm.port import Connection, Pacer
from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused, Throttled, Unavailable

Params = Sequence[tuple[str, str | int]]
PAGE = 250
"""Rows of one page; the events list allows 100."""
BANNED_SECONDS = 4 * 3600.0
"""After the ban page nobody calls for hours: going on makes the block longer."""
USUAL_WAIT = 2.0
"""Seconds after a 429 that names none."""
IP_NOT_ALLOWED = "113"


class Api:
    """Calls of one account. Reads are repeated patiently, writes are made once."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        token = connection.token.get_secret_value() if connection.token else ""
        self._root = connection.url.get_secret_value().rstrip("/") + "/api/v4/"
        self._portal = connection.portal
        self._pacer = pacer
        self._session = Session(
            connection.portal,
            pacer,
            read_timeout=connection.read_timeout,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/hal+json"},
        )
        self.clock: datetime | None = None
        """The CRM's own clock as its last answer told it (UTC)."""

    @property
    def speaks_english(self) -> bool:
        """Kommo is amoCRM's international house; amocrm.ru speaks Russian."""
        host = urlsplit(self._root).hostname or ""
        return host.endswith((".kommo.com", ".amocrm.com"))

    def get(self, path: str, params: Params = (), *, name: str) -> dict[str, Any] | None:
        """One read; None when nothing was found. Raises CrmError."""
        return patiently(lambda: self._read(path, params, name))

    def rows(self, path: str, key: str, params: Params = (), *, name: str, limit: int = PAGE) -> Iterator[list[Any]]:
        """The pages of a list, as lists of rows, to the end. Raises CrmError.

        A full page is followed by the next one even where `_links.next` is missing: the events list was seen to
        forget it (facts/amocrm.md 5.6).
        """
        page = 1
        while True:
            body = self.get(path, [*params, ("page", page), ("limit", limit)], name=name)
            rows = embedded(body, key)
            if rows:
                yield rows
            has_next = bool(body and isinstance(body.get("_links"), dict) and body["_links"].get("next"))
            if not rows or not (has_next or len(rows) >= limit):
                return
            page += 1

    def write(self, verb: str, path: str, body: Any, *, name: str) -> Any:
        """One write, made once. Raises CrmError: Ambiguous where it may have been applied."""
        reply = self._session.call(verb, self._root + path, name=name, json=body)
        self._note_clock(reply)
        self._judge(reply, name, writing=True)
        return reply.json

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _read(self, path: str, params: Params, name: str) -> dict[str, Any] | None:
        reply = self._session.call("GET", self._root + path, name=name, params=list(params))
        self._note_clock(reply)
        self._judge(reply, name, writing=False)
        return reply.json if isinstance(reply.json, dict) else None

    def _note_clock(self, reply: Reply) -> None:
        try:
            self.clock = parsedate_to_datetime(reply.headers.get("date", "")).astimezone(UTC)
        except ValueError:
            self.clock = None

    def _judge(self, reply: Reply, name: str, *, writing: bool) -> None:
        error = judged(reply, writing=writing)
        if error is None:
            return
        if isinstance(error, Throttled):
            self._pacer.push_back(error.wait)
        raise type(error)(error.text, portal=self._portal, call=name, code=error.code, wait=error.wait)


def judged(reply: Reply, *, writing: bool) -> CrmError | None:
    """What an answer means; None: a success."""
    status, body = reply.status, reply.json if isinstance(reply.json, dict) else {}
    code = str(status)
    lost: type[CrmError] = Ambiguous if writing else Unavailable
    if 200 <= status < 300:
        if reply.json is not None or status in (202, 204):
            return None
        return lost("a success without a readable body", code=code)
    if status == 401:
        return Blocked("the token is expired or revoked", code=code)
    if status == 402:
        return Blocked("the subscription has ended or lacks the API", code=code)
    if status == 403:
        return _forbidden(reply, body)
    if status == 429:
        return Throttled("too many requests", code=code, wait=_retry_after(reply, body))
    if status >= 500:
        return lost("the CRM failed", code=code)
    if 300 <= status < 400:
        return Blocked("the account answers at another address", code=code)
    if status == 404:
        return Gone("there is no such path or object", code=code)
    return Refused(_validation(body) or "the request was refused", code=code)


def embedded(body: Mapping[str, Any] | None, key: str) -> list[Any]:
    """`_embedded[key]` as a list; what is not there, or not a list, is empty."""
    parts = body.get("_embedded") if body else None
    rows = parts.get(key) if isinstance(parts, dict) else None
    return rows if isinstance(rows, list) else []


def _forbidden(reply: Reply, body: Mapping[str, Any]) -> CrmError:
    if not reply.is_json:
        return Blocked("the CRM's ban page", code="403", wait=BANNED_SECONDS)
    if IP_NOT_ALLOWED in (str(body.get("code")), str(body.get("error_code"))):
        return Blocked("this machine's address is not on the account's white list", code=IP_NOT_ALLOWED)
    return Refused("the token's user has no right to this call", code="403")


def _retry_after(reply: Reply, body: Mapping[str, Any]) -> float:
    for told in (body.get("retry_after"), reply.headers.get("retry-after")):
        try:
            seconds = float(told) if told is not None else 0.0
        except (TypeError, ValueError):
            continue
        if seconds > 0:
            return min(seconds, 3600.0)
    return USUAL_WAIT


def _validation(body: Mapping[str, Any]) -> str:
    """Codes and paths of the refused members; never the values, which are people's."""
    entries = [entry for entry in body.get("validation-errors") or () if isinstance(entry, dict)]
    flaws = [flaw for entry in entries for flaw in entry.get("errors") or () if isinstance(flaw, dict)]
    return "; ".join(f"{flaw.get('code')} at {flaw.get('path')}" for flaw in flaws[:5])
