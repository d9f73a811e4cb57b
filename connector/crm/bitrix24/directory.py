"""What changes rarely in a portal: its funnels, users and fields; and the score fields that we create there.

Sources: facts/bitrix24.md 4.4 (stages), 4.6 (requisites), 5.1 (user fields), 8 (users, departments, calendar).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connector.crm.bitrix24.api import BATCH_LIMIT, Answer, Api, Command
from connector.crm.bitrix24.calendars import company_calendar
from connector.crm.bitrix24.feeds import PAGE, BatchReader
from connector.crm.bitrix24.mapping import ENTITY_TYPES, PRODUCTS, REQUISITE, SCORE_FIELDS, FieldTypes, stage_key
from connector.crm.bitrix24.values import number_or_none
from connector.crm.port import Directory, FactKind, Stage, User

USER_PAGES: Final = 10
"""Pages of users asked for at once."""
SCORED_CARDS: Final[tuple[FactKind, ...]] = ("company", "contact")
_SEMANTICS: Final = {"S": "won", "F": "lost"}
_LABELS: Final = {
    "FILL": ("integer", "Досье, % заполнения", "Dossier, % filled"),
    "SCORE": ("integer", "Досье, оценка", "Dossier, score"),
    "GAPS": ("string", "Досье, чего не хватает", "Dossier, what is missing"),
}


def field_commands() -> dict[str, Command]:
    """The questions for the fields of all three cards and of requisites."""
    return {
        **{
            f"fields_{kind}": Command("crm.item.fields", {"entityTypeId": number, "useOriginalUfNames": "Y"})
            for kind, number in ENTITY_TYPES.items()
        },
        "fields_requisite": Command("crm.requisite.fields", {}),
    }


def field_types(answers: Mapping[str, Answer]) -> dict[FactKind, FieldTypes]:
    """Their types by card. Raises the CrmError of a card whose fields cannot be read.

    Where requisites may not be read, their fields are simply not there.
    """
    types: dict[FactKind, FieldTypes] = {
        kind: _types(_must(answers[f"fields_{kind}"])["fields"]) for kind in ENTITY_TYPES
    }
    told = answers["fields_requisite"].result
    requisite = {REQUISITE + name: one for name, one in _types(told if isinstance(told, dict) else {}).items()}
    outside = {"company": requisite, "contact": requisite, "deal": {PRODUCTS: ("string", True)}}
    return {kind: {**own, **outside[kind]} for kind, own in types.items()}


def _types(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, bool]]:
    return {name: (str(one.get("type")), one.get("isMultiple") in (True, "Y")) for name, one in fields.items()}


def read_directory(read: BatchReader, zone: str) -> Directory:
    """Funnels, users, fields and the company calendar. Raises CrmError.

    Departments and the calendar want rights of their own; without them nobody's head, or no calendar, is known.
    """
    answers = read(
        {
            "funnels": Command("crm.category.list", {"entityTypeId": ENTITY_TYPES["deal"]}),
            "departments": Command("department.get", {}),
            "calendar": Command("calendar.settings.get", {}),
            **field_commands(),
            **_user_pages(0),
        }
    ).by_key
    funnels = _must(answers["funnels"])["categories"]
    departments = answers["departments"].result
    users = [row for page in _users(read, answers) for row in page]
    return Directory(
        zone=zone,
        stages=_stages(read, funnels),
        users=with_heads(users, departments if isinstance(departments, list) else []),
        fields={kind: tuple(sorted(names)) for kind, names in field_types(answers).items()},
        calendar=company_calendar(answers["calendar"].result),
    )


def create_score_fields(api: Api, read: BatchReader) -> None:
    """Create what is missing of UF_CRM_KASANIE_*; a field that somebody else just made is as good. Raises CrmError."""
    missing = _missing_fields(read)
    if not missing:
        return
    answers = api.batch({f"{card}_{name}": _creation(card, name) for card, name in missing}, writing=True).by_key
    if _missing_fields(read):
        raise next(answer.error for answer in answers.values() if answer.error is not None)


def _missing_fields(read: BatchReader) -> list[tuple[FactKind, str]]:
    types = field_types(read(field_commands()).by_key)
    return [(card, name) for card in SCORED_CARDS for name, code in SCORE_FIELDS.items() if code not in types[card]]


def _creation(card: FactKind, name: str) -> Command:
    kind, russian, english = _LABELS[name]
    code = SCORE_FIELDS[name]
    labels = {"ru": russian, "en": english}
    fields = {
        "USER_TYPE_ID": kind,
        "FIELD_NAME": code,
        "XML_ID": code.removeprefix("UF_CRM_").lower(),
        "LABEL": russian,
        "EDIT_FORM_LABEL": labels,
        "LIST_COLUMN_LABEL": labels,
        "MULTIPLE": "N",
        "MANDATORY": "N",
        "SHOW_FILTER": "Y",
        "EDIT_IN_LIST": "N",  # people read the score, they do not write it
    }
    return Command(f"crm.{card}.userfield.add", {"fields": fields})


def _must(answer: Answer) -> Any:
    if answer.error is not None:
        raise answer.error
    return answer.result


def _user_pages(first: int) -> dict[str, Command]:
    return {
        f"users_{page}": Command("user.get", {"sort": "ID", "order": "ASC", "start": page * PAGE})
        for page in range(first, first + USER_PAGES)
    }


def _users(read: BatchReader, answers: Mapping[str, Answer]) -> list[list[Mapping[str, Any]]]:
    """All pages of users, up to the first that is not full."""
    pages: list[list[Mapping[str, Any]]] = []
    while True:
        for number in range(len(pages), len(pages) + USER_PAGES):
            pages.append(_must(answers[f"users_{number}"]) or [])
            if len(pages[-1]) < PAGE:
                return pages
        answers = read(_user_pages(len(pages))).by_key


def with_heads(users: Sequence[Mapping[str, Any]], departments: Sequence[Mapping[str, Any]]) -> tuple[User, ...]:
    """The users, each with the nearest head above him who still works here."""
    by_id = {str(one.get("ID")): one for one in departments}
    working = {str(row["ID"]) for row in users if _active(row)}
    return tuple(
        User(
            id=str(row["ID"]),
            name=" ".join(filter(None, (row.get("NAME"), row.get("LAST_NAME")))) or f"#{row['ID']}",
            active=_active(row),
            zone=row.get("TIME_ZONE") or None,
            head=_head(row, by_id, working),
        )
        for row in users
    )


def _active(row: Mapping[str, Any]) -> bool:
    return row.get("ACTIVE") in (True, "Y", "true", "1")


def _head(user: Mapping[str, Any], departments: Mapping[str, Mapping[str, Any]], working: set[str]) -> str | None:
    """A head's own head is the head of the department above; one who was dismissed, or is a bot, is nobody's."""
    member_of = user.get("UF_DEPARTMENT")
    waiting = [str(one) for one in member_of] if isinstance(member_of, list) else []
    for department in waiting:  # grows while it is walked; every department once
        row = departments.get(department, {})
        head = number_or_none(row.get("UF_HEAD"))
        if head in working and head != str(user["ID"]):
            return head
        above = number_or_none(row.get("PARENT"))
        if above is not None and above not in waiting:
            waiting.append(above)
    return None


def _stages(read: BatchReader, funnels: list[Mapping[str, Any]]) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for first in range(0, len(funnels), BATCH_LIMIT):
        part = funnels[first : first + BATCH_LIMIT]
        answers = read({f"stages_{one['id']}": _stage_list(one) for one in part}).by_key
        for funnel in part:
            stages += [_stage(funnel, row) for row in _must(answers[f"stages_{funnel['id']}"]) or []]
    return tuple(stages)


def _stage_list(funnel: Mapping[str, Any]) -> Command:
    entity = "DEAL_STAGE" if int(funnel["id"]) == 0 else f"DEAL_STAGE_{funnel['id']}"
    return Command("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}})


def _stage(funnel: Mapping[str, Any], row: Mapping[str, Any]) -> Stage:
    return Stage(
        key=stage_key(funnel["id"], row["STATUS_ID"]),
        pipeline=str(funnel["id"]),
        title=str(row.get("NAME") or row["STATUS_ID"]),
        pipeline_title=str(funnel.get("name") or funnel["id"]),
        semantic=_SEMANTICS.get(str(row.get("SEMANTICS")), "open"),  # type: ignore[arg-type]  # its values are the words
        sort=int(row.get("SORT") or 0),
    )
