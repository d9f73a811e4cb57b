"""aioamocrm as an integration: a code for tokens, refresh tokens that work once, and an account that moves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aioamocrm import (
    AccountMovedError,
    AmoCRMClient,
    AuthError,
    JsonFileTokenStorage,
    MemoryTokenStorage,
    NetworkError,
    OAuth2,
    TokenSet,
)

from clients.amocrm.conftest import MOVED, REDIRECT, Account, ask

DAY = 86_400


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    account = accounts["integration"]
    account.set("app", redirect_url=REDIRECT)
    return account


def integration(account: Account, storage: Any = None, **options: Any) -> OAuth2:
    """The account's integration, with the right secret and redirect unless said otherwise."""
    told = {"client_secret": account.told["client_secret"], "redirect_uri": REDIRECT} | options
    return OAuth2(account.told["client_id"], storage=storage, **told)


def connected(account: Account, storage: Any = None) -> OAuth2:
    """An integration that has taken its code."""
    auth = integration(account, storage)
    code = account.set("tokens", code=1)["code"]
    ask(account, lambda amo: amo.exchange_code(code), auth=auth)
    return auth


def claims(token: str) -> dict[str, Any]:
    """What a token says about itself."""
    body = token.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return told


def test_code_brings_tokens_that_work_and_tell_whose_they_are(account: Account) -> None:
    auth = integration(account)
    code = account.set("tokens", code=3)["code"]
    tokens = ask(account, lambda amo: amo.exchange_code(code), auth=auth)
    told = claims(tokens.access_token)
    assert (told["account_id"], told["aud"], told["sub"]) == (account.told["account_id"], auth.client_id, "3")
    assert told["exp"] - told["iat"] == DAY
    assert told["api_domain"] == f"{account.subdomain}.amocrm.ru"
    assert ask(account, lambda amo: amo.account.get(), auth=auth).current_user_id == 3


def test_code_works_once_and_for_its_own_redirect(account: Account) -> None:
    code = account.set("tokens", code=1)["code"]
    with pytest.raises(AuthError, match="redirect"):
        ask(account, lambda amo: amo.exchange_code(code), auth=integration(account, redirect_uri=f"{REDIRECT}/"))
    auth = integration(account)
    ask(account, lambda amo: amo.exchange_code(code), auth=auth)
    with pytest.raises(AuthError, match="revoked"):
        ask(account, lambda amo: amo.exchange_code(code), auth=auth)
    with pytest.raises(AuthError, match="Некорректный клиент") as foreign:
        ask(account, lambda amo: amo.exchange_code(code), auth=integration(account, client_secret="wrong"))
    assert foreign.value.status_code == 401


def test_refused_token_is_renewed_once_for_all_who_wait(account: Account) -> None:
    auth = connected(account)
    before = account.look("tokens")
    account.set("tokens", expire=True)

    async def twenty(amo: AmoCRMClient) -> list[int | None]:
        return [one.id for one in await asyncio.gather(*(amo.leads.get(number) for number in range(1, 21)))]

    assert ask(account, twenty, auth=auth) == list(range(1, 21))
    after = account.look("tokens")
    assert after["refreshes"] - before["refreshes"] == 1
    assert after["refresh_reuses"] == before["refresh_reuses"]


def test_renewed_tokens_survive_the_program(account: Account, tmp_path: Any) -> None:
    storage = JsonFileTokenStorage(tmp_path / "tokens.json")
    connected(account, storage)
    account.set("tokens", expire=True)
    ask(account, lambda amo: amo.account.get(), auth=integration(account, storage))
    count = account.look("tokens")["refreshes"]
    assert ask(account, lambda amo: amo.account.get(), auth=integration(account, storage)).id
    assert account.look("tokens")["refreshes"] == count


def test_spent_refresh_token_is_refused_in_amos_words(account: Account) -> None:
    auth = connected(account)
    first = asyncio.run(auth.storage.load())
    assert first is not None
    ask(account, lambda amo: auth.refresh(amo._endpoint), auth=auth)
    reuses = account.look("tokens")["refresh_reuses"]
    late = integration(account, MemoryTokenStorage(TokenSet(first.access_token, first.refresh_token, expires_at=0)))
    with pytest.raises(AuthError, match="Token has been revoked") as refused:
        ask(account, lambda amo: amo.account.get(), auth=late)
    assert refused.value.title == "Некорректный запрос"
    assert refused.value.body["type"].endswith("OAuthProblemJson")
    assert account.look("tokens")["refresh_reuses"] == reuses + 1
    # the attempt harms nobody: the living pair still works
    assert ask(account, lambda amo: amo.account.get(), auth=auth).id == account.told["account_id"]


def test_answer_of_a_renewal_that_got_lost_has_spent_the_token(account: Account) -> None:
    auth = connected(account)
    account.set("tokens", lose_answers=1)
    with pytest.raises((NetworkError, AuthError)):
        ask(account, lambda amo: auth.refresh(amo._endpoint), auth=auth)
    with pytest.raises(AuthError, match="Token has been revoked"):
        ask(account, lambda amo: auth.refresh(amo._endpoint), auth=auth)


@pytest.fixture
def moved(accounts: dict[str, Account]) -> Iterator[Account]:
    """An account that gets a new name in the course of the test."""
    account = accounts["moving"]
    yield account
    account.set("rename", host=None, subdomain=account.subdomain)


def test_moved_account_is_found_under_its_new_name(moved: Account) -> None:
    auth = connected(moved)
    moved.set("rename", host="moved.localhost", subdomain=MOVED.partition(".")[0])
    moved.set("tokens", expire=True)
    with pytest.raises(AccountMovedError) as told:
        ask(moved, lambda amo: auth.refresh(amo._endpoint), auth=auth)
    assert told.value.domain == MOVED

    async def there() -> str | None:
        async with AmoCRMClient(base_url=f"https://{MOVED}", auth=auth) as amo:
            return (await amo.account.get()).subdomain

    assert asyncio.run(there()) == MOVED.partition(".")[0]
