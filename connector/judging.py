"""Judging a portal's clients: snapshots in; ledger rows, intents and verdicts out. No CRM is called here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connector.effects import intents_of
from connector.portals import InForce
from connector.snapshot import Reader, load_snapshots
from connector.store import ClientRow, Judged, Store
from rules.assess import assess
from rules.assessment import Assessment, Order
from rules.explain import as_record
from rules.facts import Snapshot
from rules.ledger import Asked
from rules.ration import Rationed, ration, told_to_wait
from rules.regulation import Regulation
from rules.texts import Lang


def judge_clients(
    store: Store, reader: Reader, in_force: InForce, now: datetime, limit: int, lang: Lang, worker: str
) -> int:
    """Judge the clients whose facts changed or whose time has come; how many were judged. Raises LeaseLost."""
    name = reader.portal.id
    rows = store.clients_to_judge(name, now, limit)
    if not rows:
        return 0
    snapshots = load_snapshots(store, reader, [row.ref for row in rows])
    assessed = {ref: assess(in_force.regulation, snapshot, now, lang) for ref, snapshot in snapshots.items()}
    today = now.astimezone(reader.portal.zone).date()
    rationed = ration(
        [order for assessment in assessed.values() for order in assessment.orders],
        store.asks_per_day(name, today),
        in_force.regulation.limits,
        now,
        calendar=in_force.regulation.calendar,
        portal=reader.portal,
    )
    judged = [
        _judged(row, assessed[row.ref], snapshots[row.ref], rationed, in_force.regulation, now, lang)
        if row.ref in assessed
        else _no_client(row, in_force.regulation.digest)
        for row in rows
    ]
    store.record(name, judged, now, worker)
    return len(rows)


def _judged(
    row: ClientRow,
    assessment: Assessment,
    snapshot: Snapshot,
    rationed: Rationed,
    regulation: Regulation,
    now: datetime,
    lang: Lang,
) -> Judged:
    orders = [order for order in rationed.admitted if order.entry.client == assessment.client]
    recheck = [moment for moment in (assessment.recheck_at, rationed.recheck_at(assessment.client)) if moment]
    verdicts = told_to_wait(assessment.verdicts, rationed.postponed)
    return Judged(
        client=row,
        asked=ledger_rows(assessment, orders),
        intents=intents_of(snapshot.portal.id, orders, regulation, snapshot, now, lang),
        verdicts=[as_record(verdict, snapshot.portal.zone) for verdict in verdicts],
        score=assessment.score,
        recheck_at=min(recheck, default=None),
        regulation=assessment.regulation_digest,
    )


def ledger_rows(assessment: Assessment, admitted: Iterable[Order]) -> tuple[Asked, ...]:
    """Rows that change without an order, and those of admitted orders; of one occurrence the last word holds."""
    rows = {row.key: row for row in assessment.changes}
    rows.update({order.key: order.entry for order in admitted})
    return tuple(rows.values())


def _no_client(row: ClientRow, regulation: str) -> Judged:
    """A person who belongs to a company now, a card that was never read: nothing is owed under this name."""
    return Judged(client=row, asked=(), intents=(), verdicts=[], score=None, recheck_at=None, regulation=regulation)
