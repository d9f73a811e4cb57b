"""What production must not start with, and what the sandbox must keep to: every finding is a problem with a place.

Production is the default. Failpoints, http and loopback portals, the sandbox's clock and shortened waits need
KASANIE_SANDBOX=1; then every portal must be on this machine and the service listens on loopback only.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connector.crm.amocrm.hosts import DOMAINS, is_account_host
from rules.problems import Hint, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.settings import PortalConnection, SettingsFile
    from rules.shape import Reporter

SANDBOX_PREFIX: Final = "sandbox-"
DEFAULT_OAUTH_URL: Final = "https://oauth.bitrix24.tech"
OAUTH_URLS: Final = (DEFAULT_OAUTH_URL, "https://oauth.bitrix.info")
"""Bitrix24's OAuth servers (facts/bitrix24.md 3.1). A payload's own `server_endpoint` could be anybody's."""
_PATH_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32,}")
"""What can stand as one part of a path as it is."""
_PORTAL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DATABASE: Final = re.compile(r"sqlite:///.+|postgresql\+psycopg://.+", re.DOTALL)
_LISTEN: Final = re.compile(r".*:[0-9]{1,5}")


def in_sandbox() -> bool:
    """Whether this run may use the sandbox, failpoints and shortened waits."""
    return os.environ.get("KASANIE_SANDBOX") == "1"


def unsafe(settings: SettingsFile, sandbox_url: str | None, report: Reporter) -> Iterator[Problem]:
    """Everything that keeps these settings from being used in this run."""
    for name, portal in settings.portals.items():
        if not _PORTAL_NAME.fullmatch(name):
            yield report.of_key(("portals", name), "bad-portal-name", {"portal": name})
        yield from (_portal_in_sandbox if in_sandbox() else _portal_in_production)(name, portal, report)
        yield from _application(name, portal, settings, report)
    yield from _public_url(settings, report)
    if not _DATABASE.fullmatch(settings.database):
        yield report.of_value(("database",), "bad-database")
    elif settings.web_workers > 1 and not settings.distributed:
        yield report.of_value(("web_workers",), "one-process-on-sqlite")
    if not _LISTEN.fullmatch(settings.listen):
        yield report.of_value(("listen",), "bad-listen")
    elif in_sandbox() and not is_loopback(settings.listen.rpartition(":")[0].strip("[]")):
        yield report.of_value(("listen",), "sandbox-listen")
    if in_sandbox():
        if sandbox_url and not is_loopback(_host(sandbox_url)):
            yield report.of_value((), "sandbox-clock")
        return
    if os.environ.get("KASANIE_FAILPOINT"):
        yield report.of_value((), "failpoint-outside")
    if settings.waits != type(settings.waits)():
        yield report.of_key(("waits",), "waits-outside")


def _portal_in_sandbox(name: str, portal: PortalConnection, report: Reporter) -> Iterator[Problem]:
    if not is_loopback(_host(portal.url.get_secret_value())):
        yield report.of_value(("portals", name, "url"), "not-loopback", {"portal": name})
    if portal.crm == "bitrix24" and portal.is_app and not is_loopback(_host(portal.oauth_url)):
        yield report.of_value(("portals", name, "oauth_url"), "not-loopback", {"portal": name})


def _portal_in_production(name: str, portal: PortalConnection, report: Reporter) -> Iterator[Problem]:
    path, given = ("portals", name), {"portal": name}
    own = Hint(code="write-own-credentials")
    for key in ("url", "token", "hook_secret", "client_id", "client_secret"):
        secret = getattr(portal, key) or ""
        if SANDBOX_PREFIX in (secret if isinstance(secret, str) else secret.get_secret_value()):
            yield report.of_value((*path, key), "sandbox-credential", given, hint=own)
    for place, token in enumerate(portal.application_tokens):
        if SANDBOX_PREFIX in token.get_secret_value():
            yield report.of_value((*path, "application_tokens", place), "sandbox-credential", given, hint=own)
    yield from _address(portal, report, (*path, "url"), given)
    if portal.crm == "amocrm":
        yield from _account_in_production(portal, report, path, given)
        return
    if portal.is_app and portal.oauth_url.rstrip("/") not in OAUTH_URLS:
        yield report.of_value((*path, "oauth_url"), "strange-oauth", {**given, "known": ", ".join(OAUTH_URLS)})
    if not portal.is_app and not all(portal.application_tokens or [None]):
        yield report.of_key(path, "no-application-token", given, hint=own)


