"""Who holds a role today, and who stands in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from scenes import PEOPLE, Story, b2b, deal

from rules.case import Case
from rules.facts import Manager
from rules.roles import doer_of, holder, told

NOW = "2026-04-27 12:00"


def case(client: dict[str, Any] | None = None, managers: dict[str, dict[str, Any]] | None = None, **facts: Any) -> Case:
    story = Story(b2b(), client, people={**PEOPLE, "kim": "substitute"}, **facts)
    snapshot = story.snapshot()
    known = dict(snapshot.portal.managers)
    for name, changes in (managers or {}).items():
        known[name] = replace(known.get(name) or Manager(id=name, name=name), **changes)
    return Case(b2b(), replace(snapshot, portal=replace(snapshot.portal, managers=known)), story.world.moment(NOW))


def of_deal(found: Case) -> Case:
    return replace(found, deal=found.snapshot.deals[0], client_case=found)


def test_the_owner_is_the_deals_for_a_deal_and_the_cards_for_a_client() -> None:
    found = case(deals=[deal("D", "2026-04-01 10:00", ("new", "2026-04-01 10:00"))])
    assert (holder("owner", found), holder("owner", of_deal(found))) == ("anna", "boris")


def test_without_a_client_manager_the_cards_owner_is_meant() -> None:
    assert holder("client_manager", case({"client_manager": None, "owner": "boris"})) == "boris"


def test_the_active_manager_is_the_clients_then_of_the_last_deal_then_the_portals() -> None:
    others = {"hanna": {"roles": frozenset({"active_manager"})}}
    assert holder("active_manager", case({"active_manager": "vera"})) == "vera"
    last = deal("D", "2026-04-01 10:00", ("new", "2026-04-01 10:00"), owner="hanna")
    assert holder("active_manager", case(managers=others, deals=[last])) == "hanna"
    assert holder("active_manager", case(managers=others)) == "boris"


def test_the_head_is_the_doers_own() -> None:
    found = case(managers={"boris": {"head": "pavel"}, "pavel": {}})
    assert (holder("head", found, "boris"), holder("head", found, "anna")) == ("pavel", "vera")


@pytest.mark.parametrize(
    ("changes", "stands_in"),
    [
        ({"active": False}, "kim"),
        ({"absences": ((date(2026, 4, 27), date(2026, 4, 27)),)}, "kim"),
        ({"absences": ((date(2026, 4, 28), date(2026, 4, 30)),)}, "anna"),
        ({"active": False, "substitute": "boris"}, "boris"),
    ],
    ids=["dismissed", "absent today", "absent tomorrow", "his own substitute"],
)
def test_who_is_not_there_has_a_substitute(changes: dict[str, Any], stands_in: str) -> None:
    assert holder("client_manager", case(managers={"anna": changes})) == stands_in


def test_without_any_substitute_the_head_does_it() -> None:
    found = case(managers={"anna": {"active": False}, "kim": {"active": False}})
    assert holder("client_manager", found) == "vera"


def test_an_absent_one_without_anybody_else_keeps_his_work_and_a_dismissed_one_does_not() -> None:
    nobody = {name: {"active": False} for name in ("kim", "vera", "boris")}
    away = {"absences": ((date(2026, 4, 27), date(2026, 4, 27)),)}
    assert holder("client_manager", case(managers={**nobody, "anna": away})) == "anna"
    assert holder("client_manager", case(managers={**nobody, "anna": {"active": False}})) is None


def test_the_first_role_that_resolves_does_it_else_the_portals_default() -> None:
    found = case()
    assert doer_of(["project_manager", "client_manager"], found) == "anna"
    assert doer_of(["project_manager"], found) is None
    portal = replace(found.snapshot.portal, default_manager="vera")
    default = replace(found, snapshot=replace(found.snapshot, portal=portal))
    assert (doer_of(["project_manager"], default), told("development", default, "anna")) == ("vera", "vera")


def test_a_role_is_held_by_an_active_person_only() -> None:
    found = case(managers={"petr": {"roles": frozenset({"project_manager"}), "active": False}})
    assert (found.is_held("project_manager"), found.is_held("head")) == (False, True)
