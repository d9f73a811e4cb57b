"""The judges' surroundings: a trusted name leads to the sandbox, any other leads nowhere."""

from __future__ import annotations

import socket

import pytest
import requests

from clients.conftest import OAUTH_HOST, Portal

SOMEBODY_ELSE = ("b24pysdk.example.com", "oauth.bitrix.info", "8.8.8.8")


def test_portal_answers_on_its_own_name_over_https(portals: dict[str, Portal]) -> None:
    portal = portals["limits"]
    answer = requests.get(f"https://{portal.domain}/rest/{portal.webhook}/server.time", timeout=10)
    assert (answer.status_code, "result" in answer.json()) == (200, True)
    assert portal.ledger["requests"][-1]["status"] == 200


def test_stranger_without_the_certificate_refuses_the_portal(
    portals: dict[str, Portal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{portals['limits'].domain}/rest/", timeout=10)


@pytest.mark.parametrize("name", SOMEBODY_ELSE)
def test_no_other_name_is_reached(names: list[str], name: str) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"https://{name}/", timeout=10)
    assert names == [name]
    names.clear()


def test_oauth_server_is_this_machine() -> None:
    assert {told[4][0] for told in socket.getaddrinfo(OAUTH_HOST, 443)} == {"127.0.0.1"}
