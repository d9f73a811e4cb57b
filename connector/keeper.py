"""The tokens of an installed application: read from the tables, renewed by one at a time, saved before they are used.

A renewal makes the old refresh token worthless, so two at once would lose the portal. The lock is a row of the tables
with an owner and an end in real time; no transaction is open while the OAuth server is called (reliability.md F16).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog

from connector.crm.port import Tokens
from connector.errors import Blocked, Unavailable
from connector.failpoints import failpoint
from connector.store import InstallRow, Store, StoreDown
from connector.vault import Vault, WrongKey

LOCK_SECONDS: Final = 120.0
"""Real seconds after which a renewal that nobody finished is tried by the next.

Longer than the OAuth call and the storing of its answer may take: a pair that comes after it could not be stored.
"""
LOOK_SECONDS: Final = 0.05
"""How often those who wait look for the new pair."""

log = structlog.get_logger()


class StoredTokens:
    """The `TokenKeeper` of one portal over the tables. Safe to use from several threads."""

    def __init__(
        self,
        portal: str,
        store: Store,
        vault: Vault,
        lock_seconds: float = LOCK_SECONDS,
        *,
        advice: str = "crm-install",
    ) -> None:
        """`advice`: the sentence on how a person lets us in again."""
        self._portal = portal
        self._advice = advice
        self._store = store
        self._vault = vault
        self._lock_seconds = lock_seconds

    def current(self) -> Tokens:
        """See TokenKeeper."""
        return self._tokens(self._row())

    def renew(self, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        """See TokenKeeper. Raises Unavailable when another's renewal takes longer than any may."""
        me = secrets.token_hex(8)
        until = time.monotonic() + 2 * self._lock_seconds
        while time.monotonic() < until:
            row = self._row()
            if row.generation > stale.generation:
                return self._tokens(row)
            if row.refused_lately:
                raise self._blocked("the refresh token was refused")
            if not row.locked and self._store.lock_tokens(self._portal, me, self._lock_seconds):
                return self._renewed(me, stale, ask)
            time.sleep(LOOK_SECONDS)
        raise Unavailable("the tokens are being renewed elsewhere", portal=self._portal, call="oauth", wait=5)

    def _renewed(self, me: str, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        """Holding the lock. Somebody may have finished between our look and our taking it, so look again."""
        refused = False
        try:
            row = self._row()
            known = self._tokens(row)
            if known.generation > stale.generation:
                return known
            fresh = ask(known)
            failpoint("tokens_used")
            sealed = self._vault.seal(fresh.access), self._vault.seal(fresh.refresh)
            if self._saved(me, *sealed, max(0.0, fresh.expires_real - time.time())):
                log.info("tokens.renewed", portal=self._portal, generation=row.generation + 1)
        except Blocked:
            refused = True
            raise
        finally:
            self._store.free_tokens(self._portal, me, refused=refused)
        return self.current()  # ours, or what a reinstallation stored meanwhile

    def _saved(self, me: str, access: str, refresh: str, seconds: float) -> bool:
        """Store the new pair, with patience: the old one is spent, so giving up would lose the portal."""
        until = time.monotonic() + self._lock_seconds / 4
        while True:
            try:
                return self._store.save_tokens(self._portal, me, access, refresh, seconds)
            except StoreDown:
                if time.monotonic() > until:
                    raise
                log.warning("tokens.not_saved_yet", portal=self._portal)
                time.sleep(LOOK_SECONDS)

    def _row(self) -> InstallRow:
        row = self._store.installation(self._portal)
        if row is None or not row.alive:
            raise self._blocked("the application is not installed", "NOT_INSTALLED")
        return row

    def _tokens(self, row: InstallRow) -> Tokens:
        try:
            access, refresh = self._vault.unseal(row.access), self._vault.unseal(row.refresh)
        except WrongKey as error:
            raise Blocked(error.problems[0], portal=self._portal, call="tokens", code="WRONG_KEY") from None
        return Tokens(access=access, refresh=refresh, generation=row.generation, expires_real=row.expires_real)

    def _blocked(self, text: str, code: str = "invalid_grant") -> Blocked:
        return Blocked(text, portal=self._portal, call="oauth", code=code, advice=self._advice)
