"""The disposable token that the card's widget sends to its own server, and forged ones (facts/amocrm.md 1.7)."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.integration_orders import account_of
from connector.sandbox.amocrm.tokens import base64url, packed
from connector.sandbox.portal import Portal

LIFETIME = 1800
"""Seconds, as in the documents' sample."""
_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_CLAIMS = ("iss", "aud", "jti", "iat", "nbf", "exp", "account_id", "user_id", "client_uuid", "subdomain", "is_admin")


def widget_token(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`user`: the token `X-Auth-Token` of this person's widget, on real time.

    Any claim may be given another value (null: left out); `age`: seconds since it was made; `alg`: HS256, HS384, HS512,
    none; `key`: another secret.
    """
    account = account_of(portal)
    unknown = set(body) - {"user", "age", "alg", "key", *_CLAIMS}
    if unknown:
        raise ValueError(f"a widget's token has no {', '.join(sorted(unknown))}")
    user = int(body.get("user", account.admin))
    if user not in portal.base.users:
        raise ValueError(f"no user {user}")
    told = _claims(account, user, int(time.time()) - int(body.get("age", 0)))
    told |= {name: body[name] for name in _CLAIMS if name in body}
    algorithm, key = str(body.get("alg", "HS256")), body.get("key")
    secret = account.integration.secret if key is None else str(key).encode()
    said = {name: value for name, value in told.items() if value is not None}
    return {"token": _signed(said, algorithm, secret), "claims": said}


def _claims(account: Account, user: int, moment: int) -> dict[str, Any]:
    redirect = urlsplit(account.integration.redirect_url)
    return {
        "iss": account.root,
        "aud": f"{redirect.scheme}://{redirect.netloc}" if redirect.netloc else "",
        "jti": str(uuid.uuid4()),
        "iat": moment,
        "nbf": moment,
        "exp": moment + LIFETIME,
        "account_id": account.id,
        "user_id": user,
        "client_uuid": account.integration.client_id,
        "subdomain": account.subdomain,
        "is_admin": account.is_admin(user),
    }


def _signed(claims: dict[str, Any], algorithm: str, secret: bytes) -> str:
    head = packed({"typ": "JWT", "alg": algorithm})
    said = f"{head}.{packed(claims)}"
    if algorithm == "none":
        return f"{said}."
    if algorithm not in _DIGESTS:
        raise ValueError(f"alg is {', '.join(_DIGESTS)} or none")
    return f"{said}.{base64url(hmac.new(secret, said.encode(), _DIGESTS[algorithm]).digest())}"
