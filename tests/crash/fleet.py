"""Many portals of one CRM in one sandbox, each behind a wire of its own, served by one Kasanie inside this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.port import Ref
from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.sandbox.installation import HOOK_SECRET, portal_map
from connector.store import NewInstall
from connector.worker import EMBEDDED
from crash.faces import FACES
from crash.seeds import Work
from crash.standing import wrong
from crash.wire import Oracle, Wire, wires

PATIENCE = 60.0
PAUSE = 0.4
"""Between two looks whether a quarantine is over: forty portals look side by side."""
WAITS = {"lease": 5, "quarantine": 4, "gather": 0.01, "pump": 0.05, "read_timeout": 1}
"""A late write is carried out 2 s after it was sent at the latest (crash.fates)."""
HASTY = {**WAITS, "quarantine": 0.001}
"""The defence switched off: a write of unknown outcome is looked for at once, and sent again."""
NOWHERE = "http://127.0.0.1:9"
"""Where events are posted to; nobody listens: what is written here is not caused by events."""
QUIET = """
version: 1
title: {ru: Ничего не просит, en: Asks for nothing}
calendar: RU
work_hours: 09:00-18:00
rules:
  - id: seeded
    title: {ru: Никогда, en: Never}
    for: deal
    if: {phase: new, state: gone}
    touch: {due: 1 day after deal.created, kind: [call]}
    task: {text: "Никогда", assign_to: owner}
    pay: regulation
"""


@dataclass(frozen=True)
class Place:
    """A portal, the wire to it, and the cards that its clients have."""

    told: Mapping[str, Any]
    """As the sandbox describes it."""
    by_application: bool
    """Connected as an application, which offers by cards with buttons; otherwise by a pair of webhooks."""
    wire: Wire
    cards: tuple[Ref, ...]

    @property
    def name(self) -> str:
        """The portal's name."""
        return str(self.told["name"])

    @property
    def connection(self) -> dict[str, Any]:
        """How config.yaml says that it is reached."""
        if self.told["crm"] == "amocrm":
            way = {"crm": "amocrm", "token": self.told["access_token"], "hook_secret": HOOK_SECRET}
            return {**way, "url": self.wire.base_url}
        if not self.by_application:
            tokens = [self.told["application_token"]]
            return {"crm": "bitrix24", "url": self.wire.through(self.told["rest_url"]), "application_tokens": tokens}
        known = {name: self.told[name] for name in ("crm", "client_id", "client_secret")}
        return {**known, "url": self.wire.base_url, "oauth_url": self.told["oauth_root"]}


@dataclass
class Told:
    """What came of many seeds."""

    seeds: int = 0
    effects: int = 0
    struck: int = 0
    """Batches that broke."""
    wrong: dict[str, list[str]] = field(default_factory=dict)
    """By seed, what is lost, twice or otherwise wrong."""

    def __str__(self) -> str:
        return f"{self.seeds} seeds, {self.effects} writes, {self.struck} broken batches; wrong: {self.wrong}"


