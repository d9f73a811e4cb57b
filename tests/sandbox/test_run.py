"""The sandbox as a process: what --describe tells, its options, and that it ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from bitrix24_portal import open_portal
from sandbox_fixture import ROOT, run_sandbox

from connector.sandbox.run import Options, main, start

DESCRIBED = {
    *("name", "crm", "base_url", "host", "rest_url", "oauth_url", "oauth_root", "client_id", "client_secret"),
    *("access_token", "refresh_token", "member_id", "application_token", "account_id", "subdomain", "users"),
    "hook_target",
}


def test_a_process_describes_both_crms_and_is_driven_from_outside() -> None:
    with run_sandbox(portals=2, clients=10) as sandbox:
        assert [one["name"] for one in sandbox.portals] == ["bitrix24-1", "bitrix24-2", "amocrm-1", "amocrm-2"]
        assert len({one["base_url"] for one in sandbox.portals}) == 4
        assert len({one["host"] for one in sandbox.portals}) == 4
        for portal in sandbox.portals:
            assert set(portal) == DESCRIBED
            assert portal["base_url"].startswith("http://127.0.0.1:")
            assert portal["users"][0].keys() >= {"id", "name", "role"}
            secrets = ("client_secret", "access_token", "refresh_token", "application_token", "member_id")
            assert all(portal[name] is None or portal[name].startswith("sandbox-") for name in secrets)
        bitrix24, amocrm = sandbox.portal("bitrix24"), sandbox.portal("amocrm", 2)
        assert (bitrix24["account_id"], bitrix24["subdomain"]) == (None, None)
        assert (amocrm["rest_url"], amocrm["member_id"], amocrm["subdomain"]) == (None, None, "amocrm-2")
        answer = sandbox.session.post(bitrix24["rest_url"] + "user.current", timeout=5)
        assert answer.json()["result"]["ID"] == "1"
        sandbox.post("deals", {"company": "Ромашка", "title": "Новая"}, portal="amocrm-2")
        assert sandbox.advance("1 day")
        assert sandbox.ledger("amocrm-2")["crm"] == "amocrm"


def test_ctrl_c_ends_it_with_code_0(tmp_path: Path) -> None:
    described = tmp_path / "deep" / "portals.json"
    command = [sys.executable, "-m", "connector.sandbox.run", "--describe", str(described), "--crm", "bitrix24"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline().startswith("bitrix24-1: http://127.0.0.1:")
        told = json.loads(described.read_text(encoding="utf-8"))
        assert set(told["stories"]) == {"Ромашка", "Вектор", "Альфа-Строй", "Северсталь-Метиз", "Полимер"}
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 0
        assert running.stderr.read() == ""


def test_a_taken_port_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            assert main(["--port", str(taken.getsockname()[1]), "--clients", "5"]) == 2
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    assert "can't listen" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hook-target", "http://example.com/"],
        ["--portals", "0"],
        ["--clients", "1"],
        ["--now", "soon"],
        ["--crm", "x"],
    ],
)
def test_wrong_options_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_nothing_stays_behind() -> None:
    before = threading.active_count()
    running = start(Options(clients=5, portals=2))
    urls = [portal.config.base_url for portal in running.portals]
    port = int(urls[0].rpartition(":")[2])
    with requests.Session() as session, socket.create_connection(("127.0.0.1", port)) as says_nothing:
        assert all(session.get(url, timeout=5).status_code == 200 for url in urls)
        running.stop()
        says_nothing.settimeout(5)
        assert says_nothing.recv(1) == b""
    assert threading.active_count() == before
    for url in urls:
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)


def test_size_limits_and_answer_times_are_options() -> None:
    with open_portal(clients=8, deals=30, limits={"rate": 0, "page": 7}, answer_ms=50) as portal:
        assert len([one for one in portal.base.deals.values() if one.title.startswith("Заявка")]) == 30
        answer = portal.ask("crm.item.list", entityTypeId=2, select=["id"])
        assert len(answer.json()["result"]["items"]) == 7
        assert answer.elapsed.total_seconds() >= 0.05
