"""amoCRM's API v4 as calls: HAL pages, 204 for nothing, and every answer that is not a success as a CrmError.

What an answer means is the table in `refusals`; how long answers take is remembered by `speed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connector.crm.amocrm.door import Door
from connector.crm.amocrm.refusals import Judge
from connector.crm.amocrm.speed import Speed
from connector.crm.http import Reply, patiently
from connector.crm.port import Connection, Pacer, Tokens
from connector.errors import Throttled

Params = Sequence[tuple[str, str | int]]
PAGE = 250
"""Rows of one page; the events list allows 100."""


class Api:
    """Calls of one account. Reads are repeated patiently, writes are made once."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._door = Door(connection, pacer)
        self._judge = Judge(connection.portal, app=connection.app is not None)
        self._pacer = pacer
        self.speed = Speed()
        self.clock: datetime | None = None
        """The CRM's own clock as its last answer told it (UTC)."""

    @property
    def speaks_english(self) -> bool:
        """Kommo is amoCRM's international house; amocrm.ru speaks Russian."""
        return self._door.host.endswith((".kommo.com", ".amocrm.com"))

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
        return self.written(verb, path, body, name=name)[0]

    def written(self, verb: str, path: str, body: Any, *, name: str) -> tuple[Any, float]:
        """The same, and how many seconds the account took for it."""
        reply = self._door.call(verb, path, name=name, json=body)
        self._note_clock(reply)
        self._raise(reply, name, writing=True)
        return reply.json, reply.seconds

    def tokens(self) -> Tokens | None:
        """The pair we call with; None with a long-lived token. Raises Blocked where we have none (any more)."""
        return self._door.tokens()

    def close(self) -> None:
        """Give the connections back."""
        self._door.close()

    def _read(self, path: str, params: Params, name: str) -> dict[str, Any] | None:
        reply = self._door.call("GET", path, name=name, params=list(params))
        self._note_clock(reply)
        self._raise(reply, name, writing=False)
        body = reply.json if isinstance(reply.json, dict) else None
        self.speed.read(max((len(rows) for rows in _lists(body)), default=0), reply.seconds)
        return body

    def _note_clock(self, reply: Reply) -> None:
        try:
            self.clock = parsedate_to_datetime(reply.headers.get("date", "")).astimezone(UTC)
        except ValueError:
            self.clock = None

    def _raise(self, reply: Reply, name: str, *, writing: bool) -> None:
        """Raises CrmError where the answer is none of success."""
        error = self._judge.error(reply, name, writing=writing)
        if error is None:
            return
        if isinstance(error, Throttled):
            self._pacer.push_back(error.wait)
        raise error


def embedded(body: Mapping[str, Any] | None, key: str) -> list[Any]:
    """`_embedded[key]` as a list; what is not there, or not a list, is empty."""
    parts = body.get("_embedded") if body else None
    rows = parts.get(key) if isinstance(parts, dict) else None
    return rows if isinstance(rows, list) else []


def _lists(body: Mapping[str, Any] | None) -> Iterator[list[Any]]:
    """All lists of an answer."""
    parts = body.get("_embedded") if body else None
    yield from (rows for rows in (parts.values() if isinstance(parts, dict) else ()) if isinstance(rows, list))
