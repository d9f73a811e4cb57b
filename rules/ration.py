"""What one client can't know: how much a manager gets in a day, and how the backlog of a first run is spread.

Pure, like `assess`: the caller says what was asked already. A postponed order leaves no trace; the next assessment
gives it again. Quiet hours need the client's zone, so `assess` itself keeps them, in the due moment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from rules.assessment import Order, Reason, Status, Verdict
from rules.ledger import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rules.calendar import WorkingCalendar
    from rules.facts import Portal
    from rules.regulation import Limits

ASKING: Final = frozenset({"ask", "offer"})
"""What gives a manager something new to do; lines of a task he has already do not count."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """An order that is not carried out now, why, and when to look at its client again (UTC)."""

    order: Order
    reason: Reason
    until: datetime


@dataclass(frozen=True, slots=True)
class Rationed:
    """What may be written now, in the order in which it came, and what has to wait."""

    admitted: tuple[Order, ...]
    postponed: tuple[Postponed, ...]

    def recheck_at(self, client: str) -> datetime | None:
        """When a client's postponed orders should be judged again."""
        return min((one.until for one in self.postponed if one.order.entry.client == client), default=None)


def told_to_wait(verdicts: Iterable[Verdict], postponed: Iterable[Postponed]) -> tuple[Verdict, ...]:
    """The verdicts of an assessment, those whose asking was postponed saying so instead of "asked"."""
    waiting = {one.order.key: one for one in postponed}
    return tuple(
        _waiting(verdict, waiting.get(Key(verdict.rule, verdict.subject, verdict.occurrence or "")))
        for verdict in verdicts
    )


def ration(
    orders: Iterable[Order],
    load: Mapping[tuple[str, date], int],
    limits: Limits,
    now: datetime,
    *,
    calendar: WorkingCalendar,
    portal: Portal,
) -> Rationed:
    """Admit orders of many clients of one portal by rank (priority, then due).

    Args:
        orders: of all clients judged together: the more of the backlog, the fairer the spread.
        load: touches asked per manager and (portal) day so far.
        limits: of the regulation in force.
        now: aware.
        calendar: of the regulation.
        portal: for its zone and since when each rule is in force.
    """
    listed = list(orders)
    today = now.astimezone(portal.zone).date()
    asked = Counter({manager: count for (manager, day), count in load.items() if day == today})
    asked.update(one.to or "" for one in listed if one.do in ASKING and one.always)  # not held, but counted
    spread = _Spread(listed, limits, today, calendar, portal)
    tomorrow = calendar.start_of_work(calendar.shift_days(today, 1), portal.zone).astimezone(UTC)
    waiting: dict[Key, Reason] = {}
    for order in sorted((one for one in listed if one.do in ASKING and not one.always), key=_rank):
        doer = order.to or ""
        if order.spread and not spread.admits(order):
            waiting[order.key] = Reason(path="limits.first_run", code="first-run", wanted=tomorrow)
        elif asked[doer] >= limits.per_manager_per_day:
            waiting[order.key] = Reason(
                path="limits.per_manager_per_day",
                code="per-manager-per-day",
                seen=asked[doer],
                wanted=(limits.per_manager_per_day, tomorrow),
            )
        else:
            asked[doer] += 1
    return _split(listed, waiting, tomorrow)


def _waiting(verdict: Verdict, held: Postponed | None) -> Verdict:
    if held is None:
        return verdict
    kept = tuple(reason for reason in verdict.reasons if reason.code not in ("asked", "offered"))
    due = held.order.entry.due_at
    return replace(verdict, status=Status.DUE, due_at=due, because="postponed", reasons=(held.reason, *kept))


def _rank(order: Order) -> tuple[int, datetime, Key]:
    return order.rank, order.due_at or order.entry.promise_at, order.key


def _split(orders: list[Order], waiting: Mapping[Key, Reason], until: datetime) -> Rationed:
    """A line waits with its task, and so does what else is said about an occurrence that was not asked."""
    lines = {
        order.key: Reason(path="task.merge", code="with-task", seen=str(order.joins))
        for order in orders
        if order.joins is not None and order.joins in waiting
    }
    why = {**lines, **waiting}
    admitted, postponed = [], []
    for order in orders:
        reason = why.get(order.key)
        if reason is None:
            admitted.append(order)
        else:
            postponed.append(Postponed(order, reason, until))
    return Rationed(tuple(admitted), tuple(postponed))


class _Spread:
    """A manager's backlog in equal parts over the working days of the first run, the most important first."""

    def __init__(
        self, orders: list[Order], limits: Limits, today: date, calendar: WorkingCalendar, portal: Portal
    ) -> None:
        self.today = today
        self.calendar = calendar
        self.portal = portal
        self.limits = limits
        self.left: Counter[str] = Counter()
        backlog = Counter(order.to or "" for order in orders if order.spread and order.do in ASKING)
        days = {order.to or "": self._days_left(order) for order in orders if order.spread}
        for manager, count in backlog.items():
            self.left[manager] = -(-count // days[manager])

    def admits(self, order: Order) -> bool:
        """Whether today's part still has room for one more."""
        manager = order.to or ""
        self.left[manager] -= 1
        return self.left[manager] >= 0

    def _days_left(self, order: Order) -> int:
        """Working days of the first run that are left, today included; at least one."""
        since = self.portal.in_force_since.get(order.key.rule)
        first = since.astimezone(self.portal.zone).date() if since is not None else self.today
        end = self.calendar.shift_date(self.calendar.roll_forward(first), self.limits.first_run)
        days, day = 0, self.today
        while day < end:
            days += self.calendar.is_working_day(day)
            day = self.calendar.shift_days(day, 1)
        return max(1, days)
