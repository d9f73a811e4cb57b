"""Our webhook in the account: subscribed, missed, switched off, not allowed; and what `doctor` finds there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jwt
import pytest

from connector.crm.amocrm.subscriptions import CUSTOMERS, DOCUMENTED, UNLISTED
from connector.crm.port import Crm, Finding, Wanted
from connector.errors import Refused
from crm.amocrm.emulated import emulated
from crm.contract import SandboxPortal

HOOK = "http://127.0.0.1:9/hooks/south/secret-of-the-hooks-0123456789abcdef"
OTHERS = "http://127.0.0.1:9/hooks/another"


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxPortal]:
    with emulated(clients=5) as portal:
        yield portal


@pytest.fixture
def portal(running: SandboxPortal) -> Iterator[SandboxPortal]:
    """Without any webhook, and as the sandbox begins; the module's one account."""
    yield running
    control = running.control
    control.post("faults", {"answer_error": None})
    control.post("subscriptions", {"drop": True})
    control.post("readings", {"subscribing_enables": True, "customers_mode": "disabled", "api_filter": False})


def connect(portal: SandboxPortal, token: str | None = None) -> Crm:
    return portal.connect(Wanted(), token) if token else portal.connect(Wanted())  # type: ignore[call-arg]  # emulated()


def hooks(portal: SandboxPortal) -> dict[str, dict[str, Any]]:
    return {one["destination"]: one for one in portal.control.get("subscriptions")["subscriptions"]}


def fault(portal: SandboxPortal, **error: Any) -> None:
    portal.control.post("faults", {"answer_error": {"code": "", "text": "", "path": "webhooks", "count": 1, **error}})


def test_what_is_lost_is_bound_and_then_nothing_is_lost(portal: SandboxPortal) -> None:
    crm = connect(portal)
    assert tuple(crm.lost_hooks(HOOK)) == DOCUMENTED
    crm.bind_hooks(HOOK)
    assert set(hooks(portal)[HOOK]["settings"]) == {*DOCUMENTED, *UNLISTED}
    assert crm.lost_hooks(HOOK) == ()
    writes = len(portal.control.ledger(portal.name)["requests"])
    crm.bind_hooks(HOOK)  # harmless to repeat: it looks only
    assert len(portal.control.ledger(portal.name)["requests"]) == writes + 1


def test_what_an_administrator_subscribed_by_hand_stays(portal: SandboxPortal) -> None:
    crm = connect(portal)
    crm._api.write("POST", "webhooks", {"destination": HOOK, "settings": ["add_lead", "add_talk"]}, name="webhooks")  # type: ignore[attr-defined]  # by hand
    crm._api.write("POST", "webhooks", {"destination": OTHERS, "settings": list(DOCUMENTED)}, name="webhooks")  # type: ignore[attr-defined]  # by hand
    assert set(crm.lost_hooks(HOOK)) == set(DOCUMENTED) - {"add_lead"}
    crm.bind_hooks(HOOK)
    assert set(hooks(portal)[HOOK]["settings"]) == {*DOCUMENTED, *UNLISTED, "add_talk"}
    assert hooks(portal)[OTHERS]["settings"] == list(DOCUMENTED)


@pytest.mark.parametrize("enables", [True, False])
def test_a_webhook_that_was_switched_off_works_again(portal: SandboxPortal, enables: bool) -> None:
    portal.control.post("readings", {"subscribing_enables": enables})
    crm = connect(portal)
    crm.bind_hooks(HOOK)
    portal.control.post("subscriptions", {"disable": True})
    assert tuple(crm.lost_hooks(HOOK)) == DOCUMENTED
    crm.bind_hooks(HOOK)
    assert hooks(portal)[HOOK]["disabled"] is False
    assert crm.lost_hooks(HOOK) == ()


def test_an_account_that_takes_the_vendors_list_only_gets_that(portal: SandboxPortal) -> None:
    fault(portal, status=400, verb="POST")
    connect(portal).bind_hooks(HOOK)
    assert hooks(portal)[HOOK]["settings"] == list(DOCUMENTED)


def test_where_repeat_sales_are_customers_these_are_subscribed_too(portal: SandboxPortal) -> None:
    portal.control.post("readings", {"customers_mode": "periodicity"})
    crm = connect(portal)
    crm.bind_hooks(HOOK)
    assert set(CUSTOMERS) <= set(hooks(portal)[HOOK]["settings"])
    assert crm.lost_hooks(HOOK) == ()


