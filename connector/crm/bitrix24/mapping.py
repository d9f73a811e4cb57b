"""From Bitrix24's words to the regulation's: rows become facts (bodies as in `port.Fact`), and nothing else knows how.

Sources: facts/bitrix24.md 4 (cards, stages), 6.6 (activities), 6.2 (task states).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connector.crm.bitrix24.values import amount, field_value, moment, number_or_none
from connector.crm.port import Fact, FactKind, Ref

MARKER: Final = re.compile(r"\bkasanie:[0-9a-f]{12}\b")
TAG: Final = "kasanie"
SCORE_FIELDS: Final = {name: f"UF_CRM_KASANIE_{name}" for name in ("FILL", "SCORE", "GAPS")}

ENTITY_TYPES: Final[Mapping[FactKind, int]] = {"deal": 2, "contact": 3, "company": 4}
"""entityTypeId of crm.item.* (facts/bitrix24.md 4.1)."""
CARD_OF_TYPE: Final = {str(number): kind for kind, number in ENTITY_TYPES.items()}
SHORT: Final = {"deal": "D", "contact": "C", "company": "CO"}
"""Prefixes in UF_CRM_TASK."""
CARD_OF_SHORT: Final = {short: kind for kind, short in SHORT.items()}
SEMANTICS: Final = {"P": "open", "S": "won", "F": "lost"}

CLOSED_STATES: Final = frozenset({"4", "5", "7"})
"""Task states that ask nothing more of the doer: awaiting control, completed, declined."""

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

SYSTEM_FIELDS: Final[Mapping[FactKind, tuple[str, ...]]] = {
    "deal": (
        *("id", "title", "assignedById", "createdTime", "updatedTime", "categoryId", "stageId", "stageSemanticId"),
        *("opportunity", "currencyId", "companyId", "contactId", "contactIds", "isRecurring"),
    ),
    "contact": (
        *("id", "name", "secondName", "lastName", "assignedById", "createdTime", "updatedTime"),
        *("companyId", "companyIds"),
    ),
    "company": ("id", "title", "assignedById", "createdTime", "updatedTime", "isMyCompany"),
}
"""What every card is asked for beside the wanted fields."""
MULTI_FIELDS: Final = {"phone": "PHONE", "email": "EMAIL", "web": "WEB", "im": "IM"}
"""Wanted under these names, they are read from `fm`, which comes only with `*` (facts/bitrix24.md 4.3)."""

PLANNED: Final = frozenset({"call", "meeting"})
"""Kinds that are written down before they take place; a letter or a form has come, ticked or not."""

LONGEST_CALL: Final = 6 * 3600
"""Seconds; a longer "call" is a planned one with a deadline for its end."""

FieldTypes = Mapping[str, tuple[str, bool]]
"""By field name: Bitrix24's type and whether it is multiple (crm.item.fields)."""

_STAGE_PREFIX = re.compile(r"^C\d+:")


def stage_key(category: Any, stage: Any) -> str:
    """`7:PREPARATION` from categoryId 7 and `C7:PREPARATION`; some lists leave the prefix out."""
    return f"{category or 0}:{_STAGE_PREFIX.sub('', str(stage))}"


def card_fields(row: Mapping[str, Any], wanted: Iterable[str], types: FieldTypes) -> dict[str, Any]:
    """The wanted fields of a card. One that the row lacks could not be read, and is left out."""
    fields: dict[str, Any] = {}
    for name in wanted:
        if name in MULTI_FIELDS:
            if isinstance(row.get("fm"), list):
                found = [one["value"] for one in row["fm"] if one.get("typeId") == MULTI_FIELDS[name]]
                fields[name] = field_value("string", found, multiple=True)
        elif name in row:
            kind, multiple = types.get(name, ("string", isinstance(row[name], list)))
            fields[name] = field_value(kind, row[name], multiple=multiple)
    return fields


def card_fact(kind: FactKind, row: Mapping[str, Any], wanted: Iterable[str], types: FieldTypes) -> Fact | None:
    """A company, contact or deal; None for our own firms and for templates of recurring deals."""
    if row.get("isMyCompany") == "Y" or row.get("isRecurring") == "Y":
        return None
    created = moment(row.get("createdTime"))
    body: dict[str, Any] = {"owner": number_or_none(row.get("assignedById")), "created": created}
    links: tuple[Ref, ...] = ()
    if kind == "contact":
        body["name"] = " ".join(filter(None, (row.get("name"), row.get("secondName"), row.get("lastName"))))
        links = _refs("company", row.get("companyId"), row.get("companyIds"))
    else:
        body["title"] = row.get("title") or ""
    if kind == "deal":
        company = _refs("company", row.get("companyId"), None)
        contacts = _refs("contact", row.get("contactId"), row.get("contactIds"))
        semantic = SEMANTICS.get(str(row.get("stageSemanticId")), "open")
        stage = stage_key(row.get("categoryId"), row.get("stageId"))
        body |= {
            "pipeline": str(row.get("categoryId") or 0),
            "stage": stage,
            "semantic": semantic,
            "amount": amount(row.get("opportunity")),
            "currency": row.get("currencyId") or None,
            "loss_reason": stage if semantic == "lost" else None,  # Bitrix24 has a failure stage per reason
            "company": company[0] if company else None,
            "contacts": list(contacts),
        }
        links = company + contacts
    body["fields"] = card_fields(row, wanted, types)
    changed = moment(row.get("updatedTime")) or created
    return Fact(kind=kind, id=str(row["id"]), body=body, changed=_changed(changed), links=links)


