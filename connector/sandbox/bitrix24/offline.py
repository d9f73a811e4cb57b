"""Offline events: one record per object and event, read by reservation (facts/bitrix24.md 1.7)."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import Column, run

KEPT_SECONDS = 30 * 86_400
"""How long a reserved record lives."""


@dataclass(kw_only=True)
class QueuedEvent:
    """One record of the queue."""

    id: int
    event: str
    fields: dict[str, Any]
    connector: str
    message: str
    at: datetime
    holder: str = ""
    reserved_at: float = 0.0
    error: bool = False


@dataclass
class OfflineQueue:
    """The queue of one application. Thread-safe."""

    _records: dict[int, QueuedEvent] = field(default_factory=dict)
    _last: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, event: str, fields: dict[str, Any], connector: str, at: datetime) -> None:
        """Queue an event; a record that waits for the same object and event gets the new moment instead."""
        told = json.dumps([event, fields, connector], sort_keys=True, ensure_ascii=False)
        message = hashlib.sha256(told.encode()).hexdigest()[:32]
        with self._lock:
            for one in self._records.values():
                if one.message == message and not one.holder and not one.error:
                    one.at = at
                    return
            self._last += 1
            self._records[self._last] = QueuedEvent(
                id=self._last, event=event, fields=fields, connector=connector, message=message, at=at
            )

    def waiting(self, connector: str) -> list[QueuedEvent]:
        """Records of one source, the oldest first."""
        with self._lock:
            self._forget_old()
            return [one for one in self._records.values() if one.connector == connector]

    def take(self, found: Iterable[QueuedEvent]) -> None:
        """Delete the records."""
        with self._lock:
            for one in found:
                self._records.pop(one.id, None)

    def reserve(self, found: Iterable[QueuedEvent], holder: str) -> None:
        """Hide the records from other readers."""
        with self._lock:
            for one in found:
                one.holder, one.reserved_at = holder, time.time()

    def reserved(self, holder: str) -> list[QueuedEvent]:
        """The records a holder holds."""
        with self._lock:
            return [one for one in self._records.values() if holder and one.holder == holder]

    def forget(self) -> None:
        """Empty the queue."""
        with self._lock:
            self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    def _forget_old(self) -> None:
        limit = time.time() - KEPT_SECONDS
        for one in [one for one in self._records.values() if one.holder and one.reserved_at < limit]:
            del self._records[one.id]


_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one.id),
    "TIMESTAMP_X": Column("moment", lambda one: one.at),
    "EVENT_NAME": Column("text", lambda one: one.event),
    "MESSAGE_ID": Column("text", lambda one: one.message),
    "PROCESS_ID": Column("text", lambda one: one.holder),
    "ERROR": Column("int", lambda one: int(one.error)),
}


def _queue(call: Call) -> OfflineQueue:
    call.by_application()
    if not call.admin:
        raise Refusal("ACCESS_DENIED", "Access denied!", 403)
    application = call.config.application
    if application is None:
        raise Refusal("ACCESS_DENIED", "Access denied!", 403)
    return application.queue


def _connector(call: Call) -> str:
    wanted = str(call.get("auth_connector") or "")
    if wanted and not call.reading("auth_connector"):
        raise Refusal("ACCESS_DENIED", "Access denied! Auth connectors are not available on your plan", 403)
    return wanted


def _selected(call: Call, rows: list[QueuedEvent], default: dict[str, str], columns: list[str]) -> Answer:
    order = call.mapping("order") or default
    params = {"filter": call.mapping("filter"), "order": order, "start": call.get("start", 0)}
    inner = Call(call.base, call.config, params, call.user)
    chosen = {name: _COLUMNS[name] for name in columns}
    return run(inner, chosen, lambda _: rows, lambda one, _: one, id_name="ID")


def _told(call: Call, one: QueuedEvent) -> dict[str, Any]:
    return {
        "ID": str(one.id),
        "TIMESTAMP_X": call.told(one.at),
        "EVENT_NAME": one.event,
        "EVENT_DATA": one.fields if one.fields and call.reading("offline_data_told") else False,
        "EVENT_ADDITIONAL": False,
        "MESSAGE_ID": one.message,
    }


@method("event.offline.get", writes=True)
def offline_get(call: Call) -> dict[str, Any]:
    """The first records: deleted at once, or with `clear=0` reserved under a `process_id`."""
    queue, connector = _queue(call), _connector(call)
    clear = str(call.get("clear", 1)) not in ("0", "false", "N", "False")
    if not clear and not call.reading("offline_extended"):
        raise Refusal("ACCESS_DENIED", "Access denied! Extended offline events are not available on your plan", 403)
    holder = str(call.get("process_id") or "")
    with_errors = str(call.get("error", 0)) in ("1", "true", "Y", "True")
    rows = [one for one in queue.waiting(connector) if one.holder == holder and (with_errors or not one.error)]
    names = ["ID", "TIMESTAMP_X", "EVENT_NAME", "MESSAGE_ID"]
    limit = int(call.get("limit") or 50)
    found = _all(call, rows, {"TIMESTAMP_X": "ASC"}, names)[:limit]
    told: str | None = holder or None
    if clear:
        queue.take(found)
    elif found:
        told = holder or secrets.token_hex(16)
        queue.reserve(found, told)
    return {"process_id": told, "events": [_told(call, one) for one in found]}


def _all(call: Call, rows: list[QueuedEvent], default: dict[str, str], names: list[str]) -> list[QueuedEvent]:
    found: list[QueuedEvent] = []
    start = 0
    while True:
        params = {**call.params, "start": start}
        inner = Call(call.base, call.config, params, call.user)
        answer = _selected(inner, rows, default, names)
        found += answer.result
        if answer.next is None:
            return found
        start = answer.next


@method("event.offline.list")
def offline_list(call: Call) -> Answer:
    """The queue as it stands, reserved records included."""
    rows = _queue(call).waiting(_connector(call))
    answer = _selected(call, rows, {"ID": "ASC"}, list(_COLUMNS))
    told = [{**_told(call, one), "PROCESS_ID": one.holder, "ERROR": str(int(one.error))} for one in answer.result]
    return Answer(told, answer.total, answer.next)


def _held(call: Call) -> list[QueuedEvent]:
    holder = str(call.get("process_id") or "")
    if not holder:
        raise Refusal("ERROR_ARGUMENT", "Argument 'PROCESS_ID' is null or empty")
    found = _queue(call).reserved(holder)
    ids = {str(one) for one in call.sequence("id")}
    messages = {str(one) for one in call.sequence("message_id")}
    if ids:
        return [one for one in found if str(one.id) in ids]
    return [one for one in found if one.message in messages] if messages else found


@method("event.offline.clear", writes=True)
def offline_clear(call: Call) -> bool:
    """What a holder has dealt with goes: by `id`, by `message_id`, or all it holds."""
    queue = _queue(call)
    queue.take(_held(call))
    return True


@method("event.offline.error", writes=True)
def offline_error(call: Call) -> bool:
    """Records of a holder that could not be dealt with are kept, marked; `get` tells them only with `error=1`."""
    _queue(call)
    for one in _held(call):
        one.error, one.holder = True, ""
    return True
