"""What a lost answer left behind: tasks, proposals and notes of ours, found by their markers.

Sources: facts/bitrix24.md 6.3, 6.4 (filters that are documented; the marker is compared here), bulk.md 6 (one list for
a whole lost batch).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connector.crm.bitrix24 import proposals
from connector.crm.bitrix24.api import BATCH_LIMIT, Command
from connector.crm.bitrix24.feeds import PAGE, BatchReader, feeds
from connector.crm.bitrix24.mapping import TAG, task_marker
from connector.crm.port import Effect, Wanted
from connector.errors import Gone, Refused

LOOK_BACK: Final = timedelta(minutes=2)
"""Clocks of the portal and ours may differ by so much."""


def find_made(effects: Sequence[Effect], since: datetime, read: BatchReader) -> dict[str, str]:
    """Effect key -> remote id of tasks, proposals and notes that were made since then. Raises CrmError."""
    begin = (since - LOOK_BACK).astimezone(UTC).isoformat(timespec="seconds")
    found: dict[str, str] = {}
    by_marker = {effect.marker: effect for effect in effects if effect.verb in ("create_task", "offer_touch")}
    if by_marker:
        for row in _our_tasks(begin, read):
            effect = by_marker.get(task_marker(row) or "")
            if effect is not None:  # read upwards: of two, the older one is kept
                found.setdefault(effect.key, f"task:{row['id']}" if effect.verb == "offer_touch" else str(row["id"]))
    offers = [effect for effect in effects if effect.verb == "offer_touch" and effect.key not in found]
    for first in range(0, len(offers), BATCH_LIMIT):
        found |= _cards(offers[first : first + BATCH_LIMIT], read)
    tellings = [effect for effect in effects if effect.verb == "tell" and effect.bind]
    for first in range(0, len(tellings), BATCH_LIMIT):
        found |= _notes(tellings[first : first + BATCH_LIMIT], begin, read)
    return found


def _our_tasks(begin: str, read: BatchReader) -> Iterator[Mapping[str, Any]]:
    """Our tasks created since, oldest first."""
    feed = next(feed for feed in feeds(Wanted()) if feed.name == "task")
    after = 0
    while True:
        asked = feed.command(after, None)
        narrowed = {**asked.params["filter"], "TAG": TAG, ">=CREATED_DATE": begin}
        answer = read({"tasks": Command(asked.method, {**asked.params, "filter": narrowed})}).by_key["tasks"]
        if answer.error is not None:
            raise answer.error
        rows = feed.rows_of(answer.result)
        yield from rows
        if len(rows) < PAGE:
            return
        after = int(rows[-1]["id"])


def _cards(effects: Sequence[Effect], read: BatchReader) -> dict[str, str]:
    """Proposals that are cards of the timeline."""
    commands = proposals.search(effects)
    answers = read(commands).by_key if commands else {}
    found: dict[str, str] = {}
    for effect in effects:
        answer = answers.get(effect.key)
        if answer is None or isinstance(answer.error, Refused | Gone):
            continue
        if answer.error is not None:
            raise answer.error
        card = proposals.found(effect, answer.result)
        if card is not None:
            found[effect.key] = card
    return found


def _notes(effects: Sequence[Effect], begin: str, read: BatchReader) -> dict[str, str]:
    commands = {}
    for number, effect in enumerate(effects):
        kind, _, card = effect.bind[0].partition(":")
        narrow = {"ENTITY_TYPE": kind, "ENTITY_ID": card, ">=CREATED": begin}
        commands[f"n{number}"] = Command(
            "crm.timeline.comment.list", {"filter": narrow, "select": ("ID", "COMMENT"), "order": {"ID": "ASC"}}
        )
    answers = read(commands).by_key
    found: dict[str, str] = {}
    for effect, answer in zip(effects, answers.values(), strict=True):
        if isinstance(answer.error, Refused | Gone):
            continue  # the card is gone, or its notes may not be read: nothing can be found there
        if answer.error is not None:
            raise answer.error
        for row in answer.result or []:
            if effect.marker in str(row.get("COMMENT")):
                found.setdefault(effect.key, str(row["ID"]))
    return found
