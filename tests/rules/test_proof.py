"""Which signal is a contact, which an attempt, which neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.facts import UNKNOWN, Signal
from rules.proof import is_uncertain, touches
from rules.regulation import Proof

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Moscow")


def seen(*signals: Signal, now: datetime = AT + timedelta(days=30)) -> list[tuple[str, bool]]:
    return [(one.signal.id, one.contact) for one in touches(signals, Proof(), ZONE, now)]


def signal(name: str = "s", at: datetime = AT, **more: Any) -> Signal:
    return Signal(**{"id": name, "kind": "call", "at": at, "direction": "out", **more})


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"answered": True, "seconds": 30}, "contact"),
        ({"answered": True, "seconds": 29}, "attempt"),
        ({"answered": False, "seconds": 0}, "attempt"),
        ({"answered": True, "seconds": 90, "direction": "in"}, "contact"),
        ({"answered": False, "seconds": 0, "direction": "in"}, "nothing"),
        ({"answered": UNKNOWN, "seconds": 300}, "contact"),
        ({"answered": True, "seconds": UNKNOWN}, "attempt"),
        ({"answered": True, "seconds": 90, "completed": False}, "nothing"),
        ({"kind": "meeting", "completed": True, "direction": None}, "contact"),
        ({"kind": "meeting", "completed": False}, "nothing"),
        ({"kind": "email", "direction": "in"}, "contact"),
        ({"kind": "email", "direction": "out"}, "attempt"),
        ({"kind": "email", "direction": "out", "robot": True}, "nothing"),
        ({"kind": "order", "direction": "in"}, "contact"),
        ({"kind": "sms", "direction": "out"}, "attempt"),
        ({"kind": "sms", "direction": "in"}, "nothing"),
        ({"kind": "chat", "direction": "out"}, "attempt"),
        ({"kind": "chat", "direction": "in"}, "nothing"),
        ({"kind": "chat", "direction": "in", "answered": True}, "contact"),
        ({"kind": "chat", "direction": "out", "answered": True}, "contact"),
        ({"kind": "chat", "direction": "out", "answered": False}, "attempt"),
        ({"kind": "chat", "direction": "out", "answered": True, "robot": True}, "nothing"),
    ],
)
def test_what_counts(facts: dict[str, Any], outcome: str) -> None:
    expected = {"contact": [("s", True)], "attempt": [("s", False)], "nothing": []}
    assert seen(signal(**facts)) == expected[outcome]


def test_a_chat_counts_when_the_other_side_answers_within_three_days() -> None:
    ours = signal("ours", kind="chat", direction="out")
    in_time = signal("theirs", AT + timedelta(days=3), kind="chat", direction="in")
    late = signal("theirs", AT + timedelta(days=3, minutes=1), kind="chat", direction="in")
    assert seen(ours, in_time) == [("ours", False), ("theirs", True)]
    assert seen(ours, late) == [("ours", False)]


def test_a_chat_that_the_client_began_counts_when_we_answer() -> None:
    theirs = signal("theirs", kind="chat", direction="in")
    ours = signal("ours", AT + timedelta(hours=1), kind="chat", direction="out")
    assert seen(theirs, ours) == [("ours", True)]


def test_two_people_do_not_make_one_chat() -> None:
    one = signal("one", kind="chat", direction="in", contact="1")
    two = signal("two", AT + timedelta(hours=1), kind="chat", direction="out", contact="2")
    assert seen(one, two) == [("two", False)]


def test_the_messages_of_a_day_are_one_talk() -> None:
    chat = [
        signal(str(place), AT + timedelta(minutes=place), kind="chat", direction="in" if place % 2 else "out")
        for place in range(4)
    ]
    talks = {one.talk for one in touches(chat, Proof(), ZONE, AT + timedelta(days=1)) if one.contact}
    assert len(talks) == 1


def test_the_future_and_robots_do_not_exist() -> None:
    assert seen(signal(answered=True, seconds=60), now=AT - timedelta(seconds=1)) == []
    assert seen(signal(answered=True, seconds=60, robot=True)) == []


def test_a_call_of_which_too_little_is_told_is_shown_to_people() -> None:
    assert is_uncertain(signal(answered=True, seconds=UNKNOWN), Proof())
    assert is_uncertain(signal(answered=UNKNOWN, seconds=10), Proof())
    assert not is_uncertain(signal(answered=True, seconds=10), Proof())
    assert not is_uncertain(signal(answered=False, seconds=UNKNOWN), Proof())
