"""One amoCRM account over an invented base: its settings, its ids, and what only amoCRM keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from flask import has_request_context, request

from connector.sandbox.amocrm.integration import Integration
from connector.sandbox.amocrm.kept import Kept, Unsorted
from connector.sandbox.amocrm.problems import Problem
from connector.sandbox.amocrm.readings import READINGS
from connector.sandbox.amocrm.subscriptions import Subscription
from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig
from connector.sandbox.records import Card, CardKind, Deal, Pipeline, Stage, Task

WON, LOST = 142, 143
"""Status ids that every pipeline shares (facts/amocrm.md 4.2)."""
PLURAL: dict[CardKind, str] = {"deal": "leads", "contact": "contacts", "company": "companies"}
SINGULAR: dict[CardKind, str] = {"deal": "lead", "contact": "contact", "company": "company"}
NUMBER: dict[CardKind, int] = {"contact": 1, "deal": 2, "company": 3}
"""`element_type` of webhooks."""
KIND_OF: dict[str, CardKind] = {plural: kind for kind, plural in PLURAL.items()}

_KEPT: WeakKeyDictionary[Base, Kept] = WeakKeyDictionary()
_KEPT_LOCK = threading.Lock()
_ACTING: ContextVar[int | None] = ContextVar("acting", default=None)
"""The user whose rights this thread's request has."""


class Account:
    """The words and numbers of amoCRM for one portal."""

    def __init__(self, base: Base, config: PortalConfig) -> None:
        self.base = base
        self.config = config
        for name, usual in READINGS.items():
            config.readings.setdefault(name, usual)
        with _KEPT_LOCK:
            if base not in _KEPT:
                _KEPT[base] = Kept(Integration(config, self.admin))
            self.kept = _KEPT[base]

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
        """Whose rights this request has: of who granted its token or of `X-Context-User-ID`; else the admin's."""
        acting = _ACTING.get()
        return self.admin if acting is None else acting

    def is_admin(self, user: int) -> bool:
        """Whether a user may do everything."""
        known = self.base.users.get(user)
        return known is not None and known.role == "admin"

    def rights_of(self, user: int) -> dict[str, Any]:
        """A user's rights, as the users API tells them; letters: A all, G the own group's, M own, D none."""
        admin = self.is_admin(user)
        letters = {
            "view": "A",
            "edit": "A",
            "add": "A",
            "delete": "A" if admin else "D",
            "export": "A" if admin else "D",
        }
        usual: dict[str, Any] = {
            **{plural: dict(letters) for plural in PLURAL.values()},
            "tasks": {"edit": "A", "delete": "A"},
            "mail_access": admin,
            "catalog_access": admin,
            "files_access": False,
        }
        for name, told in self.kept.rights.get(user, {}).items():
            usual[name] = {**usual[name], **told} if isinstance(told, dict) else told
        return usual

    def letter(self, plural: str, action: str) -> str:
        """How far the acting user may do something to a kind of card; an administrator may all."""
        user = self.token_user
        return "A" if self.is_admin(user) else str(self.rights_of(user)[plural][action])

    def seen_owners(self, plural: str, action: str) -> set[int] | None:
        """Whose cards the acting user may do something to; None: anybody's."""
        known = {"A": None, "G": self.colleagues(), "M": {self.token_user}}
        return known.get(self.letter(plural, action), set())

    def need_right(self, kind: CardKind, action: str, card: Card) -> None:
        """Raises Problem: 403, the acting user may not do this to the card."""
        owners = self.seen_owners(PLURAL[kind], action)
        if owners is not None and card.owner not in owners:
            raise Problem(403, "Access is denied")

    def colleagues(self) -> set[int]:
        """The acting user's group, himself included."""
        users = self.base.users
        mine = users[self.token_user].department if self.token_user in users else None
        return {one.id for one in users.values() if one.department == mine}

    @contextmanager
    def acting(self, user: int) -> Iterator[None]:
        """What is done inside is done by this user."""
        before = _ACTING.set(user)
        try:
            yield
        finally:
            _ACTING.reset(before)

    @property
    def admin(self) -> int:
        """Who granted the first tokens: the first active admin."""
        admins = [user.id for user in self.base.users.values() if user.active and user.role == "admin"]
        return admins[0] if admins else next(iter(self.base.users), 0)

    @property
    def integration(self) -> Integration:
        """The integration on this account."""
        return self.kept.integration

    def subscriptions(self) -> list[Subscription]:
        """Everyone who is told by webhook, as it stands now."""
        return self.kept.subscriptions.now(self.config.hook_target, self.base.clock.now(), self.token_user)

    def unsubscribe(self, destination: str) -> None:
        """Take a webhook away, also the one made by hand."""
        self.kept.subscriptions.drop(destination)
        if self.config.hook_target == destination:
            self.config.hook_target = None

    def says(self, reading: str) -> bool:
        """A reading that is on or off."""
        return bool(self.config.readings.get(reading))

    def number(self, reading: str) -> float:
        """A reading that is a number; what is none counts as the usual one."""
        try:
            return float(self.config.readings[reading])
        except ValueError:
            return float(READINGS[reading])

    @property
    def root(self) -> str:
        """Where the account is, as its asker knows it: below the name that a proxy before the sandbox was asked by."""
        _, dot, domain = (_forwarded_host() or "").partition(".")
        if not dot:
            return self.config.address
        return f"{request.headers.get('X-Forwarded-Proto', 'https')}://{self.subdomain}.{domain}"

    @property
    def host(self) -> str:
        """The account's host, as a redirect's `referer` tells it; with a port where there is one."""
        return urlsplit(self.root).netloc

    @property
    def api_host(self) -> str:
        """The host that knows the account by any name (claim `api_domain`)."""
        return _forwarded_host() or urlsplit(self.config.base_url).netloc

    @property
    def moved_away(self) -> bool:
        """Whether this request came to a name that the account no longer has."""
        renamed = self.config.renamed
        return renamed is not None and urlsplit(f"//{request.host}").hostname != renamed

    def href(self, path: str) -> str:
        """The API's address of `path`."""
        return f"{self.root}/api/v4/{path}"

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

    # incoming leads

    def is_unsorted(self, lead: Deal) -> bool:
        """Whether a lead stands in an unsorted stage."""
        stage = self.stage(lead.pipeline, lead.stage)
        return stage is not None and stage.unsorted

    def waiting(self) -> list[Unsorted]:
        """Every incoming lead that nobody has settled; one that was moved by hand is settled."""
        found = []
        for one in self.kept.unsorted.values():
            lead = self.base.deals[one.lead]
            if one.state == "waiting" and not lead.deleted and self.is_unsorted(lead):
                found.append(one)
        return found

    def hidden(self, kind: CardKind) -> set[int]:
        """Contacts and companies that can't be read until their incoming lead is accepted."""
        if kind == "deal":
            return set()
        return {number for one in self.waiting() for number in (one.contacts if kind == "contact" else one.companies)}

    # moments

    def day_start(self, day: date) -> int:
        """Unix seconds of the midnight that stands for a day."""
        return unix(datetime.combine(day, time(), tzinfo=self._day_zone))

    def day_at(self, moment: float) -> date:
        """The day that unix seconds stand for."""
        return datetime.fromtimestamp(moment, tz=self._day_zone).date()

    @property
    def _day_zone(self) -> ZoneInfo:
        return ZoneInfo("UTC" if self.says("dates_in_utc") else self.config.zone)

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


def _forwarded_host() -> str | None:
    return request.headers.get("X-Forwarded-Host") if has_request_context() else None