def test_what_only_an_administrator_or_a_better_plan_may_is_refused_and_blocks_nothing(portal: SandboxPortal) -> None:
    manager = portal.control.post("tokens", {"issue": 3})["access_token"]
    with pytest.raises(Refused) as refused:
        connect(portal, manager).lost_hooks(HOOK)
    assert refused.value.advice == "amo-rights"
    for verb in ("GET", "POST"):
        fault(portal, status=402, verb=verb)
        with pytest.raises(Refused) as poor:
            connect(portal).bind_hooks(HOOK)
        assert (poor.value.code, poor.value.advice) == ("402", "amo-hooks-plan")
    assert HOOK not in hooks(portal)


def test_the_secret_of_the_address_is_told_to_nobody(portal: SandboxPortal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    crm = connect(portal)
    crm.bind_hooks(HOOK)
    fault(portal, status=403, count=2)
    with pytest.raises(Refused) as refused:
        crm.bind_hooks(HOOK)
    told = crm.examine(HOOK)
    assert "secret-of-the-hooks" not in caplog.text + str(refused.value) + repr(told)


def codes(findings: Sequence[Finding], severity: str | None = None) -> list[str]:
    return [one.code for one in findings if severity in (None, one.severity)]


def found(findings: Sequence[Finding], code: str) -> Finding:
    return next(one for one in findings if one.code == code)


def test_an_account_that_lacks_nothing_is_fine(portal: SandboxPortal) -> None:
    portal.control.post("task_types", {"add": ["Касание", "Предложение"]})
    portal.control.post("readings", {"api_filter": True, "customers_mode": "segments"})
    crm = connect(portal)
    crm.prepare()
    crm.bind_hooks(HOOK)
    told = crm.examine(HOOK)
    portal.control.post("task_types", {"remove": ["Касание", "Предложение"]})
    assert [one for one in told if one.severity != "fine"] == []
    assert {"amo-who", "amo-buyers", "amo-fine"} <= set(codes(told))
    assert found(told, "amo-who").given["user"] == "Алексей Громов"


def test_everything_that_is_missing_is_told(running: SandboxPortal) -> None:
    with emulated(clients=5) as fresh:
        told = connect(fresh).examine(HOOK)
    assert set(codes(told, "problem")) == {"amo-fields", "amo-hooks"}
    assert all(one.fixable for one in told if one.severity == "problem")
    assert set(codes(told, "note")) == {"amo-task-types", "amo-no-filter"}
    assert found(told, "amo-task-types").given["types"] == "Касание, Предложение"
    assert codes(told)[0] in ("amo-fields", "amo-hooks")  # problems first


def test_a_webhook_that_is_off_or_cannot_be_seen_or_has_no_address(portal: SandboxPortal) -> None:
    crm = connect(portal)
    assert "amo-no-address" in codes(crm.examine(None), "note")
    crm.bind_hooks(HOOK)
    portal.control.post("subscriptions", {"disable": True})
    assert "amo-hooks-off" in codes(crm.examine(HOOK), "problem")
    fault(portal, status=402)
    assert "amo-hooks-plan" in codes(crm.examine(HOOK), "problem")
    fault(portal, status=403)
    assert "amo-hooks-refused" in codes(crm.examine(HOOK), "problem")


def test_a_token_of_a_manager_is_a_problem(portal: SandboxPortal) -> None:
    manager = portal.control.post("tokens", {"issue": 3})["access_token"]
    assert {"amo-users-hidden", "amo-hooks-refused"} <= set(codes(connect(portal, manager).examine(HOOK), "problem"))


DAY = 86400


@pytest.mark.parametrize(("days", "code"), [(400, "amo-long-lived-until"), (20, "amo-long-lived-ends")])
def test_the_end_of_a_long_lived_token_is_told_in_time(portal: SandboxPortal, days: int, code: str) -> None:
    token = portal.control.post("tokens", {"issue": 1, "lifetime": days * DAY})["access_token"]
    told = connect(portal, token).examine(HOOK)
    until = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert found(told, code).given["until"] == time.strftime("%Y-%m-%d", time.gmtime(until))
    assert (code in codes(told, "problem")) is (days < 30)
