"""An installed application announces itself: ONAPPINSTALL from the portal's server, the install page from a browser.

Sources: facts/bitrix24.md 3.3, 7.2. Only read here, and proven by `oauth.prove_installation`. Hosts that the body names
are not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from connector.crm import form
from connector.crm.port import Arrival
from connector.errors import NotGenuine, Unreadable

_TOKEN: Final = re.compile(r"[!-~]{8,1024}")
_MEMBER: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_LONGEST: Final = 86400.0
"""Seconds; an access token lives for an hour."""
INSTALLED: Final = frozenset({"", "onappinstall"})
"""The documents' own sample of an installation handler asks for no event name."""
UPDATED: Final = "onappupdate"


def read_arrival(raw: bytes) -> Arrival:
    """The tokens of an installation or an update.

    Raises NotGenuine for anything else.
    """
    try:
        body = form.decode(raw)
    except Unreadable as error:
        raise NotGenuine(str(error)) from None
    auth = body.get("auth")
    if isinstance(auth, dict):
        event = str(body.get("event", "")).lower()
        if event not in INSTALLED and event != UPDATED:
            raise NotGenuine("another event")
        return _arrival(
            auth, "access_token", "refresh_token", "application_token", "expires_in", update=event == UPDATED
        )
    return _arrival(body, "AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN", "AUTH_EXPIRES", page=True)


def _arrival(
    told: Mapping[str, Any],
    access: str,
    refresh: str,
    secret: str,
    seconds: str,
    *,
    page: bool = False,
    update: bool = False,
) -> Arrival:
    member = told.get("member_id")
    if not isinstance(member, str) or not _MEMBER.fullmatch(member):
        raise NotGenuine("no member_id")
    return Arrival(
        access=_token(told, access),
        refresh=_token(told, refresh),
        member_id=member,
        application_token=_token(told, secret) if told.get(secret) else None,
        seconds=_seconds(told.get(seconds)),
        page=page,
        update=update,
    )


def _token(told: Mapping[str, Any], name: str) -> SecretStr:
    value = told.get(name)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise NotGenuine(f"no {name}")
    return SecretStr(value)


def _seconds(value: object) -> float:
    """Told lifetimes are only a hint; one that cannot be read is none."""
    text = value if isinstance(value, str) else ""
    return min(float(text), _LONGEST) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
