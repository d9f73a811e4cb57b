"""The occurrences a rule has for a subject now, each with its identity, its moments and its row of the ledger.

Independent steps are planned side by side; of a ladder (`then`) only the step whose turn it is; of a rhythm the running
interval. Nothing here asks whether the rule's conditions hold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from rules.assessment import Reason
from rules.calendar import CLOCK_UNITS, Unit
from rules.facts import UNKNOWN, Unknown
from rules.ledger import Asked, State
from rules.moments import Missing, Moment, Yearly, find, utc_minute
from rules.occurrence import Name, Occurrence, Plan
from rules.regulation import Phrase, Rule, Table, Term
from rules.roles import doer_of
from rules.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules.book import Book
    from rules.case import Case

RESTARTS: Final = frozenset({State.DONE, State.UNPROVEN, State.DECLINED, State.MISSED})
"""Settlings at which a rhythm starts its next interval."""
_OFFSETS: Final = {
    Unit.WORKING_MINUTE: "wm",
    Unit.WORKING_HOUR: "wh",
    Unit.WORKING_DAY: "wd",
    Unit.DAY: "d",
    Unit.WEEK: "w",
    Unit.MONTH: "mo",
    Unit.YEAR: "y",
    Unit.CYCLE: "c",
    Unit.INTERVAL: "i",
}


def timing_of(rule: Rule, case: Case) -> Timing:
    """The calendar as the rule's doer and the client see it."""
    portal, regulation = case.snapshot.portal, case.regulation
    manager = portal.managers.get(doer_of(rule.task.assign_to, case) or "")
    doer_zone = manager.zone if manager is not None and manager.zone is not None else portal.zone
    client_zone = case.snapshot.client.zone
    return Timing(regulation.calendar, portal.zone, doer_zone, case.cycle_days, regulation.quiet_hours, client_zone)


def in_force_since(rule: Rule, case: Case) -> datetime:
    """Since when the rule, under any of its names, is in force here; a rule nobody put in force begins now."""
    since = case.snapshot.portal.in_force_since
    return min((since[name] for name in (rule.id, *rule.was) if name in since), default=case.now)


def plan(rule: Rule, case: Case, book: Book) -> Plan:
    """Every occurrence that is open, comes next, or was settled last."""
    return Planner(rule, case, book).plan()


