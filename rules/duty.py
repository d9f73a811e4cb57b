"""The duties of one client: every rule for every subject it is about, with what `assess` needs to judge them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from rules.book import Book
from rules.case import Case
from rules.conditions import Judgement, judge_all
from rules.ledger import Asked, Key, State, Step
from rules.plan import plan, timing_of
from rules.roles import doer_of
from rules.timing import Timing, in_terms_of

if TYPE_CHECKING:
    from datetime import datetime

    from rules.assessment import Reason
    from rules.calendar import Duration
    from rules.facts import Snapshot
    from rules.occurrence import Occurrence, Plan
    from rules.regulation import Regulation, Rule
    from rules.texts import Lang


@dataclass
class Duty:
    """One rule for one subject."""

    rule: Rule
    case: Case
    _planned: tuple[list[Asked], Plan] | None = None

    @property
    def subject(self) -> str:
        """`deal:7`, `company:45`, `contact:9`."""
        return self.case.subject

    @cached_property
    def judged(self) -> Judgement:
        """Whether all conditions hold, and why."""
        return judge_all(self.rule.conditions, self.case)

    @cached_property
    def timing(self) -> Timing:
        """The calendar as its doer and the client see it."""
        return timing_of(self.rule, self.case)

    @property
    def holds(self) -> bool:
        """Whether it is this rule's turn: on, and its conditions surely hold."""
        return self.rule.enabled and self.judged.holds is True

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Of its conditions, one by one."""
        return self.judged.reason.children

    def plan(self, book: Book) -> Plan:
        """Its occurrences as the ledger stands now."""
        rows = book.rows(self.rule, self.subject)
        if self._planned is None or self._planned[0] != rows:
            self._planned = (rows, plan(self.rule, self.case, book))
        return self._planned[1]

    def draft(self, occurrence: Occurrence, now: datetime, state: State = State.ASKED) -> Asked:
        """The ledger row of an occurrence that is asked (or offered) now."""
        promise = self.timing.promise(occurrence.due_at, occurrence.planned_at, now, occurrence.term)
        kinds = self.rule.touch.kinds
        dossier = self.case.dossier_score if "dossier_progress" in kinds else None
        return Asked(
            key=Key(self.rule.id, self.subject, occurrence.name),
            state=state,
            client=self.case.snapshot.client.id,
            rule_digest=self.rule.digest,
            anchor_at=occurrence.anchor_at,
            notice_days=occurrence.notice_days,
            planned_at=occurrence.planned_at,
            due_at=occurrence.due_at,
            promise_at=promise,
            kinds=kinds,
            steps=self.steps(promise, occurrence.term) if state is State.ASKED else self.ignored(now),
            lapse_at=occurrence.lapse_at,
            mode=self.rule.task.mode,
            assignee=doer_of(self.rule.task.assign_to, self.case),
            asked_at=now,
            gaps=(*dossier.gaps, *dossier.expired) if dossier is not None else (),
        )

    def steps(self, promise: datetime, term: Duration | None) -> tuple[Step, ...]:
        """The escalation of a promise; `term` is the rule's interval."""
        return tuple(
            Step(to=step.to, at=self.timing.plus(promise, in_terms_of(step.after, term))) for step in self.rule.escalate
        )

    def ignored(self, offered: datetime) -> tuple[Step, ...]:
        """When the head sees that a proposal is ignored."""
        return (Step(to="head", at=self.timing.plus(offered, self.case.regulation.proposals.ignored)),)


@dataclass
class Docket:
    """Everything that is judged in one call of `assess`."""

    regulation: Regulation
    snapshot: Snapshot
    now: datetime
    lang: Lang
    book: Book
    cases: dict[str, list[Case]]
    """By kind of subject: `deal`, `client`, `contact`."""
    duties: list[Duty]
    wakes: list[datetime] = field(default_factory=list)
    """Moments at which time alone may change something."""
    notes: list[Reason] = field(default_factory=list)

    def wake_at(self, moment: datetime | None) -> None:
        """Look again then."""
        if moment is not None and moment > self.now:
            self.wakes.append(moment)

    def case_of(self, row: Asked) -> Case | None:
        """The row's subject, while it exists."""
        duty = self.duty_of(row)
        return duty.case if duty is not None else self._subjects.get(row.key.subject)

    def duty_of(self, row: Asked) -> Duty | None:
        """The row's rule in the file in force, for its subject."""
        rule = self.book.rule_of(row)
        return self._owed.get((rule.id, row.key.subject)) if rule is not None else None

    @cached_property
    def _subjects(self) -> dict[str, Case]:
        """For rows whose rule is gone; a contact or deal that is its own client stands for the client."""
        cases = (*self.cases["contact"], *self.cases["deal"], *self.cases["client"])
        return {case.subject: case for case in cases}

    @cached_property
    def _owed(self) -> dict[tuple[str, str], Duty]:
        return {(duty.rule.id, duty.subject): duty for duty in self.duties}


def open_docket(regulation: Regulation, snapshot: Snapshot, now: datetime, lang: Lang) -> Docket:
    """The client, its deals and contacts, and every rule for each of them."""
    gone = snapshot.client.deleted
    client = Case(regulation, snapshot, now, lang=lang)
    deals = [Case(regulation, snapshot, now, deal=deal, client_case=client, lang=lang) for deal in client.deals]
    contacts = [
        Case(regulation, snapshot, now, contact=contact, client_case=client, lang=lang) for contact in snapshot.contacts
    ]
    cases = {"client": [] if gone else [client], "deal": [] if gone else deals, "contact": [] if gone else contacts}
    duties = [Duty(rule, case) for rule in regulation.rules for case in cases[rule.subject]]
    return Docket(regulation, snapshot, now, lang, Book(regulation, snapshot), cases, duties)
