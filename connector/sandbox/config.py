"""What one portal of the sandbox is started with: names, secrets, limits, faults, readings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from connector.sandbox.faults import Faults

if TYPE_CHECKING:
    from connector.sandbox.bitrix24.application import Application
    from connector.sandbox.bitrix24.limits import Bucket, Operating

Crm = Literal["bitrix24", "amocrm"]


@dataclass(kw_only=True)
class Limits:
    """Limits of the CRM's API. Zero in `rate` or `operating_seconds` switches that limit off."""

    rate: float
    """Requests per second of real time."""
    burst: int
    """Bitrix24: the size of the leaky bucket; amoCRM: requests allowed in one instant."""
    batch: int
    """Bitrix24: commands per batch; amoCRM: items per array."""
    page: int
    """Rows per page at most."""
    operating_seconds: float = 0.0
    """Bitrix24: execution time allowed per method in ten minutes of real time."""


def usual_limits(crm: Crm) -> Limits:
    """The documented limits (facts: 2 requests a second with a bucket of 50; 7 requests a second)."""
    if crm == "bitrix24":
        return Limits(rate=2.0, burst=50, batch=50, page=50, operating_seconds=480.0)
    return Limits(rate=7.0, burst=7, batch=250, page=250)


@dataclass(kw_only=True)
class Credentials:
    """Every secret starts with `sandbox-`, so production refuses it. What a CRM does not have is None."""

    rest_user: int | None = None
    rest_code: str | None = None
    """The code of Bitrix24's incoming webhook."""
    client_id: str | None = None
    client_secret: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    member_id: str | None = None
    application_token: str | None = None
    account_id: int | None = None
    subdomain: str | None = None


def invent_credentials(crm: Crm, name: str, number: int) -> Credentials:
    """Fixed by the portal's name and number (1, 2, …), so a fresh sandbox has the secrets of the last one."""
    if crm == "bitrix24":
        return Credentials(
            rest_user=1,
            rest_code=f"sandbox-code-{name}",
            client_id=f"sandbox-local.{number:014x}.{number:08d}",
            client_secret=f"sandbox-client-secret-{name}",
            access_token=f"sandbox-access-{name}",
            refresh_token=f"sandbox-refresh-{name}",
            member_id=f"sandbox-member-{name}",
            application_token=f"sandbox-application-token-{name}",
        )
    return Credentials(
        client_id=f"sandbox-client-{name}",
        client_secret=f"sandbox-client-secret-{name}-".ljust(64, "0"),  # as long as amoCRM's
        access_token=f"sandbox-access-{name}",
        refresh_token=f"sandbox-refresh-{name}",
        account_id=31_000_000 + number,
        subdomain=name,
    )


@dataclass(kw_only=True)
class PortalConfig:
    """One portal: what `--describe` tells, and the switches of the control API."""

    name: str
    crm: Crm
    host: str
    """The portal's own host name (`….localhost`), beside 127.0.0.1."""
    credentials: Credentials
    limits: Limits
    base_url: str = ""
    """`http://127.0.0.1:port`, known once the server listens."""
    hook_target: str | None = None
    """Where webhooks are posted; loopback only."""
    zone: str = "Europe/Moscow"
    """The portal's zone: offsets of the moments it tells."""
    faults: Faults = field(default_factory=Faults)
    readings: dict[str, bool | str] = field(default_factory=dict)
    """Points the CRM's documents leave open, by name; the faces fill in their defaults."""
    renamed: str | None = None
    """The portal's new host after a rename; the old ones answer 302."""
    application: Application | None = field(default=None, repr=False, compare=False)
    """Bitrix24: set by the face."""
    bucket: Bucket | None = field(default=None, repr=False, compare=False)
    """Bitrix24: set by the face."""
    operating: Operating | None = field(default=None, repr=False, compare=False)
    """Bitrix24: set by the face."""

    @property
    def address(self) -> str:
        """Where the portal's REST answers, told to applications: `http://127.0.0.1:port`, the new host once renamed."""
        return f"http://{self.renamed}:{self.base_url.rpartition(':')[2]}" if self.renamed else self.base_url

    @property
    def oauth_root(self) -> str:
        """The OAuth server; it is never renamed.

        Bitrix24: `{root}/oauth/token/` and `{root}/rest/app.info/`; amoCRM: `{root}/oauth` asks a person for consent.
        """
        return f"{self.base_url}/oauth-server" if self.crm == "bitrix24" else self.base_url

    def describe(self) -> dict[str, Any]:
        """Where and how to reach the portal; of secrets only invented ones."""
        known = asdict(self.credentials)
        user, code = known.pop("rest_user"), known.pop("rest_code")
        return {
            "name": self.name,
            "crm": self.crm,
            "base_url": self.base_url,
            "host": self.host,
            "rest_url": f"{self.base_url}/rest/{user}/{code}/" if self.crm == "bitrix24" else None,
            "oauth_url": f"{self.base_url}/oauth/token/" if self.crm == "bitrix24" else f"{self.base_url}/oauth2/",
            "oauth_root": self.oauth_root,
            **known,
            "hook_target": self.hook_target,
        }
