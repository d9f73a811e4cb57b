"""A portal connected by its application, from installation to removal: real processes against the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
import yaml
from sandbox_fixture import Sandbox, run_sandbox

from connector.sandbox.installation import Installation, wait_for
from connector.store import Store
from connector.store.opening import open_store
from connector.texts import say
from connector.vault import open_vault

PATIENCE = 30.0


@dataclass
class Life:
    """A sandbox with one portal, Kasanie beside it with the web running, and its tables."""

    sandbox: Sandbox
    installation: Installation
    store: Store
    url: str

    @property
    def name(self) -> str:
        return str(self.sandbox.portals[0]["name"])

    def work(self) -> str:
        """Until nothing is due; the log."""
        done = self.installation.run("work", "--drain")
        return done.stderr

    def doctor(self, *options: str) -> tuple[int, str]:
        done = self.installation.run("doctor", "--lang", "en", *options, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def calls(self) -> int:
        return len(self.sandbox.ledger()["requests"])

    def bound(self) -> set[str]:
        return {str(one["event"]) for one in self.sandbox.get("subscriptions")["subscriptions"]}

    def audit(self, what: str) -> list[dict[str, Any]]:
        return [dict(line.details) for line in self.store.audit(self.name, 100) if line.what == what]

    def a_quarter_later(self) -> None:
        """As if the subscriptions had been looked at 15 minutes ago."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE install SET hooks_real = hooks_real - 900"))

    def due(self) -> None:
        """A reconciliation is due: whoever serves the portal would call it."""
        self.sandbox.advance("6 minutes")

    def order(self, client: str) -> None:
        """A new client with a new deal: the regulation asks for a first contact."""
        number = self.sandbox.post("companies", {"title": client, "owner": 3})["id"]
        self.sandbox.post("deals", {"title": "Заявка", "company": number, "owner": 3})

    def queued(self) -> list[dict[str, Any]]:
        """What the portal keeps for us."""
        told = self.sandbox.portals[0]
        access = self.sandbox.post("tokens", {"issue": 1})["access_token"]
        answer = requests.get(
            f"{told['base_url']}/rest/event.offline.list",
            {"auth": access, "auth_connector": "kasanie"},
            timeout=PATIENCE,
        )
        found: list[dict[str, Any]] = answer.json()["result"]
        return found

    def now(self) -> datetime:
        return datetime.fromisoformat(self.sandbox.get("clock")["now"])

    def secrets(self) -> set[str]:
        """Everything that no log and no table may show: ours and what the portal gave us so far."""
        config = yaml.safe_load((self.installation.folder / "config.yaml").read_text())
        path = self.installation.folder / "state" / "kasanie.key"
        vault = open_vault(path, self.store)
        given = {vault.unseal(sealed).get_secret_value() for sealed in self.store.sealed_secrets()}
        return {*path.read_text().split(), config["portals"][self.name]["client_secret"], *given}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    database_url = f"sqlite:///{tmp_path / 'kasanie.db'}"
    with run_sandbox(crm="bitrix24", clients=12) as sandbox:
        installation = Installation(
            tmp_path / "kasanie",
            sandbox.portals[0]["base_url"],
            database=database_url,
            application=True,
            settings={"log": {"level": "debug"}},
        )
        installation.install()
        installation.start("serve", "--no-worker")
        installation.wait_ready(60)
        with closing(open_store(database_url)) as store:
            yield Life(sandbox, installation, store, database_url)
        installation.stop()


