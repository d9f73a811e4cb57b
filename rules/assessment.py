"""What judging a client gives: verdicts with their reasons, orders, ledger changes, a score, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from rules.ledger import Asked, Key


class Status(StrEnum):
    """The five verdicts."""

    MET = "met"
    DUE = "due"
    OVERDUE = "overdue"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, as data: rendered by `rules.explain` in Russian and English."""

    path: str
    """Place in the rule: `if.phase`, `touch.every`, `task.assign_to`."""
    code: str
    """A sentence of rules.texts."""
    seen: Any = None
    wanted: Any = None
    children: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule for one subject at one moment."""

    rule: str
    subject: str
    status: Status
    occurrence: str | None = None
    due_at: datetime | None = None
    """Also of a touch that is only planned."""
    because: str | None = None
    """The decisive reason's code in one word: `state`, `unproven`, `held`, `rule_off`, ..."""
    reasons: tuple[Reason, ...] = ()


Doing = Literal["ask", "offer", "join", "move", "assign", "close", "withdraw", "reopen", "remind", "tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One thing to do in the CRM about one occurrence. `entry` is the ledger row once it is admitted."""

    do: Doing
    key: Key
    entry: Asked
    to: str | None = None
    """A manager id: the assignee, or who is told."""
    due_at: datetime | None = None
    """The line's own due (the promise)."""
    task_due_at: datetime | None = None
    """What its task in the CRM shows once this is done: the earliest due of the task's open lines."""
    whole_task: bool = True
    """`close`, `withdraw`: False while other lines of the same task stay open, so the task does too."""
    title: str = ""
    text: str = ""
    copy_to: tuple[str, ...] = ()
    bind: tuple[str, ...] = ()
    """Refs of the cards it belongs to: the deal and its client."""
    because: str | None = None
    settles_as: str | None = None
    """`close`, `withdraw`: the ledger state in which it ended for good (`done`; `moved`, `missed`)."""
    proof: tuple[str, ...] = ()
    step: int | None = None
    """`tell`: the escalation step, from 1."""
    joins: Key | None = None
    """`join`: the occurrence whose task gets the line."""
    rank: int = 0
    """Place of the rule in the file: smaller is more important."""
    spread: bool = False
    """True for a rhythm that was already overdue when its rule came into force: `first_run` spreads it."""
    always: bool = False
    """True: not held back by limits."""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierScore:
    """The score of one client's dossier under one version of the template."""

    fill: int
    """Whole percent of filled fields, unweighted, half up."""
    weighted: int
    filled: int
    total: int
    gaps: tuple[str, ...]
    """Ids of empty fields, the most valuable first."""
    expired: tuple[str, ...]
    unreadable: tuple[str, ...]
    next_question: str | None
    gaps_text: str
    """What is missing, for the client's card."""
    template: str
    """Name and version of the template: `key-client-50/1`."""
    digest: str
    """Of what would be written: the same digest is never written twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The whole judgement of one client."""

    client: str
    at: datetime
    verdicts: tuple[Verdict, ...]
    orders: tuple[Order, ...]
    changes: tuple[Asked, ...]
    """Ledger rows that change without any order (a task ticked by the manager, a lapse noticed)."""
    score: DossierScore | None
    """`None`: this client is not scored (not regular and key)."""
    recheck_at: datetime | None
    """The earliest moment at which time alone can change anything; `None`: only a new fact can."""
    regulation_digest: str
    notes: tuple[Reason, ...] = field(default=())
    """What the admin should see: nobody to assign to, a date field that holds no date."""
