"""A layout of a configurable activity for tests, whole and with single parts replaced."""

from __future__ import annotations

import copy
from typing import Any


def action(name: str, **more: Any) -> dict[str, Any]:
    """What tells the application."""
    return {"type": "restEvent", "id": name, **more}


LAYOUT: dict[str, Any] = {
    "icon": {"code": "info"},
    "header": {
        "title": {"ru": "Предложено касание", "en": "A touch is proposed"},
        "tags": {"state": {"type": "warning", "title": "ждёт решения"}},
    },
    "body": {
        "logo": {"code": "document"},
        "blocks": {
            "why": {"type": "text", "properties": {"value": "Нет активной сделки 92 дня"}},
            "due": {
                "type": "withTitle",
                "properties": {"title": "Срок", "inline": True, "block": {"type": "deadline"}},
            },
            "deal": {
                "type": "lineOfBlocks",
                "properties": {
                    "blocks": {
                        "link": {
                            "type": "link",
                            "properties": {
                                "text": "Сделка",
                                "action": {"type": "redirect", "uri": "/crm/deal/details/1/"},
                            },
                        }
                    }
                },
            },
        },
    },
    "footer": {
        "buttons": {
            "ok": {
                "title": "Поставить задачу",
                "type": "primary",
                "hideIfReadonly": "true",
                "action": action("accept", animationType="loader", actionParams={"key": "r/deal:1", "days": 3}),
            },
            "later": {
                "title": "Позже",
                "type": "secondary",
                "action": action("later", animationType="disable"),
            },
        },
        "menu": {"showDeleteItem": "false", "items": {"no": {"title": "Отклонить", "action": action("decline")}}},
    },
}


def layout(**parts: Any) -> dict[str, Any]:
    """The layout with parts replaced by their path: `header__title="x"`; None takes a part away."""
    made = copy.deepcopy(LAYOUT)
    for path, value in parts.items():
        *steps, last = path.split("__")
        at = made
        for step in steps:
            at = at[step]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return made
