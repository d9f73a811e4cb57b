"""`/api/v4/webhooks`: who is told of what (facts/amocrm.md 1.6)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import Account, unix
from connector.sandbox.amocrm.answers import hal, nothing
from connector.sandbox.amocrm.face import Face, asked_query, sent_object
from connector.sandbox.amocrm.problems import Problem, bad_request, invalid, missing, not_supported
from connector.sandbox.amocrm.subscriptions import KNOWN, MOST_HOOKS, Subscription


def add_hook_calls(face: Face) -> None:
    """Hang up the calls about webhooks."""
    keeper = _Keeper(face.account)
    face.on("GET", "webhooks", keeper.several, admin=True)
    face.on("POST", "webhooks", keeper.subscribe, admin=True)
    face.on("DELETE", "webhooks", keeper.drop, admin=True)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self) -> Response:
        """All webhooks, the one made by hand included."""
        wanted = asked_query().one("filter", "destination")
        rows = [self._shown(one) for one in self._now() if wanted in (None, one.destination)]
        if not rows:
            return nothing()
        links = self._account.link("webhooks")
        return hal({"_total_items": len(rows), "_links": links, "_embedded": {"webhooks": rows}})

    def subscribe(self) -> Response:
        """Subscribe, or replace the settings of a known destination: 201."""
        sent = sent_object()
        destination, settings = sent.get("destination"), sent.get("settings")
        if not isinstance(destination, str) or not destination.startswith(("http://", "https://")):
            raise invalid([("0", missing("destination"))])
        if not isinstance(settings, list) or not settings:
            raise invalid([("0", missing("settings"))])
        unknown = [place for place, name in enumerate(settings) if name not in KNOWN]
        if unknown:
            raise invalid([("0", not_supported(f"settings.{place}")) for place in unknown])
        known = {one.destination for one in self._now()}
        if destination not in known and len(known) >= MOST_HOOKS:
            raise bad_request(f"At most {MOST_HOOKS} webhooks")
        made = self._account.kept.subscriptions.put(
            destination,
            list(settings),
            at=self._account.base.clock.now(),
            by=self._account.token_user,
            sort=int(sent.get("sort") or 1),
            enables=self._account.says("subscribing_enables"),
        )
        return hal(self._shown(made), 201)

    def drop(self) -> Response:
        """Unsubscribe: 204."""
        destination = sent_object().get("destination")
        if not isinstance(destination, str):
            raise bad_request("destination is required")
        if destination not in {one.destination for one in self._now()}:
            raise Problem(404, "Webhook is not found")
        self._account.unsubscribe(destination)
        return nothing()

    def _now(self) -> list[Subscription]:
        return self._account.subscriptions()

    def _shown(self, one: Subscription) -> dict[str, Any]:
        return {
            "id": one.id,
            "destination": one.destination,
            "created_at": unix(one.created),
            "updated_at": unix(one.updated),
            "account_id": self._account.id,
            "created_by": one.created_by,
            "sort": one.sort,
            "disabled": one.disabled,
            "settings": one.settings,
        }
