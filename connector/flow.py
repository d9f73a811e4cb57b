"""Serving one portal: hear what changed, judge whom it concerns, write what was decided.

`serve_portal` may run twice, be killed anywhere or be lost: the tables say what is undone. No transaction is open
while a CRM is called, and intents are durable before anything is sent (docs/architecture.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from connector.clock import Clock
from connector.crm.port import CREATING, Crm, Directory, Outcome
from connector.errors import Blocked, CrmError, LeaseLost, Leaving
from connector.failpoints import failpoint
from connector.judging import judge_clients
from connector.loader import load
from connector.pacing import Lane, PortalPacer
from connector.portal_map import Mapped
from connector.portals import InForce, Portals, directory_from_json, directory_to_json, rules_since
from connector.settings import Settings
from connector.snapshot import make_reader
from connector.store import OutboxRow, Store, StoreDown
from connector.texts import say

BELLS: Final = 500
CLIENTS: Final = 200
EFFECTS: Final = 500
LONGEST_TURN: Final = 60.0
"""Real seconds after which a portal lets others have the thread; what is left is rung again at once."""
DIRECTORY_KEPT: Final = timedelta(days=1)
BLOCKED_PAUSE: Final = 900.0
"""Real seconds between two looks at a portal that only a person can open again (reliability.md F12: <= 4 an hour)."""
LONGEST_PAUSE: Final = 60.0

log = structlog.get_logger()


@dataclass(frozen=True)
class _OpenedCrm:
    """A portal's CRM and what it was opened with."""

    mapped: Mapped
    zone: str | None
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
                in_force = self._portals.in_force(name, self._clock())
                if in_force is None:
                    log.error("portal.no_regulation", portal=name)
                    self._store.park(name, say("no-regulation", portal=name), LONGEST_PAUSE)
                    return
                self._serve(name, lane, in_force)
            except Leaving:
                log.info("portal.left", portal=name)
            except LeaseLost:
                log.warning("portal.lease_lost", portal=name)
            except Blocked as error:
                self._park(name, error, BLOCKED_PAUSE)
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
        self._store.park(name, say("crm-unreachable", portal=name, why=error.text), seconds)

    def _serve(self, name: str, lane: Lane, in_force: InForce) -> None:
        directory = self._directory(name, self._open(name, lane, in_force))
        crm = self._open(name, lane, in_force)  # anew where the directory told another time zone
        since = rules_since(in_force.regulation, self._store.rules_since(name))
        reader = make_reader(name, in_force.mapped, directory, since)
        started = time.monotonic()
        while True:  # hear, judge, write, in turn: a portal that never stops ringing gets its tasks all the same
            self._hear(name, crm, in_force)
            lane.check()
            judged = judge_clients(
                self._store, reader, in_force, self._clock(), CLIENTS, self._settings.language, self._worker
            )
            failpoint("judged")
            if not judged + self._write(name, lane, crm) and not self._store.bells(name, 1):
                return
            if time.monotonic() - started > LONGEST_TURN:
                return

    def _open(self, name: str, lane: Lane, in_force: InForce) -> Crm:
        """The portal's CRM, kept open between turns: its connections and what it learnt of the CRM's speed."""
        row = self._store.portal(name)
        zone = row.zone if row else None
        known = self._opened.get(name)
        if known is None or known.mapped is not in_force.mapped or known.zone != zone:
            if known is not None:
                known.crm.close()
            pacer = PortalPacer(self._store, name)
            known = _OpenedCrm(in_force.mapped, zone, pacer, self._portals.open(name, pacer, in_force.mapped))
            self._opened[name] = known
        known.pacer.lane = lane
        return known.crm

    def _directory(self, name: str, crm: Crm) -> Directory:
        """Read anew once a day and by every new worker; our fields are made on the same occasion."""
        now = self._clock()
        row = self._store.portal(name)
        read = self._directory_read.get(name)
        if row is not None and row.directory is not None and read is not None and now - read <= DIRECTORY_KEPT:
            return directory_from_json(row.directory)
        directory = crm.directory()
        crm.prepare()
        told = directory_to_json(directory)
        self._store.save_directory(name, directory.zone, told, now)
        if row is not None and row.directory is not None and row.directory != told:
            self._store.mark_all_clients(name)  # somebody was dismissed, a stage was renamed
        if directory.account:
            self._portals.learn(name, directory.account)
        self._directory_read[name] = now
        return directory

    def _hear(self, name: str, crm: Crm, in_force: InForce) -> None:
        """Bells and a due reconciliation are one and the same pull; only what is named differs."""
        if self._store.bells(name, 1):
            time.sleep(self._waits.gather)  # one move in the CRM rings several times
        bells = self._store.bells(name, BELLS)
        due = self._store.reconcile_due(name, self._clock())
        if not bells and not due:
            return
        now = self._clock()
        named = {bell.ref for bell in bells if bell.ref is not None}
        changed = load(self._store, crm, name, in_force.mapped, in_force.template, named, now)
        failpoint("facts_stored")
        self._store.clear_bells(name, bells)
        if due:
            self._store.reconciled(name, now + timedelta(minutes=self._settings.reconcile_minutes))
        log.info("portal.heard", portal=name, bells=len(bells), reconciliation=due, changed=changed)

    def _write(self, name: str, lane: Lane, crm: Crm) -> int:
        """Send the effects whose time has come; how many left or were found."""
        rows = self._store.due_effects(name, EFFECTS)
        found = self._look_up(name, crm, [row for row in rows if row.doubtful and row.effect.verb in CREATING])
        rows = one_per_task(row for row in rows if row.effect.key not in found)
        for chunk in _chunks(rows, crm.batch_size()):
            keys = [row.effect.key for row in chunk]
            lane.check()
            if not self._store.start_effects(name, self._worker, keys, self._waits.quarantine, self._waits.lease):
                raise LeaseLost(name)
            failpoint("effects_started")
            with lane.sending(keys, self._waits.quarantine):
                outcomes = list(crm.send([row.effect for row in chunk]))
            failpoint("effects_sent")
            self._settle(name, outcomes)
        return len(rows) + len(found)

    def _look_up(self, name: str, crm: Crm, doubtful: Sequence[OutboxRow]) -> set[str]:
        """Adopt what a lost answer left behind in the CRM. What is not found was never made and is sent again."""
        if not doubtful:
            return set()
        since = min(row.recorded_at for row in doubtful)
        found = crm.look_up([row.effect for row in doubtful], since)
        self._store.adopt_effects(name, found, self._clock())
        log.info("effects.looked_up", portal=name, doubtful=len(doubtful), found=len(found))
        return set(found)

    def _settle(self, name: str, outcomes: Sequence[Outcome]) -> None:
        self._store.settle_effects(name, outcomes, self._clock())
        failpoint("effect_settled")
        for outcome in outcomes:
            if outcome.status != "done":
                log.warning(
                    "effect.not_done", portal=name, status=outcome.status, effect=outcome.key, code=outcome.code
                )


def one_per_task(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Of the writes to one task only the first: the next reads what the first has written. The others' turn follows."""
    seen: set[str] = set()
    chosen = []
    for row in rows:
        if row.effect.task is None or row.effect.task not in seen:
            chosen.append(row)
            seen.update({row.effect.task} if row.effect.task else ())
    return chosen


def _chunks(rows: Sequence[OutboxRow], size: int) -> Iterator[Sequence[OutboxRow]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
