"""How open touches end: by a fact, by a tick, by a lapse, or because their reason went. Facts are judged first.

Source: docs/regulations.md, "What fulfils" and "Leaving".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rules.book import head_of
from rules.facts import OPEN_PHASES, Unknown
from rules.ledger import Asked, State
from rules.plan import in_force_since

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rules.case import Case
    from rules.duty import Docket, Duty
    from rules.proof import Touch


@dataclass
class Claim:
    """An occurrence that a fact may fulfil."""

    row: Asked
    case: Case
    priority: int
    until: datetime | None = None
    """A tick, a deletion or a lapse ends the window."""
    asked: bool = True
    """False: its asking moment has come, but it was never asked (downtime, limits)."""

    @property
    def due(self) -> datetime:
        """What it is compared by."""
        return self.row.promise_at if self.asked else self.row.due_at


def settle_by_facts(docket: Docket) -> None:
    """Touches, outcomes and ticks, in the order in which they count; then rhythms that began anew."""
    _prove_by_touches(docket, list(_claims(docket)))
    _prove_by_outcomes(docket)
    _end_ticked(docket)
    _move(docket)


def settle_by_time(docket: Docket) -> None:
    """What has lapsed, and what lost its reason."""
    _lapse(docket)
    _leave(docket)


# facts
def _claims(docket: Docket) -> Iterator[Claim]:
    for row in docket.book:
        case = docket.case_of(row)
        rule = docket.book.rule_of(row)
        if case is None or not (row.open or row.state is State.UNPROVEN):
            continue
        until = row.settled_at if row.state is State.UNPROVEN else _closed(docket, row)
        priority = rule.priority if rule is not None else len(docket.regulation.rules)
        yield Claim(row, case, priority, _earliest(until, _lapses(docket, row)))
    for duty in docket.duties:
        if duty.holds:
            yield from _unasked(docket, duty)


def _unasked(docket: Docket, duty: Duty) -> Iterator[Claim]:
    """Appointments whose asking moment has come without our asking."""
    for one in duty.plan(docket.book).occurrences:
        if one.row is not None or one.follows_touch or one.planned_at > docket.now:
            continue
        if not one.rhythm and one.due_at < in_force_since(duty.rule, duty.case):
            continue
        draft = duty.draft(one, docket.now)
        yield Claim(draft, duty.case, duty.rule.priority, one.lapse_at, asked=False)


def proof_in_hand(docket: Docket, row: Asked, case: Case) -> Touch | None:
    """A touch that fulfils what is about to be asked: the step before it was settled only now, by an earlier one."""
    claim = Claim(row, case, 0, asked=False)
    return next((touch for touch in _free_touches(docket) if _fits(claim, touch)), None)


def _free_touches(docket: Docket) -> list[Touch]:
    """Those that have settled nothing yet."""
    touches = docket.cases["client"][0].all_touches if docket.cases["client"] else ()
    used = {proof for row in docket.book for proof in row.proof}
    talks = {touch.talk for touch in touches if touch.signal.id in used}
    return [touch for touch in touches if touch.talk not in talks]


def _prove_by_touches(docket: Docket, claims: list[Claim]) -> None:
    """One contact settles one occurrence: of those that accept it the earliest due, ties by priority."""
    talks = set()
    for touch in _free_touches(docket):
        if touch.talk in talks:
            continue
        fitting = [claim for claim in claims if _fits(claim, touch)]
        if not fitting:
            continue
        first = min(fitting, key=lambda claim: (claim.due, claim.priority, claim.row.key))
        lines = [claim for claim in fitting if claim.asked and head_of(claim.row) == head_of(first.row)]
        proven: set[int] = set()
        for claim in sorted(lines if first.asked else [first], key=lambda claim: (claim is not first, claim.due)):
            if claim.priority not in proven:  # a contact never proves one rule twice
                proven.add(claim.priority)
                _prove(docket, claim.row, touch.at, touch.signal.id, asked=claim.asked)
                claims.remove(claim)
        talks.add(touch.talk)


def _fits(claim: Claim, touch: Touch) -> bool:
    row = claim.row
    in_window = row.planned_at <= touch.at and (claim.until is None or touch.at <= claim.until)
    return in_window and touch.at != row.anchor_at and touch.fulfils(row.kinds) and claim.case.concerns(touch)


def _prove(docket: Docket, row: Asked, at: datetime, proof: str | None, *, asked: bool = True) -> None:
    """Done: close what is still open in the CRM."""
    book = docket.book
    done = book.settle(row, State.DONE, at, proof=(proof,) if proof else (), reason=None)
    task = book.task(row)
    if asked and row.open and (task is None or (task.open and not task.deleted)):
        book.order("close", done, because="done", settles_as=str(State.DONE), proof=done.proof)
    else:
        book.put(done)


def _prove_by_outcomes(docket: Docket) -> None:
    for row in docket.book.open_rows():
        case = docket.case_of(row)
        if case is not None:
            found = next(_outcomes(row, case, docket), None)
            if found is not None:
                _prove(docket, row, *found)


def _outcomes(row: Asked, case: Case, docket: Docket) -> Iterator[tuple[datetime, str | None]]:
    """Results that prove the rules that name them: when, and by what."""
    client = case.snapshot.client
    if "nps" in row.kinds and not isinstance(client.nps, Unknown):
        for score in sorted(client.nps, key=lambda one: one.at):
            if row.planned_at <= score.at <= docket.now:
                yield score.at, score.id
    if "dossier_progress" in row.kinds and case.dossier_score is not None:
        missing = {*case.dossier_score.gaps, *case.dossier_score.expired, *case.dossier_score.unreadable}
        for name in row.gaps:
            known = client.dossier.get(name)
            if name not in missing and known is not None and known.filled is True:
                yield max(known.since or docket.now, row.asked_at), None
    if "handover" in row.kinds and case.handed_over is True:
        yield docket.now, None
    if "phase_change" in row.kinds and case.deal is not None and not isinstance(case.visits, Unknown):
        for visit in case.visits:
            left = visit.end
            if visit.phase in OPEN_PHASES and visit.start <= row.planned_at and left and left >= row.planned_at:
                yield left, None


# ticks
def _closed(docket: Docket, row: Asked) -> datetime | None:
    """When a person closed or deleted the row's task; `None` while it is open, or where we closed it ourselves."""
    task = docket.book.task(row)
    if task is None or (task.open and not task.deleted):
        return None
    if row.reopened and not task.deleted and (task.closed_at is None or task.closed_at <= row.asked_at):
        return None  # what the CRM shows is still our own withdrawal
    return min(task.closed_at or docket.now, docket.now)


