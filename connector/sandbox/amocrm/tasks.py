"""Tasks: the base's own, and its meetings, which amoCRM keeps as tasks of type 2 (facts/amocrm.md 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account, moment_of, task_words, unix
from connector.sandbox.amocrm.answers import hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.customers import alive, need_customers
from connector.sandbox.amocrm.face import Face, asked_query, is_number, sent_array, sent_object
from connector.sandbox.amocrm.notes import card_of
from connector.sandbox.amocrm.problems import Problem, missing, not_supported, wrong_type
from connector.sandbox.records import Activity, CardKind, Task

Bound = CardKind | Literal["customer"]
PLURALS: dict[str, str] = {**{str(kind): name for kind, name in PLURAL.items()}, "customer": "customers"}
"""Of what tasks may be bound to."""
MEETING_IDS = 1_000_000
"""Added to the id of a meeting, which the base keeps among its communications."""
MEETING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A task as amoCRM has it."""

    id: int
    of: Literal["task", "activity"]
    text: str
    card: tuple[Bound, int] | None
    type: int
    owner: int
    by: int
    updated_by: int
    created: datetime
    updated: datetime
    due: datetime | None
    duration: int
    done: bool
    result: str


def shown_task(task: Task) -> Shown:
    """A task of the base."""
    return Shown(
        id=task.id,
        of="task",
        text=task_words(task),
        card=_card_of(task),
        type=task.type,
        owner=task.assignee,
        by=task.creator,
        updated_by=task.closed_by or task.creator,
        created=task.created,
        updated=task.updated,
        due=task.due,
        duration=int(task.extra.get("duration", 0)),
        done=not task.open,
        result=task.result,
    )


def _card_of(task: Task) -> tuple[Bound, int] | None:
    """The one card of a task; a buyer is no card of the base."""
    if task.cards:
        return task.cards[0]
    return ("customer", task.extra["customer"]) if "customer" in task.extra else None


def shown_meeting(meeting: Activity) -> Shown:
    """A meeting of the base; done once it took place."""
    return Shown(
        id=MEETING_IDS + meeting.id,
        of="activity",
        text=meeting.subject or "Встреча",
        card=card_of(meeting),
        type=MEETING,
        owner=meeting.by,
        by=0 if meeting.robot else meeting.by,
        updated_by=meeting.by,
        created=meeting.created,
        updated=meeting.updated,
        due=meeting.at,
        duration=meeting.seconds,
        done=meeting.completed,
        result=meeting.subject if meeting.completed else "",
    )


def all_tasks(account: Account) -> Iterator[Shown]:
    """Every task that was not deleted."""
    yield from (shown_task(task) for task in account.base.tasks.values() if not task.deleted)
    for activity in account.base.activities.values():
        if activity.kind == "meeting" and not activity.deleted:
            yield shown_meeting(activity)


