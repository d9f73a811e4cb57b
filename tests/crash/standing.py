"""What stands in a portal against what a seed wanted: lost, there twice, otherwise, or not as our tables say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.crm.port import Ref
from connector.store import Store
from crash.seeds import Asking, Work


def wrong(work: Work, ledger: Mapping[str, Any], store: Store, crm: str) -> list[str]:
    """Every flaw, by the occurrence, marker or card it is about. `ledger`: the sandbox's, of the work's portal."""
    return [
        *(f"dead: {one.effect.key} {one.code}" for one in store.dead_effects(work.portal, 100)),
        *_asked(work, ledger, store, crm),
        *_told(work, ledger, crm),
        *_scored(work, ledger),
    ]


def _asked(work: Work, ledger: Mapping[str, Any], store: Store, crm: str) -> Iterator[str]:
    rows = {row.key: row for row in store.ledger(work.portal)}
    tasks = _by_marker([{**task, "xml_id": task["xml_id"] or _last_line(task)} for task in ledger["tasks"]], "xml_id")
    cards = _by_marker(ledger["plans"], "origin")
    for wanted in work.asked:
        there = [("task", task) for task in tasks.get(wanted.marker, ())]
        there += [("activity", card) for card in cards.get(wanted.marker, ())]
        if len(there) != 1:
            yield f"{wanted.title}: {f'{len(there)} times' if there else 'lost'}"
            continue
        kind, made = there[0]
        row = rows[wanted.key]
        known = row.offer if wanted.offered else f"task:{row.task_id}"
        if known != f"{kind}:{made['id']}":
            yield f"{wanted.title}: {known} in the tables, {kind}:{made['id']} in the portal"
        flaws = _of_card if kind == "activity" else _of_task if crm == "bitrix24" else _of_amocrm_task
        yield from (f"{wanted.title}: {flaw}" for flaw in flaws(made, wanted))


def _of_task(task: Mapping[str, Any], wanted: Asking) -> Iterator[str]:
    yield from _differences(wanted, task["title"], task["assignee"], task["due"], task["open"])
    for line in wanted.lines:
        if task["text"].count(line) != 1:
            yield f"{line!r} {task['text'].count(line)} times"


def _of_amocrm_task(task: Mapping[str, Any], wanted: Asking) -> Iterator[str]:
    """Its title is the first line of its text; what it was closed with stands in its result; reopening says nothing."""
    title = task["text"].partition("\n")[0].removeprefix("Касание: ")
    yield from _differences(wanted, title, task["assignee"], task["due"], task["open"])
    if wanted.offered:
        if wanted.lines and task["text"].count(wanted.lines[-1]) != 1:
            yield f"shows {task['text']!r}"
        return
    added = [line for line, verb in zip(wanted.lines, wanted.steps, strict=True) if verb == "add_line"]
    yield from (f"{one!r} {times} times" for one in added if (times := task["text"].count(one)) != 1)
    if not wanted.open and not task["result"].endswith(wanted.lines[-1]):
        yield f"its result is {task['result']!r}"


def _last_line(task: Mapping[str, Any]) -> str:
    """AmoCRM keeps no outside id: the marker is the last line."""
    return str(task["text"]).rpartition("\n")[2].strip("[]")


def _of_card(card: Mapping[str, Any], wanted: Asking) -> Iterator[str]:
    yield from _differences(wanted, card["title"], card["assignee"], card["due"], not card["completed"])
    shown = card["layout"]["body"]["blocks"].get("status", {}).get("properties", {}).get("value")
    if shown != next(iter(wanted.lines[-1:]), None):
        yield f"shows {shown!r}"


def _differences(wanted: Asking, title: str, assignee: int, due: str, is_open: bool) -> Iterator[str]:
    shown = (title, str(assignee), datetime.fromisoformat(due), is_open)
    meant = (wanted.title, wanted.assignee, wanted.due, wanted.open)
    yield from (f"is {one}, not {other}" for one, other in zip(shown, meant, strict=True) if one != other)


def _told(work: Work, ledger: Mapping[str, Any], crm: str) -> Iterator[str]:
    """On amoCRM, which notifies nobody, the note is all."""
    for one in work.told:
        notes = sum(one.marker in note["text"] and _ref(note["card"]) == one.card for note in ledger["comments"])
        messages = sum((each["tag"], str(each["to"])) == (one.marker, one.person) for each in ledger["notifications"])
        if (notes, messages) != (1, 1 if crm == "bitrix24" else 0):
            yield f"{one.marker}: {notes} notes, {messages} messages"


def _scored(work: Work, ledger: Mapping[str, Any]) -> Iterator[str]:
    """The last one stands on the card, and none was put there twice."""
    for card, scores in work.scores.items():
        written = [one for one in ledger["writes"] if f"{one['card']}:{one['id']}" == card]
        times = Counter(one["value"] for one in written if one["changed"])
        last = [one["value"] for one in written if one["code"].upper() == "KASANIE_GAPS"][-1:]
        if last != [scores[-1].gaps_text]:
            yield f"{card}: the last score is {last}"
        yield from (f"{one.gaps_text}: {times[one.gaps_text]} times" for one in scores if times[one.gaps_text] > 1)


def _by_marker(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row[name]:
            found.setdefault(row[name], []).append(row)
    return found


def _ref(card: Sequence[Any]) -> Ref:
    return f"{card[0]}:{card[1]}"
