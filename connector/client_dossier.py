"""A client's dossier, put together from the cards that hold it: the client's own, a person's, its deals'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.crm.port import Fact, Ref
from connector.mapped_fields import field_value, moment
from rules.facts import UNKNOWN, DossierField

State = Mapping[str, Any]
"""One field as the loader stores it: filled (None: could not be read), hash, since, value."""


def client_dossier(
    client: Fact, people: Sequence[Fact], main: Ref | None, deals: Sequence[Fact]
) -> dict[str, DossierField]:
    """Every field has one place in the map, so no two cards speak of the same one.

    `main`: the person who is marked as the main one, if any.
    """
    states = {**_of_deals(deals), **(client.body.get("dossier") or {}), **_of_a_person(people, main)}
    return {name: _field(state) for name, state in states.items()}


def _of_a_person(people: Sequence[Fact], main: Ref | None) -> Mapping[str, State]:
    """The decision-maker's half of the dossier: of the main person, else of the best known one."""
    with_any = [fact.body["dossier"] for fact in people if fact.body.get("dossier") and main in (None, fact.ref)]
    return max(with_any, key=lambda fields: sum(bool(state["filled"]) for state in fields.values()), default={})


def _of_deals(deals: Sequence[Fact]) -> dict[str, State]:
    """Of each field the newest deal that has it filled; else one that could not be read; else an empty one."""
    found: dict[str, State] = {}
    for deal in sorted(deals, key=lambda fact: str(fact.body.get("created")), reverse=True):
        for name, state in (deal.body.get("dossier") or {}).items() if not deal.gone else ():
            if name not in found or _rank(state) > _rank(found[name]):
                found[name] = state
    return found


def _rank(state: State) -> int:
    return {True: 2, None: 1, False: 0}[state.get("filled")]


def _field(state: State) -> DossierField:
    filled = state.get("filled")
    return DossierField(
        filled=UNKNOWN if filled is None else bool(filled),
        hash=state.get("hash"),
        since=moment(state.get("since")),
        value=field_value(state.get("value")),
    )
