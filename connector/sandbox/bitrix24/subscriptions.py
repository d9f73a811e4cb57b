"""`event.*`: an application subscribes to events, each handler and user apart (facts/bitrix24.md 1.6)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.bitrix24.application import Application, Subscription, application_of
from connector.sandbox.bitrix24.call import METHODS, Call, Refusal, method
from connector.sandbox.bitrix24.scopes import check_scope, events_scope
from connector.sandbox.hooks import is_loopback

_FIELD_WORDS = ("ADD", "UPDATE", "DELETE", "SETENUMVALUES")
_THREE_WORDS = ("ADD", "UPDATE", "DELETE")
EVENTS: tuple[str, ...] = (
    *("ONAPPUNINSTALL", "ONAPPINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT", "ONAPPTEST", "ONAPPMETHODCONFIRM"),
    "ONOFFLINEEVENT",
    *(
        f"ONCRM{card}{word}"
        for card in ("DEAL", "COMPANY", "CONTACT")
        for word in (*_THREE_WORDS, *(f"USERFIELD{one}" for one in _FIELD_WORDS))
    ),
    "ONCRMDEALMOVETOCATEGORY",
    *(
        f"ONCRM{kind}{word}"
        for kind in ("ACTIVITY", "REQUISITE", "TIMELINECOMMENT", "DYNAMICITEM")
        for word in _THREE_WORDS
    ),
    *(f"ONCRMREQUISITEUSERFIELD{one}" for one in _FIELD_WORDS),
    *("ONCRMADDRESSREGISTER", "ONCRMADDRESSUNREGISTER", "ONCRMTIMELINEITEMACTION"),
    *(f"ONTASK{word}" for word in (*_THREE_WORDS, "COMMENTADD", "COMMENTUPDATE", "COMMENTDELETE")),
)
"""What an application of this portal can subscribe to."""


def _application(call: Call) -> Application:
    call.by_application()
    return application_of(call.config)


@method("events")
def events(call: Call) -> list[str]:
    """The events of one scope, of all scopes, or of those that were granted."""
    call.by_application()
    wanted = call.get("SCOPE", call.get("scope"))
    if wanted is not None:
        return [one for one in EVENTS if events_scope(one) == (str(wanted) or "basic")]
    if call.get("FULL", call.get("full")) in (True, 1, "1", "Y", "true"):
        return list(EVENTS)
    return [one for one in EVENTS if events_scope(one) in (*call.scopes, "basic")]


def _given(call: Call, name: str) -> Any:
    """Parameters of these methods are written in small letters or capitals."""
    return call.get(name, call.get(name.upper()))


def _user(call: Call, act: str) -> int | None:
    """`auth_type`; None: not given."""
    raw = _given(call, "auth_type")
    if raw in (None, ""):
        return None if raw is None else 0
    try:
        user = int(raw)
    except (TypeError, ValueError):
        user = 0
    if user not in (0, call.user) and not call.admin:
        raise _denied(f"Event {act} with AUTH_TYPE requires administrator access rights")
    return user


def _denied(text: str) -> Refusal:
    return Refusal("ACCESS_DENIED", f"Access denied! {text}", 403)


@method("event.bind", writes=True)
def event_bind(call: Call) -> bool:
    """Subscribe: to a handler's address, or without one to the offline queue."""
    application = _application(call)
    event, handler = str(_given(call, "event") or "").upper(), str(_given(call, "handler") or "")
    offline = str(_given(call, "event_type") or "online").lower() == "offline"
    user = _user(call, "binding") or 0
    if offline and not call.admin:
        raise _denied("Offline events binding requires administrator access rights")
    if not event:
        raise Refusal("ERROR_ARGUMENT", "Argument 'EVENT' is null or empty")
    known = event in EVENTS or event.startswith("ONCRMDYNAMICITEM")
    if not known or events_scope(event) not in (*call.scopes, "basic"):
        raise Refusal("ERROR_EVENT_NOT_FOUND", "Event not found")
    connector = str(_given(call, "auth_connector") or "")
    if connector and not call.reading("auth_connector"):
        raise _denied("Auth connectors are not available on your plan")
    if offline:
        handler = ""
    elif not handler:
        raise Refusal("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty")
    else:
        _check_address(handler)
    if not call.admin:
        user = call.user
    options = call.mapping("options")
    with call.base.lock:
        if any((one.event, one.handler, one.auth_type) == (event, handler, user) for one in application.subscriptions):
            raise Refusal("ERROR_CORE", "Unable to set event handler: Handler already binded")
        made = Subscription(
            id=call.base.new_id("subscription"),
            event=event,
            handler=handler,
            auth_type=user,
            connector=connector,
            min_timeout=float(options.get("minTimeout", 1)),
            user=call.user,
        )
        application.subscriptions.append(made)
    return True


