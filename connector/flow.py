"""Serving one portal: hear what changed, judge whom it concerns, write what was decided.

`serve_portal` may run twice, be killed anywhere or be lost: the tables say what is undone. No transaction is open
while a CRM is called, and intents are durable before anything is sent (docs/architecture.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from pydantic import SecretStr

from connector.clock import Clock
from connector.crm.port import Crm, Directory, Ref
from connector.errors import Blocked, CrmError, LeaseLost, Leaving, Refused, Throttled
from connector.failpoints import failpoint
from connector.judging import judge_clients
from connector.loader import load
from connector.outgoing import Outgoing
from connector.pacing import Lane, PortalPacer
from connector.portal_map import Mapped
from connector.portals import InForce, Portals, directory_from_json, directory_to_json, rules_since
from connector.settings import Settings
from connector.snapshot import Reader, make_reader
from connector.store import Store, StoreDown
from connector.texts import say
from connector.upkeep import Upkeep

BELLS: Final = 500
CLIENTS: Final = 200
LONGEST_TURN: Final = 60.0
"""Real seconds after which a portal lets others have the thread; what is left is rung again at once."""
DIRECTORY_KEPT: Final = timedelta(days=1)
BLOCKED_PAUSE: Final = 900.0
"""Real seconds between two looks at a portal that only a person can open again (reliability.md F12: <= 4 an hour)."""
LONGEST_PAUSE: Final = 60.0
FRESH_SECONDS: Final = 60.0
"""Real seconds that facts may be old when something is written by them (facts/bulk.md 8, step 4)."""
QUEUE_ROUNDS: Final = 200
"""Readings of the CRM's own queue of events in one turn, 50 events each; what is left is read in the next."""

log = structlog.get_logger()


@dataclass(frozen=True)
class _OpenedCrm:
    """A portal's CRM and what it was opened with."""

    mapped: Mapped
    zone: str | None
    address: SecretStr
    pacer: PortalPacer
    crm: Crm


