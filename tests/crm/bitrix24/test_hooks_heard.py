"""Outgoing webhooks as they arrive: raw bodies with the bells they must ring, and everything that is not genuine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.webhook import EVENT_LIMIT, hear
from connector.crm.port import HookSecrets
from connector.errors import NotGenuine, Unreadable

PAYLOADS = Path(__file__).parent / "payloads"
BELLS = [line.split() for line in (PAYLOADS / "bells.txt").read_text(encoding="utf-8").splitlines()]
TOKEN = "k2m9q7w4x1z8c5v3b6n0p2r4t6y8u1i3"
MEMBER = "3f0c6c1e2b7d4a55a1b2c3d4e5f60718"
SECRETS = HookSecrets(portal="sever", application_tokens=(SecretStr("another"), SecretStr(TOKEN)), member_id=MEMBER)


def raw(name: str) -> bytes:
    return (PAYLOADS / f"{name}.txt").read_bytes()


def test_every_payload_has_its_expectation() -> None:
    assert {name for name, _ in BELLS} == {path.stem for path in PAYLOADS.glob("*.txt")} - {"bells"}


@pytest.mark.parametrize(("name", "bell"), BELLS, ids=[name for name, _ in BELLS])
def test_a_genuine_body_rings_its_bell(name: str, bell: str) -> None:
    """`-`: nothing to look at; `?`: genuine, yet only a reconciliation can tell."""
    heard = hear(raw(name), SECRETS, None)
    expected = {"-": [], "?": [None]}.get(bell, [bell])
    assert [one.ref for one in heard.bells] == expected
    assert heard.account == MEMBER
    event = name.partition("__")[0]
    assert all(one.event.startswith(event if event != "noevent" else "") for one in heard.bells)
    assert all(one.event == one.event.lower() and len(one.event) <= EVENT_LIMIT for one in heard.bells)


GENUINE = raw("oncrmdealupdate__webhook")


@pytest.mark.parametrize(
    "body",
    [
        GENUINE.replace(TOKEN.encode(), b"k2m9q7w4x1z8c5v3b6n0p2r4t6y8u1i4"),
        GENUINE.replace(TOKEN.encode(), b""),
        GENUINE.replace(TOKEN.encode(), TOKEN.encode()[:-1]),
        GENUINE.replace(TOKEN.encode(), b"%D1%82%D0%BE%D0%BA%D0%B5%D0%BD"),
        GENUINE.replace(TOKEN.encode(), b"%ff%fe"),
        GENUINE.replace(b"application_token%5D=", b"application_token%5D%5B%5D="),
        GENUINE.replace(b"auth%5Bapplication_token%5D=", b"application_token="),
        GENUINE.replace(MEMBER.encode(), b"00000000000000000000000000000000"),
        GENUINE.replace(b"auth%5Bmember_id%5D=" + MEMBER.encode() + b"&", b""),
        GENUINE + b"&auth[application_token]=",
        GENUINE.partition(b"&auth")[0],
        b'{"auth": {"application_token": "' + TOKEN.encode() + b'", "member_id": "' + MEMBER.encode() + b'"}}',
        b"",
        b"\x00\xff" * 1000,
    ],
    ids=[
        "other",
        "empty",
        "shorter",
        "russian",
        "not-utf8",
        "list",
        "misplaced",
        "other-portal",
        "no-portal",
        "overwritten",
        "cut-before-auth",
        "json",
        "nothing",
        "noise",
    ],
)
def test_what_is_not_proven_is_not_genuine(body: bytes) -> None:
    with pytest.raises(NotGenuine):
        hear(body, SECRETS, None)


def test_without_a_configured_token_nothing_is_genuine() -> None:
    for tokens in ((), (SecretStr(""),)):
        with pytest.raises(NotGenuine):
            hear(GENUINE.replace(TOKEN.encode(), b""), HookSecrets(portal="sever", application_tokens=tokens), None)


def test_the_first_proven_hook_tells_the_portals_id() -> None:
    secrets = HookSecrets(portal="sever", application_tokens=(SecretStr(TOKEN),))
    assert hear(GENUINE, secrets, None).account == MEMBER
    assert hear(GENUINE.replace(b"auth%5Bmember_id%5D=" + MEMBER.encode() + b"&", b""), secrets, None).account is None
    with pytest.raises(NotGenuine):
        hear(GENUINE.replace(MEMBER.encode(), b"../../etc%0A"), secrets, None)


@pytest.mark.parametrize(
    "broken",
    [
        GENUINE + b"&name=%D0",
        GENUINE + b"&x=" + b"y" * 600_000,
        b"&".join([b"a[]=1"] * 20_000) + b"&" + GENUINE,
        GENUINE + b"&a" + b"[b]" * 20 + b"=1",
        GENUINE + b"&" + b"k" * 300 + b"=1",
    ],
    ids=["cut-letter", "too-long", "too-many-pairs", "too-deep", "long-key"],
)
def test_a_genuine_body_that_cannot_be_read_says_so(broken: bytes) -> None:
    with pytest.raises(Unreadable):
        hear(broken, SECRETS, None)


def test_a_body_cut_after_its_proof_still_rings() -> None:
    whole = raw("oncrmdealupdate__app_user")
    cut = whole[: whole.index(b"&auth%5Bexpires") + 8]
    assert [bell.ref for bell in hear(cut, SECRETS, None).bells] == ["deal:123"]
