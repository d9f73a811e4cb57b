"""What an application has the portal tell it: handlers bound to events, and the queue that the portal keeps.

Sources: facts/bitrix24.md 1.6 (event.bind, event.get, event.unbind), 1.7 (offline events; `auth_connector` keeps our
own writes out of the queue). Only an application may call these; a webhook's events are chosen by hand.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.crm.bitrix24.api import BATCH_LIMIT, CONNECTOR, Answer, Api, Command
from connector.crm.bitrix24.clicks import CLICK_EVENT
from connector.crm.bitrix24.feeds import BatchReader
from connector.crm.bitrix24.webhook import (
    DIRECT_EVENTS,
    EVENTS,
    OFFLINE_SIGNAL,
    QUEUED_EVENTS,
    REMOVAL,
    UPDATE,
    bell_of,
)
from connector.crm.port import QueuedBells
from connector.errors import Refused

SIGNAL_SECONDS: Final = 2
"""The portal tells us at most so often that its queue holds something."""
QUEUE_PAGE: Final = 50
"""Queued events of one command."""
QUEUE_PAGES: Final = 10
"""Commands of one reading: 500 events."""
UNTOLD: Final = frozenset({CLICK_EVENT.upper(), REMOVAL.upper(), UPDATE.upper()})
"""Events that a portal knows although it may not name them among those it knows."""
_UNKNOWN_EVENT: Final = "error_event_not_found"
_BOUND_ALREADY: Final = "unable to set event handler"
_EXTENDED: Final = "rest_offline_extended"
_CONNECTOR: Final = "rest_auth_connector"


@dataclass(frozen=True, slots=True)
class Binding:
    """One event and the way it comes."""

    event: str
    offline: bool = False


class Subscriptions:
    """The bindings and the queue of one application on one portal."""

    def __init__(self, api: Api, read: BatchReader, *, queued: bool) -> None:
        self._api = api
        self._read = read
        self._queued = queued
        self._unknown: set[str] = set()
        """Events that this portal does not know by its own word: their module is off, or a right is missing."""
        self._refused: set[str] = set()
        """Events that turned out to be unknown when they were to be bound."""
        self._asking = threading.Lock()
        self._features: Mapping[str, bool] | None = None
        self._left_over = True
        """A former life may have left reserved events behind, which nobody else will ever be given."""

    def features(self) -> Mapping[str, bool]:
        """Whether the plan has `rest_offline_extended` and `rest_auth_connector`. Raises CrmError."""
        with self._asking:
            if self._features is None:
                commands = {code: Command("feature.get", {"CODE": code}) for code in (_EXTENDED, _CONNECTOR)}
                answers = self._read(commands).by_key
                for answer in answers.values():
                    if answer.error is not None and not isinstance(answer.error, Refused):
                        raise answer.error
                self._features = {code: _is_on(answer.result) for code, answer in answers.items()}
            return self._features

    @property
    def queue_works(self) -> bool:
        """Whether the portal queues events: it is wished, and the plan keeps what was read until it is confirmed.

        Raises CrmError.
        """
        return self._queued and self.features()[_EXTENDED]

    @property
    def names_itself(self) -> bool:
        """Whether our own writes can be kept out of the queue. Raises CrmError."""
        return self.features()[_CONNECTOR]

    @property
    def unknown(self) -> list[str]:
        """Events that this portal turned out not to know."""
        return sorted(self._unknown | self._refused)

    def lost(self, hook_url: str) -> list[str]:
        """Names of events that should come and are not bound. Raises CrmError."""
        return [one.event for one in self._missing(self._bound(hook_url))]

    def bind(self, hook_url: str) -> None:
        """Bind what is lost, and let go of what would come twice. Raises CrmError.

        An event that this portal does not know is left out from then on.
        """
        wanted, bound = set(self._wanted()), self._bound(hook_url)
        missing = self._missing(bound)
        for first in range(0, len(missing), BATCH_LIMIT):
            part = missing[first : first + BATCH_LIMIT]
            commands = {f"b{number}": self._binding(one, hook_url) for number, one in enumerate(part)}
            answers = self._api.batch(commands, writing=True).by_key
            for one, answer in zip(part, answers.values(), strict=True):
                self._judge(one, answer)
        superfluous = [one for one in bound if one not in wanted and one.event in EVENTS]
        if superfluous:
            commands = {f"u{number}": _unbinding(one, hook_url) for number, one in enumerate(superfluous[:BATCH_LIMIT])}
            self._api.batch(commands, writing=True)

    def read_queue(self) -> QueuedBells | None:
        """What the queue holds for us, reserved until `clear_queue`. Raises CrmError."""
        if not self.queue_works:
            return None
        asked = {"clear": 0, "limit": QUEUE_PAGE, **self._named()}
        commands = {f"q{number}": Command("event.offline.get", asked) for number in range(QUEUE_PAGES)}
        if self._left_over:
            left = {"filter": {"!PROCESS_ID": ""}, "order": {"ID": "ASC"}, **self._named()}
            commands = {"left": Command("event.offline.list", left), **commands}
        self._left_over = True  # an answer that is lost on the way leaves events reserved: they are listed next time
        answers = self._read(commands).by_key
        rows: list[Mapping[str, Any]] = []
        for name, answer in answers.items():
            if answer.error is not None and not rows:
                raise answer.error
            rows += _left_rows(answer.result) if name == "left" else _reserved_rows(answer.result)
        self._left_over = len(_left_rows(answers["left"].result)) >= QUEUE_PAGE if "left" in answers else False
        bells = [bell_of(str(row.get("EVENT_NAME")), row.get("EVENT_DATA")) for row in rows]
        receipts: dict[str, dict[str, None]] = {}
        for row in rows:
            receipts.setdefault(str(row["PROCESS_ID"]), {})[str(row["ID"])] = None
        told = tuple(dict.fromkeys(bell for bell in bells if bell is not None))
        return QueuedBells(bells=told, receipt=_receipt(receipts)) if receipts else None

    def clear_queue(self, receipt: str) -> None:
        """What was read lies in our own tables. Raises CrmError."""
        reserved = [one.partition(":") for one in receipt.split()]
        for first in range(0, len(reserved), BATCH_LIMIT):
            commands = {
                # by their ids: of a former reservation more may lie there than was read
                f"c{n}": Command("event.offline.clear", {"process_id": name, "id": ids.split(",")})
                for n, (name, _, ids) in enumerate(reserved[first : first + BATCH_LIMIT])
            }
            for answer in self._read(commands).by_key.values():
                if answer.error is not None:
                    raise answer.error

    def _wanted(self) -> Sequence[Binding]:
        if not self.queue_works:
            return [Binding(event) for event in EVENTS]
        queued = [Binding(event, offline=True) for event in QUEUED_EVENTS]
        return [*queued, *map(Binding, DIRECT_EVENTS), Binding(OFFLINE_SIGNAL.upper())]

    def _missing(self, bound: Collection[Binding]) -> list[Binding]:
        return [one for one in self._wanted() if one not in bound and one.event not in self.unknown]

    def _bound(self, hook_url: str) -> set[Binding]:
        """Our own bindings as the portal has them; others' handlers are none of our business.

        On the same occasion it tells which events it knows. Not all that it does (1.3): those are tried.
        """
        answers = self._read({"bound": Command("event.get", {}), "known": Command("events", {})}).by_key
        bound, known = answers["bound"], answers["known"]
        if bound.error is not None:
            raise bound.error
        if known.error is None and isinstance(known.result, list) and known.result:
            told = {str(event).upper() for event in known.result}
            self._unknown = {event for event in EVENTS if event not in told and event not in UNTOLD}
        return set(_ours(bound.result, hook_url))

    def _binding(self, one: Binding, hook_url: str) -> Command:
        if one.offline:
            return Command("event.bind", {"event": one.event, "event_type": "offline", **self._named()})
        options = {"minTimeout": SIGNAL_SECONDS} if one.event.lower() == OFFLINE_SIGNAL else None
        asked = {"event": one.event, "handler": hook_url}
        return Command("event.bind", {**asked, "options": options} if options else asked)

    def _named(self) -> Mapping[str, str]:
        return {"auth_connector": CONNECTOR} if self.names_itself else {}

    def _judge(self, one: Binding, answer: Answer) -> None:
        """Raises the CrmError of a binding that failed for a reason that somebody has to look at."""
        error = answer.error
        if error is None or _BOUND_ALREADY in f"{error.text} {error.code}".lower():
            return
        if error.code.lower() == _UNKNOWN_EVENT:
            self._refused.add(one.event)
            return
        raise error


def _unbinding(one: Binding, hook_url: str) -> Command:
    if one.offline:
        return Command("event.unbind", {"event": one.event, "event_type": "offline"})
    return Command("event.unbind", {"event": one.event, "handler": hook_url})


def _ours(rows: Any, hook_url: str) -> Iterator[Binding]:
    for row in rows if isinstance(rows, list) else []:
        event = str(row.get("event") or "").upper()
        if str(row.get("offline") or "0") in ("1", "Y"):
            yield Binding(event, offline=True)
        elif str(row.get("handler") or "").rstrip("/") == hook_url.rstrip("/"):
            yield Binding(event)


def _receipt(reserved: Mapping[str, Collection[str]]) -> str:
    return " ".join(f"{name}:{','.join(ids)}" for name, ids in reserved.items())


def _reserved_rows(told: Any) -> list[Mapping[str, Any]]:
    """Events that were just reserved for us, with the name of the reservation."""
    if not isinstance(told, dict) or not told.get("process_id"):
        return []
    return [{**row, "PROCESS_ID": told["process_id"]} for row in told.get("events") or []]


def _left_rows(told: Any) -> list[Mapping[str, Any]]:
    rows = told if isinstance(told, list) else []
    return [row for row in rows if row.get("PROCESS_ID")]


def _is_on(told: Any) -> bool:
    return (told.get("value") if isinstance(told, dict) else told) in ("Y", True, "true", 1, "1")
