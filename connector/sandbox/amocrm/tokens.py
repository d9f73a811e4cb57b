"""The tokens of an integration: codes, access, refresh, and the long-lived one; all on real time (amocrm.md 3.1)."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ACCESS_SECONDS = 86_400
REFRESH_SECONDS = 90 * 86_400
CODE_SECONDS = 1200
KEPT = 20_000
"""Access tokens remembered at most; older ones are unknown."""
_SIGNATURE_BYTES = 256
"""As long as RS256 makes it; nobody but amoCRM itself verifies it."""


class Refused(Exception):  # noqa: N818 - a refusal is an ordinary answer here
    """A grant that does not work; `hint` in the words of amoCRM's OAuth server."""

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


@dataclass(frozen=True)
class Pair:
    """What a grant brought."""

    access: str
    refresh: str


@dataclass(frozen=True)
class _Issued:
    user: int
    until: float
    number: int = 0
    """Which grant it came from: a refresh ends the access token of the pair it renews."""


class TokenDesk:
    """Issues, ends and counts tokens. Thread-safe."""

    def __init__(self, long_lived: str, refresh: str, user: int) -> None:
        self._lock = threading.Lock()
        self._long_lived = {long_lived: user}
        self.long_lived_works = True
        self._access: dict[str, _Issued] = {}
        self._refresh = {refresh: _Issued(user, time.time() + REFRESH_SECONDS)}
        self._codes: dict[str, _Issued] = {}
        self._spent: set[str] = set()
        self._requests_left: int | None = None
        self._numbers = 0
        self._answers_to_lose = 0
        self.issued = 0
        self.refreshes = 0
        self.reuses = 0
        self.refused = 0

    def user_of(self, access: str) -> int | None:
        """The user of a request's token, counted for `expire_after`; None: it does not work."""
        with self._lock:
            if self._requests_left is not None:
                self._requests_left -= 1
                if self._requests_left < 0:
                    self._requests_left = None
                    self._access.clear()
            if self.long_lived_works and access in self._long_lived:
                return self._long_lived[access]
            found = self._access.get(access)
            return found.user if found and time.time() < found.until else None

    def code_for(self, user: int) -> str:
        """An authorization code, good once and for 20 minutes; as long as amoCRM's."""
        with self._lock:
            code = f"sandbox-code-{secrets.token_hex(300)}"
            self._codes[code] = _Issued(user, time.time() + CODE_SECONDS)
            return code

    def take_code(self, code: str, claims: Mapping[str, Any]) -> Pair:
        """The pair for a code. Raises Refused."""
        with self._lock:
            if code in self._spent:
                raise self._refusal("Authorization code has been revoked")
            found = self._codes.pop(code, None)
            if found is None:
                raise self._refusal("Cannot decrypt the authorization code")
            self._spent.add(code)
            if time.time() >= found.until:
                raise self._refusal("Authorization code has expired")
            return self._issue(found.user, claims)

    def renew(self, refresh: str, claims: Mapping[str, Any], *, ends_access: bool) -> Pair:
        """The next pair; the refresh token works once. Raises Refused."""
        with self._lock:
            if refresh in self._spent:
                self.reuses += 1
                raise self._refusal("Token has been revoked")
            found = self._refresh.pop(refresh, None)
            if found is None:
                raise self._refusal("Cannot decrypt the refresh token")
            self._spent.add(refresh)
            if time.time() >= found.until:
                raise self._refusal("Token has expired")
            if ends_access:
                for token in [key for key, one in self._access.items() if one.number == found.number]:
                    del self._access[token]
            self.refreshes += 1
            return self._issue(found.user, claims)

    def issue(self, user: int, claims: Mapping[str, Any], *, lifetime: int | None = None) -> Pair:
        """A fresh pair for a user, without a code; `lifetime`: seconds of the access token, may be past."""
        with self._lock:
            return self._issue(user, claims, ACCESS_SECONDS if lifetime is None else lifetime)

    def knows_refresh(self, refresh: str) -> bool:
        """Whether this refresh token still works; it is not spent by the question."""
        with self._lock:
            found = self._refresh.get(refresh)
            return found is not None and time.time() < found.until

    def _issue(self, user: int, claims: Mapping[str, Any], lifetime: int = ACCESS_SECONDS) -> Pair:
        moment = time.time()
        self._numbers += 1
        self.issued += 1
        access = _jwt({**claims, "sub": str(user), **_times(moment, lifetime)})
        refresh = f"sandbox-refresh-{secrets.token_hex(400)}"
        self._access[access] = _Issued(user, moment + lifetime, self._numbers)
        if len(self._access) > KEPT:
            del self._access[next(iter(self._access))]
        self._refresh[refresh] = _Issued(user, moment + REFRESH_SECONDS, self._numbers)
        return Pair(access, refresh)

    def _refusal(self, hint: str) -> Refused:
        self.refused += 1
        return Refused(hint)

    # what the control API does

    def expire(self, *, after: int | None = None) -> None:
        """Every access token issued so far has expired, at once or after so many more requests; not the long-lived."""
        with self._lock:
            if after is None:
                self._access.clear()
            else:
                self._requests_left = after

    def revoke_refresh(self) -> None:
        """No refresh token issued so far works any more."""
        with self._lock:
            self._spent |= set(self._refresh)
            self._refresh.clear()

    def expire_refresh(self) -> None:
        """Every refresh token issued so far lay unused for too long."""
        with self._lock:
            self._refresh = {token: replace(one, until=0.0) for token, one in self._refresh.items()}

    def revoke_all(self) -> None:
        """The integration was switched off: everything it was given dies."""
        self.revoke_refresh()
        self.expire()
        with self._lock:
            self._spent |= set(self._codes)
            self._codes.clear()
            self.long_lived_works = False

    def lose_answers(self, count: int) -> None:
        """So many next grants are made and then not answered."""
        with self._lock:
            self._answers_to_lose = count

    def take_lost_answer(self) -> bool:
        """Whether this grant's answer gets lost; counted down."""
        with self._lock:
            lost = self._answers_to_lose > 0
            self._answers_to_lose -= lost
            return lost

    def counts(self) -> dict[str, Any]:
        """What an observer counts."""
        with self._lock:
            return {
                "issued": self.issued,
                "refreshes": self.refreshes,
                "refresh_reuses": self.reuses,
                "refused": self.refused,
                "long_lived": self.long_lived_works,
            }


def _times(moment: float, lifetime: int) -> dict[str, int]:
    return {"iat": int(moment), "nbf": int(moment), "exp": int(moment) + lifetime}


def _jwt(claims: Mapping[str, Any]) -> str:
    """A token as amoCRM's look: RS256 by its header, some 1 kB long; its signature is noise."""
    jti = secrets.token_hex(40)
    head = {"typ": "JWT", "alg": "RS256", "jti": jti}
    body = {"jti": jti, "grant_type": "", **claims, "hash_uuid": str(uuid.uuid4())}
    return ".".join([packed(head), packed(body), base64url(secrets.token_bytes(_SIGNATURE_BYTES))])


def packed(part: Mapping[str, Any]) -> str:
    """One of a JWT's first two parts."""
    return base64url(json.dumps(part, separators=(",", ":")).encode())


def base64url(raw: bytes) -> str:
    """Bytes as a JWT writes them."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
