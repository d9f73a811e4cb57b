"""The outbox: intent before effect. A write is a durable row first, then a request, then a recorded outcome."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from connector.crm.port import Effect, Outcome
from connector.store import DeadRow, Intent, OutboxRow
from connector.store.lanes import hold_lease
from connector.store.ledger import give_offer, give_task
from connector.store.tables import asked, outbox, unsettled
from connector.store.transactions import Part, RealNow, chunks, lock_portal

_WITHOUT_TASK = frozenset({"create_task", "tell", "write_fields", "offer_touch"})
_SETTING_DUE = ("create_task", "move_task", "reopen_task")


class Outbox(Part):
    """What is still to be written into the CRM, and what became of it."""

    def due_effects(self, portal: str, limit: int) -> list[OutboxRow]:
        """See Store."""
        known = (*outbox.c, asked.c.task_id, asked.c.offer)
        query = ready(sa.literal(portal)).add_columns(*known).order_by(outbox.c.n).limit(limit)
        with self._db.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def shown_dues(self, portal: str, occurrences: Collection[str]) -> list[tuple[str, datetime | None]]:
        """See Store."""
        found: list[tuple[int, str, datetime | None]] = []
        with self._db.read() as connection:
            for some in chunks(occurrences):
                theirs = sa.select(outbox.c.n, outbox.c.occurrence, outbox.c.state, outbox.c.effect).where(
                    outbox.c.portal == portal, outbox.c.occurrence.in_(some), outbox.c.verb.in_(_SETTING_DUE)
                )
                for row in connection.execute(theirs):
                    due = Effect.from_json(row.effect).due if row.state == "done" else None
                    found.append((row.n, row.occurrence, due))
        return [(occurrence, due) for _, occurrence, due in sorted(found, key=lambda one: one[0])]

    def start_effects(self, portal: str, worker: str, keys: Collection[str], quarantine: float, lease: float) -> bool:
        """See Store. Also False when one of them may not be sent now: settled, dropped, or in the air already."""
        names = set(keys)
        started = 0
        with self._db.write() as connection:
            if not hold_lease(connection, portal, worker, lease):
                return False
            for some in chunks(sorted(names)):
                statement = (
                    sa.update(outbox)
                    .where(outbox.c.portal == portal, outbox.c.key.in_(some), unsettled())
                    .where(outbox.c.not_before_real <= RealNow())
                    .values(
                        state="sending",
                        tries=outbox.c.tries + 1,
                        not_before_real=RealNow() + quarantine,
                        first_try_real=sa.func.coalesce(outbox.c.first_try_real, RealNow()),
                    )
                )
                started += connection.execute(statement).rowcount
            if started != len(names):
                connection.rollback()
                return False
        return True

    def hold_effects(self, portal: str, keys: Collection[str], seconds: float) -> None:
        """See Store."""
        with self._db.write() as connection:
            for some in chunks(sorted(set(keys))):
                connection.execute(
                    sa.update(outbox)
                    .where(outbox.c.portal == portal, outbox.c.key.in_(some), outbox.c.state == "sending")
                    .values(not_before_real=RealNow() + seconds)
                )

    def settle_effects(self, portal: str, outcomes: Iterable[Outcome], now: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            lock_portal(connection, portal)
            for outcome in outcomes:
                _settle(connection, portal, outcome, now)
            bury_orphans(connection, portal, now)

    def adopt_effects(self, portal: str, found: Mapping[str, str], now: datetime) -> None:
        """See Store."""
        self.settle_effects(
            portal, [Outcome(key=key, status="done", remote_id=remote_id) for key, remote_id in found.items()], now
        )

    def dead_effects(self, portal: str, limit: int) -> list[DeadRow]:
        """See Store."""
        dead: sa.ColumnElement[bool] = sa.literal_column("state = 'dead'")
        query = sa.select(outbox).where(outbox.c.portal == portal, dead).order_by(outbox.c.n.desc()).limit(limit)
        with self._db.read() as connection:
            return [
                DeadRow(
                    effect=Effect.from_json(row.effect),
                    occurrence=row.occurrence,
                    code=row.code,
                    text=row.text,
                    died_at=row.settled_at,
                )
                for row in connection.execute(query)
            ]


def ready(portal: sa.ColumnElement[str]) -> sa.Select[Any]:
    """Effects of a portal that may leave now.

    Their time has come, they are the first of their occurrence that is not settled, and the task (or the proposal) they
    work on is known.
    """
    earlier = outbox.alias("earlier")
    waits = sa.exists().where(
        earlier.c.portal == outbox.c.portal,
        earlier.c.occurrence == outbox.c.occurrence,
        earlier.c.n < outbox.c.n,
        unsettled("earlier"),
    )
    return (
        sa.select(sa.literal(1).label("ready"))
        .select_from(
            outbox.outerjoin(asked, sa.and_(asked.c.portal == outbox.c.portal, asked.c.key == outbox.c.occurrence))
        )
        .where(
            outbox.c.portal == portal,
            unsettled(),
            outbox.c.not_before_real <= RealNow(),
            sa.or_(sa.not_(outbox.c.needs_task), _known(outbox, asked)),
            sa.not_(waits),
        )
    )


def _known(effect: sa.FromClause, entry: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether what the effect works on is there: its proposal, or its task."""
    of_offer = effect.c.verb == "show_offer"
    return sa.or_(
        sa.and_(of_offer, entry.c.offer.is_not(None)), sa.and_(sa.not_(of_offer), entry.c.task_id.is_not(None))
    )


