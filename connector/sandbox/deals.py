"""Deals: pipelines, stages, moves and the stage history."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.custom_fields import CustomFields
from connector.sandbox.records import Card, CardKind, Deal, Pipeline, Stage, StageRow


class Deals(CustomFields):
    """The cards with pipelines."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.pipelines: dict[int, Pipeline] = {}
        self.stage_rows: list[StageRow] = []
        self.loss_reasons: dict[int, str] = {}

    def deal(self, deal_id: int) -> Deal:
        """A deal that is not deleted.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        found = self.card("deal", deal_id)
        assert isinstance(found, Deal)
        return found

    def stage(self, deal: Deal) -> Stage:
        """The stage a deal stands in."""
        return next(stage for stage in self.pipelines[deal.pipeline].stages if stage.id == deal.stage)

    def add_deal(
        self,
        title: str,
        *,
        pipeline: int,
        stage: int,
        company: int | None = None,
        contacts: list[int] | None = None,
        amount: int = 0,
        currency: str = "RUB",
        owner: int = 0,
        by: int = 0,
        at: datetime | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Deal:
        """A new deal with its first row in the stage history."""
        with self.editing():
            origin = self._origin(owner, by, at, fields)
            made = Deal(
                id=self.new_id("deal"),
                title=title,
                pipeline=pipeline,
                stage=stage,
                company=company,
                contacts=list(contacts or ()),
                amount=amount,
                currency=currency,
                moved=origin["created"],
                moved_by=by,
                **origin,
            )
            made.closed = made.created if self.stage(made).semantic != "open" else None
            self.deals[made.id] = made
            self._note_new("deal", made)
            self._add_stage_row(made, None, kind="created", by=by, at=made.created)
            return made

    def move_deal(
        self,
        deal_id: int,
        pipeline: int,
        stage: int,
        *,
        by: int = 0,
        loss_reason: int | None = None,
        at: datetime | None = None,
    ) -> Deal:
        """Move a deal to a stage; nothing happens when it stands there already.

        Raises:
            UnknownRecord: no such deal, or no such stage in that pipeline.
        """
        with self.editing():
            deal, moment = self.deal(deal_id), self.moment(at)
            if pipeline not in self.pipelines or all(one.id != stage for one in self.pipelines[pipeline].stages):
                raise UnknownRecord(f"stage {stage} of pipeline {pipeline}")
            before = (deal.pipeline, deal.stage)
            if before == (pipeline, stage):
                return deal
            deal.pipeline, deal.stage = pipeline, stage
            semantic = self.stage(deal).semantic
            deal.moved = deal.updated = moment
            deal.moved_by = deal.updated_by = by
            deal.closed = None if semantic == "open" else moment
            deal.loss_reason = loss_reason if semantic == "lost" else None
            row: Literal["pipeline", "moved", "final"] = "moved" if semantic == "open" else "final"
            self._add_stage_row(deal, before, kind="pipeline" if before[0] != pipeline else row, by=by, at=moment)
            self.note(
                "moved",
                "deal",
                deal.id,
                by=by,
                at=moment,
                before={"pipeline": before[0], "stage": before[1]},
                after={"pipeline": pipeline, "stage": stage},
            )
            return deal

    def update_card(
        self,
        kind: CardKind,
        card_id: int,
        *,
        by: int = 0,
        fields: dict[str, Any] | None = None,
        at: datetime | None = None,
        **attributes: Any,
    ) -> Card:
        """As for any card; the attributes `pipeline` and `stage` of a deal move it, in the same save.

        Raises:
            UnknownRecord: no such card, or no such stage.
        """
        with self.editing():
            if kind == "deal" and ("stage" in attributes or "pipeline" in attributes):
                deal = self.deal(card_id)
                pipeline = attributes.pop("pipeline", deal.pipeline)
                self.move_deal(card_id, pipeline, attributes.pop("stage", deal.stage), by=by, at=at)
            return super().update_card(kind, card_id, by=by, fields=fields, at=at, **attributes)

    def _add_stage_row(
        self,
        deal: Deal,
        previous: tuple[int, int] | None,
        *,
        kind: Literal["created", "moved", "final", "pipeline"],
        by: int,
        at: datetime,
    ) -> None:
        row = StageRow(
            id=self.new_id("stage row"),
            deal=deal.id,
            at=at,
            pipeline=deal.pipeline,
            stage=deal.stage,
            previous=previous,
            kind=kind,
            by=by,
        )
        self.stage_rows.append(row)
