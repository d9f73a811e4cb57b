"""What a seed wants written into one portal, in two waves: tasks and what is done to them, proposals, notes, scores."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.crm.port import Choice, Effect, OfferStanding, Ref, Verb
from connector.effects import marker_of
from connector.store import ClientRow, Intent, Judged, Store
from rules.assessment import DossierScore
from rules.ledger import Asked, Key, State

RULE = "seeded"
NOBODY, NOTHING = "company:900001", "deal:900001"
"""Client and subject of the ledger rows: no card of the portal, so no judge ever has a word of his own to say."""
MANAGERS = ("3", "4", "6", "7")
WHILE_OPEN: tuple[Verb, ...] = ("move_task", "assign_task", "add_line", "close_task", "withdraw_task")
NOON = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
CHOICES = (
    Choice(label="Поставить задачу", answer="accept"),
    Choice(label="Позже: через 3 дня", answer="later", days=3),
    Choice(label="Отклонить: не нужно", answer="decline", reason="не нужно"),
)


@dataclass
class Asking:
    """How one task, or one proposal, must stand in the end."""

    key: Key
    marker: str
    title: str
    assignee: str
    due: datetime
    open: bool = True
    lines: list[str] = field(default_factory=list)
    """What was added: each must stand in a task once; a card shows the last one."""
    steps: list[Verb] = field(default_factory=list)
    """What was done with each of the lines."""
    offered: bool = False


@dataclass
class Telling:
    """A note on a card, and a message to a person."""

    marker: str
    card: Ref
    person: str


@dataclass
class Work:
    """One seed's writes. `waves` are recorded one after the other, as two judgements would."""

    name: str
    """`F7-13`: kind of fault and seed."""
    portal: str
    dice: random.Random
    cards: Sequence[Ref]
    """Companies and deals of the portal."""
    waves: tuple[list[Judged], list[Judged]] = field(default_factory=lambda: ([], []))
    asked: list[Asking] = field(default_factory=list)
    told: list[Telling] = field(default_factory=list)
    scores: dict[Ref, list[DossierScore]] = field(default_factory=dict)

    @staticmethod
    def drawn(name: str, portal: str, cards: Sequence[Ref]) -> Work:
        """The same seed always wants the same."""
        work = Work(name, portal, random.Random(name), cards)
        for number in range(work.dice.randint(2, 5)):
            work._ask(number)
        for number in range(work.dice.randint(0, 2)):
            work._offer(number)
        for number in range(work.dice.randint(0, 2)):
            work._tell(number)
        for wave in work.waves[: work.dice.randint(0, 2)]:
            work._score(wave)
        return work

    @property
    def effects(self) -> int:
        """How many writes are wanted."""
        return sum(len(one.intents) + (one.score is not None) for wave in self.waves for one in wave)

    def record(self, store: Store, wave: int, now: datetime) -> None:
        """As judging leaves it: ledger rows, intents and scores, in one transaction for each client."""
        for judged in self.waves[wave]:
            store.record(self.portal, [judged], now)

    def _ask(self, number: int) -> None:
        """A task, and what is done to it afterwards."""
        card = self.dice.choice(self.cards)
        key = Key(RULE, NOTHING, f"{self.name}-{number}")
        wanted = Asking(key, marker_of(self.portal, str(key)), f"Касание {key.occurrence}", *self._whom_and_when())
        create = self._effect(wanted, "ask", text=f"Спросить о поставке [{key.occurrence}].", bind=(card,))
        steps = [create, *(self._change(wanted, place) for place in range(self.dice.randint(0, 3)))]
        self._put(wanted, steps, at_once=number == 0)

    def _change(self, wanted: Asking, place: int) -> Effect:
        verb: Verb = self.dice.choice(WHILE_OPEN) if wanted.open else "reopen_task"
        line = ""
        if verb == "assign_task":
            wanted.assignee = self.dice.choice(MANAGERS)
        if verb in ("move_task", "reopen_task"):
            wanted.due = self._moment()
        if verb not in ("move_task", "assign_task"):
            line = f"Строка {wanted.key.occurrence}-{place}."
            wanted.lines.append(line)
            wanted.steps.append(verb)
        wanted.open = verb not in ("close_task", "withdraw_task")
        return Effect(
            verb=verb,
            key=f"{wanted.key}#{verb}:{place}",
            marker=wanted.marker,
            text=line,
            assignee=wanted.assignee if verb == "assign_task" else None,
            due=wanted.due if verb in ("move_task", "reopen_task") else None,
        )

    def _offer(self, number: int) -> None:
        """A proposal, put off or answered; an accepted one becomes a task of the same occurrence."""
        card = self.dice.choice(self.cards)
        key = Key(RULE, NOTHING, f"{self.name}-offer-{number}")
        marker = marker_of(self.portal, f"{key}#offer")
        title = f"Предложение: {key.occurrence}"
        wanted = Asking(key, marker, title, *self._whom_and_when(), offered=True)
        more: dict[str, Any] = {"bind": (card,), "about": str(key), "hint": "Завершите задачу.", "tag": "Предложение"}
        steps = [self._effect(wanted, "offer", "offer_touch", text="Позвонить?", choices=CHOICES, **more)]
        standing: OfferStanding = self.dice.choice(("open", "accepted", "declined", "ended"))
        if self.dice.random() < 0.7:  # one showing: an older one that has not left yet gives way to the next
            wanted.open = standing == "open"
            wanted.due = self._moment() if wanted.open else wanted.due
            wanted.lines.append(f"Строка {key.occurrence}.")
            answers = CHOICES if wanted.open else ()
            shown = {"text": "Позвонить?", "standing": standing, "status": wanted.lines[0], "choices": answers}
            steps.append(self._effect(wanted, "show", "show_offer", **shown, **more))
        self._put(wanted, steps)
        if standing == "accepted":
            task = Asking(key, marker_of(self.portal, str(key)), f"Касание {key.occurrence}", *self._whom_and_when())
            self.asked.append(task)
            create = self._effect(task, "ask", text="Принято.", bind=(card,))
            self.waves[1].append(_judged(NOBODY, intents=(Intent(effect=create, occurrence=str(key)),)))

    def _effect(self, wanted: Asking, what: str, verb: Verb = "create_task", **more: Any) -> Effect:
        plain: dict[str, Any] = {
            "verb": verb,
            "key": f"{wanted.key}#{what}",
            "marker": wanted.marker,
            "title": wanted.title,
            "assignee": wanted.assignee,
            "due": wanted.due,
        }
        return Effect(**{**plain, **more})

    def _put(self, wanted: Asking, steps: Sequence[Effect], *, at_once: bool = False) -> None:
        """The later part of the steps only comes in the second wave, perhaps all of them."""
        entry = Asked(
            key=wanted.key,
            state=State.OFFERED if wanted.offered else State.ASKED,
            mode="propose" if wanted.offered else "auto",
            client=NOBODY,
            rule_digest=RULE,
            anchor_at=NOON,
            planned_at=NOON,
            due_at=NOON,
            promise_at=NOON,
            kinds=("call",),
            asked_at=NOON,
            assignee=wanted.assignee,
        )
        self.asked.append(wanted)
        intents = [Intent(effect=effect, occurrence=str(wanted.key)) for effect in steps]
        first = self.dice.randint(int(at_once), len(steps))
        rows: tuple[Asked, ...] = (entry,)
        for wave, some in zip(self.waves, (intents[:first], intents[first:]), strict=True):
            if some:
                wave.append(_judged(NOBODY, rows, tuple(some)))
                rows = ()

    def _tell(self, number: int) -> None:
        key = Key(RULE, NOTHING, f"{self.name}-told-{number}")
        telling = Telling(marker_of(self.portal, f"{key}#tell"), self.dice.choice(self.cards), self._person())
        self.told.append(telling)
        effect = Effect(
            verb="tell",
            key=f"{key}#tell",
            marker=telling.marker,
            title=f"Просрочено {key.occurrence}",
            text="Никто не позвонил.",
            assignee=telling.person,
            bind=(telling.card,),
        )
        told = Intent(effect=effect, occurrence=str(key))
        self.dice.choice(self.waves).append(_judged(NOBODY, intents=(told,)))

    def _score(self, wave: list[Judged]) -> None:
        card = self.dice.choice([card for card in self.cards if card.startswith("company:")])
        number = sum(map(len, self.scores.values()))
        score = DossierScore(
            fill=self.dice.randint(1, 99),
            weighted=self.dice.randint(1, 99),
            filled=1,
            total=50,
            gaps=(),
            expired=(),
            unreadable=(),
            next_question=None,
            gaps_text=f"Не хватает {self.name}-{number}",
            template="seeded/1",
            digest=f"{self.name}-{number}",
        )
        self.scores.setdefault(card, []).append(score)
        wave.append(_judged(card, score=score))

    def _whom_and_when(self) -> tuple[str, datetime]:
        return self._person(), self._moment()

    def _person(self) -> str:
        return self.dice.choice(MANAGERS)

    def _moment(self) -> datetime:
        return NOON + timedelta(minutes=self.dice.randint(0, 60 * 24 * 60))


def _judged(
    client: Ref, asked: tuple[Asked, ...] = (), intents: tuple[Intent, ...] = (), score: DossierScore | None = None
) -> Judged:
    return Judged(
        client=ClientRow(ref=client, seq=0),
        asked=asked,
        intents=intents,
        verdicts=(),
        score=score,
        recheck_at=None,
        regulation=RULE,
    )