def new_row(portal: str, n: int, intent: Intent, now: datetime) -> dict[str, Any]:
    """An intent as it is inserted."""
    effect = intent.effect
    return {
        "portal": portal,
        "key": effect.key,
        "n": n,
        "occurrence": intent.occurrence,
        "verb": effect.verb,
        "effect": effect.to_json(),
        "state": "new",
        "needs_task": effect.verb not in _WITHOUT_TASK and effect.task is None,
        "tries": 0,
        "not_before_real": 0.0,
        "code": "",
        "text": "",
        "recorded_at": now,
    }


def bury_orphans(connection: sa.Connection, portal: str, now: datetime) -> None:
    """Effects on a task or proposal that nothing will ever create (its create was refused) are dead too."""
    creating, entry = outbox.alias("creating"), asked.alias("entry")
    host = (
        sa.select(entry.c.joined)
        .where(entry.c.portal == portal, entry.c.key == outbox.c.occurrence)
        .correlate(outbox)
        .scalar_subquery()
    )
    hope = (
        sa.exists()
        .where(creating.c.portal == portal, unsettled("creating"))
        .where(creating.c.verb == sa.case((outbox.c.verb == "show_offer", "offer_touch"), else_="create_task"))
        .where(sa.or_(creating.c.occurrence == outbox.c.occurrence, creating.c.occurrence == host))
        .correlate(outbox)
    )
    known = (
        sa.exists()
        .where(entry.c.portal == portal, entry.c.key == outbox.c.occurrence, _known(outbox, entry))
        .correlate(outbox)
    )
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.portal == portal, unsettled(), outbox.c.needs_task, sa.not_(hope), sa.not_(known))
        .values(state="dead", code="no-task", settled_at=now)
    )


def _settle(connection: sa.Connection, portal: str, outcome: Outcome, now: datetime) -> None:
    change: dict[str, Any] = {"code": outcome.code, "text": outcome.text}
    if outcome.status == "done":
        change |= {"state": "done", "remote_id": outcome.remote_id, "settled_at": now}
    elif outcome.status == "refused":
        change |= {"state": "dead", "settled_at": now}
    elif outcome.status == "later":
        change |= {"state": "new", "not_before_real": RealNow() + outcome.wait}
    settled = connection.execute(
        sa.update(outbox)
        .where(outbox.c.portal == portal, outbox.c.key == outcome.key, unsettled())
        .values(**change)
        .returning(outbox.c.verb, outbox.c.occurrence)
    ).one_or_none()
    if settled is None or outcome.status != "done" or not outcome.remote_id:
        return
    if settled.verb == "create_task":
        give_task(connection, portal, settled.occurrence, outcome.remote_id)
    elif settled.verb == "offer_touch":
        give_offer(connection, portal, settled.occurrence, outcome.remote_id)


def _row(row: sa.Row[Any]) -> OutboxRow:
    effect = Effect.from_json(row.effect)
    return OutboxRow(
        effect=_on_what_there_is(effect, row.task_id, row.offer),
        occurrence=row.occurrence,
        tries=row.tries,
        doubtful=row.state == "sending",
        recorded_at=row.recorded_at,
        first_try=datetime.fromtimestamp(row.first_try_real, UTC) if row.first_try_real is not None else None,
    )


def _on_what_there_is(effect: Effect, task: str | None, offer: str | None) -> Effect:
    """The effect on the task, or on the proposal, as the ledger knows it now."""
    if effect.verb == "show_offer":
        return replace(effect, offer=offer or effect.offer)
    return effect if effect.verb == "offer_touch" else replace(effect, task=task or effect.task)
