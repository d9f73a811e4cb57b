"""Sending what is due: intents are marked as being sent, leave together, and their outcomes are written as they come.

An effect whose outcome was never learnt waits out its quarantine; then what it may have made is looked for first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog

from connector.clock import Clock
from connector.crm.port import CREATING, Crm, Outcome
from connector.errors import Blocked, LeaseLost
from connector.failpoints import failpoint
from connector.pacing import Lane
from connector.settings import Waits
from connector.store import OutboxRow, Store
from connector.texts import say

EFFECTS: Final = 800
"""Read at once: twice what is in the air at most, 8 requests of 50."""
PORTION: Final = 50
PORTION_SECONDS: Final = 0.5
"""Outcomes that are written down together, and real seconds that the first of them may wait for the others."""

log = structlog.get_logger()


class Outgoing:
    """One worker's sending. Safe to use from several threads, one portal each."""

    def __init__(self, store: Store, worker: str, waits: Waits, clock: Clock) -> None:
        self._store = store
        self._worker = worker
        self._waits = waits
        self._clock = clock

    def write(self, name: str, lane: Lane, crm: Crm) -> int:
        """Send the effects whose time has come; how many left or were found.

        Raises LeaseLost, what `look_up` raises, and Blocked when the portal as a whole turned out to be shut to us.
        """
        rows = self._store.due_effects(name, EFFECTS)
        found = self._look_up(name, crm, [row for row in rows if row.doubtful and row.effect.verb in CREATING])
        rows = one_per_task(row for row in rows if row.effect.key not in found)
        waiting = rows
        while waiting:
            size = crm.batch_size()  # asked anew each time: it grows with what is learnt of the CRM's speed
            chunk, waiting = waiting[:size], waiting[size:]
            keys = [row.effect.key for row in chunk]
            lane.check()
            if not self._store.start_effects(name, self._worker, keys, self._waits.quarantine, self._waits.lease):
                raise LeaseLost(name)
            failpoint("effects_started")
            self._send(name, lane, crm, chunk)
        return len(rows) + len(found)

    def _send(self, name: str, lane: Lane, crm: Crm, rows: Sequence[OutboxRow]) -> None:
        shut: Outcome | None = None
        with lane.sending([row.effect.key for row in rows], self._waits.quarantine):
            for outcomes in _portions(crm.send([row.effect for row in rows])):
                failpoint("effects_sent")
                self._store.settle_effects(name, outcomes, self._clock())
                failpoint("effect_settled")
                for outcome in outcomes:
                    shut = outcome if outcome.closed else shut
                    _log(name, outcome)
        if shut is not None:
            raise Blocked(shut.text, portal=name, call="send", code=shut.code, advice=shut.advice)

    def _look_up(self, name: str, crm: Crm, doubtful: Sequence[OutboxRow]) -> set[str]:
        """Adopt what a lost answer left behind in the CRM. What is not found was never made and is sent again."""
        if not doubtful:
            return set()
        since = min(row.recorded_at for row in doubtful)
        found = crm.look_up([row.effect for row in doubtful], since)
        self._store.adopt_effects(name, found, self._clock())
        log.info("effects.looked_up", portal=name, doubtful=len(doubtful), found=len(found))
        return set(found)


def one_per_task(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Of the writes to one task or proposal only the first: the next reads what that one wrote. Their turn follows."""
    seen: set[str] = set()
    chosen = []
    for row in rows:
        subject = row.effect.task or row.effect.offer
        if subject is None or subject not in seen:
            chosen.append(row)
            seen.update({subject} if subject else ())
    return chosen


def _portions(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    """Outcomes as they come, some together: each portion is one transaction."""
    portion: list[Outcome] = []
    begun = 0.0
    for outcome in outcomes:
        begun = begun if portion else time.monotonic()
        portion.append(outcome)
        if len(portion) >= PORTION or time.monotonic() - begun > PORTION_SECONDS:
            yield portion
            portion = []
    if portion:
        yield portion


def _log(name: str, outcome: Outcome) -> None:
    if outcome.status == "done":
        return
    advice = {"advice": say(outcome.advice, portal=name)} if outcome.advice else {}
    log.warning("effect.not_done", portal=name, status=outcome.status, effect=outcome.key, code=outcome.code, **advice)
