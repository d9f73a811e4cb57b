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

from rules.problems import Hint, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.settings import PortalConnection, SettingsFile
    from rules.shape import Reporter

SANDBOX_PREFIX: Final = "sandbox-"
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


def _portal_in_production(name: str, portal: PortalConnection, report: Reporter) -> Iterator[Problem]:
    path, given = ("portals", name), {"portal": name}
    secrets = {"url": portal.url, "token": portal.token, "hook_secret": portal.hook_secret}
    own = Hint(code="write-own-credentials")
    for key, secret in secrets.items():
        if secret and SANDBOX_PREFIX in secret.get_secret_value():
            yield report.of_value((*path, key), "sandbox-credential", given, hint=own)
    for place, token in enumerate(portal.application_tokens):
        if SANDBOX_PREFIX in token.get_secret_value():
            yield report.of_value((*path, "application_tokens", place), "sandbox-credential", given, hint=own)
    yield from _address(portal, report, (*path, "url"), given)
    if portal.crm == "bitrix24" and not all(portal.application_tokens or [None]):
        yield report.of_key(path, "no-application-token", given, hint=own)
    if portal.crm == "amocrm" and not portal.token:
        yield report.of_key(path, "no-token", given, hint=own)
    if portal.crm == "amocrm" and not _PATH_SECRET.fullmatch(
        portal.hook_secret.get_secret_value() if portal.hook_secret else ""
    ):
        yield report.of_key(path, "weak-hook-secret", given, hint=Hint(code="make-secret"))


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
