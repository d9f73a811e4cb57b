"""The adapter over HTTP against the emulated amoCRM, beyond what both CRMs have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from connector.crm.amocrm.finding import MANY
from connector.crm.port import Effect, Wanted
from crm.amocrm.emulated import emulated
from crm.contract import SandboxPortal, asking, done, marker, read, sent

SECRET = "sandbox-secret-of-the-path-000000"


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    with emulated() as running:
        yield running


def requests_of(portal: SandboxPortal) -> int:
    return len(portal.control.ledger(portal.name)["requests"])


def test_every_history_of_the_account_is_put_together(portal: SandboxPortal) -> None:
    """Creations, which amoCRM keeps without their stage, included."""
    facts, _, _ = read(portal.connect(Wanted()))
    deals = portal.control.get("cards?title=")["deal"]
    assert len(deals) > 60
    for deal in deals:
        told = portal.control.card("deal", deal["id"])["stage_history"]
        rows = [
            fact.body for fact in facts.values() if fact.kind == "stage" and fact.body["deal"] == f"deal:{deal['id']}"
        ]
        seen = [
            datetime.fromisoformat(row["at"]).replace(microsecond=0) for row in sorted(rows, key=lambda row: row["at"])
        ]
        assert seen == sorted(datetime.fromisoformat(row["at"]).replace(microsecond=0) for row in told)
        assert max(rows, key=lambda row: row["at"])["stage"] == facts[f"deal:{deal['id']}"].body["stage"]


def test_a_deal_that_runs_through_its_stages_within_a_second(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted())
    _, cursors, _ = read(crm)
    _, _, deal = portal.new_client("Быстрая сделка")
    for stage in ("QUALIFY", "OFFER", "QUALIFY", "WON"):
        portal.control.post("deals/move", {"deal": deal, "stage": stage})
    facts, _, _ = read(crm, cursors)
    rows = [fact.body for fact in facts.values() if fact.kind == "stage" and fact.body["deal"] == f"deal:{deal}"]
    titles = {stage.key: stage.title for stage in crm.directory().stages}
    seen = [titles[row["stage"]] for row in sorted(rows, key=lambda row: row["at"])]
    assert seen == ["Новая заявка", "Квалификация", "КП отправлено", "Квалификация", "Успешно реализовано"]


def test_meetings_letters_and_bots(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted())
    _, contact, deal = portal.new_client("Общение")
    before, cursors, _ = read(crm)
    portal.control.post("clock", {"advance": "1 hour"})
    for told in (
        {"kind": "meeting", "completed": True},
        {"kind": "meeting", "completed": False},
        {"kind": "email", "direction": "in"},
        {"kind": "chat", "direction": "out", "robot": True},
    ):
        portal.control.post("activities", {**told, "deal": deal, "contact": contact, "by": 3})
    facts, _, _ = read(crm, cursors)
    new = [fact for ref, fact in facts.items() if fact.kind == "signal" and ref not in before]
    assert sorted((fact.body["kind"], fact.body["direction"], fact.body["completed"]) for fact in new) == [
        ("email", "in", True),
        ("meeting", None, False),
        ("meeting", None, True),
    ]
    assert {fact.links for fact in new} == {(f"deal:{deal}",)}


def test_what_belonged_to_a_merged_contact_belongs_to_the_one_that_is_left(portal: SandboxPortal) -> None:
    """No event says which contact is gone; the scan of the next night finds it."""
    crm = portal.connect(Wanted())
    _, left, _ = portal.new_client("Дубль")
    _, lost, deal = portal.new_client("Дубль")
    for about in ({"contact": lost}, {"contact": lost, "deal": deal}):
        portal.control.post("activities", {"kind": "call", "direction": "in", "seconds": 60, **about})
    before, cursors, _ = read(crm)
    calls = {ref for ref, fact in before.items() if f"contact:{lost}" in fact.links and fact.kind == "signal"}
    assert len(calls) == 1
    portal.control.post("clock", {"advance": "1 hour"})
    _, cursors, _ = read(crm, cursors)
    portal.control.post("merge", {"kind": "contact", "into": left, "from": [lost]})
    facts, moved, _ = read(crm, cursors)
    assert facts[f"deal:{deal}"].links[1] == f"contact:{left}"
    assert {facts[call].links for call in calls} == {(f"contact:{left}",)}
    assert datetime.fromisoformat(moved["scan"]) < datetime.fromisoformat(cursors["scan"])
    while not 1 <= (portal.control.now().hour + 3) % 24 < 5:
        portal.control.post("clock", {"advance": "1 hour"})
    pages = list(crm.pull(moved, ()))
    assert [str(lost) in page.census["contact"] for page in pages if page.census] == [False]
    moved |= {name: cursor for page in pages for name, cursor in page.cursors.items()}
    assert not any("scan" in page.cursors for page in crm.pull(moved, ())), "the same event, heard again"


def test_a_storm_costs_pages_and_not_deals(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted())
    company = portal.new_client("Буря")[0]
    deals = portal.control.post("deals", {"title": "Волна", "company": company, "count": 600})["ids"]
    _, cursors, _ = read(crm)
    portal.control.post("clock", {"advance": "1 hour"})
    portal.new_client("Час спустя")  # the overlap of every feed begins two minutes before the newest change
    _, cursors, _ = read(crm, cursors)
    portal.control.post("deals/move", {"deals": deals, "stage": "OFFER"})
    started = requests_of(portal)
    facts, _, answered = read(crm, cursors, [f"deal:{deal}" for deal in deals])
    assert answered == {f"deal:{deal}" for deal in deals}
    assert len([fact for fact in facts.values() if fact.kind == "stage"]) >= 600
    assert requests_of(portal) - started == 3 + 7 + 6  # pages of leads, of events with the new client's, other feeds


def test_tasks_of_a_storm_leave_in_long_arrays_and_none_is_made_twice(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted())
    company, _, deal = portal.new_client("Много задач")
    started = requests_of(portal)
    outcomes = sent(crm, *(asking(10_000 + number, deal, company) for number in range(400)))
    assert {one.status for one in outcomes.values()} == {"done"}
    assert len({one.remote_id for one in outcomes.values()}) == 400
    assert requests_of(portal) - started == 4  # the task types once; then 50, 250 and the other 100


@pytest.mark.parametrize("partly", [False, True])
def test_one_wrong_task_is_refused_alone_and_no_other_is_made_twice(portal: SandboxPortal, partly: bool) -> None:
    """Whether the good members of a refused array are made all the same is not documented."""
    crm = portal.connect(Wanted())
    company, _, deal = portal.new_client(f"Один неверный {partly}")
    first = 30_000 + 100 * partly
    effects = [asking(first + number, deal, company) for number in range(20)]
    effects[7] = replace(effects[7], assignee="999999")
    portal.control.post("readings", {"array_partial": partly})
    outcomes = sent(crm, *effects)
    portal.control.post("readings", {"array_partial": False})
    assert {key for key, one in outcomes.items() if one.status != "done"} == {effects[7].key}
    assert (outcomes[effects[7].key].status, outcomes[effects[7].key].advice) == ("refused", "amo-user")
    made = [one for one in portal.control.ledger(portal.name)["tasks"] if ["deal", deal] in one["cards"]]
    assert sorted(str(one["id"]) for one in made) == sorted(
        one.remote_id or "" for one in outcomes.values() if one.remote_id
    )
    assert len(made) == 19


def test_a_great_many_lost_tasks_are_found_by_a_few_requests(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted())
    began = datetime.fromisoformat(portal.control.post("clock", {"advance": "1 hour"})["now"])
    company = portal.new_client("Все потеряны")[0]
    deals = portal.control.post("deals", {"title": "Волна", "company": company, "count": MANY + 1})["ids"]
    effects = [asking(50_000 + number, deal, company) for number, deal in enumerate(deals)]
    made = sent(crm, *effects)
    started = requests_of(portal)
    assert crm.look_up(effects, began) == {key: one.remote_id for key, one in made.items()}
    assert requests_of(portal) - started == 3


def test_its_own_score_comes_back_without_any_news(portal: SandboxPortal) -> None:
    crm = portal.connect(Wanted(company=("SEGMENT",)))
    crm.prepare()
    company, _, _ = portal.new_client("Эхо")
    before, cursors, _ = read(crm)
    done(crm, Effect(verb="write_fields", key="s", marker=marker(3), card=f"company:{company}", fields={"FILL": 30}))
    after, _, _ = read(crm, cursors)
    echo = after[f"company:{company}"]
    assert (echo.body, echo.links) == (before[f"company:{company}"].body, before[f"company:{company}"].links)


def test_within_the_accounts_limits_a_hasty_reader_is_slowed_down_and_not_lost() -> None:
    with emulated(limits={"rate": 3, "burst": 3}, clients=20) as portal:
        facts, _, _ = read(portal.connect(Wanted()))
        cards = portal.control.get("cards?title=")
        assert {fact.id for fact in facts.values() if fact.kind == "deal"} == {str(one["id"]) for one in cards["deal"]}
