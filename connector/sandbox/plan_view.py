"""How the page draws to-dos and the cards of applications: header, tags, blocks, deadline, buttons, lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.plans import WHOLE, Plan


@dataclass(frozen=True)
class Pressable:
    """A button or a menu entry."""

    name: str
    title: str
    type: str
    locked: bool
    address: str = ""
    """Where it leads; empty: it tells the application."""


@dataclass(frozen=True)
class Drawn:
    """One plan, ready for the template."""

    plan: Plan
    title: str
    tags: list[tuple[str, str]] = field(default_factory=list)
    """Type and text."""
    lines: list[str] = field(default_factory=list)
    buttons: list[Pressable] = field(default_factory=list)
    menu: list[Pressable] = field(default_factory=list)

    @property
    def locked(self) -> bool:
        """The whole record waits for its application."""
        return WHOLE in self.plan.locked


def draw(plan: Plan, language: str, told: Callable[[datetime | None], str]) -> Drawn:
    """A plan in one language; `told` writes moments."""
    if plan.kind == "todo":
        return Drawn(plan, plan.title or plan.text, lines=[plan.text] if plan.title and plan.text else [])

    def word(text: Any) -> str:
        if isinstance(text, dict):
            return str(text.get(language) or text.get("en") or next(iter(text.values()), ""))
        return str(text)

    def block(one: dict[str, Any]) -> str:
        has = one.get("properties", {})
        match one["type"]:
            case "text" | "largeText":
                return word(has["value"])
            case "link":
                return word(has["text"])
            case "deadline":
                return "" if plan.incoming else told(plan.due)
            case "withTitle":
                inner = block(has["block"])
                return f"{word(has['title'])}: {inner}" if inner else ""
            case _:
                return " ".join(filter(None, map(block, has["blocks"].values())))

    def pressables(entries: dict[str, Any]) -> Iterator[Pressable]:
        for name, one in entries.items():
            if one.get("scope") != "mobile":
                locked = WHOLE in plan.locked or name in plan.locked
                action = one["action"]
                address = str(action.get("uri", "")) if action["type"] == "redirect" else ""
                if action["type"] == "restEvent" or address.startswith(("/", "http://", "https://")):
                    yield Pressable(name, word(one["title"]), str(one.get("type", "secondary")), locked, address)

    header, footer = plan.layout["header"], plan.layout.get("footer") or {}
    blocks = plan.layout["body"].get("blocks") or {}
    return Drawn(
        plan,
        word(header["title"]),
        tags=[(one["type"], word(one["title"])) for one in (header.get("tags") or {}).values()],
        lines=[line for line in map(block, blocks.values()) if line],
        buttons=list(pressables(footer.get("buttons") or {})),
        menu=list(pressables((footer.get("menu") or {}).get("items") or {})),
    )
