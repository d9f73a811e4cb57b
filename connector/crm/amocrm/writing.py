"""Effects as calls: arrays of creates and of changes, judged one by one, never repeated where a doubt is left.

One bad member fails its whole array (facts/amocrm.md 2.1), so a refused array is sent again in halves until the
culprit stands alone. There is no idempotency: an answer that is lost leaves its effects `unknown`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api, embedded
from connector.crm.amocrm.bodies import Bodies, Member, Route, longer
from connector.crm.amocrm.finding import find
from connector.crm.amocrm.wording import Wording
from connector.crm.port import Effect, Outcome
from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused, Throttled

LARGEST = 250
"""Members of one array that the API takes; 50 are advised, so we begin there."""
ADVISED = 50
QUICK, SLOW = 5.0, 20.0
"""Seconds of one array: below, the next may be twice as long; above, half."""
BLOCKED_SECONDS = 900.0
PAUSE_SECONDS = 5.0
"""After a failure that surely applied nothing."""


class Writer:
    """Sends effects of one account; remembers how long an array may be."""

    def __init__(self, api: Api, account: Account) -> None:
        self._api = api
        self._bodies = Bodies(account, Wording(english=api.speaks_english))
        self.size = ADVISED

    def look_up(self, effects: Sequence[Effect], since: datetime) -> dict[str, str]:
        """Creating effects that did reach the CRM: effect key -> remote id. Raises CrmError."""
        return find(self._api, effects, since)

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """One outcome for each effect. Raises nothing but LeaseLost from the pacer."""
        arrays: dict[Route, list[Member]] = {}
        for effect in self._ready(effects):
            if isinstance(effect, Outcome):
                yield effect
            else:
                route, member = effect
                arrays.setdefault(route, []).append(member)
        stopped: CrmError | None = None
        for route, members in sorted(arrays.items(), key=lambda pair: _URGENCY[pair[0].key]):
            waiting = members
            while waiting:
                array, waiting = _take(waiting, self.size)
                if stopped is not None:
                    yield from (_later(member.effect, stopped) for member in array)
                    continue
                for outcome, error in self._send(route, array):
                    stopped = stopped or error
                    yield outcome

    def _ready(self, effects: Sequence[Effect]) -> Iterator[Outcome | tuple[Route, Member]]:
        """What each effect sends, and where; an outcome at once where there is nothing to send."""
        texts = self._texts([effect for effect in effects if effect.verb == "add_line"])
        closed: CrmError | None = None
        for effect in effects:
            if closed is not None:  # the account's own words can't be read now: ask once, not for each effect
                yield _judged(effect, closed)
                continue
            try:
                yield _line_added(effect, texts) if effect.verb == "add_line" else self._bodies.of(effect)
            except CrmError as error:
                closed = None if isinstance(error, Refused | Gone) else error
                yield _judged(effect, error)
            except (ValueError, TypeError, KeyError):
                yield Outcome(key=effect.key, status="refused", code="shape", text="the effect lacks what it needs")

    def _texts(self, effects: Sequence[Effect]) -> dict[str, str] | CrmError:
        """The present texts of the tasks that get a line."""
        numbers = sorted({effect.task for effect in effects if effect.task})
        texts: dict[str, str] = {}
        try:
            for start in range(0, len(numbers), ADVISED):
                params = [("filter[id][]", number) for number in numbers[start : start + ADVISED]]
                for rows in self._api.rows("tasks", "tasks", params, name="tasks"):
                    texts |= {str(row.get("id")): str(row.get("text") or "") for row in rows}
        except CrmError as error:
            return error
        return texts

    def _send(self, route: Route, array: Sequence[Member]) -> Iterator[tuple[Outcome, CrmError | None]]:
        """Send one array, in halves where it is refused; the error, where going on makes no sense."""
        bodies = [
            {**member.body, "request_id": str(place)} if route.creates else member.body
            for place, member in enumerate(array)
        ]
        began = time.monotonic()
        try:
            answer = self._api.write(route.verb, route.path, bodies, name=f"{route.verb} {route.path}")
        except (Refused, Gone) as error:
            if len(array) == 1:
                yield _judged(array[0].effect, error), None
                return
            half = len(array) // 2
            stopped: CrmError | None = None
            for part in (array[:half], array[half:]):
                if stopped is not None:
                    yield from ((_later(member.effect, stopped), stopped) for member in part)
                    continue
                for outcome, failure in self._send(route, part):
                    stopped = stopped or failure
                    yield outcome, failure
        except CrmError as error:
            if isinstance(error, Ambiguous):
                self.size = max(1, self.size // 2)
            yield from ((_judged(member.effect, error), error) for member in array)
        else:
            self._learn(len(array), time.monotonic() - began)
            yield from ((outcome, None) for outcome in _matched(route, array, embedded(answer, route.key)))

    def _learn(self, length: int, seconds: float) -> None:
        if seconds > SLOW:
            self.size = max(1, self.size // 2)
        elif seconds < QUICK and length >= self.size:
            self.size = min(LARGEST, self.size * 2)


_URGENCY = {"tasks": 0, "notes": 1, "companies": 2, "contacts": 2, "leads": 2}
"""Tasks first: scores can wait."""


def _take(members: Sequence[Member], size: int) -> tuple[list[Member], list[Member]]:
    """At most `size` members, none about a card or task that is in the array already; and the rest."""
    taken: list[Member] = []
    rest: list[Member] = []
    about: set[Any] = set()
    for member in members:
        number = member.body.get("id")
        if len(taken) < size and (number is None or number not in about):
            about.add(number)
            taken.append(member)
        else:
            rest.append(member)
    return taken, rest


def _matched(route: Route, array: Sequence[Member], rows: Iterable[Any]) -> Iterator[Outcome]:
    """Creates by the echoed `request_id`, changes by id; what the answer does not name stays in doubt."""
    known = [row for row in rows if isinstance(row, dict) and row.get("id")]
    by_name = {str(row.get("request_id" if route.creates else "id")): str(row["id"]) for row in known}
    for place, member in enumerate(array):
        number = by_name.get(str(place) if route.creates else str(member.body["id"]))
        if number is None:
            yield Outcome(key=member.effect.key, status="unknown", text="the answer does not name it")
        else:
            yield Outcome(key=member.effect.key, status="done", remote_id=number if route.creates else None)


def _judged(effect: Effect, error: CrmError) -> Outcome:
    if isinstance(error, Ambiguous):
        return Outcome(key=effect.key, status="unknown", code=error.code, text=error.text)
    if isinstance(error, (Refused, Gone)):
        return Outcome(key=effect.key, status="refused", code=error.code, text=error.text)
    return _later(effect, error)


def _later(effect: Effect, error: CrmError) -> Outcome:
    """Surely not applied: it was not sent, or turned away at the door."""
    usual = BLOCKED_SECONDS if isinstance(error, Blocked) else PAUSE_SECONDS
    wait = error.wait if isinstance(error, Throttled) else max(error.wait, usual)
    return Outcome(key=effect.key, status="later", code=error.code, text=error.text, wait=wait)


def _line_added(effect: Effect, texts: dict[str, str] | CrmError) -> Outcome | tuple[Route, Member]:
    """One line more in a task's text; sent again it changes nothing."""
    if isinstance(texts, CrmError):
        raise texts
    if effect.task not in texts:
        return Outcome(key=effect.key, status="refused", code="404", text="the task is gone")
    ready = longer(effect, texts[effect.task])
    if ready is None:
        return Outcome(key=effect.key, status="done")
    texts[effect.task] = ready[1].body["text"]
    return ready
