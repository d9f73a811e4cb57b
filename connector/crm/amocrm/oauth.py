"""An account's OAuth server: codes and refresh tokens become pairs, and what the account is called now.

Sources: facts/amocrm.md 3.1, the vendor's page oauth/account-subdomain-info. An account's OAuth server is the account
itself, so the client secret goes to its own host only; a new name of it is believed from amoCRM's shared host alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from pydantic import SecretStr

from connector.crm.amocrm.hosts import beside
from connector.crm.amocrm.refusals import BANNED_SECONDS
from connector.crm.http import Reply, Session
from connector.crm.port import Tokens
from connector.errors import Ambiguous, Blocked, CrmError, Throttled, Unavailable

OAUTH_TIMEOUT: Final = 8.0
"""Seconds for an answer; a renewal asks three times at most, and its lock lasts 30 s."""
OAUTH_PAUSE: Final = 5.0
"""Seconds before it is asked again when it gave no answer."""
TOO_OFTEN_PAUSE: Final = 60.0
ACCESS_SECONDS: Final = 86400.0
"""How long an access token lives where the answer does not say."""
WRONG_CLIENT: Final = "invalid_client"
WRONG_GRANT: Final = "invalid_grant"
BANNED: Final = "HTTP_403"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Our integration, as its own settings in amoCRM tell it."""

    id: str
    secret: SecretStr
    redirect_uri: str
    """Exactly as in the integration's settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a code brought, and whose it was."""

    tokens: Tokens
    seconds: float
    """How long the access token lives by its own word."""
    account: str
    user_id: str | None
    """The CRM user in whose name we call."""


def take_grant(root: str, client: Client, code: SecretStr, *, portal: str = "", timeout: float) -> Granted:
    """Trade a code for the account's tokens, and ask the account who it is. The code is spent.

    `root` is the account's own address, from the settings. Raises CrmError: Blocked where the code is none of this
    account's and this integration's, NotSent, Throttled or Unavailable where there was no answer.
    """
    asked = {"grant_type": "authorization_code", "code": code.get_secret_value()}
    tokens = _grant(root, client, asked, portal, timeout)
    try:
        account, user = _account(root, tokens, portal, timeout)
    except CrmError as error:
        if not error.retry:
            raise
        account, user = _account(root, tokens, portal, timeout)  # the code is spent: a person would have to begin anew
    seconds = max(0.0, tokens.expires_real - time.time())
    return Granted(tokens=tokens, seconds=seconds, account=account, user_id=user)


def renew(root: str, client: Client, old: Tokens, *, portal: str, timeout: float = OAUTH_TIMEOUT) -> Tokens:
    """Trade a refresh token for the next pair; the old one is spent, whatever becomes of the answer.

    Raises CrmError: Blocked where only a person can help (with advice), NotSent, Throttled or Unavailable where there
    was no answer; then the old pair may still be good.
    """
    asked = {"grant_type": "refresh_token", "refresh_token": old.refresh.get_secret_value()}
    return _grant(root, client, asked, portal, timeout)


def present_root(root: str, tokens: Tokens, *, portal: str, timeout: float = OAUTH_TIMEOUT) -> str | None:
    """Where the account answers now, if it has another name than in `root`; None: it has not, or nobody tells.

    Asked of the host that knows accounts by any name (claim `api_domain` of the access token), only if it is amoCRM's.
    """
    shared = beside(root, str(claims(tokens.access).get("api_domain") or ""))
    if shared is None:
        return None
    session = Session(portal, None, read_timeout=timeout)
    try:
        headers = {"X-Refresh-Token": tokens.refresh.get_secret_value()}
        reply = session.call(
            "GET", f"{shared}/oauth2/account/current/subdomain", name="oauth.subdomain", headers=headers
        )
    except CrmError:
        return None
    finally:
        session.close()
    told = reply.json if reply.status == 200 and isinstance(reply.json, dict) else {}
    found = beside(root, str(told.get("domain") or ""))
    return found if found != root else None


