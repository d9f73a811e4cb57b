"""The ledger of planned touches, row for row what `rules.ledger.Asked` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from connector.crm.port import Ref
from connector.store.tables import asked
from connector.store.tables import portal as portals
from connector.store.transactions import Part, Transactions, chunks
from rules.ledger import Asked, Key, State, Step

_SAME = tuple(field.name for field in fields(Asked) if field.name not in ("key", "state", "steps", "joined"))


class Ledger(Part):
    """What was asked, of whom, and how it ended."""

    def asked(self, portal: str, clients: Collection[Ref]) -> dict[Ref, list[Asked]]:
        """See Store."""
        return self._rows_by(asked.c.client, portal, clients)

    def asked_about(self, portal: str, subjects: Collection[Ref]) -> dict[Ref, list[Asked]]:
        """See Store."""
        return self._rows_by(asked.c.subject, portal, subjects)

    def _rows_by(self, column: sa.Column[str], portal: str, refs: Collection[Ref]) -> dict[Ref, list[Asked]]:
        found: dict[Ref, list[Asked]] = {}
        with self._db.read() as connection:
            for some in chunks(refs):
                theirs = sa.select(asked).where(asked.c.portal == portal, column.in_(some))
                for row in connection.execute(theirs.order_by(asked.c.asked_at, asked.c.key)).mappings():
                    found.setdefault(row[column.name], []).append(asked_of(row))
        return found

    def ledger(self, portal: str) -> list[Asked]:
        """See Store."""
        everything = sa.select(asked).where(asked.c.portal == portal).order_by(asked.c.asked_at, asked.c.key)
        with self._db.read() as connection:
            return [asked_of(row) for row in connection.execute(everything).mappings()]

    def asks_per_day(self, portal: str, since: date) -> dict[tuple[str, date], int]:
        """See Store."""
        with self._db.read() as connection:
            name = connection.execute(sa.select(portals.c.zone).where(portals.c.portal == portal)).scalar_one_or_none()
            zone = _zone(name)
            midnight = datetime.combine(since, time(), zone)
            rows = connection.execute(
                sa.select(asked.c.assignee, asked.c.asked_at).where(
                    asked.c.portal == portal,
                    asked.c.asked_at >= midnight,
                    asked.c.assignee.is_not(None),
                    asked.c.joined.is_(None),  # a line of a task he has already is nothing new to do
                )
            )
            return dict(Counter((row.assignee, row.asked_at.astimezone(zone).date()) for row in rows))


def _zone(name: str | None) -> tzinfo:
    """The portal's zone; UTC while it is not known, or where the CRM names one that nobody knows."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def write_rows(database: Transactions, connection: sa.Connection, portal: str, entries: Iterable[Asked]) -> None:
    """Insert or replace ledger rows. A known task or proposal is not forgotten by a row that was judged before it."""
    rows = [_row(portal, entry) for entry in entries]
    if not rows:
        return
    insert = database.insert(asked)
    change: dict[str, Any] = {name: insert.excluded[name] for name in rows[0] if name not in ("portal", "key")}
    for known in ("task_id", "offer"):
        change[known] = sa.func.coalesce(insert.excluded[known], asked.c[known])
    connection.execute(insert.on_conflict_do_update(index_elements=["portal", "key"], set_=change), rows)
    for some in chunks([row["key"] for row in rows if row["joined"]]):
        _share_tasks(connection, portal, asked.c.key.in_(some))


def give_task(connection: sa.Connection, portal: str, key: str, task: str) -> None:
    """Write a created task's id into its row and into the rows that are lines of it."""
    connection.execute(sa.update(asked).where(asked.c.portal == portal, asked.c.key == key).values(task_id=task))
    _share_tasks(connection, portal, asked.c.joined == key)


def give_offer(connection: sa.Connection, portal: str, key: str, offer: str) -> None:
    """Write into its row what shows the proposal in the CRM."""
    connection.execute(sa.update(asked).where(asked.c.portal == portal, asked.c.key == key).values(offer=offer))


def _share_tasks(connection: sa.Connection, portal: str, whose: sa.ColumnElement[bool]) -> None:
    host = asked.alias("host")
    task = sa.select(host.c.task_id).where(host.c.portal == portal, host.c.key == asked.c.joined).scalar_subquery()
    connection.execute(
        sa.update(asked)
        .where(asked.c.portal == portal, whose, asked.c.joined.is_not(None), asked.c.task_id.is_(None))
        .values(task_id=task)
    )


def _row(portal: str, entry: Asked) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in _SAME},
        "portal": portal,
        "key": str(entry.key),
        "rule": entry.key.rule,
        "subject": entry.key.subject,
        "occurrence": entry.key.occurrence,
        "state": entry.state.value,
        "steps": [
            {"to": step.to, "at": step.at.isoformat(), "told_at": step.told_at.isoformat() if step.told_at else None}
            for step in entry.steps
        ],
        "joined": str(entry.joined) if entry.joined else None,
    }


def asked_of(row: sa.RowMapping) -> Asked:
    """A row of the table as the ledger's."""
    return Asked(
        **{name: row[name] for name in _SAME},
        key=Key(row["rule"], row["subject"], row["occurrence"]),
        state=State(row["state"]),
        steps=tuple(
            Step(
                to=step["to"],
                at=datetime.fromisoformat(step["at"]),
                told_at=datetime.fromisoformat(step["told_at"]) if step["told_at"] else None,
            )
            for step in row["steps"]
        ),
        joined=Key(*row["joined"].split("/", 2)) if row["joined"] else None,
    )
