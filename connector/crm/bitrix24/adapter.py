"""The Bitrix24 portal as the connector sees it (`port.Crm`): read in feeds, written in batches."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm.bitrix24.api import BATCH_LIMIT, Answers, Api, Command
from connector.crm.bitrix24.directory import create_score_fields, field_commands, field_types, read_directory
from connector.crm.bitrix24.feeds import TASK_SELECT, Run, feeds, read_feeds
from connector.crm.bitrix24.mapping import (
    TAG,
    FieldTypes,
    card_fact,
    signal_fact,
    stage_fact,
    task_fact,
    task_marker,
)
from connector.crm.bitrix24.named import read_named
from connector.crm.bitrix24.writes import READ_FIRST, Plan, commands_of, failed, plan
from connector.crm.http import Session, patiently
from connector.crm.port import Connection, Directory, Effect, Fact, FactKind, Outcome, Pacer, Page, Ref
from connector.errors import Ambiguous, CrmError, Gone, Refused

FIRST_SIZE: Final = 10
"""Effects in the first write: nothing is known yet of how long the portal takes over one."""
BATCH_SECONDS: Final = 15.0
"""How long a write should take at most; the portal cuts at 60 s, and then the whole batch is in doubt."""
LOOK_BACK: Final = timedelta(minutes=2)
"""Clocks of the portal and ours may differ by so much."""


class Bitrix24:
    """An opened portal. Its requests pass the pacer; nothing here sleeps otherwise, but `patiently` over reads."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._portal = connection.portal
        self._zone = ZoneInfo(connection.zone)
        self._wanted = connection.wanted
        session = Session(connection.portal, pacer, read_timeout=connection.read_timeout)
        self._api = Api(session, connection.url, connection.portal, pacer)
        self._session = session
        self._types: dict[FactKind, FieldTypes] | None = None
        self._size = FIRST_SIZE

    def __repr__(self) -> str:
        return f"Bitrix24({self._portal})"

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def directory(self) -> Directory:
        """Funnels, users and fields. Raises CrmError."""
        self._types = None  # a field may be new: the next pull asks for their types again
        return read_directory(self._read, self._zone.key)

    def prepare(self) -> None:
        """Create our score fields on companies and contacts where they are missing. Raises CrmError."""
        create_score_fields(self._api, self._read)

    def pull(self, cursors: Mapping[str, str], named: Collection[Ref]) -> Iterator[Page]:
        """What changed since the cursors, then the named refs that did not come by themselves. Raises CrmError.

        A feed that fails does not hold up the others; its error is raised when they are done.
        """
        runs = [Run(feed, cursors.get(feed.name)) for feed in feeds(self._wanted)]
        # A full load of the activities brings the changed ones as well.
        late = next(run for run in runs if run.feed.name == "signal_changed")
        first_load = "signal" not in cursors
        reading = [run for run in runs if not (first_load and run is late)]
        seen: set[Ref] = set()
        asked = set(named)
        for answers, taken in read_feeds(reading, self._read, {} if self._types else field_commands()):
            if self._types is None:
                self._types = field_types(answers.by_key)
            facts = {fact.ref: fact for run, rows in taken for row in rows if (fact := self._fact(run.feed.kind, row))}
            fresh = {run.feed.name: run.new_cursor() for run, _ in taken if run.error is None}
            if first_load and fresh.get("signal") and _ended(reading, "signal"):
                late.began, late.ended = _began(reading, "signal"), True
                fresh[late.feed.name] = late.new_cursor()
            seen |= facts.keys()
            moved = {name: cursor for name, cursor in fresh.items() if cursor is not None}
            yield Page(facts=tuple(facts.values()), cursors=moved, answered=frozenset(asked & facts.keys()))
        yield from read_named(sorted(asked - seen), self._read, self._wanted, self._fact)
        errors = [run.error for run in reading if run.error is not None]
        if errors:
            raise errors[0]

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """Carry the effects out, in batches of `batch_size`; one outcome each. Raises LeaseLost only."""
        rest = list(effects)
        while rest:
            part, rest = rest[: self._size], rest[self._size :]
            yield from self._send_part(part)

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Tasks by XML_ID or the marker in their text, notes by the marker at their end. Raises CrmError."""
        begin = (since - LOOK_BACK).astimezone(UTC).isoformat(timespec="seconds")
        found: dict[str, str] = {}
        by_marker = {effect.marker: effect.key for effect in effects if effect.verb == "create_task"}
        if by_marker:
            for row in self._all_tasks(begin):
                key = by_marker.get(task_marker(row) or "")
                if key is not None:
                    found.setdefault(key, str(row["id"]))  # read upwards: of two, the older one is kept
        tellings = [effect for effect in effects if effect.verb == "tell" and effect.bind]
        for first in range(0, len(tellings), BATCH_LIMIT):
            found |= self._find_notes(tellings[first : first + BATCH_LIMIT], begin)
        return found

    def batch_size(self) -> int:
        """How many effects one request should carry now."""
        return self._size

    def _read(self, commands: Mapping[str, Command]) -> Answers:
        return patiently(lambda: self._api.batch(commands, writing=False))

    def _fact(self, kind: FactKind, row: Mapping[str, Any]) -> Fact | None:
        if kind == "stage":
            return stage_fact(row)
        if kind == "signal":
            return signal_fact(row)
        if kind == "task":
            return task_fact(row)
        types = (self._types or {}).get(kind, {})
        return card_fact(kind, row, getattr(self._wanted, kind), types)

    def _send_part(self, part: Sequence[Effect]) -> Iterator[Outcome]:
        """One batch of writes, after one of reads where the writes build on what stands there."""
        ready: list[Plan] = []
        try:
            tasks = self._tasks_of([effect for effect in part if effect.verb in READ_FIRST])
        except CrmError as error:
            yield from (failed(effect, error) for effect in part)
            return
        for number, effect in enumerate(part):
            task = tasks.get(effect.key)
            if isinstance(task, CrmError):
                yield failed(effect, task)
            else:
                ready.append(plan(effect, f"e{number}", self._zone, task))
        while ready:
            now, ready = _first_batch(ready)
            yield from self._send_plans(now)

    def _send_plans(self, plans: Sequence[Plan]) -> Iterator[Outcome]:
        commands = commands_of(plans)
        if not commands:
            yield from (one.judge({}) for one in plans)
            return
        started = time.monotonic()
        try:
            answers = self._api.batch(commands, writing=True)
        except CrmError as error:
            if isinstance(error, Ambiguous):
                self._size = max(1, self._size // 2)
            for one in plans:
                yield one.outcome or failed(one.effect, error)
            return
        self._adapt(len(plans), time.monotonic() - started)
        yield from (one.judge(answers.by_key) for one in plans)

    def _adapt(self, sent: int, seconds: float) -> None:
        """Batches as long as fit into BATCH_SECONDS, growing no faster than twofold."""
        fitting = int(BATCH_SECONDS * sent / max(seconds, 0.001))
        self._size = max(1, min(BATCH_LIMIT, 2 * self._size, fitting))

    def _tasks_of(self, effects: Sequence[Effect]) -> dict[str, Mapping[str, Any] | CrmError]:
        """By effect key: the task as it is now, or why it cannot be changed. Raises CrmError."""
        if not effects:
            return {}
        commands = {
            f"t{number}": Command("tasks.task.get", {"taskId": effect.task, "select": TASK_SELECT})
            for number, effect in enumerate(effects)
        }
        answers = self._read(commands).by_key
        found: dict[str, Mapping[str, Any] | CrmError] = {}
        for effect, answer in zip(effects, answers.values(), strict=True):
            task = answer.result.get("task") if isinstance(answer.result, dict) else None
            missing = Gone("the task does not exist any more", portal=self._portal, call="tasks.task.get", code="GONE")
            found[effect.key] = task or answer.error or missing
        return found

    def _all_tasks(self, begin: str) -> Iterator[Mapping[str, Any]]:
        """Our tasks created since, oldest first."""
        feed = next(feed for feed in feeds(self._wanted) if feed.name == "task")
        after = 0
        while True:
            asked = feed.command(after, None)
            narrowed = {**asked.params["filter"], "TAG": TAG, ">=CREATED_DATE": begin}
            answer = self._read({"tasks": Command(asked.method, {**asked.params, "filter": narrowed})}).by_key["tasks"]
            if answer.error is not None:
                raise answer.error
            rows = feed.rows_of(answer.result)
            yield from rows
            if len(rows) < BATCH_LIMIT:
                return
            after = int(rows[-1]["id"])

    def _find_notes(self, effects: Sequence[Effect], begin: str) -> dict[str, str]:
        commands = {}
        for number, effect in enumerate(effects):
            kind, _, card = effect.bind[0].partition(":")
            narrow = {"ENTITY_TYPE": kind, "ENTITY_ID": card, ">=CREATED": begin}
            commands[f"n{number}"] = Command(
                "crm.timeline.comment.list", {"filter": narrow, "select": ("ID", "COMMENT"), "order": {"ID": "ASC"}}
            )
        answers = self._read(commands).by_key
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


def _first_batch(plans: list[Plan]) -> tuple[list[Plan], list[Plan]]:
    """As many plans as fit into one batch of commands, and the rest."""
    total = 0
    for number, one in enumerate(plans):
        total += len(one.commands)
        if total > BATCH_LIMIT:
            return plans[:number], plans[number:]
    return plans, []


def _ended(runs: Sequence[Run], name: str) -> bool:
    return any(run.ended for run in runs if run.feed.name == name)


def _began(runs: Sequence[Run], name: str) -> datetime | None:
    return next((run.began for run in runs if run.feed.name == name), None)
