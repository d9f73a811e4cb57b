"""Which planned touches are asked now, which join a task that is open already, and what keeps the others.

Source: docs/regulations.md, "Asking". Candidates are taken by priority, then due: tasks, then proposals, then riders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rules.assessment import Reason
from rules.book import head_of
from rules.holds import hold_on
from rules.ledger import Asked, State
from rules.ordering import order_task
from rules.plan import in_force_since
from rules.roles import doer_of
from rules.settling import proof_in_hand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rules.duty import Docket, Duty
    from rules.occurrence import Occurrence
    from rules.timing import Timing

MOST_REOPENED: Final = 3
"""So often an occurrence comes back when its reason does."""

Name = tuple[str, str, str]
"""Rule, subject, occurrence."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Why an occurrence is not asked now."""

    code: str
    reason: Reason
    waits: bool = False
    """It is still planned; otherwise it is held or dropped."""
    unknown: bool = False


def ask(docket: Docket) -> dict[Name, Kept]:
    """Ask what is due for asking; what is kept, and why, comes back.

    A step that turns out to be done already makes room for the next one: then all is considered once more.
    """
    while True:
        kept: dict[Name, Kept] = {}
        done = _count_done(docket)
        for duty, occurrence in sorted(_candidates(docket), key=_turn):
            found = _consider(docket, duty, occurrence)
            if found is not None:
                kept[duty.rule.id, duty.subject, occurrence.name] = found
        if _count_done(docket) == done:  # each round settles one more, and there are only so many touches
            return kept


def _count_done(docket: Docket) -> int:
    return sum(row.state is State.DONE for row in docket.book)


def _candidates(docket: Docket) -> Iterator[tuple[Duty, Occurrence]]:
    for duty in docket.duties:
        if duty.holds:
            for one in duty.plan(docket.book).occurrences:
                if one.row is None or one.row.state is State.WITHDRAWN:
                    yield duty, one


def _turn(candidate: tuple[Duty, Occurrence]) -> tuple[bool, bool, int, datetime, str]:
    """Tasks first: a proposal that comes up with one joins it."""
    duty, occurrence = candidate
    proposed = duty.rule.task.mode != "auto"
    return bool(duty.rule.touch.ride_on), proposed, duty.rule.priority, occurrence.due_at, duty.subject


def _consider(docket: Docket, duty: Duty, one: Occurrence) -> Kept | None:
    """Ask it, or say what is in the way."""
    refused = _refused(docket, duty, one)
    if refused is not None:
        return refused
    acts = duty.timing.acts(max(one.planned_at, docket.now))
    if acts > docket.now:
        docket.wake_at(acts)
        return _kept("planned", "task.lead", acts, waits=True)
    hold = hold_on(duty, docket)
    if hold is not None:
        docket.wake_at(duty.timing.acts(hold.until) if hold.until is not None else None)
        return Kept(
            "held", Reason(path="hold", code=hold.code, seen=hold.seen, wanted=hold.until), unknown=hold.unknown
        )
    if doer_of(duty.rule.task.assign_to, duty.case) is None:
        nobody = Reason(path="task.assign_to", code="nobody", wanted=duty.rule.task.assign_to)
        docket.notes.append(nobody)
        return Kept("nobody", nobody)
    if one.row is not None:
        _reopen(docket, duty, one, one.row)
        return None
    return _ask_new(docket, duty, one)


def _refused(docket: Docket, duty: Duty, one: Occurrence) -> Kept | None:
    """What time alone will not cure, or only much later."""
    if one.row is not None and one.row.reopened >= MOST_REOPENED:
        return _kept("reopened-enough", "task", one.row.reopened)
    since = in_force_since(duty.rule, duty.case)
    if one.row is None and not one.rhythm and one.due_at < since:
        return _kept("before-force", "touch.due", since)
    if one.lapse_at is not None:
        lapses = duty.timing.acts(one.lapse_at)
        if lapses <= docket.now:
            return _kept("lapsed", "touch.lapse", one.lapse_at)
        docket.wake_at(lapses)
    return _over_limit(docket, duty, one) if one.row is None else None


