"""`explain`: why a client's touches are due or not, from what is known now; nothing is written, no CRM is called."""

from __future__ import annotations

from dataclasses import replace

from connector.errors import SettingsError
from connector.opening import Opened
from connector.portals import directory_from_json, rules_since
from connector.snapshot import load_snapshots, make_reader
from connector.texts import say
from rules.assess import assess
from rules.explain import explain
from rules.texts import Lang


def explain_client(opened: Opened, portal: str, client: str, rule: str | None, lang: Lang) -> str:
    """The verdicts of all rules, or of one, for one client (`company:45`), with their reasons.

    Raises SettingsError for a portal or client that is not known, naming some that are.
    """
    store, now = opened.store, opened.clock()
    if portal not in opened.settings.portals:
        raise SettingsError([say("unknown-portal", lang, portal=portal, known=", ".join(opened.settings.portals))])
    row = store.portal(portal)
    in_force = opened.portals.current(portal)
    if row is None or row.directory is None or in_force is None:
        raise SettingsError([say("not-served-yet", lang, portal=portal)])
    since = rules_since(in_force.regulation, store.rules_since(portal))
    reader = make_reader(portal, in_force.mapped, directory_from_json(row.directory), since)
    snapshot = load_snapshots(store, reader, [client]).get(client)
    if snapshot is None:
        example = ", ".join(store.clients(portal)[:3])
        raise SettingsError([say("no-client", lang, portal=portal, client=client, example=example)])
    assessment = assess(in_force.regulation, snapshot, now, lang)
    if rule is not None:
        verdicts = tuple(verdict for verdict in assessment.verdicts if verdict.rule == rule)
        assessment = replace(assessment, verdicts=verdicts)
    return explain(assessment, in_force.regulation, reader.portal.zone, lang)
