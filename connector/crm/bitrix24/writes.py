"""Effects as Bitrix24 commands, and what their answers mean: done, refused, later, or unknown.

Sources: facts/bitrix24.md 6.1-6.4 (tasks and their marker), 6.8 (notes and notifications), bulk.md 6 (batches).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from connector.crm.bitrix24.api import Answer, Command
from connector.crm.bitrix24.mapping import CLOSED_STATES, ENTITY_TYPES, MARKER, SCORE_FIELDS, TAG, task_bindings
from connector.crm.port import Effect, Outcome
from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused

WITHDRAWN_TAG: Final = "отменено регламентом"
BLOCKED_WAIT: Final = 900.0
"""Seconds between two tries while the portal as a whole is closed to us."""
TITLE_LIMIT: Final = 250
READ_FIRST: Final = frozenset({"close_task", "withdraw_task", "reopen_task", "add_line"})
"""Verbs that add to what stands in the task, or that depend on its state; so they can be repeated without harm."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(slots=True)
class Plan:
    """The commands of one effect, in order. All must succeed but the optional ones."""

    effect: Effect
    commands: dict[str, Command] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    creates: str | None = None
    """The command whose answer names what was made."""
    outcome: Outcome | None = None
    """Settled without any command."""

    def judge(self, answers: Mapping[str, Answer]) -> Outcome:
        """The effect's outcome from the answers to its commands."""
        if self.outcome is not None:
            return self.outcome
        for name in self.commands:
            error = answers[name].error
            if error is not None and not (name in self.optional and isinstance(error, Refused | Gone)):
                return failed(self.effect, error)
        if self.creates is None:
            return Outcome(key=self.effect.key, status="done", remote_id=self.effect.task)
        made = _made(answers[self.creates].result)
        if made is None:
            return Outcome(key=self.effect.key, status="unknown", text="the answer names no id")
        return Outcome(key=self.effect.key, status="done", remote_id=made)


def failed(effect: Effect, error: CrmError) -> Outcome:
    """The outcome of an effect whose command, or whose whole batch, failed."""
    status: Literal["refused", "later", "unknown"] = "later"
    if isinstance(error, Ambiguous):
        status = "unknown"
    elif isinstance(error, Refused | Gone):
        status = "refused"
    wait = BLOCKED_WAIT if isinstance(error, Blocked) else error.wait
    return Outcome(key=effect.key, status=status, code=error.code, text=error.text, wait=wait)


def plan(effect: Effect, name: str, zone: ZoneInfo, task: Mapping[str, Any] | None) -> Plan:
    """What to send for an effect. `name` begins its commands' keys; `task` is the task as read, for READ_FIRST."""
    made = Plan(effect)
    match effect.verb:
        case "create_task":
            made.commands[name] = Command("tasks.task.add", {"fields": _new_task(effect, zone)})
            made.creates = name
        case "move_task":
            made.commands[name] = _update(effect, {"DEADLINE": _deadline(effect.due, zone)})
        case "assign_task":
            made.commands[name] = _update(effect, {"RESPONSIBLE_ID": effect.assignee})
        case "tell":
            _tell(made, name)
        case "write_fields":
            _write_fields(made, name)
        case _:
            _change(made, name, task or {}, zone)
    return made


def clean(text: str) -> str:
    """Text for a BBCode field: no control characters, and no bracket that could begin a tag."""
    return _inert(_CONTROL.sub("", text)).replace("[", "[\u200b")


def _inert(text: str) -> str:
    """Text that a batch does not take for a reference to another command's answer."""
    return text.replace("$result", "$\u200bresult")


def _new_task(effect: Effect, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "TITLE": _inert(" ".join(_CONTROL.sub(" ", effect.title).split()))[:TITLE_LIMIT],
        "DESCRIPTION": f"{clean(effect.text)}\n\n{effect.marker}".strip(),
        "RESPONSIBLE_ID": effect.assignee,
        "AUDITORS": list(effect.watchers) or None,
        "DEADLINE": _deadline(effect.due, zone),
        "UF_CRM_TASK": task_bindings(effect.bind),
        "TAGS": [TAG],
        "XML_ID": effect.marker,
        "ALLOW_CHANGE_DEADLINE": True,
    }


def _deadline(due: datetime | None, zone: ZoneInfo) -> str:
    """With an explicit offset: a naive value would be read in somebody's zone. Empty: no deadline."""
    return due.astimezone(zone).isoformat(timespec="seconds") if due else ""


def _update(effect: Effect, fields: Mapping[str, Any]) -> Command:
    return Command("tasks.task.update", {"taskId": effect.task, "fields": fields})


