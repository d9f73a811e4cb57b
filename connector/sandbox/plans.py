"""What is planned in a card's timeline: to-dos, and the cards an application draws there, with buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.deals import Deals
from connector.sandbox.records import CardKind

WHOLE = "*"
"""In `Plan.locked`: the whole record waits for its application, not one button."""


class NotPressable(Exception):  # noqa: N818  # a word of the sandbox, the control API answers 409
    """There is no such button, or it is locked until the application writes the record again."""


@dataclass(kw_only=True)
class Plan:
    """Something to do that lies in the timeline of a card; its id is one of the activities' ids."""

    id: int
    kind: Literal["todo", "card"]
    """card: an application's own, drawn by `layout`."""
    card: tuple[CardKind, int]
    further: list[tuple[CardKind, int]] = field(default_factory=list)
    """Other cards it is bound to."""
    title: str = ""
    text: str = ""
    due: datetime | None = None
    completed: bool = False
    incoming: bool = False
    assignee: int
    author: int
    editor: int
    created: datetime
    updated: datetime
    app: str | None = None
    """Client id of the application that owns it."""
    originator: str | None = None
    origin: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """What only Bitrix24 has: type, badge, pings, colour, parent."""
    layout: dict[str, Any] = field(default_factory=dict)
    locked: list[str] = field(default_factory=list)
    """Names of buttons that were pressed and wait, or WHOLE."""
    deleted: bool = False

    @property
    def bindings(self) -> list[tuple[CardKind, int]]:
        """All its cards, the owner first."""
        return [self.card, *self.further]


class Plans(Deals):
    """The cards with what is planned for them."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.plans: dict[int, Plan] = {}

    def plan(self, plan_id: int) -> Plan:
        """A plan that is not deleted.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        found = self.plans.get(plan_id)
        if found is None or found.deleted:
            raise UnknownRecord(f"activity {plan_id}")
        return found

    def add_plan(
        self,
        kind: Literal["todo", "card"],
        card: tuple[CardKind, int],
        *,
        assignee: int,
        by: int = 0,
        **more: Any,
    ) -> Plan:
        """A new plan; `more` are further attributes of `Plan`.

        Raises:
            UnknownRecord: no such card.
        """
        with self.editing():
            self.card(*card)
            moment = self.clock.now()
            made = Plan(
                id=self.new_id("activity"),
                kind=kind,
                card=card,
                assignee=assignee,
                author=by,
                editor=by,
                created=moment,
                updated=moment,
                **more,
            )
            self.plans[made.id] = made
            self.note("added", "activity", made.id, by=by, at=moment, after={"kind": kind, "card": list(card)})
            return made

    def update_plan(self, plan_id: int, *, by: int = 0, **changes: Any) -> Plan:
        """Change a plan by attribute name; nothing is saved where nothing changes.

        Raises:
            UnknownRecord: no such plan.
        """
        with self.editing():
            found = self.plan(plan_id)
            before = {name: getattr(found, name) for name in changes}
            after = {name: value for name, value in changes.items() if before[name] != value}
            if after:
                for name, value in after.items():
                    setattr(found, name, value)
                found.updated, found.editor = self.clock.now(), by
                old = {name: before[name] for name in after}
                self.note("updated", "activity", plan_id, by=by, at=found.updated, before=old, after=after)
            return found

    def delete_plan(self, plan_id: int, *, by: int = 0) -> None:
        """Delete a plan for good.

        Raises:
            UnknownRecord: no such plan.
        """
        with self.editing():
            self.plan(plan_id).deleted = True
            self.note("deleted", "activity", plan_id, by=by, at=self.clock.now())

    def press(self, plan_id: int, place: str, *, by: int) -> dict[str, Any]:
        """Press a button or a menu entry by its name in the layout; tells the action that was carried out.

        The press is a change of its own (`pressed`), heard by the application; what `animationType` names stays
        locked until the application writes the record again.

        Raises:
            UnknownRecord: no such plan.
            NotPressable: no such button, it only opens something, or it is locked.
        """
        with self.editing():
            found = self.plan(plan_id)
            footer = found.layout.get("footer") or {}
            buttons, menu = footer.get("buttons") or {}, (footer.get("menu") or {}).get("items") or {}
            wanted = buttons.get(place) or menu.get(place)
            if wanted is None:
                raise NotPressable(f"activity {plan_id} has no button or menu entry {place!r}")
            action = wanted["action"]
            if action["type"] != "restEvent":
                raise NotPressable(f"{place!r} of activity {plan_id} tells nobody: {action['type']}")
            if WHOLE in found.locked or place in found.locked:
                raise NotPressable(f"{place!r} of activity {plan_id} is locked until its application writes it again")
            lock = {"loader": WHOLE, "disable": place if place in buttons else None}.get(action.get("animationType"))
            if lock:
                found.locked.append(lock)
            told = {"button": place, "action": action["id"], "params": dict(action.get("actionParams") or {})}
            self.note("pressed", "activity", plan_id, by=by, at=self.clock.now(), after=told)
            return told
