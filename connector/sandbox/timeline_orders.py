"""Orders of the control API about what lies on a card beside its fields: buttons, requisites, products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.sandbox.base import plain
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.orders import find_company
from connector.sandbox.plans import Plan
from connector.sandbox.portal import Portal
from connector.sandbox.records import CardKind


def _plan(portal: Portal, body: dict[str, Any]) -> Plan:
    """The record named by `activity`; without it the newest open one."""
    if "activity" in body:
        return portal.base.plan(int(body["activity"]))
    alive = [one for one in portal.base.plans.values() if not one.deleted and not one.completed]
    if not alive:
        raise UnknownRecord("activity")
    return alive[-1]


def press(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`activity`, `button`: the name of a button or menu entry in its layout, `by` (default: the responsible)."""
    plan = _plan(portal, body)
    told = portal.base.press(plan.id, str(body["button"]), by=int(body.get("by", plan.assignee)))
    return {"activity": plan.id, **told, "locked": list(plan.locked)}


def complete_plan(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`activity`, `by` (default: the responsible): a to-do or a card, done."""
    plan = _plan(portal, body)
    return plain(portal.base.update_plan(plan.id, by=int(body.get("by", plan.assignee)), completed=True))


def change_requisites(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`company` or `contact`, `fields` by RQ_…, `name`, `by`: changes its requisites, or makes the first ones."""
    base, fields = portal.base, {str(key): str(value) for key, value in body["fields"].items()}
    company = find_company(base, body.get("company"))
    if company is None and "contact" not in body:
        raise KeyError("company or contact")
    card: tuple[CardKind, int] = ("company", company) if company is not None else ("contact", int(body["contact"]))
    by = int(body.get("by", base.card(*card).owner))
    found = base.requisites_of(*card)
    if not found:
        return plain(base.add_requisite(card, str(body.get("name", "Организация")), fields, by=by))
    return plain(base.update_requisite(found[0].id, by=by, name=body.get("name"), fields=fields))


def set_products(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    """`deal`, `rows`: [{`name`, `price`, `quantity`}], `by`: the deal's goods, all of them."""
    base, deal = portal.base, portal.base.deal(int(body["deal"]))
    tell = bool(portal.config.readings.get("product_rows_update_deal", False))
    made = base.set_product_rows(deal.id, list(body["rows"]), by=int(body.get("by", deal.owner)), tell=tell)
    return {"deal": deal.id, "ids": [row.id for row in made]}


ORDERS: dict[str, Callable[[Portal, dict[str, Any]], Any]] = {
    "press": press,
    "plans/complete": complete_plan,
    "requisites": change_requisites,
    "products": set_products,
}
"""Path below /sandbox/ → what one object of the body does."""
