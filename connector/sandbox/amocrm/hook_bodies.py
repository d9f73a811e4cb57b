"""What webhooks say of a change, in the old format of API v2 (facts/amocrm.md 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connector.sandbox.amocrm.account import NUMBER, SINGULAR, Account, unix
from connector.sandbox.amocrm.fields import NEUTRAL, Field, fields_of, values_of
from connector.sandbox.amocrm.hook_others import of_chat, of_customer, of_element, of_moved_by_hand, of_unsorted
from connector.sandbox.amocrm.notes import Note, note_of_activity, note_of_comment
from connector.sandbox.amocrm.rings import Ring
from connector.sandbox.amocrm.tasks import Shown, shown_meeting, shown_task
from connector.sandbox.records import Activity, Card, CardKind, Change, Company, Contact, Deal

BOUND: dict[str, int] = {**{str(kind): number for kind, number in NUMBER.items()}, "customer": 12}
"""`element_type` of what a task is bound to."""
NOTE_NUMBER = {"common": 4, "call_in": 10, "call_out": 11, "amomail_message": 15}
"""`note_type` of a webhook; everything else is 25, a service message."""


def rings_of(account: Account, change: Change) -> list[Ring]:
    """Everything a change is told as; hold the base's lock."""
    if change.kind in ("deal", "contact", "company"):
        return list(_of_card(account, change))
    if change.kind == "task":
        task = account.base.tasks[change.of]
        return list(_of_task(account, change, shown_task(task)))
    if change.kind == "comment" and change.what == "added":
        return list(_of_note(account, note_of_comment(account, account.base.comments[change.of])))
    if change.kind == "activity":
        return list(_of_activity(account, change, account.base.activities[change.of]))
    others = {"customer": of_customer, "unsorted": of_unsorted, "element": of_element}
    return list(others[change.kind](account, change)) if change.kind in others else []


def _of_card(account: Account, change: Change) -> Iterator[Ring]:
    kind: CardKind = change.kind  # type: ignore[assignment]  # one of the three, see rings_of
    entity = "leads" if kind == "deal" else "contacts"
    single = SINGULAR[kind]
    card: Card = account.pile(kind)[change.of]
    if change.what == "deleted":
        yield Ring((f"delete_{single}",), entity, "delete", _gone(account, card))
    elif change.what in ("added", "restored"):
        action = "add" if change.what == "added" else "restore"
        if not (isinstance(card, Deal) and account.is_unsorted(card)) or account.says("unsorted_rings_lead"):
            yield Ring((f"{action}_{single}",), entity, action, _card(account, card))
    elif change.what == "moved":
        yield from _of_move(account, change, card)
    elif change.what == "owner":
        body = _card(account, card, **{**_stale(account, card), "old_responsible_user_id": change.before["owner"]})
        if kind == "deal":
            yield Ring(("responsible_lead",), entity, "responsible", body)
        elif account.says("contacts_responsible_action"):
            yield Ring((f"responsible_{single}",), entity, "responsible", body)
        else:
            yield Ring((f"update_{single}", f"responsible_{single}"), entity, "update", body)
    else:
        yield Ring((f"update_{single}",), entity, "update", _card(account, card, **_stale(account, card)))


def _of_move(account: Account, change: Change, card: Card) -> Iterator[Ring]:
    before = account.stage(change.before["pipeline"], change.before["stage"])
    left = account.status_of(change.before["pipeline"], change.before["stage"])
    account.kept.left_status[card.id] = left
    body = _card(account, card, old_status_id=left)
    if not (before and before.unsorted) or account.says("accept_rings_status"):
        yield Ring(("status_lead",), "leads", "status", body)
    if account.says("move_sends_update"):
        yield Ring(("update_lead",), "leads", "update", body)
    if before and before.unsorted:
        yield from of_moved_by_hand(account, change)


def _stale(account: Account, card: Card) -> dict[str, int]:
    """Old keys that prove nothing: the last status left, the owner as he was and is."""
    if not account.says("stale_old_keys"):
        return {}
    if isinstance(card, Deal):
        left = account.kept.left_status.get(card.id)
        return {} if left is None else {"old_status_id": left}
    return {"old_responsible_user_id": card.owner}


def _card(account: Account, card: Card, **old: int) -> dict[str, Any]:
    """The whole card; empty keys are left out, as PHP leaves them out."""
    shared = {
        "responsible_user_id": card.owner,
        **old,
        "last_modified": unix(card.updated),
        "modified_user_id": card.updated_by,
        "created_user_id": card.created_by,
        "date_create": unix(card.created),
        "account_id": account.id,
    }
    times = {"created_at": unix(card.created), "updated_at": unix(card.updated)}
    if isinstance(card, Deal):
        own = {
            "id": card.id,
            "name": card.title,
            "status_id": account.status_of(card.pipeline, card.stage),
            "price": card.amount,
            "pipeline_id": card.pipeline,
        }
        told = {"tags": _tags(account, "deal", card), "custom_fields": _custom_fields(account, "deal", card)}
        return {**own, **shared, **told, **times}
    if isinstance(card, Company):
        return {
            "id": card.id,
            "name": card.title,
            **shared,
            "tags": _tags(account, "company", card),
            "custom_fields": _custom_fields(account, "company", card),
            **times,
            "type": "company",
        }
    assert isinstance(card, Contact)
    firm = account.base.companies.get(card.company_ids[0]) if card.company_ids else None
    leads = [deal.id for deal in account.base.deals.values() if card.id in deal.contacts and not deal.deleted]
    return {
        "id": card.id,
        "name": card.title,
        **shared,
        "company_name": firm.title if firm else None,
        "linked_company_id": firm.id if firm else None,
        "linked_leads_id": {number: {"ID": number} for number in leads},
        "tags": _tags(account, "contact", card),
        "custom_fields": _custom_fields(account, "contact", card),
        **times,
        "type": "contact",
    }


