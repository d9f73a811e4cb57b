"""Stored facts -> the Snapshot that `rules` judges: CRM names end here, the regulation's words begin.

All clients of one call are read together: a handful of queries however many they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.answers import ANOTHER_DUE, facts_of_offers
from connector.client_dossier import client_dossier
from connector.clients import Family
from connector.crm.port import Directory, Fact, FactKind, Ref
from connector.mapped_fields import known_day, known_text, mapped_fields, moment, text_or_none
from connector.portal_map import Mapped, as_tuple
from connector.store import Store
from rules.facts import (
    UNKNOWN,
    Client,
    Contact,
    Deal,
    DossierField,
    Manager,
    Portal,
    Signal,
    Snapshot,
    StageChange,
    Task,
)
from rules.ledger import Asked


@dataclass(frozen=True)
class Reader:
    """What turning facts into snapshots needs to know of a portal."""

    portal: Portal
    mapped: Mapped
    phases: Mapping[str, Any]
    """Phase by stage key; won and lost come from the CRM's own semantics."""
    stage_titles: Mapping[str, str]


def make_reader(name: str, mapped: Mapped, directory: Directory, rules_since: Mapping[str, datetime]) -> Reader:
    """The portal's side of every snapshot, built once per run."""
    phases: dict[str, Any] = dict(mapped.phase_of)
    phases.update({stage.key: stage.semantic for stage in directory.stages if stage.semantic != "open"})
    roles: dict[str, tuple[str, ...]] = {role: as_tuple(ids) for role, ids in mapped.file.map.roles.items()}
    managers = {
        user.id: Manager(
            id=user.id,
            name=user.name,
            roles=frozenset(role for role, holders in roles.items() if user.id in holders),
            active=user.active,
            head=user.head,
            zone=zone_or_none(user.zone),
        )
        for user in directory.users
    }
    portal = Portal(
        id=name,
        zone=zone_or_none(directory.zone) or ZoneInfo("Europe/Moscow"),
        managers=managers,
        role_holders=roles,
        default_manager=mapped.file.map.default_manager,
        in_force_since=rules_since,
    )
    titles = {stage.key: stage.title for stage in directory.stages}
    return Reader(portal=portal, mapped=mapped, phases=phases, stage_titles=titles)


