"""The API of the card's widget: proven by its disposable token, from the account's pages only, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from amocrm_portal import NAME, PUBLIC, REDIRECT, write_config
from flask.testing import FlaskClient
from sandbox_fixture import Sandbox, run_sandbox
from store_rows import NOW, asked, fact, intent, judged
from werkzeug.test import TestResponse

from connector.crm.port import Choice, Outcome, Page
from connector.opening import Opened, open_all
from connector.web import amocrm_widget, create_web
from rules.ledger import Asked, State

PATH = "/embed/amocrm/offers"
CARD = {"entity": "leads", "id": "7"}
CHOICES = (
    Choice(label="Поставить задачу", answer="accept"),
    Choice(label="Позже: через 3 дня", answer="later", days=3),
    Choice(label="Отклонить: Уже сделано", answer="decline", reason="Уже сделано"),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", clients=5, rate=0) as running:
        running.post("app", {"redirect_url": REDIRECT})
        yield running


@dataclass
class Card:
    """The web application and the account's page that calls it."""

    sandbox: Sandbox
    opened: Opened
    client: FlaskClient

    @property
    def told(self) -> dict[str, Any]:
        return self.sandbox.portals[0]

    def token(self, **forged: Any) -> str:
        return str(self.sandbox.post("widget_token", {"user": 3, **forged})["token"])

    def headers(self, **changed: str | None) -> dict[str, str]:
        told = {"Origin": self.told["base_url"], "X-Auth-Token": self.token(), **changed}
        return {name: text for name, text in told.items() if text is not None}

    def look(self, card: dict[str, str] | None = None, *, token: str | None = None) -> TestResponse:
        headers = self.headers(**{"X-Auth-Token": self.token() if token is None else token})
        return self.client.get(PATH, query_string=card or CARD, headers=headers)

    def answer(self, about: str, body: Any) -> TestResponse:
        return self.client.post(f"{PATH}/{about}", json=body, headers=self.headers())

    def clicks(self) -> list[tuple[str, str, str | None, int | None, str | None]]:
        found = [row.click for row in self.opened.store.answers(NAME)]
        return [(one.offer, one.answer, one.by, one.days, one.reason) for one in found]

    def offer(self, subject: str, client: str = "company:1", choices: tuple[Choice, ...] = CHOICES) -> str:
        """An open proposal about this card; its name."""
        row = asked(subject=subject, client=client, state=State.OFFERED, mode="propose")
        key = f"{row.key}#offer"
        self.record(row, title="Предложение: позвонить", text="Позвонить.", choices=choices)
        self.settle(key, f"task:{len(self.opened.store.ledger(NAME))}")
        return str(row.key)

    def record(self, row: Asked, **more: Any) -> None:
        self.opened.store.record(NAME, [judged(row, intents=(intent(row, "offer_touch", "offer", **more),))], NOW)

    def settle(self, key: str, remote_id: str | None) -> None:
        store = self.opened.store
        assert store.renew_lease(NAME, "w", 60) or store.take_lease(NAME, "w", 60)
        assert store.start_effects(NAME, "w", [key], 60, 60)
        store.settle_effects(NAME, [Outcome(key=key, status="done", remote_id=remote_id)], NOW)


