"""Which webhooks the account sends us: one address, subscribed over the API, looked at again and again.

Sources: facts/amocrm.md 1.4 (an address with over 100 bad answers in two hours is switched off), 1.6 (GET, POST and
DELETE /api/v4/webhooks, rights of an administrator, a plan with webhooks). Our address holds the secret that proves
the webhooks: it stands in parameters and bodies, and never in a name, a log or an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api, embedded
from connector.errors import Blocked, Refused

NAME: Final = "webhooks"
_CARDS: Final = ("lead", "contact", "company")
DOCUMENTED: Final = (
    *(f"{verb}_{card}" for card in _CARDS for verb in ("add", "update", "delete", "restore", "responsible", "note")),
    "status_lead",
    *(f"{verb}_task" for verb in ("add", "update", "delete", "responsible")),
)
"""What changes anything that is judged, of the vendor's own list; notes hold calls and letters."""
CUSTOMERS: Final = tuple(f"{verb}_customer" for verb in ("add", "update", "delete", "note"))
"""Where the account keeps repeat sales as purchases of customers."""
UNLISTED: Final = ("add_message", "add_unsorted", "update_unsorted", "delete_unsorted")
"""Seen to be accepted, yet not in the vendor's list: tried whenever we subscribe, never missed."""
SORT: Final = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How our address stands in the account."""

    lost: tuple[str, ...]
    """Events that should come and do not."""
    off: bool
    """The account has switched it off for bad answers; everything is lost then."""
    also: tuple[str, ...] = ()
    """What else it is subscribed to, by hand."""


class Subscriptions:
    """The webhooks of one account."""

    def __init__(self, api: Api, account: Account) -> None:
        self._api = api
        self._account = account

    def standing(self, hook_url: str) -> Standing:
        """How our address stands.

        Raises CrmError: Refused where only an administrator may know, or the plan has no webhooks.
        """
        wanted, found = self._wanted(), self._found(hook_url)
        if found is None:
            return Standing(wanted, off=False)
        told = {str(one) for one in found.get("settings") or ()}
        also = tuple(sorted(told - set(wanted)))
        if found.get("disabled") is True:
            return Standing(wanted, off=True, also=also)
        return Standing(tuple(one for one in wanted if one not in told), off=False, also=also)

    def lost(self, hook_url: str) -> tuple[str, ...]:
        """Events that should be posted to us and are not. Raises CrmError."""
        return self.standing(hook_url).lost

    def bind(self, hook_url: str) -> None:
        """Subscribe to all we need; what was subscribed by hand stays. Raises CrmError."""
        standing = self.standing(hook_url)
        if not standing.lost:
            return
        documented = dict.fromkeys((*self._wanted(), *standing.also))
        answer = self._subscribe(hook_url, documented)
        if standing.off and isinstance(answer, dict) and answer.get("disabled") is True:
            # whether a further POST switches it on again is not documented: then it begins anew
            self._write("DELETE", {"destination": hook_url})
            self._subscribe(hook_url, documented)

    def _subscribe(self, hook_url: str, documented: Collection[str]) -> Any:
        """With what is not in the vendor's list, or, where the account does not take that, without it."""
        body = {"destination": hook_url, "sort": SORT}
        try:
            return self._write("POST", {**body, "settings": list(dict.fromkeys((*documented, *UNLISTED)))})
        except Refused as error:
            if error.code not in _WRONG:
                raise
        return self._write("POST", {**body, "settings": list(documented)})

    def _write(self, verb: str, body: Mapping[str, Any]) -> Any:
        with _plan_told():
            return self._api.write(verb, NAME, body, name=NAME)

    def _wanted(self) -> tuple[str, ...]:
        return (*DOCUMENTED, *(CUSTOMERS if self._account.keeps_buyers() else ()))

    def _found(self, hook_url: str) -> dict[str, Any] | None:
        """Our own row; a filter that is not obeyed would show others'."""
        with _plan_told():
            rows = embedded(self._api.get(NAME, [("filter[destination]", hook_url)], name=NAME), "webhooks")
        own = [row for row in rows if isinstance(row, dict) and row.get("destination") == hook_url]
        return own[0] if own else None


@contextmanager
def _plan_told() -> Iterator[None]:
    """A plan without webhooks closes them and nothing else: all the rest of the account goes on."""
    try:
        yield
    except Blocked as error:
        if error.code != _PAYMENT:
            raise
        told = Refused(
            "the plan has no webhooks", portal=error.portal, call=NAME, code=error.code, advice="amo-hooks-plan"
        )
    else:
        return
    raise told


_PAYMENT: Final = "402"
_WRONG: Final = frozenset({"400", "422"})
