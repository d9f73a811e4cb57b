"""What the emulated account posts is heard as what it means: its encoder and our decoder are separate code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.amocrm.webhook import hear
from connector.crm.port import HookSecrets, Wanted
from crm.amocrm.emulated import emulated
from crm.canned import Canned, CannedServer, canned_server
from crm.contract import SandboxPortal, asking, done

SECRET = "sandbox-secret-of-the-path-000000"
ODD = {
    "account_first": True,
    "contacts_responsible_action": True,
    "doubled_index": True,
    "hooks_mixed": True,
    "stale_old_keys": True,
    "unsorted_rings_lead": True,
}
"""Readings that make webhooks look as in the oddest captures."""
EVERYTHING = [
    *(
        f"{verb}_{what}"
        for verb in ("add", "update", "delete", "responsible")
        for what in ("lead", "contact", "company")
    ),
    *("status_lead", "restore_lead", "note_lead", "note_contact", "add_task", "update_task"),
    *("add_message", "add_unsorted", "update_unsorted", "delete_unsorted"),
]
Heard = set[tuple[str | None, str]]


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    with emulated(clients=6) as running:
        yield running


class Listener:
    """Hears what the account posts."""

    def __init__(self, portal: SandboxPortal, receiver: CannedServer) -> None:
        crm = portal.connect(Wanted())
        assert isinstance(crm, AmoCrm)
        self._api = crm._api  # as an admin ticks what a webhook is told
        self.url = f"{receiver.url}/hooks/romashka/{SECRET}"
        self._receiver = receiver
        account = str(crm.directory().account)
        self._secrets = HookSecrets(portal="romashka", path_secret=SecretStr(SECRET), account=account)

    def subscribe(self) -> None:
        """To all that the tests make happen."""
        self._api.write("POST", "webhooks", {"destination": self.url, "settings": EVERYTHING}, name="webhooks")

    def leave(self) -> None:
        """Be told nothing more."""
        self._api.write("DELETE", "webhooks", {"destination": self.url}, name="webhooks")

    def heard(self, expected: Heard) -> Heard:
        """What was heard so far; waits for what is expected."""
        heard: Heard = set()
        for _ in range(200):
            posts = list(self._receiver.asked)
            bells = [bell for post in posts for bell in hear(post.body, self._secrets, SECRET).bells]
            heard = {(bell.ref, bell.event) for bell in bells}
            if expected <= heard:
                break
            time.sleep(0.05)
        return heard


@pytest.fixture
def listener(portal: SandboxPortal) -> Iterator[Listener]:
    with canned_server() as receiver:
        receiver.answer = lambda _: Canned(b"", 200)
        listener = Listener(portal, receiver)
        listener.subscribe()
        yield listener
        listener.leave()


@pytest.mark.parametrize("odd", [False, True])
def test_webhooks_ring_for_whom_they_concern(portal: SandboxPortal, listener: Listener, odd: bool) -> None:
    portal.control.post("readings", dict.fromkeys(ODD, odd))
    company, contact, deal = portal.new_client("Звонки «Ёж» & ~")
    control = portal.control
    control.post("deals/move", {"deal": deal, "stage": "OFFER"})
    control.post("cards", {"kind": "company", "id": company, "fields": {"segment": "A", "quiet_until": "2026-10-05"}})
    control.post("cards", {"kind": "contact", "id": contact, "owner": 6})
    control.post("cards", {"kind": "deal", "id": deal, "owner": 6})
    control.post("activities", {"kind": "call", "contact": contact, "direction": "in", "seconds": 40})
    control.post("activities", {"kind": "chat", "contact": contact, "direction": "in"})
    task = done(portal.connect(Wanted()), asking(20_000 + odd, deal, company))
    control.post("tasks/complete", {"task": int(task), "result": "договорились"})
    control.post("deals/delete", {"deal": deal})
    control.post("deals/restore", {"deal": deal})
    expected: Heard = {
        (f"company:{company}", "contacts[add]"),
        (f"contact:{contact}", "contacts[add]"),
        (f"deal:{deal}", "leads[add]"),
        (f"deal:{deal}", "leads[status]"),
        (f"deal:{deal}", "leads[update]"),
        (f"deal:{deal}", "leads[responsible]"),
        (f"company:{company}", "contacts[update]"),
        (f"contact:{contact}", "contacts[responsible]" if odd else "contacts[update]"),
        (f"contact:{contact}", "contacts[note]"),
        (f"contact:{contact}", "message[add]"),
        (f"task:{task}", "task[add]"),
        (f"task:{task}", "task[update]"),
        (f"deal:{deal}", "leads[delete]"),
        (f"deal:{deal}", "leads[restore]"),
    }
    heard = listener.heard(expected)
    portal.control.post("readings", dict.fromkeys(ODD, False))
    assert expected - heard == set()
    assert None not in {ref for ref, _ in heard}


@pytest.mark.parametrize("accept", [True, False])
def test_an_incoming_lead_rings_on_arrival_and_when_it_is_settled(
    portal: SandboxPortal, listener: Listener, accept: bool
) -> None:
    made = portal.control.post("unsorted", {"category": "forms", "title": "Заявка", "person": "Иван"})
    lead = made["lead"]
    portal.control.post("unsorted/settle", {"lead": lead, "accept": accept, "by": 3})
    expected: Heard = {(f"deal:{lead}", "unsorted[add]"), (f"deal:{lead}", "unsorted[delete]")}
    assert expected - listener.heard(expected) == set()


def test_a_comment_rings_for_nobody(portal: SandboxPortal, listener: Listener) -> None:
    company, _, deal = portal.new_client("Молча")
    bare: dict[str, Any] = {"verb": "tell", "text": "Регламент касаний: предложение", "assignee": "3", "due": None}
    done(portal.connect(Wanted()), asking(20_100, deal, company, **bare))
    portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
    expected: Heard = {(f"deal:{deal}", "leads[status]")}
    heard = listener.heard(expected)
    assert expected <= heard
    assert {event for _, event in heard if event.endswith("[note]")} == set()


@pytest.mark.parametrize(
    ("block", "event"),
    [
        ({"multiple": True, "widget": {"rule_key": "call"}}, "dp[lead_status_changed]"),
        ({"widget": {"rule_key": "call"}, "form": True}, "dp[lead_status_changed]"),
        ({"widget": {"rule_key": "call"}}, "dp[lead_status_changed]"),
    ],
)
def test_blocks_of_the_digital_pipeline_ring(
    portal: SandboxPortal, listener: Listener, block: dict[str, Any], event: str
) -> None:
    deal = portal.new_client("Воронка")[2]
    portal.control.post("triggers", {"stage": "OFFER", "url": listener.url, **block})
    portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
    heard = listener.heard({(f"deal:{deal}", event)})
    portal.control.post("triggers", {"clear": True})
    assert (f"deal:{deal}", event) in heard
