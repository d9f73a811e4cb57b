"""Funnels, stages and the stage history in Bitrix24's words (facts/bitrix24.md 4.4, 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import Column, as_rows, run
from connector.sandbox.records import Pipeline, Stage, StageRow

SEMANTIC = {"open": "P", "won": "S", "lost": "F"}
DEAL = 2


def category_of(base: Base, pipeline: int) -> int:
    """Bitrix24's id of a pipeline: 0 for the main one."""
    return 0 if base.pipelines[pipeline].is_main else pipeline


def pipeline_of(base: Base, category: int) -> Pipeline | None:
    """The pipeline of a category id."""
    return next((one for one in base.pipelines.values() if category_of(base, one.id) == category), None)


def stage_key(base: Base, pipeline: int, stage: int) -> str:
    """STAGE_ID: `NEW` in the general funnel, `C2:NEW` elsewhere."""
    found = next(one for one in base.pipelines[pipeline].stages if one.id == stage)
    category = category_of(base, pipeline)
    return f"C{category}:{found.code}" if category else found.code


def find_stage(base: Base, key: str) -> tuple[Pipeline, Stage] | None:
    """The pipeline and stage of a STAGE_ID."""
    prefix, colon, code = key.rpartition(":")
    category = int(prefix[1:]) if colon and prefix[1:].isdigit() else 0
    pipeline = pipeline_of(base, category)
    for stage in shown_stages(pipeline) if pipeline else ():
        if stage.code == code:
            assert pipeline
            return pipeline, stage
    return None


def shown_stages(pipeline: Pipeline) -> list[Stage]:
    """Bitrix24 knows no unsorted stage."""
    return [stage for stage in pipeline.stages if not stage.unsorted]


def deals_only(call: Call) -> None:
    """Funnels and history exist here for deals."""
    if str(call.get("entityTypeId")) != str(DEAL):
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")


@method("crm.category.list")
def category_list(call: Call) -> Answer:
    """The funnels."""
    deals_only(call)
    rows = [
        {
            "id": category_of(call.base, one.id),
            "name": one.title,
            "sort": one.sort,
            "entityTypeId": DEAL,
            "isDefault": "Y" if one.is_main else "N",
            "originId": "",
            "originatorId": "",
        }
        for one in call.base.pipelines.values()
    ]
    return Answer({"categories": rows}, total=len(rows))


_COLOURS = {"P": "#ACE9FB", "S": "#7BD500", "F": "#FF5752"}
_MEANINGS = {"P": "process", "S": "success", "F": "failure"}
_LISTS: dict[str, list[tuple[str, str]]] = {
    "DEAL_TYPE": [("SALE", "Продажа"), ("SERVICES", "Услуги")],
    "COMPANY_TYPE": [("CUSTOMER", "Клиент"), ("SUPPLIER", "Поставщик"), ("PARTNER", "Партнёр")],
    "CONTACT_TYPE": [("CLIENT", "Клиенты"), ("PARTNER", "Партнёры")],
    "INDUSTRY": [("MANUFACTURING", "Производство"), ("IT", "Информационные технологии")],
    "EMPLOYEES": [("EMPLOYEES_1", "менее 50"), ("EMPLOYEES_2", "50 – 250")],
    "SOURCE": [("CALL", "Звонок"), ("WEB", "Веб-сайт"), ("RECOMMENDATION", "По рекомендации")],
}
"""Lists of the portal beside stages: ENTITY_ID → STATUS_ID and name."""
_LIST_IDS = 1000


@dataclass(frozen=True)
class Status:
    """One row of `crm.status.list`."""

    id: int
    entity: str
    code: str
    name: str
    sort: int
    system: bool
    category: int | None = None
    semantics: str = ""
    """Empty: no stage."""


def _statuses(call: Call) -> Iterator[Status]:
    for pipeline in call.base.pipelines.values():
        category = category_of(call.base, pipeline.id)
        entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        for stage in shown_stages(pipeline):
            prefixed = category and call.reading("status_id_with_category")
            system = stage.semantic == "won" or stage.code in ("NEW", "LOSE")
            code = f"C{category}:{stage.code}" if prefixed else stage.code
            semantics = SEMANTIC[stage.semantic]
            yield Status(stage.id, entity, code, stage.title, stage.sort, system, category or None, semantics)
    for number, (entity, rows) in enumerate(_LISTS.items()):
        for place, (code, name) in enumerate(rows, start=1):
            yield Status(_LIST_IDS + number * 100 + place, entity, code, name, place * 10, system=place == 1)


_STATUS_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one.id),
    "ENTITY_ID": Column("text", lambda one: one.entity),
    "STATUS_ID": Column("text", lambda one: one.code),
    "NAME": Column("text", lambda one: one.name),
    "NAME_INIT": Column("text", lambda one: one.name if one.system else ""),
    "SORT": Column("int", lambda one: one.sort),
    "SYSTEM": Column("flag", lambda one: one.system),
    "CATEGORY_ID": Column("int", lambda one: one.category),
    "COLOR": Column("text", lambda one: _COLOURS.get(one.semantics, "")),
    "SEMANTICS": Column("text", lambda one: one.semantics if one.semantics in ("S", "F") else None),
}


def _extra(one: Status) -> dict[str, Any]:
    colour = _COLOURS.get(one.semantics, "")
    return {"EXTRA": {"SEMANTICS": _MEANINGS[one.semantics], "COLOR": colour}} if one.semantics else {}


@method("crm.status.list")
def status_list(call: Call) -> Answer:
    """Stages of all funnels and the portal's other lists; usually one of them is asked for by ENTITY_ID."""
    rows = sorted(_statuses(call), key=lambda one: one.id)
    tell = as_rows(call, _STATUS_COLUMNS)
    wide = replace(call.config, limits=replace(call.config.limits, page=len(rows)))
    inner = replace(call, params={**call.params, "select": [], "start": 0}, config=wide)
    names = list(_STATUS_COLUMNS)
    answer = run(inner, _STATUS_COLUMNS, lambda _: rows, lambda one, _: tell(one, names) | _extra(one), id_name="ID")
    return Answer(answer.result, total=answer.total)


_TYPES = {"created": 1, "moved": 2, "final": 3, "pipeline": 5}


@method("crm.stagehistory.list")
def stage_history(call: Call) -> Answer:
    """The stage history: one row per stage entered."""
    deals_only(call)
    base = call.base

    def semantic(row: StageRow) -> str:
        return SEMANTIC[next(one.semantic for one in base.pipelines[row.pipeline].stages if one.id == row.stage)]

    columns = {
        "ID": Column("int", lambda row: row.id),
        "TYPE_ID": Column("int", lambda row: _TYPES[row.kind]),
        "OWNER_ID": Column("int", lambda row: row.deal),
        "CREATED_TIME": Column("moment", lambda row: row.at),
        "CATEGORY_ID": Column("int", lambda row: category_of(base, row.pipeline)),
        "STAGE_SEMANTIC_ID": Column("text", semantic),
        "STAGE_ID": Column("text", lambda row: stage_key(base, row.pipeline, row.stage)),
    }

    def show(row: StageRow, names: list[str]) -> dict[str, Any]:
        values = {name: columns[name].get(row) for name in dict.fromkeys(names) if name in columns}
        return values | ({"CREATED_TIME": call.told(row.at)} if "CREATED_TIME" in values else {})

    answer = run(call, columns, lambda after: base.stage_rows[max(after, 0) :], show, id_name="ID")
    return Answer({"items": answer.result}, answer.total, answer.next)
