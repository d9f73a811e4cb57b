"""Who calls from the card of an amoCRM account: the widget's disposable token, proven and used once.

Source: facts/amocrm.md 1.7. Nothing of the token is believed before its signature holds: what it says of itself only
chooses the integration of our own settings by whose key it must be signed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from connector.errors import NotGenuine
from connector.portals import Portals
from connector.store import Store

LEEWAY: Final = 30
"""Seconds by which amoCRM's clock and ours may differ."""
LONGEST_TOKEN: Final = 4096
"""Characters; amoCRM's have about 700."""
LONGEST_NAME: Final = 200
LONGEST_LIFE: Final = 24 * 3600
"""Seconds; amoCRM gives half an hour. So long a used one is remembered at most."""
ORIGINS_KEPT: Final = 60.0
"""Seconds for which the accounts' addresses are remembered."""
_NEEDED: Final = ("iss", "aud", "jti", "nbf", "exp", "account_id", "user_id", "client_uuid")


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven person on a proven account."""

    portal: str
    user: str


class WidgetProof:
    """Proves calls from all accounts whose integration's keys are in the settings. Safe to use from several threads."""

    def __init__(self, portals: Portals, store: Store) -> None:
        self._portals = portals
        self._store = store
        settings = portals.settings
        self._audience = origin_of(settings.public_url or "")
        self._keys = {
            name: portal.client_secret.get_secret_value()
            for name, portal in settings.portals.items()
            if portal.crm == "amocrm" and portal.client_id and portal.client_secret
        }
        self._origins: tuple[float, frozenset[str]] = (0.0, frozenset())

    def knows(self, origin: str) -> bool:
        """Whether pages of this origin are pages of one of our accounts. Raises StoreDown."""
        until, known = self._origins
        if time.monotonic() >= until:
            known = frozenset(self._origin(name) for name in self._keys)
            self._origins = (time.monotonic() + ORIGINS_KEPT, known)
        return origin in known

    def prove(self, token: str, origin: str) -> Caller:
        """Whose token this is; it is used up by this.

        Raises:
            NotGenuine: not ours, not now, not of this account's pages, or used before.
            StoreDown: it cannot be told whether it was used.
        """
        if not self._audience or len(token) > LONGEST_TOKEN:
            raise NotGenuine("no token can be proven" if not self._audience else "the token is too long")
        name = self._portal_of(token)
        told = self._read(name, token, origin)
        expires = told["exp"]
        if type(expires) is not int or expires > time.time() + LONGEST_LIFE or len(told["jti"]) > LONGEST_NAME:
            raise NotGenuine("the token lives too long")
        if not self._store.use_once(name, told["jti"], float(expires + LEEWAY)):
            raise NotGenuine("the token was used before")
        return Caller(portal=name, user=str(told["user_id"]))

    def _portal_of(self, token: str) -> str:
        """By whose key it must be signed, as it says itself."""
        try:
            told = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise NotGenuine("the token cannot be read") from None
        client, account = told.get("client_uuid"), str(told.get("account_id"))
        for name in self._keys:
            if self._portals.settings.portals[name].client_id == client and self._portals.account(name) == account:
                return name
        raise NotGenuine("the token is another integration's or account's")

    def _read(self, name: str, token: str, origin: str) -> dict[str, Any]:
        expected = self._origin(name)
        if origin != expected:
            raise NotGenuine("the page is not the account's")
        try:
            told: dict[str, Any] = jwt.decode(
                token,
                self._keys[name],
                algorithms=["HS256"],
                audience=self._audience,
                issuer=expected,
                leeway=LEEWAY,
                options={"require": list(_NEEDED), "strict_aud": True},
            )
        except jwt.InvalidTokenError as error:
            raise NotGenuine(f"the token is not valid: {type(error).__name__}") from None
        if type(told["user_id"]) is not int or told["user_id"] <= 0:
            raise NotGenuine("the token names no person")
        return told

    def _origin(self, name: str) -> str:
        return origin_of(self._portals.url(name).get_secret_value())


def origin_of(url: str) -> str:
    """Scheme, host and port, as a browser names the origin of a page; empty where there is none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else ""
