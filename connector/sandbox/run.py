"""Starts the sandbox: as `python app.py sandbox`, as `python -m connector.sandbox.run`, or inside a test."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.clock import START, Clock
from connector.sandbox.config import Crm, Limits, PortalConfig, invent_credentials, usual_limits
from connector.sandbox.faults import Faults
from connector.sandbox.hooks import is_loopback
from connector.sandbox.invented import invent
from connector.sandbox.named import STORIES
from connector.sandbox.portal import Portal
from connector.sandbox.server import PortalServer

CRMS: tuple[Crm, ...] = ("bitrix24", "amocrm")
DOMAINS = {"bitrix24": "bitrix24.localhost", "amocrm": "amocrm.localhost"}


@dataclass(frozen=True)
class Options:
    """What a sandbox is started with; see `python app.py sandbox --help`."""

    crms: tuple[Crm, ...] = CRMS
    portals: int = 1
    """Per CRM."""
    port: int = 0
    """The first portal's; the others take the following ones. 0: any free ones."""
    clients: int = 60
    deals: int = 0
    """More open deals, spread over the clients."""
    seed: int = 1
    start: datetime = START
    answer_ms: int = 0
    command_ms: int = 0
    hook_target: str | None = None
    limits: dict[str, float] = field(default_factory=dict)
    """Limits other than the CRM's usual ones, by name."""


@dataclass(frozen=True)
class Running:
    """A started sandbox."""

    portals: list[Portal]
    clock: Clock
    _servers: list[PortalServer]

    def describe(self) -> dict[str, Any]:
        """What `--describe` writes."""
        return {
            "now": self.clock.now().isoformat(),
            "portals": [_describe(one) for one in self.portals],
            "stories": STORIES,
        }

    def stop(self) -> None:
        """Close every port and end every thread."""
        for one in self.portals:
            one.config.faults.stopping.set()
        for server in self._servers:
            server.stop()


def _describe(portal: Portal) -> dict[str, Any]:
    users = [
        {"id": one.id, "name": one.name, "role": one.role, "active": one.active} for one in portal.base.users.values()
    ]
    return portal.config.describe() | {"users": users}


def start(options: Options) -> Running:
    """Build the portals, listen on 127.0.0.1 and start sending webhooks."""
    clock = Clock(options.start)
    portals: dict[str, Portal] = {}
    for crm in options.crms:
        for number in range(1, options.portals + 1):
            made = _build(crm, number, clock, options)
            portals[made.config.name] = made
    servers: list[PortalServer] = []
    try:
        for place, portal in enumerate(portals.values()):
            servers.append(PortalServer(portal, portals, options.port + place if options.port else 0))
    except OSError:
        for server in servers:
            server.close()
        raise
    for server in servers:
        server.start()
    return Running(list(portals.values()), clock, servers)


def _build(crm: Crm, number: int, clock: Clock, options: Options) -> Portal:
    name = f"{crm}-{number}"
    base = Base(name, crm, clock)
    invent(base, clients=options.clients, seed=options.seed)
    _add_deals(base, options.deals)
    usual = usual_limits(crm)
    limits = replace(usual, **{key: type(getattr(usual, key))(value) for key, value in options.limits.items()})
    config = PortalConfig(
        name=name,
        crm=crm,
        host=f"{name}.{DOMAINS[crm]}",
        credentials=invent_credentials(crm, name, number),
        limits=limits,
        hook_target=options.hook_target,
        faults=Faults(answer_ms=options.answer_ms, command_ms=options.command_ms),
    )
    return Portal(base, config)


def _add_deals(base: Base, count: int) -> None:
    """More open deals in qualification, one client after the other."""
    companies, main = list(base.companies.values()), base.pipelines[1]
    for number in range(count):
        company = companies[number % len(companies)]
        stage = main.stage("QUALIFY").id
        title = f"Заявка {number + 1}"
        base.add_deal(title, pipeline=1, stage=stage, company=company.id, owner=company.owner, by=company.owner)


def _read_options(argv: Sequence[str]) -> tuple[Options, Path | None]:
    parser = argparse.ArgumentParser(prog="app.py sandbox", description="The emulated CRMs, on 127.0.0.1 only.")
    parser.add_argument("--describe", type=Path, metavar="PATH", help="write where the portals are, once they listen")
    parser.add_argument("--crm", choices=CRMS, action="append", help="only this CRM (may be given twice)")
    parser.add_argument("--portals", type=int, default=1, metavar="N", help="portals per CRM")
    parser.add_argument("--port", type=int, default=0, help="port of the first portal; 0: any free ones")
    parser.add_argument("--clients", type=int, default=60, metavar="N", help="clients per portal")
    parser.add_argument("--deals", type=int, default=0, metavar="N", help="further open deals per portal")
    parser.add_argument("--seed", type=int, default=1, help="another invented base")
    parser.add_argument("--now", metavar="MOMENT", help=f"the clock's start, ISO (default {START.isoformat()})")
    parser.add_argument("--answer-ms", type=int, default=0, metavar="MS", help="how long an API answer takes")
    parser.add_argument("--command-ms", type=int, default=0, metavar="MS", help="how long a batched command takes")
    parser.add_argument("--hook-target", metavar="URL", help="where webhooks are posted (loopback)")
    for spec in ("rate", "burst", "batch", "page", "operating_seconds"):
        name = f"--{spec.replace('_', '-')}"
        parser.add_argument(name, type=float, metavar="N", help=f"limit: {spec} (default: as the CRM documents)")
    given = parser.parse_args(argv)
    if given.hook_target and not is_loopback(given.hook_target):
        parser.error("--hook-target must be a loopback address, http://127.0.0.1:…")
    if given.portals < 1 or given.clients < len(STORIES):
        parser.error(f"at least one portal and {len(STORIES)} clients")
    moment = START
    if given.now:
        try:
            moment = datetime.fromisoformat(given.now)
        except ValueError:
            parser.error("--now is a moment like 2026-09-22T10:00:00+03:00")
    options = Options(
        crms=tuple(given.crm or CRMS),
        portals=given.portals,
        port=given.port,
        clients=given.clients,
        deals=given.deals,
        seed=given.seed,
        start=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        answer_ms=given.answer_ms,
        command_ms=given.command_ms,
        hook_target=given.hook_target,
        limits={name: getattr(given, name) for name in Limits.__dataclass_fields__ if getattr(given, name) is not None},
    )
    return options, given.describe


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; 0 afterwards, 2 when the ports are taken."""
    options, describe = _read_options(sys.argv[1:] if argv is None else argv)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        running = start(options)
    except OSError as error:
        sys.stderr.write(f"the sandbox can't listen: {error}\n")
        return 2
    try:
        if describe:
            _write(describe, running.describe())
        for portal in running.portals:
            sys.stdout.write(f"{portal.config.name}: {portal.config.base_url}/\n")
        sys.stdout.flush()
        over.wait()
    finally:
        running.stop()
    return 0


def _write(path: Path, told: dict[str, Any]) -> None:
    """Whole or not at all: a reader that waits for the file never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
