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
from connector.vault import Vault, open_vault


@dataclass(frozen=True)
class Opened:
    """What `serve`, `work` and the commands share. Close it when done."""

    settings: Settings
    store: Store
    portals: Portals
    clock: Clock
    vault: Vault

    def close(self) -> None:
        """Let the database go."""
        self.store.close()


WEB_PATIENCE: Final = 1.5
"""Seconds a webhook waits for the database before it is answered 503: amoCRM counts an answer after 2 s as none."""
PATIENCE: Final = 30.0


def open_all(config: Path, patience: float = PATIENCE) -> Opened:
    """Read the settings, bring the tables up to date and open the portals.

    `patience`: seconds a call may wait for the database. Raises SettingsError (every problem of the settings; a key
    file that is missing or does not open what lies in the tables) and StoreDown.
    """
    settings = load_settings(config)
    set_up_logging(settings.log.level, json_lines=settings.log.json_lines, secrets=settings.secrets())
    for chatty in ("alembic", "huey"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    store = open_store(settings.database_url(), patience=patience)
    try:
        vault = open_vault(settings.key_path(), store)
        portals = Portals(settings, store, vault)
    except BaseException:
        store.close()
        raise
    clock: Clock = SandboxClock(settings.sandbox) if settings.sandbox else real_clock
    return Opened(settings=settings, store=store, portals=portals, clock=clock, vault=vault)