def _tell(made: Plan, name: str) -> None:
    """A message to the person, replaced and not repeated when sent again (TAG), and a note on the card.

    The note comes last: where it is found, the message has been sent.
    """
    effect = made.effect
    text = "\n".join(filter(None, (clean(effect.title), clean(effect.text))))
    people = [person for person in (effect.assignee, *effect.watchers) if person]
    for number, person in enumerate(dict.fromkeys(people)):
        message = {"USER_ID": person, "MESSAGE": text, "TAG": effect.marker, "CLIENT_ID": TAG}
        made.commands[f"{name}_m{number}"] = Command("im.notify.system.add", message)
    made.creates = next(iter(made.commands), None)
    if effect.bind:
        kind, _, number_of_card = effect.bind[0].partition(":")
        note = {"ENTITY_ID": number_of_card, "ENTITY_TYPE": kind, "COMMENT": f"{text}\n\n{effect.marker}"}
        # without the right to send messages, the note alone tells
        made.optional = frozenset(made.commands)
        made.creates = f"{name}_note"
        made.commands[made.creates] = Command("crm.timeline.comment.add", {"fields": note})
    if made.creates is None:
        made.outcome = Outcome(key=effect.key, status="refused", code="nobody", text="nobody to tell and no card")


def _write_fields(made: Plan, name: str) -> None:
    effect = made.effect
    kind, _, number = (effect.card or "").partition(":")
    if kind not in ("company", "contact"):
        made.outcome = Outcome(key=effect.key, status="refused", code="no-score-fields", text=f"none on a {kind} card")
        return
    fields = {
        SCORE_FIELDS[field_name]: _inert(value) if isinstance(value, str) else value
        for field_name, value in effect.fields.items()
    }
    asked = {"entityTypeId": ENTITY_TYPES[kind], "id": number, "useOriginalUfNames": "Y", "fields": fields}  # type: ignore[index]  # checked above
    made.commands[name] = Command("crm.item.update", asked)


def _change(made: Plan, name: str, task: Mapping[str, Any], zone: ZoneInfo) -> None:
    """Close, withdraw, reopen a task or add a line to it, as far as that is not so already.

    Withdrawn means: completed, so that it leaves the doer's list, under a tag of its own and with the reason on top,
    so that nobody takes it for done (domain.md 6: neither done nor deleted; Bitrix24 has no such state).
    """
    effect = made.effect
    closed = str(task.get("status")) in CLOSED_STATES
    fields: dict[str, Any] = {}
    description = str(task.get("description") or "")
    line = clean(effect.text)
    if line and line not in description and (effect.verb != "withdraw_task" or not closed):
        on_top = effect.verb in ("withdraw_task", "close_task", "reopen_task")
        fields["DESCRIPTION"] = f"{line}\n\n{description}" if on_top else _with_line(description, line)
    if effect.verb == "withdraw_task" and not closed:
        fields["TAGS"] = [TAG, WITHDRAWN_TAG]
    if effect.verb == "reopen_task":
        fields["TAGS"] = [TAG]
        if effect.due:
            fields["DEADLINE"] = _deadline(effect.due, zone)
        if closed:
            made.commands[f"{name}_again"] = Command("tasks.task.renew", {"taskId": effect.task})
    if fields:
        made.commands[f"{name}_text"] = _update(effect, fields)
    if effect.verb in ("close_task", "withdraw_task") and not closed:
        made.commands[f"{name}_end"] = Command("tasks.task.complete", {"taskId": effect.task})
    if not made.commands:
        made.outcome = Outcome(key=effect.key, status="done", remote_id=effect.task)


def _with_line(description: str, line: str) -> str:
    """The line at the end of the text, but above the marker."""
    *text, last = description.split("\n")
    if MARKER.fullmatch(last.strip()):
        return (
            "\n".join([*text, f"• {line}", "", last])
            if text and text[-1]
            else "\n".join([*text[:-1], f"• {line}", "", last])
        )
    return f"{description}\n• {line}"


def _made(result: Any) -> str | None:
    """The id in an answer to a creation: `{"task": {"id": …}}`, or the bare id of a note or a message."""
    if isinstance(result, dict):
        result = result.get("task", {}).get("id") if isinstance(result.get("task"), dict) else None
    return str(result) if isinstance(result, int | str) and not isinstance(result, bool) and str(result) else None


def commands_of(plans: Sequence[Plan]) -> dict[str, Command]:
    """The commands of several plans, in order."""
    return {name: command for one in plans for name, command in one.commands.items()}
