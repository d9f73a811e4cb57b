"""Every condition as a table: what stands under `if`, what is known, whether it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from rules.case import Case
from rules.conditions import Condition, judge_all
from rules.conditions.catalog import CATALOG
from rules.facts import (
    UNKNOWN,
    Client,
    Contact,
    Deal,
    DossierField,
    Manager,
    Portal,
    Score,
    Signal,
    Snapshot,
    StageChange,
)
from rules.reader import read_regulation
from rules.template import read_dossier

if TYPE_CHECKING:
    from rules.regulation import Regulation

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TEMPLATE, _ = read_dossier(
    (Path(__file__).parents[2] / "rules/library/dossier-key-client-50.yaml").read_text(encoding="utf-8"), "dossier.yaml"
)
FILE = """
version: 1
title: {{ru: Проба, en: Trial}}
calendar: RU
work_hours: 09:00-18:00
means:
  regular: {{won_deals: {{at_least: 2}}}}
  key: {{any: [{{segment: A}}, {{field: {{client.strategic: true}}}}]}}
rules:
  - id: one
    title: {{ru: Раз, en: One}}
    for: {subject}
    if: {condition}
    touch: {{every: 5 days after last_touch}}
    task: {{text: Раз}}
    pay: none
"""


def regulation(subject: str, condition: str) -> Regulation:
    reading = read_regulation(FILE.format(subject=subject, condition=condition), "regulation.yaml", template=TEMPLATE)
    assert reading.regulation is not None, reading.problems
    return reading.regulation


def deal(phase: Any = "offer", **more: Any) -> Deal:
    given: dict[str, Any] = {
        "id": "7",
        "title": "Окна",
        "created_at": NOW - 20 * DAY,
        "pipeline": "0",
        "phase": phase,
        "stage_title": "КП",
        "owner": "1",
        "history": (
            StageChange(at=NOW - 20 * DAY, pipeline="0", stage="N", phase="new"),
            StageChange(at=NOW - 10 * DAY, pipeline="0", stage="S", phase=phase),
        ),
    }
    return Deal(**{**given, **more})


def won(number: str, days_ago: int) -> Deal:
    at = NOW - days_ago * DAY
    history = (StageChange(at=at, pipeline="0", stage="WON", phase="won"),)
    return deal("won", id=number, created_at=at - DAY, history=history)


def case(
    rules: Regulation,
    *,
    client: dict[str, Any] | None = None,
    deals: tuple[Deal, ...] = (),
    of: Deal | Contact | None = None,
    signals: tuple[Signal, ...] = (),
    managers: tuple[Manager, ...] = (),
) -> Case:
    given = {"id": "company:45", "name": "Ромашка", "created_at": NOW - 500 * DAY, "owner": "1", **(client or {})}
    held = {role: tuple(m.id for m in managers if role in m.roles) for m in managers for role in m.roles}
    people = {manager.id: manager for manager in managers}
    portal = Portal(id="p", zone=ZoneInfo("Europe/Moscow"), managers=people, role_holders=held)
    own = (of,) if isinstance(of, Deal) and of not in deals else ()
    snapshot = Snapshot(
        portal=portal,
        client=Client(**given),
        deals=(*deals, *own),
        contacts=(of,) if isinstance(of, Contact) else (),
        signals=signals,
    )
    return Case(
        rules,
        snapshot,
        NOW,
        deal=of if isinstance(of, Deal) else None,
        contact=of if isinstance(of, Contact) else None,
    )


def holds(subject: str, condition: str, **facts: Any) -> bool | None:
    rules = regulation(subject, condition)
    return judge_all(rules.rules[0].conditions, case(rules, **facts)).holds


CALL = Signal(id="c1", kind="call", at=NOW - DAY, direction="out", answered=True, seconds=90, deal="7")
MISSED_CALL = replace(CALL, id="c2", answered=False, seconds=0)
PERSON = Contact(id="9", name="Ольга", created_at=NOW - 90 * DAY, main=True, fields={"gender": "female"})
HELD = (Manager(id="5", name="Пётр", roles=frozenset({"project_manager"})),)
HAS_NPS = {"nps": (Score(id="a", at=NOW - 9 * DAY, score=9), Score(id="b", at=NOW - DAY, score=6))}
OLD = DossierField(filled=True, since=NOW - 900 * DAY)
NEED = {"dossier": {"next_need": DossierField(filled=True, value=date(2026, 3, 10))}}

TABLE: list[tuple[str, str, dict[str, Any], bool | None]] = [
    ("deal", "{phase: offer}", {"of": deal()}, True),
    ("deal", "{phase: [new, qualify]}", {"of": deal()}, False),
    ("deal", "{phase: offer}", {"of": deal(None)}, None),
    ("deal", "{pipeline: 0}", {"of": deal()}, True),
    ("deal", "{pipeline: [service, '3']}", {"of": deal()}, False),
    ("deal", "{repeat: true}", {"of": deal(), "deals": (won("1", 60),)}, True),
    ("deal", "{repeat: true}", {"of": deal()}, False),
    ("deal", "{repeat: true}", {"of": deal(), "deals": (replace(won("1", 60), sale=False),)}, False),
    ("deal", "{imported: false}", {"of": deal()}, True),
    ("deal", "{imported: false}", {"of": deal(imported=True)}, False),
    ("deal", "{imported: false}", {"of": deal(history=UNKNOWN)}, None),
    ("deal", "{last_deal: true}", {"of": deal("lost")}, True),
    ("deal", "{last_deal: true}", {"of": deal("lost"), "deals": (deal(id="8", created_at=NOW - 30 * DAY),)}, False),
    ("deal", "{last_deal: true}", {"of": deal("lost"), "deals": (won("8", 3),)}, False),
    ("deal", "{loss_reason: [price, not_now]}", {"of": deal("lost", loss_reason="price")}, True),
    ("deal", "{loss_reason: price}", {"of": deal("lost", loss_reason=None)}, False),
    ("deal", "{loss_reason: price}", {"of": deal("lost", loss_reason=UNKNOWN)}, None),
    ("deal", "{delivery_takes: {at_least: 15 days}}", {"of": deal(fields={"delivery_date": date(2026, 3, 15)})}, True),
    ("deal", "{delivery_takes: {at_least: 15 days}}", {"of": deal(fields={"delivery_date": date(2026, 3, 14)})}, False),
    ("deal", "{delivery_takes: {below: 15 days}}", {"of": deal(fields={"delivery_date": date(2026, 3, 14)})}, True),
    ("deal", "{delivery_takes: {below: 15 days}}", {"of": deal()}, False),
    ("deal", "{delivery_takes: {below: 15 days}}", {"of": deal(fields={"delivery_date": UNKNOWN})}, None),
    ("deal", "{attempts: {at_least: 1}}", {"of": deal(), "signals": (MISSED_CALL,)}, True),
    ("deal", "{attempts: {at_least: 1}}", {"of": deal()}, False),
    ("deal", "{attempts: 0}", {"of": deal()}, True),
    ("deal", "{touched: false}", {"of": deal(), "signals": (MISSED_CALL,)}, True),
    ("deal", "{touched: false}", {"of": deal(), "signals": (CALL,)}, False),
    ("client", "{state: active}", {"deals": (deal(),)}, True),
    ("client", "{state: [between, at_risk]}", {"deals": (won("1", 60),)}, True),
    ("client", "{state: between}", {"deals": ()}, False),
    ("client", "{state: between}", {"deals": (replace(won("1", 60), history=UNKNOWN, paid_at=UNKNOWN),)}, None),
    ("client", "{segment: B}", {"client": {"segment": "B"}}, True),
    ("client", "{segment: [A, C]}", {"client": {"segment": "B"}}, False),
    ("client", "{segment: B}", {"client": {"segment": None}}, False),
    ("client", "{segment: B}", {"client": {"segment": UNKNOWN}}, None),
    ("client", "{key: true}", {"client": {"segment": "A"}}, True),
    ("client", "{key: true}", {"client": {"segment": "C", "fields": {"strategic": True}}}, True),
    ("client", "{key: false}", {"client": {"segment": "C", "fields": {"strategic": False}}}, True),
    ("client", "{key: false}", {"client": {"segment": "C", "fields": {"strategic": UNKNOWN}}}, None),
    ("client", "{key: true}", {"client": {"segment": "A", "fields": {"strategic": UNKNOWN}}}, True),
    ("client", "{regular: true}", {"deals": (won("1", 90), won("2", 40))}, True),
    ("client", "{regular: true}", {"deals": (won("1", 90),)}, False),
    ("client", "{won_deals: {at_least: 1, below: 3}}", {"deals": (won("1", 90), won("2", 40))}, True),
    ("client", "{won_deals: [0, 2]}", {"deals": (won("1", 90),)}, False),
    ("client", "{nps: {below: 7}}", {"client": HAS_NPS}, True),
    ("client", "{nps: {below: 6}}", {"client": HAS_NPS}, False),
    ("client", "{nps: {below: 7}}", {"client": {"nps": ()}}, False),
    ("client", "{nps: {below: 7}}", {"client": {"nps": UNKNOWN}}, None),
    ("client", "{dossier_fill: {below: 60%}}", {}, True),
    ("client", "{dossier_fill: {at_least: 2%}}", {"client": {"dossier": {"inn": OLD}}}, True),
    ("client", "{dossier_fill: {at_least: 3%}}", {"client": {"dossier": {"inn": OLD}}}, False),
    ("client", "{dossier_expired: {at_least: 1}}", {"client": {"dossier": {"turnover": OLD}}}, True),
    ("client", "{dossier_expired: {at_least: 1}}", {"client": {"dossier": {"inn": OLD}}}, False),
    ("client", "{portal_has: [project_manager, development]}", {"managers": HELD}, True),
    ("client", "{portal_has: development}", {"managers": HELD}, False),
    ("client", "{portal_has: project_manager}", {"managers": (replace(HELD[0], active=False),)}, False),
    ("client", "{handed_over: true}", {"client": {"client_manager": "5"}, "managers": HELD}, True),
    ("client", "{handed_over: true}", {"client": {"client_manager": "1"}, "managers": HELD}, False),
    ("contact", "{decision_maker: true}", {"of": PERSON}, True),
    ("contact", "{decision_maker: true}", {"of": replace(PERSON, main=False)}, False),
    ("contact", "{decision_maker: true}", {"of": replace(PERSON, main=UNKNOWN)}, None),
    ("contact", "{field: {contact.gender: [male, Female]}}", {"of": PERSON}, True),
    ("contact", "{segment: A, decision_maker: true}", {"of": PERSON, "client": {"segment": "A"}}, True),
    ("deal", "{field: {deal.sum: {at_least: 1000}}}", {"of": deal(fields={"sum": Decimal("1000.00")})}, True),
    ("deal", "{field: {deal.sum: {below: 1000}}}", {"of": deal(fields={"sum": Decimal("1000.00")})}, False),
    ("deal", "{field: {deal.sum: {below: 1000}}}", {"of": deal(fields={"sum": "много"})}, False),
    (
        "client",
        "{field: {client.industry: Строительство}}",
        {"client": {"fields": {"industry": " строительство"}}},
        True,
    ),
    ("client", "{field: {client.industry: x}}", {"client": {"fields": {"industry": None}}}, False),
    ("client", "{field: {client.industry: x}}", {"client": {"fields": {"industry": UNKNOWN}}}, None),
    ("client", "{field: {client.tags: vip}}", {"client": {"fields": {"tags": ("new", "VIP")}}}, True),
    ("client", "{field: {client.code: 7}}", {"client": {"fields": {"code": "7"}}}, True),
    ("client", "{field: {client.strategic: true}}", {"client": {"fields": {"strategic": "true"}}}, False),
    ("client", "{field: {client.site: {known: true}}}", {"client": {"fields": {"site": "ya.ru"}}}, True),
    ("client", "{field: {client.site: {known: false}}}", {"client": {"fields": {"site": ""}}}, True),
    ("client", "{field: {client.site: {known: false}}}", {"client": {"fields": {"site": UNKNOWN}}}, None),
    ("client", "{field: {dossier.inn: {known: true}}}", {"client": {"dossier": {"inn": OLD}}}, True),
    ("client", "{field: {dossier.inn: {known: true}}}", {}, False),
    (
        "client",
        "{field: {dossier.inn: {known: true}}}",
        {"client": {"dossier": {"inn": DossierField(filled=UNKNOWN)}}},
        None,
    ),
    ("client", "{field: {dossier.next_need: {ahead: true}}}", {"client": NEED}, True),
    ("client", "{field: {dossier.next_need: {ahead: false}}}", {"client": NEED}, False),
    ("client", "{field: {dossier.next_need: {ahead: true}}}", {}, False),
    (
        "client",
        "{field: {client.promise: {ahead: false}}}",
        {"client": {"fields": {"promise": date(2026, 3, 9)}}},
        True,
    ),
    ("client", "{field: {client.promise: {ahead: true}}}", {"client": {"fields": {"promise": date.max}}}, True),
    ("client", "{any: [{segment: A}, {won_deals: 0}]}", {"client": {"segment": "C"}}, True),
    ("client", "{any: [{segment: A}, {nps: 1}]}", {"client": {"segment": "C", "nps": UNKNOWN}}, None),
    ("client", "{any: [{segment: A}, {nps: 1}]}", {"client": {"segment": "A", "nps": UNKNOWN}}, True),
    ("client", "{any: [{segment: A, won_deals: 5}]}", {"client": {"segment": "A"}}, False),
    ("client", "{none: [{segment: A}, {won_deals: 5}]}", {"client": {"segment": "C"}}, True),
    ("client", "{none: [{segment: A}, {nps: 1}]}", {"client": {"segment": "A", "nps": UNKNOWN}}, False),
    ("client", "{none: [{segment: A}, {nps: 1}]}", {"client": {"segment": "C", "nps": UNKNOWN}}, None),
    ("client", "{segment: A, nps: 1}", {"client": {"segment": "C", "nps": UNKNOWN}}, False),
    ("client", "{segment: C, nps: 1}", {"client": {"segment": "C", "nps": UNKNOWN}}, None),
    ("client", "{}", {}, True),
]


@pytest.mark.parametrize(
    ("subject", "condition", "facts", "wanted"), TABLE, ids=[f"{row[1]} {n}" for n, row in enumerate(TABLE)]
)
def test_a_condition_holds_or_not(subject: str, condition: str, facts: dict[str, Any], wanted: bool | None) -> None:
    assert holds(subject, condition, **facts) is wanted


def test_every_condition_is_in_the_table() -> None:
    written = " ".join(condition for _, condition, _, _ in TABLE)
    assert [key for key in CATALOG if f"{key}:" not in written] == []


def conditions(subject: str, written: str) -> tuple[Regulation, tuple[Condition, ...]]:
    rules = regulation(subject, written)
    return rules, rules.rules[0].conditions


def test_a_reason_tells_the_place_what_is_seen_and_what_is_wanted() -> None:
    rules, (phase, group) = conditions("deal", "{phase: [offer, new], any: [{segment: A}, {nps: {below: 7}}]}")
    judged = case(rules, of=deal("won"), client={"segment": "B"})
    reason = phase.judge(judged).reason
    assert (reason.path, reason.code, reason.seen, reason.wanted) == ("if.phase", "phase", "won", ("offer", "new"))
    inner = group.judge(judged).reason
    assert (inner.path, inner.code, inner.seen) == ("if.any", "any", False)
    assert [(one.path, one.seen, one.wanted) for one in inner.children] == [
        ("if.any.0.segment", "B", ("A",)),
        ("if.any.1.nps", None, ("below", Decimal(7))),
    ]


def test_a_word_of_the_file_gives_the_reasons_of_its_definition() -> None:
    rules, (key,) = conditions("client", "{key: true}")
    reason = key.judge(case(rules, client={"segment": "B"})).reason
    assert (reason.path, reason.seen, reason.wanted) == ("if.key", False, True)
    assert [one.path for one in reason.children] == ["means.key.any"]
    assert [one.path for one in reason.children[0].children] == [
        "means.key.any.0.segment",
        "means.key.any.1.field.client.strategic",
    ]


def test_what_the_dossier_says_in_words_is_nobodys_reason() -> None:
    rules, (field,) = conditions("client", "{field: {dossier.criteria: цена}}")
    entry = DossierField(filled=True, value="Цена")
    judgement = field.judge(case(rules, client={"dossier": {"criteria": entry}}))
    assert judgement.holds is True
    assert judgement.reason.seen is True


def test_time_alone_ends_a_date_ahead_and_a_state() -> None:
    rules, (ahead,) = conditions("client", "{field: {dossier.next_need: {ahead: true}}}")
    midnight = datetime(2026, 3, 11, tzinfo=ZoneInfo("Europe/Moscow"))
    assert ahead.judge(case(rules, client=NEED)).until == midnight
    rules, both = conditions("client", "{state: between, none: [{field: {dossier.next_need: {ahead: true}}}]}")
    client = {**NEED, "cycle_days": 60, "segment": "B"}
    judged = judge_all(both, case(rules, client=client, deals=(won("1", 30),)))
    assert (judged.holds, judged.until) == (False, midnight)
    judged = judge_all(both[:1], case(rules, client=client, deals=(won("1", 30),)))
    assert judged.until == datetime(2026, 5, 10, tzinfo=ZoneInfo("Europe/Moscow"))
