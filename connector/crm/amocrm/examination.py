"""What `doctor` finds in an account: whose token it is and until when, rights, fields, task types, webhooks, plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connector.crm.amocrm import oauth
from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api
from connector.crm.amocrm.subscriptions import Subscriptions
from connector.crm.port import PORTAL_CLOCK, Connection, Finding
from connector.errors import Gone, Refused

SOON: Final = timedelta(days=30)
"""A long-lived token that ends within this time is to be replaced now."""
_ORDER: Final = ("problem", "note", "fine")


class Examination:
    """Looks at one account."""

    def __init__(self, connection: Connection, api: Api, account: Account, subscriptions: Subscriptions) -> None:
        self._connection = connection
        self._api = api
        self._account = account
        self._subscriptions = subscriptions

    def findings(self, hook_url: str | None) -> Sequence[Finding]:
        """Every finding, problems first. Raises CrmError."""
        self._account.forget()
        about = self._account.about()
        found = [
            *self._who(about),
            *self._clock(),
            *self._token(),
            *self._fields(),
            *self._task_types(),
            *self._plan(about),
            *self._hooks(hook_url),
        ]
        if not any(one.severity == "problem" for one in found):
            found.append(Finding(code="amo-fine", severity="fine"))
        return sorted(found, key=lambda one: _ORDER.index(one.severity))

    def _who(self, about: dict[str, Any]) -> Iterator[Finding]:
        """In whose name we call, and whether he is an administrator; only one of these may read the users."""
        name, number = str(about.get("name") or about.get("subdomain") or ""), about.get("current_user_id")
        try:
            user = self._api.get(f"users/{number}", name="users") or {}
        except (Refused, Gone):
            yield Finding(code="amo-who", given={"account": name, "user": str(number)}, severity="fine")
            yield Finding(code="amo-users-hidden")
            return
        yield Finding(code="amo-who", given={"account": name, "user": str(user.get("name") or number)}, severity="fine")
        rights = user.get("rights")
        if isinstance(rights, dict) and rights.get("is_admin") is False:
            yield Finding(code="amo-not-admin")

    def _clock(self) -> Iterator[Finding]:
        """What its clock says is told to whoever knows ours: in the sandbox that is not this machine's."""
        if self._api.clock is not None:
            yield Finding(code=PORTAL_CLOCK, given={"at": self._api.clock.isoformat()}, severity="fine")

    def _token(self) -> Iterator[Finding]:
        """The long-lived token ends by its own word; an integration's are renewed by us."""
        tokens = self._api.tokens()
        if tokens is not None:
            until = datetime.fromtimestamp(tokens.expires_real, UTC)
            yield Finding(code="amo-oauth", given={"until": f"{until:%Y-%m-%d %H:%M} UTC"}, severity="fine")
            return
        told = oauth.claims(self._connection.token).get("exp") if self._connection.token else None
        if not isinstance(told, int | float):
            yield Finding(code="amo-long-lived", severity="fine")
            return
        until = datetime.fromtimestamp(told, UTC)
        ends = until - datetime.now(UTC) < SOON
        code = "amo-long-lived-ends" if ends else "amo-long-lived-until"
        yield Finding(code=code, given={"until": f"{until:%Y-%m-%d}"}, severity="problem" if ends else "fine")

    def _fields(self) -> Iterator[Finding]:
        missing = self._account.missing_fields()
        if missing:
            yield Finding(code="amo-fields", given={"fields": ", ".join(missing)}, fixable=True)

    def _task_types(self) -> Iterator[Finding]:
        """Types that only a person can make; without them the built-in one serves."""
        missing = [
            name
            for name, number in (("Касание", self._account.touch_type()), ("Предложение", self._account.offer_type()))
            if number is None
        ]
        if missing:
            yield Finding(code="amo-task-types", given={"types": ", ".join(missing)}, severity="note")

    def _plan(self, about: dict[str, Any]) -> Iterator[Finding]:
        filters, buyers = self._account.filters_cards(), self._account.keeps_buyers()
        yield Finding(code="amo-filter", severity="fine") if filters else Finding(code="amo-no-filter", severity="note")
        mode = {"mode": str(about.get("customers_mode"))}
        yield Finding(code="amo-buyers" if buyers else "amo-no-buyers", given=mode, severity="fine")
        if about.get("is_technical_account") is True:
            yield Finding(code="amo-technical", severity="note")

    def _hooks(self, hook_url: str | None) -> Iterator[Finding]:
        if hook_url is None:
            yield Finding(code="amo-no-address", severity="note" if self._connection.app is None else "problem")
            return
        try:
            standing = self._subscriptions.standing(hook_url)
        except Refused as error:
            yield Finding(code=error.advice if error.advice == "amo-hooks-plan" else "amo-hooks-refused")
            return
        if standing.off:
            yield Finding(code="amo-hooks-off", fixable=True)
        elif standing.lost:
            yield Finding(code="amo-hooks", given={"events": ", ".join(standing.lost)}, fixable=True)
