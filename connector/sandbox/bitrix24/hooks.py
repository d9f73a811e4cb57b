"""Bitrix24's outgoing webhook: one form-encoded POST per changed object, at most once (facts/bitrix24.md 1)."""

from __future__ import annotations

import queue
import threading
from typing import Any

import requests

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import READINGS
from connector.sandbox.bitrix24.form import encode
from connector.sandbox.config import PortalConfig
from connector.sandbox.hooks import Stopper
from connector.sandbox.records import Change

HANDLER_ID = 31
TIMEOUT_SECONDS = 10
_VERBS = {"added": "ADD", "restored": "ADD", "deleted": "DELETE"}
"""What happened → the event's last word; everything else is an UPDATE."""
_CARDS = ("deal", "contact", "company")


def events_of(base: Base, config: PortalConfig, change: Change) -> list[tuple[str, dict[str, Any]]]:
    """The events (code and `data`) a change makes for an outgoing webhook."""
    readings = READINGS | config.readings
    verb = _VERBS.get(change.what, "UPDATE")
    if change.kind in _CARDS:
        funnel_moved = change.what == "moved" and change.before["pipeline"] != change.after["pipeline"]
        if funnel_moved and not readings["funnel_move_updates_deal"]:
            return []
        return [(f"ONCRM{change.kind.upper()}{verb}", {"FIELDS": {"ID": change.of}})]
    if change.kind == "activity":
        return [(f"ONCRMACTIVITY{verb}", {"FIELDS": {"ID": change.of}})]
    if change.kind == "task":
        events: list[tuple[str, dict[str, Any]]] = [(f"ONTASK{verb}", _task_fields(verb, change.of))]
        task = base.tasks[change.of]
        if task.cards and readings["task_as_activity"]:
            events.append((f"ONCRMACTIVITY{verb}", {"FIELDS": {"ID": task.activity}}))
        return events
    return []


def _task_fields(verb: str, task: int) -> dict[str, Any]:
    before: Any = "undefined" if verb == "ADD" else {"ID": task}
    after: Any = "undefined" if verb == "DELETE" else {"ID": task}
    return {
        "FIELDS_BEFORE": before,
        "FIELDS_AFTER": after,
        "IS_ACCESSIBLE_BEFORE": "N" if verb == "ADD" else "Y",
        "IS_ACCESSIBLE_AFTER": "N" if verb == "DELETE" else "undefined",
    }


def body_of(base: Base, config: PortalConfig, event: str, fields: dict[str, Any]) -> str:
    """The form body of one event."""
    secrets = config.credentials
    return encode(
        {
            "event": event,
            "event_handler_id": HANDLER_ID,
            "data": fields,
            "ts": int(base.clock.now().timestamp()),
            "auth": {
                "domain": config.host,
                "client_endpoint": f"{config.base_url}/rest/",
                "server_endpoint": f"{config.base_url}/oauth/rest/",
                "member_id": secrets.member_id,
                "application_token": secrets.application_token,
            },
        }
    )


class Sender:
    """The queue server: one thread that posts in order and never repeats."""

    def __init__(self, base: Base, config: PortalConfig) -> None:
        self._base = base
        self._config = config
        self._waiting: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._last: tuple[int, str, int] | None = None
        self._thread = threading.Thread(target=self._work, name=f"hooks of {config.name}", daemon=True)
        base.listen(self._hear)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what still waits is lost, as Bitrix24 loses it."""
        self._waiting.put(None)
        self._thread.join()

    def _hear(self, change: Change) -> None:
        events = events_of(self._base, self._config, change)
        if not events:
            return
        key = (change.save, change.kind, change.of)
        if key == self._last:
            return
        self._last = key
        for event in events:
            self._waiting.put(event)

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                event = self._waiting.get()
                if event is None or self._config.faults.stopping.is_set():
                    return
                self._send(session, *event)

    def _send(self, session: requests.Session, event: str, fields: dict[str, Any]) -> None:
        target, mode = self._config.hook_target, self._config.faults.webhooks
        if target is None or mode in ("off", "drop"):
            self._base.note_hook(event, "dropped")
            return
        for _ in range(2 if mode == "duplicate" else 1):
            body = body_of(self._base, self._config, event, fields)
            headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
            try:
                answer = session.post(
                    target, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
                )
                self._base.note_hook(event, f"answered {answer.status_code}")
            except requests.RequestException:
                self._base.note_hook(event, "unanswered")


def start_hooks(base: Base, config: PortalConfig) -> Stopper:
    """Start posting the portal's changes to `config.hook_target`."""
    return Sender(base, config)