def stage_fact(row: Mapping[str, Any]) -> Fact:
    """One record of the stage history."""
    at = moment(row.get("CREATED_TIME"))
    deal = f"deal:{row['OWNER_ID']}"
    category = row.get("CATEGORY_ID")
    body = {"deal": deal, "at": at, "pipeline": str(category or 0), "stage": stage_key(category, row.get("STAGE_ID"))}
    return Fact(kind="stage", id=str(row["ID"]), body=body, changed=_changed(at), links=(deal,))


def signal_kind(row: Mapping[str, Any]) -> str | None:
    """The kind of communication an activity is; None when it is none."""
    return SIGNAL_OF_TYPE.get(str(row.get("TYPE_ID"))) or (
        SIGNAL_OF_PROVIDER.get(str(row.get("PROVIDER_ID"))) if str(row.get("TYPE_ID")) == "6" else None
    )


def signal_fact(row: Mapping[str, Any]) -> Fact | None:
    """A recorded communication; None for activities that are none, or that no card of ours owns."""
    kind, links = signal_kind(row), _bindings(row)
    if kind is None or not links:
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
    return Fact(kind="signal", id=str(row["ID"]), body=body, changed=_changed(updated or created), links=links)


def task_marker(row: Mapping[str, Any]) -> str | None:
    """Our marker, from XML_ID or from the end of the description."""
    for text in (row.get("xmlId"), row.get("description")):
        found = MARKER.findall(text) if isinstance(text, str) else []
        if found:
            return str(found[-1])
    return None


def task_fact(row: Mapping[str, Any]) -> Fact | None:
    """A task of ours, told by its marker or tag; None for all others."""
    marker = task_marker(row)
    if marker is None and TAG not in _tags(row.get("tags")):
        return None
    closed = str(row.get("status")) in CLOSED_STATES
    closed_at = moment(row.get("closedDate")) or moment(row.get("changedDate"))
    body = {
        "marker": marker,
        "open": not closed,
        "due": moment(row.get("deadline")),
        "assignee": number_or_none(row.get("responsibleId")),
        "closed": closed_at if closed else None,
        "closed_by": number_or_none(row.get("closedBy")) if closed else None,
        "title": row.get("title") or "",
    }
    changed = moment(row.get("changedDate")) or moment(row.get("createdDate"))
    bound = row.get("ufCrmTask")
    links = tuple(ref for text in bound if (ref := _card_of(str(text)))) if isinstance(bound, list) else ()
    return Fact(kind="task", id=str(row["id"]), body=body, changed=_changed(changed), links=links)


def gone_fact(ref: Ref, at: datetime) -> Fact:
    """What is left of a deleted object: that it is gone."""
    kind, _, number = ref.partition(":")
    return Fact(kind=kind, id=number, body={}, changed=at, gone=True)  # type: ignore[arg-type]  # refs name fact kinds


def task_bindings(refs: Iterable[Ref]) -> list[str]:
    """`D_123`, `CO_45`: the cards of a task as UF_CRM_TASK wants them."""
    parts = (ref.partition(":") for ref in refs)
    return [f"{SHORT[kind]}_{number}" for kind, _, number in parts if kind in SHORT]


def _card_of(text: str) -> Ref | None:
    short, _, number = text.partition("_")
    return f"{CARD_OF_SHORT[short]}:{number}" if short in CARD_OF_SHORT and number.isdecimal() else None


def _refs(kind: str, first: Any, others: Any) -> tuple[Ref, ...]:
    """References without repeats, the main one first."""
    numbers = [first, *(others if isinstance(others, list) else ())]
    return tuple(dict.fromkeys(f"{kind}:{number}" for number in map(number_or_none, numbers) if number))


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


def _tags(told: Any) -> set[str]:
    """Tags come as a list of texts or as a map of `{id, title}`."""
    members = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return {str(one.get("title")) if isinstance(one, dict) else str(one) for one in members}


def _changed(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
