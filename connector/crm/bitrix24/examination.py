"""What `doctor` finds on a Bitrix24 portal: rights, fields, subscriptions, and what this way of connecting cannot do.

Sources: facts/bitrix24.md 0 (two modes), 1.6, 1.7, 3.3 (scopes), 5.1 (who may create fields). One request, or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from connector.crm.bitrix24.api import Answer, Command
from connector.crm.bitrix24.directory import field_commands, field_types
from connector.crm.bitrix24.feeds import BatchReader
from connector.crm.bitrix24.mapping import SCORE_FIELDS
from connector.crm.bitrix24.subscriptions import Subscriptions
from connector.crm.port import PORTAL_CLOCK, Finding
from connector.errors import Refused

_QUESTIONS: Final = {"scope": "scope", "admin": "user.admin", "who": "user.current"}
NEEDED: Final = (("crm",), ("task",), ("user_brief", "user_basic", "user"))
"""Scopes without which nothing works; of each group one."""
USEFUL: Final = ("department", "im", "calendar")
"""Heads of departments, messages to people, the company's working calendar."""


def examine(
    read: BatchReader, subscriptions: Subscriptions | None, hook_url: str | None, *, offline_wished: bool
) -> Sequence[Finding]:
    """Every finding, problems first. `subscriptions` None: we are a webhook. Raises CrmError."""
    asked = {name: Command(method, {}) for name, method in _QUESTIONS.items()}
    told = read({**asked, **field_commands()})
    answers = told.by_key
    found = [
        *_who(answers["who"]),
        *_clock(told.at),
        *_scopes(answers["scope"], app=subscriptions is not None),
        *_admin(answers["admin"]),
        *_fields(answers),
        *(_webhook() if subscriptions is None else _subscribed(subscriptions, hook_url, offline_wished=offline_wished)),
    ]
    if not any(one.severity == "problem" for one in found):
        found.append(Finding(code="b24-fine", severity="fine"))
    order = ("problem", "note", "fine")
    return sorted(found, key=lambda one: order.index(one.severity))


def _who(answer: Answer) -> Iterator[Finding]:
    if isinstance(answer.result, dict):
        names = (str(answer.result.get(part) or "") for part in ("NAME", "LAST_NAME"))
        yield Finding(code="b24-who", given={"user": " ".join(filter(None, names))}, severity="fine")


def _clock(at: datetime | None) -> Iterator[Finding]:
    """What its clock says is told to whoever knows ours: in the sandbox that is not this machine's."""
    if at is not None:
        yield Finding(code=PORTAL_CLOCK, given={"at": at.isoformat()}, severity="fine")


def _scopes(answer: Answer, *, app: bool) -> Iterator[Finding]:
    if not isinstance(answer.result, list):
        return
    granted = {str(one) for one in answer.result}
    missing = [group[0] for group in NEEDED if not granted & set(group)]
    if missing:
        yield Finding(code="b24-app-scope" if app else "b24-scope", given={"scopes": ", ".join(missing)})
    wished = [one for one in USEFUL if one not in granted]
    if wished:
        yield Finding(code="b24-scope-useful", given={"scopes": ", ".join(wished)}, severity="note")


def _admin(answer: Answer) -> Iterator[Finding]:
    if answer.error is None and answer.result in (False, "N", 0, "0"):
        yield Finding(code="b24-not-admin")


def _fields(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    types = field_types(answers)
    missing = [
        code for code in SCORE_FIELDS.values() if any(code not in types[card] for card in ("company", "contact"))
    ]
    if missing:
        yield Finding(code="b24-fields", given={"fields": ", ".join(missing)}, fixable=True)


def _webhook() -> Iterator[Finding]:
    yield Finding(code="b24-webhook-limits", severity="note")


def _subscribed(subscriptions: Subscriptions, hook_url: str | None, *, offline_wished: bool) -> Iterator[Finding]:
    if hook_url is None:
        yield Finding(code="b24-no-address")
        return
    try:
        if offline_wished and not subscriptions.queue_works:
            yield Finding(code="b24-no-queue", severity="note")
        elif offline_wished and not subscriptions.names_itself:
            yield Finding(code="b24-no-connector", severity="note")
        lost = subscriptions.lost(hook_url)
    except Refused as error:
        yield Finding(code="b24-hooks-refused", given={"why": error.text})
        return
    if lost:
        yield Finding(code="b24-hooks", given={"events": ", ".join(lost)}, fixable=True)
    unknown = subscriptions.unknown
    if unknown:
        yield Finding(code="b24-hooks-unknown", given={"events": ", ".join(unknown)}, severity="note")
