"""Three workers on PostgreSQL, twenty portals, fifteen kills at random: 0 lost, 0 twice."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

from crash.site import PATIENCE, Site, kill, open_site

WORKERS = ("worker-1", "worker-2", "worker-3")
KILLS = 15
SEED = 20
LATE_MS = 600
"""The CRM carries a write out at once and answers that much later: many a kill falls in between."""


def test_killed_at_random(tmp_path: Path, new_postgres: Callable[[], str]) -> None:
    dice = random.Random(SEED)
    with open_site(tmp_path, new_postgres(), portals=10) as site:
        site.switch(late_answers=1_000_000, late_ms=LATE_MS)
        site.start("serve", "--no-worker")
        working = {name: site.work(log_name=name) for name in WORKERS}
        site.installation.wait_ready(PATIENCE)
        for _ in range(KILLS):
            for portal in dice.sample(site.portals, 5):
                site.order(1, portal)
            time.sleep(dice.uniform(0.5, 3))
            name = dice.choice(WORKERS)
            kill(working[name])
            working[name] = site.work(log_name=name)
        site.order(1)
        site.settle(2 * PATIENCE)
        assert len(site.portals) == 20
        for name in WORKERS:
            assert len(_served(site, name)) > 1, f"{name} had nothing to do"


def _served(site: Site, worker: str) -> set[str]:
    """The portals that a worker heard, in any of its lives."""
    heard = [line for line in site.log(worker).splitlines() if "portal.heard" in line]
    return {found[1] for line in heard if (found := re.search(r"portal=([a-z0-9-]+)", line))}
