"""One request to the account in either way of connecting: its address, its token, and an account that was renamed.

Sources: facts/amocrm.md 3.1. A 401 is told before anything is carried out, so the same request may leave again, also a
write; an access token is renewed ahead of its end as well.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

from connector.crm.amocrm import oauth
from connector.crm.http import Reply, Session
from connector.crm.port import Connection, Pacer, Tokens
from connector.errors import Blocked, CrmError

AHEAD_SECONDS: Final = 300.0
"""A token with less left is renewed before it is used."""
_GONE: Final = frozenset({301, 302, 307, 308, 401, 404})
"""What a name answers that the account no longer has."""
_NOT_FOUND: Final = 404
_NO_ACCOUNT: Final = "101"


class Door:
    """How one account is reached: by a long-lived token, or by the tokens that the keeper renews."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._portal = connection.portal
        self._token = connection.token
        self._app = connection.app
        self._moved = connection.moved
        self._root = connection.url.get_secret_value().rstrip("/")
        self._moving = threading.Lock()
        self._session = Session(
            connection.portal,
            pacer,
            read_timeout=connection.read_timeout,
            headers={"Accept": "application/hal+json"},
        )

    @property
    def host(self) -> str:
        """The account's host as it is called now."""
        return urlsplit(self._root).hostname or ""

    def call(self, verb: str, path: str, *, name: str, json: Any = None, params: Any = None) -> Reply:
        """One request below `/api/v4/`. Raises CrmError: NotSent, Ambiguous, or what a renewal raises."""
        if self._app is None:
            token = self._token.get_secret_value() if self._token else ""
            return self._send(verb, path, token, name, json, params)
        tokens = self._fresh(self._app.keeper.current())
        root = self._root
        reply = self._send(verb, path, tokens.access.get_secret_value(), name, json, params)
        if reply.status == 401:
            tokens = self._renewed(tokens)
            root = self._root
            reply = self._send(verb, path, tokens.access.get_secret_value(), name, json, params)
        if _nobody_there(reply) and self._find(root, tokens):
            reply = self._send(verb, path, tokens.access.get_secret_value(), name, json, params)
        return reply

    def tokens(self) -> Tokens | None:
        """The pair as it stands; None with a long-lived token. Raises Blocked where there is none."""
        return self._app.keeper.current() if self._app else None

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _send(self, verb: str, path: str, token: str, name: str, json: Any, params: Any) -> Reply:
        headers = {"Authorization": f"Bearer {token}"}
        return self._session.call(
            verb, f"{self._root}/api/v4/{path}", name=name, json=json, params=params, headers=headers
        )

    def _fresh(self, tokens: Tokens) -> Tokens:
        """The pair, or a newer one where it is about to end and the OAuth server answers."""
        left = tokens.expires_real - time.time()
        if left >= AHEAD_SECONDS:
            return tokens
        try:
            return self._renewed(tokens)
        except CrmError as error:
            if left <= 0 or not error.retry:
                raise
            return tokens

    def _renewed(self, stale: Tokens) -> Tokens:
        """A newer pair, asked for once over all threads and workers. Raises CrmError."""
        assert self._app is not None
        return self._app.keeper.renew(stale, self._ask)

    def _ask(self, old: Tokens) -> Tokens:
        """The one renewal; a name that the account no longer has is not the end of it."""
        root = self._root
        try:
            return oauth.renew(root, self._client(), old, portal=self._portal)
        except Blocked as error:
            if error.code == oauth.BANNED or not self._find(root, old):
                raise
        return oauth.renew(self._root, self._client(), old, portal=self._portal)

    def _client(self) -> oauth.Client:
        assert self._app is not None
        return oauth.Client(id=self._app.client_id, secret=self._app.client_secret, redirect_uri=self._app.redirect_uri)

    def _find(self, root: str, tokens: Tokens) -> bool:
        """Whether the account has another name than in `root`; it is remembered, and told to who keeps the portals."""
        with self._moving:
            if self._root != root:  # another thread has found it meanwhile
                return True
            found = oauth.present_root(root, tokens, portal=self._portal)
            if found is None:
                return False
            self._root = found
        if self._moved is not None:
            self._moved(urlsplit(found).netloc)
        return True


def _nobody_there(reply: Reply) -> bool:
    """Whether this may be how a name answers that no account has any more; a plain 404 is a missing card."""
    if reply.status == _NOT_FOUND and isinstance(reply.json, dict):
        said = f"{reply.json.get('title')} {reply.json.get('detail')}".lower()
        return "account" in said or str(reply.json.get("code")) == _NO_ACCOUNT
    return reply.status in _GONE
