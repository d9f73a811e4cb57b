"""What webhooks say of incoming leads, buyers, list elements and conversations (facts/amocrm.md 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.sandbox.amocrm.account import NUMBER, SINGULAR, Account, unix
from connector.sandbox.amocrm.kept import Unsorted
from connector.sandbox.amocrm.notes import card_of
from connector.sandbox.amocrm.rings import Ring
from connector.sandbox.records import Activity, Change


def of_customer(account: Account, change: Change) -> Iterator[Ring]:
    """A buyer added, changed, deleted."""
    one = account.kept.customers[change.of]
    if change.what == "deleted":
        yield Ring(("delete_customer",), "customers", "delete", {"id": one.id})
        return
    old = {"old_responsible_user_id": change.before["owner"]} if change.what == "owner" else {}
    body = {
        "id": one.id,
        "name": one.name,
        "responsible_user_id": one.owner,
        **old,
        "status_id": one.status,
        "next_price": one.next_price,
        "next_date": unix(one.next_date) if one.next_date else None,
        "periodicity": one.periodicity,
        "created_by": one.created_by,
        "modified_by": one.updated_by,
        "account_id": account.id,
        "created_at": unix(one.created),
        "updated_at": unix(one.updated),
    }
    if change.what == "added":
        yield Ring(("add_customer",), "customers", "add", body)
    elif change.what == "owner":
        yield Ring(("responsible_customer",), "customers", "responsible", body)
    else:
        yield Ring(("update_customer",), "customers", "update", body)


def of_unsorted(account: Account, change: Change) -> Iterator[Ring]:
    """An incoming lead added, or gone: accepted or declined."""
    one = account.kept.unsorted[(change.after or change.before)["uid"]]
    if change.what == "deleted":
        yield _settled(one, change.after["action"], by=change.by)
        return
    action = "add" if change.what == "added" else "update"
    yield Ring((f"{action}_unsorted",), "unsorted", action, _unsorted(account, one))


def of_moved_by_hand(account: Account, change: Change) -> Iterator[Ring]:
    """An incoming lead that a person moves out of its stage is accepted by that."""
    for one in account.kept.unsorted.values():
        if one.lead == change.of and one.state == "waiting":
            yield _settled(one, "accept", by=change.by)


def _settled(one: Unsorted, action: str, *, by: int) -> Ring:
    result: dict[str, Any] = {"leads": [one.lead]}
    if action == "accept" and one.contacts:
        result["contacts"] = one.contacts
    body = {
        "action": action,
        "uid": one.uid,
        "category": one.category,
        "created_at": unix(one.created),
        "modified_user_id": by,
        f"{action}_result": result,
    }
    return Ring(("delete_unsorted",), "unsorted", "delete", body)


def _unsorted(account: Account, one: Unsorted) -> dict[str, Any]:
    lead = account.base.deals[one.lead]
    people = [account.base.contacts[number] for number in one.contacts]
    return {
        "uid": one.uid,
        "category": one.category,
        "account_id": account.id,
        "user_id": 0,
        "source": one.source_name,
        "pipeline_id": one.pipeline,
        "lead_id": one.lead,
        "created_at": unix(one.created),
        "source_data": {"from": one.source_name, "source_uid": one.source_uid, **one.metadata},
        "data": {
            "leads": [{"id": lead.id, "name": lead.title, "price": lead.amount, "date_create": unix(lead.created)}],
            "contacts": [{"id": one.id, "name": one.title, "date_create": unix(one.created)} for one in people],
        },
    }


def of_element(account: Account, change: Change) -> Iterator[Ring]:
    """An element of a list added, changed, deleted; no documented setting lets these out but a widget's own list."""
    one = account.kept.elements[change.of]
    action = {"added": "add", "deleted": "delete"}.get(change.what, "update")
    body: dict[str, Any] = {"id": one.id, "catalog_id": one.catalog, "type": "catalog"}
    if action != "delete":
        moments = {"created_at": unix(one.created), "updated_at": unix(one.updated)}
        body = {
            **body,
            "name": one.name,
            "deleted": int(one.deleted),
            "date_create": unix(one.created),
            "date_modify": unix(one.updated),
            "created_by": one.by,
            "modified_by": one.by,
            **moments,
        }
    yield Ring((f"{action}_catalog",), "catalogs", action, body)


def of_chat(account: Account, chat: Activity) -> Iterator[Ring]:
    """A message, and the conversation it begins or goes on with."""
    card = card_of(chat)
    if card is None:
        return
    kind, number = card
    incoming, talk = chat.direction == "in", chat.contact or number
    body = {
        "id": f"message-{chat.id}",
        "chat_id": f"chat-{talk}",
        "talk_id": talk,
        "contact_id": chat.contact,
        "text": chat.subject,
        "created_at": unix(chat.at),
        "element_type": NUMBER[kind],
        "entity_type": SINGULAR[kind],
        "element_id": number,
        "entity_id": number,
        "type": "incoming" if incoming else "outgoing",
        "author": {"id": f"author-{chat.contact or chat.by}", "type": "external" if incoming else "internal"},
        "origin": "sandbox",
    }
    yield Ring(("add_message" if incoming else "add_outgoing_message",), "message", "add", body)
    action = "update" if talk in account.kept.talks else "add"
    began = account.kept.talks.setdefault(talk, chat.at)
    told = {
        "talk_id": talk,
        "created_at": unix(began),
        "updated_at": unix(chat.at),
        "rate": 0,
        "contact_id": chat.contact,
        "chat_id": f"chat-{talk}",
        "entity_id": number,
        "entity_type": SINGULAR[kind],
        "is_in_work": 1,
        "is_read": int(not incoming),
        "origin": "sandbox",
    }
    yield Ring((f"{action}_talk",), "talk", action, told)
