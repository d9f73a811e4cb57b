"""Buyers, their statuses, segments and purchases, where the account uses them (facts/amocrm.md 4.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.kept import Customer, Purchase
from connector.sandbox.amocrm.problems import Problem

MODES = ("unavailable", "disabled", "segments", "periodicity")
PERIODICITY, SEGMENTS = "periodicity", "segments"
USUAL_PERIOD = 30
"""Days."""


@dataclass(frozen=True)
class Status:
    """A status of buyers; they are the same in every account."""

    id: int
    name: str
    type: Literal[0, 1, 2, 3, 4]
    """0 usual, 1 purchase expected, 2 not bought, 3 closed, 4 bought lately."""


STATUSES = (
    Status(4_740_026, "Недавние покупки", 4),
    Status(4_740_028, "Ожидается покупка", 1),
    Status(4_740_030, "В работе", 0),
    Status(4_740_032, "Не купили", 2),
    Status(4_740_034, "Закрыт", 3),
)


def mode_of(account: Account) -> str:
    """How the account uses buyers."""
    return str(account.config.readings["customers_mode"])


def need_customers(account: Account) -> None:
    """Raises Problem: buyers are switched off (425), or the tariff has none (402)."""
    mode = mode_of(account)
    if mode == "unavailable":
        raise Problem(402, "The tariff has no customers")
    if mode not in (PERIODICITY, SEGMENTS):
        raise Problem(425, "Customers are disabled")


def alive(account: Account) -> Iterator[Customer]:
    """Every buyer that was not deleted."""
    return (one for one in account.kept.customers.values() if not one.deleted)


def known(account: Account, number: Any) -> Customer:
    """A buyer. Raises Problem: 404."""
    found = account.kept.customers.get(number)
    if found is None or found.deleted:
        raise Problem(404, "Customer is not found")
    return found


def purchases_of(account: Account, customer: Customer) -> list[Purchase]:
    """What a buyer bought, the oldest first."""
    found = [one for one in account.kept.purchases.values() if one.customer == customer.id]
    return sorted(found, key=lambda one: (one.completed, one.id))


def add_customer(account: Account, name: str, *, by: int, at: datetime | None = None, **more: Any) -> Customer:
    """A new buyer; `more` are attributes of `Customer`."""
    base = account.base
    with base.editing():
        moment = base.moment(at)
        given: dict[str, Any] = {
            "owner": by,
            "status": STATUSES[1].id,
            "periodicity": USUAL_PERIOD if mode_of(account) == PERIODICITY else 0,
            **more,
        }
        made = Customer(
            id=base.new_id("customer"),
            name=name,
            created=moment,
            updated=moment,
            created_by=by,
            updated_by=by,
            **given,
        )
        account.kept.customers[made.id] = made
        base.note("added", "customer", made.id, by=by, at=moment, after={"name": name})
        return made


def change_customer(account: Account, number: int, *, by: int, **changes: Any) -> Customer:
    """Change a buyer by attribute name; nothing is saved where nothing changes. Raises Problem: 404."""
    base = account.base
    with base.editing():
        found = known(account, number)
        before = {name: getattr(found, name) for name in changes}
        after = {name: value for name, value in changes.items() if before[name] != value}
        if after:
            moment = base.clock.now()
            account.kept.customers[number] = found = replace(found, **after, updated=moment, updated_by=by)
            old = {name: before[name] for name in after}
            what: Literal["owner", "updated", "deleted"] = "updated"
            if after.get("deleted"):
                what = "deleted"
            elif "owner" in after:
                what = "owner"
            base.note(what, "customer", number, by=by, at=moment, before=old, after=after)
        return found


def add_purchase(
    account: Account, number: int, price: int, *, by: int, comment: str = "", at: datetime | None = None, **ahead: Any
) -> Purchase:
    """One purchase; the next one is expected a period later unless `ahead` says next_price and next_date."""
    base = account.base
    with base.editing():
        customer, now = known(account, number), base.clock.now()
        made = Purchase(
            id=base.new_id("purchase"),
            customer=number,
            price=price,
            comment=comment,
            completed=base.moment(at),
            created=now,
            by=by,
        )
        account.kept.purchases[made.id] = made
        base.note("added", "purchase", made.id, by=by, at=now, after={"customer": number})
        if customer.periodicity and "next_date" not in ahead:
            ahead["next_date"] = made.completed + timedelta(days=customer.periodicity)
        change_customer(account, number, by=by, status=STATUSES[0].id, **ahead)
        return made


def drop_purchase(account: Account, number: int) -> None:
    """Take a purchase away. Raises Problem: 404."""
    base = account.base
    with base.editing():
        gone = account.kept.purchases.pop(number, None)
        if gone is None:
            raise Problem(404, "Transaction is not found")
        told = {"customer": gone.customer}
        base.note("deleted", "purchase", number, by=account.token_user, at=base.clock.now(), before=told)