@pytest.fixture
def card(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    """An account with a long-lived token; its integration's keys stand beside it."""
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    told = sandbox.portals[0]
    path = write_config(tmp_path, told, f"sqlite:///{tmp_path / 'kasanie.db'}", token=told["access_token"])
    opened = open_all(path)
    opened.portals.learn(NAME, str(told["account_id"]))
    yield Card(sandbox, opened, create_web(opened).test_client())
    opened.close()
    structlog.reset_defaults()


# who may call
def test_a_token_of_the_account_opens_the_door_to_its_page_alone(card: Card) -> None:
    answer = card.look()
    assert (answer.status_code, answer.json) == (200, {"offers": []})
    assert answer.headers["Access-Control-Allow-Origin"] == card.told["base_url"]
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Origin", "no-store")
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "forged",
    [
        {"age": 1800 + 31},
        {"age": -31},
        {"nbf": 4102444800},
        {"exp": 4102444800},
        {"exp": "tomorrow"},
        {"exp": "4102444800"},
        {"exp": 10**400},
        {"key": "x" * 64},
        {"alg": "HS512"},
        {"alg": "none"},
        {"aud": "http://other.example"},
        {"aud": [PUBLIC, "http://other.example"]},
        {"iss": "https://other.amocrm.ru"},
        {"account_id": 31_000_099},
        {"client_uuid": "another"},
        {"client_uuid": ["another"]},
        {"user_id": "3"},
        {"user_id": 0},
        {"jti": 7},
        {"jti": "x" * 300},
        *({name: None} for name in ("iss", "aud", "jti", "nbf", "exp", "account_id", "user_id", "client_uuid")),
    ],
    ids=str,
)
def test_a_forged_token_is_refused(card: Card, forged: dict[str, Any]) -> None:
    answer = card.look(token=card.token(**forged))
    assert (answer.status_code, answer.json) == (401, {"error": "token"})


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "é.é.é", "e30.W10.eA", "e30." + "W1tb" * 900 + ".eA", "x" * 5000],
    ids=lambda token: token[:12],
)
def test_what_is_no_token_is_refused(card: Card, token: str) -> None:
    assert card.client.get(PATH, query_string=CARD, headers=card.headers(**{"X-Auth-Token": None})).status_code == 401
    answer = card.look(token=token.encode().decode("latin-1"))
    assert answer.status_code == 401


def test_clocks_may_differ_by_half_a_minute(card: Card) -> None:
    for age in (1800 + 20, -20):
        assert card.look(token=card.token(age=age)).status_code == 200


def test_a_token_counts_once_and_a_refused_one_is_not_used_up(card: Card) -> None:
    token = card.token()
    other = {"Origin": "https://other.amocrm.ru", "X-Auth-Token": token}
    assert card.client.get(PATH, query_string=CARD, headers=other).status_code == 403
    assert [card.look(token=token).status_code for _ in range(3)] == [200, 401, 401]


