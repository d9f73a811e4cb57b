"""The paid filter of leads, contacts and companies (facts/amocrm.md 2)."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from connector.sandbox.amocrm.account import Account, unix
from connector.sandbox.amocrm.fields import fields_of, values_of
from connector.sandbox.amocrm.query import Query
from connector.sandbox.records import Card, CardKind, Contact, Deal

T = TypeVar("T")
Span = tuple[int | None, int | None]
IDS = ("id", "responsible_user_id", "created_by", "updated_by", "pipeline_id")
SPANS = ("created_at", "updated_at", "closed_at", "closest_task_at", "price")


class CardFilter:
    """The filters of one request; unknown ones are ignored.

    Raises:
        Problem: 400, a value that is no number where one is needed.
    """

    def __init__(self, account: Account, kind: CardKind, query: Query) -> None:
        self._account = account
        self._kind = kind
        self._ids = _sent({name: query.ids("filter", name) for name in IDS})
        self._names = query.many("filter", "name")
        self._spans = _sent({name: query.span("filter", name) for name in SPANS})
        self._statuses = [
            (pair.get("pipeline_id"), pair.get("status_id")) for pair in query.pairs_at("filter", "statuses")
        ]
        self._nearest = account.closest_tasks() if "closest_task_at" in self._spans else {}
        fields = {str(one.id): one for one in fields_of(account, kind)}
        sent = _sent({number: query.many("filter", "custom_fields_values", number) for number in fields})
        self._values = [(fields[number], set(wanted)) for number, wanted in sent.items()]

    def takes(self, card: Card) -> bool:
        """Whether a card passes."""
        return (
            all(self._number(card, name) in wanted for name, wanted in self._ids.items())
            and (self._names is None or self._title(card) in self._names)
            and all(_within(span, self._moment(card, name)) for name, span in self._spans.items())
            and (not self._statuses or self._place(card) in self._statuses)
            and all(self._has(card, number) for number in range(len(self._values)))
        )

    def _number(self, card: Card, name: str) -> int | None:
        if name == "pipeline_id":
            return card.pipeline if isinstance(card, Deal) else None
        numbers = {"id": card.id, "responsible_user_id": card.owner, "created_by": card.created_by}
        return numbers.get(name, card.updated_by)

    def _title(self, card: Card) -> str:
        return card.title if isinstance(card, (Deal, Contact)) else str(getattr(card, "title", ""))

    def _moment(self, card: Card, name: str) -> int | None:
        if name == "closest_task_at":
            return self._nearest.get((self._kind, card.id))
        if name == "price":
            return card.amount if isinstance(card, Deal) else None
        closed: datetime | None = card.closed if isinstance(card, Deal) else None
        moment = {"created_at": card.created, "updated_at": card.updated}.get(name, closed)
        return unix(moment) if moment else None

    def _place(self, card: Card) -> tuple[str | None, str | None]:
        if not isinstance(card, Deal):
            return None, None
        return str(card.pipeline), str(self._account.status_of(card.pipeline, card.stage))

    def _has(self, card: Card, number: int) -> bool:
        field, wanted = self._values[number]
        value = field.value(card)
        shown = [] if value is None else values_of(self._account, field, value)
        return any({str(one.get("value")), str(one.get("enum_id"))} & wanted for one in shown)


def _within(span: Span, value: int | None) -> bool:
    return value is not None and (span[0] or value) <= value <= (span[1] or value)


def _sent(filters: dict[str, T | None]) -> dict[str, T]:
    """Only those that the request has."""
    return {name: wanted for name, wanted in filters.items() if wanted is not None}