def _gone(account: Account, card: Card) -> dict[str, Any]:
    """Of a card in the bin only what names it."""
    if isinstance(card, Deal):
        status = account.status_of(card.pipeline, card.stage)
        return {"id": card.id, "status_id": status, "pipeline_id": card.pipeline}
    return {"id": card.id, "type": "company" if isinstance(card, Company) else "contact"}


def _tags(account: Account, kind: CardKind, card: Card) -> list[dict[str, Any]]:
    numbers = account.kept.tagged.get((kind, card.id), ())
    return [{"id": one, "name": account.kept.tags[kind][one]} for one in numbers]


def _custom_fields(account: Account, kind: CardKind, card: Card) -> list[dict[str, Any]]:
    return [
        {"id": field.id, "name": field.name, "code": field.code, "values": _values(account, field, value)}
        for field in fields_of(account, kind)
        if (value := field.value(card)) is not None
    ]


def _values(account: Account, field: Field, value: Any) -> Any:
    """The odd shapes of values: a date is bare, a radio button is no list, an enum has no `_id`."""
    shown = values_of(account, field, value)
    if field.type == "multitext":
        return [{"value": one["value"], "enum": one["enum_id"]} for one in shown]
    if field.type == "birthday":
        return [{"value": f"{value:%d.%m.%Y}"}]
    if NEUTRAL[field.type] == "date":
        return [one["value"] for one in shown]
    if NEUTRAL[field.type] == "choice":
        chosen = [{"value": one["value"], "enum": one["enum_id"]} for one in shown]
        return chosen[0] if field.type == "radiobutton" else chosen
    return shown


def _of_task(account: Account, change: Change, task: Shown) -> Iterator[Ring]:
    if change.what == "deleted":
        yield Ring(("delete_task",), "task", "delete", {"id": task.id})
        return
    body = _task(account, task)
    if change.what == "added":
        yield Ring(("add_task",), "task", "add", body)
        return
    closed = change.what == "completed" or bool(change.after.get("completed"))
    body |= {"action_close": int(closed), "old_text": change.before.get("text", task.text)}
    if task.result:
        body["result"] = {"id": 20_000_000 + change.id, "text": task.result}
    if "assignee" in change.after:
        body |= {
            "main_user": task.owner,
            "modified_by": change.by,
            "old_responsible_user_id": change.before["assignee"],
        }
    settings = ("update_task", "responsible_task") if "assignee" in change.after else ("update_task",)
    yield Ring(settings, "task", "update", body)


def _task(account: Account, task: Shown) -> dict[str, Any]:
    kind, card = task.card or (None, 0)
    return {
        "id": task.id,
        "element_id": card,
        "element_type": BOUND[kind] if kind else 0,
        "task_type": task.type,
        "date_create": _words(task.created),
        "text": task.text,
        "status": int(task.done),
        "account_id": account.id,
        "created_user_id": task.by,
        "last_modified": _words(task.updated),
        "responsible_user_id": task.owner,
        "complete_till": _words(task.due) if task.due else None,
        "created_at": unix(task.created),
        "updated_at": unix(task.updated),
        "complete_before": unix(task.due) if task.due else None,
    }


def _of_activity(account: Account, change: Change, activity: Activity) -> Iterator[Ring]:
    if activity.kind == "meeting":
        yield from _of_task(account, change, shown_meeting(activity))
    elif activity.kind == "chat" and change.what == "added":
        yield from of_chat(account, activity)
    elif change.what == "added" and (note := note_of_activity(account, activity)):
        yield from _of_note(account, note)


def _of_note(account: Account, note: Note) -> Iterator[Ring]:
    kind, card = note.card
    moment = unix(note.created)
    body = {
        "id": note.id,
        "text": note.params.get("text"),
        "attachement": "",  # spelled so by amoCRM
        "note_type": NOTE_NUMBER.get(note.type, 25),
        "element_type": NUMBER[kind],
        "element_id": card,
        "date_create": _words(note.created),
        "timestamp_x": _words(note.updated),
        "account_id": account.id,
        "created_by": note.by,
        "modified_by": note.by,
        "main_user_id": note.by,
        "group_id": 0,
        "created_at": moment,
        "updated_at": unix(note.updated),
    }
    whole = {"note": body} if kind == "deal" else {"note": body, "type": SINGULAR[kind]}
    yield Ring((f"note_{SINGULAR[kind]}",), "leads" if kind == "deal" else "contacts", "note", whole)


def _words(moment: datetime) -> str:
    """The sheet's "YYYY-MM-DD HH:MM:SS", in UTC as in the task examples."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
