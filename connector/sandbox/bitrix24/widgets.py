"""What an application hangs into the portal: `placement.*`, robots, field types (facts/bitrix24.md 7)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.bitrix24.application import Application, Widget, application_of
from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.hooks import is_loopback

_OF_CARDS = (
    *("DETAIL_TAB", "DETAIL_TOOLBAR", "DETAIL_ACTIVITY", "ACTIVITY_TIMELINE_MENU", "LIST_MENU", "LIST_TOOLBAR"),
    *("DOCUMENTGENERATOR_BUTTON", "ROBOT_DESIGNER_TOOLBAR"),
)
PLACEMENTS = (
    *(f"CRM_{kind}_{place}" for kind in ("LEAD", "DEAL", "CONTACT", "COMPANY") for place in _OF_CARDS),
    *("CRM_ANALYTICS_MENU", "CRM_ANALYTICS_TOOLBAR", "CRM_FUNNELS_TOOLBAR", "TASK_VIEW_TAB", "TASK_VIEW_SIDEBAR"),
    *("TASK_VIEW_TOP_PANEL", "TASK_LIST_CONTEXT_MENU", "LEFT_MENU", "DEFAULT"),
)


def _administered(call: Call) -> Application:
    call.by_application()
    if not call.admin:
        raise Refusal("ACCESS_DENIED", "Access denied!", 403)
    return application_of(call.config)


def _handler(raw: Any) -> str:
    """An address a browser can post to; here only this machine's.

    Raises:
        Refusal: another protocol, no address, another machine.
    """
    parts = urlsplit(str(raw))
    if parts.scheme not in ("http", "https"):
        raise Refusal("ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    if not is_loopback(str(raw)):
        raise Refusal("ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    return str(raw)


def _argument(call: Call, name: str) -> str:
    value = call.get(name)
    if value in (None, "", [], {}):
        raise Refusal("ERROR_ARGUMENT", f"Argument '{name}' is null or empty", 200, argument=name)
    return str(value)


@method("placement.bind", writes=True)
def placement_bind(call: Call) -> bool:
    """Hang a widget into a place; most refusals come with HTTP 200."""
    application = _administered(call)
    placement, handler = _argument(call, "PLACEMENT").upper(), _argument(call, "HANDLER")
    if placement not in PLACEMENTS:
        raise Refusal("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    if call.get("USER_ID"):
        raise Refusal("ERROR_PLACEMENT_USER_MODE", "User mode is not available", 200)
    made = Widget(
        placement=placement,
        handler=_handler(handler),
        title=str(call.get("TITLE") or ""),
        description=str(call.get("DESCRIPTION") or ""),
        options=call.mapping("OPTIONS"),
        languages=call.mapping("LANG_ALL"),
    )
    if any((one.placement, one.handler) == (made.placement, made.handler) for one in application.widgets):
        raise Refusal("ERROR_CORE", "Unable to set placement handler: Handler already binded")
    application.widgets.append(made)
    return True


@method("placement.unbind", writes=True)
def placement_unbind(call: Call) -> dict[str, int]:
    """Take widgets away: all of a place, or the one of a handler."""
    application = _administered(call)
    if not call.get("PLACEMENT"):
        raise Refusal("ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty")
    placement, handler = str(call.get("PLACEMENT")).upper(), call.get("HANDLER")
    gone = [one for one in application.widgets if one.placement == placement and handler in (None, "", one.handler)]
    for one in gone:
        application.widgets.remove(one)
    return {"count": len(gone)}


@method("placement.get")
def placement_get(call: Call) -> list[dict[str, Any]]:
    """The widgets of this application."""
    call.by_application()
    return [
        {
            "placement": one.placement,
            "userId": 0,
            "handler": one.handler,
            "options": one.options,
            "title": one.title,
            "description": one.description,
            "langAll": one.languages,
        }
        for one in application_of(call.config).widgets
    ]


@method("placement.list")
def placement_list(call: Call) -> list[str]:
    """The places there are."""
    call.by_application()
    return list(PLACEMENTS)


def _robots(call: Call) -> dict[str, dict[str, Any]]:
    call.by_application(Refusal("ACCESS_DENIED", "Application context required", 403))
    return _administered(call).robots


@method("bizproc.robot.add", writes=True)
def robot_add(call: Call) -> bool:
    """A robot of the application; it can be seen in the list, and never runs here."""
    robots = _robots(call)
    code, name = str(call.get("CODE") or ""), call.get("NAME")
    if not code:
        raise Refusal("ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity code!")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", code):
        raise Refusal("ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity code!")
    _handler(call.get("HANDLER"))
    if not name:
        raise Refusal("ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity NAME!")
    if not isinstance(call.get("PROPERTIES", {}), (dict, list)):
        raise Refusal("ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong properties array!")
    if code in robots:
        raise Refusal("ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Automation rule already installed!")
    robots[code] = {key: value for key, value in call.params.items() if key != "auth"}
    return True


@method("bizproc.robot.list")
def robot_list(call: Call) -> list[str]:
    """The codes of the application's robots."""
    return list(_robots(call))


@method("bizproc.robot.delete", writes=True)
def robot_delete(call: Call) -> bool:
    """Take a robot away."""
    robots, code = _robots(call), str(call.get("CODE") or "")
    if not code:
        raise Refusal("ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity code!")
    if code not in robots:
        raise Refusal("ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!")
    del robots[code]
    return True


@method("userfieldtype.add", writes=True)
def field_type_add(call: Call) -> bool:
    """A field type drawn by the application; fields of such a type can't be made here."""
    application = _administered(call)
    code, handler = _argument(call, "USER_TYPE_ID"), _handler(_argument(call, "HANDLER"))
    taken = any(code == known or handler == one["HANDLER"] for known, one in application.field_types.items())
    if taken or not re.fullmatch(r"[a-z0-9_]{1,43}", code):
        raise Refusal("ERROR_CORE", "Unable to set placement handler: Handler already binded")
    texts = {name: str(call.get(name) or "") for name in ("TITLE", "DESCRIPTION")}
    application.field_types[code] = {"USER_TYPE_ID": code, "HANDLER": handler, **texts}
    return True


@method("userfieldtype.list")
def field_type_list(call: Call) -> Answer:
    """The application's field types."""
    rows = list(_administered(call).field_types.values())
    return Answer(rows, total=len(rows))


@method("userfieldtype.delete", writes=True)
def field_type_delete(call: Call) -> bool:
    """Take a field type away."""
    known, code = _administered(call).field_types, _argument(call, "USER_TYPE_ID")
    if code not in known:
        raise Refusal("ERROR_NOT_FOUND", "User Field Type not found")
    del known[code]
    return True
