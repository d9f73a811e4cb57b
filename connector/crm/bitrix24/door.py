"""One POST to the portal in either way of connecting: its address, its tokens, and a portal that has moved.

Sources: facts/bitrix24.md 2.1 (address forms, renaming), 3.2 (tokens are renewed on `expired_token` only).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from pydantic import SecretStr

from connector.crm.bitrix24.oauth import renewal
from connector.crm.http import Reply, Session
from connector.crm.port import Connection, Tokens

REDIRECTS: Final = frozenset({301, 302, 307, 308})


class Door:
    """How one portal is reached. A webhook's secret is in the address, an application's token in the body."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self._session = session
        self._portal = connection.portal
        self._app = connection.app
        self._moved = connection.moved
        url = connection.url.get_secret_value().rstrip("/")
        self._root = SecretStr(f"{url}/rest/" if connection.app else f"{url}/")
        """What a method's name is appended to."""

    def tokens(self) -> Tokens | None:
        """The pair as it stands; None for a webhook. Raises Blocked where the application is not installed."""
        return self._app.keeper.current() if self._app else None

    def renew(self, stale: Tokens) -> Tokens:
        """A newer pair, asked for once over all threads and workers. Raises CrmError."""
        assert self._app is not None
        return self._app.keeper.renew(stale, renewal(self._app, self._portal))

    def post(self, method: str, asked: Mapping[str, Any], tokens: Tokens | None) -> Reply:
        """One call. Where the portal has moved it is repeated once, at the new address, which is remembered.

        A redirect elsewhere comes back as it is. Raises NotSent, Ambiguous, or what the pacer raises.
        """
        body = {**asked, "auth": tokens.access.get_secret_value()} if tokens else asked
        root = self._root.get_secret_value()
        reply = self._session.call("POST", f"{root}{method}.json", name=method, json=body)
        if reply.status not in REDIRECTS or (isinstance(reply.json, dict) and "error" in reply.json):
            return reply
        host = new_host(root, reply.headers.get("location", ""))
        if host is None:
            return reply
        root = urlunsplit(urlsplit(root)._replace(netloc=host))
        reply = self._session.call("POST", f"{root}{method}.json", name=method, json=body)
        if reply.status not in REDIRECTS and isinstance(reply.json, dict):  # a portal speaks there, and no mere page
            self._root = SecretStr(root)
            if self._moved is not None:
                self._moved(host)
        return reply


def new_host(root: str, location: str) -> str | None:
    """Where a renamed portal is now (host, and port where there is one); None: no address that may get our secrets.

    It must be reached as before (https stays https), under another name of the same parent domain
    (`sever.bitrix24.ru` -> `new.bitrix24.ru`), or, in the sandbox, on this machine like the old one.
    """
    old = urlsplit(root)
    try:
        new = urlsplit(urljoin(root, location))
        new.port  # noqa: B018  # raises ValueError for a port that is none
    except ValueError:
        return None
    if not location or new.scheme != old.scheme or new.username is not None or new.password is not None:
        return None
    if new.path.strip("/") and not new.path.startswith(old.path):  # a page for people: the portal is gone, not renamed
        return None
    before, after = (old.hostname or ""), (new.hostname or "")
    if before == after:
        return None
    if _is_loopback(before) or _is_loopback(after):
        return new.netloc if _is_loopback(before) and _is_loopback(after) else None
    parent = before.partition(".")[2]
    return new.netloc if "." in parent and after.partition(".")[2] == parent else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
