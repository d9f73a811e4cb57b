"""One portal over HTTP: its face, the control API and the page, on its own port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from connector.sandbox.control import control
from connector.sandbox.faults import DROP
from connector.sandbox.hooks import Stopper
from connector.sandbox.page import page
from connector.sandbox.portal import Portal


class _Listener(WSGIRequestHandler):
    """Keeps quiet, and knows its open connections, so that they can be closed at the end."""

    server: Any

    def setup(self) -> None:
        super().setup()
        self.server.open_connections.add(self.connection)

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """A fault of ours, or a caller who left: nothing more is read from this connection."""
        del error, environ
        self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header `Date` tells the sandbox's clock, as everything else does."""
        moment = self.server.portal_clock.now().timestamp() if timestamp is None else timestamp
        return super().date_time_string(moment)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        """Requests are in the ledger."""


class PortalServer:
    """Serves one portal from a thread of its own until `stop()`."""

    def __init__(self, portal: Portal, portals: dict[str, Portal], port: int) -> None:
        self.portal = portal
        self._face = import_module(f"connector.sandbox.{portal.config.crm}")
        app = build_app(portal, portals, self._face.blueprint(portal.base, portal.config))
        with _listen(port) as listening:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1", port, _or_drop(app), threaded=True, request_handler=_Listener, fd=listening.fileno()
            )
        self._connections: set[socket.socket] = set()
        self._server.open_connections = self._connections  # type: ignore[attr-defined]  # read by _Listener
        self._server.portal_clock = portal.base.clock  # type: ignore[attr-defined]  # read by _Listener
        portal.config.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=portal.config.name, daemon=True
        )
        self._hooks: Stopper | None = None

    def start(self) -> None:
        """Listen, and send webhooks."""
        self._thread.start()
        self._hooks = self._face.start_hooks(self.portal.base, self.portal.config)

    def close(self) -> None:
        """Give back the port of a server that was never started."""
        self._server.server_close()

    def stop(self) -> None:
        """Close the port and all connections; returns once no thread of the portal runs any more."""
        self.portal.config.faults.stopping.set()
        self._server.shutdown()
        self._thread.join()
        if self._hooks:
            self._hooks.stop()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        until = time.monotonic() + 2
        while self._connections and time.monotonic() < until:
            time.sleep(0.005)


def _listen(port: int) -> socket.socket:
    """A listening socket of this machine. Raises OSError where the server would end the whole process instead."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def build_app(portal: Portal, portals: dict[str, Portal], face: Any) -> Flask:
    """The Flask application of one portal."""
    app = Flask(__name__, template_folder="templates", static_folder="static", static_url_path="/sandbox/static")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    app.register_blueprint(face)
    app.register_blueprint(control(portal, portals))
    app.register_blueprint(page(portal, portals))

    @app.before_request
    def only_this_machine() -> None:
        host = urlsplit(f"//{request.host}").hostname or ""
        if host not in ("127.0.0.1", "localhost", "::1") and not host.endswith(".localhost"):
            abort(421)
        g.began = time.monotonic()

    @app.after_request
    def note(response: Response) -> Response:
        if request.blueprint not in ("control", "page") and request.endpoint != "static":
            portal.base.note_request(
                request.method,
                g.get("told_path", request.path),
                response.status_code,
                time.monotonic() - g.began,
                g.get("commands", 1),
                call=g.get("called", ""),
                error=g.get("error_code", ""),
            )
        return response

    return app


def _or_drop(app: Flask) -> Any:
    """The application, except that a request marked by a fault loses its connection instead of getting an answer."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        held: list[tuple[Any, ...]] = []

        def hold(*head: Any) -> Any:
            held.append(head)

        body = app(environ, hold)
        if environ.get(DROP):
            raise ConnectionAbortedError("dropped by a fault of the sandbox")
        start_response(*held[0])
        return body

    return answer