def add_tasks(face: Face) -> None:
    """Hang up the calls about tasks."""
    keeper = _Keeper(face.account)
    face.on("GET", "tasks", keeper.several)
    face.on("GET", "tasks/<int:number>", keeper.one)
    face.on("POST", "tasks", keeper.create)
    face.on("PATCH", "tasks", keeper.change_many)
    face.on("PATCH", "tasks/<int:number>", keeper.change)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def several(self) -> Response:
        """A page of tasks; these filters are free."""
        query = asked_query()
        ids, of = query.ids("filter", "id"), query.ids("filter", "entity_id")
        owners, makers = query.ids("filter", "responsible_user_id"), query.ids("filter", "created_by")
        types = query.ids("filter", "task_type") or query.ids("filter", "task_type_id")
        entity, done = query.many("filter", "entity_type"), query.many("filter", "is_completed")
        begin, end = query.span("filter", "updated_at") or (None, None)
        if of is not None and not entity:
            raise Problem(400, "filter[entity_type] is required with filter[entity_id]")
        kinds = {kind for kind, plural in PLURALS.items() if plural in (entity or ())}
        with self._base.lock:
            rows = [
                task
                for task in all_tasks(self._account)
                if (ids is None or task.id in ids)
                and (owners is None or task.owner in owners)
                and (types is None or task.type in types)
                and (makers is None or task.by in makers)
                and (done is None or task.done in {one in ("1", "true") for one in done})
                and (entity is None or (task.card is not None and task.card[0] in kinds))
                and (of is None or (task.card is not None and task.card[1] in of))
                and (begin or 0) <= unix(task.updated) <= (end or unix(task.updated))
            ]
        field, descending = query.order(("created_at", "complete_till", "id")) or ("id", False)
        rows.sort(key=lambda task: (_place(task, field), task.id), reverse=descending)
        return page_of(self._account, query, "tasks", rows, self._model)

    def one(self, number: int) -> Response:
        """One task; 204 when there is none, or it was deleted."""
        with self._base.lock:
            found = next((task for task in all_tasks(self._account) if task.id == number), None)
            return hal(self._model(found)) if found else nothing()

    def create(self) -> Response:
        """New tasks; `request_id` is echoed and forgotten."""
        sent = sent_array(self._account)
        plans = judged(sent, lambda one: self._plan(one, new=True))
        rows = []
        for place, (one, plan) in enumerate(zip(sent, plans, strict=True)):
            number = self._add(plan)
            rows.append(
                {
                    "id": number,
                    "request_id": str(one.get("request_id", place)),
                    "_links": self._account.link(f"tasks/{number}"),
                }
            )
        return written(self._account, "tasks", "tasks", rows)

    def change_many(self) -> Response:
        """Changes of several tasks, each with its `id`."""
        sent = sent_array(self._account)
        plans = judged(sent, self._plan_known)
        rows = [self._apply(one["id"], plan, one) for one, plan in zip(sent, plans, strict=True)]
        return written(self._account, "tasks", "tasks", rows)

    def change(self, number: int) -> Response:
        """Changes of one task; only sent keys change."""
        one = sent_object()
        (plan,) = judged([one], lambda sent: self._plan(sent, new=False))
        return hal(self._apply(number, plan, one))

    def _plan_known(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The plan of one object of a PATCH array, which must name a task that is there."""
        number = sent.get("id")
        if not isinstance(number, int):
            raise missing("id")
        if number < MEETING_IDS and (number not in self._base.tasks or self._base.tasks[number].deleted):
            raise not_supported("id")
        return self._plan(sent, new=False)

    def _plan(self, sent: dict[str, Any], *, new: bool) -> dict[str, Any]:
        """What a sent task means, by the base's attribute names; `done` and `result` apart."""
        plan, extra = dict[str, Any](), dict[str, Any]()
        for name in ("text", "complete_till") if new else ():
            if sent.get(name) in (None, ""):
                raise missing(name)
        if "text" in sent:
            words = str(sent["text"])
            plan |= {"title": words.split("\n", 1)[0], "text": words}
        if "complete_till" in sent:
            if not is_number(sent["complete_till"]):
                raise wrong_type("complete_till", "int")
            plan["due"] = moment_of(sent["complete_till"])
        if "responsible_user_id" in sent:
            if sent["responsible_user_id"] not in self._base.users:
                raise not_supported("responsible_user_id")
            plan["assignee"] = sent["responsible_user_id"]
        if "task_type_id" in sent:
            if sent["task_type_id"] not in self._base.task_types:
                raise not_supported("task_type_id")
            plan["type"] = sent["task_type_id"]
        if "duration" in sent:
            extra["duration"] = int(sent["duration"] or 0)
        if sent.get("entity_id") is not None and sent.get("entity_type") == "customers":
            extra["customer"] = self._customer(sent["entity_id"])
        elif sent.get("entity_id") is not None:
            plan["cards"] = [self._card(sent)]
        if extra:
            plan["extra"] = extra
        if sent.get("is_completed") is not None:
            plan["done"] = bool(sent["is_completed"])
        result = sent.get("result")
        if isinstance(result, dict) and result.get("text"):
            plan["result"] = str(result["text"])
        return plan

    def _customer(self, number: Any) -> int:
        need_customers(self._account)
        if number not in {one.id for one in alive(self._account)}:
            raise not_supported("entity_id")
        return int(number)

    def _card(self, sent: dict[str, Any]) -> tuple[CardKind, int]:
        kind = KIND_OF.get(str(sent.get("entity_type")))
        if kind is None:
            raise not_supported("entity_type") if sent.get("entity_type") else missing("entity_type")
        try:
            return kind, self._base.card(kind, sent["entity_id"]).id
        except LookupError as error:
            raise not_supported("entity_id") from error

    def _add(self, plan: dict[str, Any]) -> int:
        by = self._account.token_user
        done, result = plan.pop("done", False), plan.pop("result", "")
        plan.setdefault("assignee", by)
        with self._base.editing():
            made = self._base.add_task(plan.pop("title"), by=by, **plan)
            if done:
                self._base.complete_task(made.id, by=by, result=result)
        return made.id

    def _apply(self, number: int, plan: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        by = self._account.token_user
        if number >= MEETING_IDS:
            changes = {"completed": plan["done"]} if "done" in plan else {}
            updated = self._base.update_activity(number - MEETING_IDS, by=by, **changes).updated
        else:
            updated = self._apply_to_task(number, dict(plan), by)
        echoed = {"request_id": str(sent["request_id"])} if "request_id" in sent else {}
        return {"id": number, "updated_at": unix(updated), **echoed, "_links": self._account.link(f"tasks/{number}")}

    def _apply_to_task(self, number: int, plan: dict[str, Any], by: int) -> datetime:
        done, result = plan.pop("done", None), plan.pop("result", "")
        with self._base.editing():
            if "extra" in plan:
                plan["extra"] = {**self._base.task(number).extra, **plan["extra"]}
            task = self._base.update_task(number, by=by, **plan)
            if done is True and task.open:
                self._base.complete_task(number, by=by, result=result)
            elif done is False:
                self._base.reopen_task(number, by=by)
            elif result:
                self._base.update_task(number, by=by, result=result)
            return task.updated

    def _model(self, task: Shown) -> dict[str, Any]:
        kind, card = task.card or (None, None)
        return {
            "id": task.id,
            "created_by": task.by,
            "updated_by": task.updated_by,
            "created_at": unix(task.created),
            "updated_at": unix(task.updated),
            "responsible_user_id": task.owner,
            "group_id": 0,
            "entity_id": card,
            "entity_type": PLURALS[kind] if kind else None,
            "duration": task.duration,
            "is_completed": task.done,
            "task_type_id": task.type,
            "text": task.text,
            "result": {"text": task.result} if task.result else [],  # PHP: an empty array
            "complete_till": _till(task),
            "account_id": self._account.id,
            "_links": self._account.link(f"tasks/{task.id}"),
        }


def _place(task: Shown, order: str) -> int:
    if order == "id":
        return task.id
    return unix(task.created) if order == "created_at" else _till(task) or 0


def _till(task: Shown) -> int | None:
    return unix(task.due) if task.due else None
