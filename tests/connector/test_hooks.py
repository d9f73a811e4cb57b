"""The two doors for webhooks in a real gunicorn: forged, broken and oversized bodies, and a database that is gone."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
import requests
import sqlalchemy as sa
import yaml

from connector.sandbox.installation import Installation, free_port
from connector.store import Store
from connector.store.opening import open_store

REST_CODE = "sandbox-code-9f8e7d6c5b4a"
TOKEN = "sandbox-application-token-1a2b3c4d"
MEMBER = "3f0c6c1e2b7d4a55a1b2c3d4e5f60718"
AMO_TOKEN = "sandbox-long-lived-token-5e6f7a8b"
AMO_SECRET = "sandbox-path-secret-0f1e2d3c4b5a6978"
ACCOUNT = "31000111"
SECRETS = (REST_CODE, TOKEN, AMO_TOKEN, AMO_SECRET)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NORTH, SOUTH = "/hooks/north", f"/hooks/south/{AMO_SECRET}"


@dataclass(frozen=True)
class Door:
    """A running web process, its tables, and a server that must never be called."""

    installation: Installation
    store: Store
    sink: str
    called: list[str]

    def post(self, path: str, body: bytes | str) -> requests.Response:
        octets = body.encode() if isinstance(body, str) else body
        return requests.post(f"http://127.0.0.1:{self.installation.port}{path}", octets, headers=FORM, timeout=30)

    def stored(self) -> dict[str, Any]:
        """All that a webhook could have left behind."""
        return {
            name: (dict(self.store.counts(name)), row.account if (row := self.store.portal(name)) else None)
            for name in ("north", "south")
        }

    def bitrix24(self, **changed: str) -> str:
        """A deal's update as Bitrix24 posts it, with hosts of the sink in it."""
        fields = {
            "event": "ONCRMDEALUPDATE",
            "event_handler_id": "31",
            "data[FIELDS][ID]": "123",
            "ts": "1790150400",
            "auth[domain]": self.sink.removeprefix("http://"),
            "auth[client_endpoint]": f"{self.sink}/rest/",
            "auth[server_endpoint]": f"{self.sink}/oauth/rest/",
            "auth[member_id]": MEMBER,
            "auth[application_token]": TOKEN,
        }
        return urlencode({**fields, **changed})

    def amocrm(self, **changed: str) -> str:
        """A deal's move as amoCRM posts it, with hosts of the sink in it."""
        fields = {
            "account[subdomain]": self.sink.removeprefix("http://"),
            "account[id]": ACCOUNT,
            "account[_links][self]": self.sink,
            "leads[status][0][id]": "880501",
            "leads[status][0][status_id]": "60100202",
            "leads[status][0][pipeline_id]": "7200001",
        }
        return urlencode({**fields, **changed})