def _over_limit(docket: Docket, duty: Duty, one: Occurrence) -> Kept | None:
    """`at_most`: so many were asked of this client in the window that ends at the due date."""
    limit = duty.rule.touch.at_most
    if limit is None:
        return None
    timing = duty.timing
    first = timing.calendar.shift_date(
        timing.day_of(max(one.due_at, docket.now) if one.rhythm else one.due_at),
        limit.per,
        back=True,
        cycle_days=duty.case.cycle_days,
    )
    asked = sorted(
        row.asked_at
        for row in docket.book.rows_of(duty.rule)
        if row.state is not State.WITHDRAWN and timing.day_of(row.asked_at) > first
    )
    if len(asked) < limit.count:
        return None
    if one.rhythm:  # it waits until the oldest falls out of the window
        oldest = timing.day_of(asked[-limit.count])
        free = timing.calendar.shift_date(oldest, limit.per, cycle_days=duty.case.cycle_days)
        docket.wake_at(timing.acts(max(duty.case.start_of(free), one.planned_at)))
    return _kept("at-most", "touch.at_most", len(asked), wanted=limit.count)


def _kept(code: str, path: str, seen: Any, *, wanted: Any = None, waits: bool = False) -> Kept:
    return Kept(code, Reason(path=path, code=code, seen=seen, wanted=wanted), waits)


# the orders
def _ask_new(docket: Docket, duty: Duty, one: Occurrence) -> Kept | None:
    """A line of an open task, a proposal, or a task of its own."""
    row = duty.draft(one, docket.now)
    touch = proof_in_hand(docket, row, duty.case)
    if touch is not None:
        docket.book.put(docket.book.settle(row, State.DONE, touch.at, proof=(touch.signal.id,)))
        return None
    host = _ridden(docket, duty) or _host(docket, duty, row)
    if host is not None:
        _join(docket, duty, replace(row, joined=head_of(host), assignee=host.assignee), one)
        return None
    waiting = _ride_to_come(docket, duty)
    if waiting is not None:
        return _kept("rides", "touch.ride_on", waiting, waits=True)
    if not duty.rule.always and _open_tasks(docket) >= docket.regulation.limits.open_per_client:
        return _kept("open-per-client", "limits.open_per_client", _open_tasks(docket))
    spread = one.rhythm and _from_before(duty, one)
    if duty.rule.task.mode == "auto":
        order_task(docket, duty, "ask", row, one, spread=spread)
        _take_proposals_in(docket, row)
    else:
        order_task(docket, duty, "offer", duty.draft(one, docket.now, State.OFFERED), one, spread=spread)
    return None


def _join(docket: Docket, duty: Duty, row: Asked, one: Occurrence) -> None:
    order_task(docket, duty, "join", row, one, joins=row.joined)


def _reopen(docket: Docket, duty: Duty, one: Occurrence, row: Asked) -> None:
    """The same task again: its reason has come back. A task that a person deleted meanwhile stays deleted."""
    task = docket.book.task(row)
    if task is not None and task.deleted:
        docket.book.put(docket.book.settle(row, State.DECLINED, docket.now, reason="deleted"))
        return
    due = one.due_at if one.movable else row.promise_at
    promise = duty.timing.promise(due, row.planned_at, docket.now, one.term)
    steps = duty.ignored(docket.now) if row.proposed else duty.steps(promise, one.term)
    again = replace(
        row,
        state=State.OFFERED if row.proposed else State.ASKED,
        anchor_at=one.anchor_at if one.movable else row.anchor_at,
        due_at=one.due_at if one.movable else row.due_at,
        lapse_at=one.lapse_at if one.movable else row.lapse_at,
        promise_at=promise,
        steps=row.steps if promise == row.promise_at and not row.proposed else steps,
        asked_at=docket.now,
        assignee=doer_of(duty.rule.task.assign_to, duty.case),
        reminded_at=None,
        answered_at=row.answered_at if not row.proposed else None,
        withdrawn_at=None,
        reason=None,
        reopened=row.reopened + 1,
    )
    order_task(docket, duty, "reopen", again, one)


