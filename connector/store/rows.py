"""What the store takes and gives: rows of its tables in the flow's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.crm.port import Effect, Ref
from rules.assessment import DossierScore
from rules.ledger import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRow:
    """One connected account."""

    name: str
    crm: str
    account: str | None
    """Bitrix24 member_id or amoCRM account id, once known."""
    zone: str | None
    directory: Mapping[str, Any] | None
    """The last directory read, as JSON."""
    regulation: str | None
    """Digest of the regulation in force."""
    problem: str | None
    """Why the portal is parked; None when all is well."""
    directory_at: datetime | None = None
    """When the directory was read; None: it is to be read anew."""
    host: str | None = None
    """The host it answers at since it moved away from `host_was`, the host of the settings."""
    host_was: str | None = None


@dataclass(frozen=True, slots=True)
class RungBell:
    """A dirty subject. It is cleared only if `seq` is still what was read."""

    ref: Ref | None
    seq: int


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client to judge: its facts changed, or its time has come. Cleared only if `seq` is still what was read."""

    ref: Ref
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An intent that is not settled."""

    effect: Effect
    occurrence: str
    """`str(Key)` of the ledger row it belongs to, or `score:<client>`."""
    tries: int
    doubtful: bool
    """It was sent once and the outcome is not known: look it up before sending a creating verb again."""
    first_try: datetime | None
    """Real time of the first attempt (UTC)."""
    recorded_at: datetime
    """Business time (the `now` of `record`) at which the intent was stored: nothing of it can be older in the CRM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRow:
    """An effect that will not be applied: a person should know."""

    effect: Effect
    occurrence: str
    code: str
    """The CRM's error code, or `no-task`: the task it works on was refused."""
    text: str
    died_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line of the audit."""

    at: datetime
    what: str
    about: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A new outbox row."""

    effect: Effect
    occurrence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Everything that judging one client leaves behind; stored in one transaction."""

    client: ClientRow
    asked: tuple[Asked, ...]
    """Ledger rows that are new or changed."""
    intents: tuple[Intent, ...]
    verdicts: Sequence[Mapping[str, Any]]
    """The last verdicts with their reasons, as JSON, for `explain` and the pages."""
    score: DossierScore | None
    recheck_at: datetime | None
    regulation: str
    answers: tuple[int, ...] = ()
    """Numbers of the clicks that were judged with it (`AnswerRow.n`)."""
