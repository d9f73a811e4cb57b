"""Answers to proposals: pressed buttons, and what people did to the tasks that stand for proposals.

Where the CRM shows no buttons a proposal is a task of its own: completed it is accepted, unless it was completed with
words that say something else; with another deadline (or deferred) it comes back that day, deleted it is declined
(docs/decisions/0009-proposals.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from connector.crm.port import Effect, Fact, Ref
from connector.mapped_fields import moment
from connector.result_words import USUAL_DAYS, read_words
from connector.store import AnswerRow, Store
from rules.facts import Snapshot
from rules.ledger import Answer, Asked, State

WORDS_FOLLOW: Final = timedelta(minutes=1)
"""Completed without words, a task may get them in a second edit (facts/amocrm.md 1.3): so long they are waited for."""
ANOTHER_DUE: Final = timedelta(minutes=1)
"""CRMs keep whole seconds, and one shows a deadline to the minute."""


def with_clicks(snapshot: Snapshot, clicks: Iterable[AnswerRow], now: datetime, machine_now: datetime) -> Snapshot:
    """The snapshot with the buttons that were pressed on its proposals.

    Hooks tell the machine's time; `now` may be another clock's, so a click is dated by its age. It is judged once, so
    it counts also where the clocks say that it came before its proposal was shown.
    """
    rows = {str(row.key): row for row in snapshot.asked}
    pressed = []
    for one in clicks:
        row = rows[one.click.about]
        at = max(min(now, now - (machine_now - one.heard_at)), _after(row))
        day = at.astimezone(snapshot.portal.zone).date()
        until = day + timedelta(days=one.click.days or USUAL_DAYS) if one.click.answer == "later" else None
        pressed.append(
            replace(_answer(row, one.click.answer, at, by=one.click.by), reason=one.click.reason, until=until)
        )
    return replace(snapshot, answers=(*snapshot.answers, *pressed))


def shown_by(row: Asked) -> Ref | None:
    """The fact that tells of an open proposal: its task, or its card in the timeline (an activity)."""
    if row.state is not State.OFFERED or row.offer is None:
        return None
    kind, _, number = row.offer.partition(":")
    return f"{'signal' if kind == 'activity' else kind}:{number}"


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What the CRM tells of the open proposals of some clients."""

    facts: Mapping[Ref, Fact]
    shown: Mapping[str, Effect | None]
    """By occurrence: our last writing of it; None while that word is on its way."""

    def answers_to(self, rows: Iterable[Asked], zone: ZoneInfo) -> Iterator[Answer]:
        """What people did to what shows these proposals."""
        for row in rows:
            fact = self.facts.get(shown_by(row) or "")
            if fact is None:
                continue
            if fact.gone:  # it stays gone, whenever it was asked again
                yield replace(_answer(row, "decline", max(fact.changed, _after(row))), reason="deleted")
            elif fact.kind == "task":
                yield from _in_task(row, fact, self.shown.get(str(row.key)), zone)


def facts_of_offers(
    store: Store, portal: str, ledgers: Iterable[Sequence[Asked]], known: Mapping[Ref, Fact]
) -> OfferFacts:
    """Read what the CRM tells of the open proposals in these ledgers; `known`: facts that are at hand."""
    by_ref = {ref: row for rows in ledgers for row in rows if (ref := shown_by(row)) is not None}
    facts = {ref: known[ref] for ref in by_ref.keys() & known.keys()}
    facts.update({fact.ref: fact for fact in store.facts(portal, by_ref.keys() - facts.keys())})
    tasks = {str(by_ref[ref].key) for ref, fact in facts.items() if fact.kind == "task"}
    return OfferFacts(facts, store.last_showings(portal, tasks))


def _in_task(row: Asked, fact: Fact, shown: Effect | None, zone: ZoneInfo) -> Iterator[Answer]:
    """Completed, put off, or nothing yet.

    The CRM's clock decides only where its answer could be an old one: the first counts whatever the clocks say.
    """
    body = fact.body
    if shown is None:  # our own word is on its way: what the fact tells may be what stood there before
        return
    if not body.get("open"):
        closed = moment(body.get("closed")) or fact.changed
        answered = moment(shown.closing)
        if answered is None or closed > answered:
            yield _completed(row, body, closed, shown, zone)
        return
    until, first = _put_off(row, body, fact.changed, shown.due, zone)
    if until is not None:
        at = max(fact.changed, _after(row)) if first else fact.changed
        yield replace(_answer(row, "later", at, by=body.get("assignee")), until=until)


def _completed(row: Asked, body: Mapping[str, Any], closed: datetime, shown: Effect, zone: ZoneInfo) -> Answer:
    """Accepted by the tick alone, or what the words say; where the CRM takes no words, there is no `result`.

    The words of an earlier answer may still stand there until the new ones come.
    """
    surely_new = shown.closing or not row.reopened
    at = max(closed, _after(row)) if surely_new else closed
    words, by = body.get("result"), body.get("closed_by")
    first = row.answered_at is None and not row.reopened
    counts_at = None if words is None or (words and first) else closed + WORDS_FOLLOW
    if not words:
        return replace(_answer(row, "accept", at, by=by), counts_at=counts_at)
    reasons = [choice.reason for choice in shown.choices if choice.reason]
    said = read_words(str(words), closed.astimezone(zone).date(), reasons)
    if said.answer == "unclear" or all(choice.answer != said.answer for choice in shown.choices):
        return replace(_answer(row, "unclear", at, by=by), reason=str(words))
    return replace(_answer(row, said.answer, at, by=by), reason=said.reason, until=said.until, counts_at=counts_at)


def _put_off(
    row: Asked, body: Mapping[str, Any], changed: datetime, shown: datetime | None, zone: ZoneInfo
) -> tuple[date | None, bool]:
    """The day it is put off to, if it is, and whether that is surely said for the first time."""
    due = moment(body.get("due"))
    if due is not None and shown is not None and abs(due - shown) >= ANOTHER_DUE:
        day = due.astimezone(zone).date()
        if day not in (row.later_until, row.promise_at.astimezone(zone).date()):
            return day, True
    elif body.get("deferred"):
        return changed.astimezone(zone).date() + timedelta(days=USUAL_DAYS), row.answer != "later"
    return None, False


def _answer(
    row: Asked, answer: Literal["accept", "later", "decline", "unclear"], at: datetime, *, by: str | None = None
) -> Answer:
    return Answer(key=row.key, answer=answer, by=by, at=at)


def _after(row: Asked) -> datetime:
    """The first moment at which an answer to this proposal counts."""
    return (row.answered_at or row.asked_at) + timedelta(microseconds=1)
