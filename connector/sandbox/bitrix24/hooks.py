"""The queue server: one form-encoded POST per event and receiver, at most once (facts/bitrix24.md 1.4)."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.application import Application, Subscription, application_of
from connector.sandbox.bitrix24.events import Event, body_for_application, body_for_webhook, events_of
from connector.sandbox.config import PortalConfig
from connector.sandbox.hooks import Stopper
from connector.sandbox.records import Change

TIMEOUT_SECONDS = 10
LONGEST_PAUSE = 60.0
"""Seconds a slow handler waits at most for its next event."""
PAIR_SECONDS = 0.3
"""How long an event waits for a second one to be sent before it, when they are sent in twos."""
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}


@dataclass(frozen=True)
class Delivery:
    """One POST to be made; the body is written when it is sent, as `ts` tells that moment."""

    code: str
    target: Callable[[], str | None]
    body: Callable[[], str]


class Sender:
    """One thread that posts what is due and never repeats."""

    def __init__(self, base: Base, config: PortalConfig) -> None:
        self._base = base
        self._config = config
        self._application = application_of(config)
        self._due: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._over = False
        self._told: deque[tuple[int, str, int]] = deque(maxlen=200)
        """Save, event and object of late: what one save does to one object is told once."""
        self._signalled: dict[int, float] = {}
        self._pauses: defaultdict[str, float] = defaultdict(float)
        self._not_before: dict[str, float] = {}
        self._application.announce = self.announce
        self._application.deliver = self.deliver
        self._thread = threading.Thread(target=self._work, name=f"hooks of {config.name}", daemon=True)
        base.listen(self._hear)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what still waits is lost, as Bitrix24 loses it."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _hear(self, change: Change) -> None:
        for event in events_of(self._base, self._config, change):
            told = (change.save, event.code, change.of)
            added = (change.save, event.code.removesuffix("UPDATE") + "ADD", change.of)
            if told not in self._told and added not in self._told:
                self._told.append(told)
                self._tell(event)

    def announce(self, code: str, fields: dict[str, Any], by: int, *, to_webhook: bool = False) -> None:
        """Tell of an event that is no change of a record."""
        self._tell(Event(code, fields, by, to_webhook=to_webhook))

    def deliver(self, code: str, target: str, body: Callable[[], str]) -> None:
        """Post one body to an address, subscribed or not."""
        self._put(Delivery(code, lambda: target, body))

    def _tell(self, event: Event) -> None:
        if event.to_webhook and self._config.hook_target is None:
            self._base.note_hook(event.code, "dropped")
        elif event.to_webhook:
            self._put(
                Delivery(
                    event.code,
                    lambda: self._config.hook_target,
                    lambda: body_for_webhook(self._base, self._config, event),
                )
            )
        application = self._application
        if not application.listening or event.client_id not in (None, application.client_id):
            return
        queued = False
        for one in list(application.subscriptions):
            if one.event != event.code:
                continue
            if not one.offline:
                self._tell_handler(one, event)
            elif not (one.connector and one.connector == application.connector):
                application.queue.add(event.code, event.fields, one.connector, self._base.clock.now())
                queued = True
        if queued:
            self._signal(application)

    def _tell_handler(self, one: Subscription, event: Event) -> None:
        self.deliver(event.code, one.handler, lambda: body_for_application(self._application, event, one))

    def _signal(self, application: Application) -> None:
        """ONOFFLINEEVENT, not more often than each handler wants; what comes in between is not signalled."""
        moment = time.monotonic()
        for one in application.subscriptions:
            if one.event != "ONOFFLINEEVENT" or one.offline:
                continue
            if moment - self._signalled.get(one.id, -1e9) >= one.min_timeout:
                self._signalled[one.id] = moment
                self._tell_handler(one, Event("ONOFFLINEEVENT", {}, one.user, to_webhook=False))

    def _put(self, delivery: Delivery) -> None:
        with self._changed:
            due = time.monotonic() + self._config.faults.hook_delay_ms / 1000
            heapq.heappush(self._due, (due, next(self._numbers), delivery))
            self._changed.notify()

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                delivery = self._next(None)
                if delivery is None:
                    return
                if self._config.faults.webhooks == "reorder":
                    later = self._next(PAIR_SECONDS)
                    if later is not None:
                        self._send(session, later)
                self._send(session, delivery)

    def _next(self, seconds: float | None) -> Delivery | None:
        """What is due next; None at the end, or when nothing was within so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            while True:
                if self._over or self._config.faults.stopping.is_set():
                    return None
                moment = time.monotonic()
                wait = self._due[0][0] - moment if self._due else None
                if wait is not None and wait <= 0:
                    _, number, delivery = heapq.heappop(self._due)
                    resting = self._not_before.get(delivery.target() or "", 0.0)
                    if resting <= moment:
                        return delivery
                    heapq.heappush(self._due, (resting, number, delivery))
                    continue
                if until is not None:
                    if moment >= until:
                        return None
                    wait = until - moment if wait is None else min(wait, until - moment)
                self._changed.wait(wait)

    def _send(self, session: requests.Session, delivery: Delivery) -> None:
        target, mode = delivery.target(), self._config.faults.webhooks
        if target is None or mode in ("off", "drop"):
            self._base.note_hook(delivery.code, "dropped")
            return
        for _ in range(2 if mode == "duplicate" else 1):
            began = time.monotonic()
            try:
                answer = session.post(
                    target, data=delivery.body(), headers=HEADERS, timeout=TIMEOUT_SECONDS, allow_redirects=False
                )
                self._base.note_hook(delivery.code, f"answered {answer.status_code}")
            except requests.RequestException:
                self._base.note_hook(delivery.code, "unanswered")
            self._judge(target, time.monotonic() - began)

    def _judge(self, target: str, seconds: float) -> None:
        """A slow handler is called later and later; a quick one sooner again. It is never called twice."""
        limit = self._config.faults.slow_hook_ms / 1000
        if not limit:
            return
        pause = self._pauses[target]
        pause = min(LONGEST_PAUSE, max(seconds, pause * 2)) if seconds > limit else pause / 2
        self._pauses[target] = pause
        self._not_before[target] = time.monotonic() + pause


def start_hooks(base: Base, config: PortalConfig) -> Stopper:
    """Start posting the portal's events to `config.hook_target` and to the application's handlers."""
    return Sender(base, config)
