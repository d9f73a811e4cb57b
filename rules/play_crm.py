"""The CRM and the ledger of a played case: every order succeeds at once, and people act as the test file says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rules.assess import assess
from rules.facts import Portal, Task
from rules.ledger import Answer, Asked, Key
from rules.play_facts import CaseError, World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rules.assessment import Assessment, Order
    from rules.regulation import Regulation


@dataclass
class Played:
    """The CRM and the ledger of one case while it is played."""

    world: World
    tasks: dict[str, Task] = field(default_factory=dict)
    ledger: dict[Key, Asked] = field(default_factory=dict)
    answers: dict[Key, Answer] = field(default_factory=dict)

    def judge(self, regulation: Regulation, portal: Portal, now: datetime) -> Assessment:
        """Judge the client at this moment, then let everything that was ordered happen."""
        asked, answers = tuple(self.ledger.values()), tuple(self.answers.values())
        judged = assess(regulation, self.world.snapshot(portal, self.tasks, asked, answers), now)
        self.perform(judged)
        return judged

    def perform(self, judged: Assessment) -> None:
        """Every order succeeds at once; what changed without one is written down."""
        self.ledger.update({row.key: row for row in judged.changes})
        for order in judged.orders:
            self.ledger[order.key] = order.entry
        for order in judged.orders:
            self._perform(order, judged.at)
        for key in [key for key in self.answers if not self.ledger[key].open or self.ledger[key].task_id]:
            del self.answers[key]

    def _perform(self, order: Order, now: datetime) -> None:
        if order.do == "ask":
            task = f"task-{len(self.tasks) + 1}"
            self.tasks[task] = Task(id=task, open=True, due_at=order.task_due_at, assignee=order.to)
            self.ledger[order.key] = replace(order.entry, task_id=task)
            return
        task_id = self.task_of(order.entry)
        if task_id is None:
            return
        shown = self.tasks[task_id]
        if order.do in ("close", "withdraw") and order.whole_task:
            shown = replace(shown, open=False, closed_at=now)
        elif order.do == "reopen":
            shown = replace(shown, open=True, closed_at=None, due_at=order.task_due_at)
        elif order.do in ("move", "join"):
            shown = replace(shown, due_at=order.task_due_at)
        elif order.do == "assign":
            shown = replace(shown, assignee=order.to)
        self.tasks[task_id] = shown

    def task_of(self, row: Asked) -> str | None:
        """The CRM's task of a row, the one it joined included."""
        head = self.ledger.get(row.joined or row.key, row)
        return head.task_id

    def row_of(self, rule: str, subject: str, regulation: Regulation) -> Asked:
        """The open row a test file means. Raises CaseError."""
        for row in self.ledger.values():
            if row.open and row.key.subject == subject and rule in _names(row, regulation):
                return row
        raise CaseError(f"no open touch of '{rule}' for {subject}")

    def act(self, new: Mapping[str, Any], regulation: Regulation) -> None:
        """What people did in the CRM: ticked, deleted or edited a task, answered a proposal."""
        for told in new.get("ticked") or ():
            closed = {"open": False, "closed_at": self.world.moment(told["at"]), "closed_by": told.get("by")}
            self._change_task(told, regulation, **closed)
        for told in new.get("removed") or ():
            self._change_task(told, regulation, open=False, deleted=True, closed_at=self.world.moment(told["at"]))
        for told in new.get("edited") or ():
            self._change_task(told, regulation, edited=True)
        for told in new.get("answers") or ():
            row = self.row_of(told["rule"], self.world.subject(told["of"]), regulation)
            until = self.world.moment(told["until"]).astimezone(self.world.zone).date() if "until" in told else None
            at, by, reason = self.world.moment(told["at"]), told.get("by"), told.get("reason")
            self.answers[row.key] = Answer(key=row.key, answer=told["answer"], by=by, at=at, reason=reason, until=until)

    def _change_task(self, told: Mapping[str, Any], regulation: Regulation, **changes: Any) -> None:
        task = self.task_of(self.row_of(told["rule"], self.world.subject(told["of"]), regulation))
        if task is None:
            raise CaseError(f"'{told['rule']}' has no task")
        self.tasks[task] = replace(self.tasks[task], **changes)


def _names(row: Asked, regulation: Regulation) -> set[str]:
    rule = regulation.rule(row.key.rule)
    return {row.key.rule} if rule is None else {row.key.rule, rule.id, *rule.was}
