"""Funnels, stages and the stage history in Bitrix24's words (facts/bitrix24.md 4.4, 4.5)."""

from __future__ import annotations

from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import Answer, Call, Refusal, method
from connector.sandbox.bitrix24.query import Column, run
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


@method("crm.status.list")
def status_list(call: Call) -> Answer:
    """The stages of all funnels, or of the one asked for by ENTITY_ID."""
    wanted = call.mapping("filter").get("ENTITY_ID")
    rows: list[dict[str, Any]] = []
    for pipeline in call.base.pipelines.values():
        category = category_of(call.base, pipeline.id)
        entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        if wanted and entity != wanted:
            continue
        for stage in shown_stages(pipeline):
            prefixed = category and call.reading("status_id_with_category")
            semantic = SEMANTIC[stage.semantic]
            rows.append(
                {
                    "ID": str(stage.id),
                    "ENTITY_ID": entity,
                    "STATUS_ID": f"C{category}:{stage.code}" if prefixed else stage.code,
                    "NAME": stage.title,
                    "NAME_INIT": "",
                    "SORT": str(stage.sort),
                    "SYSTEM": "Y" if stage.semantic == "won" or stage.code == "NEW" else "N",
                    "CATEGORY_ID": str(category),
                    "COLOR": "",
                    "SEMANTICS": None if semantic == "P" else semantic,
                    "EXTRA": {
                        "SEMANTICS": {"P": "process", "S": "success", "F": "failure"}[semantic],
                        "COLOR": "#ACE9FB",
                    },
                }
            )
    return Answer(rows, total=len(rows))


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
