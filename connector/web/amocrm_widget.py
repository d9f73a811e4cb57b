"""The API of the card's widget on amoCRM: which proposals wait on this card, and what a person answers.

`GET /embed/amocrm/offers?entity=leads&id=7` and `POST /embed/amocrm/offers/ABOUT`, from the account's own pages and
with the widget's disposable token only (facts/amocrm.md 1.7). No cookie is read or set; an answer is stored like a
pressed button and judged by the portal's lane.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import structlog
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connector.card_offers import LONGEST_DAYS, NotOffered, answer_offer, offers_on
from connector.errors import NotGenuine
from connector.portals import Portals
from connector.result_words import REASON_LIMIT
from connector.store import Store, StoreDown
from connector.web.bodies import is_cut, read_body
from connector.widget_proof import Caller, WidgetProof

CARDS: Final[Mapping[str, str]] = {"leads": "deal", "contacts": "contact", "companies": "company"}
LONGEST_BODY: Final = 4096
A_MINUTE: Final = 60
"""Calls of one person in a minute of one process; a card asks once when it is opened."""
_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Origin", "X-Content-Type-Options": "nosniff"}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "X-Auth-Token, Content-Type",
    "Access-Control-Max-Age": "600",
}

log = structlog.get_logger()


class _Given(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    answer: Literal["accept", "later", "decline"]
    days: Annotated[int | None, Field(ge=1, le=LONGEST_DAYS)] = None
    reason: Annotated[str | None, Field(max_length=REASON_LIMIT)] = None


def blueprint(store: Store, portals: Portals) -> Blueprint:
    """Both calls, and their preflights."""
    pages = Blueprint("amocrm_widget", __name__)
    proof, meter = WidgetProof(portals, store), Meter(A_MINUTE)

    def guarded(work: Callable[[Caller], tuple[Any, int]]) -> Response:
        return answered(proof, meter, work)

    @pages.route("/embed/amocrm/offers", methods=["GET", "OPTIONS"], provide_automatic_options=False)
    def offers() -> Response:
        return guarded(lambda caller: show(store, caller))

    @pages.route("/embed/amocrm/offers/<path:about>", methods=["POST", "OPTIONS"], provide_automatic_options=False)
    def answer(about: str) -> Response:
        return guarded(lambda caller: take(store, caller, about))

    return pages


def answered(proof: WidgetProof, meter: Meter, work: Callable[[Caller], tuple[Any, int]]) -> Response:
    """One call from the origin of its page to its answer."""
    origin = request.headers.get("Origin", "")
    try:
        if not origin or not proof.knows(origin):
            return _json({"error": "origin"}, 403)
        if request.method == "OPTIONS":
            return Response(status=204, headers=_HEADERS | _PREFLIGHT | _allowed(origin))
        caller = proof.prove(request.headers.get("X-Auth-Token", ""), origin)
        body, status = work(caller) if meter.let(f"{caller.portal}/{caller.user}") else ({"error": "too-often"}, 429)
    except NotGenuine as error:
        log.warning("widget.refused", why=str(error))
        body, status = {"error": "token"}, 401
    except StoreDown as error:
        log.warning("widget.not_now", why=str(error))
        body, status = {"error": "later"}, 503
    return _json(body, status, _allowed(origin))


def show(store: Store, caller: Caller) -> tuple[Any, int]:
    """The proposals of the card that the query names."""
    kind, number = CARDS.get(request.args.get("entity", "")), request.args.get("id", "")
    if kind is None or not (number.isascii() and number.isdecimal() and len(number) <= 19):
        return {"error": "card"}, 422
    return {"offers": offers_on(store, caller.portal, f"{kind}:{int(number)}")}, 200


def take(store: Store, caller: Caller, about: str) -> tuple[Any, int]:
    """A person's answer."""
    raw = read_body()
    try:
        if is_cut(raw) or len(raw) > LONGEST_BODY or request.mimetype != "application/json":
            return {"error": "body"}, 422
        given = _Given.model_validate_json(raw)
        answer_offer(store, caller.portal, about, given.answer, by=caller.user, days=given.days, reason=given.reason)
    except ValidationError:
        return {"error": "body"}, 422
    except NotOffered:
        return {"error": "not-open"}, 409
    log.info("widget.answered", portal=caller.portal, about=about, answer=given.answer)
    return {"answered": True}, 200


class Meter:
    """So many calls of one name in a minute of real time. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def let(self, name: str) -> bool:
        """Whether one call more is allowed now; it is counted."""
        minute = int(time.monotonic() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            self._counts[name] = self._counts.get(name, 0) + 1
            return self._counts[name] <= self._most


def _allowed(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin}


def _json(body: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    answer.headers.update({**_HEADERS, **(headers or {})})
    return answer
