"""A tiny HTTP server for answers that no emulated CRM gives: cut, reset, silent, HTML, wrong."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it arrived."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Canned:
    """An answer. `body` may be anything that JSON can hold, or bytes as they are."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    """`reset`: the connection breaks without an answer; `cut`: half of the body; `silent`: no answer for a while."""


Answering = Callable[[Asked], Canned]


class CannedServer:
    """`url` is where it listens; `asked` is what came; `answer` may be replaced at any time."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Answering = lambda asked: Canned({})
        self.over = threading.Event()
        self.url = ""


@contextmanager
def canned_server() -> Iterator[CannedServer]:
    """Runs while the block runs; loopback, any free port."""
    server = CannedServer()

    class Answerer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body go in two pieces; the second would wait 40 ms

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            server.asked.append(asked)
            canned = server.answer(asked)
            if canned.fault == "silent":
                server.over.wait(5)
            if canned.fault in ("silent", "reset"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            content = canned.body if isinstance(canned.body, bytes) else json.dumps(canned.body).encode()
            self.send_response(canned.status)
            for name, value in canned.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if canned.fault == "cut":
                content, self.close_connection = content[: len(content) // 2], True
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server asks for these names

        def log_message(self, *_: Any) -> None:
            """Silence."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Answerer)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        http.shutdown()
        thread.join()
        http.server_close()


class FreePacer:
    """Never waits; remembers what it was told."""

    def __init__(self) -> None:
        self.turns = 0
        self.pushed: list[float] = []

    def wait_turn(self) -> None:
        self.turns += 1

    def push_back(self, seconds: float) -> None:
        self.pushed.append(seconds)