class Flow:
    """Serves portals for one worker. Safe to use from several threads, one portal each."""

    def __init__(self, settings: Settings, store: Store, portals: Portals, clock: Clock, worker: str) -> None:
        self._settings = settings
        self._waits = settings.waits
        self._store = store
        self._portals = portals
        self._clock = clock
        self._worker = worker
        self.leaving = threading.Event()
        """Set when the worker is to end: no request is begun any more, and the lanes are given back."""
        self._directory_read: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}
        self._opened: dict[str, _OpenedCrm] = {}
        self._pulled: dict[str, float] = {}
        self._upkeep = Upkeep(settings, store)
        self._outgoing = Outgoing(store, worker, settings.waits, clock)

    def close(self) -> None:
        """Close the connections to the CRMs."""
        for known in self._opened.values():
            known.crm.close()

    def serve_portal(self, name: str) -> None:
        """Do all that is undone for one portal, if nobody else is at it. Does not raise for what a CRM does."""
        if name not in self._settings.portals:  # taken out of config.yaml; its rows stay
            return
        with Lane(self._store, name, self._worker, self._waits.lease, self.leaving) as lane:
            if not lane.taken:
                return
            try:
                installed_at = self._portals.installed_at(name)
                if installed_at is None:
                    self._upkeep.leave(name)
                    self._store.park(name, say(self._portals.kind(name).not_installed, portal=name), BLOCKED_PAUSE)
                    return
                in_force = self._portals.in_force(name, self._clock())
                if self._upkeep.tokens_unused(name):
                    self._use_tokens(name, lane)
                if in_force is None:
                    log.error("portal.no_regulation", portal=name)
                    self._store.park(name, say("no-regulation", portal=name), LONGEST_PAUSE)
                    return
                self._serve(name, lane, in_force)
            except Leaving:
                log.info("portal.left", portal=name)
            except LeaseLost:
                log.warning("portal.lease_lost", portal=name)
            except Blocked as error:  # with tokens of an installation that was replaced meanwhile: not for long
                replaced = installed_at != self._portals.installed_at(name)
                self._park(name, error, LONGEST_PAUSE if replaced else BLOCKED_PAUSE)
            except Throttled as error:  # the adapter remembers which method waits, and how long; the others go on
                self._park(name, error, min(LONGEST_PAUSE, max(error.wait, self._longer_pause(name))))
            except CrmError as error:
                self._park(name, error, max(error.wait, self._longer_pause(name)))
            except StoreDown as error:
                log.warning("portal.database", portal=name, why=str(error))
            except Exception:
                # our own mistake: the portal comes back after a pause instead of failing several times a second
                log.exception("portal.failed", portal=name)
                self._store.park(name, say("our-fault", portal=name), self._longer_pause(name))
            else:
                self._unpark(name)

    def _use_tokens(self, name: str, lane: Lane) -> None:
        """Any call renews them."""
        pacer = PortalPacer(self._store, name)
        pacer.lane = lane
        with closing(self._portals.open(name, pacer, None)) as crm:
            crm.directory()
        log.info("portal.tokens_kept", portal=name)

    def _longer_pause(self, name: str) -> float:
        """Real seconds, doubled with each failure in a row."""
        count = self._failures[name] = self._failures.get(name, 0) + 1
        return min(LONGEST_PAUSE, max(self._waits.gather, 0.1) * 2.0 ** min(count, 10))

    def _unpark(self, name: str) -> None:
        """All is well again; the trouble may be a former worker's."""
        self._failures.pop(name, None)
        row = self._store.portal(name)
        if row is not None and row.problem is not None:
            self._store.park(name, None)

    def _park(self, name: str, error: CrmError, seconds: float) -> None:
        log.error("portal.parked", portal=name, why=str(error), seconds=seconds)
        told = [say("crm-unreachable", portal=name, why=error.text)]
        told += [say(error.advice, portal=name)] if error.advice else []
        self._store.park(name, " ".join(told), seconds)

    def _serve(self, name: str, lane: Lane, in_force: InForce) -> None:
        directory = self._directory(name, self._open(name, lane, in_force))
        crm = self._open(name, lane, in_force)  # anew where the directory told another time zone
        self._upkeep.keep(name, crm, self._clock())
        since = rules_since(in_force.regulation, self._store.rules_since(name))
        reader = make_reader(name, in_force.mapped, directory, since)
        started = time.monotonic()
        throttled: Throttled | None = None
        while True:  # hear, judge, write, in turn: a portal that never stops ringing gets its tasks all the same
            try:
                self._hear(name, lane, crm, in_force)
            except Throttled as error:  # a method of reading has used up its time; what is decided leaves all the same
                throttled = error
            lane.check()
            judged = self._judge(reader, in_force)
            if throttled is None and self._is_stale(name) and self._store.due_effects(name, 1):
                # facts/bulk.md 8, step 4: whoever changed meanwhile is judged before anything is written
                self._pull(name, crm, in_force, frozenset())
                lane.check()
                judged += self._judge(reader, in_force)
            failpoint("judged")
            done = judged + self._outgoing.write(name, lane, crm)
            if throttled is not None:
                raise throttled
            if not done and not self._store.bells(name, 1):
                return
            if time.monotonic() - started > LONGEST_TURN:
                return

    def _judge(self, reader: Reader, in_force: InForce) -> int:
        return judge_clients(
            self._store, reader, in_force, self._clock(), CLIENTS, self._settings.language, self._worker
        )

    def _is_stale(self, name: str) -> bool:
        pulled = self._pulled.get(name)
        return pulled is None or time.monotonic() - pulled > FRESH_SECONDS

    def _open(self, name: str, lane: Lane, in_force: InForce) -> Crm:
        """The portal's CRM, kept open between turns: its connections and what it learnt of the CRM's speed."""
        row = self._store.portal(name)
        zone, address = row.zone if row else None, self._portals.url(name)
        known = self._opened.get(name)
        if known is None or known.mapped is not in_force.mapped or (known.zone, known.address) != (zone, address):
            if known is not None:
                known.crm.close()
            pacer = PortalPacer(self._store, name)
            known = _OpenedCrm(in_force.mapped, zone, address, pacer, self._portals.open(name, pacer, in_force.mapped))
            self._opened[name] = known
        known.pacer.lane = lane
        return known.crm

    def _directory(self, name: str, crm: Crm) -> Directory:
        """Read anew once a day and by every new worker; our fields are made on the same occasion."""
        now = self._clock()
        row = self._store.portal(name)
        read = self._directory_read.get(name)
        known = row.directory if row is not None and row.directory_at is not None else None
        if known is not None and read is not None and now - read <= DIRECTORY_KEPT:
            return directory_from_json(known)
        directory = crm.directory()
        try:
            crm.prepare()
        except (
            Refused
        ) as error:  # scores wait for somebody's right to make fields, which `doctor` tells; touches do not
            log.warning("portal.not_prepared", portal=name, why=str(error))
        told = directory_to_json(directory)
        self._store.save_directory(name, directory.zone, told, now)
        if row is not None and row.directory is not None and row.directory != told:
            self._store.mark_all_clients(name)  # somebody was dismissed, a stage was renamed
        if directory.account:
            self._portals.learn(name, directory.account)
        self._directory_read[name] = now
        return directory

    def _hear(self, name: str, lane: Lane, crm: Crm, in_force: InForce) -> None:
        """Bells and a due reconciliation are one and the same pull; only what is named differs."""
        if self._store.bells(name, 1):
            time.sleep(self._waits.gather)  # one move in the CRM rings several times
        due = self._store.reconcile_due(name, self._clock())
        if not due and not self._store.bells(name, 1):
            return
        try:
            self._read_queue(name, lane, crm)
        except (Refused, Throttled) as error:  # the queue is a convenience: the pull below finds what it would tell
            log.warning("portal.queue_closed", portal=name, why=str(error))
        bells = self._store.bells(name, BELLS)
        now = self._clock()
        named = {bell.ref for bell in bells if bell.ref is not None}
        changed = self._pull(name, crm, in_force, named)
        self._store.clear_bells(name, bells)
        if due:
            self._store.reconciled(name, now + timedelta(minutes=self._settings.reconcile_minutes))
        log.info("portal.heard", portal=name, bells=len(bells), reconciliation=due, changed=changed)

    def _pull(self, name: str, crm: Crm, in_force: InForce, named: Collection[Ref]) -> int:
        """Read what changed, and the refs named; how many facts are new."""
        self._pulled[name] = time.monotonic()
        changed = load(self._store, crm, name, in_force.mapped, in_force.template, named, self._clock())
        failpoint("facts_stored")
        return changed

    def _read_queue(self, name: str, lane: Lane, crm: Crm) -> None:
        """Events that the CRM keeps for us become bells of our own, durable before the CRM may forget them."""
        for _ in range(QUEUE_ROUNDS):
            queued = crm.read_queue()
            if queued is None:
                return
            self._store.put_bells(name, queued.bells, datetime.now(UTC))  # real time, as of a webhook
            lane.check()
            crm.clear_queue(queued.receipt)
