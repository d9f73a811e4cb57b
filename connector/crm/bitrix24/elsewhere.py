"""What belongs to a card and lies outside it: a client's requisites, a deal's products. Read where the map names it.

Places in portal.yaml: `company.requisite.RQ_INN`, `contact.requisite.UF_CRM_…`, `deal.products` (their names).
Sources: facts/bitrix24.md 4.6; crm.requisite.list and crm.item.productrow.list take arrays of owners, their pages
begin at `start`. Of several requisites the first counts as a whole, by SORT and ID, active ones before others; those
that only hold an address are no requisites.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.crm.bitrix24.api import BATCH_LIMIT, Command
from connector.crm.bitrix24.feeds import PAGE, BatchReader, Feed
from connector.crm.bitrix24.mapping import CARD_OF_TYPE, ENTITY_TYPES, PRODUCTS, REQUISITE
from connector.crm.bitrix24.values import number_or_none
from connector.crm.port import FactKind, Ref, Wanted
from connector.errors import Gone, Refused

Row = Mapping[str, Any]
REQUISITE_SELECT: Final = ("ID", "ENTITY_TYPE_ID", "ENTITY_ID", "ACTIVE", "ADDRESS_ONLY", "SORT")
REQUISITES: Final = {"requisite_new": ">=DATE_CREATE", "requisite_changed": ">=DATE_MODIFY"}
"""Their feeds, each with its filter by time."""
_HOLDERS: Final[tuple[FactKind, ...]] = ("company", "contact")
"""Only these may have requisites."""


def requisite_names(kind: FactKind, wanted: Wanted) -> tuple[str, ...]:
    """Wanted fields of a card's requisites, in Bitrix24's names."""
    names = getattr(wanted, kind) if kind in _HOLDERS else ()
    return tuple(name.removeprefix(REQUISITE) for name in names if name.startswith(REQUISITE))


def wants_requisites(wanted: Wanted) -> bool:
    """Whether anything of a requisite is to be read at all."""
    return any(requisite_names(kind, wanted) for kind in _HOLDERS)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be read about a page of cards."""

    kind: FactKind
    owners: tuple[str, ...]
    command: Command


def joined(
    cards: Iterable[tuple[FactKind, Sequence[Row]]], wanted: Wanted, read: BatchReader
) -> list[tuple[FactKind, list[Row]]]:
    """The rows of cards with what is wanted of their requisites (`requisite.RQ_INN`) and products (`products`).

    Other rows stay as they are, and nothing is read where nothing is wanted. What may not be read is left out of the
    row, which says just that. Raises CrmError.
    """
    given = [(kind, list(rows)) for kind, rows in cards]
    questions = [
        _Question(kind, page, command)
        for kind in ENTITY_TYPES
        for page in _pages(str(row["id"]) for each, rows in given if each == kind for row in rows)
        if (command := _command(kind, page, wanted)) is not None
    ]
    told: dict[Ref, list[Row]] = {}
    for question, found in zip(questions, _read_all([one.command for one in questions], read), strict=True):
        if found is not None:
            told |= {f"{question.kind}:{owner}": [] for owner in question.owners}
            for row in found:
                told.get(f"{question.kind}:{row.get('ENTITY_ID', row.get('ownerId'))}", []).append(row)
    return [
        (kind, [_with(kind, row, told.get(f"{kind}:{row.get('id')}"), wanted) for row in rows]) for kind, rows in given
    ]


def requisite_feeds(wanted: Wanted) -> tuple[Feed, ...]:
    """The feeds of new and of changed requisites, where they are wanted: DATE_MODIFY of a new one is empty.

    Their rows are no facts: they name their owners.
    """
    if not wants_requisites(wanted):
        return ()
    asked = {"select": REQUISITE_SELECT[:3]}
    return tuple(
        Feed(name, "company", "crm.requisite.list", (), "ID", "ID", since, asked) for name, since in REQUISITES.items()
    )