def test_from_installation_to_removal(life: Life) -> None:
    # before: quiet, and nobody is called
    log = life.work()
    logs = [log]
    assert "portal.not_installed" in log
    assert "error" not in log
    row = life.store.portal(life.name)
    assert row is not None
    assert row.problem is not None
    assert life.calls() == 0
    code, told = life.doctor()
    assert code == 1
    assert told.splitlines() == [
        f"{life.name} (Bitrix24, a local application)",
        f"  problem: {say('not-installed', 'en', portal=life.name)}",
    ]

    # installed: hooks bound, fields made, all read, touches asked
    life.installation.install_applications(page=True)
    logs.append(life.work())
    secrets = life.secrets()
    assert len(secrets) == 5
    assert {"ONCRMDEALUPDATE", "ONCRMDEALMOVETOCATEGORY", "ONCRMTIMELINEITEMACTION"} <= life.bound()
    assert life.audit("hooks.bound")
    assert life.audit("hooks.lost") == []
    tasks = len(life.sandbox.ledger()["tasks"])
    assert tasks > 0
    code, told = life.doctor()
    assert (code, "problem" in told) == (0, False), told

    # an event of the application reaches us by its own token
    life.order("ООО Новая")
    wait_for(lambda: life.store.bells(life.name, 1), PATIENCE, "no bell")
    life.work()
    assert len(life.sandbox.ledger()["tasks"]) > tasks

    # the portal loses two subscriptions: noticed within a quarter of an hour, bound again, told to people
    life.sandbox.post("subscriptions", {"drop": ["ONCRMDEALUPDATE", "ONTASKUPDATE"]})
    life.work()
    assert "ONCRMDEALUPDATE" not in life.bound()
    life.a_quarter_later()
    log = life.work()
    assert "hooks.lost" in log
    assert {"ONCRMDEALUPDATE", "ONTASKUPDATE"} <= life.bound()
    assert [sorted(line["events"]) for line in life.audit("hooks.lost")] == [["ONCRMDEALUPDATE", "ONTASKUPDATE"]]
    assert "had lost subscriptions" in life.doctor()[1]

    # an update: another token, no subscriptions; bound again at once, and genuine hooks are still known
    life.sandbox.post("update_app", {})
    wait_for(lambda: life.audit("install.updated"), PATIENCE, "no update")
    assert len(life.secrets() - secrets) == 1
    secrets |= life.secrets()
    assert life.bound() == set()
    life.work()
    assert "ONCRMDEALUPDATE" in life.bound()
    life.order("ООО Другая")
    wait_for(lambda: life.store.bells(life.name, 1), PATIENCE, "no bell after the update")
    life.work()

    # removed with its traces: nobody is called any more, the ledger stays
    ledger = len(life.store.ledger(life.name))
    assert ledger > 0
    life.sandbox.post("uninstall", {"clean": True})
    wait_for(lambda: life.audit("install.removed"), PATIENCE, "no removal")
    calls = life.calls()
    life.due()
    log = life.work()
    assert "portal.forgotten" in log
    assert life.calls() == calls
    assert life.store.sealed_secrets() == []
    assert (life.store.clients(life.name), life.store.cursors(life.name)) == ([], {})
    assert len(life.store.ledger(life.name)) == ledger

    # installed again: goes on where it stood, nothing is asked twice
    asked = [task["marker"] for task in life.sandbox.ledger()["tasks"] if task.get("marker")]
    life.installation.install_applications()
    life.work()
    assert life.calls() > calls
    assert life.store.clients(life.name)
    again = [task["marker"] for task in life.sandbox.ledger()["tasks"] if task.get("marker")]
    assert len(again) == len(set(again))
    assert set(asked) <= set(again)

    secrets |= life.secrets()
    life.installation.stop()
    logs += [log, *(path.read_text() for path in life.installation.folder.glob("*.log"))]
    assert "install.done" in "".join(logs)
    tables = b"".join(path.read_bytes() for path in life.installation.folder.parent.glob("kasanie.db*"))
    assert [secret for secret in secrets if secret in "".join(logs) or secret.encode() in tables] == []


def test_tokens_that_expire_are_renewed_and_a_refused_pair_asks_for_a_person(life: Life) -> None:
    life.installation.install_applications()
    life.work()
    before = life.sandbox.get("tokens")["refreshes"]
    life.sandbox.post("tokens", {"expire": True})
    life.due()
    life.work()
    assert life.sandbox.get("tokens")["refreshes"] == before + 1

    life.sandbox.post("tokens", {"expire": True, "revoke_refresh": True})
    life.due()
    life.work()
    row = life.store.portal(life.name)
    assert row is not None
    assert row.problem is not None
    assert "установите его заново" in row.problem or "install it again" in row.problem
    calls = life.calls()
    life.due()
    assert life.store.ring_due(life.now(), hold=0) == []  # it rests for a quarter of an hour
    assert life.calls() == calls
    assert life.doctor()[0] == 3

    life.installation.install_applications()
    life.work()
    row = life.store.portal(life.name)
    assert row is not None
    assert row.problem is None


def test_a_renamed_portal_is_followed_and_remembered(life: Life) -> None:
    life.installation.install_applications()
    life.work()
    life.sandbox.post("rename", {"host": "localhost"})
    life.due()
    life.work()
    row = life.store.portal(life.name)
    assert row is not None
    assert (row.host or "").startswith("localhost:")
    assert row.problem is None
    moved = json.dumps(life.sandbox.ledger()["requests"]).count("302")
    life.due()
    life.work()
    assert json.dumps(life.sandbox.ledger()["requests"]).count("302") == moved  # the new address is used at once


def test_the_portals_own_queue_is_read_and_cleared(life: Life) -> None:
    config = life.installation.folder / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["portals"][life.name]["offline_events"] = True
    config.write_text(yaml.safe_dump(settings))
    life.installation.install_applications()
    life.work()
    assert "ONOFFLINEEVENT" in life.bound()
    tasks = len(life.sandbox.ledger()["tasks"])
    for number in range(3):
        life.order(f"ООО Очередь {number}")
    assert "ONCRMDEALADD" in [one["EVENT_NAME"] for one in life.queued()]
    life.due()
    log = life.work()
    assert "portal.parked" not in log
    assert len(life.sandbox.ledger()["tasks"]) > tasks
    assert re.search(r"portal.heard.*bells=[1-9]", log)
    assert life.queued() == []
