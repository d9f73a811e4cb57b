"""A Kasanie installed beside a running sandbox, for the demo and the tests: settings, a map per portal, processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import requests
import yaml

APP: Final = Path(__file__).resolve().parents[2] / "app.py"
HOOK_SECRET: Final = "sandbox-hook-secret-0123456789abcdef"  # noqa: S105  # invented, and refused in production
PHASES: Final = ("NEW", "QUALIFY", "OFFER", "NEGOTIATE", "PAYMENT", "DELIVERY")
SHORT_WAITS: Final = {"lease": 5, "quarantine": 3, "gather": 0.1, "pump": 0.1, "read_timeout": 5}
"""Real seconds; only allowed with KASANIE_SANDBOX=1. The quarantine is longer than the sandbox ever holds an answer."""

_HTTP: Final = requests.Session()
_HTTP.trust_env = False  # everything is on this machine: no proxy


@dataclass
class Installation:
    """Files and processes in one folder. `control` is any portal's base URL of the sandbox."""

    folder: Path
    control: str
    database: str = "sqlite:///state/kasanie.db"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More keys of config.yaml."""
    waits: Mapping[str, float] = field(default_factory=lambda: SHORT_WAITS)
    application: bool = False
    """Portals are connected by Bitrix24's local application or amoCRM's OAuth; see `install_applications`."""
    quiet: bool = True
    """Processes write their log to files in the folder."""
    port: int = 0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def install(self, regulation: str = "b2b") -> None:
        """Write config.yaml and the files of every portal, and tell the sandbox where to post."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        stories = self.ask("portals")["portals"]
        config = {
            "database": self.database,
            "listen": f"127.0.0.1:{self.port}",
            "waits": dict(self.waits),
            "public_url": f"http://127.0.0.1:{self.port}",
            "portals": {story["name"]: self._connection(story) for story in stories},
            **self.settings,
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        made: Path | None = None
        for story in stories:
            name = story["name"]
            folder = self.folder / "portals" / name
            if made is not None and not folder.exists():  # the same files once more; only the map differs, see below
                shutil.copytree(made, folder)
            elif not folder.exists():
                self.run("init", name, "--from", regulation)
            made, path = folder, folder / "portal.yaml"
            path.write_text(yaml.safe_dump(portal_map(story), allow_unicode=True), encoding="utf-8")
            if not self.application:
                self.tell(f"hook_target?portal={name}", {"url": self.hook_url(story)})

    def install_applications(self, *, page: bool = False) -> None:
        """What an administrator does on every portal, with the web running: install the application, let it in.

        Raises:
            TimeoutError: it was not answered well.
        """
        if not self.application:
            return
        for story in self.ask("portals")["portals"]:
            name = story["name"]
            answer = self.let_in(name) if story["crm"] == "amocrm" else self._install_application(name, page=page)
            if answer["status"] != 200:
                raise TimeoutError(f"{name}: the installation was answered {answer['status']}")

    def _install_application(self, name: str, *, page: bool) -> dict[str, Any]:
        target = f"http://127.0.0.1:{self.port}/install/bitrix24"
        answer: dict[str, Any] = self.tell(f"install?portal={name}", {"target": target, "page": page})
        if page and answer["status"] == 200:
            self.tell(f"install_finish?portal={name}", {})
        return answer

    def let_in(self, name: str) -> dict[str, Any]:
        """Open the link of `connect` and consent; what our door answered."""
        ours = f"http://127.0.0.1:{self.port}"
        link = self.run("connect", name).stdout.strip().splitlines()[-1]
        state = parse_qs(urlsplit(link).query)["state"][0]
        self.tell(f"app?portal={name}", {"disable_url": f"{ours}/hooks/amocrm/disabled"})
        told = {"redirect": f"{ours}/oauth/amocrm", "state": state}
        answer: dict[str, Any] = self.tell(f"connect?portal={name}", told)
        return answer

    def _connection(self, story: Mapping[str, Any]) -> dict[str, Any]:
        keys = {name: story[name] for name in ("crm", "client_id", "client_secret")}
        if story["crm"] == "amocrm":
            way = keys if self.application else {**keys, "token": story["access_token"]}
            return {**way, "url": story["base_url"], "hook_secret": HOOK_SECRET}
        if self.application:
            return {**keys, "url": story["base_url"], "oauth_url": story["oauth_root"]}
        return {"crm": "bitrix24", "url": story["rest_url"], "application_tokens": [story["application_token"]]}

    def hook_url(self, story: Mapping[str, Any]) -> str:
        """Where a portal's webhooks go; amoCRM proves itself by the last part."""
        secret = f"/{HOOK_SECRET}" if story["crm"] == "amocrm" else ""
        return f"http://127.0.0.1:{self.port}/hooks/{story['name']}{secret}"

    def environment(self, failpoint: str | None = None) -> dict[str, str]:
        """The environment of a process that may use the sandbox."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("KASANIE_")}
        known |= {"KASANIE_SANDBOX": "1", "KASANIE_SANDBOX_URL": self.control, "PYTHONUNBUFFERED": "1"}
        return known | ({"KASANIE_FAILPOINT": failpoint} if failpoint else {})

    def command(self, *arguments: str) -> list[str]:
        """`python app.py --config … ARGUMENTS`."""
        return [sys.executable, str(APP), "--config", str(self.folder / "config.yaml"), *arguments]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603  # our own command line
            self.command(*arguments), env=self.environment(), check=check, capture_output=True, text=True, timeout=120
        )

    def start(
        self, *arguments: str, failpoint: str | None = None, log_name: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process that goes on; its log is named by its arguments or by `log_name`."""
        log = (self.folder / f"{log_name or '-'.join(arguments)}.log").open("ab") if self.quiet else None
        try:
            process = subprocess.Popen(  # noqa: S603  # our own command line
                self.command(*arguments), env=self.environment(failpoint), stdout=log, stderr=log
            )
        finally:
            if log is not None:
                log.close()
        self.running.append(process)
        return process

    def wait_ready(self, seconds: float = 20) -> None:
        """Until the web answers.

        Raises:
            TimeoutError: it does not.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if _HTTP.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).ok:
                    return
            except requests.RequestException:  # it listens before its worker has imported everything
                time.sleep(0.1)
        raise TimeoutError("the receiver does not answer")

    def stop(self) -> None:
        """SIGTERM to all that runs, SIGKILL to what does not end."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def ask(self, what: str) -> Any:
        """GET of the sandbox's control API."""
        answer = _HTTP.get(f"{self.control}/sandbox/{what}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def tell(self, what: str, body: Any) -> Any:
        """POST of the sandbox's control API."""
        answer = _HTTP.post(f"{self.control}/sandbox/{what}", json=body, timeout=60)
        if not answer.ok:
            raise ValueError(f"{what}: {answer.status_code} {answer.text}")
        return answer.json()

    def ledger(self, portal: str) -> dict[str, Any]:
        """What the sandbox's portal holds and was asked."""
        found: dict[str, Any] = self.ask(f"ledger?portal={portal}")["portals"][0]
        return found


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def portal_map(story: Mapping[str, Any]) -> dict[str, Any]:
    """portal.yaml of an invented portal, written from what the sandbox tells of it."""
    bitrix24 = story["crm"] == "bitrix24"
    phases: dict[str, list[str]] = {}
    for pipeline in story["pipelines"]:
        for stage in pipeline["stages"]:
            phase = "NEW" if stage["code"] == "UNSORTED" else stage["code"]
            if phase in PHASES and not (bitrix24 and stage["unsorted"]):
                phases.setdefault(phase.lower(), []).append(_stage_key(story["crm"], pipeline, stage))
    fields = {(one["card"], one["code"]): one for one in story["fields"] if not one["ours"]}
    heads = [str(user["id"]) for user in story["staff"] if user["role"] == "head"]
    return {
        "version": 1,
        "map": {
            "phases": phases,
            "not_a_sale": [_pipeline_key(story["crm"], one) for one in story["pipelines"] if one["title"] == "Сервис"],
            "fields": {
                **{
                    f"client.{name}": _places(fields, name, bitrix24)
                    for name in ("segment", "strategic", "quiet_until")
                },
                **{f"deal.{name}": _places(fields, name, bitrix24) for name in ("delivery_date", "invoice_due")},
            },
            "values": _choices(fields),
            "dossier": {
                code: f"{card}.{_field_name(code, bitrix24)}"
                for (card, code) in fields
                if code not in ("segment", "strategic", "quiet_until") and card != "deal"
            },
            "roles": {"head": heads},
            "default_manager": heads[0],
        },
    }


def _stage_key(crm: str, pipeline: Mapping[str, Any], stage: Mapping[str, Any]) -> str:
    return f"{_pipeline_key(crm, pipeline)}:{stage['code'] if crm == 'bitrix24' else stage['id']}"


def _pipeline_key(crm: str, pipeline: Mapping[str, Any]) -> str:
    """Bitrix24's main pipeline is category 0."""
    return "0" if crm == "bitrix24" and pipeline["is_main"] else str(pipeline["id"])


def _field_name(code: str, bitrix24: bool) -> str:
    return f"UF_CRM_{code.upper()}" if bitrix24 else code.upper()


def _places(fields: Mapping[tuple[str, str], Any], name: str, bitrix24: bool) -> list[str]:
    return [
        f"{card}.{_field_name(name, bitrix24)}" for card in ("company", "contact", "deal") if (card, name) in fields
    ]


def _choices(fields: Mapping[tuple[str, str], Any]) -> dict[str, dict[str, str]]:
    """Facts carry the number of a list's choice, not its word: words get renamed."""
    words = {
        str(key): text for card in ("company", "contact") for key, text in fields[card, "segment"]["choices"].items()
    }
    return {"client.segment": words}


def wait_for(found: Any, seconds: float, what: str, pause: float = 0.1) -> Any:
    """Call `found` until it gives something; TimeoutError naming `what` otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = found()
        if result:
            return result
        time.sleep(pause)
    raise TimeoutError(what)
