"""What the doors of both CRMs share when a portal connects: few proofs at a time, and storing what was proven."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import structlog

from connector.errors import ConnectorError, NotGenuine
from connector.store import NewInstall, Store

PROOFS: Final = 2
"""Proofs under way at a time in one process."""
WAITING: Final = 6
"""Arrivals that may wait for their turn; the threads of the web are for webhooks."""
WAIT_SECONDS: Final = 2.0
PROOF_SECONDS: Final = 5.0
"""For each answer that a proof needs."""

log = structlog.get_logger()


class Busy(ConnectorError):  # noqa: N818  # a state, not a fault
    """It cannot be proven now: too many at once, or the OAuth server is silent. Nothing was stored; try again."""


class Turns:
    """One for all doors of a process."""

    def __init__(self) -> None:
        self._proving = threading.BoundedSemaphore(PROOFS)
        self._room = threading.BoundedSemaphore(PROOFS + WAITING)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For the time of one proof. Raises Busy."""
        if not self._room.acquire(blocking=False):
            raise Busy("too many installations at once")
        try:
            if not self._proving.acquire(timeout=WAIT_SECONDS):
                raise Busy("too many installations at once")
            try:
                yield
            finally:
                self._proving.release()
        finally:
            self._room.release()


def store_install(store: Store, name: str, install: NewInstall, now: datetime) -> None:
    """Store a proven installation and say so in the audit.

    Raises:
        NotGenuine: the portal is bound to another account; nothing was stored, and an alarm was left.
        StoreDown: proven, and not stored.
    """
    stored = store.save_install(name, install, now)
    told = {"host": install.host, "user": install.user_id}
    if not stored:
        log.error("install.foreign_account", portal=name, **told)
        store.note(name, "install.refused", install.member_id, told, now)
        raise NotGenuine("the portal is bound to another account")
    log.info("install.done", portal=name, **told)
    store.note(name, "install.done", install.member_id, told, now)
