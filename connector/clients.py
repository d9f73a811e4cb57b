"""Whose facts are these? A deal's, a contact's, a signal's client, from the links between facts.

Client: the deal's company; without one its main contact's company; without that the contact; else the deal itself.
A call of a person who belongs to two companies counts for the company whose deal it is bound to; if none, for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from connector.crm.port import Fact, Ref

FactsOf = Callable[[Collection[Ref]], Iterable[Fact]]
"""Looks facts up by ref; unknown refs are left out."""


class Family:
    """Facts and the clients they belong to, looking up at most two links away."""

    def __init__(self, facts: Iterable[Fact], look_up: FactsOf) -> None:
        self._facts = {fact.ref: fact for fact in facts}
        for _ in range(2):  # a signal's deal, then that deal's contact
            missing = {ref for fact in self._facts.values() for ref in fact.links if ref not in self._facts}
            if not missing:
                break
            self._facts.update({fact.ref: fact for fact in look_up(missing)})

    def clients_of(self, fact: Fact) -> set[Ref]:
        """The clients whose judgement this fact can change."""
        if fact.kind == "company":
            return {fact.ref}
        if fact.kind == "contact":
            return set(fact.links) or {fact.ref}
        if fact.kind == "deal":
            return {self.client_of_deal(fact)}
        deals = [ref for ref in fact.links if ref.startswith("deal:")]
        return {client for ref in deals or fact.links for client in self.clients_of_ref(ref)}

    def client_of_deal(self, deal: Fact) -> Ref:
        """The one client of a deal."""
        if deal.body.get("company"):
            return str(deal.body["company"])
        contacts = deal.body.get("contacts") or ()
        if not contacts:
            return deal.ref
        main = self._facts.get(contacts[0])
        return main.links[0] if main and main.links else str(contacts[0])

    def knows(self, ref: Ref) -> bool:
        """Whether the card behind this ref was among the facts or could be looked up."""
        return ref in self._facts

    def clients_of_ref(self, ref: Ref) -> set[Ref]:
        """The clients of a card by its ref; a card that is not known is its own."""
        known = self._facts.get(ref)
        return self.clients_of(known) if known else {ref}
