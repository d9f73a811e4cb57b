"""Looking for creates whose outcome is not known: by the marker at the end of the text.

Tasks have no outside id and no text search (facts/amocrm.md 5.2). So the tasks of the cards concerned are listed, open
and done; of very many cards it is less to list what was made or changed since (facts/bulk.md 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from connector.crm.amocrm.api import Api, Params
from connector.crm.amocrm.bodies import NOTE, card_of
from connector.crm.amocrm.mapping import MARKER
from connector.crm.port import Effect
from connector.errors import Gone, Refused

CARDS_AT_ONCE: Final = 100
"""Cards named in one request: about 3.5 kB of address."""
MANY: Final = 500
"""Cards from which on the time decides."""
LOOK_BACK: Final = timedelta(minutes=2)
"""Clocks of the account and ours may differ by so much."""


def find(api: Api, effects: Sequence[Effect], since: datetime) -> dict[str, str]:
    """Effect key -> remote id of those that did reach the CRM; of two with one marker the older. Raises CrmError."""
    found: dict[str, str] = {}
    by_marker = {effect.marker: effect for effect in effects if effect.verb in ("create_task", "offer_touch")}
    for row in _tasks(api, list(by_marker.values()), since):
        effect = by_marker.get(_marker(row.get("text")))
        if effect is not None:  # read upwards: of two, the older one is kept
            found.setdefault(effect.key, f"task:{row['id']}" if effect.verb == "offer_touch" else str(row["id"]))
    told = [effect for effect in effects if effect.verb == "tell"]
    by_marker = {effect.marker: effect for effect in told}
    for row in _notes(api, told):
        text = row["params"].get("text") if isinstance(row.get("params"), dict) else ""
        effect = by_marker.get(_marker(text))
        if effect is not None:
            found.setdefault(effect.key, str(row["id"]))
    return found


def _marker(text: Any) -> str:
    """The last marker counts: what stands above it came from people."""
    return next(iter(MARKER.findall(str(text or ""))[-1:]), "")


def _tasks(api: Api, effects: Sequence[Effect], since: datetime) -> Iterator[Mapping[str, Any]]:
    """Tasks of the cards concerned, whatever their date, or of all cards since then."""
    by_card = list(_by_card(effects))
    lately: Params = [("filter[updated_at][from]", int((since - LOOK_BACK).timestamp()))]
    if sum(len(numbers) for _, numbers in by_card) > MANY:
        asked = [lately]
    else:
        asked = [
            [("filter[entity_type]", plural), *_named(numbers)] if plural else lately for plural, numbers in by_card
        ]
    for params in asked:
        for rows in api.rows("tasks", "tasks", [*params, ("order[id]", "asc")], name="tasks"):
            yield from rows


def _notes(api: Api, effects: Sequence[Effect]) -> Iterator[Mapping[str, Any]]:
    for plural, numbers in _by_card(effects):
        if not plural:
            continue
        params = [*_named(numbers), ("filter[note_type][]", NOTE), ("order[id]", "asc")]
        try:
            for rows in api.rows(f"{plural}/notes", "notes", params, name=f"{plural}/notes"):
                yield from rows
        except (Refused, Gone):
            continue  # these notes may not be read: nothing can be found there


def _named(numbers: Sequence[str]) -> list[tuple[str, str]]:
    return [("filter[entity_id][]", number) for number in numbers]


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
