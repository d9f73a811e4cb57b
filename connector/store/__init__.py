"""The tables behind everything: what is acknowledged, known, promised and still to be written lies here.

SQLAlchemy Core; the same code on SQLite and PostgreSQL. Every primary key begins with the portal, every method takes
it, and SQL lives in this folder only. No method sleeps or talks to a network; each opens one short transaction.
Two clocks: `now` arguments are business time (the sandbox's clock may be years ahead); leases, limits, quarantines and
retries run on real time inside, as seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from connector.crm.port import Bell, Fact, FactKind, Outcome, Page, Ref
from connector.errors import ConnectorError
from connector.store.applications import Applications, InstallRow, NewInstall
from connector.store.proposals import AnswerRow, OpenOffer, Proposals
from connector.store.rows import AuditRow, ClientRow, DeadRow, Intent, Judged, OutboxRow, PortalRow, RungBell
from rules.ledger import Asked


class StoreDown(ConnectorError):  # noqa: N818  # a state, not a fault: the same call may succeed later
    """The database is locked, full or not reachable. Nothing was stored; the web answers 503."""


__all__ = [
    "AnswerRow",
    "AuditRow",
    "ClientRow",
    "DeadRow",
    "InstallRow",
    "Intent",
    "Judged",
    "NewInstall",
    "OpenOffer",
    "OutboxRow",
    "PortalRow",
    "RungBell",
    "Store",
    "StoreDown",
]


class Store(Applications, Proposals, Protocol):
    """What the flow and the web ask of the tables; `connector.store.opening.open_store(url)` makes one.

    Every method raises StoreDown when the database cannot do it now; then nothing of it was stored.
    """

    def close(self) -> None:
        """Close every connection; the store is not used afterwards."""

    def ping(self) -> None:
        """Whether the database answers."""

    def use_once(self, portal: str, name: str, until_real: float) -> bool:
        """Use up a disposable token; False: it was used before. It is remembered until then, in real time."""

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

    def forget_directory(self, portal: str) -> None:
        """Have the directory read anew at once: the definition of a field changed."""

    def moved(self, portal: str, host: str, was: str) -> None:
        """The portal answers at `host` now; `was` is the host that the settings name."""

    def park(self, portal: str, problem: str | None, seconds: float = 900.0) -> None:
        """Stop serving for so many real seconds, with a reason for people; None: go on.

        Meanwhile nobody rings it or takes its lease, and `idle` does not count it; bells are stored as ever.
        """

    def take_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """Try to become the one worker of this portal for so many real seconds.

        A lease that is held is held, also one's own: two threads of a worker are not let into one lane. After a
        restart `free_lanes` gives back what the former life held.
        Taking it also clears the portal's ring, so that what comes in later is rung at once when the lane is free.
        """

    def renew_lease(self, portal: str, worker: str, seconds: float) -> bool:
        """False: it is lost."""

    def release_lease(self, portal: str, worker: str) -> None:
        """Give the lane back."""

    def free_lanes(self, worker: str) -> None:
        """At a worker's start: give back what its former life held under this name, and let every free portal ring."""

    def reserve(self, portal: str) -> float:
        """GCRA: reserve one request; the seconds to sleep before it may leave (after this commit)."""

    def push_back(self, portal: str, seconds: float) -> None:
        """Nobody calls this portal for so many real seconds."""

    def ring_due(self, now: datetime, hold: float) -> list[str]:
        """Portals with something undone whose lane is free and that nobody rang lately; rung for `hold` s from now on.

        Undone: bells, clients to judge (marked, or recheck_at <= now), effects whose time has come, a reconciliation.
        """

    def idle(self, now: datetime) -> bool:
        """True when no portal has anything due (quarantined and future work does not count): for `work --drain`."""

    def reconcile_due(self, portal: str, now: datetime) -> bool:
        """Whether a reconciliation is due; of a new portal it is.

        If so it counts as begun, and it stays due until `reconciled`.
        """

    def set_reconcile_due(self, portal: str, at: datetime) -> None:
        """Ask for a reconciliation at this (business) moment, if none is due earlier.

        Asked for while one is running, it is one more: `reconciled` does not take it away.
        """

    def reconciled(self, portal: str, next_at: datetime) -> None:
        """A reconciliation is done; the next one."""

    # bells
    def put_bells(self, portal: str, bells: Iterable[Bell], now: datetime) -> None:
        """Durable when it returns. A bell without a ref only makes a reconciliation due at once."""

    def count_unreadable(self, portal: str, now: datetime) -> None:
        """A genuine webhook that could not be read: count it, reconcile at once (whatever the business time is)."""

    def bells(self, portal: str, limit: int) -> list[RungBell]:
        """The oldest dirty subjects."""

    def clear_bells(self, portal: str, rung: Iterable[RungBell]) -> None:
        """Clear those that were not rung again meanwhile."""

    # facts
    def cursors(self, portal: str) -> dict[str, str]:
        """Where every feed stands; empty: the full load is still to come."""

    def forget_cursors(self, portal: str) -> None:
        """Make the next pull the full load (the map names other fields now)."""

    def save_page(self, portal: str, page: Page, now: datetime) -> list[Ref]:
        """Store facts and cursors in one transaction; the refs whose body, links or `gone` really changed."""

    def facts(self, portal: str, refs: Collection[Ref]) -> list[Fact]:
        """These facts, the gone ones included."""

    def present(self, portal: str, kind: FactKind) -> frozenset[Ref]:
        """All records of this kind that are not gone; of tasks only the open ones."""

    def linked(self, portal: str, refs: Collection[Ref], kinds: Collection[FactKind]) -> list[Fact]:
        """All facts of these kinds that link to any of the refs."""

    # clients
    def mark_clients(self, portal: str, clients: Collection[Ref]) -> None:
        """Put clients on the list to judge."""

    def mark_all_clients(self, portal: str) -> None:
        """Put every known client on the list (a new regulation)."""

    def clients(self, portal: str) -> list[Ref]:
        """Every known client."""

    def clients_to_judge(self, portal: str, now: datetime, limit: int) -> list[ClientRow]:
        """Clients whose facts changed or whose recheck_at has come."""

    # judging
    def asked(self, portal: str, clients: Collection[Ref]) -> dict[Ref, list[Asked]]:
        """The ledger of these clients, in the order of asking."""

    def asked_about(self, portal: str, subjects: Collection[Ref]) -> dict[Ref, list[Asked]]:
        """The ledger by the card it is about (`deal:7`), whoever's client that card was when it was asked."""

    def ledger(self, portal: str) -> list[Asked]:
        """The whole ledger, in the order of asking."""

    def verdicts(self, portal: str, client: Ref) -> list[dict[str, Any]]:
        """The last verdicts of a client."""

    def asks_per_day(self, portal: str, since: date) -> dict[tuple[str, date], int]:
        """How many touches were asked of each manager on each (portal) day since then."""

    def record(self, portal: str, judged: Sequence[Judged], now: datetime, worker: str | None = None) -> None:
        """Store ledger rows, intents (an existing key stays), verdicts, recheck times and scores in one transaction.

        A score that differs from the client's last one gets a `write_fields` intent of its own; an unsent older one
        is dropped, as is an unsent older showing of a proposal. The clicks that were judged are taken. A client that
        was marked again since it was read stays on the list. With `worker` it is fenced: raises LeaseLost, and stores
        nothing, when the lane is no longer his.
        """

    # outbox
    def due_effects(self, portal: str, limit: int) -> list[OutboxRow]:
        """Effects whose time has come, the oldest first; of one occurrence only its first unsettled one.

        `effect.task` (of show_offer `effect.offer`) is filled in from the ledger; what works on a task or a proposal
        that is not created yet waits for it. One whose quarantine is over comes back as `doubtful`.
        """

    def shown_dues(self, portal: str, occurrences: Collection[str]) -> list[tuple[str, datetime | None]]:
        """What our writes gave the tasks of these occurrences as due, in the order of deciding; None: not known done.

        A task that shows another due than the last of its lines' writes gave it was changed by a person.
        """

    def start_effects(self, portal: str, worker: str, keys: Collection[str], quarantine: float, lease: float) -> bool:
        """Right before the call, in one transaction: renew the lease, mark the rows as being sent.

        That is one try more, and not again before `quarantine` real seconds.
        False: the lease is lost or one of the rows may not be sent now (settled, dropped, in the air): send nothing.
        """

    def hold_effects(self, portal: str, keys: Collection[str], seconds: float) -> None:
        """Those of these effects that are being sent are not looked at for so many more real seconds."""

    def settle_effects(self, portal: str, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Write down what became of them.

        done: settled; a created task's id goes to its ledger row and to those joined to it, a proposal's ref to its
        own (`Asked.offer`) · refused: dead, shown to
        people; what needs a task that now nobody creates dies too (code `no-task`) · later: free again after `wait`
        seconds · unknown: the quarantine stands. What is settled already stays as it is.
        """

    def adopt_effects(self, portal: str, found: Mapping[str, str], now: datetime) -> None:
        """Doubtful effects that were found in the CRM: done, with these remote ids."""

    def dead_effects(self, portal: str, limit: int) -> list[DeadRow]:
        """What the CRM refused and what died with it, the newest first."""

    # regulation
    def put_in_force(
        self, portal: str, digest: str, text: str, rules: Collection[str], now: datetime, *, dossier_text: str = ""
    ) -> bool:
        """This regulation is in force from now on; False when it already was.

        Remembers since when each rule is, and puts every known client on the list, in the same transaction.
        """

    def regulation_text(self, portal: str) -> tuple[str, str] | None:
        """The regulation and the dossier template in force, as they were written; None: none ever was."""

    def rules_since(self, portal: str) -> dict[str, datetime]:
        """Per rule id: since when it is in force here."""

    def note(self, portal: str, what: str, about: str, details: Mapping[str, Any], now: datetime) -> None:
        """One line of the append-only audit."""

    def audit(self, portal: str, limit: int) -> list[AuditRow]:
        """The last lines of the audit, the newest first."""

    def counts(self, portal: str) -> Mapping[str, int]:
        """For the health page: how many of what is undone.

        bells, clients_to_judge, effects_open (not sent), effects_doubtful (sent, outcome not known), effects_dead,
        unreadable_hooks.
        """
