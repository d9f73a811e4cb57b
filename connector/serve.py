"""The supervisor behind `app.py serve`: gunicorn for the web and one worker, each restarted when it dies.

SIGTERM or SIGINT ends both; each may finish what it is at for ten seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from connector.settings import Settings

GRACE_SECONDS: Final = 10
STEADY_SECONDS: Final = 30
"""A child that lived this long starts again at once; one that dies young waits longer each time."""
LONGEST_PAUSE: Final = 30.0

log = structlog.get_logger()


@dataclass
class Child:
    """One supervised process."""

    name: str
    command: Sequence[str]
    running: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0


def web_command(settings: Settings, app: Path, config: Path) -> list[str]:
    """gunicorn: one process of many threads on SQLite, several processes on PostgreSQL (docs/decisions/0003)."""
    return [
        *(sys.executable, "-m", "gunicorn", "--chdir", str(app.parent)),
        *("--worker-class", "gthread", "--workers", str(settings.web_workers), "--threads", str(settings.threads)),
        *("--bind", settings.listen, "--graceful-timeout", str(GRACE_SECONDS), "--timeout", "60"),
        *("--logger-class", "connector.log.GunicornLogger", "--no-control-socket"),
        f"{app.stem}:web({str(config)!r})",
    ]


def work_command(app: Path, config: Path) -> list[str]:
    """One worker."""
    return [sys.executable, str(app), "--config", str(config), "work"]


def supervise(children: Sequence[Child]) -> int:
    """Keep the children running until a signal ends them all; gives the exit code."""
    over = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        while not over.is_set():
            for child in children:
                keep_running(child)
            over.wait(0.2)
    finally:
        stop_all(children)
    return 0


def keep_running(child: Child) -> None:
    """Start the child if it is not running and its pause is over."""
    now = time.monotonic()
    if child.running is not None:
        code = child.running.poll()
        if code is None:
            return
        steady = now - child.started > STEADY_SECONDS
        child.pause = 0.0 if steady else min(LONGEST_PAUSE, max(0.5, child.pause * 2))
        child.start_at = now + child.pause
        log.error("child.died", child=child.name, code=code, restart_in=child.pause)
        child.running = None
    if now >= child.start_at:
        child.running = subprocess.Popen(child.command, env=os.environ.copy())  # noqa: S603  # our own command line
        child.started = now


def stop_all(children: Sequence[Child]) -> None:
    """SIGTERM to all, then SIGKILL to those that do not end in time."""
    running = [child.running for child in children if child.running is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS + 2
    for process in running:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
