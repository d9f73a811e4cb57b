"""`/oauth2/access_token`: a refresh token works once, the next pair takes its place (facts/amocrm.md 3.1)."""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any

from flask import Blueprint, Response, request

from connector.sandbox.amocrm.account import Account, unix

LIFETIME = 86_400
"""Seconds of an access token."""


def add_oauth(account: Account, blueprint: Blueprint) -> None:
    """Hang up the token exchange; it has no limits and no faults."""
    lock = threading.Lock()

    def access_token() -> Response:
        sent: Any = request.get_json(silent=True)
        known = account.config.credentials
        if not isinstance(sent, dict) or (sent.get("client_id"), sent.get("client_secret")) != (
            known.client_id,
            known.client_secret,
        ):
            return _refused("Некорректный клиент", "Авторизация клиента не прошла")
        with lock:
            if sent.get("grant_type") != "refresh_token" or sent.get("refresh_token") != known.refresh_token:
                return _refused(
                    "Некорректный запрос",
                    "В запросе отсутствует ряд параметров или параметры невалидны",
                    hint="Token has been revoked",
                )
            known.access_token = f"sandbox-access-{secrets.token_hex(16)}"
            known.refresh_token = f"sandbox-refresh-{secrets.token_hex(16)}"
            return _json(
                {
                    "token_type": "Bearer",
                    "expires_in": LIFETIME,
                    "server_time": unix(account.base.clock.now()),
                    "access_token": known.access_token,
                    "refresh_token": known.refresh_token,
                },
                200,
            )

    blueprint.add_url_rule("/oauth2/access_token", "access_token", access_token, methods=["POST"])


def _refused(title: str, detail: str, **more: str) -> Response:
    kind = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
    return _json({**more, "title": title, "type": kind, "status": 401, "detail": detail}, 401)


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")
