"""What the control API does to a portal's application: install, update, remove, rename, tokens (docs/sandbox.md)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from connector.sandbox.bitrix24.application import Application, application_of
from connector.sandbox.bitrix24.events import Event, body_for_application
from connector.sandbox.bitrix24.form import encode
from connector.sandbox.bitrix24.hooks import HEADERS
from connector.sandbox.bitrix24.tokens import ACCESS_SECONDS, Pair
from connector.sandbox.config import PortalConfig
from connector.sandbox.hooks import is_loopback
from connector.sandbox.portal import Portal

INSTALLER_SECONDS = 30


def install(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`target`, `page`, `user`: put the application on the portal (again), tell its installer and give its answer.

    Without a page it is installed at once by ONAPPINSTALL; with one it is finished by `install_finish`.
    """
    application, config = application_of(portal.config), portal.config
    target, page, user = _loopback(body["target"]), bool(body.get("page")), _user(portal, body)
    with portal.base.lock:
        if not application.installed:
            application.tokens.restore()
            application.secret = _new_secret(config)
        application.remove_traces()
        application.installed, application.finished = True, not page
        pair = application.tokens.issue(user)
    if page:
        url = target + ("&" if urlsplit(target).query else "?") + page_query(config)
        return _post(portal, "INSTALLPAGE", url, encode(page_form(application, pair, "DEFAULT", None)))
    event = Event("ONAPPINSTALL", _version(application) | {"ACTIVE": "Y", "INSTALLED": "Y"}, user, to_webhook=False)
    return _post(portal, event.code, target, body_for_application(application, event, None))


def _loopback(url: Any) -> str:
    if not is_loopback(str(url)):
        raise ValueError("the sandbox posts to loopback addresses only (http://127.0.0.1:…)")
    return str(url)


def _user(portal: Portal, body: dict[str, Any]) -> int:
    user = int(body.get("user", portal.config.credentials.rest_user or 1))
    if user not in portal.base.users:
        raise ValueError(f"no user {user}")
    return user


def _new_secret(config: PortalConfig) -> str:
    return f"sandbox-app-token-{config.name}-{secrets.token_hex(8)}"


def _version(application: Application) -> dict[str, Any]:
    return {"VERSION": application.version, "LANGUAGE_ID": "ru"}


def page_query(config: PortalConfig) -> str:
    """The query of a request for one of the application's pages."""
    told = {"DOMAIN": urlsplit(config.address).hostname, "PROTOCOL": 0, "LANG": "ru", "APP_SID": secrets.token_hex(16)}
    return urlencode(told)


def page_form(application: Application, pair: Pair, placement: str, options: str | None) -> dict[str, Any]:
    """The form of a request for one of the application's pages; `options` is JSON text (facts/bitrix24.md 7.2)."""
    return {
        "AUTH_ID": pair.access,
        "AUTH_EXPIRES": ACCESS_SECONDS,
        "REFRESH_ID": pair.refresh,
        "SERVER_ENDPOINT": f"{application.config.oauth_root}/rest/",
        "APPLICATION_TOKEN": application.secret,
        "APPLICATION_SCOPE": ",".join(application.scopes),
        "member_id": application.config.credentials.member_id,
        "status": "L",
        "PLACEMENT": placement,
        "PLACEMENT_OPTIONS": options,
    }


def _post(portal: Portal, code: str, url: str, body: str) -> dict[str, Any]:
    """Post at once and tell the answer; counted among the webhooks."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, data=body, headers=HEADERS, timeout=INSTALLER_SECONDS, allow_redirects=False)
    except requests.RequestException:
        portal.base.note_hook(code, "unanswered")
        return {"status": None, "text": "", "headers": {}}
    portal.base.note_hook(code, f"answered {answer.status_code}")
    return {"status": answer.status_code, "text": answer.text, "headers": dict(answer.headers)}


def install_finish(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """What `BX24.installFinish()` does in the browser: from now on events and widgets reach the application."""
    application = application_of(portal.config)
    if not application.installed:
        raise ValueError("the application is not installed")
    application.finished = True
    told = _version(application) | {"ACTIVE": "Y", "INSTALLED": "Y"}
    application.announce("ONAPPINSTALL", told, _user(portal, body))
    return state(portal)


def uninstall(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`clean`: take the application off. Its handlers of ONAPPUNINSTALL are told, then tokens and handlers are gone."""
    application = application_of(portal.config)
    with portal.base.lock:
        told = {"LANGUAGE_ID": "ru", "CLEAN": int(bool(body.get("clean", False)))}
        _tell_last(application, Event("ONAPPUNINSTALL", told, 0, to_webhook=False))
        application.tokens.remove()
        application.remove_traces()
        application.installed = application.finished = False
    return state(portal)


