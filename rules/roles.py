"""Who holds a role for one client: the doer of a task, the head who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from rules.case import Case
    from rules.facts import Manager, Portal


def holder(role: str, case: Case, doer: str | None = None) -> str | None:
    """The manager who holds the role today, or who stands in for him. `doer`: whose head is meant by `head`."""
    portal = case.snapshot.portal
    return _present(_named(role, case, doer), portal, case.today)


def doer_of(roles: Iterable[str], case: Case) -> str | None:
    """The first role that resolves; else the portal's default manager."""
    for role in roles:
        found = holder(role, case)
        if found is not None:
            return found
    return _default(case)


def told(role: str, case: Case, doer: str | None) -> str | None:
    """Who hears of a missed promise of `doer`; where nobody holds the role, the portal's default manager."""
    return holder(role, case, doer) or _default(case)


def _default(case: Case) -> str | None:
    portal = case.snapshot.portal
    return portal.default_manager if is_active(portal.default_manager, portal) else None


def is_active(manager: str | None, portal: Portal) -> bool:
    """Known to the CRM and not dismissed."""
    return manager is not None and manager in portal.managers and portal.managers[manager].active


def holders(role: str, portal: Portal) -> tuple[str, ...]:
    """Active holders of a role by config, then those whose own card names it."""
    marked = (one.id for one in portal.managers.values() if role in one.roles)
    named = dict.fromkeys((*portal.role_holders.get(role, ()), *marked))
    return tuple(one for one in named if is_active(one, portal))


def _named(role: str, case: Case, doer: str | None) -> str | None:
    client, portal = case.snapshot.client, case.snapshot.portal
    if role == "owner":
        return case.deal.owner if case.deal is not None else client.owner
    if role == "client_manager":
        return client.client_manager or client.owner
    if role == "active_manager":
        return client.active_manager or _hunter_of_last_deal(case) or next(iter(holders(role, portal)), None)
    if role == "head":
        return _head_of(doer or client.owner, portal)
    return next(iter(holders(role, portal)), None)


def _hunter_of_last_deal(case: Case) -> str | None:
    deals = [deal for deal in case.deals if deal.owner is not None]
    last = max(deals, key=lambda deal: deal.created_at, default=None)
    return last.owner if last is not None and last.owner in holders("active_manager", case.snapshot.portal) else None


def _head_of(doer: str | None, portal: Portal) -> str | None:
    manager = portal.managers.get(doer) if doer is not None else None
    if manager is not None and manager.head is not None:
        return manager.head
    return next(iter(holders("head", portal)), None)


def _present(named: str | None, portal: Portal, today: date) -> str | None:
    """The manager himself; absent or dismissed: his substitute, else his head."""
    if named is None:
        return None
    manager = portal.managers.get(named)
    if manager is not None and _at_work(manager, today):
        return named
    stand_ins = (manager.substitute if manager else None, *holders("substitute", portal), _head_of(named, portal))
    for one in stand_ins:
        other = portal.managers.get(one) if one is not None else None
        if other is not None and _at_work(other, today):
            return one
    return named if manager is not None and manager.active else None


def _at_work(manager: Manager, today: date) -> bool:
    return manager.active and not any(first <= today <= last for first, last in manager.absences)
