"""Which signal is a touch, which only an attempt, and what fulfils which kind.

A touch (call, meeting, mail of the client, answered chat, order) moves clocks. An attempt proves only rules that name
it. Source: docs/regulations.md, "What fulfils".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rules.facts import UNKNOWN, Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from zoneinfo import ZoneInfo

    from rules.regulation import Proof


@dataclass(frozen=True, slots=True)
class Touch:
    """A signal as the regulation sees it."""

    signal: Signal
    contact: bool
    """A real contact; otherwise only an attempt."""
    talk: str
    """Signals of one talk prove one thing together: the messages of one person on one day."""

    @property
    def at(self) -> datetime:
        """When it took place."""
        return self.signal.at

    def fulfils(self, kinds: Collection[str]) -> bool:
        """Whether a rule that accepts these kinds is fulfilled; a contact is also an attempt that succeeded."""
        return "attempt" in kinds or (self.contact and self.signal.kind in kinds)


def touches(signals: Iterable[Signal], proof: Proof, zone: ZoneInfo, now: datetime) -> tuple[Touch, ...]:
    """Contacts and attempts up to now, oldest first; what is neither is left out. `zone` tells the day of a talk."""
    known = sorted((one for one in signals if one.at <= now and not one.robot), key=lambda one: (one.at, one.id))
    answers = _answers(known, timedelta(days=proof.chat_days))
    found = []
    for one in known:
        contact = one.id in answers or _is_contact(one, proof)
        if contact or _is_attempt(one):
            day = one.at.astimezone(zone).date()
            found.append(Touch(one, contact, f"chat:{one.contact}:{day}" if one.kind == "chat" else one.id))
    return tuple(found)


def is_uncertain(signal: Signal, proof: Proof) -> bool:
    """A call of which the CRM did not tell enough: it is not counted, and people see why."""
    if signal.kind != "call" or signal.robot or not signal.completed or signal.answered is False:
        return False
    return signal.seconds is UNKNOWN or (signal.answered is UNKNOWN and signal.seconds < proof.call_seconds)


def _is_contact(signal: Signal, proof: Proof) -> bool:
    if not signal.completed:
        return False
    if signal.kind == "call":
        long = signal.seconds is not UNKNOWN and signal.seconds >= proof.call_seconds
        return long and signal.answered is not False
    if signal.kind == "email":
        return signal.direction == "in"
    if signal.kind == "chat":  # a whole talk that the CRM tells as one signal; a bare message is judged by its answer
        return signal.answered is True
    return signal.kind in ("meeting", "order")


def _is_attempt(signal: Signal) -> bool:
    """A try of ours that reached nobody yet."""
    return signal.kind in ("call", "email", "chat", "sms") and signal.direction != "in" and signal.completed


def _answers(signals: Iterable[Signal], within: timedelta) -> set[str]:
    """Ids of the chat messages that answer one of the other side."""
    last: dict[tuple[str | None, str | None], Signal] = {}
    found = set()
    for one in signals:
        if one.kind != "chat" or one.direction is None:
            continue
        other = last.get((one.contact, "in" if one.direction == "out" else "out"))
        if other is not None and one.at - other.at <= within:
            found.add(one.id)
        last[(one.contact, one.direction)] = one
    return found
