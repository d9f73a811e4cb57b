"""What a portal tells an application: handlers bound and lost, the queue of events, and what `doctor` finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.crm.bitrix24.webhook import DIRECT_EVENTS, EVENTS, QUEUED_EVENTS
from connector.crm.port import PORTAL_CLOCK, Finding
from connector.errors import Blocked, CrmError
from connector.sentences.doctor import SENTENCES
from connector.texts import say
from crm.bitrix24.emulated import Emulated, opened
from crm.contract import asking, read, sent

HOOK = "http://127.0.0.1:9/hooks/one"


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulated]:
    with opened("app", clients=5) as running:
        yield running


@pytest.fixture
def portal(shared: Emulated) -> Iterator[Emulated]:
    """A portal on which nothing is bound, nothing is queued, and our fields are there."""
    scopes = shared.control.get("app")["scopes"]
    shared.open().prepare()
    yield shared
    shared.control.post("app", {"scopes": scopes})
    shared.control.post("readings", {"offline_extended": True, "auth_connector": True})
    shared.control.post("subscriptions", {"drop": True})
    while queued := (crm := shared.open(offline_events=True)).read_queue():
        crm.clear_queue(queued.receipt)


@pytest.fixture(scope="module")
def webhook() -> Iterator[Emulated]:
    with opened("webhook", clients=5) as running:
        yield running


def bound(portal: Emulated) -> list[tuple[str, str, bool]]:
    rows = portal.control.get("subscriptions")["subscriptions"]
    return sorted((one["event"], one["handler"], bool(one["offline"])) for one in rows)


def codes(findings: Any, severity: str | None = None) -> set[str]:
    told = [one for one in findings if one.code != PORTAL_CLOCK]  # for `doctor` itself, not for people
    for one in told:
        assert isinstance(one, Finding)
        assert SENTENCES[one.code]
        assert "{" not in say(one.code, "ru", **one.given)
    return {one.code for one in told if severity in (None, one.severity)}


# subscriptions


def test_what_is_lost_is_bound_again_and_nothing_twice(portal: Emulated) -> None:
    crm = portal.open()
    assert set(crm.lost_hooks(HOOK)) == set(EVENTS)
    crm.bind_hooks(HOOK)
    crm.bind_hooks(HOOK)
    assert bound(portal) == sorted((event, HOOK, False) for event in EVENTS)
    assert crm.lost_hooks(HOOK) == []
    portal.control.post("subscriptions", {"drop": ["ONCRMDEALUPDATE", "ONTASKADD"]})
    assert set(crm.lost_hooks(HOOK)) == {"ONCRMDEALUPDATE", "ONTASKADD"}
    crm.bind_hooks(HOOK)
    assert crm.lost_hooks(HOOK) == []


def test_another_handler_is_nothing_to_us(portal: Emulated) -> None:
    crm = portal.open()
    crm.bind_hooks(HOOK + "-former")
    assert set(crm.lost_hooks(HOOK)) == set(EVENTS)
    crm.bind_hooks(HOOK)
    assert len(bound(portal)) == 2 * len(EVENTS)


def test_events_of_a_module_that_is_off_are_not_lost(portal: Emulated) -> None:
    """Without the right to tasks the portal knows no task events; nobody is alarmed at each start for that."""
    scopes = portal.control.get("app")["scopes"]
    portal.control.post("app", {"scopes": [one for one in scopes if one not in ("task", "tasks")]})
    crm = portal.open()
    assert not [event for event in crm.lost_hooks(HOOK) if event.startswith("ONTASK")]
    crm.bind_hooks(HOOK)
    assert portal.open().lost_hooks(HOOK) == []
    portal.control.post("app", {"scopes": scopes})
    assert set(crm.lost_hooks(HOOK)) == {event for event in EVENTS if event.startswith("ONTASK")}


def test_a_webhook_has_no_subscriptions_of_its_own(webhook: Emulated) -> None:
    crm = webhook.open()
    assert crm.lost_hooks(HOOK) == ()
    crm.bind_hooks(HOOK)
    assert crm.read_queue() is None
    crm.clear_queue("x")


# the queue


def test_the_portal_keeps_events_until_we_have_them(portal: Emulated) -> None:
    crm = portal.open(offline_events=True)
    crm.bind_hooks(HOOK)
    wanted = [(event, "", True) for event in QUEUED_EVENTS] + [(event, HOOK, False) for event in DIRECT_EVENTS]
    assert bound(portal) == sorted([*wanted, ("ONOFFLINEEVENT", HOOK, False)])
    assert crm.lost_hooks(HOOK) == []
    assert crm.read_queue() is None
    _, _, deal = portal.new_client("В очереди")
    portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
    queued = crm.read_queue()
    assert queued is not None
    rung = {(bell.ref, bell.event) for bell in queued.bells}
    assert {(f"deal:{deal}", "oncrmdealadd"), (f"deal:{deal}", "oncrmdealupdate")} <= rung
    assert crm.read_queue() is None, "reserved: nobody is given them a second time"
    crm.clear_queue(queued.receipt)
    assert portal.open(offline_events=True).read_queue() is None


def test_events_that_a_former_life_had_reserved_are_not_lost(portal: Emulated) -> None:
    crm = portal.open(offline_events=True)
    crm.bind_hooks(HOOK)
    _, _, deal = portal.new_client("Прежняя жизнь")
    before = crm.read_queue()
    assert before is not None
    crm.close()
    again = portal.open(offline_events=True)
    queued = again.read_queue()
    assert queued is not None
    assert set(queued.bells) == set(before.bells)
    assert f"deal:{deal}" in {bell.ref for bell in queued.bells}
    again.clear_queue(queued.receipt)
    assert portal.open(offline_events=True).read_queue() is None


def test_our_own_writes_do_not_come_back(portal: Emulated) -> None:
    crm = portal.open(offline_events=True)
    crm.bind_hooks(HOOK)
    company, _, deal = portal.new_client("Эхо")
    queued = crm.read_queue()
    assert queued is not None
    crm.clear_queue(queued.receipt)
    sent(crm, asking(1, deal, company))
    assert crm.read_queue() is None
    sent(portal.open(), asking(2, deal, company))
    echo = crm.read_queue()
    assert echo is not None, "without a word of its own the same write would have come back"
    assert "ontaskadd" in {bell.event for bell in echo.bells}


def test_where_the_plan_has_no_queue_the_events_are_posted(portal: Emulated) -> None:
    portal.control.post("readings", {"offline_extended": False})
    crm = portal.open(offline_events=True)
    crm.bind_hooks(HOOK)
    assert bound(portal) == sorted((event, HOOK, False) for event in EVENTS)
    assert crm.read_queue() is None
    assert codes(crm.examine(HOOK), "note") == {"b24-no-queue"}


def test_where_writes_cannot_name_themselves_the_queue_works_all_the_same(portal: Emulated) -> None:
    portal.control.post("readings", {"auth_connector": False})
    crm = portal.open(offline_events=True)
    crm.bind_hooks(HOOK)
    portal.new_client("Без имени")
    assert crm.read_queue() is not None
    assert "b24-no-connector" in codes(crm.examine(HOOK), "note")


def test_leaving_the_queue_lets_go_of_it(portal: Emulated) -> None:
    portal.open(offline_events=True).bind_hooks(HOOK)
    portal.open().bind_hooks(HOOK)
    assert {offline for _, _, offline in bound(portal)} == {False}


# doctor


def test_a_whole_installation_has_nothing_to_mend(portal: Emulated) -> None:
    crm = portal.open()
    found = crm.examine(HOOK)
    assert codes(found, "problem") == {"b24-hooks"}
    assert all(one.fixable for one in found if one.severity == "problem")
    crm.bind_hooks(HOOK)
    assert codes(crm.examine(HOOK)) == {"b24-fine", "b24-who"}
    assert codes(crm.examine(None), "problem") == {"b24-no-address"}


def test_fields_that_are_missing_can_be_made(webhook: Emulated) -> None:
    crm = webhook.open()
    (finding,) = [one for one in crm.examine(None) if one.severity == "problem"]
    assert (finding.code, finding.fixable) == ("b24-fields", True)
    assert "UF_CRM_KASANIE_FILL" in finding.given["fields"]
    crm.prepare()
    assert codes(crm.examine(None), "problem") == set()


def test_missing_rights_are_told_by_name(portal: Emulated) -> None:
    portal.control.post("app", {"scopes": ["crm", "user_brief"]})
    found = {one.code: one for one in portal.open().examine(HOOK)}
    assert found["b24-app-scope"].given == {"scopes": "task"}
    assert found["b24-scope-useful"].given == {"scopes": "department, im, calendar"}


def test_who_is_no_administrator_is_told_so(portal: Emulated) -> None:
    pair = portal.control.post("tokens", {"issue": 3})
    admin = portal.tokens().current()
    portal.reinstall(pair["access_token"], pair["refresh_token"])
    crm = portal.open(offline_events=True)
    found = codes(crm.examine(HOOK), "problem")
    with pytest.raises(CrmError):
        crm.bind_hooks(HOOK)
    portal.reinstall(admin.access.get_secret_value(), admin.refresh.get_secret_value())
    assert "b24-not-admin" in found


def test_a_webhook_is_told_what_it_cannot_have(webhook: Emulated) -> None:
    crm = webhook.open()
    crm.prepare()
    found = crm.examine(None)
    assert codes(found, "note") == {"b24-webhook-limits"}
    assert codes(found, "problem") == set()
    webhook.control.post("app", {"webhook_scopes": ["crm"]})
    assert {one.given.get("scopes") for one in crm.examine(None) if one.code == "b24-scope"} == {"task, user_brief"}


def test_a_portal_that_took_us_off_is_closed() -> None:
    with opened("app", clients=5) as portal:
        crm = portal.open()
        portal.control.post("uninstall", {"clean": False})
        for ask in (crm.directory, lambda: crm.lost_hooks(HOOK), lambda: crm.examine(HOOK), lambda: read(crm)):
            with pytest.raises(Blocked) as caught:
                ask()
            assert caught.value.advice == "crm-install"
