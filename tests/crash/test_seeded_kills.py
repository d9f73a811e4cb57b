"""Killed while a write is in flight, or carried out and not written down (F5), a hundred seeds: 0 lost, 0 twice."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from multiprocessing.connection import wait
from typing import Any

import pytest

from connector.worker import EMBEDDED
from crash.fleet import HASTY, PATIENCE, WAITS, Fleet, Place, Told, open_fleet, open_sandbox, play_all
from crash.killed import LOG, nursery, start
from crash.seeds import Work
from crash.wire import Fate

CRMS = ("bitrix24", "amocrm")
SEEDS = 100
HASTY_SEEDS = 12
SIDE_BY_SIDE = 12
HASTY_SIDE_BY_SIDE = 4
POINTS = ("effects_started", "effects_sent", "in flight", "carried out")
"""Two failpoints of the worker, and two points at which the wire has the write in its hands."""
IN_FLIGHT = (0.2, 1.5)
"""Seconds after its sender was killed at which a write reaches the portal."""


class Strike:
    """The oracle that makes one batch of writes hang; `at_hand` is set when its sender is to be killed."""

    def __init__(self, late: float) -> None:
        self._late = late
        self._lock = threading.Lock()
        self._over = False
        self.at_hand = threading.Event()

    def __call__(self, _: Mapping[str, Any]) -> Fate | None:
        with self._lock:
            if self._over:
                return None
            self._over = True
        if self._late:
            self.at_hand.set()
        return Fate(lost="silence", late=self._late, done=self.at_hand)


class Killer:
    """Plays seeds, and counts how many workers died over a write."""

    def __init__(self) -> None:
        self._nursery = nursery()
        self._lock = threading.Lock()
        self.kills = 0

    def play(self, fleet: Fleet, place: Place, name: str) -> Work:
        """A worker is killed, sometimes the next one too, and another one brings everything to its end."""
        work = Work.drawn(name, place.name, place.cards)
        dice = random.Random(f"{name} kills")
        work.record(fleet.opened.store, 0, fleet.opened.clock())
        self._kill(fleet, place, dice)
        work.record(fleet.opened.store, 1, fleet.opened.clock())
        if dice.random() < 0.25:
            self._kill(fleet, place, dice)
        fleet.opened.store.free_lanes(EMBEDDED)
        fleet.drain(place, name)
        return work

    def _kill(self, fleet: Fleet, place: Place, dice: random.Random) -> None:
        """Start a worker and kill it at the point drawn; one that has nothing to do any more is only ended."""
        point = dice.choice(POINTS)
        strike = Strike(dice.uniform(*IN_FLIGHT) if point == "in flight" else 0)
        on_the_wire = point in ("in flight", "carried out")
        place.wire.oracle = strike if on_the_wire else None
        with self._lock:
            worker = start(self._nursery, fleet.config, place.name, "" if on_the_wire else point)
        deadline = time.monotonic() + PATIENCE
        while not strike.at_hand.is_set() and fleet.undone(place.name) and not wait([worker.sentinel], 0.1):
            if time.monotonic() > deadline:
                said = (fleet.config.parent / LOG).read_text(encoding="utf-8")[-2000:]
                raise TimeoutError(f"{place.name} has work, and its worker does not come to {point}: {said}")
        died = bool(wait([worker.sentinel], 0))
        worker.kill()
        wait([worker.sentinel], PATIENCE)
        with self._lock:  # to start one is to look at all that have ended
            worker.join()
            ended = worker.exitcode
            self.kills += died or strike.at_hand.is_set()
        assert ended == -signal.SIGKILL, f"the worker ended with {ended}"


@pytest.fixture(scope="module", params=CRMS)
def fleets(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[Fleet], list[Fleet]]]:
    """Kasanies of one portal each with tables of their own: as they are, and some that do not wait; on each CRM."""
    with open_sandbox(SIDE_BY_SIDE + HASTY_SIDE_BY_SIDE, request.param) as (sandbox, places), ExitStack() as stack:

        def opened(place: Place, waits: Mapping[str, float]) -> Fleet:
            return stack.enter_context(open_fleet(tmp_path_factory.mktemp(place.name), sandbox, [place], waits))

        whole = [opened(place, WAITS) for place in places[:SIDE_BY_SIDE]]
        yield whole, [opened(place, HASTY) for place in places[SIDE_BY_SIDE:]]


def play(fleets: list[Fleet], seeds: int) -> tuple[Told, int]:
    killer = Killer()
    return play_all(fleets, [f"F5-{seed}" for seed in range(seeds)], killer.play), killer.kills


def test_hundred_kills(fleets: tuple[list[Fleet], list[Fleet]]) -> None:
    told, kills = play(fleets[0], SEEDS)
    assert not told.wrong, told
    assert (told.seeds, kills >= SEEDS) == (SEEDS, True), f"{kills} kills; {told}"


def test_kills_without_the_quarantine(fleets: tuple[list[Fleet], list[Fleet]]) -> None:
    told, kills = play(fleets[1], HASTY_SEEDS)
    assert [flaw for flaws in told.wrong.values() for flaw in flaws if "2 times" in flaw], f"{kills} kills; {told}"