def _from_before(duty: Duty, one: Occurrence) -> bool:
    """A rhythm that was due before its rule came into force belongs to the backlog of the first run."""
    timing = duty.timing
    first = timing.calendar.roll_forward(timing.day_of(in_force_since(duty.rule, duty.case)))
    return timing.day_of(one.due_at) <= first


# merging
def _open_tasks(docket: Docket) -> int:
    return len({head_of(row) for row in docket.book.open_rows()})


def _host(docket: Docket, duty: Duty, row: Asked) -> Asked | None:
    """An open task of the same doer that this can join as a line."""
    if not duty.rule.task.merge:
        return None
    heads = {head_of(open_row): open_row for open_row in docket.book.open_rows() if open_row.state is State.ASKED}
    fitting = [docket.book[head] for head in heads if _merges(docket, duty.timing, row, docket.book[head])]
    return min(fitting, key=lambda host: (host.promise_at, host.key), default=None)


def _merges(docket: Docket, timing: Timing, row: Asked, head: Asked) -> bool:
    rule = docket.book.rule_of(head)
    lines = docket.book.lines(head)
    if rule is None or not rule.task.merge or head.assignee != row.assignee:
        return False
    if not any(set(row.kinds) & set(line.kinds) for line in lines):
        return False
    due = timing.day_of(max(min(line.promise_at for line in lines), docket.now))
    within, cycle = docket.regulation.limits.merge_within, timing.cycle_days
    first = timing.calendar.shift_date(due, within, back=True, cycle_days=cycle)
    last = timing.calendar.shift_date(due, within, cycle_days=cycle)
    return first <= timing.day_of(row.promise_at) <= last


def _take_proposals_in(docket: Docket, task: Asked) -> None:
    """An unanswered proposal joins a task that comes up after it."""
    for row in docket.book.open_rows():
        duty = docket.duty_of(row)
        if row.state is not State.OFFERED or duty is None or not duty.rule.task.merge:
            continue
        if _merges(docket, duty.timing, row, task):
            one = next((one for one in duty.plan(docket.book).occurrences if one.row == row), None)
            if one is not None:
                steps = duty.steps(row.promise_at, one.term)
                line = replace(row, state=State.ASKED, joined=task.key, steps=steps, asked_at=docket.now)
                _join(docket, duty, line, one)


# riding
def _ridden(docket: Docket, duty: Duty) -> Asked | None:
    """An open task of one of the rules that this one rides on."""
    hosts = [row for row in docket.book.open_rows() if row.state is State.ASKED and _carries(docket, duty, row)]
    found = min(hosts, key=lambda row: (row.promise_at, row.key), default=None)
    return docket.book[head_of(found)] if found is not None else None


def _carries(docket: Docket, duty: Duty, row: Asked) -> bool:
    rule = docket.book.rule_of(row)
    return rule is not None and not {rule.id, *rule.was}.isdisjoint(duty.rule.touch.ride_on)


def _ride_to_come(docket: Docket, duty: Duty) -> datetime | None:
    """When a rule that this one rides on will be asked, if its touch is due soon."""
    timing = duty.timing
    last = timing.calendar.shift_date(
        duty.case.today, docket.regulation.limits.ride_within, cycle_days=duty.case.cycle_days
    )
    moments = [
        other.timing.acts(one.planned_at)
        for other in docket.duties
        if other.holds and not {other.rule.id, *other.rule.was}.isdisjoint(duty.rule.touch.ride_on)
        for one in other.plan(docket.book).occurrences
        if one.row is None and timing.day_of(one.due_at) <= last
    ]
    return min((moment for moment in moments if moment > docket.now), default=None)
