"""An amoCRM account from its connection over its switching off to its reconnection: real processes and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.amocrm.subscriptions import DOCUMENTED
from connector.sandbox.installation import Installation, wait_for
from connector.store import Store
from connector.store.opening import open_store
from connector.texts import say
from connector.vault import open_vault

PATIENCE = 30.0
MARKER = re.compile(r"\[kasanie:[0-9a-f]+\]")


@dataclass
class Life:
    """A sandbox with one account, Kasanie beside it with the web running, and its tables."""

    sandbox: Sandbox
    installation: Installation
    store: Store
    url: str

    @property
    def name(self) -> str:
        return str(self.sandbox.portals[0]["name"])

    def work(self) -> str:
        """Until nothing is due; the log."""
        return self.installation.run("work", "--drain").stderr

    def serve(self) -> str:
        """The same six minutes later, when a reconciliation is due."""
        self.sandbox.advance("6 minutes")
        return self.work()

    def doctor(self) -> tuple[int, str]:
        done = self.installation.run("doctor", "--lang", "en", check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def calls(self) -> int:
        return len(self.sandbox.ledger()["requests"])

    def hook(self) -> dict[str, Any]:
        """Our webhook as the account has it."""
        found: list[dict[str, Any]] = self.sandbox.get("subscriptions")["subscriptions"]
        return found[0] if found else {"settings": [], "disabled": None}

    def audit(self, what: str) -> list[dict[str, Any]]:
        return [dict(line.details) for line in self.store.audit(self.name, 100) if line.what == what]

    def markers(self) -> list[str]:
        """Of our tasks in the account."""
        return [found[0] for task in self.sandbox.ledger()["tasks"] if (found := MARKER.search(task["text"]))]

    def problem(self) -> str | None:
        row = self.store.portal(self.name)
        assert row is not None
        return row.problem

    def later(self, column: str, seconds: float) -> None:
        """As if so much time had gone by since."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE install SET {column} = {column} - {seconds}"))  # our words

    def secrets(self) -> set[str]:
        """Everything that no log and no table may show: ours and what the account gave us so far."""
        config = yaml.safe_load((self.installation.folder / "config.yaml").read_text())
        path = self.installation.folder / "state" / "kasanie.key"
        vault = open_vault(path, self.store)
        given = {vault.unseal(sealed).get_secret_value() for sealed in self.store.sealed_secrets()}
        portal = config["portals"][self.name]
        return {*path.read_text().split(), portal["client_secret"], portal["hook_secret"], *given}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    database_url = f"sqlite:///{tmp_path / 'kasanie.db'}"
    with run_sandbox(crm="amocrm", clients=12, rate=50, burst=20) as sandbox:
        installation = Installation(
            tmp_path / "kasanie",
            sandbox.portals[0]["base_url"],
            database=database_url,
            application=True,
            settings={"log": {"level": "debug"}},
        )
        installation.install()
        config = yaml.safe_load((installation.folder / "config.yaml").read_text())
        for portal in config["portals"].values():
            portal.update(requests_per_second=45, burst=15)
        (installation.folder / "config.yaml").write_text(yaml.safe_dump(config))
        installation.start("serve", "--no-worker")
        installation.wait_ready(60)
        with closing(open_store(database_url)) as store:
            yield Life(sandbox, installation, store, database_url)
        installation.stop()


def test_from_connection_to_reconnection(life: Life) -> None:
    # before: quiet, and nobody is called
    logs = [life.work()]
    assert "portal.not_installed" in logs[0]
    assert life.problem() == say("not-connected", portal=life.name)
    assert life.calls() == 0
    assert say("not-connected", "en", portal=life.name) in life.doctor()[1]

    # let in: hooks subscribed, fields made, all read, touches asked
    life.installation.install_applications()
    logs.append(life.work())
    secrets = life.secrets()
    assert life.problem() is None
    assert set(DOCUMENTED) <= set(life.hook()["settings"])
    assert "add_message" in life.hook()["settings"]
    assert life.audit("hooks.bound")
    assert life.audit("hooks.lost") == []
    asked = life.markers()
    assert asked
    code, told = life.doctor()
    assert (code, "problem" in told) == (0, False), told

    # too many bad answers of ours: switched off there, noticed within a quarter of an hour, told to people
    life.sandbox.post("subscriptions", {"disable": True})
    assert "switched our webhook off" in life.doctor()[1]
    life.later("hooks_real", 900)
    logs.append(life.work())
    assert life.hook()["disabled"] is False
    assert [sorted(line["events"]) for line in life.audit("hooks.lost")] == [sorted(DOCUMENTED)]
    assert "had lost subscriptions" in life.doctor()[1]

    # switched off by an administrator: no call any more, no tokens left, yet events are kept
    life.sandbox.post("disable", {})
    wait_for(lambda: life.audit("install.removed"), PATIENCE, "no word of it")
    assert life.store.sealed_secrets() == []
    calls = life.calls()
    number = life.sandbox.post("companies", {"title": "ООО Новая", "owner": 3})["id"]
    life.sandbox.post("deals", {"title": "Заявка", "company": number, "owner": 3})
    wait_for(lambda: life.store.bells(life.name, 1), PATIENCE, "no bell")
    logs.append(life.serve())
    assert life.calls() == calls
    assert life.problem() == say("not-connected", portal=life.name)
    assert life.store.bells(life.name, 1)

    # let in again: goes on where it stood, the new deal included, nothing is asked twice
    assert life.installation.let_in(life.name)["status"] == 200
    logs.append(life.work())
    again = life.markers()
    assert len(again) == len(set(again))
    assert set(asked) < set(again)

    secrets |= life.secrets()
    life.installation.stop()
    logs += [path.read_text() for path in life.installation.folder.glob("*.log")]
    assert "install.done" in "".join(logs)
    tables = b"".join(path.read_bytes() for path in life.installation.folder.parent.glob("kasanie.db*"))
    assert [secret for secret in secrets if secret in "".join(logs) or secret.encode() in tables] == []