class Planner:
    """Plans one rule for one subject."""

    def __init__(self, rule: Rule, case: Case, book: Book) -> None:
        self.rule = rule
        self.case = case
        self.rows = book.rows(rule, case.subject)
        self.timing = timing_of(rule, case)

    def plan(self) -> Plan:
        """One of the two kinds of rules."""
        touch = self.rule.touch
        if touch.every is not None:
            return self._rhythm(touch.every)
        ladders = split_ladders(touch.due)
        plans = [self._ladder(ladder, apart=len(ladders) > 1) for ladder in ladders]
        found = tuple(one for part in plans for one in part.occurrences)
        missing = next((part.missing for part in plans if part.missing is not None), None)
        return Plan(occurrences=found, missing=missing, unknown=any(part.unknown for part in plans))

    # milestones and dates
    def _ladder(self, terms: Sequence[Term], *, apart: bool) -> Plan:
        """The step whose turn it is: the first that is not settled, or the last one."""
        phrase = self._phrase(terms[0])
        if not isinstance(phrase, Phrase):
            return phrase
        assert phrase.anchor is not None
        found = find(phrase.anchor, self.case)
        if isinstance(found, Unknown):
            reason = Reason(path="touch.due", code="unknown-anchor", seen=UNKNOWN, wanted=phrase.anchor)
            return Plan(missing=reason, unknown=True)
        if isinstance(found, Missing):
            return Plan(missing=Reason(path="touch.due", code=found.code, seen=found.seen, wanted=found.anchor))
        offset = f"{_offset(phrase)}:" if apart else ""
        occurrence = self._dated(phrase, found, offset)
        occurrence = replace(occurrence, steps=len(terms))
        fact = (occurrence.row.key.occurrence if occurrence.row is not None else occurrence.name)[len(offset) :]
        for place, term in enumerate(terms[1:], start=2):
            settled = occurrence.row
            if settled is None or not settled.settled or settled.settled_at is None:
                break
            following = self._phrase(term)
            if not isinstance(following, Phrase):
                return following
            occurrence = self._then(following, settled.settled_at, Name(offset, fact, f"/{place}"), place, len(terms))
        return Plan(occurrences=(occurrence,))

    def _dated(self, phrase: Phrase, found: Moment | Yearly, offset: str) -> Occurrence:
        if isinstance(found, Moment):
            name = Name(offset, found.name)
            made = self._occurrence(phrase, found.at, name, movable=found.movable)
            notice = None
            if found.kind == "date":
                before = phrase.duration if phrase.how == "before" else None
                notice = self.timing.notice_days(before, self.timing.day_of(found.at))
            return replace(made, notice_days=notice, row=self._row(name, found, notice))
        return self._yearly(phrase, found, offset)

    def _yearly(self, phrase: Phrase, found: Yearly, offset: str) -> Occurrence:
        """This year's day; once it is over, and settled or never asked, the next year's."""
        year = self.case.today.year - 1
        while True:
            day = found.in_year(year)
            name = Name(offset, str(day.year))
            made = self._occurrence(phrase, self.case.start_of(day), name, movable=True)
            row = next((row for row in self.rows if row.key.occurrence == str(name)), None)
            over = self.timing.acts(made.lapse_at or made.due_at) <= self.case.now
            counts = found.after is None or day > found.after
            if counts and ((row is not None and row.open) or not over):
                return replace(made, row=row)
            year += 1

    def _then(self, phrase: Phrase, settled: datetime, name: Name, step: int, steps: int) -> Occurrence:
        """A step that counts from the later of the settling before it and the last touch."""
        touch = self.case.last_touch
        at = settled if touch is None else max(settled, touch.at)
        made = self._occurrence(phrase, at, name)
        row = self._row(name, Moment(at, name.fact, "visit" if "@" in name.fact else "fact"), None)
        return replace(made, step=step, steps=steps, row=row, follows_touch=True)

    def _row(self, name: Name, found: Moment, notice: int | None) -> Asked | None:
        """The ledger's row of this occurrence, a slightly moved date or a recomputed visit included."""
        exact = [row for row in self.rows if row.key.occurrence == str(name)]
        if exact:
            return exact[0]
        same = [row for row in self.rows if (fact := name.fact_of(row.key.occurrence)) and _same(fact, found, notice)]
        return max(same, key=lambda row: (row.open, row.settled, row.asked_at), default=None)

    # rhythms
    def _rhythm(self, term: Term) -> Plan:
        phrase = self._phrase(term, "touch.every")
        if not isinstance(phrase, Phrase):
            return phrase
        assert phrase.anchor is not None
        last = max(
            (row for row in self.rows if row.state in RESTARTS and row.settled_at is not None),
            key=lambda row: cast("datetime", row.settled_at),
            default=None,
        )
        anchored = self._rhythm_anchor(phrase.anchor)
        start = anchored or self._first_start()
        because = None
        if last is not None and last.settled_at is not None and last.settled_at >= start:
            start = last.settled_at
            because = None if last.state is State.DONE else str(last.state)
        clock = phrase.duration is not None and phrase.duration.unit in CLOCK_UNITS
        name = f"@{utc_minute(start)}" if clock else f"@{self.timing.day_of(start)}"
        row = self._interval(name)
        if row is not None and row.settled and row.anchor_at < start:  # two intervals that begin on one day
            name = f"@{utc_minute(start)}"
            row = self._interval(name)
        at_once = anchored is None and last is None
        made = self._occurrence(replace(phrase, duration=None) if at_once else phrase, start, Name("", name))
        if row is None:
            row = next((one for one in self.rows if one.open and one.anchor_at >= start), None)
        follows = phrase.anchor in ("last_touch", "last_meeting")
        made = replace(made, rhythm=True, follows_touch=follows, row=row, because=because, term=phrase.duration)
        return Plan(occurrences=(made,))

    def _interval(self, name: str) -> Asked | None:
        return next((row for row in self.rows if row.key.occurrence == name), None)

    def _rhythm_anchor(self, anchor: str) -> datetime | None:
        """The last fact; where there is none, the creation of the subject, or `None`: due at once."""
        case = self.case
        if anchor == "rule.last_done":
            done = (row.settled_at for row in self.rows if row.state is State.DONE and row.settled_at is not None)
            return max(done, default=None)
        signal = case.last_meeting if anchor == "last_meeting" else case.last_touch
        if signal is not None:
            return signal.at
        if anchor == "last_meeting" or (case.deal is None and case.contact is None):
            return case.snapshot.client.created_at
        return (case.deal or case.contact or case.snapshot.client).created_at

    def _first_start(self) -> datetime:
        """Where a rhythm that was never done begins: with its subject, or with the rule."""
        subject = self.case.deal or self.case.contact or self.case.snapshot.client
        return max(subject.created_at, in_force_since(self.rule, self.case))

    # both
    def _phrase(self, term: Term, path: str = "touch.due") -> Phrase | Plan:
        """The term of a table for this subject, or why there is none."""
        if isinstance(term, Phrase):
            return term
        seen = self._column(term)
        if isinstance(seen, Unknown):
            return Plan(missing=Reason(path=f"{path}.{term.column}", code=term.column, seen=UNKNOWN), unknown=True)
        if seen in term.terms:
            return term.terms[cast("str", seen)]
        wanted = tuple(term.terms)
        return Plan(missing=Reason(path=f"{path}.{term.column}", code=term.column, seen=seen, wanted=wanted))

    def _column(self, table: Table) -> str | Unknown | None:
        if table.column == "state":
            return self.case.state
        if table.column == "segment":
            return self.case.segment
        deal = self.case.deal
        if deal is None:
            return None
        return deal.phase if table.column == "phase" else deal.loss_reason

    def _occurrence(self, phrase: Phrase, at: datetime, name: Name, *, movable: bool = False) -> Occurrence:
        timing, duration = self.timing, phrase.duration
        due = timing.due(phrase.how, duration, at)
        clock = duration is not None and duration.unit in CLOCK_UNITS
        past = at if phrase.how in ("after", "then") else None
        planned = timing.ask(due, past, self.rule.task.lead or self.case.regulation.lead, clock=clock)
        return Occurrence(
            name=str(name),
            anchor_at=at.astimezone(UTC),
            due_at=due,
            planned_at=planned.astimezone(UTC),
            lapse_at=timing.lapse(phrase.how, at, due, self.rule.touch.lapse),
            term=duration,
            movable=movable,
        )


def split_ladders(terms: Sequence[Term]) -> list[list[Term]]:
    """Independent steps, each with the `then` steps that follow it."""
    ladders: list[list[Term]] = []
    for term in terms:
        if isinstance(term, Phrase) and term.how == "then" and ladders:
            ladders[-1].append(term)
        else:
            ladders.append([term])
    return ladders


def _offset(phrase: Phrase) -> str:
    if phrase.duration is None:
        return "0d"
    return f"{phrase.duration.amount.normalize():f}{_OFFSETS[phrase.duration.unit]}"


def _same(fact: str, found: Moment, notice: int | None) -> bool:
    """Whether a recorded name means the same fact as the one found now."""
    if found.kind == "visit":
        phase, _, start = found.name.partition("@")
        return fact.startswith(f"{phase}@") and fact.partition("@")[2] >= start
    if found.kind == "date" and notice is not None:
        days = abs(_day(fact) - _day(found.name))
        return days <= timedelta(days=notice / 2)
    return False


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min
