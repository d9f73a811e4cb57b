"""Tokens that expire again and again in the middle of the work: one renewal each, nothing lost, nothing twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sandbox_fixture import Sandbox, run_sandbox
from story.world import RATE, hurry

from connector.sandbox.installation import Installation
from connector.store.opening import open_store
from crash.site import PATIENCE, WAITS, Site

SEED = 13
PORTALS = 3
ROUNDS = 8
"""Of new deals, each with a task that is owed for it, and of a score."""
DEALS = 9
"""On each portal: all rounds together stay below what one manager may be asked in a day."""
COMMANDS = (0, 30)
"""After so many commands the token ends: before a batch, in the middle of one, or between two."""


class Expiring:
    """One portal whose token is made to end, again as soon as it was renewed."""

    def __init__(self, sandbox: Sandbox, portal: str) -> None:
        self._sandbox = sandbox
        self._portal = portal
        self._armed = False
        self.expiries = 0

    def arm(self, commands: int) -> None:
        """The token ends after so many commands, if it is not to end already."""
        if not self._armed:
            self._sandbox.post("tokens", {"expire_after_commands": commands}, self._portal)
            self._armed = True

    def look(self) -> tuple[int, int, int]:
        """Renewals, uses of a refresh token that was spent already, and what else the OAuth server refused."""
        tokens = self._sandbox.get("tokens", self._portal)
        if tokens["refreshes"] > self.expiries:  # it has ended, and that was noticed
            self.expiries += 1
            self._armed = False
        return tokens["refreshes"], tokens["refresh_reuses"], tokens["refused"]


def test_one_renewal_for_each_expiry(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    with (
        run_sandbox(crm="bitrix24", clients=5, portals=PORTALS, rate=RATE, burst=1000) as sandbox,
        installed(tmp_path, sandbox) as site,
    ):
        expiring = [Expiring(sandbox, name) for name in site.portals]
        for _ in range(ROUNDS):
            for portal in expiring:
                portal.arm(dice.randint(*COMMANDS))
            site.order(DEALS)
            site.settle()
            for portal in expiring:
                assert portal.look() == (portal.expiries, 0, 0)
        assert sum(len(site.tasks(name)) for name in site.portals) >= 200
        assert min(portal.expiries for portal in expiring) >= ROUNDS // 2


@contextmanager
def installed(folder: Path, sandbox: Sandbox) -> Iterator[Site]:
    """A whole Kasanie, connected to each portal as an application; the first load is over."""
    installation = Installation(folder, sandbox.portals[0]["base_url"], waits=WAITS, application=True)
    try:
        installation.install()
        hurry(folder / "config.yaml")
        installation.start("serve")
        installation.wait_ready(PATIENCE)
        installation.install_applications()
        with closing(open_store(f"sqlite:///{folder / 'state' / 'kasanie.db'}")) as store:
            site = Site(sandbox, installation, store)
            site.settle()
            yield site
    finally:
        installation.stop()
