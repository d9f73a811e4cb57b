"""What the control API has for amoCRM portals beside what every portal has (docs/sandbox.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.sandbox.amocrm import integration_orders
from connector.sandbox.amocrm.customers import PERIODICITY, SEGMENTS, add_customer, add_purchase, known, mode_of
from connector.sandbox.amocrm.integration_orders import account_of
from connector.sandbox.amocrm.kept import Trigger
from connector.sandbox.amocrm.merging import merge
from connector.sandbox.amocrm.posting import FORM, JSON, Poster
from connector.sandbox.amocrm.problems import Flaw
from connector.sandbox.amocrm.tasks import MEETING
from connector.sandbox.amocrm.unsorted import category_of, settle, take_in
from connector.sandbox.amocrm.widget_tokens import widget_token
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.hooks import is_loopback
from connector.sandbox.orders import find_company, find_pipeline, find_stage, moment_from
from connector.sandbox.portal import Portal

LOOKS = integration_orders.LOOKS
"""Path below /sandbox/ → what a GET tells."""


def change_task_types(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`add`, `remove`: names of task types that an administrator makes or takes away; the two built-in ones stay."""
    base = portal.base
    with base.lock:
        for name in body.get("add", []):
            if name not in base.task_types.values():
                base.task_types[2_700_000 + base.new_id("task type")] = str(name)
        leaving = [key for key, name in base.task_types.items() if key > MEETING and name in body.get("remove", [])]
        for number in leaving:
            del base.task_types[number]
        return {"task_types": {str(key): name for key, name in base.task_types.items()}}


def change_pipeline(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`pipeline`, `archived`: put a pipeline into the archive, or take it out."""
    archived = account_of(portal).kept.archived
    number = find_pipeline(portal.base, body["pipeline"]).id
    (archived.add if body.get("archived", True) else archived.discard)(number)
    return {"archived": sorted(archived)}


def change_rights(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`user`, `rights`: letters by kind of card (`{"leads": {"view": "M"}}`), `catalog_access`; null: as usual."""
    account, user = account_of(portal), int(body["user"])
    if user not in portal.base.users:
        raise ValueError(f"no user {user}")
    if body["rights"] is None:
        account.kept.rights.pop(user, None)
    else:
        account.kept.rights[user] = dict(body["rights"])
    return {"rights": account.rights_of(user)}


def take_unsorted(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`category` (forms, sip, mail, chats), `title`, `pipeline`, `amount`, `person`, `company`: a new incoming lead."""
    account = account_of(portal)
    embedded: dict[str, Any] = {"leads": [{"name": str(body.get("title", "Заявка")), "price": body.get("amount", 0)}]}
    for name, key in (("contacts", "person"), ("companies", "company")):
        embedded[name] = [{"name": str(body[key])}] if body.get(key) else []
    pipeline = find_pipeline(portal.base, body.get("pipeline")).id
    sent = {"pipeline_id": pipeline, "source_name": "Сайт", "metadata": body.get("metadata", {}), "_embedded": embedded}
    try:
        made = take_in(account, category_of(body.get("category", "forms")), sent)
    except Flaw as flaw:
        raise ValueError(f"{flaw.path}: {flaw.detail}") from flaw
    return {"uid": made.uid, "lead": made.lead, "contacts": made.contacts, "companies": made.companies}


def settle_unsorted(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`lead` or `uid`, `accept` (true by default), `by`, `stage`: what a manager does with an incoming lead."""
    account = account_of(portal)
    waiting = [one for one in account.kept.unsorted.values() if one.state == "waiting"]
    found = next((one for one in waiting if body.get("uid") == one.uid or body.get("lead") == one.lead), None)
    if found is None:
        raise UnknownRecord("incoming lead")
    stage = find_stage(portal.base.pipelines[found.pipeline], body.get("stage"))
    status, user = account.status_of(found.pipeline, stage.id), int(body.get("by", account.admin))
    settle(account, found.uid, accept=bool(body.get("accept", True)), user=user, status=status)
    return {"uid": found.uid, "lead": found.lead, "state": found.state}


def put_customer(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`name`, `company` (id or title), `contacts`, `owner`, `periodicity`, `next_date`, `purchases`: [{price, at}].

    With `customer` (an id) the purchases are added to that buyer.
    """
    account, base = account_of(portal), portal.base
    if mode_of(account) not in (PERIODICITY, SEGMENTS):
        raise ValueError("buyers are off: set the reading customers_mode to periodicity or segments")
    if "customer" in body:
        number = known(account, int(body["customer"])).id
    else:
        company = find_company(base, body.get("company"))
        owner = int(body.get("owner", account.admin))
        more: dict[str, Any] = {name: body[name] for name in ("periodicity", "contacts") if name in body}
        if "next_date" in body:
            more["next_date"] = moment_from(body["next_date"])
        companies = [company] if company else []
        number = add_customer(account, str(body["name"]), by=owner, owner=owner, companies=companies, **more).id
    bought = [
        add_purchase(account, number, int(one["price"]), by=account.admin, at=moment_from(one.get("at"))).id
        for one in body.get("purchases", [])
    ]
    return {"id": number, "purchases": bought}


def put_trigger(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`pipeline`, `stage`, `url`, `widget` (settings of its block), `form`, `multiple`: a block on a stage.

    Without `widget` it is a plain webhook. {"clear": true} takes all blocks away.
    """
    triggers = account_of(portal).kept.triggers
    if body.get("clear"):
        triggers.clear()
        return {"triggers": 0}
    if not is_loopback(str(body["url"])):
        raise ValueError("webhooks are posted to loopback addresses only (http://127.0.0.1:…)")
    pipeline = find_pipeline(portal.base, body.get("pipeline"))
    triggers.append(
        Trigger(
            pipeline=pipeline.id,
            stage=find_stage(pipeline, body["stage"]).id,
            url=str(body["url"]),
            settings=None if body.get("widget") is None else dict(body["widget"]),
            form=bool(body.get("form")),
            multiple=bool(body.get("multiple")),
        )
    )
    return {"triggers": len(triggers)}


def post_raw(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`body`: the raw text of a webhook, `json` (its type), `url` (usually the hook target): posted once as it is."""
    url = str(body.get("url") or portal.config.hook_target)
    if not is_loopback(url):
        raise ValueError("webhooks are posted to loopback addresses only (http://127.0.0.1:…)")
    poster = Poster(account_of(portal))
    try:
        code, outcome = poster.post(url, JSON if body.get("json") else FORM, str(body["body"]).encode())
    finally:
        poster.close()
    portal.base.note_hook("raw", outcome)
    return {"status": code}


ORDERS: dict[str, Callable[[Portal, dict[str, Any]], Any]] = {
    **integration_orders.ORDERS,
    "widget_token": widget_token,
    "task_types": change_task_types,
    "pipelines": change_pipeline,
    "merge": merge,
    "rights": change_rights,
    "unsorted": take_unsorted,
    "unsorted/settle": settle_unsorted,
    "customers": put_customer,
    "triggers": put_trigger,
    "raw_hook": post_raw,
}
"""Path below /sandbox/ → what one object of the body does."""
