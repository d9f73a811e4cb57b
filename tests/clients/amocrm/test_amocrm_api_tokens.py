"""amocrm-api and its tokens: it reads their age from inside, and keeps the pair that a renewal brings."""

from __future__ import annotations

import pytest
from amocrm.v2 import exceptions
from amocrm.v2.entity.lead import LeadsInteraction
from amocrm.v2.tokens import MemoryTokensStorage, TokenManager

from clients.amocrm.conftest import REDIRECT, Account

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")  # the client's, from 3.12 on


@pytest.fixture(scope="module")
def account(accounts: dict[str, Account]) -> Account:
    account = accounts["integration"]
    account.set("app", redirect_url=REDIRECT)
    return account


def manager(account: Account, storage: MemoryTokensStorage) -> TokenManager:
    """A manager of this account's tokens."""
    made = TokenManager()
    made(account.told["client_id"], account.told["client_secret"], account.subdomain, REDIRECT, storage=storage)
    return made


def test_code_is_exchanged_and_its_token_works(account: Account) -> None:
    tokens = manager(account, MemoryTokensStorage())
    code = account.set("tokens", code=1)["code"]
    tokens.init(code)
    assert LeadsInteraction(token_manager=tokens).get(1)["id"] == 1
    with pytest.raises(Exception, match="Authorization code has been revoked"):
        tokens.init(code)


def test_old_token_is_renewed_before_it_is_used(account: Account) -> None:
    storage = MemoryTokensStorage()
    pair = account.set("tokens", issue=1, lifetime=-10)
    storage.save_tokens(pair["access_token"], pair["refresh_token"])
    before = account.look("tokens")["refreshes"]
    leads = LeadsInteraction(token_manager=manager(account, storage))
    assert [leads.get(number)["id"] for number in (1, 2, 3)] == [1, 2, 3]
    assert account.look("tokens")["refreshes"] == before + 1
    assert storage.get_refresh_token() != pair["refresh_token"]


def test_spent_refresh_token_renews_nothing(account: Account) -> None:
    pair = account.set("tokens", issue=1, lifetime=-10)
    first, late = MemoryTokensStorage(), MemoryTokensStorage()
    for storage in (first, late):
        storage.save_tokens(pair["access_token"], pair["refresh_token"])
    assert LeadsInteraction(token_manager=manager(account, first)).get(1)["id"] == 1
    with pytest.raises(EnvironmentError, match="Token has been revoked"):
        LeadsInteraction(token_manager=manager(account, late)).get(1)


def test_ended_token_is_unauthorized(account: Account) -> None:
    storage = MemoryTokensStorage()
    pair = account.set("tokens", issue=1)
    storage.save_tokens(pair["access_token"], pair["refresh_token"])
    account.set("tokens", expire=True)
    with pytest.raises(exceptions.UnAuthorizedException):
        LeadsInteraction(token_manager=manager(account, storage)).get(1)
