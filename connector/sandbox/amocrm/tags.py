"""Tags of cards: a set that a write replaces, lengthens or shortens (facts/amocrm.md 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account
from connector.sandbox.amocrm.answers import hal, page_of
from connector.sandbox.amocrm.face import Face, asked_query, sent_array
from connector.sandbox.amocrm.problems import missing, not_supported, wrong_type
from connector.sandbox.records import CardKind

Retag = Callable[[list[int]], list[int]]
"""The tags of a card → its tags after a write."""
FIRST_ID = 263_800


def add_tags(face: Face) -> None:
    """Hang up the calls about tags."""
    keeper = _Keeper(face.account)
    for plural in PLURAL.values():
        face.on("GET", f"{plural}/tags", lambda plural=plural: keeper.several(KIND_OF[plural]))
        face.on("POST", f"{plural}/tags", lambda plural=plural: keeper.create(KIND_OF[plural]))


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self, kind: CardKind) -> Response:
        """A page of tags."""
        query = asked_query()
        ids, name, words = query.ids("filter", "id"), query.one("filter", "name"), query.one("query") or ""
        rows = [
            number
            for number, told in self._account.kept.tags[kind].items()
            if (ids is None or number in ids) and name in (None, told) and words.lower() in told.lower()
        ]
        return page_of(self._account, query, "tags", rows, lambda number: self._shown(kind, number))

    def create(self, kind: CardKind) -> Response:
        """New tags; a known name gives the known id."""
        rows = []
        for place, one in enumerate(sent_array(self._account)):
            shown = self._shown(kind, tag_named(self._account, kind, str(one.get("name") or "")))
            rows.append({**shown, "request_id": str(one.get("request_id", place))})
        return hal({"_total_items": len(rows), "_embedded": {"tags": rows}})

    def _shown(self, kind: CardKind, number: int) -> dict[str, Any]:
        return shown_tags(self._account, kind, [number])[0]


def tag_named(account: Account, kind: CardKind, name: str) -> int:
    """The id of a tag by its name, made where it is new. Raises Flaw: without a name."""
    if not name:
        raise missing("name")
    with account.base.lock:
        known = account.kept.tags[kind]
        found = next((number for number, told in known.items() if told == name), None)
        if found is None:
            found = FIRST_ID + account.base.new_id("tag")
            known[found] = name
        return found


def shown_tags(account: Account, kind: CardKind, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Tags as a card embeds them."""
    return [{"id": one, "name": account.kept.tags[kind][one], "color": None} for one in numbers]


def read_tags(account: Account, kind: CardKind, sent: dict[str, Any]) -> Retag | None:
    """What a write does to the tags of its card; None: nothing. Raises Flaw."""
    embedded = sent.get("_embedded") or {}
    wanted = _ids(account, kind, embedded["tags"], "_embedded.tags") if "tags" in embedded else None
    more = _ids(account, kind, sent.get("tags_to_add"), "tags_to_add")
    fewer = _ids(account, kind, sent.get("tags_to_delete"), "tags_to_delete")
    if wanted is None and not more and not fewer:
        return None
    return lambda old: [one for one in dict.fromkeys([*(old if wanted is None else wanted), *more]) if one not in fewer]


def _ids(account: Account, kind: CardKind, rows: Any, path: str) -> list[int]:
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise wrong_type(path, "array")
    found = []
    for place, one in enumerate(rows):
        if one.get("id") is None:
            found.append(tag_named(account, kind, str(one.get("name") or "")))
        elif one["id"] in account.kept.tags[kind]:
            found.append(one["id"])
        else:
            raise not_supported(f"{path}.{place}.id")
    return found
