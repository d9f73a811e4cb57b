"""Dossier scores: their history, and one write into the CRM per distinct content."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa

from connector.crm.port import Effect, Ref
from connector.store import Intent
from connector.store.tables import outbox, score, unsettled
from connector.store.transactions import chunks
from rules.assessment import DossierScore


def keep_scores(
    connection: sa.Connection, portal: str, scores: Mapping[Ref, DossierScore], now: datetime
) -> list[Intent]:
    """Add the scores that differ from their client's last one to the history; the writes that they need.

    An older write that was surely not sent is dropped, and none is needed where the card then already says the same.
    """
    last = _last(connection, portal, scores)
    intents = []
    for client, new in scores.items():
        n, digest = last.get(client, (0, None))
        if digest != new.digest:
            intents += _keep(connection, portal, client, n + 1, new, now)
    return intents


def _last(connection: sa.Connection, portal: str, clients: Collection[Ref]) -> dict[Ref, tuple[int, str]]:
    """Number and digest of the last score of each client."""
    found: dict[Ref, tuple[int, str]] = {}
    for some in chunks(clients):
        rows = sa.select(score.c.client, score.c.n, score.c.digest).where(
            score.c.portal == portal, score.c.client.in_(some)
        )
        found.update({row.client: (row.n, row.digest) for row in connection.execute(rows.order_by(score.c.n))})
    return found


def _keep(
    connection: sa.Connection, portal: str, client: Ref, n: int, new: DossierScore, now: datetime
) -> list[Intent]:
    occurrence = f"score:{client}"
    dropped = connection.execute(
        sa.delete(outbox)
        .where(outbox.c.portal == portal, outbox.c.occurrence == occurrence, unsettled(), outbox.c.state == "new")
        .returning(outbox.c.tries)
    ).scalars()
    perhaps_sent = any(list(dropped))  # tried before with an unknown outcome: what the card says is not known
    on_a_card = client.startswith(("company:", "contact:"))  # a deal without a client has no dossier fields
    needed = on_a_card and (perhaps_sent or _on_the_card(connection, portal, client) != new.digest)
    intent = Intent(effect=_write(portal, client, n, new), occurrence=occurrence)
    connection.execute(
        sa.insert(score).values(
            portal=portal,
            client=client,
            n=n,
            at=now,
            digest=new.digest,
            template=new.template,
            fill=new.fill,
            weighted=new.weighted,
            filled=new.filled,
            total=new.total,
            gaps=new.gaps,
            effect=intent.effect.key if needed else None,
        )
    )
    return [intent] if needed else []


def _on_the_card(connection: sa.Connection, portal: str, client: Ref) -> str | None:
    """Digest of the last score whose write was sent and not refused."""
    last_sent = (
        sa.select(score.c.digest)
        .join(outbox, sa.and_(outbox.c.portal == score.c.portal, outbox.c.key == score.c.effect))
        .where(score.c.portal == portal, score.c.client == client, outbox.c.state.in_(["sending", "done"]))
        .order_by(score.c.n.desc())
        .limit(1)
    )
    return connection.execute(last_sent).scalar_one_or_none()


def _write(portal: str, client: Ref, n: int, new: DossierScore) -> Effect:
    """The key holds a number, not the digest: a dossier may come back to what it was."""
    key = f"score:{client}#{n}"
    return Effect(
        verb="write_fields",
        key=key,
        marker="kasanie:" + sha256(f"{portal}/{key}".encode()).hexdigest()[:12],
        card=client,
        fields={"FILL": new.fill, "SCORE": new.weighted, "GAPS": new.gaps_text},
    )
