"""Writes in the air: effects cut into arrays of creates and of changes, several side by side, outcomes as they come.

There is no idempotency: an answer that is lost leaves its effects `unknown`, and nothing is sent again here. One bad
member fails its whole array, as far as anybody knows (facts/amocrm.md 2.1): then the others go once more without it,
and of creates it is first looked whether they were made all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api, embedded
from connector.crm.amocrm.bodies import Bodies, Member, Route, longer
from connector.crm.amocrm.finding import find
from connector.crm.amocrm.refusals import Invalid
from connector.crm.amocrm.wording import Wording
from connector.crm.port import Effect, Outcome
from connector.crm.turns import failed, turns
from connector.errors import Ambiguous, CrmError, Gone, LeaseLost, NotSent, Refused

TEXTS_AT_ONCE: Final = 100
"""Tasks named in one request."""
URGENCY: Final[Mapping[str, int]] = {"tasks": 0, "notes": 1, "companies": 2, "contacts": 2, "leads": 2}
"""Tasks first: scores can wait."""
TYPE: Final = "task_type_id"


@dataclass(frozen=True, slots=True)
class _Array:
    route: Route
    members: Sequence[Member]
    size: int
    """How long it was allowed to be when it left."""


@dataclass(slots=True)
class _Carried:
    """What became of one array."""

    outcomes: list[Outcome] = field(default_factory=list)
    stopped: CrmError | None = None
    """Going on makes no sense for now."""
    answered: list[tuple[int, float]] = field(default_factory=list)
    """Length and seconds of what was applied."""


class Sender:
    """Sends one account's effects. One `send` at a time."""

    def __init__(self, api: Api, account: Account, threads: Executor) -> None:
        self._api = api
        self._account = account
        self._threads = threads
        self._bodies = Bodies(account, Wording(english=api.speaks_english))

    def batch_size(self) -> int:
        """How many effects may be started now."""
        return self._api.speed.width * self._api.speed.size

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """One outcome for each effect, as they come. Raises LeaseLost when what had left is answered."""
        stopped: CrmError | None = None
        for turn in turns(effects):
            if stopped is not None:
                yield from (_held(effect, stopped) for effect in turn)
                continue
            for carried in self._send_turn(turn):
                stopped = stopped or carried.stopped
                yield from carried.outcomes

    def _send_turn(self, effects: Sequence[Effect]) -> Iterator[_Carried]:
        arrays: dict[Route, deque[Member]] = {}
        for each in self._ready(effects):
            if isinstance(each, _Carried):
                yield each
            else:
                arrays.setdefault(each[0], deque()).append(each[1])
        waiting = deque(sorted(arrays.items(), key=lambda pair: URGENCY[pair[0].key]))
        air: dict[Future[_Carried], _Array] = {}
        stopped: CrmError | None = None
        lost: LeaseLost | None = None
        try:
            while air or (waiting and lost is None):
                while waiting and stopped is None and lost is None and len(air) < self._api.speed.width:
                    array = self._next_array(waiting)
                    air[self._threads.submit(self._carry, array)] = array
                if stopped is not None:
                    rest = [_held(member.effect, stopped) for _, members in waiting for member in members]
                    waiting.clear()
                    yield _Carried(rest, stopped)
                for future in wait(air, return_when=FIRST_COMPLETED).done:
                    array = air.pop(future)
                    try:
                        carried = future.result()
                    except LeaseLost as error:
                        lost = error
                        continue
                    self._learn(array, carried)
                    stopped = stopped or carried.stopped
                    yield carried
        finally:
            wait(air)  # whoever listens has stopped; what has left is still brought to its end
        if lost is not None:
            raise lost

    def _next_array(self, waiting: deque[tuple[Route, deque[Member]]]) -> _Array:
        """As many of one kind as an array may have now."""
        route, members = waiting[0]
        size = self._api.speed.size
        taken = [members.popleft() for _ in range(min(size, len(members)))]
        if not members:
            waiting.popleft()
        return _Array(route, taken, size)

    def _learn(self, array: _Array, carried: _Carried) -> None:
        for length, seconds in carried.answered:
            self._api.speed.written(length, seconds, array.size)
        if isinstance(carried.stopped, Ambiguous):
            self._api.speed.doubted(array.size)

    def _ready(self, effects: Sequence[Effect]) -> Iterator[_Carried | tuple[Route, Member]]:
        """What each effect sends, and where; an outcome at once where there is nothing to send."""
        texts = self._texts([effect for effect in effects if effect.verb == "add_line"])
        stopped: CrmError | None = None
        for effect in effects:
            if stopped is not None:  # the account's own words can't be read now: ask once, not for each effect
                yield _Carried([_held(effect, stopped)], stopped)
                continue
            try:
                ready = _line_added(effect, texts) if effect.verb == "add_line" else self._bodies.of(effect)
                yield _Carried([ready]) if isinstance(ready, Outcome) else ready
            except (Refused, Gone) as error:
                yield _Carried([failed(effect, error)])
            except CrmError as error:
                stopped = error
                yield _Carried([_held(effect, error)], error)
            except (ValueError, TypeError, KeyError):
                told = "the effect lacks what it needs"
                yield _Carried([Outcome(key=effect.key, status="refused", code="shape", text=told)])

    def _texts(self, effects: Sequence[Effect]) -> dict[str, str] | CrmError:
        """The present texts of the tasks that get a line."""
        numbers = sorted({effect.task for effect in effects if effect.task})
        texts: dict[str, str] = {}
        try:
            for start in range(0, len(numbers), TEXTS_AT_ONCE):
                params = [("filter[id][]", number) for number in numbers[start : start + TEXTS_AT_ONCE]]
                for rows in self._api.rows("tasks", "tasks", params, name="tasks"):
                    texts |= {str(row.get("id")): str(row.get("text") or "") for row in rows}
        except CrmError as error:
            return error
        return texts

    def _carry(self, array: _Array) -> _Carried:
        """One array to its end, without its culprits where it is refused. Raises LeaseLost."""
        carried = _Carried()
        waiting = [array.members]
        while waiting:
            members = waiting.pop()
            if carried.stopped is not None:
                carried.outcomes += [_held(member.effect, carried.stopped) for member in members]
                continue
            try:
                waiting += self._post(array.route, members, carried)
            except CrmError as error:
                carried.stopped = error
                carried.outcomes += [failed(member.effect, error) for member in members]
        return carried

    def _post(self, route: Route, members: Sequence[Member], carried: _Carried) -> list[Sequence[Member]]:
        """One request; what is to be sent once more. Raises CrmError where none of them is settled."""
        bodies = [
            {**member.body, "request_id": str(place)} if route.creates else member.body
            for place, member in enumerate(members)
        ]
        began = self._api.clock or datetime.now(UTC)
        try:
            body, seconds = self._api.written(route.verb, route.path, bodies, name=f"{route.verb} {route.path}")
        except (Refused, Gone) as error:
            return self._without_culprits(route, members, error, began, carried)
        carried.answered.append((len(members), seconds))
        rows = embedded(body if isinstance(body, dict) else None, route.key)
        carried.outcomes += _matched(route, members, rows)
        return []

    def _without_culprits(
        self, route: Route, members: Sequence[Member], error: Refused | Gone, began: datetime, carried: _Carried
    ) -> list[Sequence[Member]]:
        """A refused array: those that were named, or stand alone, are refused; the others go again, or in halves.

        Raises CrmError where it cannot be told what was made.
        """
        blamed: dict[int, CrmError | None] = {
            place: error.of(place) if isinstance(error, Invalid) else None for place in range(len(members))
        }
        if len(members) == 1:
            blamed[0] = blamed[0] or error
        made: Mapping[str, str] = {}
        try:
            if route.creates and len(members) > 1:
                made = find(self._api, [member.effect for member in members], began)
            retyped = {place: self._retyped(members[place], reason) for place, reason in blamed.items()}
        except CrmError as unseen:
            text = "refused, and it cannot be seen whether a part was made"
            raise Ambiguous(
                text, portal=unseen.portal, call=unseen.call, code=unseen.code, advice=unseen.advice
            ) from None
        innocent: list[Member] = []
        for place, member in enumerate(members):
            reason, number, again = blamed[place], made.get(member.effect.key), retyped[place]
            if number is not None:
                carried.outcomes.append(Outcome(key=member.effect.key, status="done", remote_id=number))
            elif again is not None or reason is None:
                innocent.append(again or member)
            else:
                carried.outcomes.append(failed(member.effect, reason))
        if len(innocent) < len(members) or any(retyped.values()):
            return [innocent] if innocent else []
        half = len(innocent) // 2
        return [innocent[half:], innocent[:half]]

    def _retyped(self, member: Member, reason: CrmError | None) -> Member | None:
        """The same task under the type that there is now: an admin may have deleted the one we knew. Raises CrmError.

        None: there is no other, or the type was not the reason.
        """
        if not isinstance(reason, Invalid) or {flaw.word for flaw in reason.flaws} != {TYPE}:
            return None
        self._account.forget()
        _, again = self._bodies.of(member.effect)
        return None if again.body.get(TYPE) == member.body.get(TYPE) else again


