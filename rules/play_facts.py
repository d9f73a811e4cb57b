"""Facts of a test file (`*.tests.yaml`) as a snapshot: short words in, the types of `rules.facts` out.

Times are the portal's. A record with a known id changes it; a deal's history grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from rules.durations import parse_duration
from rules.facts import (
    OPEN_PHASES,
    Client,
    Complaint,
    Contact,
    Deal,
    DossierField,
    FieldValue,
    Manager,
    Portal,
    Score,
    Signal,
    Snapshot,
    StageChange,
    Task,
)
from rules.shape import number_or_none
from rules.yearly import parse_yearly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.ledger import Answer, Asked

LISTS: Final = ("contacts", "deals", "touches")


class CaseError(Exception):
    """A test file says something that cannot be played; the message names the place."""


@dataclass
class World:
    """What is known at one moment of a play, as plain records by id."""

    zone: ZoneInfo
    client: dict[str, Any] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    deals: dict[str, dict[str, Any]] = field(default_factory=dict)
    touches: dict[str, dict[str, Any]] = field(default_factory=dict)
    dossier_since: dict[str, datetime] = field(default_factory=dict)
    """When a field of the dossier was filled; those of the beginning, with the client."""

    def learn(self, new: Mapping[str, Any], at: datetime | None = None) -> None:
        """Facts that became known; `at` is when, for the age of dossier fields."""
        if at is not None:
            told = (new.get("client") or {}).get("dossier") or {}
            self.dossier_since.update(dict.fromkeys(told, at))
        for name, value in (new.get("client") or {}).items():
            inner = isinstance(value, dict) and isinstance(self.client.get(name), dict)
            self.client[name] = {**self.client[name], **value} if inner else value
        for name in LISTS:
            for record in new.get(name) or ():
                known = getattr(self, name).setdefault(record["id"], {})
                history = [*known.get("history", ()), *record.get("history", ())]
                known.update(record)
                if history:
                    known["history"] = history

    def moment(self, value: Any) -> datetime:
        """`2026-03-02 11:00` of the portal, in UTC. Raises CaseError."""
        return moment(value, self.zone)

    def subject(self, name: str) -> str:
        """`D1` as `deal:D1`."""
        if name in self.deals:
            return f"deal:{name}"
        return f"contact:{name}" if name in self.contacts else f"company:{name}"

    def snapshot(
        self, portal: Portal, tasks: Mapping[str, Task], asked: tuple[Asked, ...], answers: tuple[Answer, ...]
    ) -> Snapshot:
        """Everything known now."""
        signals = sorted((self._signal(one) for one in self.touches.values()), key=lambda one: one.at)
        return Snapshot(
            portal=portal,
            client=self._client(),
            contacts=tuple(self._contact(one) for one in self.contacts.values()),
            deals=tuple(self._deal(one) for one in self.deals.values()),
            signals=tuple(signals),
            tasks=tasks,
            asked=asked,
            answers=answers,
        )

    def _client(self) -> Client:
        told = self.client
        manager = told.get("client_manager")
        cycle = parse_duration(told["cycle"]) if "cycle" in told else None
        quiet = told.get("quiet_until")
        return Client(
            id=self.subject(told["id"]),
            name=told.get("name", told["id"]),
            created_at=self.moment(told["created"]),
            owner=told.get("owner", manager),
            client_manager=manager,
            active_manager=told.get("active_manager"),
            segment=told.get("segment"),
            quiet_until=date.fromisoformat(quiet) if quiet is not None else None,
            fields=self._fields(told),
            dossier={name: self._dossier(name, value) for name, value in told.get("dossier", {}).items()},
            cycle_days=int(cycle.amount) if cycle is not None else None,
            complaints=tuple(Complaint(id=one["id"], at=self.moment(one["at"])) for one in told.get("complaints", ())),
            nps=tuple(
                Score(id=one["id"], at=self.moment(one["at"]), score=one["score"]) for one in told.get("nps", ())
            ),
            next_group=told.get("next_group"),
            deleted=bool(told.get("deleted")),
        )

    def _dossier(self, name: str, value: Any) -> DossierField:
        read = field_value(value, self.zone)
        filled = value is not None and value != ""
        since = self.dossier_since.get(name) or self.moment(self.client["created"])
        return DossierField(filled=filled, hash=str(value) if filled else None, since=since, value=read)

    def _contact(self, told: Mapping[str, Any]) -> Contact:
        born = parse_yearly(told["birthday"]) if told.get("birthday") else None
        return Contact(
            id=told["id"],
            name=told.get("name", told["id"]),
            created_at=self.moment(told.get("created", self.client["created"])),
            main=told.get("main", False),
            birthday=(born.month, born.day) if born is not None and born.day is not None else None,
            left_at=self.moment(told["left"]) if told.get("left") else None,
            fields=self._fields(told),
        )

    def _deal(self, told: Mapping[str, Any]) -> Deal:
        pipeline = told.get("pipeline", "main")
        history = tuple(
            StageChange(at=self.moment(one["at"]), pipeline=pipeline, stage=one["phase"], phase=one["phase"])
            for one in told.get("history", ())
        )
        last = max(history, key=lambda one: one.at, default=None)
        return Deal(
            id=told["id"],
            title=told.get("title", told["id"]),
            created_at=self.moment(told["created"]),
            pipeline=pipeline,
            phase=last.phase if last is not None else OPEN_PHASES[0],
            stage_title=last.stage if last is not None else "",
            owner=told.get("owner"),
            history=history,
            loss_reason=told.get("loss_reason"),
            fields=self._fields(told),
            imported=told.get("imported", False),
            sale=told.get("sale", True),
            deleted=bool(told.get("deleted")),
        )

    def _signal(self, told: Mapping[str, Any]) -> Signal:
        given = {name: told[name] for name in ("answered", "seconds", "completed", "robot", "by") if name in told}
        return Signal(
            id=told["id"],
            kind=told["kind"],
            at=self.moment(told["at"]),
            direction=told.get("direction"),
            contact=told.get("contact"),
            deal=told.get("deal"),
            **given,
        )

    def _fields(self, told: Mapping[str, Any]) -> dict[str, FieldValue]:
        return {name: field_value(value, self.zone) for name, value in told.get("fields", {}).items()}


def moment(value: Any, zone: ZoneInfo) -> datetime:
    """`2026-03-02 11:00`, or a date's midnight, of the portal, in UTC. Raises CaseError."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=zone).astimezone(UTC)
    except ValueError as error:
        raise CaseError(f"'{value}' is no moment like 2026-03-02 11:00") from error


def field_value(value: Any, zone: ZoneInfo) -> FieldValue:
    """A date where it reads as one, else a number or a text as it stands."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            return value
    return value if isinstance(value, bool) or number_or_none(value) is not None else None


def read_portal(told: Mapping[str, Any], rule_ids: tuple[str, ...]) -> Portal:
    """`{zone, in_force_since, people: {anna: client_manager}}`; every rule is in force since then."""
    zone = ZoneInfo(told.get("zone", "Europe/Moscow"))
    people: Mapping[str, str] = told.get("people", {})
    managers = {name: Manager(id=name, name=name, roles=frozenset({role})) for name, role in people.items()}
    since = moment(told["in_force_since"], zone)
    return Portal(id="test", zone=zone, managers=managers, in_force_since=dict.fromkeys(rule_ids, since))
