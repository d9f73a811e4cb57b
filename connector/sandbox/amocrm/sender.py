"""Posts webhooks as amoCRM does: a form, 2 seconds to answer, a ladder of retries, and an end to patience."""

from __future__ import annotations

import heapq
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import requests

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.form import encode
from connector.sandbox.amocrm.hook_bodies import Ring, rings_of
from connector.sandbox.hooks import is_loopback
from connector.sandbox.records import Change

PATIENCE = 2.0
"""Seconds in which an answer must come."""
LADDER = (300.0, 900.0, 900.0, 3600.0)
"""Seconds before the 2nd, 3rd, 4th and 5th attempt, before the retry factor; the last two only after 499 and 5xx."""
MOST_GROUPED = 50
REMEMBERED_SAVES = 1000


@dataclass(order=True)
class _Delivery:
    due: float
    number: int
    destination: str = field(compare=False)
    key: tuple[str, str] = field(compare=False)
    """Entity and action."""
    bodies: list[dict[str, Any]] = field(compare=False)
    attempt: int = field(compare=False, default=1)


class Sender:
    """Hears the base's changes and posts them from one thread; `stop` ends it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._waiting: list[_Delivery] = []
        self._numbers = 0
        self._told: OrderedDict[int, set[tuple[str, int, str]]] = OrderedDict()
        self._bell = threading.Condition()
        self._ended = False
        self._session = requests.Session()
        self._session.trust_env = False
        self._thread = threading.Thread(target=self._run, name=f"hooks of {account.config.name}", daemon=True)
        account.base.listen(self._hear)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connections."""
        with self._bell:
            self._ended = True
            self._bell.notify_all()
        self._thread.join()
        self._session.close()

    # hearing

    def _hear(self, change: Change) -> None:
        """Write down what to post; the body is of this moment, however late it is sent."""
        switch = self._account.config.faults.webhooks
        listeners = [] if switch == "off" else self._account.subscriptions()
        if not any(not one.disabled and is_loopback(one.destination) for one in listeners):
            return
        with self._account.base.lock:
            rings = [ring for ring in rings_of(self._account, change) if self._is_news(change, ring)]
        with self._bell:
            if self._ended:
                return
            for ring in rings:
                for one in listeners:
                    if one.disabled or ring.setting not in one.settings or not is_loopback(one.destination):
                        continue
                    if switch == "drop":
                        self._account.base.note_hook(_name(ring.entity, ring.action), "dropped")
                        continue
                    for _ in range(2 if switch == "duplicate" else 1):
                        self._push(time.monotonic(), one.destination, (ring.entity, ring.action), [ring.body])
            self._bell.notify_all()

    def _is_news(self, change: Change, ring: Ring) -> bool:
        """One save tells an entity's action once, and a new card is not also told as changed."""
        with self._bell:
            told = self._told.setdefault(change.save, set())
            while len(self._told) > REMEMBERED_SAVES:
                self._told.popitem(last=False)
            key = (change.kind, change.of, ring.action)
            fresh = key not in told and (ring.action != "update" or (change.kind, change.of, "add") not in told)
            told.add(key)
            return fresh

    def _push(
        self, due: float, destination: str, key: tuple[str, str], bodies: list[dict[str, Any]], attempt: int = 1
    ) -> None:
        self._numbers += 1
        heapq.heappush(self._waiting, _Delivery(due, self._numbers, destination, key, bodies, attempt))

    # posting

    def _run(self) -> None:
        while True:
            with self._bell:
                while not self._ended and (not self._waiting or self._waiting[0].due > time.monotonic()):
                    pause = self._waiting[0].due - time.monotonic() if self._waiting else None
                    self._bell.wait(pause)
                if self._ended:
                    return
                delivery = heapq.heappop(self._waiting)
                if self._account.says("hooks_grouped"):
                    self._gather(delivery)
            self._deliver(delivery)

    def _gather(self, delivery: _Delivery) -> None:
        """Take along what waits for its first attempt with the same key to the same address."""
        now = time.monotonic()
        while self._waiting and len(delivery.bodies) < MOST_GROUPED and delivery.attempt == 1:
            follower = self._waiting[0]
            same = (follower.destination, follower.key, follower.attempt) == (delivery.destination, delivery.key, 1)
            if not same or follower.due > now:
                return
            delivery.bodies += heapq.heappop(self._waiting).bodies

    def _deliver(self, delivery: _Delivery) -> None:
        subscriptions = self._account.kept.subscriptions
        if not subscriptions.listens(delivery.destination):
            return
        code, outcome = self._post(delivery)
        self._account.base.note_hook(_name(*delivery.key), outcome)
        accepted = 100 <= code < 300
        factor = self._account.number("hook_retry_factor")
        subscriptions.judge(delivery.destination, accepted=accepted, factor=factor)
        if accepted or delivery.attempt > len(LADDER) or (delivery.attempt > 2 and code != 499 and code < 500):
            return
        with self._bell:
            due = time.monotonic() + LADDER[delivery.attempt - 1] * factor
            self._push(due, delivery.destination, delivery.key, delivery.bodies, delivery.attempt + 1)

    def _post(self, delivery: _Delivery) -> tuple[int, str]:
        """Post once; the status (0: no connection; a reading says what an answer not in time counts as), and a word."""
        late = int(self._account.number("hook_timeout_code"))
        began = time.monotonic()
        try:
            with self._session.post(
                delivery.destination,
                data=encode(self._body(delivery)),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "User-Agent": "amoCRM-Webhooks/3.0",
                    "Accept-Encoding": "gzip",
                    "Accept": "*/*",
                    "X-AmoCRM-RequestId": str(uuid.uuid4()),
                },
                timeout=PATIENCE,
                allow_redirects=False,
                stream=True,
            ) as response:
                if time.monotonic() - began > PATIENCE:
                    return late, "unanswered"
                return response.status_code, f"answered {response.status_code}"
        except requests.Timeout:
            return late, "unanswered"
        except requests.RequestException:
            return 0, "unanswered"

    def _body(self, delivery: _Delivery) -> dict[str, Any]:
        entity, action = delivery.key
        about = {entity: {action: delivery.bodies}}
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
