"""How a task of the old API looks: what lists may filter by, and what an answer carries (facts/bitrix24.md 6.1-6.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from connector.sandbox.bitrix24.call import Call
from connector.sandbox.bitrix24.query import Column
from connector.sandbox.records import CardKind, Task

CARDS: dict[str, CardKind] = {"D": "deal", "C": "contact", "CO": "company"}
_PREFIXES: dict[CardKind, str] = {kind: prefix for prefix, kind in CARDS.items()}
WAITING, STARTED, REVIEW, COMPLETED, DEFERRED = 2, 3, 4, 5, 6
PROGRESS: dict[int, Literal["waiting", "started", "review", "deferred"]] = {
    WAITING: "waiting",
    STARTED: "started",
    REVIEW: "review",
    DEFERRED: "deferred",
}
_STATUSES = {word: number for number, word in PROGRESS.items()}
KEPT = (
    *("PRIORITY", "GROUP_ID", "PARENT_ID", "ACCOMPLICES", "START_DATE_PLAN", "END_DATE_PLAN", "ALLOW_CHANGE_DEADLINE"),
    *("TASK_CONTROL", "MATCH_WORK_TIME", "MARK", "ADD_IN_REPORT", "TIME_ESTIMATE", "SE_PARAMETER", "STAGE_ID"),
)
"""Fields of a task that the sandbox only keeps and tells back."""


def bound(task: Task) -> list[str]:
    """UF_CRM_TASK: `D_123`, `CO_45`, `C_9`."""
    return [f"{_PREFIXES[kind]}_{of}" for kind, of in task.cards]


def status_of(task: Task) -> int:
    """2 waits, 3 in work, 4 awaits control, 5 completed, 6 deferred."""
    return _STATUSES[task.progress] if task.open else COMPLETED


def task_columns(call: Call) -> dict[str, Column]:
    """The documented filter keys, own fields, and what the readings add."""

    def overdue(task: Task) -> int:
        status = status_of(task)
        if task.due is None or status not in (WAITING, STARTED):
            return status
        left = task.due - call.base.clock.now()
        return -1 if left < timedelta() else -3 if left < timedelta(days=1) else status

    columns = {
        "ID": Column("int", lambda task: task.id),
        "PARENT_ID": Column("int", lambda task: int(task.extra.get("PARENT_ID") or 0)),
        "GROUP_ID": Column("int", lambda task: int(task.extra.get("GROUP_ID") or 0)),
        "CREATED_BY": Column("int", lambda task: task.creator),
        "STATUS_CHANGED_BY": Column("int", lambda task: task.closed_by or task.creator),
        "PRIORITY": Column("int", lambda task: int(task.extra.get("PRIORITY") or 1)),
        "RESPONSIBLE_ID": Column("int", lambda task: task.assignee),
        "TITLE": Column("text", lambda task: task.title),
        "TAG": Column("text", lambda task: task.tags),
        "REAL_STATUS": Column("int", status_of),
        "STATUS": Column("int", overdue),
        "DEADLINE": Column("moment", lambda task: task.due),
        "CREATED_DATE": Column("moment", lambda task: task.created),
        "CLOSED_DATE": Column("moment", lambda task: task.closed),
        "CHANGED_DATE": Column("moment", lambda task: task.updated),
        "ACCOMPLICE": Column("ints", lambda task: task.extra.get("ACCOMPLICES") or []),
        "AUDITOR": Column("ints", lambda task: task.watchers),
        "UF_CRM_TASK": Column("text", bound),
    }
    if call.reading("task_xml_id_filter"):
        columns["XML_ID"] = Column("text", lambda task: task.xml_id)
    for name in call.base.task_fields:
        columns[name] = Column("text", _own_field(name))
    return columns


def _own_field(name: str) -> Callable[[Task], Any]:
    return lambda task: task.extra.get(name)


def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def _whole(call: Call, task: Task) -> dict[str, Any]:
    """Every field by its request name; what is asked for by `select` is taken from here."""
    kept = task.extra
    closed, changed_by = task.closed, str(task.closed_by or task.creator)
    return {
        "ID": str(task.id),
        "PARENT_ID": _text(kept.get("PARENT_ID")),
        "TITLE": task.title,
        "DESCRIPTION": task.text,
        "MARK": kept.get("MARK"),
        "PRIORITY": str(kept.get("PRIORITY") or 1),
        "MULTITASK": "N",
        "NOT_VIEWED": "N",
        "REPLICATE": "N",
        "GROUP_ID": str(kept.get("GROUP_ID") or 0),
        "STAGE_ID": str(kept.get("STAGE_ID") or 0),
        "CREATED_BY": str(task.creator),
        "CREATED_DATE": call.told(task.created),
        "RESPONSIBLE_ID": str(task.assignee),
        "ACCOMPLICES": [str(one) for one in kept.get("ACCOMPLICES") or []],
        "AUDITORS": [str(one) for one in task.watchers],
        "CHANGED_BY": changed_by,
        "CHANGED_DATE": call.told(task.updated),
        "STATUS_CHANGED_BY": changed_by,
        "STATUS_CHANGED_DATE": call.told(closed or task.created),
        "CLOSED_BY": str(task.closed_by) if closed else None,
        "CLOSED_DATE": call.told(closed) or None,
        "DATE_START": None,
        "DEADLINE": call.told(task.due) or None,
        "START_DATE_PLAN": kept.get("START_DATE_PLAN"),
        "END_DATE_PLAN": kept.get("END_DATE_PLAN"),
        "XML_ID": task.xml_id if call.reading("task_xml_id_kept") else None,
        "GUID": f"{{00000000-0000-4000-8000-{task.id:012d}}}",
        "COMMENTS_COUNT": None,
        "ALLOW_CHANGE_DEADLINE": kept.get("ALLOW_CHANGE_DEADLINE", "Y"),
        "TASK_CONTROL": kept.get("TASK_CONTROL", "N"),
        "ADD_IN_REPORT": kept.get("ADD_IN_REPORT", "N"),
        "TIME_ESTIMATE": str(kept.get("TIME_ESTIMATE") or 0),
        "MATCH_WORK_TIME": kept.get("MATCH_WORK_TIME", "N"),
        "STATUS": str(status_of(task)),
        "SUB_STATUS": str(task_columns(call)["STATUS"].get(task)),
        "TAGS": {number: {"id": number, "title": tag} for number, tag in enumerate(task.tags, start=1)},
        "UF_CRM_TASK": bound(task) or False,
        **{name: kept.get(name, "") for name in call.base.task_fields},
    }


def _text(raw: Any) -> str | None:
    return None if raw in (None, "", 0, "0") else str(raw)


_ONLY_SELECTED = ("TAGS", "UF_CRM_TASK")


def tell(call: Call, task: Task, names: list[str] | None = None) -> dict[str, Any]:
    """A task as answers carry it; tags, bindings and own fields only where `select` names them."""
    whole = _whole(call, task)
    optional = {*_ONLY_SELECTED, *call.base.task_fields}
    if not names or "*" in names:
        names = [*(name for name in whole if name not in optional), *(names or ())]
    if "REAL_STATUS" in names:
        names = [*names, "STATUS"]
    told = {_camel(name): whole[name] for name in ["ID", *names] if name in whole}
    if "STATUS" in names:
        told["subStatus"] = whole["SUB_STATUS"]
    for name, person in (("CREATED_BY", task.creator), ("RESPONSIBLE_ID", task.assignee)):
        if name in names and person in call.base.users:
            user = call.base.users[person]
            link = f"/company/personal/user/{user.id}/"
            told["creator" if name == "CREATED_BY" else "responsible"] = {
                "id": str(user.id),
                "name": user.name,
                "link": link,
                "icon": "",
            }
    return told
