"""What is known about one client of one portal at one moment: all that a rule may see.

Every moment is an aware `datetime`; every calendar day is a `date` in the portal's zone. What the CRM could not tell
is `UNKNOWN`, which is not the same as empty (`None`): an unknown fact is shown to people and never acted upon.
The table "rule -> facts" is docs/facts.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from rules.ledger import Answer, Asked


class Unknown(Enum):
    """The type of `UNKNOWN`: the CRM did not tell (no right to read, no such feature, history lost)."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

Phase = Literal["new", "qualify", "offer", "negotiate", "payment", "delivery", "won", "lost"]
PHASES: Final = ("new", "qualify", "offer", "negotiate", "payment", "delivery", "won", "lost")
OPEN_PHASES: Final = ("new", "qualify", "offer", "negotiate", "payment", "delivery")
STATES: Final = ("prospect", "active", "between", "at_risk", "sleeping", "gone")
LOSS_REASONS: Final = ("price", "not_now", "competitor", "no_answer", "not_our_client")
ROLES: Final = (
    "owner",
    "client_manager",
    "active_manager",
    "project_manager",
    "development",
    "head",
    "substitute",
)
SIGNAL_KINDS: Final = ("call", "meeting", "email", "chat", "order", "sms")

FieldValue = str | int | Decimal | bool | date | datetime | tuple[str, ...] | None
"""A mapped field of the CRM after normalization; `None` is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A user of the CRM as the regulation sees him. `id` is the CRM's user id."""

    id: str
    name: str
    roles: frozenset[str] = frozenset()
    active: bool = True
    """False when dismissed: nothing may be assigned to him."""
    head: str | None = None
    """The head of his department (a manager id); `None` falls back to the portal's head."""
    substitute: str | None = None
    zone: ZoneInfo | None = None
    """His own time zone; `None` means the portal's."""
    absences: tuple[tuple[date, date], ...] = ()
    """First and last day of each absence, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """One record of the CRM's stage history: from `at` on, the deal stood in this stage."""

    at: datetime
    pipeline: str
    stage: str
    phase: Phase | None
    """`None` when the portal's map does not name the stage: the admin sees a problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A Bitrix24 deal or an amoCRM lead."""

    id: str
    """Bare (`7`), like the ids of contacts and those a signal is bound to; only `Client.id` is a ref."""
    title: str
    created_at: datetime
    pipeline: str
    phase: Phase | None
    stage_title: str
    """The stage's name as the manager sees it."""
    owner: str | None
    """The responsible manager's id."""
    history: tuple[StageChange, ...] | Unknown = UNKNOWN
    """Stage history, oldest first; the last record is the present stage."""
    amount: Decimal | None = None
    currency: str | None = None
    loss_reason: str | Unknown | None = None
    """One of LOSS_REASONS, `None` when empty or not mapped."""
    paid_at: datetime | Unknown | None = UNKNOWN
    fields: Mapping[str, FieldValue | Unknown] = field(default_factory=dict)
    """Mapped fields by the regulation's name: `delivery_date`, `invoice_due`, `return_date`, ..."""
    imported: bool = False
    """Marked so on import."""
    sale: bool = True
    """False for service pipelines: no repeat deal and no first contact, yet it counts as open."""
    deleted: bool = False
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person of the client."""

    id: str
    name: str
    created_at: datetime
    main: bool | Unknown = False
    """The decision-maker: the one marked main."""
    birthday: tuple[int, int] | Unknown | None = None
    """Month and day; the year is not needed."""
    left_at: datetime | Unknown | None = None
    """Since when the person is no longer with the client."""
    fields: Mapping[str, FieldValue | Unknown] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A recorded communication. Whether it counts as a touch or only as an attempt, `rules.proof` decides."""

    id: str
    kind: str
    """One of SIGNAL_KINDS."""
    at: datetime
    direction: Literal["in", "out"] | None = None
    answered: bool | Unknown = UNKNOWN
    """Calls: the other side picked up. Chats: the row is a whole talk in which both sides wrote."""
    seconds: int | Unknown = UNKNOWN
    """Calls: length of the talk."""
    completed: bool = True
    """Meetings: it took place."""
    robot: bool = False
    """Written by a bot, a mailing or a robot: never a touch, never an attempt."""
    by: str | None = None
    contact: str | None = None
    deal: str | None = None
    """The deal it is bound to; `None` counts for the client and for its deals alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of ours as the CRM shows it now."""

    id: str
    open: bool
    due_at: datetime | None = None
    assignee: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    deleted: bool = False
    edited: bool = False
    """A person changed its text or deadline after us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierField:
    """What is known about one field of the dossier; the value itself is not kept unless a rule counts from it."""

    filled: bool | Unknown
    """UNKNOWN: unreadable, which is not empty."""
    hash: str | None = None
    """Digest of the value, to notice a change."""
    since: datetime | None = None
    """When this value was first seen (or changed, where the CRM has a field history)."""
    value: FieldValue = None
    """Kept only for dates and numbers that rules use (`contract_end`, `next_need`, `purchase_cycle`, `nps`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A registered NPS answer."""

    id: str
    at: datetime
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A registered complaint."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A company, or a contact where there is no company, or a deal that has neither."""

    id: str
    """`company:45`, `contact:9` or `deal:7`."""
    name: str
    created_at: datetime
    owner: str | None
    """The responsible of the client card."""
    client_manager: str | None = None
    """The field of the client manager (KM); `None` falls back to `owner`."""
    active_manager: str | None = None
    segment: str | Unknown | None = None
    revenue_rank: Decimal | Unknown | None = UNKNOWN
    """Share of revenue made by this client and all larger ones (0..1), for computed ABC segments."""
    quiet_until: date | Unknown | None = None
    """Do not disturb until this day (included)."""
    zone: ZoneInfo | None = None
    fields: Mapping[str, FieldValue | Unknown] = field(default_factory=dict)
    dossier: Mapping[str, DossierField] = field(default_factory=dict)
    """By dossier field id; a field of the template that is missing here is empty."""
    cycle_days: int | None = None
    """A purchase cycle given outright (test files); otherwise learnt from won deals."""
    complaints: tuple[Complaint, ...] | Unknown = ()
    nps: tuple[Score, ...] | Unknown = ()
    owner_changed: tuple[str, datetime] | Unknown | None = UNKNOWN
    """Id of the change and its moment."""
    next_group: str | Unknown | None = UNKNOWN
    """The product group to offer next."""
    deleted: bool = False
    """The card was deleted in the CRM: nothing is owed any more, what is open is withdrawn as `gone`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """What all clients of a portal share."""

    id: str
    zone: ZoneInfo
    managers: Mapping[str, Manager] = field(default_factory=dict)
    role_holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Holders of a role by config, in order (`head`, `active_manager`, `project_manager`, ...)."""
    default_manager: str | None = None
    """Gets what nobody else can get."""
    in_force_since: Mapping[str, datetime] = field(default_factory=dict)
    """Per rule id: since when this rule is in force on this portal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything about one client at one moment, the ledger of asked touches included."""

    portal: Portal
    client: Client
    contacts: tuple[Contact, ...] = ()
    deals: tuple[Deal, ...] = ()
    signals: tuple[Signal, ...] = ()
    """Of the company, its contacts and its deals, oldest first."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """Our tasks by CRM task id."""
    asked: tuple[Asked, ...] = ()
    """The ledger of this client: every occurrence ever asked that still matters."""
    answers: tuple[Answer, ...] = ()
    """Answers to proposals that are not settled yet."""
