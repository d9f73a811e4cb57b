"""Posts webhooks as amoCRM does: a form, 2 seconds to answer, a ladder of retries, and an end to patience."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.form import encode
from connector.sandbox.amocrm.hook_bodies import rings_of
from connector.sandbox.amocrm.posting import FORM, Poster
from connector.sandbox.amocrm.rings import Ring
from connector.sandbox.amocrm.triggers import orders_of
from connector.sandbox.hooks import is_loopback
from connector.sandbox.records import Change

LADDER = (300.0, 900.0, 900.0, 3600.0)
"""Seconds before the 2nd, 3rd, 4th and 5th attempt, before the retry factor; the last two only after 499 and 5xx."""
MOST_GROUPED = 50
REMEMBERED_SAVES = 1000
TOGETHER_SECONDS = 0.05
"""What is due so soon after another may share its POST."""
PAIR_SECONDS = 0.5
"""How long the second of two is waited for, when they are to change places."""


@dataclass(order=True)
class _Delivery:
    due: float
    number: int
    destination: str = field(compare=False)
    parts: list[tuple[str, str, dict[str, Any]]] = field(compare=False)
    """Entity, action and body of each thing told."""
    attempt: int = field(compare=False, default=1)
    whole: tuple[str, bytes] | None = field(compare=False, default=None)
    """Content type and body of what is no account webhook: sent once, subscribed or not."""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Entities and actions, each once."""
        return list(dict.fromkeys((entity, action) for entity, action, _ in self.parts))

    @property
    def fresh(self) -> bool:
        """Whether others may join it."""
        return self.attempt == 1 and self.whole is None


