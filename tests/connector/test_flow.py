"""Serving a portal when reading is held up, when facts have aged, and when the definition of a field changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.port import Bell, Effect
from connector.flow import FRESH_SECONDS, Flow
from connector.opening import Opened, open_all
from connector.sandbox.installation import Installation
from connector.store import ClientRow, Intent, Judged


@dataclass
class Served:
    """A portal by webhooks, served once: nothing of it is undone."""

    sandbox: Sandbox
    opened: Opened
    flow: Flow
    name: str

    def serve(self) -> None:
        self.flow.serve_portal(self.name)

    def problem(self) -> str | None:
        row = self.opened.store.portal(self.name)
        assert row is not None
        return row.problem

    def company(self) -> int:
        found: int = self.sandbox.get(f"cards?portal={self.name}&title=Полимер")["company"][0]["id"]
        return found

    def write_fill(self, number: int) -> None:
        """A score is to be written on the company's card."""
        card = f"company:{self.company()}"
        effect = Effect(
            verb="write_fields",
            key=f"score:{card}#{number}",
            marker="kasanie:0123456789ab",
            card=card,
            fields={"FILL": number},
        )
        judged = Judged(
            client=ClientRow(ref=card, seq=0),
            asked=(),
            intents=(Intent(effect=effect, occurrence=f"score:{card}"),),
            verdicts=(),
            score=None,
            recheck_at=None,
            regulation="r",
        )
        self.opened.store.record(self.name, [judged], self.opened.clock())

    def calls(self) -> int:
        return len(self.sandbox.ledger()["requests"])

    def written(self) -> list[object]:
        """What was written into fields of our own."""
        return [one["value"] for one in self.sandbox.ledger()["writes"]]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with run_sandbox(crm="bitrix24", clients=5) as sandbox:
        portal = sandbox.portals[0]
        installation = Installation(tmp_path, portal["base_url"])
        installation.install()
        monkeypatch.setenv("KASANIE_SANDBOX", "1")
        monkeypatch.setenv("KASANIE_SANDBOX_URL", portal["base_url"])
        opened = open_all(tmp_path / "config.yaml")
        with closing(Flow(opened.settings, opened.store, opened.portals, opened.clock, "w")) as flow:
            one = Served(sandbox, opened, flow, portal["name"])
            one.serve()
            assert one.problem() is None
            yield one
        opened.close()
        structlog.reset_defaults()


def test_a_reading_that_must_wait_does_not_hold_up_what_is_decided(served: Served) -> None:
    served.write_fill(77)
    served.opened.store.put_bells(served.name, [Bell(ref="deal:1", event="oncrmdealupdate")], datetime.now(UTC))
    limit = {"code": "OPERATION_TIME_LIMIT", "text": "Method is blocked", "status": 429, "where": "command"}
    served.sandbox.post("faults", {"answer_error": {**limit, "count": 1}})
    served.serve()
    assert served.problem() is not None
    assert len(served.opened.store.bells(served.name, 9)) == 1  # to be read later
    assert served.opened.store.counts(served.name)["effects_open"] == 0
    assert 77 in served.written()


def test_what_changed_unheard_is_read_before_anything_is_written(served: Served) -> None:
    ref = f"company:{served.company()}"
    served.sandbox.post("cards", {"kind": "company", "id": served.company(), "title": "Полимер-2"})
    served.write_fill(78)
    served.serve()
    [known] = served.opened.store.facts(served.name, [ref])
    assert known.body["title"] == "Полимер"  # read a moment ago: that is fresh enough
    served.write_fill(79)
    served.flow._pulled[served.name] -= FRESH_SECONDS + 1
    served.serve()
    [known] = served.opened.store.facts(served.name, [ref])
    assert known.body["title"] == "Полимер-2"


def test_a_changed_field_makes_the_directory_be_read_anew(served: Served) -> None:
    store = served.opened.store
    before = served.calls()
    served.serve()
    assert served.calls() == before
    store.forget_directory(served.name)
    row = store.portal(served.name)
    assert row is not None
    assert (row.directory_at, row.directory is None) == (None, False)
    served.serve()
    row = store.portal(served.name)
    assert row is not None
    assert row.directory_at is not None
    assert served.calls() > before
