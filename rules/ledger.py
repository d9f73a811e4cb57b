"""The ledger of planned touches: one row per occurrence, remembered for ever and part of every snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date, datetime


class State(StrEnum):
    """Where an occurrence stands. All but the first two and WITHDRAWN are settled: never asked again."""

    OFFERED = "offered"
    ASKED = "asked"
    DONE = "done"
    UNPROVEN = "unproven"
    DECLINED = "declined"
    MISSED = "missed"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({State.OFFERED, State.ASKED})
SETTLED = frozenset({State.DONE, State.UNPROVEN, State.DECLINED, State.MISSED, State.MOVED})


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Identity of a planned touch inside a portal; never made of its due date (design: idea 3)."""

    rule: str
    subject: str
    """`deal:7`, `company:45`, `contact:9`."""
    occurrence: str
    """What it counts from (`created`, `offer@2026-03-02T08:00Z/2`, `@2026-03-02`): the table of docs/regulations.md."""

    def __str__(self) -> str:
        return f"{self.rule}/{self.subject}/{self.occurrence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an escalation: fixed when the touch is asked."""

    to: str
    """A role; who holds it is looked up when it is told."""
    at: datetime
    """The limit; told at the first working moment after it."""
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One occurrence: what was promised, to whom, and how it ended. All moments in UTC."""

    key: Key
    state: State
    client: str
    rule_digest: str
    """Digest of the rule's text when it was asked: an edited rule takes hold with the next occurrence."""
    anchor_at: datetime
    """The moment it counts from (an interval's start, a visit's start, a date at midnight of the portal)."""
    notice_days: int | None = None
    """How many days before its date it is due, for date anchors: a small move of the date is the same occurrence."""
    planned_at: datetime
    """When it was to be asked had nothing stood in the way: the proof window opens here."""
    due_at: datetime
    """The true due."""
    promise_at: datetime
    """The due the manager was given; lateness and escalation count from it."""
    kinds: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    lapse_at: datetime | None = None
    mode: Literal["auto", "propose", "batch"] = "auto"
    assignee: str | None = None
    asked_at: datetime
    """When it was asked, offered or last reopened."""
    task_id: str | None = None
    """The CRM's task; `None` while the write is on its way."""
    offer: str | None = None
    """What shows the proposal in the CRM, as a ref (`activity:555`); `None` where nothing was offered, or while the
    write is on its way.
    """
    answer: Literal["accept", "later", "decline"] | None = None
    """The last answer to the proposal."""
    answered_at: datetime | None = None
    answered_by: str | None = None
    """Who answered: the CRM's user id."""
    joined: Key | None = None
    """The occurrence whose task this one is a line of."""
    edited: bool = False
    later: int = 0
    later_until: date | None = None
    reminded_at: datetime | None = None
    gaps: tuple[str, ...] = ()
    """Dossier rules: the fields that were empty or expired at asking."""
    settled_at: datetime | None = None
    proof: tuple[str, ...] = ()
    """Ids of the signals that settled it."""
    reason: str | None = None
    """Why it was declined, withdrawn or moved: a code of rules.texts, or the person's reason."""
    withdrawn_at: datetime | None = None
    reopened: int = 0

    @property
    def open(self) -> bool:
        """Asked or offered and not settled yet."""
        return self.state in OPEN

    @property
    def settled(self) -> bool:
        """Ended for good; a withdrawn one may be reopened."""
        return self.state in SETTLED

    @property
    def proposed(self) -> bool:
        """It stands, or ended, as a proposal: nobody accepted it, and it is no line of a task."""
        return self.mode != "auto" and self.answer != "accept" and self.joined is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a manager answered to a proposal."""

    key: Key
    answer: Literal["accept", "later", "decline", "unclear"]
    """`unclear`: words that nobody understands. They answer nothing; he is asked again."""
    by: str | None
    at: datetime
    reason: str | None = None
    """`decline`: why; `unclear`: his words."""
    until: date | None = None
    """`later`: the day that was chosen."""
    counts_at: datetime | None = None
    """It may yet turn out to be another answer: it counts from this moment; `None`: at once."""
