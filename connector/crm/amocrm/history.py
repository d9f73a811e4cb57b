"""The stage history of leads, put together from their cards and the list of events.

A lead's creation is not kept with its stage, so the stage it began with is where its first move came from, or where it
still stands. It began when the account got it, as `lead_added` tells: an import may date the card itself far back.

Events tell whole seconds; of one second, moves follow each other from stage to stage, and get a microsecond more each
so that everybody sorts them alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from connector.crm.amocrm.mapping import event_status, moment, stage
from connector.crm.port import Fact

LEAD_ADDED, LEAD_MOVED = "lead_added", "lead_status_changed"
Place = tuple[int, int]
"""Pipeline and status."""


@dataclass(frozen=True, slots=True)
class _Move:
    second: int
    number: str
    before: Place | None
    after: Place


class History:
    """What one window of the events list and the cards read with it tell of stages."""

    def __init__(self) -> None:
        self._cards: dict[str, tuple[int, Place]] = {}
        """When each lead was created, and where it stands."""
        self._added: dict[str, int] = {}
        """When each lead of the window was added, as its event says."""
        self._moves: dict[str, list[_Move]] = defaultdict(list)

    def seen(self, row: Mapping[str, Any]) -> None:
        """A lead as its card is."""
        self._cards[str(row["id"])] = (row["created_at"], (row["pipeline_id"], row["status_id"]))

    def added(self, event: Mapping[str, Any]) -> None:
        """A `lead_added` event."""
        self._added[str(event["entity_id"])] = event["created_at"]

    def moved(self, event: Mapping[str, Any]) -> None:
        """A `lead_status_changed` event; one that does not say the new stage is left out."""
        after = event_status(event, "value_after")
        if after is not None:
            move = _Move(event["created_at"], str(event["id"]), event_status(event, "value_before"), after)
            self._moves[str(event["entity_id"])].append(move)

    def forget(self, lead: str) -> None:
        """A lead that is gone begins no more."""
        self._cards.pop(lead, None)

    def facts(self, since: int | None) -> Iterator[Fact]:
        """All records. A beginning only of leads all of whose moves the window holds: `since` is where it starts."""
        for lead in self._cards.keys() | self._moves.keys():
            moves = _in_order(self._moves.get(lead, ()))
            created, place = self._cards.get(lead, (None, None))
            whole = since is None or lead in self._added or (created is not None and created >= since)
            if created is not None and place is not None and whole:
                began = moves[0].before or place if moves else place
                at = max(created, self._added.get(lead, created))
                first_move = moves[0].second if moves else at
                yield stage(f"0-{lead}", lead, moment(max(created, min(at, first_move))), *began)
            for second, group in groupby(moves, key=lambda move: move.second):
                first = 1 if second in (created, self._added.get(lead)) else 0
                for nth, move in enumerate(group, first):
                    yield stage(move.number, lead, moment(second) + timedelta(microseconds=nth), *move.after)


def _in_order(moves: Sequence[_Move]) -> list[_Move]:
    """By second; within one, each move from where the one before it ended."""
    ordered: list[_Move] = []
    for _, group in groupby(sorted(moves, key=lambda move: (move.second, move.number)), key=lambda move: move.second):
        left = list(group)
        while left:
            here = ordered[-1].after if ordered else None
            starts, ends = {move.before for move in left}, {move.after for move in left}
            following = [move for move in left if move.before == here] or [
                one for one in left if one.before not in ends
            ]
            # of two ways on, first the one from where it goes on
            ordered.append(max(following or left, key=lambda move: move.after in starts))
            left.remove(ordered[-1])
    return ordered
