"""What the stories of proposals share: a regulation that proposes, and a deal with what is offered about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.sandbox.installation import wait_for
from connector.sandbox.story import Stage
from rules.ledger import Asked
from story.world import PATIENCE, World, tasks_of_deal

MOSCOW: Final = ZoneInfo("Europe/Moscow")
MANAGER: Final = 6
TITLE: Final = "Знакомство"
REGULATION: Final = """\
version: 1
title: {ru: Знакомство по предложению, en: Getting to know}
calendar: RU
work_hours: 09:00-18:00
limits: {open_per_client: 5, per_manager_per_day: 200}
proposals:
  remind: 2 working days
  ignored: 5 working days
  later: 3
  decline:
    - Уже сделано
    - Не подходит этому клиенту
segments: {field: client.segment}
rules:
  - id: get-to-know
    title: {ru: Знакомство, en: Getting to know}
    for: deal
    if: {phase: new}
    touch: {due: 2 working days after deal.created, kind: [call, meeting]}
    task:
      text: "Позвонить: {client.name}. Узнать, кто решает."
      assign_to: owner
      mode: propose
    pay: planned_touch
"""


class Deal:
    """A new deal of a new client, and what was offered about it."""

    def __init__(self, world: World, title: str) -> None:
        self.world = world
        self.stage: Stage = world.stage(world.sandbox.portals[0]["crm"])
        self.title = title
        self.stage.tell("companies", {"title": title, "owner": MANAGER})
        made = self.stage.tell("deals", {"title": f"{title}: поставка", "company": title, "owner": MANAGER})
        self.id = made["ids"][0]
        self.until(lambda: self._rows and self.row.offer, "the proposal")

    def until(self, found: Callable[[], Any], what: str) -> None:
        """Until it is so, and nothing that follows from it is undone."""
        wait_for(found, PATIENCE, f"{self.title}: {what}")
        self.world.settle()

    @property
    def _rows(self) -> list[Asked]:
        about = f"deal:{self.id}"
        return self.world.store.asked_about(self.stage.portal, [about]).get(about, [])

    @property
    def row(self) -> Asked:
        """Of the ledger."""
        (row,) = self._rows
        return row

    @property
    def state(self) -> str:
        """Of its row."""
        return str(self.row.state)

    @property
    def card(self) -> dict[str, Any]:
        """The proposal in the timeline."""
        story = self.stage.installation.ask(f"cards/deal/{self.id}?portal={self.stage.portal}")
        (plan,) = story["plans"]
        return dict(plan)

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """Our tasks about it, proposals left out."""
        return [one for one in tasks_of_deal(self.stage, self.id) if not one["title"].startswith("Предложение")]

    @property
    def proposal(self) -> dict[str, Any]:
        """The task that stands for the proposal."""
        (task,) = tasks_of_deal(self.stage, self.id, "Предложение")
        return task

    def press(self, button: str) -> None:
        """A button of the card, and all that follows from it."""
        told = self.stage.tell("press", {"activity": self.card["id"], "button": button, "by": MANAGER})
        assert told["locked"], "until we have answered, nobody else can press"
        self.answered()

    def answered(self) -> None:
        """Until the click has had its consequences."""
        self.until(lambda: not self.card["locked"], "the card stays locked")

    def does(self, what: str, state: str, **more: Any) -> None:
        """What the manager does to the task that stands for the proposal, until the row stands so."""
        later = self.row.later
        self.stage.tell(f"tasks/{what}", {"task": self.proposal["id"], "by": MANAGER, **more})
        self.until(lambda: self.state == state and (state != "offered" or self.row.later > later), what)

    def moves(self, stage: str, state: str) -> None:
        """The deal goes to another stage, until the row stands so."""
        self.stage.tell("deals/move", {"deal": self.id, "stage": stage})
        self.until(lambda: self.state == state, f"moved to {stage}")

    def is_called(self) -> None:
        """The client is called, until the touch is done. Not in the second in which the deal was made."""
        self.world.advance("1 minute")
        call = {"kind": "call", "deal": self.id, "direction": "out", "seconds": 120, "by": MANAGER}
        self.stage.tell("activities", call)
        self.until(lambda: self.state == "done", "called")


def day_of(due: str) -> datetime:
    return datetime.fromisoformat(due).astimezone(MOSCOW)