def requisite_owners(rows: Iterable[Row]) -> set[Ref]:
    """The cards that these requisites belong to."""
    found = ((CARD_OF_TYPE.get(str(row.get("ENTITY_TYPE_ID"))), number_or_none(row.get("ENTITY_ID"))) for row in rows)
    return {f"{kind}:{number}" for kind, number in found if kind in _HOLDERS and number is not None}


def owners_of(refs: Sequence[Ref], wanted: Wanted, read: BatchReader) -> set[Ref]:
    """The cards that the named requisites (`requisite:27`) belong to; of a deleted one nobody can tell any more.

    Raises CrmError.
    """
    if not wants_requisites(wanted):
        return set()
    commands = [
        Command("crm.requisite.list", {"select": REQUISITE_SELECT[:3], "filter": {"@ID": page}, "order": {"ID": "ASC"}})
        for page in _pages(ref.partition(":")[2] for ref in refs)
    ]
    return requisite_owners(row for rows in _read_all(commands, read) for row in rows or ())


def _pages(numbers: Iterable[str]) -> list[tuple[str, ...]]:
    """Ids in portions of a page, each once."""
    each = tuple(dict.fromkeys(numbers))
    return [each[first : first + PAGE] for first in range(0, len(each), PAGE)]


def _command(kind: FactKind, owners: Sequence[str], wanted: Wanted) -> Command | None:
    """What to ask about some cards of one kind; None: nothing is wanted."""
    if kind == "deal":
        of_deals = {"filter": {"=ownerType": "D", "=ownerId": owners}, "order": {"id": "ASC"}}
        return Command("crm.item.productrow.list", of_deals) if PRODUCTS in wanted.deal else None
    names = requisite_names(kind, wanted)
    of_holders = {
        "select": (*REQUISITE_SELECT, *names),
        "filter": {"ENTITY_TYPE_ID": ENTITY_TYPES[kind], "@ENTITY_ID": owners},
        "order": {"ID": "ASC"},
    }
    return Command("crm.requisite.list", of_holders) if names else None


def _read_all(lists: Sequence[Command], read: BatchReader) -> list[list[Row] | None]:
    """Every list to its end, many in a batch; None: it may not be read."""
    found: list[list[Row] | None] = [[] for _ in lists]
    waiting = [(number, 0) for number in range(len(lists))]
    while waiting:
        now, waiting = waiting[:BATCH_LIMIT], waiting[BATCH_LIMIT:]
        commands = {
            f"list_{number}": Command(lists[number].method, {**lists[number].params, "start": start})
            for number, start in now
        }
        answers = read(commands).by_key
        for number, start in now:
            answer = answers[f"list_{number}"]
            if isinstance(answer.error, Refused | Gone):
                found[number] = None
                continue
            if answer.error is not None:
                raise answer.error
            rows = _rows(answer.result)
            found[number] = [*(found[number] or ()), *rows]
            if len(rows) >= PAGE:
                waiting.append((number, start + PAGE))
    return found


def _rows(result: Any) -> list[Row]:
    rows = result.get("productRows", []) if isinstance(result, dict) else result
    return rows if isinstance(rows, list) else []


def _with(kind: FactKind, row: Row, told: list[Row] | None, wanted: Wanted) -> Row:
    """A card's row with what was found for it; None: nothing could be read, or nothing was asked."""
    if told is None:
        return row
    if kind == "deal":
        return {**row, PRODUCTS: list(dict.fromkeys(one.get("productName") for one in told))}
    chosen = min((one for one in told if one.get("ADDRESS_ONLY") != "Y"), key=_rank, default=None)
    names = requisite_names(kind, wanted)
    if chosen is None:
        return {**row, **{REQUISITE + name: None for name in names}}
    return {**row, **{REQUISITE + name: chosen[name] for name in names if name in chosen}}


def _rank(requisite: Row) -> tuple[bool, int, int]:
    """Active ones first, then as the card shows them."""
    sort, number = (_number(requisite.get(name)) for name in ("SORT", "ID"))
    return requisite.get("ACTIVE") == "N", sort, number


def _number(value: Any) -> int:
    return int(value) if str(value).isdecimal() else 0