class Sender:
    """Hears the base's changes and posts them from one thread; `stop` ends it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._waiting: list[_Delivery] = []
        self._numbers = 0
        self._told: OrderedDict[int, set[tuple[str, int, str]]] = OrderedDict()
        self._bell = threading.Condition()
        self._ended = False
        self._poster = Poster(account)
        self._thread = threading.Thread(target=self._run, name=f"hooks of {account.config.name}", daemon=True)
        account.base.listen(self._hear)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connections."""
        with self._bell:
            self._ended = True
            self._bell.notify_all()
        self._thread.join()
        self._poster.close()

    # hearing

    def _hear(self, change: Change) -> None:
        """Write down what to post; the body is of this moment, however late it is sent."""
        switch = self._account.config.faults.webhooks
        if switch == "off":
            return
        listeners = [one for one in self._account.subscriptions() if not one.disabled and is_loopback(one.destination)]
        with self._account.base.lock:
            rings = rings_of(self._account, change) if listeners else []
            told = [ring for ring in rings if self._is_news(change, ring)]
            orders = list(orders_of(self._account, change))
        copies = 2 if switch == "duplicate" else 1
        due = time.monotonic() + self._account.config.faults.hook_delay_ms / 1000
        with self._bell:
            if self._ended:
                return
            for ring in told:
                for one in listeners:
                    if not set(ring.settings) & set(one.settings):
                        continue
                    if switch == "drop":
                        self._account.base.note_hook(_name(ring.entity, ring.action), "dropped")
                        continue
                    for _ in range(copies):
                        self._push(due, one.destination, [(ring.entity, ring.action, ring.body)])
            for order in orders:
                if switch == "drop":
                    self._account.base.note_hook(_name(order.entity, order.action), "dropped")
                    continue
                for _ in range(copies):
                    parts = [(order.entity, order.action, dict[str, Any]())]
                    self._push(due, order.url, parts, whole=(order.content_type, order.body))
            self._bell.notify_all()

    def _is_news(self, change: Change, ring: Ring) -> bool:
        """One save tells an entity's action once, and a new card is not also told as changed."""
        with self._bell:
            told = self._told.setdefault(change.save, set())
            while len(self._told) > REMEMBERED_SAVES:
                self._told.popitem(last=False)
            key = (f"{change.kind} {ring.entity}", change.of, ring.action)
            fresh = key not in told and (ring.action != "update" or (key[0], change.of, "add") not in told)
            told.add(key)
            return fresh

    def _push(
        self,
        due: float,
        destination: str,
        parts: list[tuple[str, str, dict[str, Any]]],
        *,
        attempt: int = 1,
        whole: tuple[str, bytes] | None = None,
    ) -> None:
        self._numbers += 1
        heapq.heappush(self._waiting, _Delivery(due, self._numbers, destination, parts, attempt, whole))

    # posting

    def _run(self) -> None:
        while True:
            delivery = self._next(None)
            if delivery is None:
                return
            if self._account.config.faults.webhooks == "reorder":
                later = self._next(PAIR_SECONDS)
                if later is not None:
                    self._deliver(later)
            self._deliver(delivery)

    def _next(self, seconds: float | None) -> _Delivery | None:
        """What is due next; None at the end, or when nothing was within so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        with self._bell:
            while not self._ended:
                moment = time.monotonic()
                if self._waiting and self._waiting[0].due <= moment:
                    delivery = heapq.heappop(self._waiting)
                    self._gather(delivery)
                    return delivery
                if until is not None and moment >= until:
                    return None
                ends = [*([self._waiting[0].due] if self._waiting else []), *([until] if until is not None else [])]
                self._bell.wait(min(ends) - moment if ends else None)
            return None

    def _gather(self, delivery: _Delivery) -> None:
        """Take along what waits for its first attempt to the same address: of the same key, or of any."""
        mixed = self._account.says("hooks_mixed")
        if not delivery.fresh or not (mixed or self._account.says("hooks_grouped")):
            return
        now = time.monotonic() + TOGETHER_SECONDS
        while self._waiting and len(delivery.parts) < MOST_GROUPED:
            follower = self._waiting[0]
            alike = mixed or follower.keys == delivery.keys
            if follower.destination != delivery.destination or not follower.fresh or not alike or follower.due > now:
                return
            delivery.parts += heapq.heappop(self._waiting).parts

    def _deliver(self, delivery: _Delivery) -> None:
        if delivery.whole:
            _, outcome = self._poster.post(delivery.destination, *delivery.whole)
            self._note(delivery, outcome)
            return
        subscriptions = self._account.kept.subscriptions
        if not subscriptions.listens(delivery.destination):
            return
        code, outcome = self._poster.post(delivery.destination, FORM, encode(self._body(delivery)))
        self._note(delivery, outcome)
        accepted = 100 <= code < 300
        factor = self._account.number("hook_retry_factor")
        subscriptions.judge(delivery.destination, accepted=accepted, factor=factor)
        if accepted or delivery.attempt > len(LADDER) or (delivery.attempt > 2 and code != 499 and code < 500):
            return
        with self._bell:
            due = time.monotonic() + LADDER[delivery.attempt - 1] * factor
            self._push(due, delivery.destination, delivery.parts, attempt=delivery.attempt + 1)

    def _note(self, delivery: _Delivery, outcome: str) -> None:
        for key in delivery.keys:
            self._account.base.note_hook(_name(*key), outcome)

    def _body(self, delivery: _Delivery) -> dict[str, Any]:
        about: dict[str, Any] = {}
        for entity, action, body in delivery.parts:
            about.setdefault(entity, {}).setdefault(action, []).append(body)
        if "task" in about and self._account.says("doubled_index"):
            about["task"] = {action: [rows] for action, rows in about["task"].items()}
        host = f"{self._account.subdomain}.amocrm.ru"
        account = {
            "account": {
                "subdomain": self._account.subdomain,
                "id": self._account.id,
                "_links": {"self": f"https://{host}"},
            }
        }
        return {**account, **about} if self._account.says("account_first") else {**about, **account}


def _name(entity: str, action: str) -> str:
    """What the ledger calls a webhook."""
    return f"{entity}[{action}]"
