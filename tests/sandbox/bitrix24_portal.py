"""One portal of the sandbox inside the test's own process, asked over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig
from connector.sandbox.run import Options, Running, start


@dataclass(frozen=True)
class OpenPortal:
    """A listening Bitrix24 portal."""

    running: Running
    session: requests.Session

    @property
    def base(self) -> Base:
        return self.running.portals[0].base

    @property
    def config(self) -> PortalConfig:
        return self.running.portals[0].config

    @property
    def rest_url(self) -> str:
        return str(self.config.describe()["rest_url"])

    def ask(self, method: str, **params: Any) -> requests.Response:
        """Call a REST method with a JSON body."""
        return self.session.post(self.rest_url + method, json=params, timeout=20)

    def ask_list(self, method: str, params: list[Any]) -> requests.Response:
        """Call a REST method with unnamed parameters, in order."""
        return self.session.post(self.rest_url + method, json=params, timeout=20)

    def call(self, method: str, **params: Any) -> Any:
        """The `result` of a call that must succeed."""
        answer = self.ask(method, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def control(self, path: str, body: Any) -> requests.Response:
        """POST to the control API."""
        return self.session.post(f"{self.config.base_url}/sandbox/{path}", json=body, timeout=20)

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET anything of the portal."""
        return self.session.get(self.config.base_url + path, headers=headers, timeout=20)


@contextmanager
def open_portal(**options: Any) -> Iterator[OpenPortal]:
    """Start a portal; unless told otherwise without limits, which have their own tests."""
    options.setdefault("limits", {"rate": 0})
    running = start(Options(crms=("bitrix24",), **options))
    try:
        with requests.Session() as session:
            session.trust_env = False
            yield OpenPortal(running, session)
    finally:
        running.stop()


@contextmanager
def hear_posts(status: int = 200) -> Iterator[tuple[str, list[str], threading.Semaphore]]:
    """An address that takes webhooks: its URL, the bodies it got, and a semaphore released with each."""
    bodies: list[str] = []
    came = threading.Semaphore(0)

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content_type = self.headers["Content-Type"]
            assert content_type == "application/x-www-form-urlencoded"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            came.release()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/portal", bodies, came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
