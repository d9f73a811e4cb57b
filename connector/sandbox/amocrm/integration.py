"""The integration on an account: its addresses, whether it is on, and its tokens (facts/amocrm.md 1.7, 3.1)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from connector.sandbox.amocrm.tokens import TokenDesk
from connector.sandbox.config import PortalConfig

SCOPES = ("push_notifications", "files", "crm", "files_delete", "notifications")


@dataclass
class Integration:
    """A portal has one; it is switched on from the start, with a long-lived token and a refresh token given out."""

    config: PortalConfig
    admin: int
    tokens: TokenDesk = field(init=False)
    installed: bool = True
    redirect_url: str = ""
    """Where codes are sent; as written in the integration's settings. Empty: a grant may name any."""
    disable_url: str = ""
    """What is told when the integration is switched off."""

    def __post_init__(self) -> None:
        known = self.config.credentials
        self.tokens = TokenDesk(known.access_token or "", known.refresh_token or "", self.admin)

    @property
    def client_id(self) -> str:
        """The integration's id."""
        return self.config.credentials.client_id or ""

    @property
    def secret(self) -> bytes:
        """The integration's secret key."""
        return (self.config.credentials.client_secret or "").encode()

    def claims(self, api_host: str) -> dict[str, Any]:
        """What an access token says beside its times and its user; `api_host` knows every account by any name."""
        return {
            "aud": self.client_id,
            "account_id": self.config.credentials.account_id,
            "base_domain": "amocrm.ru",
            "version": 2,
            "scopes": list(SCOPES),
            "user_flags": 0,
            "api_domain": api_host,
        }

    def grant(self, referer: str, *, user: int, state: str | None) -> dict[str, Any]:
        """What the redirect after a yes tells; it switches the integration on. `referer`: the account's host."""
        self.installed = True
        told: dict[str, Any] = {"code": self.tokens.code_for(user), "referer": referer}
        if state is not None:
            told["state"] = state
        return {**told, "platform": 1, "client_id": self.client_id}

    def refusal(self, state: str | None) -> str:
        """The address after the person said no."""
        return self.address_with({"error": "access_denied", **({"state": state} if state is not None else {})})

    def address_with(self, told: dict[str, Any]) -> str:
        """The redirect URI with these parameters."""
        return with_query(self.redirect_url, told)

    def signature(self, account: int) -> str:
        """What proves that the word of the switching off is amoCRM's."""
        return hmac.new(self.secret, f"{self.client_id}|{account}".encode(), hashlib.sha256).hexdigest()


def with_query(url: str, told: dict[str, Any]) -> str:
    """An address with more parameters."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(told)}"
