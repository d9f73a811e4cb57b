"""The tables behind everything: what is acknowledged, known, promised and still to be written lies here.

SQLAlchemy Core; the same code on SQLite and PostgreSQL. Every primary key begins with the portal, every method takes
it, and SQL lives in this folder only. No method sleeps or talks to a network; each opens one short transaction.
Two clocks: `now` arguments are business time (the sandbox's clock may be years ahead); leases, limits, quarantines and
retries run on real time inside, as seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from connector.crm.port import Bell, Effect, Fact, FactKind, Outcome, Page, Ref
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


class Store(Protocol):
    """What the flow and the web ask of the tables. `open_store(url)` in `connector.store.tables`' neighbour makes one."""

    # portals and their lane
    def add_portal(self, name: str, crm: str, *, rate: float, burst: int, account: str | None = None) -> None:
        """Create the portal's row, or bring crm, rate and burst up to date."""

    def portals(self) -> list[PortalRow]:
        """All portals."""

    def portal(self, name: str) -> PortalRow | None:
        """One portal."""

    def learn_account(self, portal: str, account: str) -> None:
        """Bind the portal to the account that its first proven webhook (or the directory) named; never overwrite."""

    def save_directory(self, portal: str, zone: str, directory: Mapping[str, Any], now: datetime) -> None:
        """Keep the directory that was just read."""

    def park(self, portal: str, problem: str | None, seconds: float = 900.0) -> None:
        """Stop serving for so many real seconds, with a reason for people; None: go on."""

    def take_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """Try to become the one worker of this portal for so many real seconds; one's own lease is taken again."""

    def renew_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """False: it is lost."""

    def release_lease(self, portal: str, worker: str) -> None:
        """Give the lane back."""

    def reserve(self, portal: str) -> float:
        """GCRA: reserve one request; the seconds to sleep before it may leave (after this commit)."""

    def push_back(self, portal: str, seconds: float) -> None:
        """Nobody calls this portal for so many real seconds."""

    def ring_due(self, now: datetime, hold: float) -> list[str]:
        """Portals with something undone whose lane is free and that nobody rang lately; marks them as rung for `hold` s.

        Undone: bells, clients to judge (dirty, or recheck_at <= now), effects whose time has come, a due reconciliation.
        """

    def idle(self, now: datetime) -> bool:
        """True when no portal has anything due (quarantined and future work does not count): for `work --drain`."""

    def reconcile_due(self, portal: str, now: datetime) -> bool:
        """Whether a reconciliation is due."""

    def set_reconcile_due(self, portal: str, at: datetime) -> None:
        """Ask for a reconciliation at this (business) moment, if none is due earlier. Also real-time safe: see `reconciled`."""

    def reconciled(self, portal: str, next_at: datetime) -> None:
        """A reconciliation is done; the next one."""

    # bells
    def put_bells(self, portal: str, bells: Iterable[Bell], now: datetime) -> None:
        """Durable when it returns. A bell without a ref only makes a reconciliation due at once."""

    def count_unreadable(self, portal: str, now: datetime) -> None:
        """A genuine webhook that could not be read: count it, reconcile at once."""

    def bells(self, portal: str, limit: int) -> list[RungBell]:
        """The oldest dirty subjects."""

    def clear_bells(self, portal: str, rung: Iterable[RungBell]) -> None:
        """Clear those that were not rung again meanwhile."""

    # facts
    def cursors(self, portal: str) -> dict[str, str]:
        """Where every feed stands; empty: the full load is still to come."""

    def save_page(self, portal: str, page: Page, now: datetime) -> list[Ref]:
        """Store facts and cursors in one transaction; the refs whose body, links or `gone` really changed."""

    def facts(self, portal: str, refs: Collection[Ref]) -> list[Fact]:
        """These facts, the gone ones included."""

    def linked(self, portal: str, refs: Collection[Ref], kinds: Collection[FactKind]) -> list[Fact]:
        """All facts of these kinds that link to any of the refs."""

    # clients
    def mark_clients(self, portal: str, clients: Collection[Ref]) -> None:
        """Put clients on the list to judge."""

    def mark_all_clients(self, portal: str) -> None:
        """Put every known client on the list (a new regulation)."""

    def clients_to_judge(self, portal: str, now: datetime, limit: int) -> list[ClientRow]:
        """Clients whose facts changed or whose recheck_at has come."""

    # judging
    def asked(self, portal: str, clients: Collection[Ref]) -> dict[Ref, list[Asked]]:
        """The ledger of these clients."""

    def verdicts(self, portal: str, client: Ref) -> list[dict[str, Any]]:
        """The last verdicts of a client."""

    def asks_per_day(self, portal: str, since: date) -> dict[tuple[str, date], int]:
        """How many touches were asked of each manager on each (portal) day since then."""

    def record(self, portal: str, judged: Sequence[Judged], now: datetime) -> None:
        """Ledger rows, intents (an existing key stays as it is), verdicts, recheck times and scores, in one transaction.

        A score that differs from the client's last one gets a `write_fields` intent of its own; an unsent older one
        is dropped.
        """

    # outbox
    def due_effects(self, portal: str, limit: int) -> list[OutboxRow]:
        """Effects whose time has come, the oldest first; of one occurrence only its first unsettled one.

        `effect.task` is filled in from the ledger.
        """

    def start_effects(self, portal: str, worker: str, keys: Collection[str], quarantine: float, lease: float) -> bool:
        """Right before the call, in one transaction: renew the lease (False: it is lost, send nothing), mark the rows as
        being sent, one try more, and not again before `quarantine` real seconds.
        """

    def settle_effects(self, portal: str, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Write down what became of them.

        done: settled; a created task's id goes to its ledger row · refused: dead, shown to people; what waits for it
        dies too · later: free again after `wait` seconds · unknown: the quarantine stands.
        """

    def adopt_effects(self, portal: str, found: Mapping[str, str], now: datetime) -> None:
        """Doubtful effects that were found in the CRM: done, with these remote ids."""

    # regulation
    def put_in_force(self, portal: str, digest: str, text: str, rules: Collection[str], now: datetime) -> bool:
        """This regulation is in force from now on; False when it already was. Remembers since when each rule is."""

    def rules_since(self, portal: str) -> dict[str, datetime]:
        """Per rule id: since when it is in force here."""

    def note(self, portal: str, what: str, about: str, details: Mapping[str, Any], now: datetime) -> None:
        """One line of the append-only audit."""
