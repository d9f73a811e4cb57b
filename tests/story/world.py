"""A sandbox and a whole Kasanie beside it, with what a story needs: acting, waiting until all is done, looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sandbox_fixture import Sandbox, run_sandbox

from connector.sandbox.installation import HOOK_SECRET, Installation, wait_for
from connector.sandbox.story import MARKER, Stage
from connector.store import Store
from connector.store.opening import open_store

PATIENCE = 60.0
RATE = 100
"""Requests a second."""
CRMS = ("bitrix24", "amocrm")
UNDONE = ("bells", "clients_to_judge", "effects_open", "effects_doubtful")
CLOCK_STEP = timedelta(seconds=2)
"""The worker asks the sandbox for the time at most every 0.2 s: so much further than any moment it may still hold."""


@dataclass(frozen=True)
class World:
    """One story's CRMs and the Kasanie that serves them. `store` is a second look at the tables."""

    sandbox: Sandbox
    installation: Installation
    store: Store

    def stage(self, crm: str) -> Stage:
        """The portal of this CRM."""
        return Stage(self.installation, self.sandbox.portal(crm)["name"], english=False)

    def settle(self) -> None:
        """Until nothing is undone on any portal: every webhook that was answered has had all its consequences."""
        wait_for(self._done, PATIENCE, "there is always something left to do")

    def _done(self) -> bool:
        now = datetime.fromisoformat(self.sandbox.get("clock")["now"]) + CLOCK_STEP
        return self.store.idle(now) and not any(
            self.store.counts(portal["name"])[what] for portal in self.sandbox.portals for what in UNDONE
        )

    def advance(self, span: str) -> None:
        """Turn the clock and wait until everything that fell due is done."""
        self.sandbox.advance(span)
        self.settle()

    def answered(self, stage: Stage, event: str) -> int:
        """How many webhooks of this name the receiver has answered with 200."""
        return int(stage.ledger()["webhooks"].get(f"{event} answered 200", 0))

    def secrets(self) -> list[str]:
        """Everything that must never stand in a log."""
        told = ("access_token", "refresh_token", "client_secret", "application_token")
        found = [str(portal[name]) for portal in self.sandbox.portals for name in told if portal[name]]
        codes = [
            portal["rest_url"].rstrip("/").rpartition("/")[2] for portal in self.sandbox.portals if portal["rest_url"]
        ]
        return [*found, *codes, HOOK_SECRET]

    def logs(self) -> str:
        """All that the processes have logged so far."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.installation.folder.glob("*.log")))


@contextmanager
def whole_kasanie(
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    application: bool = False,
    regulation: str | None = None,
    **options: Any,
) -> Iterator[World]:
    """Sandbox, receiver and worker, started and served once; ended cleanly. `options` as of the sandbox's command.

    `application`: Bitrix24 portals install our application instead of a pair of webhooks; `regulation`: the text in
    force on every portal, instead of the ready one.
    """
    with run_sandbox(clients=8, rate=RATE, burst=1000, **options) as sandbox:
        installation = Installation(
            folder / "kasanie",
            sandbox.portals[0]["base_url"],
            settings={"log": {"level": "debug"}, **(settings or {})},
            application=application,
        )
        try:
            installation.install()
            hurry(installation.folder / "config.yaml")
            if regulation is not None:
                for portal in sandbox.portals:
                    path = installation.folder / "portals" / portal["name"] / "regulation.yaml"
                    path.write_text(regulation, encoding="utf-8")
            installation.start("serve")
            installation.wait_ready(PATIENCE)
            installation.install_applications()
            store = open_store(f"sqlite:///{installation.folder / 'state' / 'kasanie.db'}")
            try:
                world = World(sandbox, installation, store)
                world.settle()
                yield world
            finally:
                store.close()
        finally:
            installation.stop()


def hurry(config: Path) -> None:
    """Lift our own limits with those of the sandbox: what the limiter does is tested elsewhere."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    for portal in settings["portals"].values():
        portal |= {"requests_per_second": RATE, "burst": 1000}
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


def tasks_of_deal(stage: Stage, deal: int, words: str = "") -> list[dict[str, Any]]:
    """Our tasks bound to this deal whose title has the words, the closed and deleted ones too, in order of creation."""
    return [
        task
        for task in stage.ledger()["tasks"]
        if ["deal", deal] in task["cards"] and marker(task) and words in task["title"]
    ]


def marker(task: Mapping[str, Any]) -> str | None:
    """What our task is found by; None of a task that is not ours."""
    found = MARKER.search(f"{task['xml_id'] or ''} {task['text']}")
    return found[0] if found else None


def markers(stage: Stage) -> list[str]:
    """The marker of every task of ours on the portal, the deleted ones included, in order of creation."""
    return [found for task in stage.ledger()["tasks"] if (found := marker(task)) is not None]
