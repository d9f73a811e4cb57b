"""Judging a portal's clients: snapshots in; ledger rows, intents and verdicts out. No CRM is called here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import structlog

from connector.answers import with_clicks
from connector.clock import real_clock
from connector.crm.port import Effect, Ref
from connector.effects import intents_of
from connector.offers import rows_to_show, showings
from connector.order_words import Words
from connector.portals import InForce
from connector.snapshot import Reader, load_snapshots
from connector.store import AnswerRow, ClientRow, Judged, Store
from rules.assess import assess
from rules.assessment import Assessment, Order
from rules.explain import as_record
from rules.facts import Snapshot
from rules.ledger import Asked
from rules.ration import Rationed, ration, told_to_wait
from rules.regulation import Regulation
from rules.texts import Lang

SET_ASIDE: Final = timedelta(hours=1)
"""When a client over whom the judge stumbled is tried again."""

log = structlog.get_logger()


def judge_clients(
    store: Store, reader: Reader, in_force: InForce, now: datetime, limit: int, lang: Lang, worker: str
) -> int:
    """Judge the clients whose facts changed or whose time has come; how many were judged. Raises LeaseLost."""
    name = reader.portal.id
    rows = store.clients_to_judge(name, now, limit)
    if not rows:
        return 0
    pressed = store.answers(name)
    snapshots: dict[Ref, Snapshot] = {}
    clicks: dict[Ref, list[AnswerRow]] = {}
    for ref, snapshot in load_snapshots(store, reader, [row.ref for row in rows]).items():
        keys = {str(asked.key) for asked in snapshot.asked}
        clicks[ref] = [click for click in pressed if click.click.about in keys]
        snapshots[ref] = with_clicks(snapshot, clicks[ref], now, real_clock())
    assessed, failed = _assess_all(name, snapshots, in_force.regulation, now, lang)
    today = now.astimezone(reader.portal.zone).date()
    rationed = ration(
        [order for assessment in assessed.values() for order in assessment.orders],
        store.asks_per_day(name, today),
        in_force.regulation.limits,
        now,
        calendar=in_force.regulation.calendar,
        portal=reader.portal,
    )
    judging = {ref: _Judging(snapshots[ref], one, rationed, clicks[ref]) for ref, one in assessed.items()}
    offered = store.offered(name, {str(asked.key) for one in judging.values() for asked in one.to_show})
    judged = [
        _judged(row, judging[row.ref], in_force.regulation, offered, now, lang)
        if row.ref in judging
        else _nothing_owed(row, in_force.regulation.digest, now + SET_ASIDE if row.ref in failed else None)
        for row in rows
    ]
    store.record(name, judged, now, worker)
    return len(rows)


@dataclass
class _Judging:
    """One client's assessment, what of it was admitted, and the buttons that led to it."""

    snapshot: Snapshot
    assessment: Assessment
    rationed: Rationed
    clicks: Sequence[AnswerRow]

    @cached_property
    def orders(self) -> list[Order]:
        """Those that may be written now."""
        return [order for order in self.rationed.admitted if order.entry.client == self.assessment.client]

    @cached_property
    def rows(self) -> tuple[Asked, ...]:
        """The ledger's rows that change."""
        return ledger_rows(self.assessment, self.orders)

    @cached_property
    def to_show(self) -> list[Asked]:
        """The proposals to write again."""
        return rows_to_show(self.snapshot, self.rows, self.clicks)


def _judged(
    row: ClientRow,
    one: _Judging,
    regulation: Regulation,
    offered: Mapping[str, Effect],
    now: datetime,
    lang: Lang,
) -> Judged:
    snapshot, assessment = one.snapshot, one.assessment
    name = snapshot.portal.id
    recheck = [moment for moment in (assessment.recheck_at, one.rationed.recheck_at(assessment.client)) if moment]
    verdicts = told_to_wait(assessment.verdicts, one.rationed.postponed)
    shown = showings(one.to_show, offered, one.clicks, one.orders, Words(regulation, snapshot, lang), now)
    return Judged(
        client=row,
        asked=one.rows,
        # a card that waits for its answer is freed first
        intents=(*shown, *intents_of(name, one.orders, regulation, snapshot, now, lang)),
        verdicts=[as_record(verdict, snapshot.portal.zone) for verdict in verdicts],
        score=assessment.score,
        recheck_at=min(recheck, default=None),
        regulation=assessment.regulation_digest,
        answers=tuple(click.n for click in one.clicks),
    )


def ledger_rows(assessment: Assessment, admitted: Iterable[Order]) -> tuple[Asked, ...]:
    """Rows that change without an order, and those of admitted orders; of one occurrence the last word holds."""
    rows = {row.key: row for row in assessment.changes}
    rows.update({order.key: order.entry for order in admitted})
    return tuple(rows.values())


def _assess_all(
    portal: str, snapshots: Mapping[Ref, Snapshot], regulation: Regulation, now: datetime, lang: Lang
) -> tuple[dict[Ref, Assessment], set[Ref]]:
    """Each client by itself: one that the judge stumbles over is set aside and does not hold up the others."""
    assessed: dict[Ref, Assessment] = {}
    failed: set[Ref] = set()
    for ref, snapshot in snapshots.items():
        try:
            assessed[ref] = assess(regulation, snapshot, now, lang)
        except Exception:
            log.exception("client.not_judged", portal=portal, client=ref)
            failed.add(ref)
    return assessed, failed


def _nothing_owed(row: ClientRow, regulation: str, recheck_at: datetime | None) -> Judged:
    """A person who belongs to a company now, a card that was never read, or a client that is set aside for a while."""
    return Judged(
        client=row, asked=(), intents=(), verdicts=[], score=None, recheck_at=recheck_at, regulation=regulation
    )
