"""Looking for creates whose outcome is not known: by the marker at the end of the text.

Tasks have no outside id and no text search (facts/amocrm.md 5.2), so those of the cards concerned are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.crm.amocrm.api import Api
from connector.crm.amocrm.bodies import NOTE, card_of
from connector.crm.amocrm.mapping import MARKER
from connector.crm.port import Effect

CARDS_AT_ONCE = 50
"""Cards named in one request: about 1.5 kB of address."""


def find(api: Api, effects: Sequence[Effect], since: datetime) -> dict[str, str]:
    """Effect key -> remote id of those that did reach the CRM; of two with one marker the older. Raises CrmError."""
    asked = [effect for effect in effects if effect.verb == "create_task"]
    told = [effect for effect in effects if effect.verb == "tell"]
    found: dict[str, str] = {}
    keys = {effect.marker: effect.key for effect in asked}
    for row in _tasks(api, asked, since):
        _adopt(found, keys, row.get("text"), row)
    keys = {effect.marker: effect.key for effect in told}
    for row in _notes(api, told):
        text = row["params"].get("text") if isinstance(row.get("params"), dict) else ""
        _adopt(found, keys, text, row)
    return found


def _adopt(found: dict[str, str], keys: Mapping[str, str], text: Any, row: Mapping[str, Any]) -> None:
    """The last marker counts: what stands above it came from people."""
    for marker in MARKER.findall(str(text or ""))[-1:]:
        if marker in keys:
            found.setdefault(keys[marker], str(row["id"]))


def _tasks(api: Api, effects: Sequence[Effect], since: datetime) -> Iterator[dict[str, Any]]:
    """Tasks of the cards concerned, whatever their date: the CRM's clock need not agree with ours."""
    for plural, numbers in _by_card(effects):
        by_card = [("filter[entity_type]", plural), *(("filter[entity_id][]", number) for number in numbers)]
        params = by_card if plural else [("filter[updated_at][from]", int(since.timestamp()))]
        for rows in api.rows("tasks", "tasks", [*params, ("order[id]", "asc")], name="tasks"):
            yield from rows


def _notes(api: Api, effects: Sequence[Effect]) -> Iterator[dict[str, Any]]:
    for plural, numbers in _by_card(effects):
        if plural:
            by_card = [("filter[entity_id][]", number) for number in numbers]
            params = [*by_card, ("filter[note_type][]", NOTE), ("order[id]", "asc")]
            for rows in api.rows(f"{plural}/notes", "notes", params, name=f"{plural}/notes"):
                yield from rows


def _by_card(effects: Sequence[Effect]) -> Iterator[tuple[str, list[str]]]:
    """The cards that the effects are bound to, by plural, a few at once; those bound to none under an empty one."""
    cards: dict[str, set[str]] = {}
    for effect in effects:
        plural, number = card_of(effect) or ("", "")
        cards.setdefault(plural, set()).add(number)
    for plural, numbers in cards.items():
        ordered = sorted(numbers)
        for start in range(0, len(ordered), CARDS_AT_ONCE):
            yield plural, ordered[start : start + CARDS_AT_ONCE]
