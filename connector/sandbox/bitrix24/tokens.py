"""The OAuth server's tokens of one application: access, refresh and codes, all on real time (facts/bitrix24.md 3)."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from connector.sandbox.bitrix24.call import Refusal

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 86_400
CODE_SECONDS = 30
EXPIRED = Refusal("expired_token", "The access token provided has expired.", 401)
UNKNOWN = Refusal("invalid_token", "Unable to get application by token", 401)
REMOVED = Refusal("APPLICATION_NOT_FOUND", "Application not found", 401)
NOT_INSTALLED = Refusal("NOT_INSTALLED", "Application not installed", 401)
INVALID_GRANT = Refusal("invalid_grant", "The provided authorization grant is invalid or expired", 400)
KEPT = 20_000
"""Access tokens remembered at most; older ones are unknown."""


@dataclass(frozen=True)
class Pair:
    """What the OAuth server issued; `expires` in seconds of real time since the epoch."""

    access: str
    refresh: str
    user: int
    expires: float
    client_id: str = ""
    """Another application's, for forged installs; empty: the portal's own."""
    member_id: str = ""
    """Another portal's; empty: this one."""


class TokenDesk:
    """Issues, ends and counts tokens. Thread-safe."""

    def __init__(self, access: str, refresh: str, user: int) -> None:
        self._lock = threading.Lock()
        self._issued: dict[str, Pair] = {}
        self._refreshes: dict[str, tuple[int, float]] = {}
        self._spent: set[str] = set()
        self._codes: dict[str, tuple[int, float]] = {}
        self._of_events: dict[int, Pair] = {}
        self._requests_left: int | None = None
        self._commands_left: int | None = None
        self._ended_at = 0.0
        self.removed = False
        self.issued = 0
        self.refreshes = 0
        self.reuses = 0
        self.refused = 0
        first = Pair(access, refresh, user, time.time() + ACCESS_SECONDS)
        self._issued[access] = first
        self._refreshes[refresh] = (user, time.time() + REFRESH_SECONDS)

    def issue(self, user: int) -> Pair:
        """A fresh pair for a user."""
        with self._lock:
            return self._issue(user)

    def _issue(self, user: int, **whose: str) -> Pair:
        moment = time.time()
        access, refresh = f"sandbox-access-{secrets.token_hex(24)}", f"sandbox-refresh-{secrets.token_hex(24)}"
        made = Pair(access, refresh, user, moment + ACCESS_SECONDS, **whose)
        self._issued[access] = made
        if len(self._issued) > KEPT:
            del self._issued[next(iter(self._issued))]
        self._refreshes[refresh] = (user, moment + REFRESH_SECONDS)
        self.issued += 1
        return made

    def issue_foreign(self, client_id: str, member_id: str) -> Pair:
        """A pair that the OAuth server knows, but as another application's or another portal's."""
        with self._lock:
            return self._issue(1, client_id=client_id, member_id=member_id)

    def of_event(self, user: int) -> Pair:
        """The pair that events caused by this user carry; the same one for half of its life."""
        with self._lock:
            found = self._of_events.get(user)
            if found is None or found.expires - time.time() < ACCESS_SECONDS / 2 or found.access not in self._issued:
                found = self._of_events[user] = self._issue(user)
            return found

    def known(self, access: str) -> Pair:
        """The pair of an access token that works.

        Raises:
            Refusal: expired_token, invalid_token; APPLICATION_NOT_FOUND once the application was removed.
        """
        with self._lock:
            found = self._issued.get(access)
            if found is None:
                raise UNKNOWN
            if self.removed:
                raise REMOVED
            if time.time() >= found.expires or found.expires - ACCESS_SECONDS < self._ended_at:
                raise EXPIRED
            return found

    def admit_request(self, access: str) -> int:
        """The user of a request's token, counted for `expire_after`. Raises as `known`, or Refusal: a foreign token."""
        with self._lock:
            self._requests_left = self._count_down(self._requests_left)
        found = self.known(access)
        if found.client_id or found.member_id:
            raise UNKNOWN
        return found.user

    def admit_command(self, access: str) -> None:
        """The same for one command of a batch or one method alone, counted for `expire_after_commands`."""
        with self._lock:
            self._commands_left = self._count_down(self._commands_left)
        self.known(access)

    def _count_down(self, left: int | None) -> int | None:
        if left is None:
            return None
        if left == 0:
            self._ended_at = time.time()
            return None
        return left - 1

    def code_for(self, user: int) -> str:
        """An authorization code, good once and for 30 s."""
        with self._lock:
            code = secrets.token_hex(16)
            self._codes[code] = (user, time.time() + CODE_SECONDS)
            return code

    def take_code(self, code: str) -> Pair:
        """The pair for a code. Raises Refusal: invalid_grant, NOT_INSTALLED."""
        with self._lock:
            self._installed()
            user, until = self._codes.pop(code, (0, 0.0))
            if time.time() >= until:
                self.refused += 1
                raise INVALID_GRANT
            return self._issue(user)

    def renew(self, refresh: str) -> Pair:
        """The next pair; the refresh token works once. Raises Refusal: invalid_grant, NOT_INSTALLED."""
        with self._lock:
            self._installed()
            user, until = self._refreshes.pop(refresh, (0, 0.0))
            if time.time() >= until:
                self.reuses += refresh in self._spent
                self.refused += 1
                raise INVALID_GRANT
            self._spent.add(refresh)
            self.refreshes += 1
            return self._issue(user)

    def _installed(self) -> None:
        if self.removed:
            self.refused += 1
            raise NOT_INSTALLED

    def end_access(self) -> None:
        """Every access token issued so far has expired."""
        with self._lock:
            self._ended_at = time.time()

    def end_access_after(self, *, requests: int | None = None, commands: int | None = None) -> None:
        """They expire after so many more requests, or so many more commands (a lone method is one)."""
        with self._lock:
            self._requests_left = requests if requests is not None else self._requests_left
            self._commands_left = commands if commands is not None else self._commands_left

    def revoke_refresh(self) -> None:
        """No refresh token issued so far works any more."""
        with self._lock:
            self._refreshes.clear()

    def remove(self) -> None:
        """The application was taken off the portal: all of it dies."""
        with self._lock:
            self.removed = True
            self._refreshes.clear()
            self._codes.clear()

    def restore(self) -> None:
        """The application is there again; what was issued before stays dead."""
        with self._lock:
            self.removed = False
            self._of_events.clear()
            self._issued.clear()

    def counts(self) -> dict[str, Any]:
        """What an observer counts."""
        with self._lock:
            return {
                "issued": self.issued,
                "refreshes": self.refreshes,
                "refresh_reuses": self.reuses,
                "refused": self.refused,
            }
