"""A trial regulation made of single rules, for tests of what rules do to each other."""

from __future__ import annotations

from typing import Any

from scenes import Story, written

HEAD = """
version: 1
title: {ru: Проба, en: Trial}
calendar: RU
work_hours: 09:00-18:00
limits: {open_per_client: 2, merge_within: 3 working days, min_gap: {segment: {A: 5 days}}, ride_within: 7 days}
segments: {field: client.segment}
rules:
"""


def rule(name: str, touch: str, *, subject: str = "client", more: str = "", task: str = "") -> str:
    return f"""
  - id: {name}
    title: {{ru: {name}, en: {name}}}
    for: {subject}
    touch: {{{touch}}}
    task: {{text: "{name}", assign_to: client_manager{task}}}
    pay: planned_touch
    {more}
"""


def story(*rules: str, **facts: Any) -> Story:
    return Story(written(HEAD + "".join(rules)), **facts)


LONG = "due: 10 working days after last_won, kind: [call]"
SHORT = "due: 8 working days after last_won, kind: [call]"
