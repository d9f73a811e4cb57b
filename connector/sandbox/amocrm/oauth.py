"""The OAuth server of an account: consent, codes, single-use refresh tokens, the account's present name (3.1)."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

from flask import Blueprint, Response, g, redirect, request
from markupsafe import escape

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.answers import canned, problem
from connector.sandbox.amocrm.integration import Integration
from connector.sandbox.amocrm.problems import Problem
from connector.sandbox.amocrm.tokens import ACCESS_SECONDS, Pair, Refused
from connector.sandbox.faults import DROP

KIND = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
_DETAIL = "В запросе отсутствует ряд параметров или параметры невалидны"


def add_oauth(account: Account, blueprint: Blueprint) -> None:
    """Hang up grants and consent; they have no limits, and of the faults only `answer_error` and lost answers."""

    def access_token() -> Response:
        sent: Any = request.get_json(silent=True, force=True)
        given = sent if isinstance(sent, dict) else request.form.to_dict()
        g.told_path, g.called = "/oauth2/access_token", f"oauth {given.get('grant_type', '')}".strip()
        return canned(account, "oauth") or _granted(account, given)

    def consent() -> Response:
        g.told_path = "/oauth"
        return _consent(account)

    def subdomain() -> Response:
        g.told_path = "/oauth2/account/current/subdomain"
        known = account.integration.tokens.knows_refresh(request.headers.get("X-Refresh-Token", ""))
        return canned(account, "oauth") or (_named(account) if known else problem(Problem(401, "Unauthorized")))

    def subdomain_by_access() -> Response:
        g.told_path = "/oauth2/account/subdomain"
        access = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = account.integration.tokens.user_of(access) is not None
        return _named(account) if known else problem(Problem(401, "Unauthorized"))

    blueprint.add_url_rule("/oauth2/access_token", "access_token", access_token, methods=["POST"])
    blueprint.add_url_rule("/oauth2/account/current/subdomain", "subdomain", subdomain)
    blueprint.add_url_rule("/oauth2/account/subdomain", "subdomain_by_access", subdomain_by_access)
    blueprint.add_url_rule("/oauth", "consent", consent, methods=["GET", "POST"])


def _granted(account: Account, given: dict[str, Any]) -> Response:
    if account.moved_away:
        return _refused(account, "Некорректный запрос", _DETAIL, status=int(account.number("renamed_status")))
    integration = account.integration
    secret = str(given.get("client_secret") or "").encode()
    if given.get("client_id") != integration.client_id or not hmac.compare_digest(secret, integration.secret):
        return _refused(account, "Некорректный клиент", "Авторизация клиента не прошла", status=401)
    try:
        pair = _pair(account, integration, given)
    except Refused as refusal:
        return _refused(account, "Некорректный запрос", _DETAIL, hint=refusal.hint)
    if integration.tokens.take_lost_answer():
        request.environ[DROP] = True
    told = {
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "server_time": int(time.time()),
        "access_token": pair.access,
        "refresh_token": pair.refresh,
    }
    return _json(told, 200)


def _pair(account: Account, integration: Integration, given: dict[str, Any]) -> Pair:
    if integration.redirect_url and given.get("redirect_uri") != integration.redirect_url:
        raise Refused("Invalid redirect URI")
    tokens, claims = integration.tokens, integration.claims(account.api_host)
    kind, code, refresh = given.get("grant_type"), given.get("code"), given.get("refresh_token")
    if kind == "authorization_code" and isinstance(code, str):
        return tokens.take_code(code, claims)
    if kind == "refresh_token" and isinstance(refresh, str):
        return tokens.renew(refresh, claims, ends_access=account.says("refresh_ends_access"))
    raise Refused("Check the `grant_type` parameter")


def _named(account: Account) -> Response:
    """How the account is called now."""
    domain = account.host
    top = "com" if domain.endswith(".com") else "ru"
    told = {"id": account.id, "subdomain": account.subdomain, "domain": domain, "top_level_domain": top}
    return _json(told, 200)


def _consent(account: Account) -> Response:
    """GET shows the question, POST is the person's word; what is wrong is told here and never to the integration."""
    integration = account.integration
    if request.values.get("client_id") != integration.client_id:
        return _page("<p>Интеграция не найдена</p>", 404)
    if not integration.redirect_url:
        return _page("<p>У интеграции не указана ссылка для перенаправления</p>", 400)
    state = request.values.get("state")
    if request.method == "GET":
        kept = f"<input type='hidden' name='state' value='{escape(state)}'>" if state is not None else ""
        return _page(
            f"<form method='post'><p>Интеграция просит доступ к аккаунту {escape(account.subdomain)}</p>"
            f"<input type='hidden' name='client_id' value='{escape(integration.client_id)}'>{kept}"
            "<button name='answer' value='allow'>Разрешить</button>"
            "<button name='answer' value='refuse'>Отказать</button></form>",
            200,
        )
    allowed = request.form.get("answer", "allow") != "refuse"
    granted = integration.grant(account.host, user=integration.admin, state=state) if allowed else {}
    to = integration.address_with(granted) if allowed else integration.refusal(state)
    answer: Any = redirect(to, 302)
    return answer if isinstance(answer, Response) else Response(status=302)


def _page(body: str, status: int) -> Response:
    page = f"<!doctype html><html lang='ru'><meta charset='utf-8'><title>Доступ</title>{body}</html>"
    return Response(page, status, mimetype="text/html")


def _refused(account: Account, title: str, detail: str, *, status: int | None = None, hint: str = "") -> Response:
    code = int(account.number("oauth_error_status")) if status is None else status
    told = {**({"hint": hint} if hint else {}), "title": title, "type": KIND, "status": code, "detail": detail}
    return _json(told, code)


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")
