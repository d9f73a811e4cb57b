"""What changes rarely in a portal: its funnels, users and fields; and the score fields that we create there.

Sources: facts/bitrix24.md 4.4 (stages), 5.1 (user fields), 8 (users and departments).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.crm.bitrix24.api import BATCH_LIMIT, Answer, Api, Command
from connector.crm.bitrix24.feeds import PAGE, BatchReader
from connector.crm.bitrix24.mapping import ENTITY_TYPES, SCORE_FIELDS, FieldTypes, stage_key
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
    """The questions for the fields of all three cards."""
    return {
        f"fields_{kind}": Command("crm.item.fields", {"entityTypeId": number, "useOriginalUfNames": "Y"})
        for kind, number in ENTITY_TYPES.items()
    }


def field_types(answers: Mapping[str, Answer]) -> dict[FactKind, FieldTypes]:
    """Their types by card. Raises the CrmError of a card whose fields cannot be read."""
    return {
        kind: {
            name: (str(told.get("type")), told.get("isMultiple") in (True, "Y"))
            for name, told in _must(answers[f"fields_{kind}"])["fields"].items()
        }
        for kind in ENTITY_TYPES
    }


def read_directory(read: BatchReader, zone: str) -> Directory:
    """Funnels, users and fields. Raises CrmError."""
    answers = read(
        {
            "funnels": Command("crm.category.list", {"entityTypeId": ENTITY_TYPES["deal"]}),
            "departments": Command("department.get", {}),
            **field_commands(),
            **_user_pages(0),
        }
    ).by_key
    funnels = _must(answers["funnels"])["categories"]
    departments = answers["departments"].result  # without the right to read them, nobody's head is known
    users = [row for page in _users(read, answers) for row in page]
    return Directory(
        zone=zone,
        stages=_stages(read, funnels),
        users=_with_heads(users, departments if isinstance(departments, list) else []),
        fields={kind: tuple(sorted(names)) for kind, names in field_types(answers).items()},
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


def _with_heads(users: list[Mapping[str, Any]], departments: list[Mapping[str, Any]]) -> tuple[User, ...]:
    by_id = {str(one.get("ID")): one for one in departments}
    return tuple(
        User(
            id=str(row["ID"]),
            name=" ".join(filter(None, (row.get("NAME"), row.get("LAST_NAME")))) or f"#{row['ID']}",
            active=row.get("ACTIVE") in (True, "Y", "true", "1"),
            zone=row.get("TIME_ZONE") or None,
            head=_head(str(row["ID"]), row.get("UF_DEPARTMENT"), by_id),
        )
        for row in users
    )


def _head(user: str, member_of: Any, departments: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The nearest head above a user; a head's own head is the head of the department above."""
    waiting = [str(one) for one in member_of] if isinstance(member_of, list) else []
    for department in waiting:  # grows while it is walked; every department once
        row = departments.get(department, {})
        head = number_or_none(row.get("UF_HEAD"))
        if head is not None and head != user:
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
