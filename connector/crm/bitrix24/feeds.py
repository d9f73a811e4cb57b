"""The seven feeds of a Bitrix24 portal, and how a page of one is asked for. Source: facts/bulk.md 2 and 8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from connector.crm.bitrix24.api import Answers, Command
from connector.crm.bitrix24.mapping import ENTITY_TYPES, MULTI_FIELDS, SYSTEM_FIELDS, TAG, on_card
from connector.crm.port import FactKind, Wanted
from connector.errors import CrmError

PAGE: Final = 50

ACTIVITY_SELECT: Final = (
    *("ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "PROVIDER_ID", "PROVIDER_TYPE_ID", "DIRECTION", "COMPLETED"),
    *("STATUS", "START_TIME", "END_TIME", "CREATED", "LAST_UPDATED", "RESPONSIBLE_ID", "SETTINGS", "BINDINGS"),
    *("COMMUNICATIONS", "ASSOCIATED_ENTITY_ID", "ORIGINATOR_ID"),
)
STAGE_SELECT: Final = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_ID", "STAGE_SEMANTIC_ID")
TASK_SELECT: Final = (
    *("ID", "TITLE", "DESCRIPTION", "STATUS", "CREATED_DATE", "CHANGED_DATE", "CLOSED_DATE", "CLOSED_BY", "DEADLINE"),
    *("RESPONSIBLE_ID", "UF_CRM_TASK", "XML_ID", "TAGS"),
)


@dataclass(frozen=True, slots=True)
class Feed:
    """One list of the portal, read upwards by id."""

    name: str
    """Of its cursor."""
    kind: FactKind
    method: str
    rows: tuple[str, ...]
    """Where the rows lie in `result`."""
    id: str
    """The row's id in an answer; the filter and the order name it as `key`."""
    key: str
    since: str | None
    """The filter of a feed by time of change; None: a feed whose cursor is an id."""
    asked: Mapping[str, Any]
    """Parameters that never change."""

    def command(self, after: int | str, since: str | None, until: int | None = None) -> Command:
        """The page that begins above an id (or above a reference to one), and goes no further than `until`."""
        narrow: dict[str, Any] = {self.since: since} if self.since and since else {}
        if until is not None:
            narrow[f"<={self.key}"] = until
        asked = {**self.asked, "filter": {**self.asked.get("filter", {}), **narrow, f">{self.key}": after}}
        return Command(self.method, {**asked, "order": {self.key: "ASC"}, "start": -1})

    def newest(self, since: str | None) -> Command:
        """The page that begins with the highest id: it tells how far the way to the end is."""
        narrow = {self.since: since} if self.since and since else {}
        asked = {**self.asked, "select": [self.key], "filter": {**self.asked.get("filter", {}), **narrow}}
        return Command(self.method, {**asked, "order": {self.key: "DESC"}, "start": -1})

    def reference(self, page: str) -> str:
        """The last id of a full page of the same batch."""
        return f"$result[{page}]" + "".join(f"[{part}]" for part in (*self.rows, PAGE - 1, self.id))

    def rows_of(self, result: Any) -> list[Mapping[str, Any]]:
        """The rows of an answer; PHP writes an empty map as `[]`."""
        for part in self.rows:
            result = result.get(part, []) if isinstance(result, dict) else []
        return result if isinstance(result, list) else []


def card_select(kind: FactKind, wanted: Wanted) -> list[str]:
    """What to ask of a card; phones and mails come only with `*`."""
    names = [name for name in getattr(wanted, kind) if on_card(name)]
    if MULTI_FIELDS.keys() & set(names):
        return ["*", *SYSTEM_FIELDS[kind], *(name for name in names if name not in MULTI_FIELDS)]
    return list(dict.fromkeys((*SYSTEM_FIELDS[kind], *names)))


def card_list(kind: FactKind, wanted: Wanted) -> dict[str, Any]:
    """The unchanging parameters of a list of cards."""
    return {"entityTypeId": ENTITY_TYPES[kind], "useOriginalUfNames": "Y", "select": card_select(kind, wanted)}


def feeds(wanted: Wanted) -> tuple[Feed, ...]:
    """All seven, in the order in which judging needs them."""
    cards = [
        Feed(kind, kind, "crm.item.list", ("items",), "id", "id", ">=updatedTime", card_list(kind, wanted))
        for kind in ENTITY_TYPES
    ]
    history = {"entityTypeId": 2, "select": STAGE_SELECT}
    activity = {"select": ACTIVITY_SELECT}
    tasks = {"select": TASK_SELECT, "filter": {"TAG": TAG}}
    return (
        *cards,
        Feed("stage", "stage", "crm.stagehistory.list", ("items",), "ID", "ID", None, history),
        Feed("signal", "signal", "crm.activity.list", (), "ID", "ID", None, activity),
        Feed("signal_changed", "signal", "crm.activity.list", (), "ID", "ID", ">=LAST_UPDATED", activity),
        Feed("task", "task", "tasks.task.list", ("tasks",), "id", "ID", ">=CHANGED_DATE", tasks),
    )


BatchReader = Callable[[Mapping[str, Command]], Answers]


class PageReader(Protocol):
    """Reads batches of commands; several at once, where they do not hang together."""

    def __call__(self, commands: Mapping[str, Command], /) -> Answers:
        """One batch. Raises CrmError."""

    def side_by_side(self, batches: Sequence[Mapping[str, Command]]) -> Iterator[tuple[int, Answers]]:
        """Several, with their places as they are answered. Raises the first CrmError when the others are done."""

    def seconds(self, method: str) -> float | None:
        """How long one call of this method takes; None: not known yet."""

    def held_back(self, method: str) -> CrmError | None:
        """Why this method should not be called now; None: it may."""
