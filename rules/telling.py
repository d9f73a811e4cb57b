"""What is said about touches that are asked already: moved dates, new doers, reminders, escalation, answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rules.assessment import Reason
from rules.book import head_of
from rules.holds import freeze_on
from rules.ledger import Answer, Asked, Key, State
from rules.ordering import order_task
from rules.roles import doer_of, told

if TYPE_CHECKING:
    from rules.duty import Docket, Duty
    from rules.occurrence import Occurrence


def take_answers(docket: Docket) -> None:
    """Proposals that were answered: accepted, put off or declined. An answer counts once, and after the asking."""
    rows = {row.key: row for row in docket.book}
    for answer in docket.snapshot.answers:
        row = docket.book[answer.key] if answer.key in rows else None
        duty = docket.duty_of(row) if row is not None else None
        if row is None or duty is None or row.state is not State.OFFERED or answer.answer == "unclear":
            continue
        if answer.at <= (row.answered_at or row.asked_at):
            continue
        if answer.counts_at is not None and answer.counts_at > docket.now:
            docket.wake_at(answer.counts_at)
            continue
        answer = replace(answer, at=min(answer.at, docket.now))  # noqa: PLW2901  # the CRM's clock may be ahead of ours
        if answer.answer == "decline":
            declined = docket.book.settle(row, State.DECLINED, answer.at, reason=answer.reason)
            docket.book.put(_answered(declined, answer))
        elif answer.answer == "later":
            _put_off(docket, duty, row, answer)
        else:
            _accept(docket, duty, row, answer)


def _answered(row: Asked, answer: Answer) -> Asked:
    assert answer.answer != "unclear"
    return replace(row, answer=answer.answer, answered_at=answer.at, answered_by=answer.by)


def _accept(docket: Docket, duty: Duty, row: Asked, answer: Answer) -> None:
    """A task now; its promise is as if it were asked now. A person wants it, so no limit holds it back.

    What has lapsed or lost its reason meanwhile is left: it ends as a proposal.
    """
    one = _occurrence(docket, duty, row)
    lapsed = row.lapse_at is not None and duty.timing.acts(row.lapse_at) <= docket.now
    if one is None or lapsed or not duty.rule.enabled or duty.judged.holds is False:
        return
    promise = duty.timing.promise(row.due_at, row.planned_at, docket.now, one.term)
    steps = duty.steps(promise, one.term)
    task = replace(row, state=State.ASKED, promise_at=promise, steps=steps, asked_at=docket.now, reminded_at=None)
    order_task(docket, duty, "ask", _answered(task, answer), one, always=True)


def _put_off(docket: Docket, duty: Duty, row: Asked, answer: Answer) -> None:
    """A new date is a new due, as often as the file allows; after that the proposal ages as if unanswered."""
    if answer.until is None or row.later >= docket.regulation.proposals.later:
        return
    due = duty.timing.end_of(answer.until)
    ask_again = duty.timing.ask(due, answer.at, duty.rule.task.lead or docket.regulation.lead, clock=False)
    put_off = replace(
        row,
        due_at=due,
        promise_at=due,
        later=row.later + 1,
        later_until=answer.until,
        asked_at=ask_again,
        steps=duty.ignored(ask_again),
        reminded_at=None,
    )
    docket.book.put(_answered(put_off, answer))


def follow_facts(docket: Docket) -> None:
    """Open, untouched tasks follow a moved date and a role that changed hands."""
    for row in docket.book.open_rows():
        duty = docket.duty_of(row)
        if duty is None or not duty.holds or docket.book.edited(row):
            continue
        one = _occurrence(docket, duty, row)
        if one is not None and one.movable and one.anchor_at != row.anchor_at:
            row = _move(docket, duty, row, one)  # noqa: PLW2901  # the same row, as it is now
        doer = doer_of(duty.rule.task.assign_to, duty.case)
        if doer is not None and doer != row.assignee and _speaks_for_task(docket, row):
            docket.book.order("assign", replace(row, assignee=doer), to=doer, because="role")
            for line in docket.book.lines(row):
                docket.book.put(replace(docket.book[line.key], assignee=doer))


def _speaks_for_task(docket: Docket, row: Asked) -> bool:
    """One line of a task says who does it: its head, or once that is settled the most important of the open ones."""

    def weight(line: Asked) -> tuple[bool, int, Key]:
        rule = docket.book.rule_of(line)
        return line.key != head_of(line), rule.priority if rule is not None else 0, line.key

    return row.key == min(docket.book.lines(row), key=weight).key


def _move(docket: Docket, duty: Duty, row: Asked, one: Occurrence) -> Asked:
    promise = duty.timing.promise(one.due_at, one.planned_at, docket.now, one.term)
    moved = replace(
        row,
        anchor_at=one.anchor_at,
        due_at=one.due_at,
        promise_at=promise,
        lapse_at=one.lapse_at,
        steps=duty.steps(promise, one.term) if row.state is State.ASKED else row.steps,
    )
    return docket.book.order("move", moved, to=moved.assignee, due_at=promise, because="date")


def tell(docket: Docket) -> None:
    """Escalation of tasks, reminders and ignored proposals; frozen while held, ended by an edit."""
    for row in docket.book.open_rows():
        duty = docket.duty_of(row)
        if duty is None or docket.book.edited(row) or duty.judged.holds is not True:
            continue
        hold = freeze_on(duty, docket)
        if hold is not None:
            docket.wake_at(duty.timing.acts(hold.until) if hold.until is not None else None)
            continue
        _remind(docket, duty, row)
        _escalate(docket, duty, docket.book[row.key])


def _remind(docket: Docket, duty: Duty, row: Asked) -> None:
    if row.state is not State.OFFERED or row.reminded_at is not None:
        return
    timing = duty.timing
    limit = timing.plus(row.asked_at, docket.regulation.proposals.remind)
    acts = timing.acts(max(limit, docket.now))
    if acts <= docket.now:
        docket.book.order("remind", replace(row, reminded_at=docket.now), to=row.assignee, due_at=row.promise_at)
    docket.wake_at(acts)


def _escalate(docket: Docket, duty: Duty, row: Asked) -> None:
    because = "ignored" if row.state is State.OFFERED else "overdue"
    for place, step in enumerate(row.steps):
        if step.told_at is not None:
            continue
        acts = duty.timing.acts(max(step.at, docket.now))
        docket.wake_at(acts)
        if acts > docket.now:
            continue
        person = told(step.to, duty.case, row.assignee)
        if person is None:
            docket.notes.append(Reason(path=f"escalate.{place}.to", code="nobody", wanted=(step.to,)))
            continue
        steps = (*row.steps[:place], replace(step, told_at=docket.now), *row.steps[place + 1 :])
        row = docket.book.order(  # the same row, as it is now
            "tell", replace(row, steps=steps), to=person, due_at=row.promise_at, because=because, step=place + 1
        )


def _occurrence(docket: Docket, duty: Duty, row: Asked) -> Occurrence | None:
    return next((one for one in duty.plan(docket.book).occurrences if one.row == row), None)
