"""Which regulation was in force since when, and the append-only audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store import AuditRow
from connector.store.clients import mark_all
from connector.store.judging import take_numbers
from connector.store.tables import audit, regulation, rule
from connector.store.tables import portal as portals
from connector.store.transactions import Part


class Regulations(Part):
    """Every version that was ever in force stays: ledger rows name its digest."""

    def put_in_force(
        self, portal: str, digest: str, text: str, rules: Collection[str], now: datetime, *, dossier_text: str = ""
    ) -> bool:
        """See Store."""
        with self._db.write() as connection:
            n = take_numbers(connection, portal, 1)  # first of all: it locks the portal's row
            last = connection.execute(_in_force(portal)).one_or_none()
            if last is not None and (last.digest, last.dossier_text) == (digest, dossier_text):
                return False
            connection.execute(
                sa.insert(regulation).values(
                    portal=portal, n=n, digest=digest, since=now, text=text, dossier_text=dossier_text
                )
            )
            connection.execute(sa.update(portals).where(portals.c.portal == portal).values(regulation=digest))
            connection.execute(sa.delete(rule).where(rule.c.portal == portal, rule.c.rule.not_in(list(rules))))
            rows = [{"portal": portal, "rule": name, "since": now} for name in sorted(set(rules))]
            if rows:  # a rule that was in force before keeps its day
                insert = self._db.insert(rule)
                connection.execute(insert.on_conflict_do_nothing(index_elements=["portal", "rule"]), rows)
            mark_all(connection, portal)
        return True

    def regulation_text(self, portal: str) -> tuple[str, str] | None:
        """See Store."""
        with self._db.read() as connection:
            last = connection.execute(_in_force(portal)).one_or_none()
        return (last.text, last.dossier_text) if last is not None else None

    def rules_since(self, portal: str) -> dict[str, datetime]:
        """See Store."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(rule.c.rule, rule.c.since).where(rule.c.portal == portal))
            return {row.rule: row.since for row in rows}

    def note(self, portal: str, what: str, about: str, details: Mapping[str, Any], now: datetime) -> None:
        """See Store."""
        with self._db.write() as connection:
            add_note(connection, portal, what, about, details, now)

    def audit(self, portal: str, limit: int) -> list[AuditRow]:
        """See Store."""
        lines = sa.select(audit).where(audit.c.portal == portal).order_by(audit.c.n.desc()).limit(limit)
        with self._db.read() as connection:
            return [
                AuditRow(at=row.at, what=row.what, about=row.about, details=row.details)
                for row in connection.execute(lines)
            ]


def add_note(
    connection: sa.Connection, portal: str, what: str, about: str, details: Mapping[str, Any], now: datetime
) -> None:
    """One line of the audit, inside a transaction."""
    n = take_numbers(connection, portal, 1)
    connection.execute(
        sa.insert(audit).values(portal=portal, n=n, at=now, what=what, about=about, details=dict(details))
    )


def _in_force(portal: str) -> sa.Select[Any]:
    return (
        sa.select(regulation.c.digest, regulation.c.text, regulation.c.dossier_text)
        .where(regulation.c.portal == portal)
        .order_by(regulation.c.n.desc())
        .limit(1)
    )
