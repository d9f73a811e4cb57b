"""The one loader: webhook, reconciliation and first load are the same pull with other cursors.

Facts are reduced before they are stored: of a dossier field only "filled or not, since when, a hash" stays, and the
value only where a rule counts from it. Clients are put on the list to judge before the facts are stored, so a crash
between the two judges once more and never once less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import structlog

from connector.clients import Family
from connector.crm.port import Crm, Fact, FactKind, Page, Ref
from connector.portal_map import Mapped
from connector.store import Store
from rules.dossier import Judged, Template, judge_value

READS: Final = "reads"
"""The cursor that remembers which fields the stored facts were read with."""
VANISHED_LIMIT: Final = 20
"""So many records of a kind, or a twentieth of them, may vanish at once; more is a right that was taken from us."""

log = structlog.get_logger()


def load(
    store: Store,
    crm: Crm,
    portal: str,
    mapped: Mapped,
    template: Template | None,
    named: Collection[Ref],
    now: datetime,
) -> int:
    """Pull what changed and what was named, store it, and mark the clients it concerns; how many facts changed.

    After a nightly reading of everything, what vanished without a word is asked for by name before it counts as gone.
    """
    cursors, reads = store.cursors(portal), digest_of_wanted(mapped, template)
    if cursors and cursors.get(READS) != reads:  # stored bodies lack fields that are wanted now
        store.forget_cursors(portal)
        cursors = {}
    changes = missed = 0
    census: dict[FactKind, frozenset[str]] = {}
    for page in crm.pull({name: value for name, value in cursors.items() if name != READS}, named):
        known = {fact.ref: fact for fact in store.facts(portal, [fact.ref for fact in page.facts])}
        facts = tuple(
            reduce_fact(_whole(fact, known.get(fact.ref)), known.get(fact.ref), mapped, template) for fact in page.facts
        )
        changed = [fact for fact in facts if differs(known.get(fact.ref), fact)]
        if changed:
            before = [known[fact.ref] for fact in changed if fact.ref in known]
            store.mark_clients(portal, concerned(store, portal, changed) | concerned(store, portal, before))
        moved = {**page.cursors, READS: reads} if page.cursors else {}
        store.save_page(portal, Page(facts=facts, cursors=moved, answered=page.answered), now)
        changes += len(changed)
        missed += len(changed) if page.again else 0
        census |= page.census
    if census:
        vanished = _vanished(store, portal, census, now)
        log.info("facts.scanned", portal=portal, missed=missed, vanished=len(vanished))
        if vanished:
            changes += load(store, crm, portal, mapped, template, vanished, now)
    return changes


def _vanished(store: Store, portal: str, census: Mapping[FactKind, frozenset[str]], now: datetime) -> set[Ref]:
    """What we have and the CRM did not show. Very much at once is never believed: it raises an alarm and stays."""
    found: set[Ref] = set()
    for kind, ids in census.items():
        known = store.present(portal, kind)
        missing = {ref for ref in known if ref.partition(":")[2] not in ids}
        if len(missing) > max(VANISHED_LIMIT, len(known) // 20):
            log.error("facts.many_vanished", portal=portal, kind=kind, missing=len(missing), known=len(known))
            store.note(portal, "facts-vanished", kind, {"missing": len(missing), "known": len(known)}, now)
        else:
            found |= missing
    return found


def digest_of_wanted(mapped: Mapped, template: Template | None) -> str:
    """Changes when other fields are to be read, or a dossier field is judged differently."""
    wanted = (mapped.wanted, sorted(mapped.file.map.dossier.items()), template)
    return sha256(repr(wanted).encode()).hexdigest()[:16]


def concerned(store: Store, portal: str, facts: Iterable[Fact]) -> set[Ref]:
    """The clients whose judgement these facts can change."""
    listed = list(facts)
    family = Family(listed, lambda refs: store.facts(portal, refs))
    return {client for fact in listed for client in family.clients_of(fact)}


def differs(old: Fact | None, new: Fact) -> bool:
    """Whether the fact says anything new."""
    return old is None or (old.body, old.links, old.gone) != (new.body, new.links, new.gone)


def _whole(fact: Fact, known: Fact | None) -> Fact:
    """A fact that is gone comes bare: its last known body and links still say whose it was."""
    if fact.gone and known is not None and not fact.body:
        return replace(fact, body=known.body, links=known.links)
    return fact


def reduce_fact(fact: Fact, known: Fact | None, mapped: Mapped, template: Template | None) -> Fact:
    """The fact as it is stored: mapped fields by the CRM's name, dossier fields as "filled, hash, since"."""
    raw = fact.body.get("fields")
    if raw is None or fact.kind not in ("company", "contact", "deal"):
        return fact
    needed = {place for name in mapped.file.map.fields for place in mapped.places(name)}
    kept = {name: value for name, value in raw.items() if f"{fact.kind}.{name}" in needed}
    dossier: dict[str, Any] = {}
    if template is not None:
        before: Mapping[str, Any] = known.body.get("dossier", {}) if known else {}
        for field in template.fields:
            card, _, name = mapped.file.map.dossier.get(field.id, "").partition(".")
            if card != fact.kind:
                continue
            if name not in raw:  # mapped, yet not told: unreadable is not empty
                dossier[field.id] = {"filled": None, "hash": None, "since": None}
            else:
                dossier[field.id] = _with_age(judge_value(field, raw[name]), before.get(field.id), fact.changed)
    body = {**fact.body, "fields": kept}
    return replace(fact, body={**body, "dossier": dossier} if dossier else body)


def _with_age(judged: Judged, before: Mapping[str, Any] | None, changed: datetime) -> dict[str, Any]:
    """The field's state as JSON; the same value keeps its first day."""
    since = before["since"] if before and before.get("hash") == judged.hash else changed.isoformat()
    row = {"filled": judged.filled, "hash": judged.hash, "since": since}
    if judged.value is not None:
        row["value"] = judged.value if isinstance(judged.value, (int, str)) else str(judged.value)
    return row
