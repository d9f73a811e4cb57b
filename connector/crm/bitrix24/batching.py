"""Which commands of which effects may leave together. Pure.

Two effects on one task, proposal or card are never in the air together (`connector.crm.turns`). The commands of one
effect leave one after the other, each when the one before is done, so that the last one proves the others (a note that
is there says that the message was sent); only what refers to an earlier answer, and so cannot be applied without it,
rides along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.crm.bitrix24.api import BATCH_LIMIT, Answer
from connector.crm.bitrix24.writes import Plan
from connector.errors import Gone, Refused


def next_commands(plans: Sequence[Plan], answers: Mapping[int, Mapping[str, Answer]]) -> dict[str, int]:
    """For each plan that is not stopped its next command, and what refers to it: name -> place of its plan."""
    found: dict[str, int] = {}
    for number, one in enumerate(plans):
        told = answers[number]
        if any(_stops(one, name, answer) for name, answer in told.items()):
            continue
        first = True
        for name in one.commands:
            if name in told:
                continue
            if not first and not _refers(one.commands[name].params):
                break
            found[name] = number
            first = False
    return found


def _stops(one: Plan, name: str, answer: Answer) -> bool:
    """Whether this answer keeps the commands after it from leaving."""
    return answer.error is not None and not (name in one.optional and isinstance(answer.error, Refused | Gone))


def _refers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_refers(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_refers(one) for one in value)
    return isinstance(value, str) and value.startswith("$result[")


def parts(commands: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Requests of 50 commands at most; what belongs to one plan stays together, or has to wait for its turn."""
    part: dict[str, int] = {}
    for number in dict.fromkeys(commands.values()):
        own = dict([(name, number) for name, each in commands.items() if each == number][:BATCH_LIMIT])
        if part and len(part) + len(own) > BATCH_LIMIT:
            yield part
            part = {}
        part |= own
    if part:
        yield part
