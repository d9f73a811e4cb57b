"""The seven feeds of a Bitrix24 portal and how they are read to their ends: chains of pages inside one batch.

Source: facts/bulk.md 2 and 8. A page asks for ids above the last id of the page before it, which in the same batch is
`$result[page before][…][49][id]`. The first page that is not full is the end; whatever follows it in the batch is
thrown away, because what an unresolved reference turns into is not documented.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from connector.crm.bitrix24.api import BATCH_LIMIT, Answers, Command
from connector.crm.bitrix24.mapping import ENTITY_TYPES, MULTI_FIELDS, SYSTEM_FIELDS, TAG
from connector.crm.bitrix24.values import moment
from connector.crm.port import FactKind, Wanted
from connector.errors import CrmError, Refused

PAGE: Final = 50
TIME_OVERLAP: Final = timedelta(minutes=2)
ID_OVERLAP: Final = 200
"""Rows below the cursor that are read again: a low id may become visible after a higher one."""
READ_SECONDS: Final = 25.0
"""How long a batch of pages should take at most; the portal cuts at 60 s."""

ACTIVITY_SELECT: Final = (
    *("ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "PROVIDER_ID", "PROVIDER_TYPE_ID", "DIRECTION", "COMPLETED"),
    *("STATUS", "START_TIME", "END_TIME", "CREATED", "LAST_UPDATED", "RESPONSIBLE_ID", "SETTINGS", "BINDINGS"),
    *("COMMUNICATIONS", "ASSOCIATED_ENTITY_ID"),
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

    def command(self, after: int | str, since: str | None) -> Command:
        """The page that begins above an id (or above a reference to one)."""
        narrow = {self.since: since} if self.since and since else {}
        asked = {**self.asked, "filter": {**self.asked.get("filter", {}), **narrow, f">{self.key}": after}}
        return Command(self.method, {**asked, "order": {self.key: "ASC"}, "start": -1})

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
    names = getattr(wanted, kind)
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


@dataclass(slots=True)
class Run:
    """The reading of one feed, from its cursor to its end."""

    feed: Feed
    cursor: str | None
    after: int = 0
    since: str | None = None
    began: datetime | None = None
    """The portal's clock at the first batch: the next cursor of a feed by time."""
    ended: bool = False
    error: CrmError | None = None
    _pages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.feed.since is not None:
            self.since = moment(self.cursor)
        elif self.cursor and self.cursor.isdecimal():
            self.after = max(0, int(self.cursor) - ID_OVERLAP)

    def commands(self, longest: int) -> dict[str, Command]:
        """A chain of pages for the next batch."""
        calm = self.began is None and self.cursor is not None
        if calm:  # what is expected: one page, or the overlap and one page
            longest = min(longest, 1 if self.feed.since else ID_OVERLAP // PAGE + 1)
        self._pages = [f"{self.feed.name}_{number}" for number in range(longest)]
        chain: dict[str, Command] = {}
        after: int | str = self.after
        for page in self._pages:
            chain[page] = self.feed.command(after, self.since)
            after = self.feed.reference(page)
        return chain

    def take(self, answers: Answers) -> list[Mapping[str, Any]]:
        """The rows that the batch brought; sets `ended` at the end of the feed, `error` when its first page failed."""
        if self.began is None:
            self.began = answers.at
        taken: list[Mapping[str, Any]] = []
        for number, page in enumerate(self._pages):
            answer = answers.by_key[page]
            if answer.error is not None:
                if number == 0:
                    self.error = answer.error
                break  # a later page is simply asked for again, as a first one
            rows = self.feed.rows_of(answer.result)
            if rows and int(rows[0][self.feed.id]) <= self.after:
                if number == 0:  # never read in a circle
                    self.error = Refused("the list does not honour its filter by id", call=self.feed.method)
                break
            taken += rows
            if rows:
                self.after = int(rows[-1][self.feed.id])
            if len(rows) < PAGE:
                self.ended = True
                break
        return taken

    def new_cursor(self) -> str | None:
        """What may be remembered now; None: nothing new."""
        if self.feed.since is None:
            known = int(self.cursor) if self.cursor and self.cursor.isdecimal() else 0
            return str(max(self.after, known))
        if not self.ended or self.began is None:
            return None
        return (self.began - TIME_OVERLAP).isoformat(timespec="seconds")


BatchReader = Callable[[Mapping[str, Command]], Answers]


def read_feeds(
    runs: Collection[Run], read: BatchReader, more: Mapping[str, Command]
) -> Iterator[tuple[Answers, list[tuple[Run, list[Mapping[str, Any]]]]]]:
    """Read all runs side by side, one batch a step, until each has ended or failed; `more` rides in the first batch."""
    pending = list(runs)
    fitting = BATCH_LIMIT
    while pending or more:
        longest = max(1, min(fitting, BATCH_LIMIT - len(more)) // max(1, len(pending)))
        commands = dict(more)
        for run in pending:
            commands |= run.commands(longest)
        answers = read(commands)
        times = [answer.seconds for answer in answers.by_key.values() if answer.seconds]
        fitting = int(READ_SECONDS * len(times) / sum(times)) if times else BATCH_LIMIT
        yield answers, [(run, run.take(answers)) for run in pending]
        pending = [run for run in pending if not run.ended and run.error is None]
        more = {}
