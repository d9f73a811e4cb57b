"""Companies, contacts and deals of a portal and their custom fields."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.journal import Journal
from connector.sandbox.records import (
    Card,
    CardKind,
    Company,
    Contact,
    Deal,
    FieldSpec,
    FieldWrite,
)

LINKS = {"company": "company", "contacts": "contact", "company_ids": "company"}
"""Attribute of a card → kind of the cards it links to."""


class UnknownRecord(LookupError):  # noqa: N818  # a word of the sandbox, told by the faces as their own error
    """No such record in this portal."""


class Cards(Journal):
    """The cards; every method that writes is one save."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.fields: dict[int, FieldSpec] = {}
        self.companies: dict[int, Company] = {}
        self.contacts: dict[int, Contact] = {}
        self.deals: dict[int, Deal] = {}
        self.writes: list[FieldWrite] = []
        self._people: defaultdict[int, set[int]] = defaultdict(set)

    # reading

    def card(self, kind: CardKind, card_id: int) -> Card:
        """A card that is not deleted.

        Raises:
            UnknownRecord: none of this id, or deleted.
        """
        found: Card | None = self.pile(kind).get(card_id)
        if found is None or found.deleted:
            raise UnknownRecord(f"{kind} {card_id}")
        return found

    def pile(self, kind: CardKind) -> dict[int, Any]:
        """All cards of a kind by id, the deleted ones too."""
        piles: dict[CardKind, dict[int, Any]] = {
            "company": self.companies,
            "contact": self.contacts,
            "deal": self.deals,
        }
        return piles[kind]

    def people_of(self, company: int) -> list[int]:
        """The ids of a company's contacts, ascending."""
        return sorted(one for one in self._people[company] if not self.contacts[one].deleted)

    def field_specs(self, kind: CardKind) -> dict[str, FieldSpec]:
        """Custom fields of a card by code."""
        return {spec.code: spec for spec in self.fields.values() if spec.card == kind}

    # writing

    def add_company(
        self,
        title: str,
        *,
        owner: int = 0,
        by: int = 0,
        at: datetime | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Company:
        """A new company."""
        with self.editing():
            made = Company(id=self.new_id("company"), title=title, **self._origin(owner, by, at, fields))
            self.companies[made.id] = made
            self._note_new("company", made)
            return made

    def add_contact(
        self,
        first_name: str,
        last_name: str = "",
        *,
        company_ids: list[int] | None = None,
        birthday: date | None = None,
        phone: str = "",
        email: str = "",
        owner: int = 0,
        by: int = 0,
        at: datetime | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Contact:
        """A new contact."""
        with self.editing():
            made = Contact(
                id=self.new_id("contact"),
                first_name=first_name,
                last_name=last_name,
                company_ids=list(company_ids or ()),
                birthday=birthday,
                phone=phone,
                email=email,
                **self._origin(owner, by, at, fields),
            )
            self.contacts[made.id] = made
            for company in made.company_ids:
                self._people[company].add(made.id)
            self._note_new("contact", made)
            return made

    def update_card(
        self,
        kind: CardKind,
        card_id: int,
        *,
        by: int = 0,
        fields: dict[str, Any] | None = None,
        at: datetime | None = None,
        **attributes: Any,
    ) -> Card:
        """Change custom fields (by code) and attributes (by name).

        Where no value changes nothing is saved: `updated` stays and nobody hears of it.

        Raises:
            UnknownRecord: no such card.
        """
        with self.editing():
            card, moment = self.card(kind, card_id), self.moment(at)
            before: dict[str, Any] = {}
            after: dict[str, Any] = {}
            for code, value in (fields or {}).items():
                changed = card.fields.get(code) != value
                self.writes.append(
                    FieldWrite(
                        at=moment, card=kind, id=card_id, code=code, value=value, by_api=self.by_api, changed=changed
                    )
                )
                if changed:
                    before[code], after[code] = card.fields.get(code), value
                    card.fields[code] = value
            for name, value in attributes.items():
                if getattr(card, name) != value:
                    before[name], after[name] = getattr(card, name), value
                    setattr(card, name, value)
            if "company_ids" in after:
                for company in before["company_ids"]:
                    self._people[company].discard(card_id)
                for company in after["company_ids"]:
                    self._people[company].add(card_id)
            if after:
                card.updated, card.updated_by = moment, by
                self._note_edit(kind, card_id, by=by, at=moment, before=before, after=after)
            return card

    def delete_card(self, kind: CardKind, card_id: int, *, by: int = 0, at: datetime | None = None) -> None:
        """Into the bin."""
        with self.editing():
            self.card(kind, card_id).deleted = True
            self.note("deleted", kind, card_id, by=by, at=self.moment(at))

    def restore_card(self, kind: CardKind, card_id: int, *, by: int = 0) -> None:
        """Back from the bin."""
        with self.editing():
            if card_id not in self.pile(kind):
                raise UnknownRecord(f"{kind} {card_id}")
            self.pile(kind)[card_id].deleted = False
            self.note("restored", kind, card_id, by=by, at=self.clock.now())

    # notes of one save

    def _origin(self, owner: int, by: int, at: datetime | None, fields: dict[str, Any] | None) -> dict[str, Any]:
        moment = self.moment(at)
        return {
            "owner": owner,
            "created": moment,
            "updated": moment,
            "created_by": by,
            "updated_by": by,
            "fields": dict(fields or {}),
        }

    def _note_new(self, kind: CardKind, card: Company | Contact | Deal) -> None:
        self.note("added", kind, card.id, by=card.created_by, at=card.created, after={"title": card.title})
        for name, linked in LINKS.items():
            after = _ids(getattr(card, name, None))
            self._note_links(kind, card.id, linked, by=card.created_by, at=card.created, before=[], after=after)

    def _note_edit(
        self, kind: CardKind, card_id: int, *, by: int, at: datetime, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        for name, linked in LINKS.items():
            if name in after:
                self._note_links(
                    kind, card_id, linked, by=by, at=at, before=_ids(before[name]), after=_ids(after[name])
                )
        if "owner" in after:
            self.note(
                "owner", kind, card_id, by=by, at=at, before={"owner": before["owner"]}, after={"owner": after["owner"]}
            )
        rest = set(after) - {"owner", *LINKS}
        if rest:
            old, new = ({key: values[key] for key in after if key in rest} for values in (before, after))
            self.note("updated", kind, card_id, by=by, at=at, before=old, after=new)

    def _note_links(
        self, kind: CardKind, card_id: int, linked: str, *, by: int, at: datetime, before: list[int], after: list[int]
    ) -> None:
        for one in after:
            if one not in before:
                self.note("linked", kind, card_id, by=by, at=at, after={"kind": linked, "id": one})
        for one in before:
            if one not in after:
                self.note("unlinked", kind, card_id, by=by, at=at, before={"kind": linked, "id": one})


def _ids(value: Any) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
