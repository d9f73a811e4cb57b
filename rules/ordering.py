"""Orders that show people a touch: its words, its doer, who else sees it, and the cards it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.roles import holder
from rules.wording import words_of

if TYPE_CHECKING:
    from rules.assessment import Doing
    from rules.duty import Docket, Duty
    from rules.ledger import Asked
    from rules.occurrence import Occurrence


def order_task(docket: Docket, duty: Duty, do: Doing, row: Asked, one: Occurrence, **given: Any) -> None:
    """Ask, offer, join or reopen an occurrence, with its words as of now."""
    title, text = words_of(duty, one, row)
    copies = (holder(role, duty.case, row.assignee) for role in duty.rule.task.copy_to)
    docket.book.order(
        do,
        row,
        to=row.assignee,
        due_at=row.promise_at,
        title=title,
        text=text,
        copy_to=tuple(dict.fromkeys(copy for copy in copies if copy is not None and copy != row.assignee)),
        bind=tuple(dict.fromkeys((duty.subject, duty.case.snapshot.client.id))),
        reasons=(one.counted, *duty.reasons),
        **given,
    )
