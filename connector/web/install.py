"""`POST /install/bitrix24`: ONAPPINSTALL from the portal's server, or the page that an administrator opens there.

The tokens are proven at the OAuth server before anything is stored. What is not proven gets one and the same answer;
no host of a body is ever contacted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, request

from connector.crm.kinds import CRMS
from connector.errors import NotGenuine
from connector.installing import Installed, Installer
from connector.proven import Busy
from connector.settings import Settings
from connector.store import StoreDown
from connector.texts import say
from connector.vault import WrongKey
from connector.web.bodies import is_cut, read_body

VENDOR_SCRIPT: Final = "https://api.bitrix24.com/api/v1/"
"""BX24, as the vendor's documentation loads it; `installFinish` ends the installation of an application with a page."""
FINISH_SCRIPT: Final = "BX24.init(function () { BX24.installFinish(); });\n"
_PAGE: Final = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<script src="{vendor}"></script>
<script src="finish.js"></script>
</head>
<body>
<h1>{title}</h1>
<p>{next}</p>
</body>
</html>
"""

log = structlog.get_logger()


def blueprint(settings: Settings, installer: Installer) -> Blueprint:
    """The door of installations and the script of its page."""
    pages = Blueprint("install", __name__)

    @pages.post("/install/bitrix24")
    def arrive() -> Response:
        raw = read_body()
        return receive(settings, installer, raw) or _sentence("install-not-proven", 404)

    @pages.get("/install/finish.js")
    def finish() -> Response:
        return Response(FINISH_SCRIPT, mimetype="text/javascript", headers={"X-Content-Type-Options": "nosniff"})

    return pages


def receive(settings: Settings, installer: Installer, raw: bytes, *, update_only: bool = False) -> Response | None:
    """One arrival from reading to answer; None: not proven, and nothing was stored.

    `update_only`: it came to a portal's hook, where nothing is installed.
    """
    application = CRMS["bitrix24"].application
    assert application is not None
    try:
        arrival = application.read(raw)
        if is_cut(raw) or (update_only and not arrival.update):
            return None
        installed = installer.accept(arrival, datetime.now(UTC))
    except NotGenuine as error:
        log.warning("install.refused", why=str(error))
        return None
    except (Busy, StoreDown, WrongKey) as error:
        log.warning("install.not_now", why=str(error))
        return _sentence("install-later", 503)
    return _page(settings, installed) if arrival.page else Response("ok\n", mimetype="text/plain")


def _sentence(code: str, status: int) -> Response:
    """The same for everybody: in both languages, as nothing of the request is believed."""
    return Response(f"{say(code, 'ru')}\n{say(code, 'en')}\n", status=status, mimetype="text/plain")


def _page(settings: Settings, installed: Installed) -> Response:
    wanted = request.args.get("LANG", settings.language)
    lang = "ru" if wanted.lower().startswith("ru") else "en"
    body = _PAGE.format(
        lang=lang, title=say("install-done", lang), next=say("install-next", lang), vendor=VENDOR_SCRIPT
    )
    scheme = urlsplit(settings.portals[installed.portal].url.get_secret_value()).scheme
    framed_by = f"frame-ancestors {scheme}://{installed.host}"
    policy = f"default-src 'none'; script-src 'self' https://api.bitrix24.com; {framed_by}"
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, mimetype="text/html", headers=headers)
