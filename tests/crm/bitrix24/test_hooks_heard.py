"""Outgoing webhooks as they arrive: raw bodies with the bells they must ring, and everything that is not genuine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.clicks import click_of
from connector.crm.bitrix24.webhook import DIRECT_EVENTS, EVENT_LIMIT, EVENTS, QUEUED_EVENTS, bell_of, hear
from connector.crm.port import Bell, Click, HookSecrets
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


@pytest.mark.parametrize("name", [name for name, _ in BELLS if "userfield" in name])
def test_a_changed_definition_of_a_field_makes_the_directory_be_read_again(name: str) -> None:
    assert hear(raw(name), SECRETS, None).fields_changed


def test_no_other_event_touches_the_directory_or_the_installation() -> None:
    for name, _ in BELLS:
        heard = hear(raw(name), SECRETS, None)
        assert heard.fields_changed is ("userfield" in name), name
        assert heard.removed is name.startswith("onappuninstall"), name
        assert (heard.new_application_token is not None) is name.startswith("onappupdate"), name
        assert bool(heard.clicks) is (name in CLICKS), name


def test_an_application_that_was_taken_off_says_whether_its_traces_are_to_go() -> None:
    told = {kind: hear(raw(f"onappuninstall__{kind}"), SECRETS, None).clean for kind in ("keep", "clean", "no_data")}
    assert told == {"keep": False, "clean": True, "no_data": False}


def test_an_update_of_the_application_is_proven_by_a_known_token_only() -> None:
    update = raw("onappupdate__same_token")
    told = hear(update, SECRETS, None).new_application_token
    assert told is not None
    assert told.get_secret_value() == TOKEN
    assert TOKEN not in repr(hear(update, SECRETS, None))
    with pytest.raises(NotGenuine):
        hear(update.replace(TOKEN.encode(), b"a-new-one-that-nobody-knows-yet"), SECRETS, None)


ABOUT = "offer-followup/deal:123/2026-09-01T08:00:00+00:00"
CLICKS: dict[str, Click] = {
    "oncrmtimelineitemaction__flat": Click(about=ABOUT, offer="activity:555", answer="later", days=3, by="7"),
    "oncrmtimelineitemaction__fields": Click(about=ABOUT, offer="activity:555", answer="accept", by="7"),
    "oncrmtimelineitemaction__action_params": Click(
        about=ABOUT, offer="activity:555", answer="decline", reason="Не тот клиент"
    ),
}


@pytest.mark.parametrize("name", CLICKS)
def test_a_click_in_every_shape_it_may_come_in(name: str) -> None:
    heard = hear(raw(name), SECRETS, None)
    assert (heard.clicks, heard.bells) == ((CLICKS[name],), ())


CLICKED = {"activityId": "555", "key": ABOUT, "answer": "decline", "userId": "7"}
UNTRUSTED: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({}, {"by": "7", "reason": None, "days": None}),
    ({"reason": "цена"}, {"reason": "цена", "days": None}),
    ({"reason": "x" * 201}, {"reason": None}),
    ({"reason": "a\nb"}, {"reason": None}),
    ({"reason": ["x"]}, {"reason": None}),
    ({"answer": "later", "reason": "цена", "days": "7"}, {"reason": None, "days": 7}),
    ({"answer": "later", "days": "0"}, {"days": None}),
    ({"answer": "later", "days": "-3"}, {"days": None}),
    ({"answer": "later", "days": "367"}, {"days": None}),
    ({"answer": "later", "days": "9" * 17}, {"days": None}),
    ({"answer": "accept", "days": "7"}, {"days": None}),
    ({"userId": "0"}, {"by": "1"}),
    ({"userId": "undefined"}, {"by": "1"}),
    ({"answer": "ACCEPT"}, None),
    ({"answer": ["accept"]}, None),
    ({"answer": "delete"}, None),
    ({"activityId": "0"}, None),
    ({"activityId": "555; drop"}, None),
    ({"key": ""}, None),
    ({"key": "x" * 301}, None),
    ({"key": "a\x00b"}, None),
    ({"key": {"0": "x"}}, None),
]


@pytest.mark.parametrize(("change", "expected"), UNTRUSTED)
def test_what_a_browser_may_say_in_a_click_is_bounded(change: dict[str, Any], expected: dict[str, Any] | None) -> None:
    click = click_of({**CLICKED, **change}, {"user_id": "1"})
    if expected is None:
        assert click is None
    else:
        assert click is not None
        assert {name: getattr(click, name) for name in expected} == expected


@pytest.mark.parametrize("nothing", [None, "undefined", [], ["x"], {}, {"FIELDS": "undefined"}])
def test_no_click_without_its_keys(nothing: Any) -> None:
    assert click_of(nothing, "undefined") is None


def test_an_event_of_the_queue_rings_the_same_bell() -> None:
    assert bell_of("ONCRMDEALADD", {"FIELDS": {"ID": 7}}) == Bell("deal:7", "oncrmdealadd")
    assert bell_of("ONTASKDELETE", {"FIELDS_BEFORE": {"ID": "9"}, "FIELDS_AFTER": "undefined"}) == Bell(
        "task:9", "ontaskdelete"
    )
    assert bell_of("ONCRMDEALADD", False) == Bell(None, "oncrmdealadd")  # what the queue says for no data
    assert bell_of("ONCRMTIMELINECOMMENTADD", {"ID": 7}) is None


def test_what_is_bound_is_what_is_understood() -> None:
    assert len(EVENTS) == len(set(EVENTS))
    assert set(EVENTS) == {*QUEUED_EVENTS, *DIRECT_EVENTS}
    for name in QUEUED_EVENTS:
        told = {"FIELDS": {"ID": "5"}, "FIELDS_AFTER": {"ID": "5"}}
        bell = bell_of(name, told)
        assert bell is not None
        assert (bell.ref or "").endswith(":5"), name
    assert "ONCRMDEALMOVETOCATEGORY" in QUEUED_EVENTS
    assert {"ONCRMTIMELINEITEMACTION", "ONAPPUNINSTALL", "ONAPPUPDATE"} <= set(DIRECT_EVENTS)


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
