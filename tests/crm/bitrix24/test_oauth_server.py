"""Bitrix24's OAuth server: who proves what, a pair of tokens for an older one, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.oauth import Proof, prove_installation, renewal
from connector.crm.port import App, Tokens
from connector.errors import Blocked, CrmError, Throttled, Unavailable
from connector.sentences.crm_errors import SENTENCES
from crm.bitrix24.emulated import Emulated, opened
from crm.canned import Canned, CannedServer, canned_server


@pytest.fixture(scope="module")
def portal() -> Iterator[Emulated]:
    """One portal for the whole file."""
    with opened("app", clients=10) as running:
        yield running


def test_an_installation_is_proven_by_the_oauth_server(portal: Emulated) -> None:
    told = portal.told
    proof = prove_installation(told["oauth_root"], portal.tokens().current().access)
    host = urlsplit(told["base_url"]).netloc
    assert (proof.client_id, proof.member_id, proof.host) == (told["client_id"], told["member_id"], host)
    assert "crm" in proof.scope
    assert proof.user_id


def test_a_token_that_nobody_gave_out_proves_nothing(portal: Emulated) -> None:
    with pytest.raises(Blocked):
        prove_installation(portal.told["oauth_root"], SecretStr("forged"))


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


INSTALL = {"member_id": "m1", "domain": "Sever.bitrix24.ru", "client_endpoint": "https://sever.bitrix24.ru/rest/"}
PROOFS: list[tuple[Any, Proof | None]] = [
    (
        {"result": {"client_id": "local.1", "scope": "crm,task", "user_id": 7, "install": INSTALL}},
        Proof(
            client_id="local.1",
            member_id="m1",
            domain="sever.bitrix24.ru",
            host="sever.bitrix24.ru",
            scope=("crm", "task"),
            user_id="7",
        ),
    ),
    (
        {"client_id": "local.1", "scope": "crm task", "install": {"member_id": "m1", "domain": "s.bitrix24.ru"}},
        Proof(
            client_id="local.1",
            member_id="m1",
            domain="s.bitrix24.ru",
            host="s.bitrix24.ru",
            scope=("crm", "task"),
            user_id=None,
        ),
    ),
    ({"result": {"client_id": "local.1", "install": []}}, None),
    ({"result": {"client_id": "local.1", "install": {"domain": "s.bitrix24.ru"}}}, None),
    ({"result": {"client_id": None, "install": INSTALL}}, None),
    ({"result": []}, None),
]


@pytest.mark.parametrize(("body", "expected"), PROOFS)
def test_a_proof_names_application_portal_and_address(server: CannedServer, body: Any, expected: Proof | None) -> None:
    server.answer = lambda _: Canned(body)
    if expected is None:
        with pytest.raises(Blocked):
            prove_installation(server.url, SecretStr("t"))
    else:
        assert prove_installation(server.url, SecretStr("t/+ ")) == expected
        assert server.asked[-1].path == "/rest/app.info/?auth=t%2F%2B+"


OAUTH: list[tuple[int, Any, type[CrmError], str]] = [
    (400, {"error": "invalid_grant"}, Blocked, "crm-install"),
    (401, {"error": "NOT_INSTALLED"}, Blocked, "crm-install"),
    (400, {"error": "invalid_client"}, Blocked, "crm-app-keys"),
    (200, {"error": "wrong_client", "error_description": "Wrong client"}, Blocked, "crm-app-keys"),
    (400, {"error": "invalid_request"}, Blocked, "crm-app-keys"),
    (400, {"error": "invalid_scope"}, Blocked, "crm-app-scope"),
    (403, {"error": "insufficient_scope"}, Blocked, "crm-app-scope"),
    (401, {"error": "PAYMENT_REQUIRED", "error_description": "Payment required"}, Blocked, "crm-payment"),
    (401, {"error": "invalid_token"}, Blocked, "crm-install"),
    (400, {"error": "something new"}, Blocked, "crm-install"),
    (503, {"error": "QUERY_LIMIT_EXCEEDED"}, Throttled, "crm-wait"),
    (429, b"", Throttled, ""),
    (500, {"error": "INTERNAL_SERVER_ERROR"}, Unavailable, "crm-oauth-silent"),
    (500, {"error": "something new"}, Unavailable, "crm-oauth-silent"),
    (502, b"<html>", Unavailable, "crm-oauth-silent"),
    (200, b"<html>", Unavailable, "crm-oauth-silent"),
    (200, b"", Unavailable, "crm-oauth-silent"),
    (200, {"access_token": "a"}, Unavailable, "crm-oauth-silent"),
    (302, b"<html>", Unavailable, "crm-oauth-silent"),
]


class NoKeeper:
    """A keeper that is not asked in these tests."""

    def current(self) -> Tokens:
        raise AssertionError

    def renew(self, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        raise AssertionError


@pytest.mark.parametrize(("status", "body", "expected", "advice"), OAUTH)
def test_the_oauth_server_is_judged_by_its_code(
    server: CannedServer, status: int, body: Any, expected: type[CrmError], advice: str
) -> None:
    """Only what a person must mend closes the portal; a server that is down is asked again."""
    server.answer = lambda _: Canned(body, status=status)
    app = App(client_id="local.1", client_secret=SecretStr("s3cret"), oauth_url=server.url, keeper=NoKeeper())
    with pytest.raises(CrmError) as caught:
        renewal(app, "p")(Tokens(access=SecretStr("a"), refresh=SecretStr("r3fresh")))
    assert (type(caught.value), caught.value.advice) == (expected, advice)
    assert advice == "" or SENTENCES[advice]
    assert "s3cret" not in str(caught.value)
    assert "r3fresh" not in str(caught.value)


def test_a_renewal_takes_the_new_pair(server: CannedServer) -> None:
    server.answer = lambda _: Canned({"access_token": "a2", "refresh_token": "r2", "expires_in": "3600"})
    app = App(client_id="local.1", client_secret=SecretStr("s"), oauth_url=server.url + "/", keeper=NoKeeper())
    pair = renewal(app, "p")(Tokens(access=SecretStr("a"), refresh=SecretStr("r")))
    assert (pair.access.get_secret_value(), pair.refresh.get_secret_value()) == ("a2", "r2")
    assert server.asked[0].path == (
        "/oauth/token/?grant_type=refresh_token&client_id=local.1&client_secret=s&refresh_token=r"
    )
