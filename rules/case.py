"""One subject (a deal, a client or a contact) at one moment, with everything derived that conditions and anchors ask.

Derived facts are computed once and kept: a `Case` lives for one call of `assess`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from rules.facts import Contact, Deal, Signal, Snapshot, Unknown
from rules.regulation import Regulation


@dataclass
class Case:
    """A subject with its client. `deal` and `contact` are set for rules about them."""

    regulation: Regulation
    snapshot: Snapshot
    now: datetime
    deal: Deal | None = None
    contact: Contact | None = None

    @property
    def subject(self) -> str:
        """`deal:7`, `company:45`, `contact:9`."""
        raise NotImplementedError

    @property
    def today(self) -> date:
        """The portal's date."""
        raise NotImplementedError

    @property
    def state(self) -> str | Unknown:
        """The client's state (facts.STATES)."""
        raise NotImplementedError

    @property
    def state_until(self) -> datetime | None:
        """When the state changes by time alone."""
        raise NotImplementedError

    @property
    def segment(self) -> str | None | Unknown:
        """The client's segment: A, B or C."""
        raise NotImplementedError

    @property
    def cycle_days(self) -> int:
        """The client's purchase cycle in whole days."""
        raise NotImplementedError

    @property
    def won_deals(self) -> tuple[Deal, ...]:
        """Won deals that count as sales, oldest first."""
        raise NotImplementedError

    @property
    def dossier_fill(self) -> Decimal | Unknown:
        """Filled share, 0..1."""
        raise NotImplementedError

    @property
    def attempts(self) -> int | Unknown:
        """Tries since the deal's creation."""
        raise NotImplementedError

    @property
    def touched(self) -> bool | Unknown:
        """A real contact since the deal's creation."""
        raise NotImplementedError

    @property
    def last_touch(self) -> Signal | None:
        """The last contact that moves the subject's clock, not later than now."""
        raise NotImplementedError

    def means(self, word: str) -> bool | None:
        """Whether the client is `regular` or `key` as the file defines them; None: unknown."""
        raise NotImplementedError
