"""Rows for the tests of the store: one client, one planned touch, one effect, each as plain as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.crm.port import Effect, Fact, FactKind, Ref, Verb
from connector.store import ClientRow, Intent, Judged, Store
from rules.assessment import DossierScore
from rules.ledger import Asked, Key, State

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
A, B = "alpha", "beta"


def with_portals(store: Store) -> Store:
    """Two portals, so that every test can see whether one shines through to the other."""
    for name in (A, B):
        store.add_portal(name, "bitrix24", rate=2, burst=50)
    return store


def fact(kind: FactKind, number: str, *links: Ref, gone: bool = False, **body: Any) -> Fact:
    return Fact(kind=kind, id=number, body=body, changed=NOW, links=links, gone=gone)


def asked(rule: str = "call", subject: str = "company:1", occurrence: str = "created", **more: Any) -> Asked:
    plain: dict[str, Any] = {
        "key": Key(rule, subject, occurrence),
        "state": State.ASKED,
        "client": "company:1",
        "rule_digest": "d1",
        "anchor_at": NOW,
        "planned_at": NOW,
        "due_at": NOW + timedelta(days=1),
        "promise_at": NOW + timedelta(days=1),
        "kinds": ("call",),
        "asked_at": NOW,
        "assignee": "5",
    }
    return Asked(**{**plain, **more})


def intent(entry: Asked, verb: Verb = "create_task", what: str = "ask", **more: Any) -> Intent:
    effect = Effect(verb=verb, key=f"{entry.key}#{what}", marker="kasanie:0123456789ab", **more)
    return Intent(effect=effect, occurrence=str(entry.key))


def judged(*entries: Asked, intents: tuple[Intent, ...] = (), **more: Any) -> Judged:
    plain: dict[str, Any] = {
        "client": ClientRow(ref="company:1", seq=0),
        "verdicts": ({"rule": "call", "status": "due"},),
        "score": None,
        "recheck_at": None,
        "regulation": "r1",
    }
    return Judged(**{**plain, **more}, asked=entries, intents=intents)


def score(digest: str, fill: int = 30) -> DossierScore:
    return DossierScore(
        fill=fill,
        weighted=23,
        filled=15,
        total=50,
        gaps=("inn",),
        expired=(),
        unreadable=(),
        next_question=None,
        gaps_text="ИНН",
        template="key-client-50/1",
        digest=digest,
    )


def to_create(store: Store, *occurrences: str, portal: str = A) -> list[str]:
    """Record one asked touch with its create_task per occurrence; the keys of the effects."""
    entries = [asked(occurrence=occurrence) for occurrence in occurrences]
    intents = tuple(intent(entry) for entry in entries)
    store.record(portal, [judged(*entries, intents=intents)], NOW)
    return [each.effect.key for each in intents]


def due(store: Store, portal: str = A) -> list[str]:
    """Keys of the effects that may leave now."""
    return [row.effect.key for row in store.due_effects(portal, 100)]


def send(store: Store, *keys: str, quarantine: float = 60, portal: str = A) -> None:
    """Begin to send as the worker `w`."""
    assert store.renew_lease(portal, "w", 60) or store.take_lease(portal, "w", 60)
    assert store.start_effects(portal, "w", keys, quarantine, 60)


def counted(store: Store, portal: str = A) -> Mapping[str, int]:
    """Only what is not zero."""
    return {name: number for name, number in store.counts(portal).items() if number}
