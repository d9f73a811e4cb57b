"""What the store keeps of proposals: its part of the Store, and its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from connector.crm.port import Click, Effect
from rules.ledger import Asked

if TYPE_CHECKING:
    from connector.store.rows import Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """A click that is not judged yet."""

    n: int
    """Its number: they are judged in this order, and what a card is written for again is told by it."""
    click: Click
    heard_at: datetime
    """When the webhook came, on the machine's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOffer:
    """A proposal that waits for its answer, and our last write of it, which was carried out."""

    asked: Asked
    shown: Effect


class Proposals(Protocol):
    """Clicks as they come, and what was offered."""

    def put_clicks(self, portal: str, clicks: Iterable[Click], now: datetime) -> None:
        """Durable when it returns, together with the mark on their clients. `now`: the machine's clock.

        One about something that was never offered here, or pressed on another card than the one that offered it, is
        kept and noted in the audit, and never judged.
        """

    def answers(self, portal: str) -> list[AnswerRow]:
        """The clicks that are not judged yet, in the order they came; `record` takes them away."""

    def offered(self, portal: str, occurrences: Collection[str]) -> dict[str, Effect]:
        """By occurrence: the effect that offered it, whatever became of it."""

    def last_showings(self, portal: str, occurrences: Collection[str]) -> dict[str, Effect | None]:
        """By occurrence: our last write of its proposal, refused ones left out; None: not known done."""

    def open_offers(self, portal: str, kind: str) -> list[OpenOffer]:
        """Proposals without an answer whose ref is of this kind (`activity`).

        Left out: those that a write is on its way to, and those whose last write the CRM refused.
        """

    def show_again(self, portal: str, intents: Sequence[Intent], now: datetime) -> None:
        """Record writes that show proposals once more; an existing key stays."""
