"""What is read of a CRM, in the words of the regulation: facts, pages of them, and what changes rarely.

All moments are aware and in UTC; ids are strings; a `Ref` is `kind:id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Ref = str
"""`company:45`, `contact:9`, `deal:7`, `task:8123`."""

FactKind = Literal["company", "contact", "deal", "stage", "signal", "task"]


PURCHASE_STAGE: Final = "purchases:done"
"""The stage of sales that a CRM keeps beside the deals (amoCRM: purchases of customers): each is a deal won at once.

Read only where portal.yaml names it as a phase's stage: most accounts keep every sale as a deal already.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One record of the CRM, in neutral words; the same body always means the same fact.

    Bodies (JSON values only; moments as ISO 8601 in UTC, `2026-03-02T08:00:00+00:00`; days as `2026-03-02`):

    * company: title, owner, created, fields
    * contact: name, owner, created, fields
    * deal: title, owner, created, pipeline, stage, semantic (open | won | lost), amount (text) , currency,
      loss_reason (the CRM's id or None), company (ref or None), contacts (refs, the main one first), fields
    * stage: deal (ref), at, pipeline, stage. One per record of the stage history, the creation included
    * signal: kind (rules.facts.SIGNAL_KINDS), at, direction (in | out | None), answered (bool or None = not told),
      seconds (int or None = not told), completed, robot, by, contact (ref or None), deal (ref or None)
    * task: marker (or None), open, deferred (put off by a person, still open; never on amoCRM), due, assignee, closed,
      closed_by, title, result (a person's words, where tasks are closed with words). Only our own tasks (tag or marker)

    `fields` holds every wanted field (`Wanted`) by its CRM name: text, number, bool, list of texts, a day or a moment;
    empty is None. A wanted field that is *missing* could not be read, which is not the same as empty.
    `owner`, `assignee`, `by` are CRM user ids as text; None where nobody (0) or a robot.
    """

    kind: FactKind
    id: str
    body: Mapping[str, Any]
    changed: datetime
    """The CRM's own time of the last change."""
    links: tuple[Ref, ...] = ()
    """Cards it belongs to: a contact's companies; a deal's company and contacts; a stage row's deal; of signal and task
    all they are bound to.
    """
    gone: bool = False

    @property
    def ref(self) -> Ref:
        """`deal:7`."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one step of a pull brought. Facts and cursors are stored together, in one transaction."""

    facts: tuple[Fact, ...]
    cursors: Mapping[str, str] = field(default_factory=dict)
    """New values of the feeds that are read to their end (or safely up to here)."""
    answered: frozenset[Ref] = frozenset()
    """Named refs that have been looked up, the gone ones included."""
    again: bool = False
    """Part of a nightly reading of everything: what differs here from what is stored was missed before."""
    census: Mapping[FactKind, frozenset[str]] = field(default_factory=dict)
    """Ends such a reading: the ids of all that the CRM shows, by kind (of tasks: at least the open ones)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The fields that the portal's map names, by kind of card, in the CRM's own names.

    A CRM may keep some outside the card; they have names of their own (Bitrix24: `requisite.RQ_INN` of a company or a
    contact, `products` of a deal) and travel in `Fact.body["fields"]` like all others.
    """

    company: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    deal: tuple[str, ...] = ()
    purchases: bool = False
    """Whether sales that the CRM keeps beside the deals (`PURCHASE_STAGE`) are to be read, as won deals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A column of a pipeline. `key` is what facts carry: `pipeline:stage` (`7:PREPARATION`, `7200001:142`)."""

    key: str
    pipeline: str
    title: str
    pipeline_title: str
    semantic: Literal["open", "won", "lost"]
    sort: int


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the CRM."""

    id: str
    name: str
    active: bool = True
    zone: str | None = None
    """IANA name; None: the portal's."""
    head: str | None = None
    """The head of his department (a user id), where the CRM knows departments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What changes rarely: read at connection, daily, and by `check --portal`."""

    zone: str
    """The portal's IANA zone."""
    stages: tuple[Stage, ...]
    users: tuple[User, ...]
    fields: Mapping[str, tuple[str, ...]]
    """Field names by kind of card (`company`, `contact`, `deal`)."""
    account: str | None = None
    """The portal's own id as webhooks carry it (amoCRM account id); None where only webhooks tell."""
    calendar: CompanyCalendar | None = None
    """The portal's own working calendar, where the CRM has one and it may be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyCalendar:
    """The working calendar that is set in the CRM itself (Bitrix24: `calendar.settings.get`)."""

    work_from: str
    """`09:00`, the portal's time."""
    work_to: str
    days_off: tuple[str, ...]
    """Of the week: MO TU WE TH FR SA SU."""
    holidays: tuple[str, ...]
    """Of every year, `01-31` (month and day)."""
    workdays: tuple[str, ...]
    """Worked although the week says off, `12-31`."""
