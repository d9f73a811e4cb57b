"""One amoCRM account over an invented base: its settings, its ids, and what only amoCRM keeps."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from connector.sandbox.amocrm.subscriptions import Subscription, Subscriptions
from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig
from connector.sandbox.records import CardKind, Pipeline, Stage, Task

WON, LOST = 142, 143
"""Status ids that every pipeline shares (facts/amocrm.md 4.2)."""
PLURAL: dict[CardKind, str] = {"deal": "leads", "contact": "contacts", "company": "companies"}
SINGULAR: dict[CardKind, str] = {"deal": "lead", "contact": "contact", "company": "company"}
NUMBER: dict[CardKind, int] = {"contact": 1, "deal": 2, "company": 3}
"""`element_type` of webhooks."""
KIND_OF: dict[str, CardKind] = {plural: kind for kind, plural in PLURAL.items()}

READINGS: dict[str, bool | str] = {
    "api_filter": False,  # the paid filter of leads, contacts and companies
    "throttle_as_text": False,  # a 429 without JSON
    "retry_after": "1",  # seconds, in the body of a 429
    "block_after": "30",  # refused requests in 10 s that shut the account out with a 403 page; 0: never
    "block_seconds": "5",
    "creation_tells_links": False,  # a new card's links have events of their own
    "chats": True,  # chats are told as events
    "mails_as_notes": True,  # mails are notes of type amomail_message, which no page documents
    "move_sends_update": True,  # a stage move sends leads[update] beside leads[status]
    "account_first": False,  # account[...] stands before the entity in a webhook
    "hooks_grouped": False,  # waiting webhooks of one entity and action share a POST
    "hook_timeout_code": "499",  # what a webhook that was not answered in time counts as: 499 or 0
    "hook_retry_factor": "0.01",  # the retry ladder's minutes, shortened
}
"""What the documents leave open, and how it stands in a fresh sandbox."""


class Kept:
    """What only amoCRM remembers of a portal; the blueprint and the sender of webhooks share it."""

    def __init__(self) -> None:
        self.field_types: dict[int, str] = {}
        """amoCRM's own type of a field made over the API, by field id."""
        self.note_types: dict[int, tuple[str, str | None]] = {}
        """Type and service of a note made over the API, by comment id."""
        self.subscriptions = Subscriptions()


_KEPT: WeakKeyDictionary[Base, Kept] = WeakKeyDictionary()
_KEPT_LOCK = threading.Lock()


class Account:
    """The words and numbers of amoCRM for one portal."""

    def __init__(self, base: Base, config: PortalConfig) -> None:
        self.base = base
        self.config = config
        for name, usual in READINGS.items():
            config.readings.setdefault(name, usual)
        with _KEPT_LOCK:
            self.kept = _KEPT.setdefault(base, Kept())

    @property
    def id(self) -> int:
        """The account's id, as webhooks carry it."""
        return self.config.credentials.account_id or 0

    @property
    def subdomain(self) -> str:
        """The account's first label."""
        return self.config.credentials.subdomain or self.config.name

    @property
    def token_user(self) -> int:
        """Who granted the token: the first active admin."""
        admins = [user.id for user in self.base.users.values() if user.active and user.role == "admin"]
        return admins[0] if admins else next(iter(self.base.users), 0)

    def subscriptions(self) -> list[Subscription]:
        """Everyone who is told by webhook, as it stands now."""
        return self.kept.subscriptions.now(self.config.hook_target, self.base.clock.now(), self.token_user)

    def says(self, reading: str) -> bool:
        """A reading that is on or off."""
        return bool(self.config.readings.get(reading))

    def number(self, reading: str) -> float:
        """A reading that is a number; what is none counts as the usual one."""
        try:
            return float(self.config.readings[reading])
        except ValueError:
            return float(READINGS[reading])

    def href(self, path: str) -> str:
        """The API's address of `path`."""
        return f"{self.config.base_url}/api/v4/{path}"

    def link(self, path: str) -> dict[str, dict[str, str]]:
        """A `_links` member with `self`."""
        return {"self": {"href": self.href(path)}}

    def pile(self, kind: CardKind) -> dict[int, Any]:
        """All cards of a kind, the bin included."""
        piles: dict[CardKind, dict[int, Any]] = {
            "deal": self.base.deals,
            "contact": self.base.contacts,
            "company": self.base.companies,
        }
        return piles[kind]

    # stages

    def status_of(self, pipeline: int, stage: int) -> int:
        """AmoCRM's id of a stage: 142 and 143 for won and lost, else the stage's own."""
        found = self.stage(pipeline, stage)
        if found is None or found.semantic == "open":
            return stage
        return WON if found.semantic == "won" else LOST

    def stage_of(self, pipeline: Pipeline, status: int) -> Stage | None:
        """The stage of a pipeline by amoCRM's status id."""
        return next((stage for stage in pipeline.stages if self.status_of(pipeline.id, stage.id) == status), None)

    def stage(self, pipeline: int, stage: int) -> Stage | None:
        """A stage by the base's ids."""
        known = self.base.pipelines.get(pipeline)
        return next((one for one in known.stages if one.id == stage), None) if known else None

    # moments

    def day_start(self, day: date) -> int:
        """Unix seconds of midnight in the account's zone."""
        return unix(datetime.combine(day, time(), tzinfo=ZoneInfo(self.config.zone)))

    def day_at(self, moment: float) -> date:
        """The day of unix seconds in the account's zone."""
        return datetime.fromtimestamp(moment, tz=ZoneInfo(self.config.zone)).date()

    def closest_tasks(self) -> dict[tuple[CardKind, int], int]:
        """The nearest deadline of open tasks, by card."""
        nearest: dict[tuple[CardKind, int], int] = {}
        for task in self.base.tasks.values():
            if task.open and not task.deleted and task.due and task.cards:
                card, due = task.cards[0], unix(task.due)
                nearest[card] = min(due, nearest.get(card, due))
        return nearest


def unix(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())


def moment_of(seconds: float) -> datetime:
    """An aware UTC moment of unix seconds."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def task_words(task: Task) -> str:
    """A task's text as amoCRM shows it: it has no title of its own, so a title stands in the first line."""
    if not task.text or task.text.startswith(task.title):
        return task.text or task.title
    return f"{task.title}\n{task.text}"
