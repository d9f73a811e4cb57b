"""Effects as Bitrix24 commands, and what their answers mean: done, refused, later, or unknown.

Sources: facts/bitrix24.md 6.1-6.4 (tasks and their marker), 6.8 (notes and notifications), bulk.md 6 (batches).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.crm import turns
from connector.crm.bitrix24 import proposals
from connector.crm.bitrix24.api import Answer, Command
from connector.crm.bitrix24.mapping import (
    CLOSED_STATES,
    ENTITY_TYPES,
    MARKER,
    SCORE_FIELDS,
    TAG,
    tags_of,
    task_bindings,
)
from connector.crm.bitrix24.wording import clean, deadline, inert, one_line
from connector.crm.port import Effect, Outcome
from connector.crm.turns import task_of
from connector.errors import CrmError, Gone, Refused

LINES_LIMIT: Final = 20
"""Lines of a checklist: each is a command of its own, five times as dear as one in the text (facts/bulk.md 6)."""
WITHDRAWN_TAG: Final = "отменено регламентом"
READ_FIRST: Final = frozenset({"close_task", "withdraw_task", "reopen_task", "add_line"})
"""Verbs that add to what stands in the task, or that depend on its state; so they can be repeated without harm."""
WRONG_CONTEXT: Final = "ERROR_WRONG_CONTEXT"
"""What a portal answers to cards of the timeline where it takes us for no application."""


@dataclass(slots=True)
class Plan:
    """The commands of one effect, in order. All must succeed but the optional ones."""

    effect: Effect
    commands: dict[str, Command] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    creates: str | None = None
    """The command whose answer names what was made."""
    makes: str = ""
    """The kind of what is made, where its ref is wanted (`activity`); otherwise the bare id is."""
    outcome: Outcome | None = None
    """Settled without any command."""

    def judge(self, answers: Mapping[str, Answer]) -> Outcome:
        """The effect's outcome from the answers to its commands, which end with the first that stopped it.

        What was made is made, whatever became of the commands after it: the effect must not leave once more.
        """
        if self.outcome is not None:
            return self.outcome
        creation = answers.get(self.creates or "")
        if creation is not None and creation.error is None:
            made = _made(creation.result)
            if made is None:
                return Outcome(key=self.effect.key, status="unknown", text="the answer names no id")
            return Outcome(key=self.effect.key, status="done", remote_id=f"{self.makes}:{made}" if self.makes else made)
        for name, answer in answers.items():
            error = answer.error
            if error is not None and not (name in self.optional and isinstance(error, Refused | Gone)):
                return failed(self.effect, error)
        return Outcome(key=self.effect.key, status="done", remote_id=self.effect.task)


def failed(effect: Effect, error: CrmError) -> Outcome:
    """The outcome of an effect whose command, or whose whole batch, failed."""
    if needs_no_card(effect, error):  # nothing was made: next time it goes as a task
        return Outcome(key=effect.key, status="later", code=error.code, text=error.text)
    return turns.failed(effect, error)


def needs_no_card(effect: Effect, error: CrmError | None) -> bool:
    """Whether the portal refused a proposal because it takes us for no application: it has to be a task then."""
    return effect.verb == "offer_touch" and error is not None and error.code.upper() == WRONG_CONTEXT


def reads_first(effect: Effect) -> bool:
    """Whether what stands in the task must be read before: `plan` is given it."""
    return effect.verb in READ_FIRST or (effect.verb == "show_offer" and task_of(effect) is not None)


def plan(effect: Effect, name: str, zone: ZoneInfo, task: Mapping[str, Any] | None, *, cards: bool = False) -> Plan:
    """What to send for an effect.

    `name` begins its commands' keys; `task` is the task as read, where it `reads_first`; `cards`: whether we are an
    application that may put cards with buttons into the timeline.
    """
    made = Plan(effect)
    match effect.verb:
        case "create_task":
            made.commands[name] = Command("tasks.task.add", {"fields": _new_task(effect, zone)})
            made.creates = name
            made.commands |= _checklist(effect, name)
        case "offer_touch":
            _offer(made, name, zone, cards=cards)
        case "show_offer":
            _show(made, name, task or {}, zone)
        case "move_task":
            made.commands[name] = _update(effect, {"DEADLINE": deadline(effect.due, zone)})
        case "assign_task":
            made.commands[name] = _update(effect, {"RESPONSIBLE_ID": effect.assignee})
        case "tell":
            _tell(made, name)
        case "write_fields":
            _write_fields(made, name)
        case _:
            _change(made, name, task or {}, zone)
    return made


def _new_task(effect: Effect, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "TITLE": one_line(effect.title),
        "DESCRIPTION": f"{clean(effect.text)}\n\n{effect.marker}".strip(),
        "RESPONSIBLE_ID": effect.assignee,
        "AUDITORS": list(effect.watchers) or None,
        "DEADLINE": deadline(effect.due, zone),
        "UF_CRM_TASK": task_bindings(effect.bind),
        "TAGS": [TAG],
        "XML_ID": effect.marker,
        "ALLOW_CHANGE_DEADLINE": True,
    }


def _checklist(effect: Effect, name: str) -> dict[str, Command]:
    """The lines of a new task's checklist, in the request that makes it; the parameters' order is part of the call."""
    return {
        f"{name}_l{number}": Command(
            "task.checklistitem.add",
            {"TASKID": f"$result[{name}][task][id]", "FIELDS": {"TITLE": one_line(line), "SORT_INDEX": number}},
        )
        for number, line in enumerate(effect.lines[:LINES_LIMIT], 1)
    }


def _offer(made: Plan, name: str, zone: ZoneInfo, *, cards: bool) -> None:
    effect = made.effect
    made.creates = name
    made.makes = "activity" if cards else "task"
    if cards:
        made.commands[name] = proposals.new_card(effect, zone)
        return
    fields = {**_new_task(effect, zone), "TAGS": proposals.task_tags()}
    fields["DESCRIPTION"] = f"{clean(proposals.text_of_task(effect))}\n\n{effect.marker}"
    made.commands[name] = Command("tasks.task.add", {"fields": fields})


def _show(made: Plan, name: str, task: Mapping[str, Any], zone: ZoneInfo) -> None:
    effect = made.effect
    if proposals.on_card(effect):
        made.commands[name] = proposals.card_again(effect, zone)
    else:
        made.commands |= proposals.task_again(name, effect, task, task_of(effect) or "", zone)
    if not made.commands:
        made.outcome = Outcome(key=effect.key, status="done")


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
    made.creates = next(reversed(made.commands), None)
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
        SCORE_FIELDS[field_name]: inert(value) if isinstance(value, str) else value
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
        fields["TAGS"] = sorted({*tags_of(task.get("tags")), TAG, WITHDRAWN_TAG})  # people's own tags stay
    if effect.verb == "reopen_task":
        fields["TAGS"] = sorted({*tags_of(task.get("tags")), TAG} - {WITHDRAWN_TAG})
        if effect.due:
            fields["DEADLINE"] = deadline(effect.due, zone)
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
    """The id in an answer to a creation: `{"task": {"id": …}}`, `{"activity": …}`, or the bare id of a note."""
    if isinstance(result, dict):
        inner = result.get("task") or result.get("activity")
        result = inner.get("id") if isinstance(inner, dict) else None
    return str(result) if isinstance(result, int | str) and not isinstance(result, bool) and str(result) else None
