"""Objects read because an event named them: lists by id first, then one by one what a list did not give.

A row that a list leaves out may be deleted or only hidden from the webhook's owner (facts/bitrix24.md 9.9), so nothing
is called gone before it was asked for by itself as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.crm.bitrix24.api import BATCH_LIMIT, Answers, Command
from connector.crm.bitrix24.elsewhere import Row
from connector.crm.bitrix24.feeds import ACTIVITY_SELECT, PAGE, TASK_SELECT, BatchReader, card_list
from connector.crm.bitrix24.mapping import ENTITY_TYPES, gone_fact
from connector.crm.bitrix24.scan import ToFacts
from connector.crm.port import Fact, FactKind, Page, Ref, Wanted
from connector.errors import Gone, Refused


def read_named(refs: Sequence[Ref], read: BatchReader, wanted: Wanted, to_facts: ToFacts) -> Iterator[Page]:
    """Pages that together answer every ref. Raises CrmError."""
    missing: list[Ref] = [ref for ref in refs if ref.partition(":")[0] == "task"]
    for part in _parts(_lists(refs, wanted)):
        answers = read({name: command for name, (_, _, command) in part.items()})
        found = [(kind, _rows(answers, name)) for name, (kind, _, _) in part.items()]
        there = {f"{kind}:{row.get('id', row.get('ID'))}" for kind, rows in found for row in rows}
        missing += [ref for _, asked, _ in part.values() for ref in asked if ref not in there]
        yield Page(facts=to_facts(found), answered=frozenset(there & set(refs)))
    for first in range(0, len(missing), BATCH_LIMIT):
        yield _one_by_one(missing[first : first + BATCH_LIMIT], read, to_facts)


def _lists(refs: Sequence[Ref], wanted: Wanted) -> dict[str, tuple[FactKind, list[Ref], Command]]:
    """One list per kind and page of ids."""
    lists: dict[str, tuple[FactKind, list[Ref], Command]] = {}
    kinds: tuple[FactKind, ...] = ("deal", "contact", "company", "signal")
    for kind in kinds:
        asked = [ref for ref in refs if ref.startswith(f"{kind}:")]
        for first in range(0, len(asked), PAGE):
            page = asked[first : first + PAGE]
            numbers = [ref.partition(":")[2] for ref in page]
            command = (
                Command("crm.activity.list", {"select": ACTIVITY_SELECT, "filter": {"@ID": numbers}, "start": -1})
                if kind == "signal"
                else Command("crm.item.list", {**card_list(kind, wanted), "filter": {"@id": numbers}, "start": -1})
            )
            lists[f"{kind}_{first}"] = (kind, page, command)
    return lists


def _parts(
    lists: dict[str, tuple[FactKind, list[Ref], Command]],
) -> Iterator[dict[str, tuple[FactKind, list[Ref], Command]]]:
    names = list(lists)
    for first in range(0, len(names), BATCH_LIMIT):
        yield {name: lists[name] for name in names[first : first + BATCH_LIMIT]}


def _rows(answers: Answers, name: str) -> list[Mapping[str, Any]]:
    answer = answers.by_key[name]
    if answer.error is not None:
        raise answer.error
    result = answer.result.get("items", []) if isinstance(answer.result, dict) else answer.result
    return result or []


def _one_by_one(refs: Sequence[Ref], read: BatchReader, to_facts: ToFacts) -> Page:
    """Each by its own call. Gone when the portal says so; what may not be read is answered without a fact."""
    commands = {f"one_{number}": _get(ref) for number, ref in enumerate(refs)}
    answers = read(commands)
    gone: list[Fact] = []
    found: list[tuple[FactKind, list[Row]]] = []
    for ref, answer in zip(refs, answers.by_key.values(), strict=True):
        kind: FactKind = ref.partition(":")[0]  # type: ignore[assignment]  # refs name fact kinds
        if answer.error is not None and not isinstance(answer.error, Gone | Refused):
            raise answer.error
        row = _row(kind, answer.result)
        if row is None and (isinstance(answer.error, Gone) or (kind == "task" and answer.error is None)):
            gone.append(gone_fact(ref, answers.at or datetime.now(UTC)))
        elif row is not None:
            found.append((kind, [row]))
    return Page(facts=(*gone, *to_facts(found)), answered=frozenset(refs))


def _get(ref: Ref) -> Command:
    kind, _, number = ref.partition(":")
    if kind == "task":
        return Command("tasks.task.get", {"taskId": number, "select": TASK_SELECT})
    if kind == "signal":
        return Command("crm.activity.get", {"id": number})
    asked = {"entityTypeId": ENTITY_TYPES[kind], "id": number, "useOriginalUfNames": "Y"}  # type: ignore[index]  # the three cards
    return Command("crm.item.get", asked)


def _row(kind: FactKind, result: Any) -> Mapping[str, Any] | None:
    """The row of a single answer; an empty list is a task that is not there."""
    if not isinstance(result, dict):
        return None
    row = result if kind == "signal" else result.get("task" if kind == "task" else "item")
    return row if isinstance(row, dict) and row else None
