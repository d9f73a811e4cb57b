"""From Bitrix24's words to the regulation's: rows become facts (bodies as in `port.Fact`), and nothing else knows how.

Sources: facts/bitrix24.md 4 (cards, stages), 6.2 (task states). Activities are read in `signals`.
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
DEFERRED_STATE: Final = "6"

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

REQUISITE: Final = "requisite."
"""Begins a wanted field that lies in the requisites of a company or contact: `requisite.RQ_INN`."""
PRODUCTS: Final = "products"
"""Wanted of a deal: the names of its product rows."""

FieldTypes = Mapping[str, tuple[str, bool]]
"""By field name: Bitrix24's type and whether it is multiple (crm.item.fields)."""

_STAGE_PREFIX = re.compile(r"^C\d+:")


def stage_key(category: Any, stage: Any) -> str:
    """`7:PREPARATION` from categoryId 7 and `C7:PREPARATION`; some lists leave the prefix out."""
    return f"{category or 0}:{_STAGE_PREFIX.sub('', str(stage))}"


def on_card(name: str) -> bool:
    """Whether a wanted field is one of the card itself, so that the card's list can be asked for it."""
    return name != PRODUCTS and not name.startswith(REQUISITE)


def card_fields(row: Mapping[str, Any], wanted: Iterable[str], types: FieldTypes) -> dict[str, Any]:
    """The wanted fields of a card. One that the row lacks could not be read, and is left out."""
    fields: dict[str, Any] = {}
    for name in wanted:
        if name in MULTI_FIELDS:
            if (told := _multi_field(row, name)) is not None:
                fields[name] = field_value("string", told, multiple=True)
        elif name in row:
            kind, multiple = types.get(name, ("string", isinstance(row[name], list)))
            fields[name] = field_value(kind, row[name], multiple=multiple)
    return fields


def _multi_field(row: Mapping[str, Any], name: str) -> list[Any] | None:
    """Phones or mails as they stand in `fm`; none where the card says that it has none; None: not told."""
    told = row.get("fm")
    if isinstance(told, dict):  # PHP writes a list with gaps as a map
        told = list(told.values())
    if isinstance(told, list):
        return [one.get("value") for one in told if isinstance(one, dict) and one.get("typeId") == MULTI_FIELDS[name]]
    return [] if row.get(f"has{name.capitalize()}") == "N" else None


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
    return Fact(kind=kind, id=str(row["id"]), body=body, changed=changed_at(changed), links=links)


def stage_fact(row: Mapping[str, Any]) -> Fact:
    """One record of the stage history."""
    at = moment(row.get("CREATED_TIME"))
    deal = f"deal:{row['OWNER_ID']}"
    category = row.get("CATEGORY_ID")
    body = {"deal": deal, "at": at, "pipeline": str(category or 0), "stage": stage_key(category, row.get("STAGE_ID"))}
    return Fact(kind="stage", id=str(row["ID"]), body=body, changed=changed_at(at), links=(deal,))


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
    if marker is None and TAG not in tags_of(row.get("tags")):
        return None
    closed = str(row.get("status")) in CLOSED_STATES
    closed_at = moment(row.get("closedDate")) or moment(row.get("changedDate"))
    body = {
        "marker": marker,
        "open": not closed,
        "deferred": str(row.get("status")) == DEFERRED_STATE,
        "due": moment(row.get("deadline")),
        "assignee": number_or_none(row.get("responsibleId")),
        "closed": closed_at if closed else None,
        "closed_by": number_or_none(row.get("closedBy")) if closed else None,
        "title": row.get("title") or "",
    }
    changed = moment(row.get("changedDate")) or moment(row.get("createdDate"))
    bound = row.get("ufCrmTask")
    links = tuple(ref for text in bound if (ref := _card_of(str(text)))) if isinstance(bound, list) else ()
    return Fact(kind="task", id=str(row["id"]), body=body, changed=changed_at(changed), links=links)


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


def tags_of(told: Any) -> set[str]:
    """Tags come as a list of texts or as a map of `{id, title}`."""
    members = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return {str(one.get("title")) if isinstance(one, dict) else str(one) for one in members}


def changed_at(text: str | None) -> datetime:
    """A fact's time of change; without any it is as old as can be."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
