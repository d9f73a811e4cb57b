"""The emulated portal's own events, every kind we bind: its encoder and our decoder share no code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.bitrix24.webhook import EVENTS, hear
from connector.crm.port import Heard, HookSecrets
from connector.errors import NotGenuine
from crm.canned import CannedServer, canned_server

ABOUT = "offer-followup/deal:1/created"


class Bound:
    """A portal whose application is bound to all that we want to hear, and what reached us."""

    def __init__(self, sandbox: Sandbox, receiver: CannedServer) -> None:
        self.sandbox = sandbox
        self.told = sandbox.portals[0]
        self._receiver = receiver
        self.secrets = HookSecrets(
            portal="north",
            application_tokens=(SecretStr(sandbox.get("app")["application_token"]),),
            member_id=self.told["member_id"],
        )
        self.refused = {name: told for name in EVENTS if (told := self.bind(name)) is not True}

    def learn_the_new_secret(self) -> None:
        told = SecretStr(self.sandbox.get("app")["application_token"])
        self.secrets = replace(self.secrets, application_tokens=(*self.secrets.application_tokens, told))

    def call(self, method: str, **params: Any) -> Any:
        url = f"{self.told['base_url']}/rest/{method}"
        answer = self.sandbox.session.post(url, json={**params, "auth": self.told["access_token"]}, timeout=20).json()
        return answer.get("result", answer)

    def bind(self, event: str) -> Any:
        return self.call("event.bind", event=event, handler=f"{self._receiver.url}/hooks/north")

    def heard(self) -> list[Heard]:
        return [hear(asked.body, self.secrets, None) for asked in self._receiver.asked]

    def until(self, seen: Callable[[list[Heard]], bool]) -> list[Heard]:
        end = time.monotonic() + 10
        while not seen(self.heard()):
            assert time.monotonic() < end, self.heard()
            time.sleep(0.05)
        return self.heard()

    def rings(self, *refs: str) -> None:
        """Wait until each of these has rung."""
        self.until(lambda heard: set(refs) <= {bell.ref for one in heard for bell in one.bells})


@pytest.fixture(scope="module")
def bound() -> Iterator[Bound]:
    with run_sandbox(crm="bitrix24", clients=6, rate=0, burst=10_000) as sandbox, canned_server() as receiver:
        yield Bound(sandbox, receiver)


def test_the_portal_knows_every_event_that_we_bind(bound: Bound) -> None:
    assert bound.refused == {}
    assert {one["event"].upper() for one in bound.call("event.get")} == set(EVENTS)


def test_what_happens_to_cards_tasks_and_requisites_rings(bound: Bound) -> None:
    post = bound.sandbox.post
    made = post("companies", {"title": "Слышно", "owner": 2, "people": [{"first_name": "Ольга"}]})
    company, contact = made["id"], made["contacts"][0]
    deal, other = post("deals", {"title": "Слышно", "company": company, "count": 2})["ids"]
    requisite = post("requisites", {"company": company, "fields": {"RQ_INN": "7707083893"}})["id"]
    post("deals/move", {"deal": deal, "pipeline": "Сервис", "stage": "NEW"})
    call = post("activities", {"kind": "call", "contact": contact})
    task = bound.call("tasks.task.add", fields={"TITLE": "Касание", "RESPONSIBLE_ID": 2})["task"]["id"]
    post("tasks/delete", {"task": int(task)})
    post("deals/delete", {"deal": other})
    refs = (f"company:{company}", f"contact:{contact}", f"deal:{deal}", f"deal:{other}", f"task:{task}")
    bound.rings(*refs, f"requisite:{requisite}")
    assert call
    bells = [bell for one in bound.heard() for bell in one.bells]
    assert None not in {bell.ref for bell in bells}
    assert any(str(bell.ref).startswith("signal:") for bell in bells)
    assert (f"deal:{deal}", "oncrmdealmovetocategory") in {(bell.ref, bell.event) for bell in bells}


def test_a_new_field_and_a_pressed_button_are_no_bells(bound: Bound) -> None:
    bound.call("crm.company.userfield.add", fields={"FIELD_NAME": "NEW_ONE", "USER_TYPE_ID": "string"})
    bound.until(lambda heard: any(one.fields_changed for one in heard))
    button = {
        "title": "Отклонить",
        "type": "secondary",
        "action": {
            "type": "restEvent",
            "id": "touch",
            "actionParams": {"key": ABOUT, "answer": "decline", "reason": "Не тот клиент"},
        },
    }
    layout = {
        "icon": {"code": "info"},
        "header": {"title": "Предложение"},
        "body": {"logo": {"code": "document"}, "blocks": {"why": {"type": "text", "properties": {"value": "Почему"}}}},
        "footer": {"buttons": {"no": button}},
    }
    fields = {"responsibleId": 2, "originatorId": "kasanie", "originId": "kasanie:000000000001"}
    made = bound.call("crm.activity.configurable.add", ownerTypeId=2, ownerId=1, fields=fields, layout=layout)
    for number, reading in enumerate(({}, {"click_in_fields": True}, {"click_tells_user": False}), 1):
        bound.sandbox.post("readings", reading)
        bound.sandbox.post("press", {"activity": made["activity"]["id"], "button": "no", "by": 3})
        heard = bound.until(lambda heard, number=number: sum(len(one.clicks) for one in heard) == number)  # type: ignore[misc]  # the number of this round
        click = [click for one in heard for click in one.clicks][-1]
        told = (click.about, click.offer, click.answer, click.reason, click.by)
        assert told == (ABOUT, f"activity:{made['activity']['id']}", "decline", "Не тот клиент", "3"), reading


def test_an_update_with_a_known_token_is_believed_and_one_with_a_new_token_is_not(bound: Bound) -> None:
    bound.sandbox.post("update_app", {"version": 2, "same_secret": True})
    heard = bound.until(lambda heard: any(one.new_application_token for one in heard))
    (token,) = [one.new_application_token for one in heard if one.new_application_token]
    assert token == bound.secrets.application_tokens[0]
    assert bound.call("event.get") == [], "an update takes the subscriptions with it"
    for name in EVENTS:
        bound.bind(name)
    bound.sandbox.post("update_app", {"version": 3})
    with pytest.raises(NotGenuine):
        bound.until(lambda _: False)


def test_a_removal_is_heard_with_what_the_administrator_wished(bound: Bound) -> None:
    """The last of the file: afterwards the application is gone."""
    bound.learn_the_new_secret()
    for name in EVENTS:
        bound.bind(name)
    bound.sandbox.post("uninstall", {"clean": True})
    heard = bound.until(lambda heard: any(one.removed for one in heard))
    assert [one.clean for one in heard if one.removed] == [True]
