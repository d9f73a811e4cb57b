"""What a click on a button of a configurable activity tells its application (bitrix24.md 6.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.bitrix24.call import READINGS
from connector.sandbox.bitrix24.columns import KINDS
from connector.sandbox.config import PortalConfig
from connector.sandbox.records import Change

EVENT = "ONCRMTIMELINEITEMACTION"
TYPE_IDS = {kind: number for number, kind in KINDS.items()}


@dataclass(frozen=True)
class Click:
    """One event, meant for the application that owns the record and for nobody else."""

    application: str
    """Its client id."""
    data: dict[str, Any]
    """The `data` of the event's body."""
    by: int
    """Who clicked: `auth[user_id]`."""


def click_of(base: Base, config: PortalConfig, change: Change) -> Click | None:
    """The click that a change of kind `activity` and word `pressed` was; None for every other change."""
    if change.kind != "activity" or change.what != "pressed":
        return None
    readings = READINGS | config.readings
    plan = base.plans[change.of]
    kind, number = plan.card
    context: dict[str, Any] = {
        "id": change.after["action"],
        "entityTypeId": TYPE_IDS[kind],
        "entityId": number,
        "activityId": plan.id,
    }
    if readings["click_tells_user"]:
        context["userId"] = change.by
    told = dict(change.after["params"]) | context
    return Click(plan.app or "", {"FIELDS": told} if readings["click_in_fields"] else told, change.by)
