"""Webhooks: prove, store, answer. No CRM is called and no host named in a body is ever contacted.

Not proven genuine -> 404 with one body, nothing stored. Genuine -> 200 once the row is durable; genuine but unreadable
-> 200, counted, and a reconciliation is due at once; 503 when it cannot be stored (both CRMs then learn nothing false,
and the reconciliation finds what was missed).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import ClientDisconnected

from connector.crm.kinds import CRMS
from connector.crm.port import Heard, HookSecrets
from connector.errors import NotGenuine, Unreadable
from connector.failpoints import failpoint
from connector.portals import Portals
from connector.store import Store, StoreDown

BODY_SECONDS = 5.0
"""Real seconds in which a body must be here; the CRMs send theirs at once (amoCRM waits 2 s for the answer)."""
PIECE = 1024
MAX_READ = 2 * 1024 * 1024
"""Bytes of a body that are looked at, to prove one that is over the bound of 512 KiB; the rest is never read."""

log = structlog.get_logger()


def blueprint(store: Store, portals: Portals) -> Blueprint:
    """The two doors: Bitrix24 proves itself in the body, amoCRM by a secret in the path."""
    hooks = Blueprint("hooks", __name__)

    @hooks.post("/hooks/<portal>")
    def bitrix24(portal: str) -> Response:
        return receive(store, portals, "bitrix24", portal, None)

    @hooks.post("/hooks/<portal>/<secret>")
    def amocrm(portal: str, secret: str) -> Response:
        return receive(store, portals, "amocrm", portal, secret)

    return hooks


def receive(store: Store, portals: Portals, crm: str, portal: str, path_secret: str | None) -> Response:
    """One webhook from door to answer."""
    raw = read_body()
    try:
        secrets = portals.secrets(portal)
    except StoreDown as error:  # the account that proves it stands in the tables
        return _not_stored(error)
    if secrets is None or portals.settings.portals[portal].crm != crm:
        return _answer(404)
    now = datetime.now(UTC)  # real time: when it was heard; business time is the worker's matter
    try:
        heard = hear(crm, raw, secrets, path_secret)
    except NotGenuine:
        log.warning("hook.refused", portal=portal)
        return _answer(404)
    except Unreadable as error:
        log.warning("hook.unreadable", portal=portal, why=str(error))
        return _stored(lambda: store.count_unreadable(portal, now))

    def keep() -> None:
        if heard.account and portals.learn(portal, heard.account):
            log.info("hook.account_learnt", portal=portal)
        store.put_bells(portal, heard.bells, now)

    return _stored(keep)


def read_body() -> bytes:
    """The body as far as it comes in time: a sender who stalls must not keep a thread from the others.

    What a proxy in front buffers, this never waits for.
    """
    connection = request.environ.get("gunicorn.socket")
    until = time.monotonic() + BODY_SECONDS
    parts: list[bytes] = []
    length = 0
    try:
        while length < MAX_READ and (left := until - time.monotonic()) > 0:
            if connection is not None:
                connection.settimeout(min(left, 1.0))
            part = request.stream.read(min(PIECE, MAX_READ - length))
            if not part:
                break
            parts.append(part)
            length += len(part)
    except (TimeoutError, ClientDisconnected):
        log.warning("hook.slow", read=length)
    finally:
        if connection is not None:
            connection.settimeout(None)
    return b"".join(parts)


def hear(crm: str, raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:
    """Prove and read a body. Raises NotGenuine, or Unreadable: also when the connection broke off within the body."""
    heard = CRMS[crm].ear(raw, secrets, path_secret)
    if len(raw) < min(request.content_length or 0, MAX_READ):  # a cut id would be another deal's
        raise Unreadable("the body is shorter than announced")
    return heard


def _stored(keep: Callable[[], None]) -> Response:
    try:
        keep()
    except StoreDown as error:
        return _not_stored(error)
    failpoint("bells_stored")
    return _answer(200)


def _not_stored(error: StoreDown) -> Response:
    log.warning("hook.not_stored", why=str(error))
    return _answer(503)


def _answer(status: int) -> Response:
    """A body that says nothing: neither CRM reads it, and a stranger learns nothing from it."""
    return Response("ok\n" if status == 200 else "no\n", status=status, mimetype="text/plain")
