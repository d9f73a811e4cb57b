"""Settings -> everything that a process of Kasanie works with: tables, portals, clock, logs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connector.clock import Clock, SandboxClock, real_clock
from connector.log import set_up_logging
from connector.portals import Portals
from connector.settings import Settings, load_settings
from connector.store import Store
from connector.store.opening import open_store


@dataclass(frozen=True)
class Opened:
    """What `serve`, `work` and the commands share. Close it when done."""

    settings: Settings
    store: Store
    portals: Portals
    clock: Clock

    def close(self) -> None:
        """Let the database go."""
        self.store.close()


WEB_PATIENCE: Final = 1.5
"""Seconds a webhook waits for the database before it is answered 503: amoCRM counts an answer after 2 s as none."""
PATIENCE: Final = 30.0


def open_all(config: Path, patience: float = PATIENCE) -> Opened:
    """Read the settings, bring the tables up to date and open the portals.

    `patience`: seconds a call may wait for the database. Raises SettingsError (every problem of the settings) and
    StoreDown.
    """
    settings = load_settings(config)
    set_up_logging(settings.log.level, json_lines=settings.log.json_lines, secrets=settings.secrets())
    for chatty in ("alembic", "huey"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    store = open_store(settings.database_url(), patience=patience)
    clock: Clock = SandboxClock(settings.sandbox) if settings.sandbox else real_clock
    return Opened(settings=settings, store=store, portals=Portals(settings, store), clock=clock)
