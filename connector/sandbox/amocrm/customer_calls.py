"""The calls about buyers (facts/amocrm.md 4.6)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import Account, moment_of, unix
from connector.sandbox.amocrm.answers import Body, hal, nothing, page_of, whole_list, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.customers import (
    MODES,
    PERIODICITY,
    STATUSES,
    Status,
    add_customer,
    alive,
    change_customer,
    known,
    mode_of,
    need_customers,
    purchases_of,
)
from connector.sandbox.amocrm.face import Face, asked_query, is_number, sent_array, sent_object
from connector.sandbox.amocrm.kept import Customer
from connector.sandbox.amocrm.problems import Problem, missing, not_supported, wrong_type


def ref(account: Account, path: str, number: int) -> Body:
    """A record as others embed it."""
    return {"id": number, "_links": account.link(f"{path}/{number}")}


def add_customers(face: Face) -> None:
    """Hang up the calls about buyers."""
    keeper = _Keeper(face.account)
    face.on("PATCH", "customers/mode", keeper.set_mode, admin=True)
    face.on("GET", "customers", keeper.several)
    face.on("POST", "customers", keeper.create)
    face.on("PATCH", "customers", keeper.change_many)
    face.on("GET", "customers/<int:number>", keeper.one)
    face.on("PATCH", "customers/<int:number>", keeper.change)
    for empty in ("notes", "custom_fields", "links"):
        face.on("GET", f"customers/{empty}", keeper.none)
    face.on("GET", "customers/statuses", keeper.statuses)
    face.on("GET", "customers/statuses/<int:number>", keeper.status)
    face.on("GET", "customers/segments", keeper.segments)
    face.on("GET", "customers/<int:number>/links", keeper.links)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def set_mode(self) -> Response:
        """Switch buyers on or off; 402 where the tariff has none."""
        sent = sent_object()
        if mode_of(self._account) == "unavailable":
            raise Problem(402, "The tariff has no customers")
        mode = sent.get("mode") if sent.get("is_enabled") else "disabled"
        if mode not in MODES[1:]:
            raise Problem(400, "mode is segments or periodicity")
        self._account.config.readings["customers_mode"] = str(mode)
        return hal({"mode": sent.get("mode"), "is_enabled": bool(sent.get("is_enabled"))})

    def several(self) -> Response:
        """A page of buyers; filters count only with the paid option."""
        need_customers(self._account)
        query = asked_query()
        with self._account.base.lock:
            found = list(alive(self._account))
            if self._account.says("api_filter"):
                ids, owners = query.ids("filter", "id"), query.ids("filter", "responsible_user_id")
                found = [
                    one for one in found if (ids is None or one.id in ids) and (owners is None or one.owner in owners)
                ]
            if words := query.one("query"):
                found = [one for one in found if words.lower() in one.name.lower()]
            field, descending = query.order(("updated_at", "id")) or ("id", False)
            found.sort(
                key=lambda one: (one.updated.timestamp() if field == "updated_at" else 0, one.id), reverse=descending
            )
            return page_of(self._account, query, "customers", found, self._shown)

    def one(self, number: int) -> Response:
        """One buyer; 204 when there is none."""
        need_customers(self._account)
        found = self._account.kept.customers.get(number)
        return hal(self._shown(found)) if found and not found.deleted else nothing()

    def create(self) -> Response:
        """New buyers."""
        need_customers(self._account)
        sent = sent_array(self._account)
        plans = judged(sent, lambda one: self._plan(one, new=True))
        rows = []
        for place, (one, plan) in enumerate(zip(sent, plans, strict=True)):
            by = one.get("created_by", self._account.token_user)
            made = add_customer(self._account, plan.pop("name"), by=by, **plan)
            row = {"id": made.id, "request_id": str(one.get("request_id", place))}
            rows.append({**row, "_links": self._account.link(f"customers/{made.id}")})
        return written(self._account, "customers", "customers", rows)

    def change_many(self) -> Response:
        """Changes of several buyers, each with its `id`."""
        need_customers(self._account)
        sent = sent_array(self._account)
        plans = judged(sent, self._plan)
        rows = [self._apply(one.get("id"), one, plan) for one, plan in zip(sent, plans, strict=True)]
        return written(self._account, "customers", "customers", rows)

    def change(self, number: int) -> Response:
        """Changes of one buyer."""
        need_customers(self._account)
        one = sent_object()
        (plan,) = judged([one], self._plan)
        return hal(self._apply(number, one, plan))

    def none(self) -> Response:
        """What buyers of the sandbox do not have: 204."""
        need_customers(self._account)
        return nothing()

    def statuses(self) -> Response:
        """The statuses of buyers; 422 unless the account goes by periods."""
        self._need_periods()
        return whole_list(self._account, "customers/statuses", "statuses", [self._status(one) for one in STATUSES])

    def status(self, number: int) -> Response:
        """One status of buyers."""
        self._need_periods()
        found = next((one for one in STATUSES if one.id == number), None)
        if found is None:
            raise Problem(404, "Status is not found")
        return hal(self._status(found))

    def segments(self) -> Response:
        """The segments of buyers."""
        need_customers(self._account)
        rows = [
            {"id": number, "name": name, "color": "ae003f", "available_products_price_types": []}
            for number, name in self._account.kept.segments.items()
        ]
        return page_of(self._account, asked_query(), "segments", rows, dict)

    def links(self, number: int) -> Response:
        """What one buyer is linked to."""
        need_customers(self._account)
        one = known(self._account, number)
        rows: list[Body] = [
            {"to_entity_id": of, "to_entity_type": "contacts", "metadata": {"main_contact": place == 0}}
            for place, of in enumerate(one.contacts)
        ]
        rows += [{"to_entity_id": of, "to_entity_type": "companies", "metadata": None} for of in one.companies]
        return whole_list(self._account, f"customers/{number}/links", "links", rows)

    def _need_periods(self) -> None:
        need_customers(self._account)
        if mode_of(self._account) != PERIODICITY:
            raise Problem(422, "Statuses are there in periodicity mode only")

    def _plan(self, sent: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
        if new and not sent.get("name"):
            raise missing("name")
        plan: dict[str, Any] = {"name": str(sent["name"])} if "name" in sent else {}
        for name in ("next_price", "periodicity"):
            if sent.get(name) is not None:
                if not is_number(sent[name]):
                    raise wrong_type(name, "int")
                plan[name] = int(sent[name])
        if sent.get("next_date") is not None:
            if not is_number(sent["next_date"]):
                raise wrong_type("next_date", "int")
            plan["next_date"] = moment_of(sent["next_date"])
        if "responsible_user_id" in sent:
            if sent["responsible_user_id"] not in self._account.base.users:
                raise not_supported("responsible_user_id")
            plan["owner"] = sent["responsible_user_id"]
        if "status_id" in sent:
            if sent["status_id"] not in {one.id for one in STATUSES}:
                raise not_supported("status_id")
            plan["status"] = sent["status_id"]
        for name in ("contacts", "companies", "segments"):
            if name in (sent.get("_embedded") or {}):
                plan[name] = [one["id"] for one in sent["_embedded"][name] or ()]
        return plan

    def _apply(self, number: Any, sent: dict[str, Any], plan: dict[str, Any]) -> Body:
        by = sent.get("updated_by", self._account.token_user)
        changed = change_customer(self._account, number, by=by, **plan)
        echo = {"request_id": str(sent["request_id"])} if "request_id" in sent else {}
        links = self._account.link(f"customers/{number}")
        return {"id": number, "updated_at": unix(changed.updated), **echo, "_links": links}

    def _status(self, one: Status) -> Body:
        return {
            "id": one.id,
            "name": one.name,
            "sort": one.id % 100,
            "is_default": one.type == 1,
            "conditions": [],
            "color": "#ffdbdb",
            "type": one.type,
            "account_id": self._account.id,
            "_links": self._account.link(f"customers/statuses/{one.id}"),
        }

    def _shown(self, one: Customer) -> Body:
        wanted, bought = asked_query().wanted(), purchases_of(self._account, one)
        ltv = sum(purchase.price for purchase in bought)
        embedded: Body = {"segments": [ref(self._account, "customers/segments", of) for of in one.segments], "tags": []}
        if "contacts" in wanted:
            embedded["contacts"] = [
                {**ref(self._account, "contacts", of), "is_main": place == 0} for place, of in enumerate(one.contacts)
            ]
        if "companies" in wanted:
            embedded["companies"] = [ref(self._account, "companies", of) for of in one.companies]
        return {
            "id": one.id,
            "name": one.name,
            "next_price": one.next_price,
            "next_date": unix(one.next_date) if one.next_date else None,
            "responsible_user_id": one.owner,
            "status_id": one.status,
            "periodicity": one.periodicity,
            "created_by": one.created_by,
            "updated_by": one.updated_by,
            "created_at": unix(one.created),
            "updated_at": unix(one.updated),
            "closest_task_at": None,
            "is_deleted": one.deleted,
            "custom_fields_values": None,
            "ltv": ltv,
            "purchases_count": len(bought),
            "average_check": ltv // len(bought) if bought else 0,
            "account_id": self._account.id,
            "_links": self._account.link(f"customers/{one.id}"),
            "_embedded": embedded,
        }
