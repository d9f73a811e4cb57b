"""The one session: which failure surely never reached the CRM, which one may have, and that no address leaks."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from connector.crm.http import Session, patiently
from connector.errors import Ambiguous, CrmError, NotSent, Refused, Throttled, Unavailable
from crm.canned import Canned, CannedServer, FreePacer, canned_server

SECRET = "s3cr3tpath"


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


@pytest.fixture
def session() -> Iterator[Session]:
    opened = Session("sever", FreePacer(), read_timeout=5, headers={"Authorization": f"Bearer {SECRET}"})
    yield opened
    opened.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_whole_answer_comes_with_status_headers_and_parsed_body(server: CannedServer, session: Session) -> None:
    server.answer = lambda asked: Canned(
        {"got": asked.json}, status=201, headers={"X-Word": "да".encode().decode("latin-1")}
    )
    reply = session.call("POST", server.url + "/x", name="x", json={"имя": "Ольга"})
    assert (reply.status, reply.json, reply.is_json) == (201, {"got": {"имя": "Ольга"}}, True)
    assert "x-word" in reply.headers
    asked = server.asked[0].headers
    assert asked["content-type"] == "application/json"
    assert "kasanie" in asked["user-agent"].lower()
    assert asked["authorization"] == f"Bearer {SECRET}"
    assert asked["content-length"] == str(len(server.asked[0].body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (None, True)),
        (b"<html>ban</html>", (None, False)),
        (b"[" * 100_000, (None, False)),
        (b"\xff{", (None, False)),
    ],
    ids=["empty", "html", "nested", "bytes"],
)
def test_what_is_not_json_is_said_to_be_none(
    server: CannedServer, session: Session, body: bytes, expected: tuple[object, bool]
) -> None:
    server.answer = lambda _: Canned(body, status=403)
    reply = session.call("GET", server.url, name="x")
    assert (reply.json, reply.is_json) == expected
    assert reply.status == 403


def test_a_redirect_is_an_answer_and_is_not_followed(server: CannedServer, session: Session) -> None:
    server.answer = lambda _: Canned(status=302, headers={"Location": server.url + "/elsewhere"})
    reply = session.call("POST", server.url, name="x", json={})
    assert (reply.status, reply.headers["location"], len(server.asked)) == (302, server.url + "/elsewhere", 1)


def test_cookies_are_not_kept(server: CannedServer, session: Session) -> None:
    server.answer = lambda _: Canned({}, headers={"Set-Cookie": "session=1"})
    session.call("GET", server.url, name="x")
    session.call("GET", server.url, name="x")
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize("fault", ["reset", "cut", "silent"])
@pytest.mark.parametrize("verb", ["POST", "GET"])
def test_a_request_that_left_and_was_not_answered_is_ambiguous(
    server: CannedServer, session: Session, fault: str, verb: str
) -> None:
    server.answer = lambda _: Canned({"result": "x" * 100}, fault=fault)
    with pytest.raises(Ambiguous):
        session.call(verb, server.url, name="add", json={} if verb == "POST" else None, read_timeout=0.2)


def test_a_body_that_cannot_be_decoded_is_ambiguous(server: CannedServer, session: Session) -> None:
    server.answer = lambda _: Canned(b"not gzip at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Ambiguous):
        session.call("POST", server.url, name="add", json={})


@pytest.mark.parametrize("verb", ["POST", "GET"])
def test_a_refused_connection_was_never_sent(session: Session, verb: str) -> None:
    with pytest.raises(NotSent):
        session.call(verb, f"http://127.0.0.1:{free_port()}/", name="add", json={} if verb == "POST" else None)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "http://a..b/", "http://"])
def test_a_name_that_leads_nowhere_was_never_sent(session: Session, url: str) -> None:
    with pytest.raises(NotSent):
        session.call("POST", url, name="add", json={})


def test_a_port_without_tls_was_never_sent(server: CannedServer, session: Session) -> None:
    with pytest.raises(NotSent):
        session.call("POST", server.url.replace("http:", "https:"), name="add", json={"secret": 1})
    assert server.asked == []


def test_no_address_and_no_secret_in_errors_logs_or_reprs(
    server: CannedServer, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = lambda _: Canned({}, fault="reset")
    shown = [repr(session)]
    for url in (f"{server.url}/rest/7/{SECRET}/batch", f"http://127.0.0.1:{free_port()}/rest/7/{SECRET}/batch"):
        with pytest.raises(CrmError) as caught:
            session.call("POST", url, name="batch", json={})
        shown += [str(caught.value), repr(caught.value), repr(caught.value.__context__), repr(caught.value.__cause__)]
    server.answer = lambda _: Canned({})
    session.call("GET", f"{server.url}/rest/7/{SECRET}/batch?auth={SECRET}", name="batch")
    shown += [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
    assert "batch" in shown[1]
    assert [text for text in shown if SECRET in text or "/rest/" in text] == []


def test_every_call_waits_for_its_turn(server: CannedServer) -> None:
    pacer = FreePacer()
    session = Session("sever", pacer, read_timeout=5)
    for _ in range(3):
        session.call("GET", server.url, name="x")
    session.close()
    assert pacer.turns == 3


class Reading:
    """Fails as told, then succeeds."""

    def __init__(self, *errors: CrmError) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "read"


def test_a_read_is_tried_again_while_that_can_help() -> None:
    reading = Reading(Unavailable("html"), Ambiguous("cut"), NotSent("dns"))
    assert patiently(reading) == "read"
    assert reading.tries == 4


def test_a_read_that_stays_broken_is_unavailable_and_not_in_doubt() -> None:
    reading = Reading(*(Ambiguous("cut", portal="sever", call="batch", code="X") for _ in range(9)))
    with pytest.raises(Unavailable) as caught:
        patiently(reading)
    assert (caught.value.code, caught.value.call) == ("X", "batch")
    assert reading.tries < 9


@pytest.mark.parametrize("error", [Refused("no"), Throttled("later", wait=500)], ids=["refused", "long-wait"])
def test_what_no_retry_can_help_is_raised_at_once(error: CrmError) -> None:
    reading = Reading(error)
    with pytest.raises(type(error)):
        patiently(reading)
    assert reading.tries == 1
