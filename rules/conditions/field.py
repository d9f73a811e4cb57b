"""`field`: what a mapped field of the deal, the client, the contact or the dossier holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.assessment import Reason
from rules.conditions import Judgement
from rules.conditions.kinds import ALL, Subjects, Where, bound, listed, read_bounds, read_number
from rules.facts import UNKNOWN
from rules.problems import Hint
from rules.scope import dossier_fields, meant_here
from rules.shape import cure, number_or_none

if TYPE_CHECKING:
    from rules.case import Case
    from rules.conditions import Condition

_NAME: Final = re.compile(r"(deal|client|contact|dossier)\.([^\s.{}]{1,80})")
_WORDS: Final = ("below", "at_least", "known", "ahead")


@dataclass(frozen=True, slots=True)
class Field:
    """Reads `{client.strategic: true}`, `{dossier.next_need: {ahead: true}}`; several names must all hold."""

    key: str = "field"
    subjects: Subjects = ALL

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """One condition per name and bound."""
        if not isinstance(value, dict) or not value:
            where.refuse("not-map", hint=Hint(code="write-field"))
            return ()
        return tuple(
            condition
            for name, wanted in value.items()
            if _known(name, where.below(name))
            for condition in _read_one(name, wanted, where.below(name))
        )


def _known(name: str, where: Where) -> bool:
    match = _NAME.fullmatch(name)
    own = where.scope.subject
    if match is None or (own is not None and match[1] in ("deal", "contact") and match[1] != own):
        where.refuse("unknown-field-name", {"name": name}, hint=Hint(code="write-field"), on_key=True)
        return False
    fields = dossier_fields(where.scope)
    if match[1] == "dossier" and fields is not None and match[2] not in fields:
        where.refuse("unknown-dossier-field", {"name": match[2]}, hint=meant_here(match[2], fields), on_key=True)
        return False
    return True


def _read_one(name: str, wanted: Any, where: Where) -> list[Condition]:
    if not isinstance(wanted, dict):
        values = listed(wanted)
        if not values:
            where.refuse("empty-list")
        for index, value in enumerate(values):
            if value is None or isinstance(value, dict | tuple):
                (where.below(index) if values is wanted else where).refuse("wrong-value", hint=Hint(code="write-field"))
        return [Holds(str(where), name, "is", values)]
    if not wanted:
        where.refuse("no-bound", hint=Hint(code="write-bound"))
    found: list[Condition] = []
    for word, limit in wanted.items():
        at = where.below(word)
        if word in ("known", "ahead"):
            if not isinstance(limit, bool):
                at.refuse("not-boolean", hint=cure("not-boolean", limit))
            found.append(Holds(str(where), name, word, limit))
        elif word in ("below", "at_least"):
            found += [Holds(str(where), name, one, n) for one, n in read_bounds({word: limit}, where, read_number)]
        else:
            at.refuse("unknown-key", {"key": word}, hint=meant_here(word, _WORDS), on_key=True)
    return found


@dataclass(frozen=True, slots=True)
class Holds:
    """Judges one field."""

    path: str
    name: str
    word: str
    """`is`, `below`, `at_least`, `known`, `ahead`."""
    wanted: Any
    key: str = "field"

    def judge(self, case: Case) -> Judgement:
        """Empty is not matched, but for `known: false`."""
        seen = _value(case, self.name, only_whether=self.word == "known")
        holds: bool | None = None
        until = None
        if seen is not UNKNOWN:
            if self.word == "known":
                holds = (seen not in (None, False)) is self.wanted
            elif self.word == "ahead":
                holds, until = self._ahead(seen, case)
            elif seen in (None, "", ()):
                holds = False
            elif self.word == "is":
                holds = any(_same(one, wanted) for one in listed(seen) for wanted in self.wanted)
            else:
                number = number_or_none(seen)
                holds = number is not None and bound(self.word, self.wanted)(number)
        wanted = self.wanted if self.word == "is" else (self.word, self.wanted)
        hidden = self.name.startswith("dossier.") and isinstance(seen, str | tuple)
        shown = bool(seen) if hidden else seen  # what the dossier says about people is nobody's reason
        return Judgement(holds, Reason(path=self.path, code=self.key, seen=shown, wanted=wanted), until)

    def _ahead(self, seen: Any, case: Case) -> tuple[bool, datetime | None]:
        if not isinstance(seen, date):
            return False, None
        zone = case.snapshot.portal.zone
        day = seen.astimezone(zone).date() if isinstance(seen, datetime) else seen
        if day < case.today:
            return self.wanted is False, None
        if day >= date.max - timedelta(days=2):  # a date for ever, 31.12.9999
            return self.wanted is True, None
        after = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        return self.wanted is True, after


def _value(case: Case, name: str, *, only_whether: bool) -> Any:
    """The field's value; for a dossier field asked only whether it is known, whether it is filled."""
    card, _, field = name.partition(".")
    client = case.snapshot.client
    if card == "dossier":
        entry = client.dossier.get(field)
        if entry is None or entry.filled is UNKNOWN:
            return UNKNOWN if entry else None
        return (entry.filled or None) if only_whether else entry.value
    fields = client.fields if card == "client" else case.deal.fields if card == "deal" and case.deal else None
    if card == "contact" and case.contact:
        fields = case.contact.fields
    value = (fields or {}).get(field)
    if only_whether:
        return UNKNOWN if value is UNKNOWN else value not in (None, "", ())
    return value


def _same(seen: Any, wanted: Any) -> bool:
    """Texts without regard to case, numbers by value, everything else as it is written."""
    if isinstance(seen, bool) or isinstance(wanted, bool):
        return seen is wanted
    if isinstance(seen, int | Decimal) and isinstance(wanted, int | Decimal):
        return seen == wanted
    return str(seen).strip().casefold() == str(wanted).strip().casefold()


CONDITION: Final = Field()
