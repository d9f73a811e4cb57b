"""Bitrix24's OAuth server: who an installation belongs to, and a new pair of tokens for an old one.

Sources: facts/bitrix24.md 3.2, 3.3. Its root comes from the settings and never from a payload: it is sent the client
secret. The secret and the tokens travel in the query, as the documentation has it, so no address ever leaves here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.crm.bitrix24.refusals import OAUTH_MEANINGS, UNKNOWN, code_and_text, meaning
from connector.crm.http import Session
from connector.crm.port import App, Tokens
from connector.errors import Ambiguous, Blocked, CrmError, Throttled, Unavailable

OAUTH_TIMEOUT: Final = 15.0
"""Seconds for an answer of the OAuth server."""
OAUTH_PAUSE: Final = 5.0
"""Seconds before the OAuth server is asked again when it gave no answer."""
TOKEN_SECONDS: Final = 3600.0
"""How long an access token lives where the answer does not say."""
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the OAuth server says about an access token: whose application, on whose portal."""

    client_id: str
    member_id: str
    domain: str
    """The portal's host by `install.domain`."""
    host: str
    """The portal's host (and port, where it has one) by `install.client_endpoint`; the one to call."""
    scope: tuple[str, ...]
    user_id: str | None
    """The CRM user whose token this is."""


def prove_installation(
    oauth_url: str, access_token: SecretStr, *, portal: str = "", timeout: float = OAUTH_TIMEOUT
) -> Proof:
    """Ask the OAuth server whose token this is (its own `app.info`, not the portal's).

    Raises CrmError: Blocked where the token proves nothing (unknown, outdated, of no installation), NotSent, Throttled
    or Unavailable where the server gave no answer (try again later).
    """
    told = _ask(oauth_url, "rest/app.info/", {"auth": access_token.get_secret_value()}, "app.info", portal, timeout)
    told = told["result"] if isinstance(told.get("result"), dict) else told
    install = told.get("install")
    if not isinstance(install, dict):
        raise _unproven("the answer names no installation", portal)
    host = urlsplit(str(install.get("client_endpoint") or "")).netloc.lower()
    domain = str(install.get("domain") or "").lower()
    client_id, member_id = (_text(value) for value in (told.get("client_id"), install.get("member_id")))
    if not client_id or not member_id or not (host or domain):
        raise _unproven("the answer names no application, portal or address", portal)
    return Proof(
        client_id=client_id,
        member_id=member_id,
        domain=domain or host,
        host=host or domain,
        scope=tuple(filter(None, re.split(r"[ ,]+", str(told.get("scope") or "")))),
        user_id=_text(told.get("user_id")) or None,
    )


def renewal(app: App, portal: str, *, timeout: float = OAUTH_TIMEOUT) -> Callable[[Tokens], Tokens]:
    """What `TokenKeeper.renew` calls: one request that trades a pair of tokens for the next.

    Its result raises Blocked where only a person can help (with advice), NotSent, Throttled or Unavailable where the
    server gave no answer; then the old pair may still be good.
    """

    def ask(old: Tokens) -> Tokens:
        asked = {
            "grant_type": "refresh_token",
            "client_id": app.client_id,
            "client_secret": app.client_secret.get_secret_value(),
            "refresh_token": old.refresh.get_secret_value(),
        }
        told = _ask(app.oauth_url, "oauth/token/", asked, "oauth.token", portal, timeout)
        access, refresh = (_text(told.get(name)) for name in ("access_token", "refresh_token"))
        if not access or not refresh:
            raise _silent("the answer holds no tokens", "oauth.token", portal, "")
        lives = told.get("expires_in")
        seconds = float(lives) if isinstance(lives, int | str) and str(lives).isdecimal() else TOKEN_SECONDS
        return Tokens(access=SecretStr(access), refresh=SecretStr(refresh), expires_real=time.time() + seconds)

    return ask


def _ask(oauth_url: str, path: str, asked: dict[str, str], name: str, portal: str, timeout: float) -> dict[str, Any]:
    """The answer, which is a map. The portal's limiter is not asked: this is another server."""
    session = Session(portal, None, read_timeout=timeout)
    try:
        reply = session.call("GET", f"{oauth_url.rstrip('/')}/{path}", name=name, params=asked)
    except Ambiguous as error:
        raise _silent(error.text, name, portal, error.code) from None
    finally:
        session.close()
    told = reply.json if isinstance(reply.json, dict) else {}
    if "error" in told:
        raise _judged(told, reply.status, name, portal)
    if reply.status == _TOO_MANY:
        raise Throttled("the OAuth server is asked too often", portal=portal, call=name, code="HTTP_429", wait=60.0)
    if reply.status != 200 or not told:
        raise _silent(f"no usable answer (HTTP {reply.status})", name, portal, f"HTTP_{reply.status}")
    return told


def _judged(told: dict[str, Any], status: int, name: str, portal: str) -> CrmError:
    code, text = code_and_text(told)
    means = meaning(code, text, OAUTH_MEANINGS)
    if means.whole is Ambiguous or (means is UNKNOWN and status >= 500):
        return _silent(text, name, portal, code)
    if means.whole is Throttled:
        return Throttled(text, portal=portal, call=name, code=code, wait=OAUTH_PAUSE, advice=means.advice_app)
    advice = "crm-install" if means is UNKNOWN else means.advice_app
    return Blocked(text, portal=portal, call=name, code=code, advice=advice)


def _silent(text: str, name: str, portal: str, code: str) -> Unavailable:
    """No answer: whether the old pair is spent will show when it is tried again."""
    return Unavailable(text, portal=portal, call=name, code=code, wait=OAUTH_PAUSE, advice="crm-oauth-silent")


def _unproven(text: str, portal: str) -> Blocked:
    return Blocked(text, portal=portal, call="app.info", code="NOT_PROVEN", advice="crm-install")


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