@contextmanager
def open_door(folder: Path, database: str, **settings: Any) -> Iterator[Installation]:
    """`serve --no-worker` at debug level with an access log, beside no CRM at all."""
    installation = Installation(folder, "http://127.0.0.1:9", port=free_port())
    config = {
        "database": database,
        "listen": f"127.0.0.1:{installation.port}",
        "log": {"level": "debug"},
        "portals": {
            "north": {
                "crm": "bitrix24",
                "url": f"http://127.0.0.1:9/rest/1/{REST_CODE}/",
                "application_tokens": [TOKEN],
                "member_id": MEMBER,
            },
            "south": {"crm": "amocrm", "url": "http://127.0.0.1:9", "token": AMO_TOKEN, "hook_secret": AMO_SECRET},
        },
        **settings,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUNICORN_CMD_ARGS", "--access-logfile -")
        installation.start("serve", "--no-worker")
    try:
        installation.wait_ready(60)
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def sink() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that writes down who calls it."""
    called: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_GET  # noqa: N815  # the parent's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", called
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, sink: tuple[str, list[str]]) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    database = f"sqlite:///{folder / 'kasanie.db'}"
    with open_door(folder, database) as installation, closing(open_store(database)) as store:
        store.learn_account("south", ACCOUNT)
        yield Door(installation, store, *sink)


@pytest.fixture
def calm(door: Door) -> Door:
    """No reconciliation is due on any portal, so that a new wish for one shows."""
    for name in ("north", "south"):
        door.store.reconcile_due(name, datetime.now(UTC))
        door.store.reconciled(name, datetime.now(UTC) + timedelta(days=1))
        door.store.clear_bells(name, door.store.bells(name, 10_000))
        assert not door.store.reconcile_due(name, datetime.now(UTC))
    return door


Forged = Callable[[Door], tuple[str, str | bytes]]
FORGED: Mapping[str, Forged] = {
    "a forged token": lambda door: (NORTH, door.bitrix24(**{"auth[application_token]": "k2m9q7w4x1z8c5v3"})),
    "a token with something after it": lambda door: (NORTH, door.bitrix24(**{"auth[application_token]": TOKEN + "0"})),
    "an empty token": lambda door: (NORTH, door.bitrix24(**{"auth[application_token]": ""})),
    "no token": lambda door: (NORTH, "event=ONCRMDEALUPDATE&data[FIELDS][ID]=123"),
    "nothing": lambda door: (NORTH, b""),
    "a token of other letters": lambda door: (NORTH, door.bitrix24(**{"auth[application_token]": "ключ-от-портала"})),
    "a token of raw octets": lambda door: (NORTH, b"auth[application_token]=\xff\xfe\x00\xd0&event=ONCRMDEALUPDATE"),
    "another portal's id": lambda door: (NORTH, door.bitrix24(**{"auth[member_id]": "0" * 32})),
    "no portal's id": lambda door: (NORTH, f"event=ONCRMDEALUPDATE&auth[application_token]={TOKEN}"),
    "an id of other letters": lambda door: (NORTH, door.bitrix24(**{"auth[member_id]": "портал"})),
    "an unknown portal": lambda door: ("/hooks/west", door.bitrix24()),
    "a portal of another name": lambda door: ("/hooks/%D1%81%D0%B5%D0%B2%D0%B5%D1%80", door.bitrix24()),
    "a token in the query": lambda door: (
        f"{NORTH}?auth[application_token]={TOKEN}&auth[member_id]={MEMBER}",
        "event=ONCRMDEALUPDATE",
    ),
    "Bitrix24's body at amoCRM's door": lambda door: (f"{NORTH}/{AMO_SECRET}", door.bitrix24()),
    "a wrong path secret": lambda door: ("/hooks/south/sandbox-path-secret-0f1e2d3c4b5a6979", door.amocrm()),
    "a path secret of other letters": lambda door: (f"/hooks/south/{quote('секрет')}", door.amocrm()),
    "a path secret of raw octets": lambda door: ("/hooks/south/%FF%FE%00", door.amocrm()),
    "no path secret": lambda door: ("/hooks/south", door.amocrm()),
    "an unknown amoCRM portal": lambda door: (f"/hooks/west/{AMO_SECRET}", door.amocrm()),
    "another account": lambda door: (SOUTH, door.amocrm(**{"account[id]": "31000112"})),
    "another account as JSON": lambda door: (SOUTH, '{"account": {"id": 31000112}, "leads": {"status": [{"id": 1}]}}'),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_proven_genuine_is_refused_in_one_and_the_same_way(name: str, calm: Door) -> None:
    before = calm.stored()
    stranger = calm.post("/hooks/nobody", "")
    answer = calm.post(*FORGED[name](calm))
    assert (answer.status_code, answer.content) == (404, stranger.content)
    assert set(answer.headers) == set(stranger.headers)
    assert calm.stored() == before
    assert not any(calm.store.reconcile_due(portal, datetime.now(UTC)) for portal in ("north", "south"))
    assert calm.called == []


def test_genuine_hooks_ring_for_what_they_name_and_nobody_named_in_them_is_called(calm: Door) -> None:
    for _ in range(3):
        assert calm.post(NORTH, calm.bitrix24()).status_code == 200
        assert calm.post(SOUTH, calm.amocrm()).status_code == 200
    assert [bell.ref for bell in calm.store.bells("north", 10)] == ["deal:123"]
    assert [bell.ref for bell in calm.store.bells("south", 10)] == ["deal:880501"]
    assert calm.called == []


def over_bounds(start: str) -> dict[str, bytes]:
    """Bodies that begin with what proves them and are then beyond reading."""
    octets = start.encode()
    return {
        "100,000 keys": octets + b"".join(b"&k%d=1" % number for number in range(100_000)),
        "a megabyte": octets + b"&text=" + b"x" * 1_000_000,
        "eight megabytes": octets + b"&text=" + b"x" * 8_000_000,
        "deep nesting": octets + b"&a" + b"[x]" * 1_000 + b"=1",
        "octets that are no text": octets + b"&name=%FF%FE&other=\xff",
        "a key of 10,000 characters": octets + b"&" + b"k" * 10_000 + b"=1",
    }


PROVEN = {
    NORTH: urlencode({"auth[member_id]": MEMBER, "auth[application_token]": TOKEN}),
    SOUTH: urlencode({"account[id]": ACCOUNT}),
}
UNREADABLE = [(path, name) for path, start in PROVEN.items() for name in over_bounds(start)]


@pytest.mark.parametrize(("path", "name"), UNREADABLE, ids=[f"{path[7:12]}-{name}" for path, name in UNREADABLE])
def test_a_genuine_body_beyond_reading_is_taken_counted_and_reconciled(path: str, name: str, calm: Door) -> None:
    portal = path.split("/")[2]
    before = calm.store.counts(portal)["unreadable_hooks"]
    assert calm.post(path, over_bounds(PROVEN[path])[name]).status_code == 200
    assert calm.store.counts(portal)["unreadable_hooks"] == before + 1
    assert calm.store.reconcile_due(portal, datetime.now(UTC))


@pytest.mark.parametrize(
    "body",
    [
        b'{"account": ',
        b"[" * 200_000,
        b'{"leads": ' * 50_000,
        b'{"account": {"id": 31000111}, "price": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe{",
    ],
    ids=["cut", "an endless list", "deep objects", "an endless number", "another encoding"],
)
def test_broken_json_with_the_right_secret_is_taken_and_reconciled(body: bytes, calm: Door) -> None:
    assert calm.post(SOUTH, body).status_code == 200
    assert calm.store.reconcile_due("south", datetime.now(UTC))


ODD = {
    "bad percent signs": "&event=%zz%&data[FIELDS][ID]=%1",
    "a NUL in a key": "&event=ONCRMDEALUPDATE&data[FIELDS]%00[ID]=5",
    "a NUL in a value": "&event=ONCRM%00DEALUPDATE&data[FIELDS][ID]=5%00",
    "no brackets closed": "&event=ONCRMDEALUPDATE&data[FIELDS[ID=5",
    "a list for a word": "&event[]=ONCRMDEALUPDATE&data=5",
    "an id that is none": "&event=ONCRMDEALUPDATE&data[FIELDS][ID]=-1",
    "an endless id": "&event=ONCRMDEALUPDATE&data[FIELDS][ID]=" + "9" * 400,
    "an event of later times": "&event=ONCRMSOMETHINGNEW&data[FIELDS][ID]=5",
    "leads that are a word": "&leads=all",
    "leads within leads": "&leads[status][0][0][0][id]=1",
    "a lead without an id": "&leads[status][0][name]=x",
    "an unknown entity": "&rockets[launch][0][id]=%00%0A",
}


@pytest.mark.parametrize("path", PROVEN, ids=["north", "south"])
@pytest.mark.parametrize("name", ODD)
def test_a_genuine_body_of_an_odd_shape_is_taken_and_makes_us_look(path: str, name: str, calm: Door) -> None:
    portal = path.split("/")[2]
    assert calm.post(path, PROVEN[path] + ODD[name]).status_code == 200
    assert calm.store.bells(portal, 1) or calm.store.reconcile_due(portal, datetime.now(UTC))


def test_an_amocrm_body_cut_anywhere_is_taken_and_makes_us_look(calm: Door) -> None:
    whole = calm.amocrm()
    for length in range(0, len(whole), 7):
        assert calm.post(SOUTH, whole[:length]).status_code == 200, whole[:length]
        looked = calm.store.bells("south", 1) or calm.store.reconcile_due("south", datetime.now(UTC))
        assert looked, whole[:length]
        calm.store.clear_bells("south", calm.store.bells("south", 10))
        calm.store.reconciled("south", datetime.now(UTC) + timedelta(days=1))


def test_a_bitrix24_body_cut_anywhere_is_proven_and_taken_or_refused(calm: Door) -> None:
    """Its proof stands at its end: without it nothing is stored."""
    whole = calm.bitrix24()
    for length in [*range(0, len(whole), 23), len(whole) - 1]:
        assert calm.post(NORTH, whole[:length]).status_code == 404, whole[:length]
    assert calm.store.bells("north", 1) == []


@pytest.mark.parametrize("path", [NORTH, SOUTH], ids=["north", "south"])
def test_a_connection_that_breaks_off_names_nobody_and_is_reconciled(path: str, calm: Door) -> None:
    """A cut id would be another deal's: with a proof and fewer octets than announced, nothing of it is believed."""
    portal = path.split("/")[2]
    deal = "&data[FIELDS][ID]=12" if path == NORTH else "&leads[status][0][id]=12"
    body = f"{PROVEN[path]}&event=ONCRMDEALUPDATE{deal}".encode()
    before = calm.store.counts(portal)["unreadable_hooks"]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: {len(body) + 3}"
    with socket.create_connection(("127.0.0.1", calm.installation.port), timeout=30) as line:
        line.sendall(head.encode() + b"\r\n\r\n" + body)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100).startswith(b"HTTP/1.1 200")
    assert calm.store.counts(portal)["unreadable_hooks"] == before + 1
    assert calm.store.bells(portal, 1) == []
    assert calm.store.reconcile_due(portal, datetime.now(UTC))


