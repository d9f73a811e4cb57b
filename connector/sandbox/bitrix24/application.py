"""The local application on a portal: what it is granted, its tokens, subscriptions and offline queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.offline import OfflineQueue
from connector.sandbox.bitrix24.scopes import APPLICATION_SCOPES, WEBHOOK_SCOPES
from connector.sandbox.bitrix24.tokens import Pair, TokenDesk
from connector.sandbox.config import PortalConfig


class Announce(Protocol):
    """Tells of an event that is no change of a record."""

    def __call__(self, code: str, fields: dict[str, Any], by: int, *, to_webhook: bool = False) -> None:
        """Event code, its `data`, the acting user (0: none); the application hears of it, and perhaps the webhook."""


Deliver = Callable[[str, str, Callable[[], str]], None]
"""Event code (to count it), address, what writes the body when it is sent."""


@dataclass(kw_only=True)
class Subscription:
    """One `event.bind`."""

    id: int
    event: str
    handler: str
    """Empty: an offline event."""
    auth_type: int
    """The user whose token the event carries; 0: the acting one."""
    connector: str
    min_timeout: float
    user: int
    """Who bound it."""

    @property
    def offline(self) -> bool:
        """Whether it fills the queue."""
        return not self.handler


@dataclass(frozen=True, kw_only=True)
class Widget:
    """One `placement.bind`."""

    placement: str
    handler: str
    title: str
    description: str
    options: dict[str, Any]
    languages: dict[str, Any]
    """LANG_ALL: titles by language."""


class _Thread(threading.local):
    connector = ""


@dataclass
class Application:
    """A portal has one; it is installed from the start, without having been told so."""

    base: Base
    config: PortalConfig
    tokens: TokenDesk = field(init=False)
    secret: str = field(init=False, repr=False)
    """`application_token` of this installation; the outgoing webhook has another one."""
    scopes: tuple[str, ...] = APPLICATION_SCOPES
    webhook_scopes: tuple[str, ...] = WEBHOOK_SCOPES
    version: int = 1
    installed: bool = True
    finished: bool = True
    """False: it has a page and `BX24.installFinish` was not called yet; no events, no widgets."""
    redirect_url: str = ""
    """Where `/oauth/authorize/` sends the person back; as written in the application's card."""
    subscriptions: list[Subscription] = field(default_factory=list)
    queue: OfflineQueue = field(default_factory=OfflineQueue)
    announce: Announce = field(init=False, repr=False)
    """Set by the sender, which runs as long as the portal listens."""
    deliver: Deliver = field(init=False, repr=False)
    """Post a body to an address; set by the sender."""
    widgets: list[Widget] = field(default_factory=list)
    robots: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Robots by code, as they were added."""
    field_types: dict[str, dict[str, str]] = field(default_factory=dict)
    """Field types by code."""
    on_removal: list[Callable[[], None]] = field(default_factory=list, repr=False)
    """Called when the application is removed or updated: widgets vanish as subscriptions do."""
    _thread: _Thread = field(default_factory=_Thread, repr=False)

    def __post_init__(self) -> None:
        known = self.config.credentials
        self.tokens = TokenDesk(known.access_token or "", known.refresh_token or "", known.rest_user or 1)
        self.secret = f"sandbox-app-token-{self.config.name}"

    @property
    def client_id(self) -> str:
        """`local.…`, with the sandbox's prefix."""
        return self.config.credentials.client_id or ""

    @property
    def listening(self) -> bool:
        """Whether events and widgets reach it."""
        return self.installed and self.finished

    @property
    def connector(self) -> str:
        """`auth_connector` of the call this thread carries out."""
        return self._thread.connector

    @contextmanager
    def calling(self, connector: str) -> Iterator[None]:
        """Changes made inside are this connector's."""
        before, self._thread.connector = self._thread.connector, connector
        try:
            yield
        finally:
            self._thread.connector = before

    def remove_traces(self) -> None:
        """Subscriptions, queue and widgets vanish."""
        self.subscriptions.clear()
        self.queue.forget()
        self.widgets.clear()
        self.robots.clear()
        self.field_types.clear()
        for act in self.on_removal:
            act()

    def auth_of(self, pair: Pair) -> dict[str, Any]:
        """A pair with its surroundings, as events and the OAuth server tell it."""
        return {
            "access_token": pair.access,
            "expires": int(pair.expires),
            "expires_in": 3600,
            "refresh_token": pair.refresh,
            "scope": ",".join(self.scopes),
            "server_endpoint": f"{self.config.oauth_root}/rest/",
            "status": "L",
            "client_endpoint": f"{self.config.address}/rest/",
            "member_id": self.config.credentials.member_id,
            "user_id": pair.user,
        }


def application_of(config: PortalConfig) -> Application:
    """The application of a Bitrix24 portal.

    Raises:
        ValueError: an amoCRM portal.
    """
    if config.application is None:
        raise ValueError(f"{config.name} is no Bitrix24 portal")
    return config.application
