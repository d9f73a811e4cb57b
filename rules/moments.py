"""Anchors: the fact a touch counts from, its moment, and the name it gives to the occurrence.

The name never depends on the due date (docs/regulations.md, "Identity"). An anchor that is not there skips the rule;
one the CRM did not tell makes it unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard

from rules.facts import OPEN_PHASES, UNKNOWN, Complaint, Score, Unknown
from rules.visits import Visit
from rules.yearly import yearly_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rules.case import Case


FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999


@dataclass(frozen=True, slots=True)
class Moment:
    """A fact to count from."""

    at: datetime
    name: str
    kind: Literal["fact", "visit", "date"] = "fact"
    """`visit`: a recomputed history may shift its start; `date`: the value of a date field."""
    movable: bool = False
    """A date that people may put elsewhere: an open task follows it."""


@dataclass(frozen=True, slots=True)
class Yearly:
    """A day that comes every year."""

    month: int
    day: int | None
    nth: int | None = None
    weekday: int | None = None
    after: date | None = None
    """Only days after this one count: the first deal itself is no anniversary."""

    def in_year(self, year: int) -> date:
        """The day in this year."""
        return yearly_day(year, self.month, self.day, self.nth, self.weekday)


@dataclass(frozen=True, slots=True)
class Missing:
    """No such fact: the rule is skipped. `code` is a sentence of `rules.sentences.reasons`."""

    code: Literal["no-anchor", "not-a-date"]
    anchor: str
    seen: Any = None


Found = Moment | Yearly | Missing | Unknown


def find(anchor: str, case: Case) -> Found:
    """The fact behind a milestone or a date; not for the anchors of rhythms."""
    finder = _FINDERS.get(anchor)
    found = finder(case) if finder is not None else _field(anchor, case)
    return Missing("no-anchor", anchor) if found is None else found


def utc_minute(moment: datetime) -> str:
    """`2026-03-02T08:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _created(case: Case) -> Moment | None:
    # a deal of a service pipeline is no new request (facts/language.md 11.14)
    return Moment(case.deal.created_at, "created") if case.deal is not None and case.deal.sale else None


def _visit_to(*phases: str) -> Callable[[Case], Moment | Unknown | None]:
    def finder(case: Case) -> Moment | Unknown | None:
        assert case.deal is not None
        if case.deal.phase not in phases:
            return None
        visit = case.visit
        if not isinstance(visit, Visit):
            return visit
        return Moment(visit.start, f"{visit.phase}@{utc_minute(visit.start)}", "visit")

    return finder


def _completed(case: Case) -> Moment | Unknown | None:
    """The delivery date where it is known; the identity stays the won visit."""
    won = _visit_to("won")(case)
    if not isinstance(won, Moment):
        return won
    assert case.deal is not None
    delivery = case.deal.fields.get("delivery_date")
    if isinstance(delivery, Unknown):
        return UNKNOWN
    at = _moment_of(delivery, case) if _is_day(delivery) else won.at
    return Moment(at, won.name, "visit", movable=True)


def _first_attempt(case: Case) -> Moment | None:
    failed = next((one for one in case.touches if not one.contact), None)
    return Moment(failed.at, "attempts") if failed is not None else None


def _last_won(case: Case) -> Moment | Unknown | None:
    if case.last_won is None or isinstance(case.last_won, Unknown):
        return case.last_won
    deal, moment = case.last_won
    return Moment(moment, f"won:{deal.id}")


def _state(case: Case) -> Moment | Unknown | None:
    standing = case.standing
    if isinstance(standing, Unknown):
        return UNKNOWN
    at = case.start_of(standing.since)
    if standing.state in ("prospect", "active"):
        return Moment(at, f"{standing.state}@{standing.since}")
    if case.last_won is None or isinstance(case.last_won, Unknown):
        return UNKNOWN
    return Moment(at, f"{standing.state}:{case.last_won[0].id}")


def _registered(events: Iterable[Score | Complaint] | Unknown, now: datetime) -> Moment | Unknown | None:
    if isinstance(events, Unknown):
        return UNKNOWN
    latest = max((one for one in events if one.at <= now), key=lambda one: (one.at, one.id), default=None)
    return Moment(latest.at, latest.id or utc_minute(latest.at)) if latest is not None else None


def _owner_changed(case: Case) -> Moment | Unknown | None:
    change = case.snapshot.client.owner_changed
    if change is None or isinstance(change, Unknown):
        return change
    return Moment(change[1], change[0] or utc_minute(change[1])) if change[1] <= case.now else None


def _anniversary(case: Case) -> Yearly | Unknown | None:
    moments = list(case.won_moments.values())
    if not moments:
        return None
    told = [moment for moment in moments if isinstance(moment, datetime)]
    if len(told) < len(moments):
        return UNKNOWN
    first = case.day_of(min(told))
    return Yearly(first.month, first.day, after=first)


def _birthday(case: Case) -> Yearly | Unknown | None:
    assert case.contact is not None
    born = case.contact.birthday
    return Yearly(*born) if isinstance(born, tuple) else born


def _left(case: Case) -> Moment | Unknown | None:
    assert case.contact is not None
    left = case.contact.left_at
    if left is None or isinstance(left, Unknown):
        return left
    return Moment(left, utc_minute(left)) if left <= case.now else None


def _field(anchor: str, case: Case) -> Found | None:
    """A feast, or a date field of the subject, its client or the dossier."""
    card, _, name = anchor.partition(".")
    if card == "feast":
        feast = case.regulation.feasts.get(name)
        return Yearly(feast.month, feast.day, feast.nth, feast.weekday) if feast is not None else None
    value: Any = None
    if card == "dossier":
        known = case.snapshot.client.dossier.get(name)
        value = UNKNOWN if known is not None and known.filled is UNKNOWN else known.value if known is not None else None
    else:
        owner = {"deal": case.deal, "client": case.snapshot.client, "contact": case.contact}.get(card)
        value = owner.fields.get(name) if owner is not None else None
    if value is None or value == "" or isinstance(value, Unknown):
        return value or None
    if not _is_day(value):
        return Missing("not-a-date", anchor, None if card == "dossier" else value)
    moment = _moment_of(value, case)
    return Moment(moment, case.day_of(moment).isoformat(), "date", movable=True)


def _is_day(value: object) -> TypeGuard[date]:
    """A date people may mean; 31.12.9999 and the year 1 are ways to write "never"."""
    return isinstance(value, date) and FIRST_YEAR <= value.year <= LAST_YEAR


def _moment_of(value: date, case: Case) -> datetime:
    """A day begins at the portal's midnight."""
    return value if isinstance(value, datetime) else case.start_of(value)


_FINDERS: Final[Mapping[str, Callable[[Case], Found | None]]] = {
    "deal.created": _created,
    "phase.entered": _visit_to(*OPEN_PHASES),
    "deal.won": _visit_to("won"),
    "deal.lost": _visit_to("lost"),
    "deal.completed": _completed,
    "first_attempt": _first_attempt,
    "last_won": _last_won,
    "state.entered": _state,
    "last_complaint": lambda case: _registered(case.snapshot.client.complaints, case.now),
    "last_nps": lambda case: _registered(case.snapshot.client.nps, case.now),
    "owner.changed": _owner_changed,
    "client.anniversary": _anniversary,
    "contact.birthday": _birthday,
    "contact.left": _left,
}
