"""An integration is let into an account of amoCRM: a state that only we sign, a code that only the account may trade.

Anybody can call the door. A code is sent nowhere but to the host that the portal has in the settings, what does not
prove that very account leaves nothing behind, and a link works until the portal is connected (reliability.md T11, F17).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import structlog
from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import SecretStr

from connector.crm.kinds import Client, Integration
from connector.errors import Blocked, CrmError, NotGenuine, SettingsError
from connector.portals import Portals
from connector.proven import PROOF_SECONDS, Busy, Turns, store_install
from connector.store import NewInstall, Store
from connector.texts import say
from connector.vault import Vault

STATE_SECONDS: Final = 1800
"""How long the link of `connect` is good."""
_PURPOSE: Final = "kasanie: let the integration into an account"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What amoCRM's redirect brought. Nothing of it is believed."""

    code: SecretStr
    referer: str
    """The account's host, as the redirect has it."""
    state: str | None
    client_id: str | None
    from_widget: bool
    """A call of amoCRM's own server when a widget was installed: it has no state."""


class Connecting:
    """Lets integrations in and out, for all accounts that have one. Safe to use from several threads."""

    def __init__(self, portals: Portals, store: Store, vault: Vault, turns: Turns) -> None:
        self._portals = portals
        self._store = store
        self._vault = vault
        self._turns = turns
        self._with_keys = {
            name: portal
            for name, portal in portals.settings.portals.items()
            if portal.client_id and portal.client_secret and portals.kind(name).integration
        }

    def link(self, name: str) -> str:
        """The address that an administrator of the account opens. Good for half an hour and one connection.

        Raises:
            SettingsError: this portal is connected in another way.
        """
        if name not in self._portals.settings.portals:
            known = ", ".join(self._portals.settings.portals)
            raise SettingsError([say("unknown-portal", portal=name, known=known)])
        if name not in self._with_keys or not self._with_keys[name].is_app:
            raise SettingsError([say("connect-otherwise", portal=name)])
        state = self._signer().dumps([name, self._generation(name)])
        text = state if isinstance(state, str) else state.decode()
        return self._integration(name).consent_url(self._root(name), self._client(name).id, text)

    def accept(self, callback: Callback, now: datetime) -> str:
        """Trade the code, see whose it is and store the tokens; the portal's name.

        Raises:
            NotGenuine: not proven; nothing was stored.
            Busy: no proof now.
            StoreDown, WrongKey: proven, and not stored.
        """
        name = self._portal_of(callback)
        with self._turns.turn():
            root = self._root(name)
            try:
                granted = self._integration(name).take_grant(
                    root, self._client(name), callback.code, portal=name, timeout=PROOF_SECONDS
                )
            except Blocked as error:
                raise NotGenuine(f"the code brings nothing: {error.code}") from None
            except CrmError as error:
                raise Busy(f"the account gave no answer: {error.code}") from None
        install = NewInstall(
            member_id=granted.account,
            application_token="",
            access=self._vault.seal(granted.tokens.access),
            refresh=self._vault.seal(granted.tokens.refresh),
            seconds=granted.seconds,
            scope="",
            user_id=granted.user_id,
            host=urlsplit(root).netloc,
            host_was=urlsplit(self._with_keys[name].url.get_secret_value()).netloc,
        )
        store_install(self._store, name, install, now)
        return name

    def switched_off(self, client_id: str, account: str, signature: str, now: datetime) -> str:
        """The account's administrator has switched the integration off: its tokens go, the portal stops; its name.

        A portal with a long-lived token keeps it in the settings and is left alone until somebody acts. Raises
        NotGenuine, StoreDown.
        """
        for name in self._named(client_id):
            known = self._portals.account(name)
            genuine = hmac.compare_digest(self._signature(name, account), signature.encode("utf-8", "replace"))
            if not genuine or known is None or known != account:
                continue
            if self._with_keys[name].is_app:
                self._store.remove_install(name, now, clean=False)
            else:
                self._store.park(name, say("amo-switched-off", portal=name))
            self._store.note(name, "install.removed", account, {}, now)
            log.warning("integration.switched_off", portal=name)
            return name
        raise NotGenuine("the signature is none of ours")

    def _signature(self, name: str, account: str) -> bytes:
        """HMAC-SHA256 over `client_id|account_id` (facts/amocrm.md 1.7), as hexadecimal digits."""
        client = self._client(name)
        signed = f"{client.id}|{account}".encode("utf-8", "replace")
        return hmac.new(client.secret.get_secret_value().encode(), signed, "sha256").hexdigest().encode()

    def _portal_of(self, callback: Callback) -> str:
        """Which portal this can only be about. Raises NotGenuine."""
        if callback.state is not None:
            found = [self._stated(callback.state)]
        elif callback.from_widget and callback.client_id:
            found = [name for name in self._named(callback.client_id) if self._with_keys[name].is_app]
        else:
            raise NotGenuine("no state")
        for name in found:
            own = callback.client_id in (None, self._client(name).id)
            if own and callback.referer.lower() == urlsplit(self._root(name)).netloc.lower():
                return name
        raise NotGenuine("another integration's or another account's")

    def _stated(self, state: str) -> str:
        try:
            told = self._signer().loads(state, max_age=STATE_SECONDS)
        except BadData:
            raise NotGenuine("the state is not ours, or too old") from None
        match told:
            case [str(name), int(generation)] if name in self._with_keys and self._with_keys[name].is_app:
                if generation == self._generation(name):
                    return name
        raise NotGenuine("the state is used up, or of a portal that is connected otherwise")

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._vault.signing_keys(_PURPOSE), salt=_PURPOSE)

    def _generation(self, name: str) -> int:
        """Grows with every pair of tokens, so a link ends with the connection it was made for."""
        row = self._store.installation(name)
        return row.generation if row else 0

    def _named(self, client_id: str) -> Iterator[str]:
        return (name for name, portal in self._with_keys.items() if portal.client_id == client_id)

    def _root(self, name: str) -> str:
        return self._portals.url(name).get_secret_value().rstrip("/")

    def _integration(self, name: str) -> Integration:
        integration = self._portals.kind(name).integration
        assert integration is not None
        return integration

    def _client(self, name: str) -> Client:
        portal = self._with_keys[name]
        assert portal.client_id is not None
        assert portal.client_secret is not None
        return Client(
            id=portal.client_id, secret=portal.client_secret, redirect_uri=self._portals.settings.redirect_uri()
        )
