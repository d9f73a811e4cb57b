"""Bitrix24's REST: addresses, and who calls (facts/bitrix24.md 2.1, 3)."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.answers import HTTPS_REQUIRED, NO_AUTH, NO_SUCH_METHOD, Caller, moved, refuse
from connector.sandbox.bitrix24.application import Application
from connector.sandbox.bitrix24.call import READINGS, Refusal
from connector.sandbox.bitrix24.face import Face
from connector.sandbox.bitrix24.form import as_array, decode
from connector.sandbox.bitrix24.oauth import add_oauth
from connector.sandbox.config import PortalConfig


def _params() -> dict[str, Any]:
    params = decode(request.query_string.decode("ascii", "replace"))
    if request.is_json:
        sent = as_array(request.get_json(silent=True))
        if isinstance(sent, list):  # unnamed parameters, by their order
            sent = {str(place): value for place, value in enumerate(sent)}
        params |= sent if isinstance(sent, dict) else {}
    elif request.method == "POST":
        params |= decode(request.get_data().decode("utf-8", "replace"))
    return params


def _same(given: str, secret: str | None) -> bool:
    return secret is not None and hmac.compare_digest(given.encode(), secret.encode())


class Door:
    """Lets in webhooks and applications' tokens."""

    def __init__(self, config: PortalConfig, application: Application) -> None:
        self._config = config
        self._application = application

    def by_webhook(self, user: int, code: str) -> Caller:
        """The caller with a webhook's code. Raises Refusal."""
        known = self._config.credentials
        if user != known.rest_user or not _same(code, known.rest_code):
            raise NO_AUTH
        return Caller(user, self._application.webhook_scopes)

    def by_token(self, access: str) -> Caller:
        """The caller with an access token. Raises Refusal."""
        if not access:
            raise NO_AUTH
        tokens = self._application.tokens
        user = tokens.admit_request(access)
        return Caller(
            user,
            self._application.scopes,
            self._application.client_id,
            lambda: tokens.admit_command(access),
        )

    def elsewhere(self) -> Response | None:
        """302 under an old name of a renamed portal; a refusal without https where it is required."""
        if self._config.readings["https_required"] and not _secure():
            return refuse(HTTPS_REQUIRED)
        if self._config.renamed:
            asked = urlsplit(f"//{request.host}").hostname or ""
            return moved(self._config.address, asked, self._config.renamed)
        return None


def _secure() -> bool:
    return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"


def blueprint(base: Base, config: PortalConfig) -> Blueprint:
    """The routes of the REST and of the OAuth server."""
    config.readings = READINGS | config.readings
    application = config.application = Application(base, config)
    face, door = Face(base, config, application), Door(config, application)
    config.bucket = face.bucket
    config.operating = face.operating
    routes = Blueprint("face", __name__)
    both = ["GET", "POST"]

    @routes.before_request
    def at_the_door() -> Response | None:
        if not request.path.startswith("/rest/"):
            return None
        g.told_path = "/rest/…"
        return door.elsewhere()

    @routes.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return refuse(refusal)

    @routes.route("/rest/<int:user>/<code>/<method>", methods=both)
    @routes.route("/rest/<int:user>/<code>/<method>/", methods=both)
    def by_webhook(user: int, code: str, method: str) -> Response:
        g.told_path, g.called = f"/rest/{user}/***/{method}", method
        return face.answer(method, door.by_webhook(user, code), _params())

    @routes.route("/rest/<method>", methods=both)
    @routes.route("/rest/<method>/", methods=both)
    def by_token(method: str) -> Response:
        g.told_path, g.called = f"/rest/{method}", method
        params = _params()
        return face.answer(method, door.by_token(str(params.pop("auth", ""))), params)

    @routes.route("/rest/api/<int:user>/<code>/<method>", methods=both)
    def third_by_webhook(user: int, code: str, method: str) -> Response:
        g.told_path = f"/rest/api/{user}/***/{method}"
        sent = request.get_json(silent=True) if request.method == "POST" else {}
        return face.answer_third(method, door.by_webhook(user, code), sent)

    @routes.route("/rest/api/<method>", methods=["POST"])
    def third_by_token(method: str) -> Response:
        g.told_path, g.called, sent = f"/rest/api/{method}", method, request.get_json(silent=True)
        access = str(sent.pop("auth", "")) if isinstance(sent, dict) else ""
        return face.answer_third(method, door.by_token(access), sent)

    @routes.route("/rest/<path:rest>", methods=both)
    def nowhere(rest: str) -> Response:
        del rest
        return refuse(NO_SUCH_METHOD)

    add_oauth(application, routes)
    return routes
