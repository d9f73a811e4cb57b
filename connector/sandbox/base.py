"""One portal's invented CRM: cards, communications, tasks, comments, and the ledger of all of it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Literal

from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.comments import Comments
from connector.sandbox.records import (
    Activity,
    CardKind,
    Department,
    RequestNote,
    Task,
    User,
)


class Base(Comments):
    """The whole of a portal. Thread-safe: writers hold `lock`, readers of more than one record take it too."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.users: dict[int, User] = {}
        self.departments: dict[int, Department] = {}
        self.activities: dict[int, Activity] = {}
        self.last_activity: dict[tuple[CardKind, int], datetime] = {}
        """By card: when its newest activity was recorded."""
        self.tasks: dict[int, Task] = {}
        self.task_fields: dict[str, dict[str, Any]] = {}
        """Own fields of tasks that were made over the API: name → definition, in Bitrix24's words."""
        self.task_types: dict[int, str] = {1: "Связаться", 2: "Встреча"}
        self.requests: deque[RequestNote] = deque(maxlen=100_000)
        self.webhooks: Counter[str] = Counter()

    # communications

    def add_activity(
        self,
        kind: Literal["call", "email", "meeting", "chat"],
        *,
        direction: Literal["in", "out"] = "out",
        at: datetime | None = None,
        seconds: int = 0,
        answered: bool = True,
        completed: bool = True,
        by: int = 0,
        subject: str = "",
        company: int | None = None,
        contact: int | None = None,
        deal: int | None = None,
        robot: bool = False,
        created: datetime | None = None,
    ) -> Activity:
        """A call, mail, meeting or chat message that began `at`; recorded at its end unless `created` says when."""
        with self.editing():
            began = self.moment(at)
            ends = began + timedelta(seconds=seconds)
            moment = created or ends
            made = Activity(
                id=self.new_id("activity"),
                kind=kind,
                direction=direction,
                at=began,
                ends=ends,
                seconds=seconds,
                answered=answered,
                completed=completed,
                by=by,
                subject=subject,
                company=company,
                contact=contact,
                deal=deal,
                created=moment,
                updated=moment,
                robot=robot,
            )
            self.activities[made.id] = made
            bound: list[tuple[CardKind, int | None]] = [("company", company), ("contact", contact), ("deal", deal)]
            for card, of in bound:
                if of:
                    self.last_activity[card, of] = max(moment, self.last_activity.get((card, of), moment))
            after = {"kind": kind, "direction": direction, "company": company, "contact": contact, "deal": deal}
            self.note("added", "activity", made.id, by=by, at=moment, after=after)
            return made

    def update_activity(self, activity_id: int, *, by: int = 0, **changes: Any) -> Activity:
        """Change an activity by attribute name; nothing is saved where nothing changes.

        Raises:
            UnknownRecord: no such activity.
        """
        with self.editing():
            found = self.activities.get(activity_id)
            if found is None or found.deleted:
                raise UnknownRecord(f"activity {activity_id}")
            self._change("activity", found, changes, by=by)
            return found

    def delete_activity(self, activity_id: int, *, by: int = 0) -> None:
        """Delete a communication for good.

        Raises:
            UnknownRecord: no such activity.
        """
        with self.editing():
            found = self.activities.get(activity_id)
            if found is None or found.deleted:
                raise UnknownRecord(f"activity {activity_id}")
            found.deleted = True
            self.note("deleted", "activity", activity_id, by=by, at=self.clock.now())

    # tasks

    def task(self, task_id: int) -> Task:
        """A task that is not deleted.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        found = self.tasks.get(task_id)
        if found is None or found.deleted:
            raise UnknownRecord(f"task {task_id}")
        return found

    def add_task(
        self,
        title: str,
        *,
        assignee: int,
        by: int = 0,
        text: str = "",
        due: datetime | None = None,
        cards: list[tuple[CardKind, int]] | None = None,
        tags: list[str] | None = None,
        at: datetime | None = None,
        **more: Any,
    ) -> Task:
        """A new task; `more` are further attributes of `Task` (xml_id, type, watchers, checklist, creator, extra)."""
        with self.editing():
            moment = self.moment(at)
            made = Task(
                id=self.new_id("task"),
                title=title,
                text=text,
                assignee=assignee,
                due=due,
                cards=list(cards or ()),
                tags=list(tags or ()),
                created=moment,
                updated=moment,
                activity=self.new_id("activity"),
                **{"creator": by, **more},
            )
            self.tasks[made.id] = made
            self.note("added", "task", made.id, by=by, at=moment, after={"title": title, "assignee": assignee})
            return made

    def update_task(self, task_id: int, *, by: int = 0, **changes: Any) -> Task:
        """Change a task by attribute name; nothing is saved where nothing changes.

        Raises:
            UnknownRecord: no such task.
        """
        with self.editing():
            found = self.task(task_id)
            self._change("task", found, changes, by=by)
            return found

    def complete_task(self, task_id: int, *, by: int = 0, result: str = "", at: datetime | None = None) -> Task:
        """Close a task; a closed one stays as it is."""
        with self.editing():
            found, moment = self.task(task_id), self.moment(at)
            if found.open:
                found.open, found.closed, found.closed_by, found.updated = False, moment, by, moment
                found.result = result or found.result
                self.note("completed", "task", task_id, by=by, at=moment, after={"result": result})
            return found

    def reopen_task(self, task_id: int, *, by: int = 0) -> Task:
        """Open a closed task again."""
        with self.editing():
            found, moment = self.task(task_id), self.clock.now()
            if not found.open:
                found.open, found.closed, found.closed_by, found.updated = True, None, 0, moment
                found.progress = "waiting"
                self.note("reopened", "task", task_id, by=by, at=moment)
            return found

    def delete_task(self, task_id: int, *, by: int = 0) -> None:
        """Delete a task for good: it can't be read any more, the ledger still shows it."""
        with self.editing():
            self.task(task_id).deleted = True
            self.note("deleted", "task", task_id, by=by, at=self.clock.now())

    # what an observer counts

    def note_request(
        self,
        method: str,
        path: str,
        status: int,
        real_seconds: float,
        commands: int = 1,
        *,
        call: str = "",
        error: str = "",
    ) -> None:
        """Remember one API request; `path` must carry no secret."""
        self.requests.append(
            RequestNote(
                at=self.clock.now(),
                method=method,
                path=path,
                status=status,
                real_seconds=real_seconds,
                commands=commands,
                call=call,
                error=error,
            )
        )

    def note_hook(self, event: str, outcome: str) -> None:
        """Count one webhook; `outcome` is "answered 200", "unanswered" or "dropped"."""
        with self.lock:
            self.webhooks[f"{event} {outcome}"] += 1

    def ledger(self) -> dict[str, Any]:
        """Everything an observer counts: tasks, field writes, comments, notifications, requests; JSON-ready."""
        with self.lock:
            return {
                "portal": self.name,
                "crm": self.crm,
                "now": self.clock.now().isoformat(),
                "tasks": [plain(one) for one in self.tasks.values()],
                "plans": [plain(one) for one in self.plans.values()],
                "writes": [plain(one) for one in self.writes],
                "comments": [plain(one) for one in self.comments.values()],
                "notifications": [plain(one) for one in self.notifications.values()],
                "requests": [plain(one) for one in list(self.requests)],
                "webhooks": dict(self.webhooks),
            }

    def _change(self, kind: Literal["activity", "task"], record: Any, changes: dict[str, Any], *, by: int) -> None:
        before = {name: getattr(record, name) for name in changes}
        after = {name: value for name, value in changes.items() if before[name] != value}
        if not after:
            return
        for name, value in after.items():
            setattr(record, name, value)
        record.updated = self.clock.now()
        old = {name: before[name] for name in after}
        self.note("updated", kind, record.id, by=by, at=record.updated, before=old, after=after)


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON takes it: moments as ISO text with offset, tuples as lists."""
    return {name: _plain(value) for name, value in asdict(record).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
