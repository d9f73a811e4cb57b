"""The story of the demo: what happens at five invented clients, and what each step must leave in the CRM.

It acts through the sandbox's control API and looks only at the sandbox's ledger, as a manager looks at his CRM.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.sandbox.installation import Installation, wait_for

PATIENCE: Final = 40.0
"""Real seconds a step may take until its outcome stands in the CRM."""
ZONE: Final = ZoneInfo("Europe/Moscow")
MARKER: Final = re.compile(r"kasanie:[0-9a-f]{12}")

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "silent": (
        "«Северсталь-Метиз», ключевой клиент, молчит 15 дней, активной сделки нет.",
        "“Северсталь-Метиз”, a key client, has been silent for 15 days, with no active deal.",
    ),
    "called": (
        "Менеджер позвонил ему сам. Касание состоялось, задача закрылась без него.",
        "The manager called him. The touch has happened, the task closed by itself.",
    ),
    "new-deal": ("У «Ромашки» появилась новая сделка.", "“Ромашка” has a new deal."),
    "won": ("Сделка «Альфа-Строй» выиграна.", "The deal of “Альфа-Строй” is won."),
    "dossier": (
        "«Полимер»: заполнено 14 полей досье из 50, менеджер вносит пятнадцатое, а в шестнадцатом пишет «уточнить».",
        "“Полимер”: 14 of 50 dossier fields are filled; the manager enters one more and writes «уточнить» in another.",
    ),
    "stalled": (
        "Прошло восемь дней, по КП для «Вектора» никто не звонил.",
        "Eight days have passed and nobody called “Вектор” about the offer.",
    ),
    "task": ("задача «{title}», срок {due}", "task “{title}”, due {due}"),
    "line": ("строка в открытой задаче «{title}», срок {due}", "a line in the open task “{title}”, due {due}"),
    "score": ("заполненность досье на карточке клиента: {value} %", "dossier fill on the client's card: {value} %"),
    "closed": ("задача «{title}» закрыта", "task “{title}” is closed"),
    "why": ("Почему", "Why"),
}


@dataclass(frozen=True)
class Step:
    """One scene: what is done, whose tasks to look at, and what must be found there."""

    code: str
    company: str
    act: Callable[[Stage], None]
    outcome: Callable[[Stage], str | None]
    """What to print once it stands in the CRM; None: not yet."""
    rule: str | None = None
    """The rule whose reasons are told."""


class Stage:
    """One portal on which the story is played."""

    def __init__(self, installation: Installation, portal: str, english: bool) -> None:
        self.installation = installation
        self.portal = portal
        self.english = english

    def say(self, code: str, **given: object) -> str:
        """A sentence in the language of the run."""
        return SENTENCES[code][self.english].format(**given)

    def tell(self, what: str, body: Any) -> Any:
        """Act on this portal."""
        return self.installation.tell(f"{what}?portal={self.portal}", body)

    def ledger(self) -> dict[str, Any]:
        """What the portal holds now."""
        return self.installation.ledger(self.portal)

    def company(self, title: str) -> int:
        """A company's id."""
        found = self.installation.ask(f"cards?portal={self.portal}&title={title}")
        return int(found["company"][0]["id"])

    def card(self, title: str) -> dict[str, Any]:
        """A company with its deals, tasks, touches."""
        story: dict[str, Any] = self.installation.ask(f"cards/company/{self.company(title)}?portal={self.portal}")
        return story

    def tasks(self, company: str, words: str) -> list[dict[str, Any]]:
        """Our tasks of this client whose title or text has these words."""
        return [task for task in self.card(company)["tasks"] if words in task["title"] + task["text"]]

    def asked(self, company: str, words: str) -> str | None:
        """The open task, as a line."""
        for task in self.tasks(company, words):
            if task["open"]:
                due = datetime.fromisoformat(task["due"]).astimezone(ZONE)
                code = "task" if words in task["title"] else "line"
                return self.say(code, title=task["title"], due=f"{due:%d.%m.%Y %H:%M}")
        return None

    def written(self, company: str, code: str) -> list[Any]:
        """Every value that was written into a field of the client's card, in order."""
        number = self.company(company)
        return [
            one["value"]
            for one in self.ledger()["writes"]
            if one["by_api"] and one["card"] == "company" and one["id"] == number and one["code"].lower() == code
        ]


