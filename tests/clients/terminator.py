"""HTTPS in front of a sandbox, on names of its own: portals speak nothing else, and published clients insist on it."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HTTPS = 443
PATIENCE_SECONDS = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OF_ONE_HOP = ("host", "connection", "keep-alive", "transfer-encoding", "content-length")


@dataclass(frozen=True)
class Behind:
    """Where the requests to one name go: a port of this machine, under a path, asked for by this Host."""

    port: int
    host: str
    path: str = ""


@dataclass(frozen=True)
class Terminator:
    """A running terminator: its port, and the file with the certificate to trust."""

    port: int
    certificate: Path


@contextmanager
def run_terminator(behind: Mapping[str, Behind], folder: Path) -> Iterator[Terminator]:
    """Listen with a certificate for the names in `behind`, and pass every request on in the clear."""
    certificate = folder / "certificate.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, _write_certificate(certificate, list(behind)))
    server = _Server(behind)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield Terminator(server.server_address[1], certificate)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def only_these_names(names: Mapping[str, int]) -> Iterator[list[str]]:
    """In this process, HTTPS of `names` means a port of loopback and no other name exists; yields who was asked for.

    Addresses of loopback stay reachable on every port but 443, which is looked up in `names` too. All names share
    one port: some clients keep of a name's place only the address, and ask it on 443.
    """
    (served,) = set(names.values())
    look_up, refused = socket.getaddrinfo, []

    def told(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in names and int(port or 0) == HTTPS:
            return look_up("127.0.0.1", served, *args, **options)
        if name in LOOPBACK:
            return look_up(host, port, *args, **options)
        refused.append(str(name))
        raise socket.gaierror(socket.EAI_NONAME, f"no such name in this test: {name}")

    def connect(self: socket.socket, address: Any) -> None:
        super(socket.socket, self).connect(("127.0.0.1", served) if address[:2] == ("127.0.0.1", HTTPS) else address)

    socket.getaddrinfo = told
    socket.socket.connect = connect  # type: ignore[assignment,method-assign]  # taken back below: the parent has the real one
    try:
        yield refused
    finally:
        socket.getaddrinfo = look_up
        del socket.socket.connect


class _Server(ThreadingHTTPServer):
    """Listens on loopback; knows what is behind which name."""

    def __init__(self, behind: Mapping[str, Behind]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = behind

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who left in the middle is no fault of anybody."""


class _Passing(BaseHTTPRequestHandler):
    """Passes one request on and its answer back, then closes."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        """Requests are in the sandbox's ledger."""

    def do_GET(self) -> None:  # the parent calls it by this name
        self._pass_on()

    def do_POST(self) -> None:  # the parent calls it by this name
        self._pass_on()

    def do_PATCH(self) -> None:  # the parent calls it by this name
        self._pass_on()

    def do_DELETE(self) -> None:  # the parent calls it by this name
        self._pass_on()

    def _pass_on(self) -> None:
        self.close_connection = True
        asked = str(self.headers["Host"])
        behind = self.server.behind[asked.partition(":")[0]]
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        headers |= {"Host": behind.host, "X-Forwarded-Host": asked, "X-Forwarded-Proto": "https"}
        onward = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=PATIENCE_SECONDS)
        try:
            onward.request(self.command, behind.path + self.path, body=sent, headers=headers)
            answer = onward.getresponse()
            body = answer.read()
        finally:
            onward.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _write_certificate(path: Path, names: list[str]) -> Path:
    """Sign a certificate for the names by its own key; returns the file of the key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Portals of the tests")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret = path.with_suffix(".key")
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return secret
