"""The CRMs there are: a third one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import SecretStr

from connector.crm.amocrm import webhook as amocrm_webhook
from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.amocrm.hosts import consent_url
from connector.crm.amocrm.oauth import Client, Granted, take_grant
from connector.crm.bitrix24 import webhook as bitrix24_webhook
from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.arrival import read_arrival
from connector.crm.bitrix24.oauth import Proof, prove_installation
from connector.crm.port import Arrival, Connection, Crm, Ear, Pacer

__all__ = ["CRMS", "Application", "Arrival", "Client", "Granted", "Integration", "Kind", "Proof", "Prove", "TakeGrant"]


class Prove(Protocol):
    """Asks the CRM's OAuth server whose token this is: `connector.crm.bitrix24.oauth.prove_installation`."""

    def __call__(self, oauth_url: str, access_token: SecretStr, *, timeout: float) -> Proof:
        """Raises CrmError: Blocked where the token proves nothing, others where there was no answer."""


@dataclass(frozen=True, slots=True)
class Application:
    """How an application that is installed in the CRM announces and proves itself."""

    read: Callable[[bytes], Arrival]
    prove: Prove


class TakeGrant(Protocol):
    """Trades a code for an account's tokens: `connector.crm.amocrm.oauth.take_grant`."""

    def __call__(self, root: str, client: Client, code: SecretStr, *, portal: str, timeout: float) -> Granted:
        """Raises CrmError: Blocked where the code brings nothing, others where there was no answer."""


@dataclass(frozen=True, slots=True)
class Integration:
    """How an integration is let into an account: a person's consent, then a code."""

    consent_url: Callable[[str, str, str], str]
    """The page where a person consents, by the account's root, the integration's id and a state."""
    take_grant: TakeGrant


@dataclass(frozen=True, slots=True)
class Kind:
    """What the connector needs to know of a CRM to open a portal of it."""

    open: Callable[[Connection, Pacer], Crm]
    ear: Ear
    rate: float
    """Requests a second that the CRM allows on end."""
    burst: int
    """Requests that may leave at once."""
    application: Application | None = None
    """Where the CRM has applications that install themselves."""
    integration: Integration | None = None
    """Where it has integrations that a person lets in."""
    not_installed: str = "not-installed"
    """The sentence about a portal that has not let us in (any more)."""
    advice: str = "crm-install"
    """The sentence on how it lets us in again."""


CRMS: Final[Mapping[str, Kind]] = {
    "bitrix24": Kind(
        open=Bitrix24,
        ear=bitrix24_webhook.hear,
        rate=2,
        burst=50,
        application=Application(read_arrival, prove_installation),
    ),
    "amocrm": Kind(
        open=AmoCrm,
        ear=amocrm_webhook.hear,
        rate=7,
        burst=2,
        integration=Integration(consent_url, take_grant),
        not_installed="not-connected",
        advice="amo-connect",
    ),
}
