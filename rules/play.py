"""Plays test files of a regulation: facts become known, the clock moves, and what happens is compared with the file.

Between the listed moments the runner plays CRM and ledger: every order succeeds at once. Nobody writes ledger rows by
hand. The format is docs/regulations.md, "Test files".
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rules.located import locate
from rules.play_compare import Comparison, Mismatch
from rules.play_crm import Played
from rules.play_facts import CaseError, World, read_portal
from rules.reader import read_regulation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.regulation import Regulation
    from rules.template import Template


def play(cases: str, regulation: str, template: Template | None = None) -> list[Mismatch]:
    """Play a test file against a regulation's text; what went another way, in order. Raises CaseError."""
    told = locate(cases).root
    rules = locate(regulation).root
    if not isinstance(told, dict) or not isinstance(rules, dict):
        raise CaseError("not a mapping")
    found: list[Mismatch] = []
    for place, case in enumerate(told.get("cases") or ()):
        try:
            found += play_case(case, told["portal"], rules, template)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # a word the format does not know
            raise CaseError(f"cases.{place}: {type(error).__name__}: {error}") from error
    return found


def play_case(
    case: Mapping[str, Any], portal: Mapping[str, Any], rules: Mapping[str, Any], template: Template | None = None
) -> list[Mismatch]:
    """Play one case; `rules` is the regulation's tree."""
    names = set(case["rules"])
    tree = {**rules, "rules": [dict(rule) for rule in rules["rules"]]}
    regulation = read_rules(tree, names, template)
    world = World(read_portal(portal, ()).zone)
    world.learn(case["facts"])
    played = Played(world)
    found: list[Mismatch] = []
    for scene in case["play"]:
        if "change" in scene:
            names |= _edit(tree, scene["change"])
            regulation = read_rules(tree, names, template)
        new = scene.get("new") or {}
        world.learn(new, world.moment(scene["at"]))
        played.act(new, regulation)
        people = read_portal(portal, tuple(rule.id for rule in regulation.rules))
        judged = played.judge(regulation, people, world.moment(scene["at"]))
        found += Comparison(case["case"], scene, judged, world, regulation).mismatches()
    return found


def read_rules(tree: Mapping[str, Any], names: set[str], template: Template | None) -> Regulation:
    """The regulation with only these rules on."""
    reading = read_regulation(json.dumps(tree, ensure_ascii=False, default=str), "regulation", template=template)
    if reading.regulation is None:
        raise CaseError("; ".join(problem.sentence("en") for problem in reading.problems))
    rules = tuple(
        replace(rule, enabled=rule.enabled and not names.isdisjoint({rule.id, *rule.was}))
        for rule in reading.regulation.rules
    )
    return replace(reading.regulation, rules=rules)


def _edit(tree: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Edit rules as an author would; the names they have now."""
    for name, edits in changes.items():
        rule = next((rule for rule in tree["rules"] if rule["id"] == name), None)
        if rule is None:
            raise CaseError(f"no rule '{name}' to change")
        rule.update(edits)
    return {str(edits.get("id", name)) for name, edits in changes.items()}