def _dossier_act(stage: Stage) -> None:
    number = stage.company("Полимер")
    stage.tell("cards", {"kind": "company", "id": number, "fields": {"seasonality": "уточнить"}})
    stage.tell("cards", {"kind": "company", "id": number, "fields": {"product_map": "Крепёж у нас, лист у других"}})


def _dossier_outcome(stage: Stage) -> str | None:
    values = [int(value) for value in stage.written("Полимер", "kasanie_fill")]
    return stage.say("score", value=values[-1]) if values and values[-1] == 30 else None


def _call_outcome(stage: Stage) -> str | None:
    closed = [task for task in stage.tasks("Северсталь-Метиз", "Плановое касание") if not task["open"]]
    return stage.say("closed", title=closed[0]["title"]) if closed else None


def _win(stage: Stage) -> None:
    stage.tell("deals/move", {"deal": stage.card("Альфа-Строй")["deals"][0], "stage": "WON"})


STEPS: Final = (
    Step(
        "silent",
        "Северсталь-Метиз",
        lambda _stage: None,
        lambda stage: stage.asked("Северсталь-Метиз", "Плановое касание"),
        "planned-touch-a",
    ),
    Step(
        "called",
        "Северсталь-Метиз",
        lambda stage: stage.tell(
            "activities", {"kind": "call", "company": "Северсталь-Метиз", "answered": True, "seconds": 240}
        ),
        _call_outcome,
        "planned-touch-a",
    ),
    Step(
        "new-deal",
        "Ромашка",
        lambda stage: stage.tell("deals", {"title": "Ромашка: стеллажи", "company": "Ромашка", "amount": 300_000}),
        lambda stage: stage.asked("Ромашка", "Первый контакт"),
        "first-contact",
    ),
    Step("won", "Альфа-Строй", _win, lambda stage: stage.asked("Альфа-Строй", "Поблагодарить"), "thanks"),
    Step("dossier", "Полимер", _dossier_act, _dossier_outcome),
    Step(
        "stalled",
        "Вектор",
        lambda _stage: None,  # the clock is shared: `play` moves it once for all portals
        lambda stage: stage.asked("Вектор", "стоит на этапе"),
        "stalled",
    ),
)


def play(stages: list[Stage], show: Callable[[str], None]) -> None:
    """Play every step on every portal, telling what happened and why.

    Raises:
        TimeoutError: an outcome did not come; the text names step and portal.
    """
    for step in STEPS:
        show("")
        show(stages[0].say(step.code))
        if step.code == "stalled":
            stages[0].installation.tell("clock", {"advance": "8 days"})
        for stage in stages:
            step.act(stage)
        for stage in stages:
            outcome = wait_for(lambda: step.outcome(stage), PATIENCE, f"{step.code}: {stage.portal}")  # noqa: B023  # called at once
            show(f"  {stage.portal}: {outcome}")
        if step.rule is not None:
            show(_why(stages[0], step))


def _why(stage: Stage, step: Step) -> str:
    client = f"company:{stage.company(step.company)}"
    lang = "en" if stage.english else "ru"
    told = stage.installation.run("explain", stage.portal, client, "--rule", str(step.rule), "--lang", lang)
    lines = [line for line in told.stdout.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in (f"{stage.say('why')}:", *lines[:6]))


@dataclass(frozen=True)
class Summary:
    """What the whole story left behind."""

    asked: int
    written: int
    duplicates: int
    faults: tuple[str, ...]


def sum_up(stages: list[Stage]) -> Summary:
    """Count tasks and scores in the ledgers, and look for what must not be."""
    asked = written = duplicates = 0
    faults: list[str] = []
    for stage in stages:
        ledger = stage.ledger()
        markers = Counter(mark for task in ledger["tasks"] if (mark := _marker(task)) is not None)
        fills = Counter(
            (one["card"], one["id"], one["value"], one["at"][:10])
            for one in ledger["writes"]
            if one["by_api"] and one["code"].lower() == "kasanie_fill"
        )
        asked += len(markers)
        written += sum(fills.values())
        duplicates += sum(count - 1 for count in markers.values())
        values = [int(value) for value in stage.written("Полимер", "kasanie_fill")]
        if values[-2:] != [28, 30]:
            faults.append(f"{stage.portal}: Полимер {values}, not 28 then 30")
    return Summary(asked, written, duplicates, tuple(faults))


def _marker(task: Mapping[str, Any]) -> str | None:
    found = MARKER.search(f"{task.get('xml_id') or ''} {task['text']}")
    return found[0] if found else None
