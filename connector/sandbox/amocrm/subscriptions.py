"""Who is told by webhook, of what, and who was switched off for bad answers (facts/amocrm.md 1.4, 1.6)."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

USUAL = (
    *(f"{verb}_lead" for verb in ("add", "update", "status", "responsible", "delete", "restore")),
    *(f"{verb}_{card}" for card in ("contact", "company") for verb in ("add", "update", "delete", "restore")),
    *(f"{verb}_task" for verb in ("add", "update", "delete", "responsible")),
    *(f"note_{card}" for card in ("lead", "contact", "company")),
    "add_message",
)
"""What an admin ticks for Kasanie; the subscription to the portal's `hook_target` has these.

Without notes and messages a call or a chat is only found by the next reconciliation.
"""
_ENTITIES = ("lead", "contact", "company", "customer", "task")
KNOWN = frozenset(
    [
        *(f"{verb}_{what}" for verb in ("add", "update", "delete", "responsible") for what in _ENTITIES),
        *(f"restore_{what}" for what in ("lead", "contact", "company")),
        *(f"note_{what}" for what in ("lead", "contact", "company", "customer")),
        *(f"{verb}_{what}" for verb in ("add", "update", "delete") for what in ("unsorted", "catalog")),
        *("status_lead", "add_talk", "update_talk", "add_chat_template_review", "add_message", "add_outgoing_message"),
    ]
)
MOST_HOOKS = 100
MOST_BAD_ANSWERS = 100
BAD_ANSWERS_WINDOW = 7200.0
"""Seconds, before the retry factor."""


@dataclass(kw_only=True)
class Subscription:
    """One webhook of the account."""

    id: int
    destination: str
    settings: list[str]
    created: datetime
    updated: datetime
    created_by: int
    sort: int
    disabled: bool = False
    by_hand: bool = False
    """Made from the portal's `hook_target`, not over the API."""
    bad_answers: deque[float] = field(default_factory=deque)


class Subscriptions:
    """All webhooks of one account, by destination."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_destination: dict[str, Subscription] = {}
        self._last_id = 1_056_000

    def now(self, hook_target: str | None, at: datetime, by: int) -> list[Subscription]:
        """Every subscription; the one made by hand follows the portal's `hook_target`."""
        with self._lock:
            for old in [one for one in self._by_destination.values() if one.by_hand]:
                if old.destination != hook_target:
                    del self._by_destination[old.destination]
            if hook_target and hook_target not in self._by_destination:
                self._add(hook_target, list(USUAL), at=at, by=by, sort=1, by_hand=True)
            return list(self._by_destination.values())

    def put(
        self, destination: str, settings: list[str], *, at: datetime, by: int, sort: int, enables: bool = True
    ) -> Subscription:
        """Subscribe over the API; a known destination gets the new settings and, with `enables`, works again."""
        with self._lock:
            found = self._by_destination.get(destination)
            if found is None:
                return self._add(destination, settings, at=at, by=by, sort=sort, by_hand=False)
            found.settings, found.sort, found.updated = settings, sort, at
            found.by_hand = False
            if enables:
                found.disabled = False
                found.bad_answers.clear()
            return found

    def drop(self, destination: str) -> None:
        """Unsubscribe."""
        with self._lock:
            self._by_destination.pop(destination, None)

    def judge(self, destination: str, *, accepted: bool, factor: float) -> None:
        """Count an answer; too many bad ones, the last of them bad, switch the webhook off."""
        with self._lock:
            found = self._by_destination.get(destination)
            if found is None or accepted:
                return
            moment = time.monotonic()
            found.bad_answers.append(moment)
            while found.bad_answers[0] < moment - BAD_ANSWERS_WINDOW * factor:
                found.bad_answers.popleft()
            if len(found.bad_answers) > MOST_BAD_ANSWERS:
                found.disabled = True

    def listens(self, destination: str) -> bool:
        """Whether this destination is still subscribed and not switched off."""
        with self._lock:
            found = self._by_destination.get(destination)
            return found is not None and not found.disabled

    def _add(
        self, destination: str, settings: list[str], *, at: datetime, by: int, sort: int, by_hand: bool
    ) -> Subscription:
        self._last_id += 1
        made = Subscription(
            id=self._last_id,
            destination=destination,
            settings=settings,
            created=at,
            updated=at,
            created_by=by,
            sort=sort,
            by_hand=by_hand,
        )
        self._by_destination[destination] = made
        return made
