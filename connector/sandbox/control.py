"""The control API `/sandbox/…`: the same on every portal, JSON only (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from connector.sandbox import orders
from connector.sandbox.amocrm import orders as amocrm_orders
from connector.sandbox.base import plain
from connector.sandbox.bitrix24 import application_orders
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.config import PortalConfig
from connector.sandbox.hooks import is_loopback
from connector.sandbox.look import card_story, find_cards, portal_story
from connector.sandbox.plans import NotPressable
from connector.sandbox.portal import Portal
from connector.sandbox.spans import read_span
from connector.sandbox.timeline_orders import ORDERS as TIMELINE_ORDERS

Acts = Callable[[Portal, dict[str, Any]], Any]
_ORDERS: dict[str, Acts] = {
    "companies": orders.add_company,
    "contacts": orders.add_contact,
    "deals": orders.add_deals,
    "deals/move": orders.move_deal,
    "deals/delete": orders.delete_deal,
    "deals/restore": orders.restore_deal,
    "activities": orders.add_activity,
    "cards": orders.change_card,
    "tasks/complete": orders.complete_task,
    "tasks/reopen": orders.reopen_task,
    "tasks/edit": orders.edit_task,
    "tasks/delete": orders.delete_task,
    **TIMELINE_ORDERS,
}
"""Path below /sandbox/ → what one object of the body does. A body may be one object or a list of them."""
_ORDERS_OF = {"bitrix24": application_orders.ORDERS, "amocrm": amocrm_orders.ORDERS}
_LOOKS_OF = {"bitrix24": application_orders.LOOKS, "amocrm": amocrm_orders.LOOKS}
"""What one CRM's portals have beside that, by CRM."""


def control(own: Portal, portals: dict[str, Portal]) -> Blueprint:
    """The control routes; they act on the portal they are asked at, or on `?portal=NAME`."""
    routes = Blueprint("control", __name__, url_prefix="/sandbox")

    def chosen() -> Portal:
        name = request.args.get("portal")
        if name is None:
            return own
        if name not in portals:
            raise UnknownRecord(f"portal {name}")
        return portals[name]

    @routes.before_request
    def guard() -> tuple[Response, int] | None:
        return refuse_foreign(own.config, "application/json")

    @routes.errorhandler(UnknownRecord)
    def unknown(error: UnknownRecord) -> tuple[Response, int]:
        return jsonify(error=f"no such record: {error}"), 404

    @routes.errorhandler(NotPressable)
    def locked(error: NotPressable) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    @routes.errorhandler(ValueError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(KeyError)
    def wrong(error: Exception) -> tuple[Response, int]:
        text = f"missing key {error}" if isinstance(error, KeyError) else str(error)
        return jsonify(error=text), 400

    @routes.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @routes.get("/ledger")
    def ledger() -> Response:
        asked = [chosen()] if "portal" in request.args else list(portals.values())
        return jsonify(now=own.base.clock.now().isoformat(), portals=[_ledger(one) for one in asked])

    @routes.get("/portals")
    def tell_portals() -> Response:
        return jsonify(portals=[portal_story(one) for one in portals.values()])

    @routes.get("/clock")
    def clock() -> Response:
        return jsonify(now=own.base.clock.now().isoformat())

    @routes.post("/clock")
    def move_clock() -> Response:
        body = _one()
        if "advance" in body:
            own.base.clock.advance(read_span(body["advance"]))
        else:
            moment = datetime.fromisoformat(str(body["set"]))
            own.base.clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return clock()

    @routes.get("/cards")
    def search() -> Response:
        return jsonify(find_cards(chosen().base, request.args.get("title", "")))

    @routes.get("/cards/<kind>/<int:card_id>")
    def one_card(kind: str, card_id: int) -> Response:
        return jsonify(card_story(chosen().base, orders.card_kind(kind), card_id))

    @routes.get("/changes")
    def changes() -> Response:
        after = request.args.get("after", 0, type=int)
        base = chosen().base
        with base.lock:
            told = [plain(one) for one in base.changes[after:]]
        return jsonify(changes=told)

    @routes.route("/faults", methods=["GET", "POST"])
    def faults() -> Response:
        config = chosen().config
        if request.method == "POST":
            config.faults.switch(_one())
        return jsonify(config.faults.state())

    @routes.route("/limits", methods=["GET", "POST"])
    def limits() -> Response:
        config = chosen().config
        if request.method == "POST":
            _set_limits(config, _one())
        return jsonify(asdict(config.limits) | ({"level": config.bucket.level()} if config.bucket else {}))

    @routes.route("/readings", methods=["GET", "POST"])
    def readings() -> Response:
        config = chosen().config
        if request.method == "POST":
            _set_readings(config, _one())
        return jsonify(config.readings)

    @routes.route("/hook_target", methods=["GET", "POST"])
    def hook_target() -> Response:
        config = chosen().config
        if request.method == "POST":
            url = _one()["url"]
            if url is not None and not is_loopback(str(url)):
                raise ValueError("webhooks are posted to loopback addresses only (http://127.0.0.1:…)")
            config.hook_target = url
        return jsonify(url=config.hook_target)

    @routes.get("/<path:look>")
    def tell(look: str) -> tuple[Response, int] | Response:
        portal = chosen()
        looks = _LOOKS_OF[portal.config.crm]
        if look not in looks:
            return jsonify(error="no such thing to look at"), 404
        return jsonify(looks[look](portal))

    @routes.post("/<path:order>")
    def act(order: str) -> tuple[Response, int] | Response:
        portal = chosen()
        known = _ORDERS | _ORDERS_OF[portal.config.crm]
        if order not in known:
            return jsonify(error=f"no such order; known: {', '.join(known)}"), 404
        body = request.get_json()
        answers = [known[order](portal, one) for one in (body if isinstance(body, list) else [body])]
        return jsonify(answers if isinstance(body, list) else answers[0])

    return routes


def _ledger(portal: Portal) -> dict[str, Any]:
    return portal.base.ledger() | {"tokens": _LOOKS_OF[portal.config.crm]["tokens"](portal)}


def _one() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise ValueError("the body must be one JSON object")  # noqa: TRY004  # told to the caller as a 400
    return body


def _set_readings(config: PortalConfig, wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if name not in config.readings:
            raise ValueError(f"unknown reading {name!r}; known: {', '.join(config.readings)}")
        if type(value) is not type(config.readings[name]):
            raise ValueError(f"{name} is {type(config.readings[name]).__name__}, like {config.readings[name]!r}")
    config.readings.update(wanted)


def _set_limits(config: PortalConfig, wanted: dict[str, Any]) -> None:
    known = {spec.name for spec in fields(config.limits)} | ({"level", "operating"} if config.bucket else set())
    for name, value in wanted.items():
        if name not in known or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ValueError(f"limits are {', '.join(sorted(known))}: numbers, 0 or more")
    for name, value in wanted.items():
        if name == "level" and config.bucket:
            config.bucket.fill(value)
        elif name == "operating" and config.operating:
            config.operating.start_with(value)
        else:
            setattr(config.limits, name, value)


def refuse_foreign(config: PortalConfig, content_type: str) -> tuple[Response, int] | None:
    """A refusal for a POST of another site (by Origin) or of another content type; None: let it pass."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    origin, port = request.headers.get("Origin"), config.base_url.rpartition(":")[2]
    if origin is not None and origin not in (
        config.base_url,
        f"http://localhost:{port}",
        f"http://{config.host}:{port}",
    ):
        return jsonify(error="foreign Origin"), 403
    if request.mimetype != content_type:
        return jsonify(error=f"Content-Type must be {content_type}"), 415
    return None
