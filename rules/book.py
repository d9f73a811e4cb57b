"""The client's ledger while it is judged: its rows as they change, and the orders that change them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rules.assessment import Doing, Order
from rules.ledger import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rules.facts import Snapshot, Task
    from rules.ledger import Asked, Key
    from rules.regulation import Regulation, Rule

_SETS_DUE: Final = frozenset({"ask", "offer", "move", "reopen"})
"""Orders that tell the CRM the task's due themselves."""


class Book:
    """Working copy of the ledger of one client; nothing outside of it is changed."""

    def __init__(self, regulation: Regulation, snapshot: Snapshot) -> None:
        self._regulation = regulation
        self._tasks = snapshot.tasks
        self._before = {row.key: row for row in snapshot.asked}
        mine = snapshot.client.id  # a deal or contact that moved here brings its rows along
        self._rows = {
            key: row if row.client == mine else replace(row, client=mine) for key, row in self._before.items()
        }
        self.orders: list[Order] = []

    def __iter__(self) -> Iterator[Asked]:
        return iter(list(self._rows.values()))

    def __getitem__(self, key: Key) -> Asked:
        return self._rows[key]

    def rule_of(self, row: Asked) -> Rule | None:
        """The rule in the file in force, also under its new name."""
        return self._regulation.rule(row.key.rule)

    def rows(self, rule: Rule, subject: str) -> list[Asked]:
        """All rows of a rule, its former names included, for a subject."""
        ids = {rule.id, *rule.was}
        return [row for row in self._rows.values() if row.key.subject == subject and row.key.rule in ids]

    def rows_of(self, rule: Rule) -> list[Asked]:
        """All rows of a rule for this client."""
        ids = {rule.id, *rule.was}
        return [row for row in self._rows.values() if row.key.rule in ids]

    def open_rows(self) -> list[Asked]:
        """Asked or offered and not settled."""
        return [row for row in self._rows.values() if row.open]

    def lines(self, row: Asked) -> list[Asked]:
        """The open lines of the row's task, itself included while it is open."""
        head = head_of(row)
        return [other for other in self._rows.values() if other.open and head_of(other) == head]

    def task(self, row: Asked) -> Task | None:
        """The row's task as the CRM shows it; a line is part of the task it joined."""
        head = self._rows.get(head_of(row), row)
        return self._tasks.get(head.task_id) if head.task_id is not None else None

    def edited(self, row: Asked) -> bool:
        """A person changed the task after us: it stays as it is."""
        task = self.task(row)
        return row.edited or (task is not None and task.edited)

    def put(self, row: Asked) -> Asked:
        """Write a row down."""
        self._rows[row.key] = row
        return row

    def order(self, do: Doing, row: Asked, **given: Any) -> Asked:
        """Write a row down and order what the CRM must be told about it."""
        rule = self.rule_of(row)
        rank = rule.priority if rule is not None else len(self._regulation.rules)
        always = given.pop("always", rule is not None and rule.always)
        self.orders.append(Order(do=do, key=row.key, entry=row, rank=rank, always=always, **given))
        return self.put(row)

    def settle(self, row: Asked, state: State, at: datetime, **given: Any) -> Asked:
        """The row ended for good."""
        return replace(row, state=state, settled_at=at, **given)

    def finished_orders(self) -> tuple[Order, ...]:
        """The orders; each carries its row, and what its task shows, as they finally are."""
        return tuple(self._finished(order) for order in self.orders)

    def _finished(self, order: Order) -> Order:
        row = self._rows[order.key]
        lines = self.lines(row)
        due = min((line.promise_at for line in lines), default=None)
        return replace(order, entry=row, task_due_at=due, whole_task=not lines)

    def shifted_tasks(self) -> Iterator[tuple[Asked, datetime]]:
        """Heads of merged tasks whose earliest open due is another than before, with that due."""
        ordered = {head_of(self._rows[order.key]) for order in self.orders if order.do in _SETS_DUE}
        before: dict[Key, datetime] = {}
        for row in self._before.values():
            if row.state is State.ASKED:
                head = head_of(row)
                before[head] = min(before.get(head, row.promise_at), row.promise_at)
        for head, due in before.items():
            now = min((line.promise_at for line in self.lines(self._rows[head])), default=None)
            if now is not None and now != due and head not in ordered and not self.edited(self._rows[head]):
                yield self._rows[head], now

    def changes(self) -> tuple[Asked, ...]:
        """Rows that changed without any order."""
        ordered = {order.key for order in self.orders}
        return tuple(row for key, row in self._rows.items() if key not in ordered and row != self._before.get(key))


def head_of(row: Asked) -> Key:
    """The occurrence that gave the task its title."""
    return row.joined or row.key
