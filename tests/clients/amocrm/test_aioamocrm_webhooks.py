"""aioamocrm reads webhooks: what the account posts is decoded by a published reader, not by ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aioamocrm import Company, Lead, Note, Task, Webhook, WebhookEvent, parse_webhook
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

from clients.amocrm.conftest import Account, ask

DUE = 1_790_000_000
EVERYTHING = [
    *(f"{action}_lead" for action in ("add", "update", "delete", "restore", "status", "responsible", "note")),
    *(f"{action}_contact" for action in ("add", "update", "delete", "restore", "responsible", "note")),
    *(f"{action}_company" for action in ("add", "update", "delete", "restore", "responsible", "note")),
    *(f"{action}_task" for action in ("add", "update", "delete", "responsible")),
]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        pass


@dataclass
class Heard:
    """An integration's own web server; what it was told of so far."""

    url: str = ""
    hooks: list[Webhook] = field(default_factory=list)

    def wait(self, entity: str, action: str, fits: Callable[[WebhookEvent], bool] = bool) -> WebhookEvent:
        """The first event of this kind that fits, once it has come."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for hook in list(self.hooks):
                for event in hook.events:
                    if (event.entity, event.action) == (entity, action) and fits(event):
                        return event
            time.sleep(0.01)
        raise AssertionError((entity, action, self.hooks))


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    heard = Heard()
    app = Flask(__name__)

    @app.post("/hooks")
    def hook() -> str:
        assert request.content_type == "application/x-www-form-urlencoded"
        heard.hooks.append(parse_webhook(request.get_data()))
        return ""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    heard.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    return accounts["hooks"]


@pytest.fixture(autouse=True)
def subscribed(account: Account, heard: Heard, names: list[str]) -> Iterator[None]:
    """All webhooks go to the integration."""
    body = {"destination": heard.url, "settings": EVERYTHING}
    ask(account, lambda amo: amo.request("POST", "webhooks", json=body))
    heard.hooks.clear()
    yield
    ask(account, lambda amo: amo.request("DELETE", "webhooks", json={"destination": heard.url}))


def of(number: int) -> Callable[[WebhookEvent], bool]:
    """Events of the card with this id."""
    return lambda event: event.id == number


def test_move_of_a_lead_tells_both_stages(account: Account, heard: Heard) -> None:
    lead = ask(account, lambda amo: amo.leads.get(9))
    ask(account, lambda amo: amo.leads.update([Lead(id=9, status_id=143, pipeline_id=lead.pipeline_id)]))
    moved = heard.wait("leads", "status", of(9))
    assert (moved.payload["status_id"], moved.payload["old_status_id"]) == ("143", str(lead.status_id))
    assert (moved.payload["pipeline_id"], moved.payload["name"]) == (str(lead.pipeline_id), lead.name)
    assert heard.wait("leads", "update", of(9)).payload["status_id"] == "143"
    assert {hook.account_id for hook in heard.hooks} == {account.told["account_id"]}
    assert {hook.subdomain for hook in heard.hooks} == {account.subdomain}


def test_fields_of_a_company_come_under_contacts(account: Account, heard: Heard) -> None:
    company = Company(id=4)
    company.set_field("HEADCOUNT", 44)
    company.set_field("SEGMENT", "B")
    company.set_field("NEXT_NEED", DUE)
    ask(account, lambda amo: amo.companies.update([company]))
    read = ask(account, lambda amo: amo.companies.get(4))
    told = heard.wait("contacts", "update", of(4))
    assert told.payload["type"] == "company"
    assert (told.field_value("HEADCOUNT"), told.field_value("SEGMENT")) == ("44", "B")
    assert told.field_values("NEXT_NEED") == [str(read.field_value("NEXT_NEED"))]


def test_task_is_told_under_a_singular_name(account: Account, heard: Heard) -> None:
    wanted = [Task(text="Касание & звонок", complete_till=DUE, entity_type="companies", entity_id=4)]
    (made,) = ask(account, lambda amo: amo.tasks.create(wanted))
    added = heard.wait("task", "add", of(made.id or 0)).payload
    assert (added["text"], added["complete_before"], added["element_id"]) == ("Касание & звонок", str(DUE), "4")
    assert (added["element_type"], added["status"]) == ("3", "0")
    ask(account, lambda amo: amo.tasks.complete(made.id or 0, result="да"))
    closed = heard.wait("task", "update", lambda event: event.id == made.id and event.payload["status"] == "1")
    assert closed.payload["action_close"] == "1"
    assert closed.payload["result"]["text"] == "да"


def test_note_comes_inside_its_own_part(account: Account, heard: Heard) -> None:
    ask(account, lambda amo: amo.leads.notes.create([Note.common(9, "Примечание")]))
    note = heard.wait("leads", "note").payload["note"]
    assert (note["text"], note["element_id"], note["note_type"]) == ("Примечание", "9", "4")


def test_made_and_deleted_cards_are_told(account: Account, heard: Heard) -> None:
    (made,) = ask(account, lambda amo: amo.leads.create([Lead(name="Новая", price=7)]))
    added = heard.wait("leads", "add", of(made.id or 0)).payload
    assert (added["name"], added["price"]) == ("Новая", "7")
    assert "old_status_id" not in added
    account.set("deals/delete", deal=made.id)
    assert set(heard.wait("leads", "delete", of(made.id or 0)).payload) <= {"id", "status_id", "pipeline_id"}
    account.set("deals/restore", deal=made.id)
    assert heard.wait("leads", "restore", of(made.id or 0)).payload["name"] == "Новая"
