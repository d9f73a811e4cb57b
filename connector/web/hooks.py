"""Webhooks: prove, store, answer. No portal is called and no host named in a body is ever contacted.

Not proven genuine -> 404 with one body, nothing stored. Genuine -> 200 once the row is durable; genuine but unreadable
-> 200, counted, and a reconciliation is due at once; 503 when it cannot be stored (both CRMs then learn nothing false,
and the reconciliation finds what was missed).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response

from connector.crm.kinds import CRMS
from connector.crm.port import Heard, HookSecrets
from connector.errors import NotGenuine, Unreadable
from connector.failpoints import failpoint
from connector.installing import Installer
from connector.portals import Portals
from connector.store import Store, StoreDown
from connector.vault import WrongKey
from connector.web import install
from connector.web.bodies import is_cut, read_body

log = structlog.get_logger()


def blueprint(store: Store, portals: Portals, installer: Installer) -> Blueprint:
    """The two doors: Bitrix24 proves itself in the body, amoCRM by a secret in the path."""
    hooks = Blueprint("hooks", __name__)

    @hooks.post("/hooks/<portal>")
    def bitrix24(portal: str) -> Response:
        return receive(store, portals, installer, "bitrix24", portal, None)

    @hooks.post("/hooks/<portal>/<secret>")
    def amocrm(portal: str, secret: str) -> Response:
        return receive(store, portals, installer, "amocrm", portal, secret)

    return hooks


def receive(
    store: Store, portals: Portals, installer: Installer, crm: str, portal: str, path_secret: str | None
) -> Response:
    """One webhook from door to answer."""
    raw = read_body()
    try:
        secrets = portals.secrets(portal)
    except (StoreDown, WrongKey) as error:  # what proves it stands in the tables
        return _not_stored(error)
    if secrets is None or portals.settings.portals[portal].crm != crm:
        return _answer(404)
    now = datetime.now(UTC)  # real time: when it was heard; business time is the worker's matter
    try:
        heard = hear(crm, raw, secrets, path_secret)
    except NotGenuine:
        if (
            crm == "bitrix24" and is_update(raw) and portals.settings.portals[portal].is_app
        ):  # it brings a token that only the CRM can prove
            return install.receive(portals.settings, installer, raw, update_only=True) or _answer(404)
        log.warning("hook.refused", portal=portal)
        return _answer(404)
    except Unreadable as error:
        log.warning("hook.unreadable", portal=portal, why=str(error))
        return _stored(lambda: store.count_unreadable(portal, now))

    def keep() -> None:
        if heard.account and portals.learn(portal, heard.account):
            log.info("hook.account_learnt", portal=portal)
        store.put_bells(portal, heard.bells, now)
        if heard.clicks:
            store.put_clicks(portal, heard.clicks, now)
        if heard.fields_changed:
            store.forget_directory(portal)
        if heard.new_application_token:
            portals.updated(portal, heard.new_application_token)
        if heard.removed and portals.settings.portals[portal].is_app:
            store.remove_install(portal, now, clean=heard.clean)
            store.note(portal, "install.removed", heard.account or "", {"clean": heard.clean}, now)
            log.warning("hook.application_removed", portal=portal, clean=heard.clean)

    return _stored(keep)


def hear(crm: str, raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:
    """Prove and read a body. Raises NotGenuine, or Unreadable: also when the connection broke off within the body."""
    heard = CRMS[crm].ear(raw, secrets, path_secret)
    if is_cut(raw):
        raise Unreadable("the body is shorter than announced")
    return heard


def is_update(raw: bytes) -> bool:
    """Whether this calls itself an update of the application. Nothing is believed of it."""
    return b"onappupdate" in raw[:512].lower()


def _stored(keep: Callable[[], None]) -> Response:
    try:
        keep()
    except StoreDown as error:
        return _not_stored(error)
    failpoint("bells_stored")
    return _answer(200)


def _not_stored(error: Exception) -> Response:
    log.warning("hook.not_stored", why=str(error))
    return _answer(503)


def _answer(status: int) -> Response:
    """A body that says nothing: neither CRM reads it, and a stranger learns nothing from it."""
    return Response("ok\n" if status == 200 else "no\n", status=status, mimetype="text/plain")
