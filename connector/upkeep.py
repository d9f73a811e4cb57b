"""What a lane does beside its work: watching subscriptions, keeping tokens alive, writing offers again, forgetting."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

import structlog

from connector.crm.port import Crm
from connector.errors import NotSent, Refused, Throttled, Unavailable
from connector.offers import write_offers_again
from connector.settings import Settings
from connector.store import Store

OFFERS_EVERY: Final = 3600.0
"""Real seconds. A click that was lost leaves its card locked until it is written again (facts/bitrix24.md 6.7)."""

HOOKS_EVERY: Final = 900.0
"""Real seconds between two looks at the webhooks of a portal that has no application of ours (reliability.md F34)."""
UNUSED_SECONDS: Final = 60 * 86400.0
"""Real seconds after which an unused refresh token is renewed: amoCRM ends it after 90 days, Bitrix24 after 180."""
TOKENS_EVERY: Final = 86400.0
"""Real seconds between two looks at how old the tokens are."""
BOUND: Final = ("hooks.bound", "hooks.lost")
LAST: Final = 200
"""Lines of the audit that are looked through."""

log = structlog.get_logger()


class Upkeep:
    """One for all portals of a worker; called by whoever holds the portal's lane."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._offered: dict[str, float] = {}
        self._watched: dict[str, float] = {}
        self._not_bound: dict[str, str] = {}
        """Why the subscriptions could not be bound, as it was told last."""
        self._aged: dict[str, float] = {}

    def keep(self, name: str, crm: Crm, now: datetime) -> None:
        """All that is due. Raises CrmError."""
        if self._hooks_due(name):
            try:
                self._watch_hooks(name, crm, now)
            except (Throttled, Unavailable, NotSent) as error:  # it passes, and must not keep the portal from its work
                log.warning("hooks.not_looked_at", portal=name, why=str(error))
            self._store.hooks_seen(name)
            self._watched[name] = time.monotonic()
        if time.monotonic() - self._offered.get(name, -OFFERS_EVERY) >= OFFERS_EVERY:
            write_offers_again(self._store, name, now)
            self._offered[name] = time.monotonic()

    def leave(self, name: str) -> None:
        """The portal has no application of ours (any more): what its administrator wanted gone is forgotten now."""
        row = self._store.installation(name)
        if row is not None and row.clean:
            self._store.forget_portal(name)
            log.warning("portal.forgotten", portal=name)
        log.info("portal.not_installed", portal=name)

    def tokens_unused(self, name: str) -> bool:
        """Whether the tokens were not used for so long that they would die: asked before what may keep us from calling.

        Looks once a day. Whoever serves the portal renews them daily by calling it; one that lacks a usable regulation
        is never called.
        """
        if time.monotonic() - self._aged.get(name, -TOKENS_EVERY) < TOKENS_EVERY:
            return False
        self._aged[name] = time.monotonic()
        row = self._store.installation(name) if self._settings.portals[name].is_app else None
        return row is not None and row.alive and row.expires_real < time.time() - UNUSED_SECONDS

    def _hooks_due(self, name: str) -> bool:
        """By our tables for an application, also for one that the settings no longer use; else by this process."""
        due = self._store.hooks_due(name)
        if due or self._settings.portals[name].is_app:
            return due
        return time.monotonic() - self._watched.get(name, -HOOKS_EVERY) >= HOOKS_EVERY

    def _watch_hooks(self, name: str, crm: Crm, now: datetime) -> None:
        """A CRM forgets our subscriptions, or ends them for bad answers, and tells nobody (reliability.md F34)."""
        hook_url = self._settings.hook_url(name)
        if hook_url is None:
            return
        new = self._is_new(name)
        try:
            lost = list(crm.lost_hooks(hook_url))
            if not lost:
                return
            crm.bind_hooks(hook_url)
        except Refused as error:  # a matter of rights or of the plan: the reconciliation finds what is not told to us
            if self._not_bound.get(name) != str(error):
                log.error("hooks.not_bound", portal=name, why=str(error))  # noqa: TRY400  # a refusal, not a fault of ours
                self._store.note(name, "hooks.not_bound", error.code, {"why": error.text}, now)
            self._not_bound[name] = str(error)
            return
        self._not_bound.pop(name, None)
        if new:
            log.info("hooks.bound", portal=name, events=len(lost))
            self._store.note(name, "hooks.bound", "", {"events": lost}, now)
        else:
            log.error("hooks.lost", portal=name, events=lost)
            self._store.note(name, "hooks.lost", "", {"events": lost}, now)

    def _is_new(self, name: str) -> bool:
        """Whether we never bound anything there since the application was installed, or, without one, at all."""
        if self._settings.portals[name].is_app:
            row = self._store.installation(name)
            return row is not None and row.hooks_new
        return not any(line.what in BOUND for line in self._store.audit(name, LAST))