def test_a_token_opens_nothing_to_another_accounts_page(sandbox: Sandbox, card: Card, tmp_path: Path) -> None:
    config = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    known, other = config["portals"][NAME], "http://127.0.0.1:1"
    config["portals"]["west"] = {**known, "url": other, "client_id": "another"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    opened = open_all(tmp_path / "config.yaml")
    both = Card(sandbox, opened, create_web(opened).test_client())
    asked_by = [both.headers(Origin=origin) for origin in (other, card.told["base_url"])]
    answers = [both.client.get(PATH, query_string=CARD, headers=headers) for headers in asked_by]
    assert [answer.status_code for answer in answers] == [401, 200]
    opened.close()


@pytest.mark.parametrize("origin", [None, "https://other.amocrm.ru", "null", "http://127.0.0.1"])
def test_pages_of_other_origins_are_told_nothing(card: Card, origin: str | None) -> None:
    offered = card.offer("deal:7")
    calls = [
        card.client.get(PATH, query_string=CARD, headers=card.headers(Origin=origin)),
        card.client.post(f"{PATH}/{offered}", json={"answer": "accept"}, headers=card.headers(Origin=origin)),
        card.client.options(PATH, headers={"Origin": origin} if origin else {}),
    ]
    for answer in calls:
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert card.clicks() == []


def test_the_browser_is_told_what_the_page_may_send(card: Card) -> None:
    asked_for = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-auth-token,content-type"}
    for path in (PATH, f"{PATH}/rule/deal:7/created"):
        answer = card.client.options(path, headers={"Origin": card.told["base_url"], **asked_for})
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == card.told["base_url"]
        assert answer.headers["Access-Control-Allow-Headers"] == "X-Auth-Token, Content-Type"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"


def test_one_person_may_not_call_on_end(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = amocrm_widget.Meter(2)
    assert [meter.let("south/3") for _ in range(3)] == [True, True, False]
    assert meter.let("south/4")
    monkeypatch.setattr(amocrm_widget, "A_MINUTE", 1)
    card.client = create_web(card.opened).test_client()
    assert {card.look().status_code for _ in range(3)} == {200, 429}


# what is shown
def test_a_card_shows_what_is_offered_about_it_and_about_whose_it_is(card: Card) -> None:
    about_deal, about_client = card.offer("deal:7"), card.offer("company:1")
    card.offer("deal:8")
    card.offer("company:2", client="company:2")
    page = Page(facts=(fact("deal", "7", "company:1"), fact("company", "1"), fact("deal", "8", "company:1")))
    card.opened.store.save_page(NAME, page, NOW)
    told = card.look().json
    assert told is not None
    assert sorted(one["about"] for one in told["offers"]) == sorted([about_deal, about_client])
    one = next(one for one in told["offers"] if one["about"] == about_deal)
    assert (one["title"], one["text"], one["answered"]) == ("Предложение: позвонить", "Позвонить.", False)
    assert one["choices"][1] == {"label": "Позже: через 3 дня", "answer": "later", "days": 3, "reason": None}
    company = card.look({"entity": "companies", "id": "1"}).json
    assert company is not None
    assert [one["about"] for one in company["offers"]] == [about_client]


@pytest.mark.parametrize("asked_for", [{"entity": "tasks", "id": "7"}, {"entity": "leads", "id": "x"}, {"id": "7"}])
def test_a_card_that_is_none_is_not_looked_up(card: Card, asked_for: dict[str, str]) -> None:
    assert card.look(asked_for).status_code == 422


# what is answered
@pytest.mark.parametrize(
    ("body", "click"),
    [
        ({"answer": "accept"}, ("accept", "3", None, None)),
        ({"answer": "later", "days": 7}, ("later", "3", 7, None)),
        ({"answer": "later"}, ("later", "3", None, None)),
        ({"answer": "decline", "reason": "Уже сделано"}, ("decline", "3", None, "Уже сделано")),
        ({"answer": "accept", "days": 7, "reason": "x"}, ("accept", "3", None, None)),
    ],
)
def test_an_answer_is_kept_like_a_pressed_button(card: Card, body: dict[str, Any], click: tuple[Any, ...]) -> None:
    about = card.offer("deal:7")
    answer = card.answer(about, body)
    assert (answer.status_code, answer.json) == (200, {"answered": True})
    assert card.clicks() == [("task:1", *click)]
    shown = card.look().json
    assert shown is not None
    assert [one["answered"] for one in shown["offers"]] == [True]


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], {"answer": "yes"}, {"answer": "later", "days": 0}, {"answer": "later", "days": 366}),
        *(
            {"answer": "later", "days": "7"},
            {"answer": "decline", "reason": "x" * 201},
            {"answer": "accept", "by": "1"},
        ),
        {"answer": "decline", "reason": "x" * 5000},
    ],
    ids=lambda body: str(body)[:30],
)
def test_a_body_that_is_no_answer_changes_nothing(card: Card, body: Any) -> None:
    assert card.answer(card.offer("deal:7"), body).status_code == 422
    assert card.clicks() == []


def test_only_json_is_an_answer(card: Card) -> None:
    about = card.offer("deal:7")
    answer = card.client.post(f"{PATH}/{about}", data='{"answer":"accept"}', headers=card.headers())
    assert (answer.status_code, card.clicks()) == (422, [])


def test_what_waits_for_no_answer_takes_none(card: Card) -> None:
    last = card.offer("deal:7", choices=CHOICES[:1])
    row = asked(subject="deal:9", state=State.OFFERED, mode="propose")
    card.record(row)
    for about in ("rule", "call/deal:404/created", "/", str(row.key)):
        assert card.answer(about, {"answer": "accept"}).status_code in (404, 409)
    assert card.answer(last, {"answer": "later"}).status_code == 409, "it may not be put off any more"
    assert card.clicks() == []


def test_while_our_own_word_is_on_its_way_nothing_is_shown(card: Card) -> None:
    about = card.offer("deal:7")
    row = next(one for one in card.opened.store.ledger(NAME) if str(one.key) == about)
    again = intent(row, "show_offer", "show:1", choices=CHOICES)
    card.opened.store.record(NAME, [judged(intents=(again,))], NOW)
    assert card.look().json == {"offers": []}
    assert card.answer(about, {"answer": "accept"}).status_code == 409
