"""The fewest requests and the least seconds that a Bitrix24 portal's limits allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

PAGE = 50
"""Rows of one command."""
BATCH = 50
"""Commands of one request."""
RATE = 2.0
"""Requests a second on end."""
BURST = 50
"""Requests at once, from a full allowance."""
IN_FLIGHT = 8
"""Requests in the air at once."""


@dataclass(frozen=True)
class Slowness:
    """How long the portal takes, seconds."""

    call: float = 0.0
    command: float = 0.0


def pages(rows: int) -> int:
    """The page that only tells that there is no more is not counted: who knows the last id does without."""
    return ceil(rows / PAGE)


def fewest_requests(commands: int) -> int:
    """Full batches."""
    return ceil(commands / BATCH)


def fewest_to_load(lists: Iterable[int]) -> int:
    """Of lists of so many rows each: full pages in full batches."""
    return fewest_requests(sum(map(pages, lists)))


def least_seconds(read: int, written: int, slow: Slowness, *, exhausted: bool) -> float:
    """The job "read so many rows of one list, then write so many objects".

    By the rate: R requests, of which a full allowance gives 50 at once: `(R - allowance) / 2`. By the portal's own
    pace: a list is a chain, each page begins where the one before ended, so its requests follow one another:
    `requests * call + pages * command`; writes do not wait for each other, so at most 8 share their time evenly:
    `(requests * call + writes * command) / 8`, and never less than one request. The greater of the two.
    """
    reads, writes = fewest_requests(pages(read)), fewest_requests(written)
    by_rate = max(0.0, (reads + writes - (0 if exhausted else BURST)) / RATE)
    chain = reads * slow.call + pages(read) * slow.command
    side_by_side = max(
        (writes * slow.call + written * slow.command) / IN_FLIGHT, slow.call + min(written, BATCH) * slow.command
    )
    return max(by_rate, chain + side_by_side)
