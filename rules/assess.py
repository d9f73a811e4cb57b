"""The judge: a regulation, what is known about one client, and a moment give verdicts, orders and the next look.

Pure: the same arguments always give the same assessment. An event only says whom to judge again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.asking import ask
from rules.assessment import Assessment, DossierScore, Reason
from rules.duty import Docket, open_docket
from rules.facts import Unknown
from rules.proof import is_uncertain
from rules.settling import settle_by_facts, settle_by_time
from rules.telling import follow_facts, take_answers, tell
from rules.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rules.facts import Snapshot
    from rules.regulation import Regulation
    from rules.texts import Lang


def assess(regulation: Regulation, snapshot: Snapshot, now: datetime, lang: Lang = "ru") -> Assessment:
    """Judge one client at one moment (aware). `lang` is the language of task texts and of the score's gaps.

    Facts settle first, then answers; open tasks follow moved dates; what lapsed or lost its reason ends; what is due is
    asked; what is late is told.
    """
    docket = open_docket(regulation, snapshot, now, lang)
    for moment in _dated_later(snapshot):
        docket.wake_at(moment)
    settle_by_facts(docket)
    take_answers(docket)
    follow_facts(docket)
    settle_by_time(docket)
    kept = ask(docket)
    tell(docket)
    for head, due in list(docket.book.shifted_tasks()):
        docket.book.order("move", head, to=head.assignee, due_at=due, because="lines")
    found = verdicts(docket, kept)
    score = _score(docket)
    return Assessment(
        client=snapshot.client.id,
        at=now,
        verdicts=found,
        orders=docket.book.finished_orders(),
        changes=docket.book.changes(),
        score=score,
        recheck_at=min(docket.wakes, default=None),
        regulation_digest=regulation.digest,
        notes=(*dict.fromkeys(docket.notes), *_unreadable(docket)),
    )


def _dated_later(snapshot: Snapshot) -> Iterator[datetime]:
    """When facts happened: the CRM's clock may be ahead of ours, and what is dated later does not exist yet."""
    yield from (one.at for one in snapshot.signals if one.completed)
    for deal in snapshot.deals:
        yield deal.created_at
        if not isinstance(deal.history, Unknown):
            yield from (change.at for change in deal.history)
    for events in (snapshot.client.nps, snapshot.client.complaints):
        if not isinstance(events, Unknown):
            yield from (one.at for one in events)


def _score(docket: Docket) -> DossierScore | None:
    """Only a regular key client is scored (facts/domain.md, B17)."""
    for case in docket.cases["client"]:
        if case.means("regular") is True and case.means("key") is True:
            docket.wake_at(case.dossier_until)
            return case.dossier_score
    return None


def _unreadable(docket: Docket) -> tuple[Reason, ...]:
    """Facts people should look at: calls that tell too little, date fields that hold no date."""
    calls = [one for one in docket.snapshot.signals if is_uncertain(one, docket.regulation.proof)]
    notes = [Reason(path="signals", code="call-untold", seen=tuple(one.id for one in calls))] if calls else []
    for duty in docket.duties:
        missing = duty.plan(docket.book).missing if duty.holds else None
        if missing is not None and missing.code == "not-a-date":
            notes.append(missing)
    return tuple(notes)
