"""Cards and tasks read by id, because a webhook or an event named them and no feed brought them.

Many ids in one list need the paid filter of cards, which is silently ignored without the option; the one of tasks is
free (facts/amocrm.md 2). Only what was asked for counts, and what a list did not bring is asked for by itself before it
is called gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, Final

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import PAGE, Api, Params, embedded
from connector.crm.amocrm.mapping import CARDS, LISTS, PLURALS, gone, linked
from connector.crm.amocrm.paging import Lists
from connector.crm.port import Fact, Ref
from connector.errors import Gone, Refused

AT_A_TIME: Final = 200
"""Refs read between two pages that are stored, and ids in one address: about 6 kB of it."""
TOO_LONG: Final = "414"
_BELONGS: Final = {"companies": "contacts,leads", "contacts": "leads"}
Found = dict[Ref, Mapping[str, Any] | None]
"""None: it does not exist. What is no card and no task is left out."""


class Named:
    """Reads rows by their refs."""

    def __init__(self, api: Api, lists: Lists, account: Account, asked_with: Mapping[str, Params]) -> None:
        """`asked_with`: what belongs to each kind of card, by plural."""
        self._api = api
        self._lists = lists
        self._account = account
        self._with = asked_with

    def read(self, refs: Collection[Ref]) -> Iterator[tuple[list[Ref], Found]]:
        """All of them, some at a time. Raises CrmError."""
        ordered = sorted(refs)
        for start in range(0, len(ordered), AT_A_TIME):
            chunk = ordered[start : start + AT_A_TIME]
            yield chunk, self._chunk(chunk)

    def belonging_to(self, refs: Collection[Ref]) -> set[Ref]:
        """The leads of these contacts and companies, and the contacts of these companies. Raises CrmError."""
        plurals = [(LISTS[kind], number) for kind, _, number in (ref.partition(":") for ref in sorted(refs))]
        asked = [
            partial(self._api.get, f"{plural}/{number}", [("with", _BELONGS[plural])], name=f"{plural}/id")
            for plural, number in plurals
            if plural in _BELONGS
        ]
        rows = self._lists.side_by_side(asked)
        return {ref for row in rows if row for plural in ("leads", "contacts") for ref in linked(row, plural)}

    def _chunk(self, refs: Collection[Ref]) -> Found:
        numbers: dict[str, list[str]] = {}
        for ref in refs:
            kind, _, number = ref.partition(":")
            if kind in LISTS and number.isdecimal():
                numbers.setdefault(kind, []).append(number)
        lists = [
            partial(self._several, kind, asked)
            for kind, asked in numbers.items()
            if len(asked) > 1 and (kind == "task" or self._account.filters_cards())
        ]
        found: Found = {}
        for part in self._lists.side_by_side(lists):
            found |= part
        left = [(kind, one) for kind, asked in numbers.items() for one in asked if f"{kind}:{one}" not in found]
        rows = self._lists.side_by_side([partial(self._one, kind, number) for kind, number in left])
        return found | {f"{kind}:{number}": row for (kind, number), row in zip(left, rows, strict=True)}

    def _several(self, kind: str, numbers: list[str]) -> Found:
        plural, asked = LISTS[kind], [("filter[id][]", number) for number in numbers]
        try:
            body = self._api.get(plural, [*self._with.get(plural, ()), *asked, ("limit", PAGE)], name=f"{plural}/ids")
        except Refused as error:
            if error.code != TOO_LONG or len(numbers) == 1:
                raise
            middle = len(numbers) // 2
            return self._several(kind, numbers[:middle]) | self._several(kind, numbers[middle:])
        wanted = set(numbers)
        return {f"{kind}:{row['id']}": row for row in embedded(body, plural) if str(row["id"]) in wanted}

    def _one(self, kind: str, number: str) -> Mapping[str, Any] | None:
        plural = LISTS[kind]
        try:
            return self._api.get(f"{plural}/{number}", self._with.get(plural, ()), name=f"{plural}/id")
        except Gone:
            return None


def all_gone(ref: Ref, at: int | None) -> Iterator[Fact]:
    """A deleted task may have been one of ours or somebody's meeting. `at`: unix seconds."""
    kind, _, number = ref.partition(":")
    if kind == "task":
        yield gone("task", number, at)
        yield gone("signal", f"task-{number}", at)
    elif kind in PLURALS:
        yield gone(CARDS[PLURALS[kind]], number, at)
