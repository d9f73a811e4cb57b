"""An emulated amoCRM account for tests, and our adapter on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.port import Connection, Wanted
from connector.sandbox.run import Options, start
from crm.canned import FreePacer
from crm.contract import Control, SandboxPortal

FREELY = {"rate": 100_000, "burst": 100_000}
"""Limits out of the way."""


@contextmanager
def emulated(**options: Any) -> Iterator[SandboxPortal]:
    """A running sandbox with one amoCRM account; loopback, any free port."""
    running = start(Options(**{"crms": ("amocrm",), "limits": FREELY, **options}))
    told = running.describe()["portals"][0]
    opened: list[AmoCrm] = []

    def connect(wanted: Wanted, token: str = told["access_token"]) -> AmoCrm:
        url = SecretStr(told["base_url"])
        connection = Connection(portal=told["name"], url=url, token=SecretStr(token), wanted=wanted, read_timeout=2)
        opened.append(AmoCrm(connection, FreePacer()))
        return opened[-1]

    try:
        yield SandboxPortal(
            name=told["name"],
            control=Control(told["base_url"]),
            connect=connect,
            connect_wrongly=lambda: connect(Wanted(), "sandbox-wrong"),
            field_name=lambda _, code: code.upper(),
        )
    finally:
        for crm in opened:
            crm.close()
        running.stop()
