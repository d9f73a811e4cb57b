"""A wire between Kasanie and one portal of the sandbox that breaks as it is told: answers lost, late, or in parts."""

from __future__ import annotations

import http.client
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from crash.faces import Face

Lost = Literal["500", "502", "504", "html", "nothing", "garbage", "cut", "reset", "silence"]
LOST: tuple[Lost, ...] = ("500", "502", "504", "html", "nothing", "garbage", "cut", "reset")
"""How an answer gets lost at once. `silence` is the one that the caller gives up waiting for."""
PATIENCE = 30.0
TRAVELLING = ("authorization", "content-type", "user-agent")
"""Headers that are passed on."""
_HTML = b"<html><head><title>%s</title></head></html>"


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of one batch of writes. As it stands, nothing special."""

    carried: Collection[str] | None = None
    """The commands that reach the portal; None: all of them."""
    late: float = 0.0
    """They reach it so many seconds after the answer was lost."""
    lost: Lost | None = None
    failed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Commands that are told as failed, with code and description, whether they were carried out or not."""
    untold: Collection[str] = ()
    """Commands that the answer does not mention at all."""
    done: threading.Event | None = None
    """Set as soon as the portal has carried out what reaches it."""


Oracle = Callable[[Mapping[str, Any]], Fate | None]
"""The commands of a batch of writes, in order -> what becomes of it; None: nothing special."""


class Wire:
    """Listens on a port of its own and passes everything on; batches of writes meet what `oracle` says."""

    def __init__(self, base_url: str, face: Face) -> None:
        self._portal = urlsplit(base_url).netloc
        self.face = face
        self._server = _Server(("127.0.0.1", 0), _Line)
        self._server.wire = self
        self.oracle: Oracle | None = None
        self.struck = 0
        """Batches whose fate was special."""
        self.trouble: list[str] = []
        """What went wrong here that nobody had ordered."""
        self._busy = 0
        self._idle = threading.Condition()

    @property
    def base_url(self) -> str:
        """Where the portal is reached through this wire."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def through(self, url: str) -> str:
        """An address of the portal, led through this wire."""
        parts = urlsplit(url)
        return parts._replace(netloc=urlsplit(self.base_url).netloc).geturl()

    def fate_of(self, path: str, body: bytes) -> Fate | None:
        """What becomes of a request."""
        if self.oracle is None or not (commands := self.face.commands(path, body)):
            return None
        fate = self.oracle(commands)
        self.struck += fate is not None
        return fate

    @contextmanager
    def on_its_way(self) -> Iterator[None]:
        """While a request may still reach the portal."""
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def rest(self) -> None:
        """Until nothing is on its way any more."""
        with self._idle:
            if not self._idle.wait_for(lambda: self._busy == 0, PATIENCE):
                raise TimeoutError("a request is still on its way")

    def ask(self, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """What the portal itself answers: status, content type, body."""
        connection = http.client.HTTPConnection(self._portal, timeout=PATIENCE)
        try:
            connection.request(verb, path, body or None, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            connection.close()

    def carry_out(self, fate: Fate, verb: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Let the portal have what it is to have of a batch; the answer as it is told."""
        commands = self.face.commands(path, body)
        carried = [key for key in commands if fate.carried is None or key in fate.carried]
        answer = self.face.NOTHING
        if carried:
            status, _, answer = self.ask(verb, path, headers, self.face.part(body, carried))
            if status != 200:
                self.trouble.append(f"the portal answers {status}: {answer[:200]!r}")
        if fate.done is not None:
            fate.done.set()
        return self.face.told(answer, fate)

    def start(self) -> None:
        """Listen."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._server.shutdown()
        self._server.server_close()
        self.rest()


@contextmanager
def wires(base_urls: Collection[str], face: Face) -> Iterator[list[Wire]]:
    """A wire to each of these portals."""
    strung = [Wire(url, face) for url in base_urls]
    for wire in strung:
        wire.start()
    try:
        yield strung
    finally:
        for wire in strung:
            wire.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    wire: Wire

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is killed or gives up leaves a broken connection: that is what this is for."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.wire.trouble.append(repr(error))


class _Line(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        """The sandbox's ledger has it."""

    def do_GET(self) -> None:
        self._tell(*self.server.wire.ask("GET", self.path, self._told(), b""))

    def do_POST(self) -> None:
        self._write("POST")

    def do_PATCH(self) -> None:
        self._write("PATCH")

    def _write(self, verb: str) -> None:
        wire = self.server.wire
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = (verb, self.path, self._told(), body)
        with ExitStack() as stack:
            stack.enter_context(wire.on_its_way())
            fate = wire.fate_of(self.path, body)
            if fate is None:
                self._tell(*wire.ask(*request))
            elif fate.late:
                threading.Thread(target=self._carry_out_late, args=(stack.pop_all(), fate, *request)).start()
                self._lose(fate.lost or "silence", b"")
            else:
                answer = wire.carry_out(fate, *request)
                if fate.lost is None:
                    self._tell(200, "application/json; charset=utf-8", answer)
                else:
                    self._lose(fate.lost, answer)

    def _carry_out_late(self, on_its_way: ExitStack, fate: Fate, *request: Any) -> None:
        with on_its_way:
            time.sleep(fate.late)
            self.server.wire.carry_out(fate, *request)

    def _told(self) -> dict[str, str]:
        """The headers that travel on."""
        return {name: value for name, value in self.headers.items() if name.lower() in TRAVELLING}

    def _lose(self, how: Lost, answer: bytes) -> None:
        """What comes in place of the answer."""
        if how in ("500", "502", "504"):
            self._tell(int(how), "text/html", _HTML % how.encode())
        elif how == "html":
            self._tell(200, "text/html", _HTML % b"CRM")
        elif how == "nothing":
            self._tell(200, "application/json", b"")
        elif how == "garbage":
            self._tell(200, "application/json", (answer or self.server.wire.face.NOTHING)[: len(answer) // 2 or 16])
        elif how == "cut":
            whole = answer or self.server.wire.face.NOTHING
            self._send(200, "application/json", len(whole), whole[: len(whole) // 2])
            self._hang_up()
        elif how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._hang_up()
        else:  # the caller gives up waiting, or is killed
            self.connection.settimeout(PATIENCE)
            self.connection.recv(1)
            self._hang_up()

    def _tell(self, status: int, content_type: str, body: bytes) -> None:
        self._send(status, content_type, len(body), body)

    def _send(self, status: int, content_type: str, length: int, body: bytes) -> None:
        told = f"Content-Type: {content_type}\r\nContent-Length: {length}"
        head = f"HTTP/1.1 {status} {self.responses[HTTPStatus(status)][0]}\r\n{told}\r\n\r\n"
        self.connection.sendall(head.encode() + body)

    def _hang_up(self) -> None:
        """With SO_LINGER at zero this is a reset."""
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
