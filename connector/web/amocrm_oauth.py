"""`GET /oauth/amocrm`: where amoCRM sends a code, in an administrator's browser or from its own server.

What is not proven gets one and the same answer, in both languages; no host of the query is ever contacted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import structlog
from flask import Blueprint, Response, request
from markupsafe import escape
from pydantic import SecretStr

from connector.connecting import Callback, Connecting
from connector.errors import NotGenuine
from connector.proven import Busy
from connector.store import StoreDown
from connector.texts import say
from connector.vault import WrongKey

LONGEST: Final = 8192
"""Characters of a query; a code has about 1,000."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""The page's own address holds the code and the state: it must not go on to anybody."""
_PAGE: Final = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
{rest}
</body>
</html>
"""

log = structlog.get_logger()


def blueprint(connecting: Connecting) -> Blueprint:
    """The door of codes."""
    pages = Blueprint("amocrm_oauth", __name__)

    @pages.get("/oauth/amocrm")
    def arrive() -> Response:
        return receive(connecting)

    return pages


def receive(connecting: Connecting) -> Response:
    """One callback from reading to answer."""
    if request.method == "HEAD":  # somebody looks whether a link leads anywhere; a code works once
        return Response(headers=HEADERS)
    told = request.args
    if told.get("error"):
        log.info("connect.denied")
        return _page("connect-denied", 403)
    if len(request.query_string) > LONGEST or not told.get("code"):
        return _page("connect-not-proven", 404)
    callback = Callback(
        code=SecretStr(told["code"]),
        referer=told.get("referer", ""),
        state=told.get("state"),
        client_id=told.get("client_id"),
        from_widget=told.get("from_widget") in ("1", "true"),
    )
    try:
        name = connecting.accept(callback, datetime.now(UTC))
    except NotGenuine as error:
        log.warning("connect.refused", why=str(error))
        return _page("connect-not-proven", 404)
    except (Busy, StoreDown, WrongKey) as error:
        log.warning("connect.not_now", why=str(error))
        return _page("connect-later", 503)
    log.info("connect.done", portal=name)
    return _page("install-done", 200, "install-next")


def _page(title: str, status: int, *more: str) -> Response:
    """In both languages: nothing is known of who reads it."""
    rest = "\n".join(f"<p>{escape(say(code, lang))}</p>" for code in (*more, title) for lang in ("ru", "en"))
    body = _PAGE.format(lang="ru", title=escape(say(title, "ru")), rest=rest)
    return Response(body, status=status, mimetype="text/html", headers=HEADERS)
