"""A key client with no active deal: asked when silent, asked again after an empty tick, left alone after a call."""

from __future__ import annotations

from datetime import date, datetime

from connector.sandbox.story import ZONE, Stage
from story.world import World

CLIENT = "Северсталь-Метиз"
WORDS = "Плановое касание А"


def asked(stage: Stage) -> list[tuple[date, bool]]:
    """Due day of every planned touch asked of the client, in order, and whether its task is open."""
    tasks = sorted(stage.tasks(CLIENT, WORDS), key=lambda task: int(task["id"]))
    return [(datetime.fromisoformat(task["due"]).astimezone(ZONE).date(), task["open"]) for task in tasks]


def test_a_silent_key_client_is_asked_for_again_until_someone_talks_to_him(lone_world: World) -> None:
    """It begins on Tuesday, 22 September 2026; the last touch was 15 days ago, and the interval is 14 days."""
    stage = lone_world.stage(lone_world.sandbox.portals[0]["crm"])
    first, second, third = date(2026, 9, 22), date(2026, 10, 6), date(2026, 10, 20)
    assert asked(stage) == [(first, True)]

    lone_world.advance("1 hour")
    [task] = [task for task in stage.tasks(CLIENT, WORDS) if task["open"]]
    stage.tell("tasks/complete", {"task": task["id"]})
    lone_world.advance("6 minutes")
    assert asked(stage) == [(first, False)]

    lone_world.advance("9 days")  # Thursday, the first of October: not yet two working days before the next one
    assert asked(stage) == [(first, False)]

    lone_world.advance("1 day")
    assert asked(stage) == [(first, False), (second, True)]
    lone_world.advance("4 days")
    assert asked(stage) == [(first, False), (second, True)]

    stage.tell("activities", {"kind": "call", "company": CLIENT, "answered": True, "seconds": 240})
    lone_world.advance("6 minutes")  # on the day it was due: Tuesday, the sixth
    assert asked(stage) == [(first, False), (second, False)]

    lone_world.advance("9 days")  # a whole interval from the call, not from the task
    assert asked(stage) == [(first, False), (second, False)]
    lone_world.advance("1 day")
    assert asked(stage) == [(first, False), (second, False), (third, True)]