def _matched(route: Route, members: Sequence[Member], rows: Iterable[Any]) -> Iterator[Outcome]:
    """Creates by the echoed `request_id`, changes by id; what the answer does not name stays in doubt."""
    known = [row for row in rows if isinstance(row, dict) and row.get("id")]
    by_name = {str(row.get("request_id" if route.creates else "id")): str(row["id"]) for row in known}
    for place, member in enumerate(members):
        number = by_name.get(str(place) if route.creates else str(member.body["id"]))
        key = member.effect.key
        if number is None:
            yield Outcome(key=key, status="unknown", text="the answer does not name it")
        elif route.creates:
            yield Outcome(key=key, status="done", remote_id=f"{member.made}:{number}" if member.made else number)
        else:
            yield Outcome(key=key, status="done")


def _held(effect: Effect, error: CrmError) -> Outcome:
    """Surely not applied: it did not leave, because of what became of another."""
    if isinstance(error, Ambiguous | Refused | Gone):
        error = NotSent(error.text, portal=error.portal, call=error.call, code=error.code, advice=error.advice)
    return failed(effect, error)


def _line_added(effect: Effect, texts: dict[str, str] | CrmError) -> Outcome | tuple[Route, Member]:
    """One line more in a task's text; sent again it changes nothing."""
    if isinstance(texts, CrmError):
        raise texts
    if effect.task not in texts:
        return failed(effect, Gone("the task is gone", call="tasks", code="404", advice="amo-object"))
    ready = longer(effect, texts[effect.task])
    return Outcome(key=effect.key, status="done") if ready is None else ready
