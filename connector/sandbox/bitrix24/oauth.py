"""The OAuth server of a portal's application, under its own prefix, and the portal's consent page (bitrix24.md 3)."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from flask import Blueprint, Response, g, redirect, request
from markupsafe import escape

from connector.sandbox.bitrix24.answers import NO_AUTH, canned, refuse, respond, span
from connector.sandbox.bitrix24.application import Application
from connector.sandbox.bitrix24.call import Refusal
from connector.sandbox.bitrix24.tokens import Pair

WRONG_CLIENT = Refusal("wrong_client", "Unable to find the application by its client_id", 200)
INVALID_CLIENT = Refusal("invalid_client", "The client credentials are invalid", 400)
UNSUPPORTED = Refusal("invalid_request", 'Invalid "grant_type" parameter', 400)


def add_oauth(application: Application, routes: Blueprint) -> None:
    """Hang up token exchange, proof and consent; they have no limits, and of the faults only `answer_error`."""
    config = application.config

    def token() -> Response:
        g.told_path, given = "/oauth/token/", request.values
        g.called = f"oauth {given.get('grant_type', '')}".strip()
        wanted = canned(config.faults, "oauth")
        if wanted:
            return wanted
        try:
            pair = _exchange(application, given)
        except Refusal as refusal:
            return refuse(refusal)
        return respond({**application.auth_of(pair), "domain": urlsplit(config.oauth_root).hostname})

    def tell_installation() -> Response:
        g.told_path, g.called = "/oauth-server/rest/app.info/", "oauth app.info"
        wanted = canned(config.faults, "oauth")
        if wanted:
            return wanted
        moment = datetime.now(UTC)
        try:
            access = request.values.get("auth", "")
            if not access and request.is_json:
                access = str((request.get_json(silent=True) or {}).get("auth", ""))
            pair = _proven(application, access)
        except Refusal as refusal:
            return refuse(refusal)
        told = span(moment, 0.001, lambda when: when.isoformat(timespec="seconds"))
        return respond({"result": _proof(application, pair), "time": told})

    def consent() -> Response:
        g.told_path = "/oauth/authorize/"
        return _consent(application)

    both = ["GET", "POST"]
    for number, path in enumerate(("/oauth/token", "/oauth/token/", "/oauth-server/oauth/token/")):
        routes.add_url_rule(path, f"token{number}", token, methods=both)
    for number, path in enumerate(("/oauth-server/rest/app.info", "/oauth-server/rest/app.info/")):
        routes.add_url_rule(path, f"installation{number}", tell_installation, methods=both)
    routes.add_url_rule("/oauth/authorize/", "consent", consent, methods=both)


def _exchange(application: Application, given: Any) -> Pair:
    known = application.config.credentials
    for name in ("grant_type", "client_id", "client_secret"):
        if not given.get(name):
            raise Refusal("invalid_request", f'No "{name}" parameter found', 400)
    if given["client_id"] != known.client_id:
        raise WRONG_CLIENT
    if not hmac.compare_digest(given["client_secret"].encode(), (known.client_secret or "").encode()):
        raise INVALID_CLIENT
    tokens = application.tokens
    grants = {"authorization_code": ("code", tokens.take_code), "refresh_token": ("refresh_token", tokens.renew)}
    if given["grant_type"] not in grants:
        raise UNSUPPORTED
    wanted, exchange = grants[given["grant_type"]]
    if not given.get(wanted):
        raise Refusal("invalid_request", f'No "{wanted}" parameter found', 400)
    return exchange(given[wanted])


def _proven(application: Application, access: str) -> Pair:
    """The pair of a token, whoever's it is. Raises Refusal."""
    try:
        return application.tokens.known(access)
    except Refusal as refusal:
        raise NO_AUTH if refusal.code == "invalid_token" else refusal from refusal


def _proof(application: Application, pair: Pair) -> dict[str, Any]:
    config = application.config
    scope = ",".join(application.scopes)
    return {
        "client_id": pair.client_id or application.client_id,
        "scope": scope,
        "expires": datetime.fromtimestamp(int(pair.expires), UTC).isoformat(),
        "user_id": pair.user,
        "install": {
            "installed": application.finished,
            "version": application.version,
            "status": "L",
            "scope": scope,
            "domain": urlsplit(config.address).hostname,
            "uri": config.address,
            "client_endpoint": f"{config.address}/rest/",
            "member_id": pair.member_id or config.credentials.member_id,
            "member_type": "CLIENT",
        },
    }


def _consent(application: Application) -> Response:
    """GET shows the question, POST is the person's yes; what is wrong is told here and never to the application."""
    known, back = application.client_id, application.redirect_url
    if request.values.get("client_id") != known:
        return Response("<p>Приложение не найдено</p>", 404, mimetype="text/html")
    if not application.installed:
        return Response("<p>Приложение не установлено</p>", 403, mimetype="text/html")
    if not back:
        return Response("<p>У приложения не указан redirect_uri</p>", 400, mimetype="text/html")
    state = request.values.get("state", "")
    if request.method == "GET":
        page = (
            "<!doctype html><html lang='ru'><meta charset='utf-8'><title>Доступ</title><form method='post'>"
            f"<p>Приложение просит доступ: {escape(', '.join(application.scopes))}</p>"
            f"<input type='hidden' name='client_id' value='{escape(known)}'>"
            f"<input type='hidden' name='state' value='{escape(state)}'><button>Разрешить</button></form></html>"
        )
        return Response(page, 200, mimetype="text/html")
    config = application.config
    told: dict[str, str] = {
        "code": application.tokens.code_for(config.credentials.rest_user or 1),
        "state": state,
        "domain": urlsplit(config.address).hostname or "",
        "member_id": config.credentials.member_id or "",
        "scope": ",".join(application.scopes),
        "server_domain": urlsplit(config.oauth_root).hostname or "",
    }
    sign = "&" if urlsplit(back).query else "?"
    answer: Any = redirect(f"{back}{sign}{urlencode(told, quote_via=quote_plus)}", 302)
    return answer if isinstance(answer, Response) else Response(status=302)