def _end_ticked(docket: Docket) -> None:
    for row in docket.book.open_rows():
        at = _closed(docket, row)
        task = docket.book.task(row)
        if at is None or task is None:
            continue
        if task.deleted:
            docket.book.put(docket.book.settle(row, State.DECLINED, at, reason="deleted"))
        elif "task_done" in row.kinds:
            docket.book.put(docket.book.settle(row, State.DONE, at))
        else:
            docket.book.put(docket.book.settle(row, State.UNPROVEN, at))


# time and reasons
def _move(docket: Docket) -> None:
    """Rhythms that a later touch started anew: their open task has no reason any more, and nobody is blamed."""
    for row in docket.book.open_rows():
        duty = docket.duty_of(row)
        if duty is None or duty.rule.touch.every is None:
            continue
        for one in duty.plan(docket.book).occurrences:
            if one.name != row.key.occurrence and one.anchor_at > row.anchor_at:
                moved = docket.book.settle(row, State.MOVED, docket.now, reason="moved")
                _take_back(docket, row, moved, "moved")


def _lapse(docket: Docket) -> None:
    for row in docket.book.open_rows():
        lapses = _lapses(docket, row)
        if lapses is not None and lapses <= docket.now:
            missed = docket.book.settle(row, State.MISSED, lapses, reason="lapsed")
            _take_back(docket, row, missed, "lapsed")


def _lapses(docket: Docket, row: Asked) -> datetime | None:
    if row.lapse_at is None:
        return None
    duty = docket.duty_of(row)
    return duty.timing.acts(row.lapse_at) if duty is not None else row.lapse_at


def _take_back(docket: Docket, row: Asked, settled: Asked, because: str) -> None:
    """Settle without proof; what a person edited is left to him."""
    if docket.book.edited(row):
        docket.book.put(settled)
    else:
        docket.book.order("withdraw", settled, because=because, settles_as=str(settled.state))


def _leave(docket: Docket) -> None:
    """Withdraw open touches whose reason went, unless a person has edited them."""
    for row in docket.book.open_rows():
        why = _gone(docket, row)
        if why is not None and not docket.book.edited(row):
            left = replace(row, state=State.WITHDRAWN, withdrawn_at=docket.now, reason=why)
            docket.book.order("withdraw", left, because=why)


def _gone(docket: Docket, row: Asked) -> str | None:
    """Why a touch is owed no more; `None` while it is, or where that is not known."""
    rule = docket.book.rule_of(row)
    if rule is None or not rule.enabled:
        return "rule_off"
    duty = docket.duty_of(row)
    if duty is None:
        return "gone"
    if duty.judged.holds is False:
        return decisive(duty)
    planned = duty.plan(docket.book)
    if duty.judged.holds is None or planned.unknown or any(one.row == row for one in planned.occurrences):
        return None
    if planned.missing is not None and not planned.occurrences:
        return planned.missing.code
    return "anchor-moved"


def decisive(duty: Duty) -> str:
    """The key of the first condition that does not hold: `state`, `phase`, `key`."""
    failed = next((condition for condition in duty.rule.conditions if condition.judge(duty.case).holds is False), None)
    return failed.key if failed is not None else "if"


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