def _check_address(handler: str) -> None:
    parts = urlsplit(handler)
    if parts.scheme not in ("http", "https"):
        raise Refusal("ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    if not is_loopback(handler):
        raise Refusal("ERROR_WRONG_HANDLER_URL", "Wrong handler URL: the sandbox posts to this machine only")


@method("event.unbind", writes=True)
def event_unbind(call: Call) -> dict[str, int]:
    """End subscriptions by event, handler and user; what is not named matches all."""
    application = _application(call)
    event, handler = str(_given(call, "event") or "").upper(), str(_given(call, "handler") or "")
    offline = str(_given(call, "event_type") or "online").lower() == "offline"
    if offline and not call.admin:
        raise _denied("Offline events unbinding requires administrator access rights")
    user = _user(call, "unbinding")
    with call.base.lock:
        gone = [
            one
            for one in application.subscriptions
            if one.event == event
            and one.offline == offline
            and (offline or not handler or one.handler == handler)
            and (user is None or one.auth_type == user)
            and (call.admin or one.auth_type == call.user)
        ]
        for one in gone:
            application.subscriptions.remove(one)
    return {"count": len(gone)}


@method("event.get")
def event_get(call: Call) -> list[dict[str, Any]]:
    """The subscriptions; one who is no administrator sees his own."""
    application = _application(call)
    rows = []
    for one in application.subscriptions:
        if not call.admin and one.auth_type != call.user:
            continue
        row: dict[str, Any] = {"event": one.event, "handler": one.handler, "auth_type": str(one.auth_type)}
        rows.append(row | {"offline": int(one.offline)} | ({"connector_id": one.connector} if one.offline else {}))
    return rows


@method("event.test", writes=True)
def event_test(call: Call) -> int:
    """Post ONAPPTEST with the given parameters."""
    application = _application(call)
    application.announce("ONAPPTEST", {"QUERY": call.params, "LANGUAGE_ID": "ru"}, call.user)
    return 1


@method("app.info")
def application_shown(call: Call) -> dict[str, Any]:
    """What the portal tells of the caller; the OAuth server's method of the same name is another one."""
    if call.application is None:
        if not call.reading("app_info_for_webhooks"):
            raise Refusal("ACCESS_DENIED", "Access denied! Application context required")
        return {"SCOPE": list(call.scopes), "LICENSE": "ru_std"}
    application = application_of(call.config)
    return {
        "ID": 1,
        "CODE": application.client_id,
        "VERSION": application.version,
        "STATUS": "L",
        "INSTALLED": application.finished,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "ru",
        "LICENSE": "ru_std",
        "LICENSE_TYPE": "std",
        "LICENSE_FAMILY": "std",
    }


@method("scope")
def scope(call: Call) -> list[str]:
    """The caller's scopes."""
    return list(call.scopes)


@method("method.get")
def method_known(call: Call) -> dict[str, bool]:
    """Whether a method is there, and whether the caller's scopes let him use it."""
    name = str(call.get("name") or call.get("NAME") or "").lower()
    try:
        check_scope(name, call.scopes, by_webhook=call.application is None)
    except Refusal:
        return {"isExisting": name in METHODS, "isAvailable": False}
    return {"isExisting": name in METHODS, "isAvailable": name in METHODS}


@method("feature.get")
def feature_get(call: Call) -> dict[str, str]:
    """Whether the plan has a feature."""
    code = str(call.get("CODE") or call.get("code") or "")
    if not code:
        raise Refusal("CODE_EMPTY", "CODE can't be empty")
    readings = {"rest_offline_extended": "offline_extended", "rest_auth_connector": "auth_connector"}
    return {"value": "Y" if code in readings and call.reading(readings[code]) else "N"}
