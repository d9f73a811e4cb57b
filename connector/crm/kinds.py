"""The CRMs there are: a third one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connector.crm.amocrm import webhook as amocrm_webhook
from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.bitrix24 import webhook as bitrix24_webhook
from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.port import Connection, Crm, Ear, Pacer


@dataclass(frozen=True, slots=True)
class Kind:
    """What the connector needs to know of a CRM to open a portal of it."""

    open: Callable[[Connection, Pacer], Crm]
    ear: Ear
    rate: float
    """Requests a second that the CRM allows on end."""
    burst: int
    """Requests that may leave at once."""


CRMS: Final[Mapping[str, Kind]] = {
    "bitrix24": Kind(open=Bitrix24, ear=bitrix24_webhook.hear, rate=2, burst=50),
    "amocrm": Kind(open=AmoCrm, ear=amocrm_webhook.hear, rate=7, burst=2),
}