def update_app(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`version`, `same_secret`: a new version; ONAPPUPDATE carries the new `application_token`, handlers are gone."""
    application = application_of(portal.config)
    with portal.base.lock:
        before = application.version
        application.version = int(body.get("version", before + 1))
        if not body.get("same_secret"):
            application.secret = _new_secret(portal.config)
        told = _version(application) | {"PREVIOUS_VERSION": before}
        _tell_last(application, Event("ONAPPUPDATE", told, _user(portal, body), to_webhook=False))
        application.remove_traces()
    return state(portal)


def _tell_last(application: Application, event: Event) -> None:
    """Bodies are written now: when they are sent, the subscription is gone."""
    if not application.listening:
        return
    for one in application.subscriptions:
        if one.event == event.code and not one.offline:
            body = body_for_application(application, event, one)
            application.deliver(event.code, one.handler, lambda body=body: body)  # type: ignore[misc]  # bound at once


def rename(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`host`: the portal's new name, `localhost` say; the REST answers 302 under every other one. null: as at start."""
    host = body["host"]
    if host is not None and not is_loopback(f"http://{host}"):
        raise ValueError("the new host is a name of this machine: localhost, 127.0.0.1, ….localhost")
    portal.config.renamed = host
    return {"address": portal.config.address}


def change_app(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`redirect_url`, `scopes`, `webhook_scopes`: the application's card, and what the webhook is granted."""
    application = application_of(portal.config)
    for name, value in body.items():
        if name == "redirect_url":
            application.redirect_url = _loopback(value)
        elif name in ("scopes", "webhook_scopes"):
            setattr(application, name, tuple(str(one) for one in value))
        else:
            raise ValueError("the application has redirect_url, scopes, webhook_scopes")
    return state(portal)


def turn_tokens(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`expire`, `expire_after` requests, `expire_after_commands`, `revoke_refresh`, `issue`.

    `issue`: a user's id, or {"client_id", "member_id"} for a token that the OAuth server knows as another's.
    """
    tokens = application_of(portal.config).tokens
    unknown = set(body) - {"expire", "expire_after", "expire_after_commands", "revoke_refresh", "issue"}
    if unknown:
        raise ValueError(f"tokens have no {', '.join(sorted(unknown))}")
    if body.get("expire"):
        tokens.end_access()
    after, commands = body.get("expire_after"), body.get("expire_after_commands")
    tokens.end_access_after(
        requests=None if after is None else int(after), commands=None if commands is None else int(commands)
    )
    if body.get("revoke_refresh"):
        tokens.revoke_refresh()
    wanted = body.get("issue")
    if wanted is None:
        return tokens.counts()
    if isinstance(wanted, dict):
        made = tokens.issue_foreign(str(wanted.get("client_id", "")), str(wanted.get("member_id", "")))
    else:
        made = tokens.issue(_user(portal, {"user": wanted}))
    return tokens.counts() | {"access_token": made.access, "refresh_token": made.refresh}


def comment_task(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`task`, `by`: a message in a task's discussion, as the new task card tells of it (facts/bitrix24.md 1.3)."""
    task = portal.base.task(int(body["task"]))
    message = portal.base.new_id("task message")
    told = {"FIELDS_BEFORE": "undefined", "FIELDS_AFTER": {"ID": 0, "TASK_ID": task.id, "MESSAGE_ID": message}}
    by = int(body.get("by", task.assignee))
    application_of(portal.config).announce("ONTASKCOMMENTADD", told, by, to_webhook=True)
    return {"message": message}


def drop_subscriptions(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`drop`: true for all, or a list of events: subscriptions that vanish without a word."""
    application, wanted = application_of(portal.config), body["drop"]
    names = None if wanted is True else {str(one).upper() for one in wanted}
    with portal.base.lock:
        application.subscriptions[:] = [
            one for one in application.subscriptions if names is not None and one.event not in names
        ]
    return subscriptions(portal)


def subscriptions(portal: Portal) -> dict[str, Any]:
    """Who is told of what, and how many records wait in the offline queue."""
    application = application_of(portal.config)
    rows = [
        {"id": one.id, "event": one.event, "handler": one.handler, "auth_type": one.auth_type, "offline": one.offline}
        for one in application.subscriptions
    ]
    return {"subscriptions": rows, "queued": len(application.queue)}


def state(portal: Portal) -> dict[str, Any]:
    """The application as the portal's administrator sees it."""
    application = application_of(portal.config)
    return {
        "client_id": application.client_id,
        "installed": application.installed,
        "finished": application.finished,
        "version": application.version,
        "scopes": list(application.scopes),
        "webhook_scopes": list(application.webhook_scopes),
        "redirect_url": application.redirect_url,
        "application_token": application.secret,
    }


def token_counts(portal: Portal) -> dict[str, Any]:
    """What an observer counts; never a token."""
    return application_of(portal.config).tokens.counts()


ORDERS: dict[str, Callable[[Portal, dict[str, Any]], Any]] = {
    "install": install,
    "install_finish": install_finish,
    "uninstall": uninstall,
    "update_app": update_app,
    "rename": rename,
    "app": change_app,
    "tokens": turn_tokens,
    "tasks/comment": comment_task,
    "subscriptions": drop_subscriptions,
}
"""Path below /sandbox/ → what one object of the body does."""
LOOKS: dict[str, Callable[[Portal], Any]] = {
    "app": state,
    "tokens": token_counts,
    "subscriptions": subscriptions,
}
"""Path below /sandbox/ → what a GET tells."""
