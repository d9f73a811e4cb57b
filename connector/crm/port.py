"""What every CRM must answer, in the words of the regulation.

An adapter (`bitrix24/`, `amocrm/`) turns its wire format into `Fact`s and `Effect`s into calls. It knows neither the
flow nor the store. All moments are aware and in UTC; ids are strings; a `Ref` is `kind:id`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import SecretStr

Ref = str
"""`company:45`, `contact:9`, `deal:7`, `task:8123`."""

FactKind = Literal["company", "contact", "deal", "stage", "signal", "task"]


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
    * task: marker (or None), open, due, assignee, closed, closed_by, title. Only our own tasks (tag or marker)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The fields that the portal's map names, by kind of card, in the CRM's own names."""

    company: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    deal: tuple[str, ...] = ()


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


Verb = Literal[
    "create_task",
    "move_task",
    "assign_task",
    "close_task",
    "withdraw_task",
    "reopen_task",
    "add_line",
    "tell",
    "write_fields",
]
CREATING: frozenset[str] = frozenset({"create_task", "tell"})
"""Verbs that make something new: never simply sent again when the outcome is unknown. The others may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One write, as it lies in the outbox. Only the members that its verb needs are set."""

    verb: Verb
    key: str
    """Unique in the portal: the identity of the occurrence and what is done about it."""
    marker: str
    """`kasanie:` and 12 hex digits of the occurrence's identity: what a created task or note is found by."""
    task: str | None = None
    """CRM task id, for all task verbs but create_task."""
    title: str = ""
    text: str = ""
    assignee: str | None = None
    """CRM user id: the doer, or who is told."""
    due: datetime | None = None
    bind: tuple[Ref, ...] = ()
    """Cards it belongs to, the main one first."""
    watchers: tuple[str, ...] = ()
    card: Ref | None = None
    """write_fields: the client's card."""
    fields: Mapping[str, int | str] = field(default_factory=dict)
    """write_fields: FILL, SCORE, GAPS."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict for the outbox."""
        return {**asdict(self), "due": self.due.isoformat() if self.due else None}

    @staticmethod
    def from_json(row: Mapping[str, Any]) -> Effect:
        """The effect back from `to_json`."""
        due = row.get("due")
        lists = {name: tuple(row.get(name, ())) for name in ("bind", "watchers")}
        return Effect(**{**row, **lists, "due": datetime.fromisoformat(due) if due else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one effect.

    done: applied (`remote_id` of what was created) · refused: the CRM said no, trying again will not help ·
    later: surely not applied, try again after `wait` seconds · unknown: perhaps applied; quarantine, then look up.
    """

    key: str
    status: Literal["done", "refused", "later", "unknown"]
    remote_id: str | None = None
    code: str = ""
    text: str = ""
    wait: float = 0.0


class Pacer(Protocol):
    """The portal's one rate limiter, kept in its row of the database and shared by all workers."""

    def wait_turn(self) -> None:
        """Reserve one request and sleep until it may leave. Raises LeaseLost when the portal is served elsewhere."""

    def push_back(self, seconds: float) -> None:
        """The CRM said "too fast": nobody calls this portal for so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How one portal is reached. Secrets are masked in every repr."""

    portal: str
    url: SecretStr
    """Bitrix24: the incoming webhook (`https://host/rest/7/code/`); amoCRM: `https://sub.amocrm.ru`."""
    token: SecretStr | None = None
    """amoCRM: the long-lived token."""
    wanted: Wanted = field(default_factory=Wanted)
    zone: str = "Europe/Moscow"
    """The portal's zone, for deadlines and for days."""
    read_timeout: float = 65.0
    """Seconds; Bitrix24 lets one request run 60 s (facts/bitrix24.md 2.5)."""


class Crm(Protocol):
    """An opened portal. Up to 8 of its requests may be in flight; all of them pass the pacer."""

    def directory(self) -> Directory:
        """Pipelines, users, fields. Raises CrmError."""

    def prepare(self) -> None:
        """Create our score fields where they are missing; harmless to repeat. Raises CrmError."""

    def pull(self, cursors: Mapping[str, str], named: Collection[Ref]) -> Iterator[Page]:
        """Read what changed since the cursors (an empty mapping is the full load) and the named refs.

        A named ref that no longer exists comes as a Fact with `gone`. Raises CrmError.
        """

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """Carry the effects out in as few requests as possible; one outcome each, in any order. Does not raise."""

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Find creating effects of unknown outcome by their markers: effect key -> remote id. Raises CrmError."""

    def batch_size(self) -> int:
        """How many effects one request should carry now (adapts to how quickly the CRM answers)."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Bell:
    """A webhook's whole meaning: look at this again. Nothing else of its body is kept."""

    ref: Ref | None
    """None: of an unknown shape, only a reconciliation can tell."""
    event: str
    """The CRM's name of the event, lower case, at most 64 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSecrets:
    """What proves a webhook of one portal."""

    portal: str
    application_tokens: tuple[SecretStr, ...] = ()
    """Bitrix24: one per outgoing webhook."""
    member_id: str | None = None
    """Bitrix24: None until the first proven hook told it."""
    path_secret: SecretStr | None = None
    """amoCRM: the last part of the hook's path."""
    account: str | None = None
    """amoCRM: account id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A webhook that was proven genuine and read."""

    bells: tuple[Bell, ...]
    account: str | None = None
    """Bitrix24: member_id."""


class Ear(Protocol):
    """A CRM's `webhook` module: pure, no network; bounded by reliability.md's table."""

    def __call__(self, raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:
        """Prove and read one POST. Raises NotGenuine (also when nothing proves it) or Unreadable (proven)."""
