"""Facts of the CRM and the cursors of its feeds; forgetting the cursors is the full load."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from connector.crm.port import Fact, FactKind, Page, Ref
from connector.store.tables import cursor, fact, link
from connector.store.transactions import Part, chunks, lock_portal


class Facts(Part):
    """One table of records and one of their links to cards."""

    def cursors(self, portal: str) -> dict[str, str]:
        """See Store."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(cursor.c.feed, cursor.c.value).where(cursor.c.portal == portal))
            return {row.feed: row.value for row in rows}

    def forget_cursors(self, portal: str) -> None:
        """See Store."""
        with self._db.write() as connection:
            connection.execute(sa.delete(cursor).where(cursor.c.portal == portal))

    def save_page(self, portal: str, page: Page, now: datetime) -> list[Ref]:
        """See Store."""
        facts = {each.ref: each for each in page.facts}  # of one record named twice the later reading stands
        with self._db.write() as connection:
            lock_portal(connection, portal)
            known = _digests(connection, portal, facts)
            digests = {ref: _digest(each) for ref, each in facts.items()}
            changed = sorted(ref for ref, digest in digests.items() if known.get(ref) != digest)
            self._db.put(connection, fact, [_row(portal, facts[ref], digests[ref], now) for ref in changed])
            for some in chunks([ref for ref in changed if ref in known]):
                connection.execute(sa.delete(link).where(link.c.portal == portal, link.c.ref.in_(some)))
            links = [
                {"portal": portal, "ref": ref, "target": target, "kind": facts[ref].kind}
                for ref in changed
                for target in dict.fromkeys(facts[ref].links)
            ]
            if links:
                connection.execute(sa.insert(link), links)
            self._db.put(
                connection,
                cursor,
                [
                    {"portal": portal, "feed": feed, "value": value, "stored_at": now}
                    for feed, value in sorted(page.cursors.items())
                ],
            )
        return changed

    def facts(self, portal: str, refs: Collection[Ref]) -> list[Fact]:
        """See Store."""
        with self._db.read() as connection:
            return [
                _fact(row)
                for some in chunks(refs)
                for row in connection.execute(sa.select(fact).where(fact.c.portal == portal, fact.c.ref.in_(some)))
            ]

    def present(self, portal: str, kind: FactKind) -> frozenset[Ref]:
        """See Store."""
        asked = sa.select(fact.c.ref).where(fact.c.portal == portal, fact.c.kind == kind, ~fact.c.gone)
        if kind == "task":
            asked = asked.where(fact.c.body["open"].as_boolean())
        with self._db.read() as connection:
            return frozenset(connection.execute(asked).scalars())

    def linked(self, portal: str, refs: Collection[Ref], kinds: Collection[FactKind]) -> list[Fact]:
        """See Store."""
        found: dict[Ref, Fact] = {}
        with self._db.read() as connection:
            for some in chunks(refs):
                to_these = sa.select(link.c.ref).where(
                    link.c.portal == portal, link.c.target.in_(some), link.c.kind.in_(list(kinds))
                )
                rows = connection.execute(sa.select(fact).where(fact.c.portal == portal, fact.c.ref.in_(to_these)))
                found.update({row.ref: _fact(row) for row in rows})
        return list(found.values())


def _digests(connection: sa.Connection, portal: str, refs: Collection[Ref]) -> dict[Ref, str]:
    return {
        row.ref: row.digest
        for some in chunks(refs)
        for row in connection.execute(
            sa.select(fact.c.ref, fact.c.digest).where(fact.c.portal == portal, fact.c.ref.in_(some))
        )
    }


def _digest(each: Fact) -> str:
    said = json.dumps([each.body, each.links, each.gone], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(said.encode()).hexdigest()


def _row(portal: str, each: Fact, digest: str, now: datetime) -> dict[str, Any]:
    return {
        "portal": portal,
        "ref": each.ref,
        "kind": each.kind,
        "body": dict(each.body),
        "links": each.links,
        "changed": each.changed,
        "gone": each.gone,
        "digest": digest,
        "read_at": now,
    }


def _fact(row: sa.Row[Any]) -> Fact:
    return Fact(
        kind=row.kind,
        id=row.ref.partition(":")[2],
        body=row.body,
        changed=row.changed,
        links=row.links,
        gone=row.gone,
    )
