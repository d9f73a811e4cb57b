"""A small amoCRM account of the sandbox, served over HTTP in this process, and a receiver for its webhooks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import requests
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from connector.sandbox import amocrm
from connector.sandbox.amocrm.orders import ORDERS
from connector.sandbox.base import Base
from connector.sandbox.clock import Clock
from connector.sandbox.config import PortalConfig, invent_credentials, usual_limits
from connector.sandbox.invented import invent
from connector.sandbox.portal import Portal

TOKEN = "sandbox-access-amo-1"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        pass


@dataclass
class AmoPortal:
    """The account's records, its configuration, and calls to its API."""

    base: Base
    config: PortalConfig
    session: requests.Session

    def call(self, verb: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
        url = f"{self.config.base_url}/api/v4/{path}"
        return self.session.request(verb, url, json=body, headers=headers, timeout=10, **more)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def rows(self, path: str, name: str, **params: Any) -> list[dict[str, Any]]:
        answer = self.call("GET", path, params=params)
        if answer.status_code == 204:
            return []
        rows: list[dict[str, Any]] = answer.json()["_embedded"][name]
        return rows

    def put_together(self, path: str, name: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        for page in range(1, 1000):
            rows = self.rows(path, name, page=page, **params)
            if not rows:
                return found
            found += rows
        raise AssertionError("no end of pages")


@contextmanager
def open_account(clients: int = 5, *, rate: float = 0) -> Iterator[AmoPortal]:
    """An account with the named clients; without a limit unless `rate` says so."""
    base = Base("amo-1", "amocrm", Clock())
    invent(base, clients=clients)
    limits = usual_limits("amocrm")
    limits.rate = rate
    config = PortalConfig(
        name="amo-1",
        crm="amocrm",
        host="amo-1.localhost",
        credentials=invent_credentials("amocrm", "amo-1", 1),
        limits=limits,
    )
    app = Flask(__name__)
    app.register_blueprint(amocrm.blueprint(base, config))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    config.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hooks = amocrm.start_hooks(base, config)
    with requests.Session() as session:
        try:
            yield AmoPortal(base, config, session)
        finally:
            hooks.stop()
            server.shutdown()
            thread.join()
            server.server_close()


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@dataclass
class Post:
    """One received webhook."""

    headers: dict[str, str]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), strict_parsing=True))


ALL_SETTINGS = [
    *(f"{verb}_unsorted" for verb in ("add", "update", "delete")),
    *(f"{verb}_{what}" for verb in ("add", "update", "delete") for what in ("lead", "contact", "company", "customer")),
    *("status_lead", "responsible_lead", "responsible_customer", "add_talk", "update_talk", "add_message"),
]


def order(amo: AmoPortal, name: str, body: dict[str, Any]) -> Any:
    """Carry out an order of the control API."""
    return ORDERS[name](Portal(amo.base, amo.config), body)


def subscribe(amo: AmoPortal, receiver: Receiver, *settings: str) -> None:
    """Subscribe the receiver to these settings, or to all that there are but tasks and notes."""
    body = {"destination": receiver.url, "settings": list(settings) or ALL_SETTINGS}
    assert amo.call("POST", "webhooks", body).status_code == 201


def keys(post: Post) -> list[str]:
    """What a webhook tells, like `leads[add]`, each once."""
    return list(dict.fromkeys("[".join(key.split("[")[:2]) for key in post.form if not key.startswith("account")))


@dataclass
class Receiver:
    """Takes webhooks; answers the codes given in `codes`, then 200."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> list[Post]:
        """The posts, once there are at least so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.posts) >= count, timeout=10), [one.raw for one in self.posts]
            return list(self.posts)


@contextmanager
def listen() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with receiver.arrived:  # before the answer: the next webhook comes on another thread
                code = receiver.codes.pop(0) if receiver.codes else 200
                receiver.posts.append(Post(dict(self.headers), raw))
                receiver.arrived.notify_all()
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/amo-1/sandbox-hook-secret"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
