"""What an administrator and the card's widget do on an account of the sandbox: task types, X-Auth-Token (1.7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from sandbox_fixture import Sandbox, run_sandbox

AUDIENCE = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="amocrm", clients=5, rate=0) as running:
        yield running


def read(sandbox: Sandbox, token: str, algorithm: str = "HS256") -> dict[str, Any]:
    portal = sandbox.portals[0]
    read: dict[str, Any] = jwt.decode(
        token, portal["client_secret"], [algorithm], audience=AUDIENCE, issuer=portal["base_url"]
    )
    return read


def test_the_widgets_token_is_signed_by_the_integrations_secret(sandbox: Sandbox) -> None:
    sandbox.post("app", {"redirect_url": f"{AUDIENCE}/oauth/amocrm"})
    one, other = (sandbox.post("widget_token", {"user": 3})["token"] for _ in range(2))
    told = read(sandbox, one)
    assert told["exp"] - told["iat"] == 1800
    assert told["jti"] != read(sandbox, other)["jti"]
    named = {name: told[name] for name in ("account_id", "user_id", "subdomain", "is_admin", "client_uuid")}
    client = sandbox.portals[0]["client_id"]
    assert named == {
        "account_id": 31_000_001,
        "user_id": 3,
        "subdomain": "amocrm-1",
        "is_admin": False,
        "client_uuid": client,
    }


@pytest.mark.parametrize(
    ("forged", "error"),
    [
        ({"age": 3600}, jwt.ExpiredSignatureError),
        ({"age": -600}, jwt.ImmatureSignatureError),
        ({"key": "x" * 64}, jwt.InvalidSignatureError),
        ({"alg": "HS512"}, jwt.InvalidAlgorithmError),
        ({"alg": "none"}, jwt.InvalidAlgorithmError),
        ({"aud": "http://other.example"}, jwt.InvalidAudienceError),
        ({"iss": "https://other.amocrm.ru"}, jwt.InvalidIssuerError),
    ],
)
def test_a_forged_token_is_forged_as_ordered(sandbox: Sandbox, forged: dict[str, Any], error: type[Exception]) -> None:
    token = sandbox.post("widget_token", {"user": 3, "aud": AUDIENCE, **forged})["token"]
    with pytest.raises(error):
        read(sandbox, token)


def test_a_proposal_is_answered_by_hand_on_the_clients_card(sandbox: Sandbox) -> None:
    portal = sandbox.portals[0]
    sandbox.post("task_types", {"add": ["Предложение"]})
    kinds = sandbox.get("portals")["portals"][0]["task_types"]
    kind = next(one["id"] for one in kinds if one["title"] == "Предложение")
    offer = {"text": "Предложение: позвонить", "complete_till": 1_800_000_000, "task_type_id": kind}
    headers = {"Authorization": f"Bearer {portal['access_token']}"}
    body = [{**offer, "entity_id": 1, "entity_type": "companies"}]
    made = sandbox.session.post(f"{portal['base_url']}/api/v4/tasks", json=body, headers=headers, timeout=5).json()
    task = made["_embedded"]["tasks"][0]["id"]
    page = sandbox.session.get(f"{portal['base_url']}/cards/company/1", timeout=5).text
    assert '<span class="quiet">Предложение</span>' in page
    assert 'name="result"' in page
    form = {"result": "позже на 3 дня", "back": "/"}
    sandbox.session.post(f"{portal['base_url']}/tasks/{task}/complete", data=form, timeout=5).raise_for_status()
    told = sandbox.session.get(f"{portal['base_url']}/api/v4/tasks/{task}", headers=headers, timeout=5).json()
    assert (told["is_completed"], told["result"]) == (True, {"text": "позже на 3 дня"})
    sandbox.post("task_types", {"remove": ["Предложение"]})


def test_an_administrator_makes_and_removes_task_types(sandbox: Sandbox) -> None:
    def names() -> list[str]:
        portal = sandbox.portals[0]
        headers = {"Authorization": f"Bearer {portal['access_token']}"}
        url = f"{portal['base_url']}/api/v4/account"
        body = sandbox.session.get(url, params={"with": "task_types"}, headers=headers, timeout=5).json()
        return [one["name"] for one in body["_embedded"]["task_types"]]

    sandbox.post("task_types", {"add": ["Касание", "Предложение"]})
    assert names() == ["Связаться", "Встреча", "Касание", "Предложение"]
    sandbox.post("task_types", {"remove": ["Касание", "Предложение", "Встреча"]})
    assert names() == ["Связаться", "Встреча"]
