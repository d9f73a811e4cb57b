"""Where accounts live: the only hosts that are ever sent a secret or a token, and where a person grants access. Pure.

Sources: facts/amocrm.md 2, 3.1. amoCRM (`*.amocrm.ru`) and Kommo (`*.kommo.com`, older `*.amocrm.com`) are one product.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

DOMAINS: Final = (".amocrm.ru", ".amocrm.com", ".kommo.com")
_RUSSIAN: Final = "https://www.amocrm.ru"
_INTERNATIONAL: Final = "https://www.kommo.com"
_SAME_WINDOW: Final = "post_message"
"""The redirect comes in the window that was opened, which needs no other one behind it."""


def is_account_host(host: str) -> bool:
    """Whether this is a name below one of amoCRM's domains, without a port."""
    name = host.lower()
    return (
        name.endswith(DOMAINS) and name.isascii() and all(part.replace("-", "").isalnum() for part in name.split("."))
    )


def beside(root: str, host: str) -> str | None:
    """The root at another host of amoCRM's, reached as `root` is; None: it is none of them.

    In the sandbox everything is on this machine; there one such host may name another, and nothing else.
    """
    old, name = urlsplit(root), host.lower()
    alone, colon, port = name.partition(":")
    if _is_loopback(old.hostname or ""):
        trusted = _is_loopback(alone) and (not colon or (port.isascii() and port.isdecimal()))
    else:
        trusted = is_account_host(name)
    return urlunsplit((old.scheme, name, "", "", "")) if trusted else None


def consent_url(root: str, client_id: str, state: str) -> str:
    """What an administrator of the account opens to let the integration in."""
    host = urlsplit(root).hostname or ""
    vendor = _RUSSIAN if host.endswith(".amocrm.ru") else _INTERNATIONAL
    asked = urlencode({"client_id": client_id, "state": state, "mode": _SAME_WINDOW})
    return f"{root if _is_loopback(host) else vendor}/oauth?{asked}"


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
