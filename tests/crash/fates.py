"""What a seed draws for the batches of writes it sends: which of them break, and how."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from crash.wire import LOST, Fate

AFTER_GIVING_UP = (1.3, 2.0)
"""Seconds after which a late write reaches the portal: longer than `read_timeout`, and far inside the quarantine."""
A_MOMENT = (0.1, 0.6)
STRIKES = (1, 2)
"""So many batches of one seed break, the repeated ones among them."""
TOO_FAST = ("QUERY_LIMIT_EXCEEDED", "Too many requests")
BROKEN = ("INTERNAL_SERVER_ERROR", "Internal server error")

Draw = Callable[[random.Random, Mapping[str, Any]], Fate]


def answer_lost(dice: random.Random, _: Mapping[str, Any]) -> Fate:
    """F7: an error page, a cut or no answer; the portal has done it, or does it while the caller reads the error."""
    how = dice.choice(LOST)
    goes_on = how in ("502", "504", "reset", "cut") and dice.random() < 0.5
    return Fate(lost=how, late=dice.uniform(*A_MOMENT) if goes_on else 0)


def carried_out_late(dice: random.Random, _: Mapping[str, Any]) -> Fate:
    """F8: the caller gives up waiting; the portal does it afterwards, or has done it long ago."""
    return Fate(lost="silence", late=dice.uniform(*AFTER_GIVING_UP) if dice.random() < 0.7 else 0)


def parts_failed(dice: random.Random, commands: Mapping[str, Any]) -> Fate:
    """F14: some commands are refused for now, broken (done or not), or not mentioned in the answer at all."""
    carried, failed, untold = [], {}, []
    for key in commands:
        kind = dice.choice(("well", "well", "too fast", "broken", "broken, yet done", "untold", "untold, yet done"))
        if kind == "well" or kind.endswith("done"):
            carried.append(key)
        if kind == "too fast":
            failed[key] = TOO_FAST
        elif kind.startswith("broken"):
            failed[key] = BROKEN
        elif kind.startswith("untold"):
            untold.append(key)
    return Fate(carried=carried, failed=failed, untold=untold)


def second_half_failed(dice: random.Random, commands: Mapping[str, Any]) -> Fate:
    """F14: from some command on all fail."""
    first = dice.randint(0, len(commands) - 1)
    keys = list(commands)
    return Fate(carried=keys[:first], failed=dict.fromkeys(keys[first:], BROKEN))


def partly_failed(dice: random.Random, commands: Mapping[str, Any]) -> Fate:
    """F14: one or the other."""
    return dice.choice((parts_failed, second_half_failed))(dice, commands)


def array_half_applied(dice: random.Random, members: Mapping[str, Any]) -> Fate:
    """F14 where a batch has one answer: its first members are done, and an error is told of the whole."""
    keys = list(members)
    return Fate(carried=keys[: dice.randint(0, len(keys))], lost=dice.choice(("500", "502", "504", "cut", "reset")))


def batch_unknown(dice: random.Random, commands: Mapping[str, Any]) -> Fate:
    """F15: no answer, and the portal has done all of it, nothing, or what came before its time was up."""
    keys = list(commands)
    done = dice.choice((0, len(keys), dice.randint(0, len(keys))))
    if dice.random() < 0.3:
        return Fate(carried=keys[:done], lost="silence", late=dice.uniform(*AFTER_GIVING_UP))
    return Fate(carried=keys[:done], lost=dice.choice(LOST), late=dice.choice((0, 0, dice.uniform(*A_MOMENT))))


class Strikes:
    """The oracle of one seed: its next few batches of writes meet what is drawn for each."""

    def __init__(self, dice: random.Random, draw: Draw) -> None:
        self._dice = dice
        self._draw = draw
        self._left = dice.randint(*STRIKES)
        self._lock = threading.Lock()  # several batches may be on their way at once

    def __call__(self, commands: Mapping[str, Any]) -> Fate | None:
        with self._lock:
            self._left -= 1
            return self._draw(self._dice, commands) if self._left >= 0 else None
