"""What every CRM must answer, in the words of the regulation.

An adapter (`bitrix24/`, `amocrm/`) turns its wire format into `Fact`s and `Effect`s into calls. It knows neither the
flow nor the store. All moments are aware and in UTC; ids are strings; a `Ref` is `kind:id`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import SecretStr

from connector.crm.effects import CREATING, Choice, Effect, OfferStanding, Outcome, Verb
from connector.crm.facts import CompanyCalendar, Directory, Fact, FactKind, Page, Ref, Stage, User, Wanted
from connector.crm.hooks import Arrival, Bell, Click, Ear, Heard, HookSecrets

__all__ = [
    "CREATING",
    "PORTAL_CLOCK",
    "App",
    "Arrival",
    "Bell",
    "Choice",
    "Click",
    "CompanyCalendar",
    "Connection",
    "Crm",
    "Directory",
    "Ear",
    "Effect",
    "Fact",
    "FactKind",
    "Finding",
    "Heard",
    "HookSecrets",
    "OfferStanding",
    "Outcome",
    "Pacer",
    "Page",
    "QueuedBells",
    "Ref",
    "Stage",
    "TokenKeeper",
    "Tokens",
    "User",
    "Verb",
    "Wanted",
]


class Pacer(Protocol):
    """The portal's one rate limiter, kept in its row of the database and shared by all workers."""

    def wait_turn(self) -> None:
        """Reserve one request and sleep until it may leave. Raises LeaseLost when the portal is served elsewhere."""

    def push_back(self, seconds: float) -> None:
        """The CRM said "too fast": nobody calls this portal for so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An OAuth pair as it lies (encrypted) in the tables."""

    access: SecretStr
    refresh: SecretStr
    generation: int = 0
    """Grows with every renewal; 0: not stored yet."""
    expires_real: float = 0.0
    """Seconds since the epoch at which the access token ends by its own word; a hint only."""


class TokenKeeper(Protocol):
    """The portal's tokens: one renewal at a time over all threads, workers and machines, saved before they are used."""

    def current(self) -> Tokens:
        """The pair as it stands in the tables. Raises Blocked (`NOT_INSTALLED`) when there is none."""

    def renew(self, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        """A pair newer than `stale`: another's renewal if there was one meanwhile, else `ask(current)`, saved.

        `ask` makes the one OAuth call and gives the new pair (its generation is ignored). Whatever it raises passes
        through, and the next caller may try. Raises Blocked as `current` does.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The integration that the portal's administrator made for us. The secret goes to its OAuth server only."""

    client_id: str
    client_secret: SecretStr
    oauth_url: str
    """Bitrix24: the OAuth server's root, from the settings and never from a payload: `https://oauth.bitrix24.tech`;
    amoCRM: empty, an account's OAuth server is the account itself (`Connection.url`).
    """
    keeper: TokenKeeper
    redirect_uri: str = ""
    """amoCRM: where it sends codes, exactly as in the integration's settings; every renewal names it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How one portal is reached. Secrets are masked in every repr."""

    portal: str
    url: SecretStr
    """Bitrix24: the incoming webhook (`https://host/rest/7/code/`), or with `app` the portal (`https://host`);
    amoCRM: `https://sub.amocrm.ru`.
    """
    token: SecretStr | None = None
    """amoCRM: the long-lived token."""
    app: App | None = None
    """Set: calls carry its tokens instead of a secret in the address."""
    moved: Callable[[str], None] | None = None
    """Told the new host (and port, where it has one) when the portal answers from elsewhere: `new.bitrix24.ru`."""
    offline_events: bool = False
    """Bitrix24 with `app`: the portal queues its events for us; our own writes name themselves and are not queued."""
    wanted: Wanted = field(default_factory=Wanted)
    zone: str = "Europe/Moscow"
    """The portal's zone, for deadlines and for days."""
    read_timeout: float = 65.0
    """Seconds; Bitrix24 lets one request run 60 s (facts/bitrix24.md 2.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedBells:
    """Events that the CRM keeps until we say that we have them."""

    bells: tuple[Bell, ...]
    receipt: str
    """What `clear_queue` gives back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `doctor`: what was looked at and what is wrong with it."""

    code: str
    """Of the sentence in `connector.sentences.doctor`."""
    given: Mapping[str, str] = field(default_factory=dict)
    severity: Literal["fine", "note", "problem"] = "problem"
    """note: cannot be had in this way of connecting; a problem needs somebody."""
    fixable: bool = False
    """`doctor --fix` can mend it."""


PORTAL_CLOCK: Final = "portal-clock"
"""Code of the finding that tells what time it is in the CRM (`at`, ISO); `doctor` compares it with business time."""


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
        """Carry the effects out in few requests, several in flight; one outcome each, in any order, as they come.

        Raises LeaseLost only, when all that had left before is told.
        """

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Find creating effects of unknown outcome by their markers: effect key -> remote id. Raises CrmError."""

    def batch_size(self) -> int:
        """How many effects may be started at once now: all that fit into the requests in flight.

        Adapts to how quickly the CRM answers.
        """

    def read_queue(self) -> QueuedBells | None:
        """The next events that the CRM keeps for us, reserved until cleared; None: it has none, or no queue.

        Raises CrmError.
        """

    def clear_queue(self, receipt: str) -> None:
        """These events lie in our own tables now. Raises CrmError."""

    def examine(self, hook_url: str | None) -> Sequence[Finding]:
        """Rights, fields, event subscriptions, what this way of connecting cannot do. Raises CrmError.

        `hook_url`: where the portal should post its events; None: not known.
        """

    def lost_hooks(self, hook_url: str) -> Sequence[str]:
        """Events that should be posted to us and are not bound (any more). Raises CrmError."""

    def bind_hooks(self, hook_url: str) -> None:
        """Bind what `lost_hooks` names; harmless to repeat. Raises CrmError."""

    def close(self) -> None:
        """Close the connections."""
