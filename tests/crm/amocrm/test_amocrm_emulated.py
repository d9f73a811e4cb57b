"""The adapter over HTTP against the emulated amoCRM, beyond what both CRMs have in common."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from pydantic import SecretStr

from connector.crm.amocrm.webhook import hear
from connector.crm.port import Effect, HookSecrets, Wanted
from crm.amocrm.emulated import emulated
from crm.canned import Canned, canned_server
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
    assert requests_of(portal) - started == 5  # the task types once; then 50, 100, 200 and the other 50


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


def test_the_webhooks_of_the_emulated_crm_ring_for_whom_they_concern(portal: SandboxPortal) -> None:
    """Its encoder and our decoder are separate code."""
    with canned_server() as receiver:
        receiver.answer = lambda _: Canned(b"", 200)
        portal.control.post("hook_target", {"url": f"{receiver.url}/hooks/romashka/{SECRET}"})
        company, contact, deal = portal.new_client("Звонки «Ёж» & ~")
        portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
        portal.control.post(
            "cards", {"kind": "company", "id": company, "fields": {"segment": "A", "quiet_until": "2026-10-05"}}
        )
        task = done(portal.connect(Wanted()), asking(20_000, deal, company))
        portal.control.post("tasks/complete", {"task": int(task)})
        portal.control.post("deals/delete", {"deal": deal})
        expected = {
            (f"company:{company}", "contacts[add]"),
            (f"contact:{contact}", "contacts[add]"),
            (f"deal:{deal}", "leads[add]"),
            (f"deal:{deal}", "leads[status]"),
            (f"deal:{deal}", "leads[update]"),
            (f"company:{company}", "contacts[update]"),
            (f"task:{task}", "task[add]"),
            (f"task:{task}", "task[update]"),
            (f"deal:{deal}", "leads[delete]"),
        }
        account = str(portal.connect(Wanted()).directory().account)
        secrets = HookSecrets(portal="romashka", path_secret=SecretStr(SECRET), account=account)
        heard: set[tuple[str | None, str]] = set()
        for _ in range(200):
            heard = {
                (bell.ref, bell.event)
                for asked in list(receiver.asked)
                for bell in hear(asked.body, secrets, asked.path.rsplit("/", 1)[1]).bells
            }
            if expected <= heard:
                break
            time.sleep(0.05)
        portal.control.post("hook_target", {"url": None})
        assert expected <= heard
        assert None not in {ref for ref, _ in heard}