@dataclass(frozen=True)
class Fleet:
    """Kasanie's settings and tables for these portals, and what serves them."""

    sandbox: Sandbox
    config: Path
    opened: Opened
    flow: Flow
    places: tuple[Place, ...]

    def play(self, place: Place, name: str, oracle: Oracle) -> Work:
        """One seed: written in two waves while the wire breaks, then served until nothing is undone."""
        work = Work.drawn(name, place.name, place.cards)
        place.wire.oracle = oracle
        work.record(self.opened.store, 0, self.opened.clock())
        self.flow.serve_portal(place.name)
        work.record(self.opened.store, 1, self.opened.clock())
        self.drain(place, name)
        return work

    def drain(self, place: Place, name: str = "") -> None:
        """Serve the portal until nothing is undone or on its way any more."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.opened.store.due_effects(place.name, 1):
                self.flow.serve_portal(place.name)
            elif undone := self.undone(place.name):
                if undone.keys() & {"bells", "clients_to_judge"}:
                    self.flow.serve_portal(place.name)
                time.sleep(PAUSE)
            else:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name or place.name}: still undone: {self.undone(place.name)}")
        place.wire.rest()
        place.wire.oracle = None

    def undone(self, portal: str) -> Mapping[str, int]:
        """What the tables still have to do."""
        counted = self.opened.store.counts(portal)
        wanted = ("bells", "clients_to_judge", "effects_open", "effects_doubtful")
        return {name: counted[name] for name in wanted if counted[name]}


def play_all(fleets: Sequence[Fleet], names: Collection[str], play: Callable[[Fleet, Place, str], Work]) -> Told:
    """Every seed on one of the portals, as many side by side as there are portals."""
    free: SimpleQueue[tuple[Fleet, Place]] = SimpleQueue()
    served = [(fleet, place) for fleet in fleets for place in fleet.places]
    for each in served:
        free.put(each)
    told = Told()
    before = sum(place.wire.struck for _, place in served)

    def run(name: str) -> None:
        fleet, place = free.get()
        try:
            work = play(fleet, place, name)
            flaws = wrong(work, fleet.sandbox.ledger(place.name), fleet.opened.store, place.told["crm"])
        finally:
            free.put((fleet, place))
        told.seeds += 1
        told.effects += work.effects
        if flaws:
            told.wrong[name] = flaws

    with ThreadPoolExecutor(len(served)) as pool:
        for _ in pool.map(run, names):
            pass
    trouble = [each for _, place in served for each in place.wire.trouble]
    assert trouble == []
    told.struck = sum(place.wire.struck for _, place in served) - before
    return told


@contextmanager
def open_sandbox(portals: int, crm: str = "bitrix24") -> Iterator[tuple[Sandbox, list[Place]]]:
    """The portals and their wires; meanwhile this process, and all that it starts, may use a sandbox."""
    with (
        pytest.MonkeyPatch.context() as patch,
        run_sandbox(crm=crm, clients=5, portals=portals, rate=0) as sandbox,
        wires([portal["base_url"] for portal in sandbox.portals], FACES[crm]) as strung,
    ):
        patch.setenv("KASANIE_SANDBOX", "1")
        patch.setenv("KASANIE_SANDBOX_URL", sandbox.portals[0]["base_url"])
        found = sandbox.get("cards?title=")  # all portals hold the same clients
        cards = tuple(f"{kind}:{card['id']}" for kind in ("company", "deal") for card in found[kind])
        told = zip(sandbox.portals, strung, strict=True)
        yield (
            sandbox,
            [Place(one, crm == "bitrix24" and number % 2 == 1, wire, cards) for number, (one, wire) in enumerate(told)],
        )


@contextmanager
def open_fleet(
    folder: Path, sandbox: Sandbox, places: Sequence[Place], waits: Mapping[str, float] = WAITS
) -> Iterator[Fleet]:
    """A Kasanie that has read these portals and has nothing to do."""
    config = write_files(folder, sandbox, places, waits)
    with ExitStack() as stack:
        opened = open_all(config)
        stack.callback(opened.close)
        flow = stack.enter_context(closing(Flow(opened.settings, opened.store, opened.portals, opened.clock, EMBEDDED)))
        fleet = Fleet(sandbox, config, opened, flow, tuple(places))
        for place in places:
            if place.by_application:
                _install(opened, place)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda place: flow.serve_portal(place.name), places))
        for place in places:
            fleet.drain(place)
        yield fleet


def _install(opened: Opened, place: Place) -> None:
    """The application is installed: its tokens lie in the tables."""
    told = place.told
    install = NewInstall(
        member_id=told["member_id"],
        application_token=opened.vault.seal(SecretStr(told["application_token"])),
        access=opened.vault.seal(SecretStr(told["access_token"])),
        refresh=opened.vault.seal(SecretStr(told["refresh_token"])),
        seconds=3600,
        scope="crm,task,user,im",
        user_id="1",
        host="",
        host_was="",
    )
    assert opened.store.save_install(place.name, install, opened.clock())


def write_files(folder: Path, sandbox: Sandbox, places: Sequence[Place], waits: Mapping[str, float]) -> Path:
    """config.yaml and the files of every portal; where config.yaml lies."""
    stories = {story["name"]: story for story in sandbox.get("portals")["portals"]}
    config: dict[str, Any] = {
        "database": f"sqlite:///{folder / 'kasanie.db'}",
        "waits": dict(waits),
        "reconcile_minutes": 1440,
        "log": {"level": "error"},
        "public_url": NOWHERE,
        "portals": {},
    }
    for place in places:
        config["portals"][place.name] = {**place.connection, "requests_per_second": 100, "burst": 1000}
        files = folder / "portals" / place.name
        files.mkdir(parents=True)
        told = portal_map(stories[place.name])
        del told["map"]["dossier"]
        (files / "portal.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
        (files / "regulation.yaml").write_text(QUIET, encoding="utf-8")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return path
