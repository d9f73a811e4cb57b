"""What the control API does to an account's integration: connect, switch off, rename, tokens (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.integration import with_query
from connector.sandbox.hooks import is_loopback
from connector.sandbox.portal import Portal

BROWSER_SECONDS = 30


def account_of(portal: Portal) -> Account:
    """The account of an amoCRM portal."""
    return Account(portal.base, portal.config)


def connect(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`redirect`, `state`, `user`, `refuse`, `from_widget`: what the browser does after the person's word.

    `code`, `referer`, `client_id` may be forged. Answers with what the redirect URI said.
    """
    account = account_of(portal)
    integration = account.integration
    if "redirect" in body:
        integration.redirect_url = _loopback(body["redirect"])
    state = body.get("state")
    if body.get("refuse"):
        return _fetch(integration.refusal(state))
    user = _user(portal, body.get("user", account.admin))
    if not integration.installed and not account.is_admin(user):
        raise ValueError("only an administrator switches an integration on")
    told: dict[str, Any] = {
        **integration.grant(body.get("referer", account.host), user=user, state=state),
        **({"from_widget": 1} if body.get("from_widget") else {}),
        **{name: body[name] for name in ("code", "client_id") if name in body},
    }
    return _fetch(integration.address_with(told))


def disable(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`url`, `signature`, `account_id`, `client_uuid`, `keep_tokens`: switch the integration off and tell its owner.

    What is not given is true; `keep_tokens` makes a forged word of it, that switches nothing off.
    """
    account = account_of(portal)
    integration = account.integration
    if "url" in body:
        integration.disable_url = _loopback(body["url"])
    if not body.get("keep_tokens"):
        integration.installed = False
        integration.tokens.revoke_all()
    told = {
        "account_id": body.get("account_id", account.id),
        "client_uuid": body.get("client_uuid", integration.client_id),
        "signature": body.get("signature", integration.signature(account.id)),
    }
    if not integration.disable_url:
        return {"status": None, "text": "", "headers": {}}
    return _fetch(with_query(integration.disable_url, told))


def turn_tokens(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`expire`, `expire_after` requests, `expire_refresh`, `revoke_refresh`, `lose_answers`, and what follows.

    `issue`: a user's id, whose pair is told; `lifetime`: seconds its access token works, may be past. `code`: a user's
    id, whose authorization code is told. `long_lived`: whether the long-lived token works.
    """
    account = account_of(portal)
    tokens = account.integration.tokens
    known = {"expire", "expire_after", "expire_refresh", "revoke_refresh", "lose_answers", "long_lived"}
    known |= {"issue", "code", "lifetime"}
    if unknown := set(body) - known:
        raise ValueError(f"tokens have no {', '.join(sorted(unknown))}")
    if body.get("expire"):
        tokens.expire()
    if body.get("expire_after") is not None:
        tokens.expire(after=int(body["expire_after"]))
    if body.get("expire_refresh"):
        tokens.expire_refresh()
    if body.get("revoke_refresh"):
        tokens.revoke_refresh()
    if "long_lived" in body:
        tokens.long_lived_works = bool(body["long_lived"])
    if "lose_answers" in body:
        tokens.lose_answers(int(body["lose_answers"]))
    made: dict[str, Any] = {}
    if body.get("code"):
        made["code"] = tokens.code_for(_user(portal, body["code"]))
    if body.get("issue"):
        claims, user = account.integration.claims(account.api_host), _user(portal, body["issue"])
        pair = tokens.issue(user, claims, lifetime=None if "lifetime" not in body else int(body["lifetime"]))
        made |= {"access_token": pair.access, "refresh_token": pair.refresh}
    return tokens.counts() | made


def rename(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`host`: the account's new name, `localhost` say; under every other one it is refused. null: as at start.

    `subdomain`: what the account calls itself from then on.
    """
    host = body["host"]
    if host is not None and not is_loopback(f"http://{host}"):
        raise ValueError("the new host is a name of this machine: localhost, 127.0.0.1, ….localhost")
    portal.config.renamed = host
    if "subdomain" in body:
        portal.config.credentials.subdomain = str(body["subdomain"])
    return {"address": portal.config.address}


def change_integration(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`redirect_url`, `disable_url`: the integration's settings."""
    integration = account_of(portal).integration
    for name, value in body.items():
        if name not in ("redirect_url", "disable_url"):
            raise ValueError("the integration has redirect_url, disable_url")
        setattr(integration, name, _loopback(value))
    return state(portal)


def change_subscriptions(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`drop`, `disable`: true for all, or a list of destinations: webhooks that vanish, or are switched off."""
    account = account_of(portal)
    for one in account.subscriptions():
        if _meant(body.get("drop"), one.destination):
            account.unsubscribe(one.destination)
        elif _meant(body.get("disable"), one.destination):
            one.disabled = True
    return subscriptions(portal)


def _meant(wanted: Any, destination: str) -> bool:
    return wanted is True or (isinstance(wanted, list) and destination in wanted)


def subscriptions(portal: Portal) -> dict[str, Any]:
    """Who is told by webhook of what."""
    rows = [
        {"destination": one.destination, "settings": one.settings, "disabled": one.disabled, "by_hand": one.by_hand}
        for one in account_of(portal).subscriptions()
    ]
    return {"subscriptions": rows}


def state(portal: Portal) -> dict[str, Any]:
    """The integration as the account's administrator sees it."""
    account = account_of(portal)
    integration = account.integration
    return {
        "client_id": integration.client_id,
        "installed": integration.installed,
        "redirect_url": integration.redirect_url,
        "disable_url": integration.disable_url,
        "account_id": account.id,
        "subdomain": account.subdomain,
    }


def token_counts(portal: Portal) -> dict[str, Any]:
    """What an observer counts; never a token."""
    return account_of(portal).integration.tokens.counts()


def _loopback(url: Any) -> str:
    if not is_loopback(str(url)):
        raise ValueError("the sandbox asks loopback addresses only (http://127.0.0.1:…)")
    return str(url)


def _user(portal: Portal, number: Any) -> int:
    if int(number) not in portal.base.users:
        raise ValueError(f"no user {number}")
    return int(number)


def _fetch(url: str) -> dict[str, Any]:
    """GET an address as a browser or amoCRM's own server does; a redirect is told, not followed."""
    if not is_loopback(url):
        raise ValueError("the integration has no such address yet: give it")
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=BROWSER_SECONDS, allow_redirects=False)
    except requests.RequestException:
        return {"status": None, "text": "", "headers": {}}
    return {"status": answer.status_code, "text": answer.text, "headers": dict(answer.headers)}


ORDERS: dict[str, Callable[[Portal, dict[str, Any]], Any]] = {
    "connect": connect,
    "disable": disable,
    "rename": rename,
    "app": change_integration,
    "tokens": turn_tokens,
    "subscriptions": change_subscriptions,
}
"""Path below /sandbox/ → what one object of the body does."""
LOOKS: dict[str, Callable[[Portal], Any]] = {
    "app": state,
    "tokens": token_counts,
    "subscriptions": subscriptions,
}
"""Path below /sandbox/ → what a GET tells."""
