"""An application installs itself: proven by the OAuth server first, then stored, and never over another account.

Anybody can post an installation. So nothing of it is believed, no host it names is called, at most two proofs are under
way at a time, and what is not proven leaves nothing behind (reliability.md T3, T4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from connector.crm.kinds import CRMS, Proof
from connector.crm.port import Arrival
from connector.errors import Blocked, CrmError, NotGenuine
from connector.guards import in_sandbox, is_loopback, is_private
from connector.proven import PROOF_SECONDS, Busy, Turns, store_install
from connector.settings import Settings
from connector.store import NewInstall, Store
from connector.vault import Vault

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What became of a proven arrival."""

    portal: str
    host: str
    """The portal's host, proven: the only one that may frame our answer."""


class Installer:
    """Takes the arrivals of all Bitrix24 portals that are connected by an application. Safe for several threads."""

    def __init__(self, settings: Settings, store: Store, vault: Vault, turns: Turns) -> None:
        self._apps = {
            name: portal for name, portal in settings.portals.items() if portal.is_app and portal.crm == "bitrix24"
        }
        self._store = store
        self._vault = vault
        self._turns = turns

    def accept(self, arrival: Arrival, now: datetime) -> Installed:
        """Prove an arrival and store it.

        Raises:
            NotGenuine: not proven, or proven for another portal than ours; nothing was stored.
            Busy: no proof now.
            StoreDown: proven, and not stored.
        """
        if not self._apps:
            raise NotGenuine("no portal is connected by an application")
        with self._turns.turn():
            proof, name = self._prove(arrival)
        if self._is_anothers(name, proof):
            if not arrival.page:
                self._refuse(name, arrival, proof, now)
        elif arrival.update:
            self._update(name, arrival, now)
        else:
            self._install(name, arrival, proof, now)
        return Installed(portal=name, host=proof.host)

    def _prove(self, arrival: Arrival) -> tuple[Proof, str]:
        """The OAuth servers of our own settings are asked whose token it is; what the arrival names is not called."""
        silent = False
        for oauth_url in sorted({portal.oauth_url.rstrip("/") for portal in self._apps.values()}):
            try:
                proof = self._ask(oauth_url, arrival)
            except Blocked as error:
                log.info("install.not_proven", why=error.code)
                continue
            except CrmError as error:
                log.warning("install.no_proof", why=str(error))
                silent = True
                continue
            name = self._portal_of(proof, oauth_url)
            if name is None:
                raise NotGenuine("the token is another application's")
            if proof.member_id != arrival.member_id:
                raise NotGenuine("the token is another portal's")
            if not self._callable(name, proof.host):
                raise NotGenuine("the portal's host may not be called")
            return proof, name
        raise Busy("the OAuth server gave no answer") if silent else NotGenuine("the token proves nothing")

    def _ask(self, oauth_url: str, arrival: Arrival) -> Proof:
        application = CRMS["bitrix24"].application
        assert application is not None
        return application.prove(oauth_url, arrival.access, timeout=PROOF_SECONDS)

    def _portal_of(self, proof: Proof, oauth_url: str) -> str | None:
        found = [
            name
            for name, portal in self._apps.items()
            if portal.client_id == proof.client_id and portal.oauth_url.rstrip("/") == oauth_url
        ]
        return found[0] if found else None

    def _callable(self, name: str, host: str) -> bool:
        """The host will be called with tokens from now on: of the kind that the settings allow, too."""
        alone = urlsplit(f"//{host}").hostname or ""
        if in_sandbox():
            return is_loopback(alone)
        return bool(alone) and not is_loopback(alone) and (self._apps[name].allow_private_host or not is_private(alone))

    def _is_anothers(self, name: str, proof: Proof) -> bool:
        """Whether another user brings tokens to an installation that lives.

        Everybody who may open the application has tokens of his own, and with them could post an "installation":
        a living one keeps what it has. It is replaced by who made it, or once it was removed or its tokens refused.
        """
        row = self._store.installation(name)
        return row is not None and row.alive and not row.refused and row.user_id != proof.user_id

    def _refuse(self, name: str, arrival: Arrival, proof: Proof, now: datetime) -> None:
        log.error("install.other_user", portal=name, user=proof.user_id)
        self._store.note(name, "install.other_user", arrival.member_id, {"user": proof.user_id}, now)
        raise NotGenuine("another user's tokens for an installation that lives")

    def _install(self, name: str, arrival: Arrival, proof: Proof, now: datetime) -> None:
        secret = arrival.application_token
        install = NewInstall(
            member_id=proof.member_id,
            application_token=self._vault.seal(secret) if secret else "",
            access=self._vault.seal(arrival.access),
            refresh=self._vault.seal(arrival.refresh),
            seconds=arrival.seconds,
            scope=" ".join(proof.scope),
            user_id=proof.user_id,
            host=proof.host,
            host_was=urlsplit(self._apps[name].url.get_secret_value()).netloc,
        )
        store_install(self._store, name, install, now)

    def _update(self, name: str, arrival: Arrival, now: datetime) -> None:
        row = self._store.installation(name)
        if row is None or not row.alive or row.member_id != arrival.member_id:
            raise NotGenuine("an update of what is not installed")
        if arrival.application_token is not None:
            self._store.save_application_token(name, self._vault.seal(arrival.application_token))
        log.info("install.updated", portal=name)
        self._store.note(name, "install.updated", row.member_id, {}, now)
