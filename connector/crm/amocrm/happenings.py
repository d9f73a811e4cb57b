"""The events list: moves of leads, chats, and what makes us look at a card again (facts/amocrm.md 5.6).

Whether the list comes newest first is not documented, and of one card several events may be told: only the last of a
deletion and a restoration counts. Events of an overlap come twice, with the same ids and moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.crm.amocrm import signals
from connector.crm.amocrm.api import Params
from connector.crm.amocrm.history import LEAD_ADDED, LEAD_MOVED, History
from connector.crm.amocrm.mapping import event_ref, linked_refs
from connector.crm.amocrm.named import all_gone
from connector.crm.amocrm.purchases import ADDED, number_in
from connector.crm.port import Fact, Ref

EVENTS_PAGE: Final = 100
DELETED: Final = frozenset({"lead_deleted", "contact_deleted", "company_deleted", "task_deleted"})
RESTORED: Final = frozenset({"lead_restored", "contact_restored", "company_restored"})
RELINKED: Final = frozenset(
    {f"{card}_{how}" for card in ("lead", "contact", "company", "entity") for how in ("linked", "unlinked")}
)
MERGED: Final = "entity_merged"
"""Told of the card that is left; of those that went into it nothing is told, not even that they are gone."""
ALWAYS: Final = (LEAD_ADDED, LEAD_MOVED, *sorted(DELETED | RESTORED), *signals.CHATS)


class Happenings:
    """What one run over the events tells."""

    def __init__(self, since: int | None, links_since: int | None, *, purchases: bool = False) -> None:
        """None: a full load, which reads every card and every purchase anyway."""
        self._since = since
        self._purchases = purchases
        self.bought: set[int] = set()
        """Purchases that an event named."""
        self.merged: dict[Ref, int] = {}
        """Cards into which others went, and when."""
        self._links_since = links_since
        self._fates: dict[Ref, tuple[tuple[int, str], bool]] = {}
        """Per card or task: when it was last deleted or restored, and whether that was a deletion."""
        self._seen: dict[Ref, int] = {}
        """When each card that was read had changed."""
        self._again: set[Ref] = set()
        self._history = History()

    @property
    def asked(self) -> Params:
        """What the list is asked for. Links that were made before a full load are in its cards."""
        if self._since is None:
            return [("filter[type][]", name) for name in ALWAYS]
        types = (*ALWAYS, *sorted(RELINKED), MERGED, *((ADDED,) if self._purchases else ()))
        return [*(("filter[type][]", name) for name in types), ("filter[created_at][from]", self._since)]

    @property
    def to_read(self) -> set[Ref]:
        """Cards that an event named and that no feed has brought."""
        return self._again - self._seen.keys()

    def read(self, fact: Fact, row: Mapping[str, Any]) -> None:
        """A card as it was read."""
        self._seen[fact.ref] = row.get("updated_at") or 0
        if fact.kind == "deal" and not fact.gone:
            self._history.seen(row)

    def hear(self, row: Mapping[str, Any]) -> Fact | None:
        """One event; a fact when it is one by itself."""
        name, ref, order = str(row.get("type")), event_ref(row), (row["created_at"], str(row["id"]))
        if name in signals.CHATS:
            return signals.chat(row)
        if name == ADDED and (number := number_in(row)):
            self.bought.add(number)
        if ref is None:
            return None
        is_new = self._links_since is not None and row["created_at"] >= self._links_since
        if name == LEAD_MOVED:
            self._history.moved(row)
        elif name == LEAD_ADDED:
            self._history.added(row)
            if self._since is not None:
                self._again.add(ref)
        elif name in DELETED or name in RESTORED:
            if ref not in self._fates or self._fates[ref][0] < order:
                self._fates[ref] = (order, name in DELETED)
            if is_new and name in RESTORED:
                self._again.add(ref)
        elif name == MERGED and is_new and not ref.startswith("task:"):
            self._again.add(ref)
            self.merged[ref] = max(self.merged.get(ref, 0), row["created_at"])
        elif name in RELINKED and is_new:
            self._again.update({ref, *linked_refs(row)})
        return None

    def gone(self) -> Iterator[Fact]:
        """What was deleted last is gone, unless it was seen changed after that."""
        for ref, ((at, _), deleted) in self._fates.items():
            if deleted and self._seen.get(ref, 0) <= at:
                self._again.discard(ref)
                self._history.forget(ref.removeprefix("deal:"))
                yield from all_gone(ref, at)

    def stages(self) -> Iterator[Fact]:
        """The history that the events and the cards read with them tell."""
        return self._history.facts(self._since)


def standing_still(rows: list[Any]) -> Params:
    """What keeps new events out of the pages behind the first one, where they would push all others on.

    Only if the newest came first; otherwise new ones come at the end. A second more, whether or not its end counts.
    """
    moments = [row["created_at"] for row in rows]
    newest_first = moments == sorted(moments, reverse=True)
    return [("filter[created_at][to]", moments[0] + 1)] if newest_first else []
