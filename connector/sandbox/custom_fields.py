"""Custom fields of the cards: made, changed and deleted."""

from __future__ import annotations

from typing import Any

from connector.sandbox.cards import Cards, UnknownRecord
from connector.sandbox.records import CardKind, FieldSpec, FieldType


class CustomFields(Cards):
    """The cards whose fields can be defined."""

    def define_field(
        self,
        card: CardKind,
        code: str,
        title: str,
        type: FieldType,  # noqa: A002  # the record's own word
        choices: list[str] | None = None,
        *,
        api_only: bool = False,
        ours: bool = True,
        multiple: bool = False,
        more: dict[str, Any] | None = None,
    ) -> FieldSpec:
        """Make a custom field; the ids of its choices are unique in the portal.

        Raises:
            ValueError: the code is taken.
        """
        with self.editing():
            if code in self.field_specs(card):
                raise ValueError(f"{card} has a field {code} already")
            spec = FieldSpec(
                id=self.new_id("field"),
                card=card,
                code=code,
                title=title,
                type=type,
                choices={self.new_id("choice"): choice for choice in choices or ()},
                api_only=api_only,
                ours=ours,
                multiple=multiple,
                more=dict(more or {}),
            )
            self.fields[spec.id] = spec
            self.note("added", "field", spec.id, by=0, at=self.clock.now(), after={"card": card, "code": code})
            return spec

    def change_field(
        self,
        field_id: int,
        *,
        by: int = 0,
        title: str | None = None,
        choices: dict[int, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> FieldSpec:
        """Change a custom field; new choices are a change of their own (`choices` in it).

        Raises:
            UnknownRecord: no such field.
        """
        with self.editing():
            spec, moment = self._field(field_id), self.clock.now()
            about = {"card": spec.card, "code": spec.code}
            if choices is not None and choices != spec.choices:
                spec.choices = dict(choices)
                self.note("updated", "field", spec.id, by=by, at=moment, after={**about, "choices": dict(choices)})
            spec.title, spec.more = title or spec.title, {**spec.more, **(more or {})}
            self.note("updated", "field", spec.id, by=by, at=moment, after=about)
            return spec

    def delete_field(self, field_id: int, *, by: int = 0) -> None:
        """Delete a custom field with all its values.

        Raises:
            UnknownRecord: no such field.
        """
        with self.editing():
            spec = self._field(field_id)
            del self.fields[field_id]
            for card in self.pile(spec.card).values():
                card.fields.pop(spec.code, None)
            about = {"card": spec.card, "code": spec.code}
            self.note("deleted", "field", field_id, by=by, at=self.clock.now(), after=about)

    def _field(self, field_id: int) -> FieldSpec:
        if field_id not in self.fields:
            raise UnknownRecord(f"field {field_id}")
        return self.fields[field_id]
