"""What is written into a CRM: one effect per row of the outbox, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from connector.crm.facts import Ref

OfferStanding = Literal["open", "accepted", "declined", "ended"]
"""`ended`: by a fact, by the regulation, or because it went into another task; the text says which."""

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
    "offer_touch",
    "show_offer",
]
CREATING: frozenset[str] = frozenset({"create_task", "tell", "offer_touch"})
"""Verbs that make something new: never simply sent again when the outcome is unknown. The others may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that a proposal can be given, as its button says it."""

    label: str
    answer: Literal["accept", "later", "decline"]
    days: int | None = None
    """later: so many days from the day of the click."""
    reason: str | None = None
    """decline: why, in the regulation's words."""


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
    lines: tuple[str, ...] = ()
    """create_task: lines of its checklist."""
    about: str = ""
    """offer_touch, show_offer: the occurrence (`rule/deal:7/created`); the buttons carry it back in a `Click`."""
    offer: Ref | None = None
    """show_offer: the proposal in the CRM, by the remote_id of its offer_touch (`activity:555`, `task:8123`)."""
    standing: OfferStanding = "open"
    """show_offer: how the proposal stands now. `open` has its buttons (again), all others are closed."""
    choices: tuple[Choice, ...] = ()
    """offer_touch, show_offer: what can be answered, the most likely first; empty once it is closed."""
    tag: str = ""
    """offer_touch, show_offer: how it stands, in two or three words."""
    status: str = ""
    """show_offer: how it stands, in a sentence; `text` stays what was offered."""
    hint: str = ""
    """offer_touch, show_offer: how to answer where the CRM shows no buttons."""
    closing: str = ""
    """show_offer: when somebody had closed the proposal's task (ISO), if anybody: that closing is answered by this."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict for the outbox."""
        return {**asdict(self), "due": self.due.isoformat() if self.due else None}

    @staticmethod
    def from_json(row: Mapping[str, Any]) -> Effect:
        """The effect back from `to_json`."""
        due = row.get("due")
        lists: dict[str, Any] = {name: tuple(row.get(name, ())) for name in ("bind", "watchers", "lines")}
        lists["choices"] = tuple(Choice(**choice) for choice in row.get("choices", ()))
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
    advice: str = ""
    """What a person can do about it: a code of `connector.sentences.crm_errors`, where there is one."""
    closed: bool = False
    """The portal as a whole is shut to us until a person acts: nothing else need be tried now."""
