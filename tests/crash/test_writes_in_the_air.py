"""Writes that the CRM carried out and nobody wrote down: they are looked for before they are sent again."""

from __future__ import annotations

import pytest

from connector.sandbox.installation import wait_for
from crash.site import HELD_MS, PATIENCE, Site, kill

HOLDING = {"hold_writes": "hold_ms", "late_answers": "late_ms"}
"""Carried out late, and carried out at once but answered late."""
LOSING = ("fail_after_apply", "drop_answer", "late_answers", "hold_writes")
"""In this order: a request that is still held when the next fault is switched on does not meet that one too."""


@pytest.fixture(scope="module", autouse=True)
def loaded(running_sites: list[Site]) -> None:
    """The first load is over: what is written from now on is what was ordered."""
    for site in running_sites:
        site.work()
    for site in running_sites:
        site.settle()
        site.kill_workers()


@pytest.mark.parametrize("fault", HOLDING)
def test_worker_killed_while_the_crm_works(sites: list[Site], fault: str) -> None:
    for _ in range(2):
        tasks = {}
        falling = []
        for site in sites:
            falling.append((site, site.work()))
            tasks[site.portals[0]] = len(site.tasks(site.portals[0]))
            site.switch(**{fault: 1, HOLDING[fault]: HELD_MS})
            site.order(3, dossier=False)
        while falling:
            struck = [pair for pair in falling if pair[0].struck(fault)]
            for site, worker in struck:
                kill(worker)
                assert site.in_doubt() > 0
            falling = [pair for pair in falling if pair not in struck]
        for site in sites:
            (portal,) = site.portals
            wait_for(lambda: len(site.tasks(portal)) > tasks[portal], PATIENCE, "the CRM forgot the write")  # noqa: B023  # called at once
    for site in sites:
        site.work()
    for site in sites:
        site.settle()


def test_answers_lost(sites: list[Site]) -> None:
    """The CRM makes the tasks and the answer never comes: no task is made again, and none is forgotten."""
    before = {site.portals[0]: site.looked_up() for site in sites}
    for site in sites:
        site.work()
    for fault in LOSING:
        for site in sites:
            site.switch(**{fault: 1, **({HOLDING[fault]: HELD_MS} if fault in HOLDING else {})})
            site.order(1, dossier=False)
        for site in sites:
            wait_for(lambda: site.struck(fault), PATIENCE, f"{fault} met no write")  # noqa: B023  # called at once
    for site in sites:
        site.settle()
        assert site.looked_up() - before[site.portals[0]] >= len(LOSING)
