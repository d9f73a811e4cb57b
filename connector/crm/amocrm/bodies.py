"""What each effect sends and where: a member of an array of creates or of changes (facts/amocrm.md 5.1, 5.3, 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.crm.amocrm import proposals
from connector.crm.amocrm.account import SCORED, Account
from connector.crm.amocrm.mapping import FOLLOW_UP, PLURALS
from connector.crm.amocrm.wording import SERVICE, Wording, with_line
from connector.crm.port import Effect
from connector.errors import Refused

NOTE = "extended_service_message"
"""The note type that takes a long text."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a kind of write goes. `key` is the list in its answer."""

    verb: str
    path: str
    key: str

    @property
    def creates(self) -> bool:
        """POST: the answer tells the new ids."""
        return self.verb == "POST"


@dataclass(frozen=True, slots=True)
class Member:
    """One effect and what is sent for it."""

    effect: Effect
    body: Mapping[str, Any]
    made: str = ""
    """The kind of what it makes, where its ref is wanted (`task`); otherwise the bare id is."""


_NEW_TASKS, _TASKS = Route("POST", "tasks", "tasks"), Route("PATCH", "tasks", "tasks")


class Bodies:
    """Builds members in the words of one account."""

    def __init__(self, account: Account, wording: Wording) -> None:
        self._account = account
        self._wording = wording

    def of(self, effect: Effect) -> tuple[Route, Member]:
        """What this effect sends; `add_line` is `longer`'s.

        Raises ValueError or KeyError when the effect lacks a member, CrmError when the account's
        words cannot be read or the card carries no score.
        """
        if effect.verb == "create_task":
            own_type = self._account.touch_type()
            text = self._wording.task(effect, own_type=own_type is not None)
            return _NEW_TASKS, Member(effect, _new_task(effect, text, own_type))
        if effect.verb == "offer_touch":
            text = proposals.text_of(effect, english=self._wording.english)
            return _NEW_TASKS, Member(effect, _new_task(effect, text, self._account.offer_type()), made="task")
        if effect.verb == "show_offer":
            offer = int((effect.offer or "").partition(":")[2])
            return _TASKS, Member(effect, {"id": offer, **proposals.shown(effect, english=self._wording.english)})
        if effect.verb == "tell":
            return self._note(effect)
        if effect.verb == "write_fields":
            kind, _, number = str(effect.card).partition(":")
            plural = PLURALS[kind]
            if plural not in SCORED:
                raise Refused("such a card carries no score", code="no-score-fields")
            values = [_score(name, value) for name, value in effect.fields.items()]
            return Route("PATCH", plural, plural), Member(effect, {"id": int(number), "custom_fields_values": values})
        return _TASKS, Member(effect, {"id": int(effect.task or ""), **self._change(effect)})

    def _note(self, effect: Effect) -> tuple[Route, Member]:
        """AmoCRM has no call that notifies a person: a note on the card, which names him, comes nearest."""
        plural, number = card_of(effect) or ("", "")
        body = {
            "entity_id": int(number),
            "note_type": NOTE,
            "params": {
                "service": SERVICE,
                "text": self._wording.message(effect, self._account.user_name(effect.assignee)),
            },
            "is_need_to_trigger_digital_pipeline": False,
        }
        return Route("POST", f"{plural}/notes", "notes"), Member(effect, body)

    def _change(self, effect: Effect) -> dict[str, Any]:
        """Only what changes is sent: a manager may have edited the rest."""
        changes: Mapping[str, Callable[[], dict[str, Any]]] = {
            "move_task": lambda: {"complete_till": _seconds(effect.due)},
            "assign_task": lambda: {"responsible_user_id": int(effect.assignee or "")},
            "close_task": lambda: {"is_completed": True, "result": {"text": self._wording.closed(effect)}},
            "withdraw_task": lambda: {"is_completed": True, "result": {"text": self._wording.withdrawn(effect)}},
            "reopen_task": lambda: {
                "is_completed": False,
                **({"complete_till": _seconds(effect.due)} if effect.due else {}),
            },
        }
        return changes[effect.verb]()


def _new_task(effect: Effect, text: str, own_type: int | None) -> dict[str, Any]:
    task: dict[str, Any] = {
        "text": text,
        "complete_till": _seconds(effect.due),
        "task_type_id": FOLLOW_UP if own_type is None else own_type,
    }
    if effect.assignee:
        task["responsible_user_id"] = int(effect.assignee)
    card = card_of(effect)
    if card:
        task |= {"entity_type": card[0], "entity_id": int(card[1])}
    return task


def longer(effect: Effect, text: str) -> tuple[Route, Member] | None:
    """`add_line`: the task's present text with one line more; None where the line is there already."""
    longer_text = with_line(text, effect)
    if longer_text == text:
        return None
    return _TASKS, Member(effect, {"id": int(effect.task or ""), "text": longer_text})


def card_of(effect: Effect) -> tuple[str, str] | None:
    """The one card amoCRM binds a task to: the deal where there is one, else the first.

    A customer's purchase (`deal:purchase-77`) is no card of its own.
    """
    cards = [(kind, number) for kind, _, number in (ref.partition(":") for ref in effect.bind) if number.isdecimal()]
    kind, number = next((card for card in cards if card[0] == "deal"), next(iter(cards), ("", "")))
    return (PLURALS[kind], number) if kind in PLURALS else None


def _score(name: str, value: int | str) -> dict[str, Any]:
    """One of our fields; numbers go as text, an empty text clears the field."""
    values = None if value == "" else [{"value": str(value)}]
    return {"field_code": f"KASANIE_{name}", "values": values}


def _seconds(due: datetime | None) -> int:
    if due is None:
        raise ValueError("no deadline")
    return int(due.timestamp())
