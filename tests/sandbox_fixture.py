"""A sandbox as a process of its own, for tests: started, described, driven over its control API, ended cleanly."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox; `portals` as `--describe` wrote them."""

    portals: list[dict[str, Any]]
    session: requests.Session

    def portal(self, crm: str, number: int = 1) -> dict[str, Any]:
        """The description of a portal of this CRM; `number` counts from 1."""
        return [one for one in self.portals if one["crm"] == crm][number - 1]

    def get(self, path: str, portal: str | None = None) -> Any:
        """GET /sandbox/<path>, of the portal named or of the first one."""
        answer = self.session.get(self._url(path, portal), timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any, portal: str | None = None) -> Any:
        """POST /sandbox/<path>, to the portal named or to the first one."""
        answer = self.session.post(self._url(path, portal), json=body, timeout=PATIENCE_SECONDS)
        if answer.status_code >= 400:
            raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def ledger(self, portal: str | None = None) -> dict[str, Any]:
        """The ledger of one portal, named or the first one."""
        name = portal or self.portals[0]["name"]
        ledgers: list[dict[str, Any]] = self.get(f"ledger?portal={name}")["portals"]
        return ledgers[0]

    def advance(self, span: str) -> str:
        """Move the clock and return the new moment."""
        return str(self.post("clock", {"advance": span})["now"])

    def _url(self, path: str, portal: str | None) -> str:
        chosen = next(one for one in self.portals if portal in (None, one["name"]))
        return f"{chosen['base_url']}/sandbox/{path}"


@contextmanager
def run_sandbox(**options: Any) -> Iterator[Sandbox]:
    """Run the sandbox; options as on its command line (`clients=60`, `answer_ms=400`, `crm="bitrix24"`, …)."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        described = Path(folder) / "portals.json"
        command = [sys.executable, "-m", "connector.sandbox.run", "--describe", str(described)]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
            try:
                portals = _wait_for(described, running)["portals"]
                with requests.Session() as session:
                    session.trust_env = False
                    yield Sandbox(portals, session)
            finally:
                running.terminate()
                try:
                    running.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    running.kill()
                    raise
        assert running.returncode == 0, f"the sandbox ended with {running.returncode}"


def _wait_for(described: Path, running: subprocess.Popen[bytes]) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if described.exists():
            told: dict[str, Any] = json.loads(described.read_text(encoding="utf-8"))
            return told
        if running.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError("the sandbox did not start")
