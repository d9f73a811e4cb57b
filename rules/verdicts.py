"""One verdict per rule and subject: of its occurrences the one that matters most now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.assessment import Reason, Status, Verdict
from rules.ledger import Asked, State
from rules.settling import decisive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.asking import Kept, Name
    from rules.duty import Docket, Duty
    from rules.occurrence import Occurrence

_MATTERS: Final = (Status.OVERDUE, Status.DUE, Status.UNKNOWN, Status.SKIPPED, Status.MET)


def verdicts(docket: Docket, kept: Mapping[Name, Kept]) -> tuple[Verdict, ...]:
    """In the order of the rules."""
    return tuple(_verdict(docket, duty, kept) for duty in docket.duties)


def _verdict(docket: Docket, duty: Duty, kept: Mapping[Name, Kept]) -> Verdict:
    rule = duty.rule
    if not rule.enabled:
        return _of_rule(duty, Status.SKIPPED, "rule_off", Reason(path="enabled", code="rule_off"))
    docket.wake_at(duty.judged.until)
    if duty.judged.holds is False:
        return _of_rule(duty, Status.SKIPPED, decisive(duty), *duty.reasons)
    if duty.judged.holds is None:
        return _of_rule(duty, Status.UNKNOWN, "unknown", *duty.reasons)
    planned = duty.plan(docket.book)
    if planned.unknown or not planned.occurrences:
        status = Status.UNKNOWN if planned.unknown else Status.SKIPPED
        missing = planned.missing or Reason(path="touch", code="no-anchor")
        return _of_rule(duty, status, missing.code, missing, *duty.reasons)
    found = [_of_occurrence(docket, duty, one, kept) for one in planned.occurrences]
    return min(found, key=lambda verdict: (_MATTERS.index(verdict.status), verdict.due_at or docket.now))


def _of_rule(duty: Duty, status: Status, because: str, *reasons: Reason) -> Verdict:
    return Verdict(rule=duty.rule.id, subject=duty.subject, status=status, because=because, reasons=reasons)


def _of_occurrence(docket: Docket, duty: Duty, one: Occurrence, kept: Mapping[Name, Kept]) -> Verdict:
    row = one.row
    because, due = one.because, one.due_at
    own: tuple[Reason, ...] = ()
    if row is not None and row.open:
        status = Status.OVERDUE if docket.now >= row.promise_at else Status.DUE
        due = row.promise_at
        docket.wake_at(row.promise_at)
        if row.lapse_at is not None:
            docket.wake_at(duty.timing.acts(row.lapse_at))
        own = (Reason(path="task", code=str(row.state), seen=row.asked_at, wanted=row.promise_at),)
    elif row is not None and row.settled:
        status, because = _of_settled(row)
        due = row.promise_at
        own = (Reason(path="touch", code=f"was-{row.state}", seen=row.settled_at, wanted=row.reason),)
    else:
        found = kept.get((duty.rule.id, duty.subject, one.name))
        if found is None or found.waits:
            status = Status.DUE
        else:
            status, because = (Status.UNKNOWN if found.unknown else Status.SKIPPED), found.code
        own = (found.reason,) if found is not None else ()
    if one.because is not None and status is Status.DUE:
        own = (*own, Reason(path="touch.every", code=f"restarted-{one.because}", seen=one.anchor_at))
    return Verdict(
        rule=duty.rule.id,
        subject=duty.subject,
        status=status,
        occurrence=row.key.occurrence if row is not None else one.name,
        due_at=due,
        because=because,
        reasons=(*own, one.counted, *duty.reasons),
    )


def _of_settled(row: Asked) -> tuple[Status, str | None]:
    """Done and ticked are behind us; declined and missed are skipped, with the reason."""
    if row.state is State.DONE:
        return Status.MET, None
    return (Status.MET if row.state is State.UNPROVEN else Status.SKIPPED), str(row.state)
