"""The records of the invented CRM, in neutral words: each face gives them its CRM's names and shapes.

All moments are aware UTC datetimes on the sandbox's clock. Ids are ints, unique per kind and portal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

CardKind = Literal["company", "contact", "deal"]
OfAmo = Literal["customer", "purchase", "unsorted", "element"]
RecordKind = CardKind | Literal["activity", "task", "comment", "field", "requisite"] | OfAmo
FieldType = Literal["text", "number", "date", "choice", "flag"]
What = Literal[
    "added",
    "updated",
    "moved",
    "deleted",
    "restored",
    "owner",
    "linked",
    "unlinked",
    "completed",
    "reopened",
    "pressed",
    "merged",
]


@dataclass(kw_only=True)
class User:
    """A person who works in the CRM."""

    id: int
    name: str
    """First name and last name."""
    role: Literal["manager", "head", "admin"]
    department: int
    email: str
    active: bool = True
    zone: str = ""
    """IANA name; empty: the portal's zone."""


@dataclass(kw_only=True)
class Department:
    """A department of the portal."""

    id: int
    name: str
    parent: int | None
    head: int | None


@dataclass(kw_only=True)
class Stage:
    """A column of a pipeline; `code` is neutral (NEW, OFFER, WON, LOSE), the faces derive their own keys."""

    id: int
    code: str
    title: str
    semantic: Literal["open", "won", "lost"]
    sort: int
    unsorted: bool = False


@dataclass(kw_only=True)
class Pipeline:
    """A pipeline with its stages in order."""

    id: int
    title: str
    sort: int
    is_main: bool
    stages: list[Stage]

    def stage(self, code: str) -> Stage:
        """The stage with this neutral code."""
        return next(stage for stage in self.stages if stage.code == code)


@dataclass(kw_only=True)
class FieldSpec:
    """A custom field of a card; its values lie in `Card.fields` under `code`."""

    id: int
    card: CardKind
    code: str
    title: str
    type: FieldType
    choices: dict[int, str] = field(default_factory=dict)
    """Only of a choice: its value is one of these ids."""
    api_only: bool = False
    ours: bool = False
    """Made over the API, not part of the invented base."""
    multiple: bool = False
    """Its value is a list."""
    more: dict[str, Any] = field(default_factory=dict)
    """What only one CRM keeps of a field, by that CRM's own names."""


@dataclass(kw_only=True)
class Card:
    """What company, contact and deal have in common."""

    id: int
    owner: int
    """The responsible user; 0: nobody."""
    created: datetime
    updated: datetime
    created_by: int
    updated_by: int
    fields: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False


@dataclass(kw_only=True)
class Company(Card):
    """A firm."""

    title: str
    ours: bool = False
    """One of the portal's own firms, not a client."""


@dataclass(kw_only=True)
class Contact(Card):
    """A person, of any number of companies."""

    first_name: str
    last_name: str
    company_ids: list[int] = field(default_factory=list)
    birthday: date | None = None
    phone: str = ""
    email: str = ""

    @property
    def title(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(kw_only=True)
class Deal(Card):
    """A deal (amoCRM: lead)."""

    title: str
    pipeline: int
    stage: int
    """`Stage.id`."""
    company: int | None = None
    contacts: list[int] = field(default_factory=list)
    """The main one first."""
    amount: int = 0
    currency: str = "RUB"
    loss_reason: int | None = None
    closed: datetime | None = None
    moved: datetime
    moved_by: int = 0
    template: bool = False
    """A pattern that deals are made from, not a deal."""


@dataclass(kw_only=True)
class StageRow:
    """One row of the stage history."""

    id: int
    deal: int
    at: datetime
    pipeline: int
    stage: int
    previous: tuple[int, int] | None
    """Pipeline and stage before."""
    kind: Literal["created", "moved", "final", "pipeline"]
    by: int


@dataclass(kw_only=True)
class Activity:
    """A communication: a call, a mail, a meeting, a chat message; bound to any of the three cards."""

    id: int
    kind: Literal["call", "email", "meeting", "chat"]
    direction: Literal["in", "out"]
    at: datetime
    ends: datetime
    seconds: int
    answered: bool
    completed: bool
    by: int
    subject: str
    company: int | None = None
    contact: int | None = None
    deal: int | None = None
    created: datetime
    updated: datetime
    robot: bool = False
    deleted: bool = False


@dataclass(kw_only=True)
class Task:
    """A task of the CRM."""

    id: int
    title: str
    text: str
    assignee: int
    creator: int
    created: datetime
    updated: datetime
    due: datetime | None = None
    open: bool = True
    progress: Literal["waiting", "started", "review", "deferred"] = "waiting"
    """How an open one stands."""
    closed: datetime | None = None
    closed_by: int = 0
    result: str = ""
    cards: list[tuple[CardKind, int]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    xml_id: str | None = None
    type: int = 1
    watchers: list[int] = field(default_factory=list)
    checklist: list[str] = field(default_factory=list)
    """Its lines; a deleted one is empty."""
    ticked: list[int] = field(default_factory=list)
    """Places of the lines that are done."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of a task that only one CRM has, by that CRM's own name."""
    activity: int
    """The activity id under which Bitrix24 shows a bound task in the timeline."""
    deleted: bool = False


@dataclass(kw_only=True)
class Comment:
    """A note in a card's timeline."""

    id: int
    card: tuple[CardKind, int]
    text: str
    at: datetime
    by: int


@dataclass(kw_only=True)
class Notification:
    """A message of the system to one user."""

    id: int
    to: int
    text: str
    at: datetime
    tag: str = ""


@dataclass(kw_only=True)
class Change:
    """One line of the portal's own log of changes: the source of webhooks and of amoCRM's events."""

    id: int
    at: datetime
    what: What
    kind: RecordKind
    of: int
    by: int
    """The acting user; 0: a robot or the API without a user."""
    before: dict[str, Any]
    after: dict[str, Any]
    api: bool = False
    """Made over the CRM's own API, by us or another integration."""
    save: int = 0
    """Changes of one save share this number."""


@dataclass(kw_only=True)
class FieldWrite:
    """One value written into a custom field."""

    at: datetime
    card: CardKind
    id: int
    code: str
    value: Any
    by_api: bool
    changed: bool
    """False: the same value was there already."""


@dataclass(kw_only=True)
class RequestNote:
    """One request to the CRM's API; `path` without secrets."""

    at: datetime
    method: str
    path: str
    status: int
    real_seconds: float
    commands: int = 1
    """How many commands a batch carried."""
    call: str = ""
    """Bitrix24: the method's name."""
    error: str = ""
    """Bitrix24: the code the whole request was answered with; `QUERY_LIMIT_EXCEEDED` is a refusal by the limit."""