def _account_in_production(
    portal: PortalConnection, report: Reporter, path: tuple[str, str], given: dict[str, str]
) -> Iterator[Problem]:
    """An account of amoCRM: with what we call it, and that it is one where the key of an integration may go."""
    host = _host(portal.url.get_secret_value())
    if not portal.token and not portal.client_id:
        yield report.of_key(path, "no-token", given, hint=Hint(code="write-own-credentials"))
    if portal.is_app and host and not is_account_host(host):
        yield report.of_value(
            (*path, "url"), "strange-account", {**given, "known": ", ".join(f"*{x}" for x in DOMAINS)}
        )
    if not _PATH_SECRET.fullmatch(portal.hook_secret.get_secret_value() if portal.hook_secret else ""):
        yield report.of_key(path, "weak-hook-secret", given, hint=Hint(code="make-secret"))


def _application(name: str, portal: PortalConnection, settings: SettingsFile, report: Reporter) -> Iterator[Problem]:
    """What an application needs, here and in the sandbox; what only an application has."""
    path, given = ("portals", name), {"portal": name}
    if portal.client_id is None:
        if portal.client_secret or portal.offline_events:
            yield report.of_key(path, "no-client-id", given, hint=Hint(code="write-own-credentials"))
        return
    if not portal.client_secret:
        yield report.of_key(path, "no-client-secret", given, hint=Hint(code="write-own-credentials"))
    if not portal.is_app:  # an integration's keys beside its long-lived token
        return
    if urlsplit(portal.url.get_secret_value()).path.strip("/"):
        yield report.of_value((*path, "url"), "app-url", given)
    if settings.public_url is None:
        yield report.of_key(path, "no-public-url", given)
    twins = [other for key, other in settings.portals.items() if key < name and other.client_id == portal.client_id]
    if twins and portal.crm == "bitrix24":  # an integration of amoCRM may be let into several accounts
        yield report.of_value((*path, "client_id"), "client-id-twice", given)


def _public_url(settings: SettingsFile, report: Reporter) -> Iterator[Problem]:
    url = settings.public_url
    if url is None:
        return
    host = _host(url)
    if not host or urlsplit(url).query or urlsplit(url).fragment:
        yield report.of_value(("public_url",), "bad-url")
    elif in_sandbox():
        if not is_loopback(host):
            yield report.of_value(("public_url",), "public-loopback")
    elif is_loopback(host) or not url.lower().startswith("https://"):
        yield report.of_value(("public_url",), "public-https")


def _address(
    portal: PortalConnection, report: Reporter, path: tuple[str, str, str], given: dict[str, str]
) -> Iterator[Problem]:
    url = portal.url.get_secret_value()
    host = _host(url)
    if not host:
        yield report.of_value(path, "bad-url", hint=Hint(code="write-own-credentials"))
    elif is_loopback(host):
        yield report.of_value(path, "loopback-portal", given)
    elif not url.lower().startswith("https://"):
        yield report.of_value(path, "not-https", given)
    elif is_private(host) and not portal.allow_private_host:
        yield report.of_value(path, "private-host", given, hint=Hint(code="allow-private"))


def _host(url: str) -> str:
    """The host of an address; empty when it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError for a port that is none
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""


def is_loopback(host: str) -> bool:
    """Whether this host is this machine; names are not looked up."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _numeric(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_private(host: str) -> bool:
    """Whether this host belongs to a private network, by its number or by the form of its name."""
    host = host.rstrip(".").lower()
    address = _numeric(host)
    if address is None:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))
    return not address.is_global


def _numeric(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host written in numbers means, in every spelling that sockets take (`127.1`, `0x7f000001`)."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