@pytest.mark.parametrize("path", [NORTH, SOUTH], ids=["north", "south"])
def test_the_doors_hear_posts_only(path: str, calm: Door) -> None:
    address = f"http://127.0.0.1:{calm.installation.port}{path}"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert requests.request(method, address, timeout=10).status_code == 405


def test_a_locked_database_is_answered_503_and_later_all_is_well(calm: Door) -> None:
    """amoCRM then tries again; Bitrix24's is found by the reconciliation."""
    with closing(sqlite3.connect(calm.installation.folder / "kasanie.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert [calm.post(NORTH, calm.bitrix24()).status_code, calm.post(SOUTH, calm.amocrm()).status_code] == [503] * 2
        connection.rollback()
    assert [calm.post(NORTH, calm.bitrix24()).status_code, calm.post(SOUTH, calm.amocrm()).status_code] == [200] * 2


def test_with_the_database_gone_the_service_lives_but_is_not_ready(
    tmp_path: Path, new_postgres: Callable[[], str], postgres_url: str, sink: tuple[str, list[str]]
) -> None:
    database = new_postgres()
    with open_door(tmp_path, database) as installation:
        web = f"http://127.0.0.1:{installation.port}"
        assert requests.get(f"{web}/readyz", timeout=10).text == "ready\n"
        server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {sa.make_url(database).database} WITH (FORCE)")
        gone = requests.get(f"{web}/readyz", timeout=10)
        assert (gone.status_code, gone.text) == (503, "not ready\n")
        assert requests.get(f"{web}/healthz", timeout=10).text == "ok\n"
        door = Door(installation, None, *sink)  # type: ignore[arg-type]  # its tables are gone
        assert door.post(NORTH, door.bitrix24()).status_code == 503
        assert door.post(SOUTH, door.amocrm()).status_code == 503
        assert door.post("/hooks/nobody", "").status_code == 404
    log = (tmp_path / "serve---no-worker.log").read_text(encoding="utf-8")
    password = str(sa.make_url(database).password or "")
    assert [secret for secret in (*SECRETS, password) if secret and secret in log] == []


def test_no_secret_is_in_any_log_of_the_run(door: Door) -> None:
    """Debug level and the access log included; it comes last, so the whole run is in it."""
    door.post(NORTH, door.bitrix24())
    door.post(SOUTH, door.amocrm())
    [log] = door.installation.folder.glob("*.log")
    text = log.read_text(encoding="utf-8")
    assert "POST /hooks/south/***" in text
    assert "hook.refused" in text
    assert "hook.unreadable" in text
    forms = {form for secret in SECRETS for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    assert [form for form in forms if form in text] == []
    assert "Traceback" not in text
