"""Writes in the air: effects cut into requests, up to 8 of them side by side, outcomes as they come.

Sources: facts/bulk.md 6 (batches as long as time allows, tasks before scores), bitrix24.md 2.5 (a request is cut after
60 s, a method's execution time). Which commands may leave together is told by `batching`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from connector.crm.bitrix24.api import BATCH_LIMIT, Answer, Api, Command, resolved
from connector.crm.bitrix24.batching import next_commands, parts
from connector.crm.bitrix24.feeds import TASK_SELECT, BatchReader
from connector.crm.bitrix24.reading import TOO_LONG
from connector.crm.bitrix24.refusals import TOO_FAST, used_up
from connector.crm.bitrix24.sharing import REQUESTS
from connector.crm.bitrix24.writes import Plan, failed, needs_no_card, plan, reads_first
from connector.crm.port import CREATING, Effect, Outcome
from connector.crm.turns import task_of, turns
from connector.errors import Blocked, CrmError, Gone, LeaseLost, Throttled

FIRST_SIZE: Final = 25
"""Commands in the first write while nothing is known of how long the portal takes."""
BATCH_SECONDS: Final = 15.0
"""How long a write should take; the portal cuts at 60 s, and then the whole batch is in doubt."""
GUESSING: Final = 4
"""Requests in the air while it is only guessed, from quick answers to others, how long a method takes."""
TRIES: Final = 6
"""Of a request that the portal did not take because it came too soon."""
USUAL: Final = ("tasks.task.add", "crm.item.update")
"""The methods of nearly all our writes."""
ORDER: Final[Mapping[str, int]] = {"creates": 0, "changes": 1, "scores": 2}


@dataclass(slots=True)
class _Load:
    """What one request begins with: plans, or effects on tasks that have to be read first."""

    plans: list[Plan] = field(default_factory=list)
    unread: list[Effect] = field(default_factory=list)

    @property
    def methods(self) -> Counter[str]:
        """What will be called, as far as it is known."""
        return Counter(command.method for one in self.plans for command in one.commands.values())


@dataclass(slots=True)
class _Carried:
    outcomes: list[Outcome] = field(default_factory=list)
    closed: CrmError | None = None
    """The portal as a whole is shut to us."""


class Sender:
    """Sends one portal's effects. One `send` at a time."""

    def __init__(
        self,
        api: Api,
        read: BatchReader,
        threads: Executor,
        portal: str,
        zone: ZoneInfo,
        *,
        cards: bool,
        names_itself: Callable[[], bool],
    ) -> None:
        """`cards`: whether we are an application that may put cards with buttons into the timeline."""
        self._api = api
        self._operating = api.operating
        self._read = read
        self._threads = threads
        self._portal = portal
        self._zone = zone
        self._cards = cards
        self._names_itself = names_itself

    def batch_size(self) -> int:
        """How many effects may be started now."""
        known = [method for method in USUAL if self._operating.seconds(method) is not None]
        if known:
            return REQUESTS * min(self._length(method) for method in known)
        return self._width(Counter(USUAL)) * min(self._length(method) for method in USUAL)

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """One outcome for each effect, as they come. Raises LeaseLost when what had left is answered."""
        closed: CrmError | None = None
        for turn in turns(effects):
            if closed is not None:
                yield from (failed(effect, closed) for effect in turn)
                continue
            for carried in self._send_turn(turn):
                closed = closed or carried.closed
                yield from carried.outcomes

    def _send_turn(self, effects: Sequence[Effect]) -> Iterator[_Carried]:
        ready, waiting, unread = self._planned(effects)
        yield _Carried(ready)
        air: dict[Future[_Carried], Counter[str]] = {}
        closed: CrmError | None = None
        lost: LeaseLost | None = None
        try:
            while air or ((waiting or unread) and lost is None):
                yield _Carried(self._held_back(waiting))
                while (waiting or unread) and closed is None and lost is None:
                    load = self._next_load(waiting, unread)
                    if air and not self._may_leave(load.methods, air):
                        waiting.extendleft(reversed(load.plans))
                        unread.extendleft(reversed(load.unread))
                        break
                    air[self._threads.submit(self._carry, load)] = load.methods
                if closed is not None:
                    rest = [*(one.effect for one in waiting), *unread]
                    waiting.clear()
                    unread.clear()
                    yield _Carried([failed(effect, closed) for effect in rest], closed)
                for future in wait(air, return_when=FIRST_COMPLETED).done:
                    del air[future]
                    try:
                        carried = future.result()
                    except LeaseLost as error:
                        lost = error
                        continue
                    closed = closed or carried.closed
                    yield carried
        finally:
            wait(air)  # whoever listens has stopped; what has left is still brought to its end
        if lost is not None:
            raise lost

    def _planned(self, effects: Sequence[Effect]) -> tuple[list[Outcome], deque[Plan], deque[Effect]]:
        """Settled without a call; to be sent, in their order; to be read about first."""
        ready: list[Outcome] = []
        plans: list[Plan] = []
        unread: deque[Effect] = deque()
        for number, effect in enumerate(sorted(effects, key=lambda each: ORDER[_kind(each)])):
            if reads_first(effect):
                unread.append(effect)
                continue
            made = plan(effect, f"e{number}", self._zone, None, cards=self._cards)
            if made.outcome is not None:
                ready.append(made.outcome)
            else:
                plans.append(made)
        return ready, deque(plans), unread

    def _held_back(self, waiting: deque[Plan]) -> list[Outcome]:
        """Takes out effects whose method has used up its execution time: they wait for it, the others go on."""
        outcomes: list[Outcome] = []
        for one in [waiting.popleft() for _ in range(len(waiting))]:
            pause = max((self._operating.wait(command.method) for command in one.commands.values()), default=0.0)
            if pause:
                outcomes.append(failed(one.effect, used_up(self._portal, pause)))
            else:
                waiting.append(one)
        return outcomes

    def _next_load(self, waiting: deque[Plan], unread: deque[Effect]) -> _Load:
        """As much as one request carries in good time. Creates come first, then tasks to be read, then the rest."""
        if unread and not (waiting and _kind(waiting[0].effect) == "creates"):
            count = min(len(unread), self._length("tasks.task.get"))
            return _Load(unread=[unread.popleft() for _ in range(count)])
        load, room = _Load(), 1.0
        while waiting:
            cost = sum(self._cost(command.method) for command in waiting[0].commands.values())
            if load.plans and cost > room + 1e-9:
                break
            load.plans.append(waiting.popleft())
            room -= cost
        return load

    def _cost(self, method: str) -> float:
        """The part of a request that one command takes."""
        seconds = self._operating.expected(method)
        return min(1.0, max(1 / BATCH_LIMIT, seconds / BATCH_SECONDS if seconds is not None else 1 / FIRST_SIZE))

    def _length(self, method: str) -> int:
        return max(1, int(1 / self._cost(method) + 1e-9))

    def _width(self, methods: Counter[str]) -> int:
        """How many requests may be in the air with one of these methods: few while nobody knows how long they take."""
        unknown = [method for method in methods if self._operating.seconds(method) is None]
        if not unknown:
            return REQUESTS
        return GUESSING if all(self._length(method) == BATCH_LIMIT for method in unknown) else 1

    def _may_leave(self, methods: Counter[str], air: Mapping[Future[_Carried], Counter[str]]) -> bool:
        in_the_air = sum(air.values(), Counter())
        if self._api.long_quiet:  # one goes ahead and learns whether the portal is still at ease
            return False
        return len(air) < self._width(methods) and self._operating.may_start(methods, in_the_air)

    def _carry(self, load: _Load) -> _Carried:
        """One load to its end. Raises LeaseLost."""
        carried = _Carried()
        plans = load.plans
        if load.unread:
            try:
                plans = self._read_and_plan(load.unread, carried)
            except CrmError as error:
                carried.closed = error if isinstance(error, Blocked) else None
                carried.outcomes += [failed(effect, error) for effect in load.unread]
                return carried
        answers: dict[int, dict[str, Answer]] = {number: {} for number in range(len(plans))}
        while now := next_commands(plans, answers):
            for part in parts(now):
                self._request(plans, part, answers)
        for number, one in enumerate(plans):
            outcome = one.judge(answers[number])
            if any(needs_no_card(one.effect, answer.error) for answer in answers[number].values()):
                self._cards = False
            if outcome.closed and carried.closed is None:
                errors = (each.error for each in answers[number].values())
                carried.closed = next(error for error in errors if isinstance(error, Blocked))
            carried.outcomes.append(outcome)
        return carried

    def _read_and_plan(self, effects: Sequence[Effect], carried: _Carried) -> list[Plan]:
        """Plans for effects that build on what stands in their task. Raises CrmError."""
        commands = {
            f"t{number}": Command("tasks.task.get", {"taskId": task_of(effect), "select": TASK_SELECT})
            for number, effect in enumerate(effects)
        }
        plans: deque[Plan] = deque()
        for (number, effect), answer in zip(enumerate(effects), self._read(commands).by_key.values(), strict=True):
            task: Any = answer.result.get("task") if isinstance(answer.result, dict) else None
            if not task:
                missing = Gone(
                    "the task does not exist any more", portal=self._portal, call="tasks.task.get", code="GONE"
                )
                carried.outcomes.append(failed(effect, answer.error or missing))
                continue
            made = plan(effect, f"e{number}", self._zone, task, cards=self._cards)
            if made.outcome is not None:
                carried.outcomes.append(made.outcome)
            else:
                plans.append(made)
        carried.outcomes += self._held_back(plans)
        return list(plans)

    def _request(
        self, plans: Sequence[Plan], part: Mapping[str, int], answers: Mapping[int, dict[str, Answer]]
    ) -> None:
        """One request with these commands, which belong to these plans; adds what was answered. Raises LeaseLost."""
        commands = {}
        for name, number in part.items():
            command = plans[number].commands[name]
            known = {key: answer.result for key, answer in answers[number].items() if answer.error is None}
            commands[name] = replace(command, params=resolved(command.params, known))
        try:
            told = self._patient_about_speed(commands)
        except CrmError as error:
            if error.code in TOO_LONG:
                methods = [command.method for command in commands.values()]
                self._operating.too_long(methods, 2 * BATCH_SECONDS / len(commands))
            told = dict.fromkeys(commands, Answer(error=error))
        for name, number in part.items():
            answers[number][name] = told[name]

    def _patient_about_speed(self, commands: Mapping[str, Command]) -> Mapping[str, Answer]:
        """A request that came too soon was not looked at: it goes again when the pacer lets it. Raises CrmError."""
        for _ in range(TRIES):
            try:
                return self._api.batch(commands, writing=True, named=self._names_itself()).by_key
            except Throttled as error:
                if error.code.lower() != TOO_FAST:
                    raise
                last = error
        raise last


def _kind(effect: Effect) -> Literal["creates", "changes", "scores"]:
    if effect.verb in CREATING:
        return "creates"
    return "scores" if effect.verb == "write_fields" else "changes"