def claims(access: SecretStr) -> Mapping[str, Any]:
    """What a token says of itself; empty where it is none. Unsigned for us: to be believed as a hint only."""
    try:
        told = jwt.decode(access.get_secret_value(), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return told if isinstance(told, dict) else {}


def _grant(root: str, client: Client, asked: dict[str, str], portal: str, timeout: float) -> Tokens:
    """The portal's limiter is not asked: renewals are one a day."""
    name = "oauth.token"
    body = {
        "client_id": client.id,
        "client_secret": client.secret.get_secret_value(),
        **asked,
        "redirect_uri": client.redirect_uri,
    }
    session = Session(portal, None, read_timeout=timeout)
    try:
        reply = session.call("POST", f"{root}/oauth2/access_token", name=name, json=body)
    except Ambiguous as error:
        raise _silent(error.text, name, portal, error.code) from None
    finally:
        session.close()
    told = reply.json if isinstance(reply.json, dict) else {}
    access, refresh = told.get("access_token"), told.get("refresh_token")
    if reply.status == 200 and isinstance(access, str) and isinstance(refresh, str) and access and refresh:
        lives = told.get("expires_in")
        seconds = float(lives) if isinstance(lives, int | str) and str(lives).isdecimal() else ACCESS_SECONDS
        return Tokens(access=SecretStr(access), refresh=SecretStr(refresh), expires_real=time.time() + seconds)
    raise _refusal(reply, told, name, portal)


def _refusal(reply: Reply, told: Mapping[str, Any], name: str, portal: str) -> CrmError:
    """A wrong grant and a wrong client have the same status; the one has a `hint`, the other another title (3.1)."""
    status = f"HTTP_{reply.status}"
    if reply.status == 429:
        return Throttled("asked too often", portal=portal, call=name, code=status, wait=TOO_OFTEN_PAUSE)
    if reply.status == 403 and not told:
        text = "the CRM's ban page"
        return Blocked(text, portal=portal, call=name, code=BANNED, wait=BANNED_SECONDS, advice="amo-banned")
    title = str(told.get("title") or "").lower()
    if reply.status in (400, 401) and not told.get("hint") and ("клиент" in title or "client" in title):
        text = "the integration is not accepted"
        return Blocked(text, portal=portal, call=name, code=WRONG_CLIENT, advice="amo-app-keys")
    if reply.status in (400, 401, 403, 404) and told:
        text = f"the authorisation is not accepted: {str(told.get('hint') or 'no reason given')[:100]}"
        return Blocked(text, portal=portal, call=name, code=WRONG_GRANT, advice="amo-connect")
    if reply.status in (301, 302, 307, 308, 401, 404):
        return Blocked("there is no such account", portal=portal, call=name, code=status, advice="amo-address")
    return _silent(f"no usable answer (HTTP {reply.status})", name, portal, status)


def _account(root: str, tokens: Tokens, portal: str, timeout: float) -> tuple[str, str | None]:
    """Whose tokens these are: the ids of the account and of its user."""
    headers = {"Authorization": f"Bearer {tokens.access.get_secret_value()}", "Accept": "application/hal+json"}
    session = Session(portal, None, read_timeout=timeout)
    try:
        reply = session.call("GET", f"{root}/api/v4/account", name="account", headers=headers)
    except Ambiguous as error:
        raise _silent(error.text, "account", portal, error.code) from None
    finally:
        session.close()
    told = reply.json if isinstance(reply.json, dict) else {}
    if reply.status in (401, 403):
        raise Blocked("the account does not know its own token", portal=portal, call="account", code="NOT_PROVEN")
    if reply.status != 200 or not isinstance(told.get("id"), int):
        raise _silent(f"no usable answer (HTTP {reply.status})", "account", portal, f"HTTP_{reply.status}")
    user = told.get("current_user_id")
    return str(told["id"]), str(user) if user else None


def _silent(text: str, name: str, portal: str, code: str) -> Unavailable:
    """No answer: whether the old pair is spent will show when it is tried again."""
    return Unavailable(text, portal=portal, call=name, code=code, wait=OAUTH_PAUSE, advice="amo-oauth-silent")
