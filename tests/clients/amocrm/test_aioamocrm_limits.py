"""aioamocrm over the limit: 429 in both its forms is waited out, and who does not wait is shut out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aioamocrm import AmoCRMError, ForbiddenError, RateLimitError, RetryPolicy

from clients.amocrm.conftest import Account, ask

AT_ONCE = RetryPolicy(max_attempts=1)


@pytest.fixture(params=[False, True], ids=["problem", "text"])
def busy(accounts: dict[str, Account], request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account that refuses by its limit, in one of the two forms."""
    account = accounts["limits"]
    account.set("readings", throttle_as_text=request.param)
    yield account
    account.set("readings", throttle_as_text=False)


def test_too_many_requests_are_waited_out(busy: Account) -> None:
    before = len(busy.requests())
    busy.set("faults", throttle=2)
    assert ask(busy, lambda amo: amo.leads.get(1), retry=RetryPolicy(backoff_base=0.01)).id == 1
    assert [one["status"] for one in busy.requests()[before:]] == [429, 429, 200]


def test_refusal_by_the_limit_is_the_clients_own(busy: Account) -> None:
    busy.set("faults", throttle=1)
    with pytest.raises(RateLimitError) as refused:
        ask(busy, lambda amo: amo.leads.get(1), retry=AT_ONCE)
    assert isinstance(refused.value.body, str if busy.look("readings")["throttle_as_text"] else dict)


def test_who_does_not_heed_429_is_shut_out_with_a_page(accounts: dict[str, Account]) -> None:
    account = accounts["shut_out"]
    account.set("limits", rate=0.01, burst=1)
    account.set("readings", block_after="3", block_seconds="60")

    async def hammer(amo: Any) -> list[int]:
        found = []
        for _ in range(6):
            try:
                await amo.account.get()
            except AmoCRMError as refused:
                found.append(refused.status_code or 0)
        return found

    assert ask(account, hammer, retry=AT_ONCE) == [429, 429, 403, 403, 403]
    with pytest.raises(ForbiddenError) as shut_out:
        ask(account, lambda amo: amo.account.get())
    assert str(shut_out.value.body).startswith("<html>")
