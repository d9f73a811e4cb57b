"""Killed at every named point, on both CRMs: after a restart nothing is missing, nothing is there twice."""

from __future__ import annotations

import signal

import pytest

from connector.failpoints import NAMES
from connector.sandbox.installation import wait_for
from crash.site import PATIENCE, Site

IN_WEB = "bells_stored"
IN_RENEWAL = "tokens_used"
"""Reached by applications only: tests/connector/test_keeper.py kills there."""
IN_WORKER = [name for name in NAMES if name not in (IN_WEB, IN_RENEWAL)]


@pytest.mark.parametrize("failpoint", IN_WORKER)
def test_worker_killed(sites: list[Site], failpoint: str) -> None:
    for site in sites:
        site.order(3)
    dying = [site.work(failpoint) for site in sites]
    for worker in dying:
        assert worker.wait(timeout=PATIENCE) == -signal.SIGKILL
    for site in sites:
        site.work()
    for site in sites:
        site.settle()


def test_web_killed_before_it_answers(sites: list[Site]) -> None:
    """The CRM got no answer, but what it told is stored; what it could tell nobody is found by the reconciliation."""
    for site in sites:
        site.stop()
        site.start("serve", "--no-worker", failpoint=IN_WEB)
    for site in sites:
        site.installation.wait_ready(PATIENCE)
        site.order(2)
    for site in sites:
        wait_for(lambda: "unanswered" in str(site.webhooks()), PATIENCE, "no webhook was left without an answer")  # noqa: B023  # called at once
        assert site.undone()[site.portals[0]]["bells"] > 0
    for site in sites:
        site.stop()
        site.start("serve", "--no-worker")
        site.work()
        site.sandbox.advance("6 minutes")
    for site in sites:
        site.settle()
