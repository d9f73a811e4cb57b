"""A worker as a process that is killed: forked from one that has imported everything, so that a hundred cost little."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import closing
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from connector.flow import Flow
from connector.opening import open_all
from connector.worker import EMBEDDED

LOG = "killed.log"
"""Beside config.yaml, what the workers write."""
PRELOADED = ["connector.flow", "connector.opening", "connector.worker"]


def nursery() -> ForkServerContext:
    """Where the workers come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def start(context: ForkServerContext, config: Path, portal: str, failpoint: str = "") -> ForkServerProcess:
    """A worker of one portal that goes on until it is killed, or kills itself at the failpoint."""
    worker = context.Process(target=_work, args=(config, portal, dict(os.environ), failpoint), daemon=True)
    worker.start()
    return worker


def _work(config: Path, portal: str, environment: dict[str, str], failpoint: str) -> None:
    os.environ.update(environment, KASANIE_FAILPOINT=failpoint)  # the nursery's own is that of the first test
    log = os.open(config.parent / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    opened = open_all(config)
    with closing(Flow(opened.settings, opened.store, opened.portals, opened.clock, EMBEDDED)) as flow:
        opened.store.free_lanes(EMBEDDED)  # as a worker does when it starts: what its former life held is its own
        while True:
            flow.serve_portal(portal)
            time.sleep(0.02)
