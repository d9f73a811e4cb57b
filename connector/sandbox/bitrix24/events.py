"""Which events a change makes, and their form bodies in both flavours (facts/bitrix24.md 1.2, 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.application import Application, Subscription
from connector.sandbox.bitrix24.call import READINGS
from connector.sandbox.bitrix24.clicks import EVENT as CLICKED
from connector.sandbox.bitrix24.clicks import click_of
from connector.sandbox.bitrix24.form import encode
from connector.sandbox.bitrix24.stages import category_of, stage_key
from connector.sandbox.config import PortalConfig
from connector.sandbox.records import Change

HANDLER_ID = 31
"""`event_handler_id` of the outgoing webhook."""
MOVED = "ONCRMDEALMOVETOCATEGORY"
_VERBS = {"added": "ADD", "restored": "ADD", "deleted": "DELETE"}
"""What happened → the event's last word; everything else is an UPDATE."""
_CARDS = ("deal", "contact", "company")
_MIXED = {
    f"ONCRM{kind.upper()}{verb.upper()}": f"onCrm{kind}{verb}"
    for kind in ("Activity", "TimelineComment", "Requisite")
    for verb in ("Add", "Update", "Delete")
}
"""Names as the pages of these events write them."""
_WITH_REFRESH = ("ONAPPINSTALL", "ONAPPUPDATE", "ONOFFLINEEVENT")
_OF_INSTALLER = ("ONAPPINSTALL", "ONAPPUPDATE")
_WITHOUT_HANDLER_ID = ("ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL")
_NEVER_SIGNED_IN = ("ONAPPUNINSTALL",)


@dataclass(frozen=True)
class Event:
    """One event before it has a receiver."""

    code: str
    fields: dict[str, Any]
    """`data` of the body."""
    by: int
    """The acting user; 0: nobody."""
    to_webhook: bool = True
    """Whether an outgoing webhook may be told."""
    client_id: str | None = None
    """Only this application is told; None: any."""


def events_of(base: Base, config: PortalConfig, change: Change) -> list[Event]:
    """The events a change makes."""
    readings = READINGS | config.readings
    verb, by = _VERBS.get(change.what, "UPDATE"), change.by
    one = {"FIELDS": {"ID": change.of}}
    if change.kind in _CARDS:
        if change.what == "moved" and change.before["pipeline"] != change.after["pipeline"]:
            return _moved(base, change, to_webhook=bool(readings["funnel_move_updates_deal"]))
        return [Event(f"ONCRM{change.kind.upper()}{verb}", one, by)]
    if change.kind == "activity":
        click = click_of(base, config, change)
        if click:
            return [Event(CLICKED, click.data, click.by, to_webhook=False, client_id=click.application)]
        return [Event(f"ONCRMACTIVITY{verb}", one, by)]
    if change.kind == "task":
        made = [Event(f"ONTASK{verb}", _task_fields(verb, change.of), by)]
        task = base.tasks[change.of]
        if task.cards and readings["task_as_activity"]:
            made.append(Event(f"ONCRMACTIVITY{verb}", {"FIELDS": {"ID": task.activity}}, by))
        return made
    if change.kind == "comment":
        return [Event(f"ONCRMTIMELINECOMMENT{verb}", {"ID": change.of}, by, to_webhook=False)]
    if change.kind == "requisite":
        return [Event(f"ONCRMREQUISITE{verb}", one, by, to_webhook=False)]
    if change.kind == "field" and change.after.get("card"):
        return [_field_event(change, verb, to_webhook=bool(readings["userfield_events_for_webhooks"]))]
    return []


def _moved(base: Base, change: Change, *, to_webhook: bool) -> list[Event]:
    """To another funnel: an event of its own, for applications only; what a webhook hears is open."""
    pipeline, stage = change.after["pipeline"], change.after["stage"]
    told = {"ID": change.of, "CATEGORY_ID": category_of(base, pipeline), "STAGE_ID": stage_key(base, pipeline, stage)}
    events = [Event(MOVED, {"FIELDS": told}, change.by, to_webhook=False)]
    if to_webhook:
        events.append(Event("ONCRMDEALUPDATE", {"FIELDS": {"ID": change.of}}, change.by))
    return events


def _field_event(change: Change, verb: str, *, to_webhook: bool) -> Event:
    card, code = str(change.after["card"]).upper(), str(change.after.get("code", "")).upper()
    word = "SETENUMVALUES" if change.after.get("choices") and verb == "UPDATE" else verb
    told = {"ID": change.of, "ENTITY_ID": f"CRM_{card}", "FIELD_NAME": f"UF_CRM_{code}"}
    return Event(f"ONCRM{card}USERFIELD{word}", {"FIELDS": told}, change.by, to_webhook=to_webhook)


def _task_fields(verb: str, task: int) -> dict[str, Any]:
    before: Any = "undefined" if verb == "ADD" else {"ID": task}
    after: Any = "undefined" if verb == "DELETE" else {"ID": task}
    return {
        "FIELDS_BEFORE": before,
        "FIELDS_AFTER": after,
        "IS_ACCESSIBLE_BEFORE": "N" if verb == "ADD" else "Y",
        "IS_ACCESSIBLE_AFTER": "N" if verb == "DELETE" else "undefined",
    }


def body_for_webhook(base: Base, config: PortalConfig, event: Event) -> str:
    """The body the outgoing webhook posts: no tokens, no user."""
    auth = {
        "domain": config.renamed or config.host,
        "client_endpoint": f"{config.address}/rest/",
        "server_endpoint": f"{config.oauth_root}/rest/",
        "member_id": config.credentials.member_id,
        "application_token": config.credentials.application_token,
    }
    return _body(base, config, event, HANDLER_ID, auth)


def body_for_application(application: Application, event: Event, subscription: Subscription | None) -> str:
    """The body a handler of the application gets; without a user behind it, it carries no tokens."""
    config, code = application.config, event.code
    user = subscription.auth_type or event.by if subscription else event.by
    auth: dict[str, Any] = {
        "domain": urlsplit(config.address).hostname,
        "client_endpoint": f"{config.address}/rest/",
        "server_endpoint": f"{config.oauth_root}/rest/",
        "member_id": config.credentials.member_id,
    }
    if user and code not in _NEVER_SIGNED_IN:
        fresh = code in _WITH_REFRESH
        pair = application.tokens.issue(user) if fresh else application.tokens.of_event(user)
        auth |= application.auth_of(pair)
        # who acted is told even where the token is another user's; the page of the click says so
        auth["user_id"] = event.by or user
        if not fresh and not config.readings["refresh_token_in_events"]:
            del auth["refresh_token"]
        if code in _OF_INSTALLER and config.readings["install_scope_by_spaces"]:
            auth["scope"] = " ".join(application.scopes)
    elif code not in _NEVER_SIGNED_IN:
        auth |= {"scope": ",".join(application.scopes), "status": "L"}
    auth["application_token"] = application.secret
    number = subscription.id if subscription and code not in _WITHOUT_HANDLER_ID else None
    return _body(application.base, config, event, number, auth)


def _body(base: Base, config: PortalConfig, event: Event, number: int | None, auth: dict[str, Any]) -> str:
    code = _MIXED.get(event.code, event.code) if config.readings.get("mixed_case_events") else event.code
    return encode(
        {
            "event": code,
            "event_handler_id": number if config.readings.get("handler_id_told", True) else None,
            "data": event.fields,
            "ts": int(base.clock.now().timestamp()),
            "auth": auth,
        }
    )
