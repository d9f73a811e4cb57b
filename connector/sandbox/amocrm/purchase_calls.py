"""The calls about what buyers bought (facts/amocrm.md 4.6)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import Account, moment_of, unix
from connector.sandbox.amocrm.answers import Body, hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.customer_calls import ref
from connector.sandbox.amocrm.customers import add_purchase, drop_purchase, known, need_customers
from connector.sandbox.amocrm.face import Face, asked_query, is_number, sent_array
from connector.sandbox.amocrm.kept import Purchase
from connector.sandbox.amocrm.problems import Problem, missing, wrong_type


def add_purchases(face: Face) -> None:
    """Hang up the calls about purchases."""
    keeper = _Keeper(face.account)
    face.on("GET", "customers/transactions", keeper.purchases)
    face.on("GET", "customers/transactions/<int:purchase>", keeper.purchase)
    face.on("DELETE", "customers/transactions/<int:purchase>", keeper.drop)
    of_one = "customers/<int:number>/transactions"
    face.on("GET", of_one, keeper.purchases)
    face.on("POST", of_one, keeper.buy)
    face.on("DELETE", f"{of_one}/<int:purchase>", lambda number, purchase: keeper.drop(purchase, number))


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def purchases(self, number: int | None = None) -> Response:
        """A page of purchases, of all buyers or of one."""
        need_customers(self._account)
        query = asked_query()
        ids = query.ids("filter", "id")
        rows = [
            one
            for one in self._account.kept.purchases.values()
            if number in (None, one.customer) and (ids is None or one.id in ids)
        ]
        field, descending = query.order(("id", "completed_at")) or ("id", False)
        rows.sort(key=lambda one: (one.completed.timestamp() if field != "id" else 0, one.id), reverse=descending)
        return page_of(self._account, query, "transactions", rows, self._purchase)

    def purchase(self, purchase: int) -> Response:
        """One purchase; 204 when there is none."""
        need_customers(self._account)
        found = self._account.kept.purchases.get(purchase)
        return hal(self._purchase(found)) if found else nothing()

    def buy(self, number: int) -> Response:
        """New purchases of one buyer."""
        need_customers(self._account)
        known(self._account, number)
        sent = sent_array(self._account)
        judged(sent, self._judge_purchase)
        rows = []
        for place, one in enumerate(sent):
            ahead: dict[str, Any] = {}
            if one.get("next_price") is not None:
                ahead["next_price"] = int(one["next_price"])
            if one.get("next_date") is not None:
                ahead["next_date"] = moment_of(one["next_date"])
            made = add_purchase(
                self._account,
                number,
                int(one["price"]),
                by=one.get("created_by", self._account.token_user),
                comment=str(one.get("comment") or ""),
                at=moment_of(one["completed_at"]) if is_number(one.get("completed_at")) else None,
                **ahead,
            )
            rows.append({**self._purchase(made), "request_id": str(one.get("request_id", place))})
        return written(self._account, f"customers/{number}/transactions", "transactions", rows)

    def drop(self, purchase: int, number: int | None = None) -> Response:
        """Take a purchase away: 204."""
        need_customers(self._account)
        found = self._account.kept.purchases.get(purchase)
        if number is not None and found is not None and found.customer != number:
            raise Problem(404, "Transaction is not found")
        drop_purchase(self._account, purchase)
        return nothing()

    def _judge_purchase(self, sent: dict[str, Any]) -> None:
        if "price" not in sent:
            raise missing("price")
        if not is_number(sent["price"]):
            raise wrong_type("price", "int")

    def _purchase(self, one: Purchase) -> Body:
        return {
            "id": one.id,
            "price": one.price,
            "comment": one.comment or None,
            "completed_at": unix(one.completed),
            "customer_id": one.customer,
            "created_by": one.by,
            "updated_by": one.by,
            "created_at": unix(one.created),
            "updated_at": unix(one.created),
            "is_deleted": False,
            "account_id": self._account.id,
            "_links": self._account.link(f"customers/{one.customer}/transactions/{one.id}"),
            "_embedded": {"customer": ref(self._account, "customers", one.customer)},
        }
