"""Bodies as amoCRM posts them -> whom to look at again; forged, foreign, cut and oversized ones."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.crm.amocrm.webhook import hear
from connector.crm.port import Bell, HookSecrets
from connector.errors import NotGenuine, Unreadable

PAYLOADS = Path(__file__).parent / "payloads"
EXPECTED = json.loads((PAYLOADS / "bells.json").read_text())
SECRET = "s3cret-of-thirty-two-characters-0"
OURS = HookSecrets(portal="romashka", path_secret=SecretStr(SECRET), account="31000111")
STATUS = (PAYLOADS / "leads_status.txt").read_bytes()


def test_every_payload_has_its_expectation() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_genuine_body_rings_for_whom_it_concerns(name: str) -> None:
    heard = hear((PAYLOADS / f"{name}.txt").read_bytes(), OURS, SECRET)
    assert heard.bells == tuple(Bell(ref, event) for ref, event in EXPECTED[name])


@pytest.mark.parametrize(
    "given", [None, "", "wrong", SECRET + "0", SECRET[:-1], SECRET.upper(), "пароль", "\udce9", "\x00"]
)
def test_a_wrong_or_absent_path_secret_proves_nothing(given: str | None) -> None:
    with pytest.raises(NotGenuine):
        hear(STATUS, OURS, given)


@pytest.mark.parametrize("kept", [None, SecretStr("")])
@pytest.mark.parametrize("given", [None, "", "anything"])
def test_without_a_secret_of_ours_nothing_is_genuine(kept: SecretStr | None, given: str | None) -> None:
    with pytest.raises(NotGenuine):
        hear(STATUS, HookSecrets(portal="romashka", path_secret=kept), given)


@pytest.mark.parametrize(
    "body", [STATUS.replace(b"31000111", b"31000112"), b"account_id=5&leads[add][0][id]=7", b'{"account_id": 5}']
)
def test_another_accounts_body_is_not_genuine_even_with_our_secret(body: bytes) -> None:
    with pytest.raises(NotGenuine):
        hear(body, OURS, SECRET)


def test_before_the_account_is_known_the_secret_is_enough() -> None:
    unknown = HookSecrets(portal="romashka", path_secret=SecretStr(SECRET))
    assert hear(STATUS, unknown, SECRET).bells == (Bell("deal:880501", "leads[status]"),)


UNREADABLE = {
    "empty": b"",
    "names no account": b"leads[status][0][id]=880501",
    "account without id": b"account[subdomain]=romashka&leads[status][0][id]=880501",
    "over 512 KiB": STATUS + b"&x=" + b"y" * 600_000,
    "10^5 keys": STATUS + b"".join(b"&k%d=1" % number for number in range(100_000)),
    "deep": STATUS + b"&a" + b"[b]" * 200 + b"=1",
    "not UTF-8": STATUS + b"&name=%ff%fe",
    "cut JSON": b'{"account_id": 31000111, "event": {"data"',
    "JSON list": b'{"a": 1}'[:-1],
    "deep JSON": b'{"a":' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_proven_but_unreadable_is_told_apart_from_forged(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unreadable):
        hear(UNREADABLE[name], OURS, SECRET)
    assert time.monotonic() - started < 5
    with pytest.raises(NotGenuine):
        hear(UNREADABLE[name], OURS, "wrong")


def test_cut_anywhere_a_genuine_body_is_read_or_unreadable() -> None:
    for end in range(len(STATUS)):
        try:
            bells = hear(STATUS[:end], OURS, SECRET).bells
        except Unreadable:
            continue
        assert all(bell.ref is None or bell.ref.startswith("deal:") for bell in bells)


@given(st.binary(max_size=400))
def test_no_body_breaks_the_ear(junk: bytes) -> None:
    for body in (junk, STATUS + b"&" + junk, b"{" + junk):
        try:
            heard = hear(body, OURS, SECRET)
        except (Unreadable, NotGenuine):
            continue
        assert all(len(bell.event) <= 64 and bell.event.isprintable() for bell in heard.bells)
