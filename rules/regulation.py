"""The regulation as the engine knows it: what `rules.reader` builds from a checked YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from rules.calendar import Duration, WorkingCalendar

if TYPE_CHECKING:
    from rules.conditions import Condition
    from rules.dossier import Template

Subject = Literal["deal", "client", "contact"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people in both languages; a text given once serves both."""

    ru: str
    en: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """One term: `3 working days after phase.entered`, `on contact.birthday`, `then 7 days`."""

    how: Literal["after", "before", "on", "then"]
    duration: Duration | None = None
    """`None` only for `on`."""
    anchor: str | None = None
    """`None` only for `then`."""


@dataclass(frozen=True, slots=True)
class Table:
    """A term per value of one column; a value not named has no term and the rule is skipped."""

    column: Literal["phase", "state", "segment", "loss_reason"]
    terms: Mapping[str, Phrase]


Term = Phrase | Table


@dataclass(frozen=True, slots=True)
class AtMost:
    """`4 per 12 months`, per client."""

    count: int
    per: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """The part `touch`: what is owed. Exactly one of `due` and `every`."""

    due: tuple[Term, ...] = ()
    """Several: independent steps, or a ladder of `then`."""
    every: Term | None = None
    kinds: tuple[str, ...] = ("call", "meeting", "email", "chat", "order")
    at_most: AtMost | None = None
    ride_on: tuple[str, ...] = ()
    lapse: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The part `task`: how it is asked."""

    text: Text
    mode: Literal["auto", "propose", "batch"] = "auto"
    assign_to: tuple[str, ...] = ("owner",)
    copy_to: tuple[str, ...] = ()
    lead: Duration | None = None
    """`None`: the file's lead."""
    merge: bool = True


@dataclass(frozen=True, slots=True)
class Escalation:
    """Tell `to` when the promise is over by `after`."""

    after: Duration
    to: str


@dataclass(frozen=True, slots=True)
class Silence:
    """From the rule's anchor on, these rules hold their tongue for this client."""

    rules: tuple[str, ...]
    duration: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One obligation, one text, one doer."""

    id: str
    title: Text
    subject: Subject
    touch: Requirement
    task: Asking
    pay: str
    priority: int
    """Place in the file, from 0; smaller is more important."""
    conditions: tuple[Condition, ...] = ()
    """All must hold."""
    escalate: tuple[Escalation, ...] = ()
    silence: Silence | None = None
    always: bool = False
    enabled: bool = True
    was: tuple[str, ...] = ()
    digest: str = ""
    """Of the rule's own text, to see that it was edited."""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What keeps orders few."""

    open_per_client: int = 2
    per_manager_per_day: int = 25
    merge_within: Duration
    ride_within: Duration
    min_gap: Mapping[str, Duration] = field(default_factory=dict)
    """By segment."""
    first_run: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """How a proposal ages."""

    remind: Duration
    ignored: Duration
    later: int = 3
    decline: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Thresholds of a touch."""

    call_seconds: int = 30
    chat_days: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The limits of the client states, in cycles and months."""

    at_risk: Decimal = Decimal("1.5")
    sleeping: Decimal = Decimal(2)
    gone: Decimal = Decimal(4)
    gone_not_before_months: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Read from a field, or computed by revenue."""

    revenue: Mapping[str, Decimal] = field(default_factory=dict)
    """Upper share by segment: A 0.80, B 0.95; the rest is C."""
    months: int = 12
    field: str | None = None
    """The mapped field; last, because its name hides the function that makes the default above."""


@dataclass(frozen=True, slots=True)
class Feast:
    """A yearly day: month and day, or the n-th weekday (0 = Monday) of a month."""

    title: Text
    month: int
    day: int | None = None
    nth: int | None = None
    weekday: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulation:
    """A whole file in force."""

    title: Text
    rules: tuple[Rule, ...]
    """In the order of the file, the disabled ones included."""
    calendar: WorkingCalendar
    lead: Duration
    grace: Duration
    limits: Limits
    proposals: Proposals
    proof: Proof
    segments: Segments
    states: States
    cycles: Mapping[str, int]
    """Default cycle in days by segment."""
    means: Mapping[str, tuple[Condition, ...]]
    """What `regular` and `key` mean."""
    dossier: Template | None = None
    feasts: Mapping[str, Feast] = field(default_factory=dict)
    quiet_hours: tuple[int, int] | None = None
    """Minutes from midnight in the client's zone: (1200, 540) is 20:00-09:00."""
    digest: str = ""
    """Of the whole text (and of the dossier's)."""

    def rule(self, rule_id: str) -> Rule | None:
        """The rule that has, or once had, this id."""
        for rule in self.rules:
            if rule.id == rule_id or rule_id in rule.was:
                return rule
        return None
