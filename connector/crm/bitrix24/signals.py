"""Activities as signals: which of them are communications, when they took place, whose they are.

Sources: facts/bitrix24.md 6.6 (rows), facts/domain.md 5 (what counts); what no paper tells is in the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from connector.crm.bitrix24.mapping import CARD_OF_TYPE, TAG, changed_at
from connector.crm.bitrix24.values import moment, number_or_none
from connector.crm.port import Fact, Ref

SIGNAL_OF_TYPE: Final = {"1": "meeting", "2": "call", "4": "email"}
"""Activity TYPE_ID; 3 is a task's shadow, 5 a calendar import, 6 says nothing without its provider."""
SIGNAL_OF_PROVIDER: Final = {
    "VOXIMPLANT_CALL": "call",
    "CRM_CALL_TRACKER": "call",
    "CRM_MEETING": "meeting",
    "CRM_ZOOM": "meeting",
    "CRM_VISIT": "meeting",
    "CRM_EMAIL": "email",
    "CRM_SMS": "sms",
    "CRM_NOTIFICATION": "sms",
    "IMOPENLINES_SESSION": "chat",
    "CRM_WEBFORM": "order",
}
"""PROVIDER_ID of TYPE_ID 6; a to-do or an application's card is no communication."""

MAILED: Final = frozenset({"email", "chat", "sms"})
"""Kinds that a robot can send; a call or a meeting takes a person."""

PLANNED: Final = frozenset({"call", "meeting"})
"""Kinds that are written down before they take place; a letter or a form has come, ticked or not."""

LONGEST_CALL: Final = 6 * 3600
"""Seconds; a longer "call" is a planned one with a deadline for its end."""


def signal_kind(row: Mapping[str, Any]) -> str | None:
    """The kind of communication an activity is; None when it is none."""
    return SIGNAL_OF_TYPE.get(str(row.get("TYPE_ID"))) or (
        SIGNAL_OF_PROVIDER.get(str(row.get("PROVIDER_ID"))) if str(row.get("TYPE_ID")) == "6" else None
    )


def signal_fact(row: Mapping[str, Any]) -> Fact | None:
    """A recorded communication; None for activities that are none, that are ours, or that no card of ours owns."""
    kind, links = signal_kind(row), _bindings(row)
    if kind is None or not links or row.get("ORIGINATOR_ID") == TAG:
        return None
    created = moment(row.get("CREATED"))
    starts, ends, updated = (moment(row.get(name)) for name in ("START_TIME", "END_TIME", "LAST_UPDATED"))
    done = row.get("COMPLETED") == "Y"
    # what was ticked before its planned time took place then, and not later than it was ticked
    at = min(starts, updated) if starts and updated and done else starts or created
    answered: bool | None = None
    seconds: int | None = None
    if kind == "call":
        answered, seconds = _call(row, starts, ends if at == starts else None)
    elif kind == "chat" and done and _is_session(row, starts, ends) and not _by_itself(row):
        answered = True
    body = {
        "kind": kind,
        "at": at,
        "direction": {"1": "in", "2": "out"}.get(str(row.get("DIRECTION"))),
        "answered": answered,
        "seconds": seconds,
        "completed": done or kind not in PLANNED,
        "robot": kind in MAILED and str(row.get("DIRECTION")) == "2" and _by_itself(row),
        "by": number_or_none(row.get("RESPONSIBLE_ID")),
        "contact": next((ref for ref in links if ref.startswith("contact:")), None),
        "deal": next((ref for ref in links if ref.startswith("deal:")), None),
    }
    return Fact(kind="signal", id=str(row["ID"]), body=body, changed=changed_at(updated or created), links=links)


def _bindings(row: Mapping[str, Any]) -> tuple[Ref, ...]:
    """The cards of an activity: its owner, further bindings, and the person it was with, as far as they are told."""
    told = [(row.get("OWNER_TYPE_ID"), row.get("OWNER_ID"))]
    for name, kind, number in (
        ("BINDINGS", "OWNER_TYPE_ID", "OWNER_ID"),
        ("COMMUNICATIONS", "ENTITY_TYPE_ID", "ENTITY_ID"),
    ):
        members = row.get(name)
        if isinstance(members, list):
            told += [(member.get(kind), member.get(number)) for member in members if isinstance(member, dict)]
    return tuple(
        dict.fromkeys(
            f"{CARD_OF_TYPE[str(kind)]}:{id_}"
            for kind, id_ in told
            if str(kind) in CARD_OF_TYPE and number_or_none(id_)
        )
    )


def _by_itself(row: Mapping[str, Any]) -> bool:
    """Whether nobody stands behind a message: no responsible, or completed automatically (STATUS 3)."""
    return number_or_none(row.get("RESPONSIBLE_ID")) is None or str(row.get("STATUS")) == "3"


def _is_session(row: Mapping[str, Any], starts: str | None, ends: str | None) -> bool:
    """Whether a chat's activity is a whole session of an open line: it names the session, or it lasted."""
    return number_or_none(row.get("ASSOCIATED_ENTITY_ID")) is not None or starts != ends


def _call(row: Mapping[str, Any], starts: str | None, ends: str | None) -> tuple[bool | None, int | None]:
    """Whether a call was answered and how many seconds it took, as far as the row tells (unverified, see README)."""
    settings = row.get("SETTINGS")
    if isinstance(settings, dict) and settings.get("MISSED_CALL") in (True, "Y", "1", 1, "true"):
        return False, 0
    if not starts or not ends or ends.startswith("9999"):
        return None, None
    seconds = int((datetime.fromisoformat(ends) - datetime.fromisoformat(starts)).total_seconds())
    if seconds == 0 and str(row.get("DIRECTION")) == "2":
        return False, 0
    return (True, seconds) if 0 < seconds < LONGEST_CALL else (None, None)