def zone_or_none(name: str | None) -> ZoneInfo | None:
    """A zone by its IANA name; a name nobody knows falls back like no name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def load_snapshots(store: Store, reader: Reader, clients: Collection[Ref]) -> dict[Ref, Snapshot]:
    """Snapshots of these clients. One that is no client any more (a person who joined a company) is left out."""
    name = reader.portal.id
    circle = {fact.ref: fact for fact in store.facts(name, clients)}
    steps: tuple[tuple[FactKind, ...], ...] = (("contact", "deal"), ("deal",))
    for kinds in steps:  # the company's people and deals; then the deals of its people
        circle.update({fact.ref: fact for fact in store.linked(name, list(circle), kinds)})
    circle.update({fact.ref: fact for fact in store.linked(name, list(circle), ("stage", "signal", "task"))})
    by_client = store.asked(name, clients)
    asked_about = {row.key.subject for rows in by_client.values() for row in rows} - circle.keys()
    known = [*circle.values(), *store.facts(name, asked_about)]
    family = Family(known, lambda refs: store.facts(name, refs))
    of_client: dict[Ref, list[Fact]] = defaultdict(list)
    for fact in circle.values():
        for client in family.clients_of(fact):
            of_client[client].append(fact)
    asked = _ledger_of(store, name, family, of_client, by_client, clients)
    tasks = {str(row.key): row.task_id for rows in asked.values() for row in rows if row.task_id}
    shown = {tasks[key]: due for key, due in store.shown_dues(name, tasks)}  # the last word on each task
    told = facts_of_offers(store, name, asked.values(), circle)
    return {
        client: replace(
            _snapshot(reader, circle[client], of_client[client], asked[client], shown),
            answers=tuple(told.answers_to(asked[client], reader.portal.zone)),
        )
        for client in clients
        if client in circle and circle[client] in of_client[client]
    }


def _ledger_of(
    store: Store,
    portal: str,
    family: Family,
    of_client: Mapping[Ref, Sequence[Fact]],
    by_client: Mapping[Ref, Sequence[Asked]],
    clients: Collection[Ref],
) -> dict[Ref, list[Asked]]:
    """Each client's rows. What was asked about a card that now is another client's goes with the card."""
    cards = {fact.ref for client in clients for fact in of_client[client] if fact.kind in ("deal", "contact")}
    by_subject = store.asked_about(portal, cards)
    found: dict[Ref, list[Asked]] = {}
    for client in clients:
        own = {fact.ref for fact in of_client[client]}
        rows = [row for row in by_client.get(client, []) if row.key.subject in own or not family.knows(row.key.subject)]
        rows += [
            row
            for ref in own & by_subject.keys()
            for row in by_subject[ref]
            if row.client != client and row.client not in family.clients_of_ref(ref)
        ]
        found[client] = sorted(rows, key=lambda row: (row.asked_at, row.key))
    return found


def _snapshot(
    reader: Reader, client: Fact, facts: Sequence[Fact], asked: Sequence[Asked], shown: Mapping[str, datetime | None]
) -> Snapshot:
    kinds: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        kinds[fact.kind].append(fact)
    rows: dict[str, list[Fact]] = defaultdict(list)
    for row in kinds["stage"]:
        rows[str(row.body["deal"])].append(row)
    deals = tuple(_deal(reader, fact, rows[fact.ref]) for fact in sorted(kinds["deal"], key=_by_creation))
    people = [fact for fact in kinds["contact"] if not fact.gone]
    main = _main_contact(people, deals)
    signals = [_signal(fact) for fact in kinds["signal"] if not fact.gone and fact.body.get("at")]
    return Snapshot(
        portal=reader.portal,
        client=_client(reader, client, client_dossier(client, people, main, kinds["deal"])),
        # a person of two companies is greeted for the first of them, or he would be asked about twice
        contacts=tuple(
            _contact(reader, fact, main)
            for fact in sorted(people, key=_by_creation)
            if client.ref in (fact.ref, *fact.links[:1])
        ),
        deals=deals,
        signals=tuple(sorted(signals, key=lambda signal: (signal.at, signal.id))),
        tasks={fact.id: _task(fact, shown.get(fact.id)) for fact in kinds["task"]},
        asked=tuple(asked),
    )


def _client(reader: Reader, fact: Fact, dossier: Mapping[str, DossierField]) -> Client:
    body = fact.body
    return Client(
        id=fact.ref,
        name=str(body.get("title") or body.get("name") or fact.ref),
        created_at=moment(body.get("created")) or fact.changed,
        owner=body.get("owner"),
        client_manager=text_or_none(reader.mapped, "client.client_manager", fact),
        active_manager=text_or_none(reader.mapped, "client.active_manager", fact),
        segment=known_text(reader.mapped, "client.segment", fact),
        quiet_until=known_day(reader.mapped, "client.quiet_until", fact),
        fields=mapped_fields(reader.mapped, "client.", fact),
        dossier=dossier,
        complaints=UNKNOWN,
        nps=UNKNOWN,
        deleted=fact.gone,
    )


def _contact(reader: Reader, fact: Fact, main: Ref | None) -> Contact:
    born = mapped_fields(reader.mapped, "contact.", fact).get("birthday")
    return Contact(
        id=fact.id,
        name=str(fact.body.get("name") or fact.ref),
        created_at=moment(fact.body.get("created")) or fact.changed,
        main=UNKNOWN if main is None else fact.ref == main,
        birthday=(born.month, born.day) if isinstance(born, date) else UNKNOWN if born is UNKNOWN else None,
        fields=mapped_fields(reader.mapped, "contact.", fact),
    )


def _main_contact(people: Sequence[Fact], deals: Sequence[Deal]) -> Ref | None:
    """The decision-maker: the main person of the newest deal that names one, or the only person there is."""
    known = {fact.id: fact.ref for fact in people}
    for deal in reversed(deals):
        if deal.contacts and deal.contacts[0] in known:
            return known[deal.contacts[0]]
    return people[0].ref if len(people) == 1 else None


def _deal(reader: Reader, fact: Fact, rows: Sequence[Fact]) -> Deal:
    body = fact.body
    history = tuple(
        StageChange(
            at=moment(row.body["at"]) or row.changed,
            pipeline=str(row.body["pipeline"]),
            stage=str(row.body["stage"]),
            phase=reader.phases.get(str(row.body["stage"])),
        )
        for row in sorted((row for row in rows if not row.gone), key=_by_time)
    )
    amount = body.get("amount")
    return Deal(
        id=fact.id,
        title=str(body.get("title") or ""),
        created_at=moment(body.get("created")) or fact.changed,
        pipeline=str(body.get("pipeline")),
        phase=reader.phases.get(str(body.get("stage"))),
        stage_title=reader.stage_titles.get(str(body.get("stage")), ""),
        owner=body.get("owner"),
        history=history or UNKNOWN,
        amount=Decimal(str(amount)) if amount not in (None, "") else None,
        currency=body.get("currency"),
        loss_reason=reader.mapped.loss_reason_of.get(str(body.get("loss_reason"))),
        fields=mapped_fields(reader.mapped, "deal.", fact),
        sale=str(body.get("pipeline")) not in reader.mapped.file.map.not_a_sale,
        deleted=fact.gone,
        contacts=tuple(str(ref).partition(":")[2] for ref in body.get("contacts") or ()),
    )


def _signal(fact: Fact) -> Signal:
    body = fact.body
    answered, seconds = body.get("answered"), body.get("seconds")
    return Signal(
        id=fact.id,
        kind=str(body["kind"]),
        at=moment(body["at"]) or fact.changed,
        direction=body.get("direction"),
        answered=UNKNOWN if answered is None else bool(answered),
        seconds=UNKNOWN if seconds is None else int(seconds),
        completed=bool(body.get("completed", True)),
        robot=bool(body.get("robot", False)),
        by=body.get("by"),
        contact=_bare(body.get("contact")),
        deal=_bare(body.get("deal")),
    )


def _task(fact: Fact, shown_due: datetime | None) -> Task:
    """`shown_due`: what we last wrote there."""
    body = fact.body
    due = moment(body.get("due"))
    return Task(
        id=fact.id,
        open=bool(body.get("open")) and not fact.gone,
        due_at=due,
        assignee=body.get("assignee"),
        closed_at=moment(body.get("closed")) or (None if body.get("open") else fact.changed),
        closed_by=body.get("closed_by"),
        deleted=fact.gone,
        edited=shown_due is not None and due is not None and abs(due - shown_due) >= ANOTHER_DUE,
    )


def _bare(ref: Any) -> str | None:
    return str(ref).partition(":")[2] if ref else None


def _by_time(row: Fact) -> tuple[str, int, str]:
    return str(row.body["at"]), _number(row.id), row.id


def _by_creation(fact: Fact) -> tuple[str, int]:
    return str(fact.body.get("created") or ""), _number(fact.id)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
