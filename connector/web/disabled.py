"""`GET /hooks/amocrm/disabled`: amoCRM's word that an administrator has switched our integration off.

Proven by its signature alone: HMAC-SHA256 over `client_id|account_id` by the integration's key (facts/amocrm.md 1.7).
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, request

from connector.connecting import Connecting
from connector.errors import NotGenuine
from connector.store import StoreDown

log = structlog.get_logger()


def blueprint(connecting: Connecting) -> Blueprint:
    """The door of this one word."""
    pages = Blueprint("disabled", __name__)

    @pages.get("/hooks/amocrm/disabled")
    def told() -> Response:
        given = request.args
        client = given.get("client_uuid") or given.get("client_id") or ""
        try:
            connecting.switched_off(client, given.get("account_id", ""), given.get("signature", ""), datetime.now(UTC))
        except NotGenuine as error:
            log.warning("disabled.refused", why=str(error))
            return Response("no\n", status=404, mimetype="text/plain")
        except StoreDown as error:
            log.warning("disabled.not_stored", why=str(error))
            return Response("no\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    return pages
