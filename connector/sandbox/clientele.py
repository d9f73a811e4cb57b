"""How an invented client is told: contacts, deals, wins and touches, so many days ago."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from connector.sandbox.base import Base
from connector.sandbox.dossier import choice
from connector.sandbox.names import FIRST, LAST

Kind = Literal["call", "email", "meeting", "chat"]


@dataclass
class Clientele:
    """The steps that make a base, kept until they can be played in order of time: ids then grow with the moments."""

    base: Base
    dice: random.Random
    now: datetime
    _steps: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)

    def step(self, at: datetime, act: Callable[[], None]) -> None:
        """Do `act` when its moment comes."""
        self._steps.append((at, len(self._steps), act))

    def play(self) -> None:
        """Play all steps in order of time."""
        for _, _, act in sorted(self._steps, key=lambda step: step[:2]):
            act()
        self._steps.clear()

    def ago(self, days: int, hour: int = 8, minute: int = 0) -> datetime:
        """A moment of a working day about `days` days ago (UTC hour); never later than now."""
        day = self.now.date() - timedelta(days=days)
        while day.weekday() > 4:
            day -= timedelta(days=1)
        return min(datetime.combine(day, time(hour, minute), UTC), self.now - timedelta(minutes=5))


class Client:
    """One client in the making: what is told of him becomes steps of the clientele."""

    def __init__(
        self,
        clientele: Clientele,
        title: str | None,
        *,
        owner: int,
        since: int,
        people: int = 1,
        segment: str = "",
        fields: dict[str, Any] | None = None,
        person_fields: dict[str, Any] | None = None,
    ) -> None:
        """A company of `people` contacts, or one person where `title` is None; in the base `since` days."""
        self._clientele = clientele
        self._base = clientele.base
        self._dice = clientele.dice
        self._owner = owner
        self.company: int | None = None
        self.people: list[int] = []
        values = dict(fields or {})
        if segment:
            values["segment"] = choice(self._base, "company" if title else "contact", "segment", segment)
        at = clientele.ago(since, 6)

        def appear() -> None:
            if title:
                made = self._base.add_company(title, owner=owner, by=owner, at=at, fields=values)
                self.company = made.id
            for number in range(people):
                extra = person_fields if number == 0 else None
                self._add_person(at, {**(extra or {}), **({} if title else values)})

        clientele.step(at, appear)

    def _add_person(self, at: datetime, fields: dict[str, Any]) -> None:
        first, last = self._dice.choice(FIRST), self._dice.choice(LAST)
        if "dm_name" in fields:
            fields["dm_name"] = f"{last} {first} Петрович"
        number = self._base.new_id("phone")
        made = self._base.add_contact(
            first,
            last,
            company_ids=[self.company] if self.company else [],
            phone=f"+7999{1_000_000 + number}",
            email=f"person{number}@client.example",
            owner=self._owner,
            by=self._owner,
            at=at,
            fields=fields,
        )
        self.people.append(made.id)

    def learn(self, days: int, *, company: dict[str, Any], person: dict[str, Any]) -> None:
        """Dossier fields that were entered `days` days ago, on the company and on its first person."""
        at = self._clientele.ago(days, 11)

        def write() -> None:
            if self.company is not None:
                self._base.update_card("company", self.company, by=self._owner, fields=company, at=at)
            self._base.update_card("contact", self.people[0], by=self._owner, fields=person, at=at)

        self._clientele.step(at, write)

    def touch(
        self, days: int, kind: Kind = "call", *, hour: int = 9, minute: int = 0, deal: list[int] | None = None
    ) -> None:
        """A contact `days` days ago, of the first person and, if given, the deal; a mail or chat is the client's."""
        at = self._clientele.ago(days, hour, minute)
        seconds = {"call": 240, "meeting": 3600, "email": 0, "chat": 0}[kind]

        def happen() -> None:
            self._base.add_activity(
                kind,
                direction="out" if kind in ("call", "meeting") else "in",
                at=at,
                seconds=seconds,
                by=self._owner,
                subject={"call": "Звонок", "meeting": "Встреча", "email": "Письмо", "chat": "Сообщение"}[kind],
                contact=self.people[0],
                company=self.company if kind == "meeting" else None,
                deal=deal[0] if deal else None,
            )

        self._clientele.step(at, happen)

    def deal(
        self,
        title: str,
        path: list[tuple[str, int]],
        *,
        pipeline: int = 1,
        amount: int = 300_000,
        hour: int = 7,
        lost: int | None = None,
    ) -> list[int]:
        """A deal that entered the stages of `path` so many days ago each; the list gets its id once it is made."""
        made: list[int] = []
        stages = self._base.pipelines[pipeline]

        def open_it(code: str, at: datetime) -> None:
            deal = self._base.add_deal(
                title,
                pipeline=pipeline,
                stage=stages.stage(code).id,
                company=self.company,
                contacts=self.people[:2],
                amount=amount,
                owner=self._owner,
                by=self._owner,
                at=at,
            )
            made.append(deal.id)

        def move_it(code: str, at: datetime) -> None:
            self._base.move_deal(
                made[0],
                pipeline,
                stages.stage(code).id,
                by=self._owner,
                loss_reason=lost if code == "LOSE" else None,
                at=at,
            )

        for number, (code, days) in enumerate(path):
            at = self._clientele.ago(days, hour, number)
            act = move_it if number else open_it
            self._clientele.step(at, lambda act=act, code=code, at=at: act(code, at))  # type: ignore[misc]  # bound now
        return made

    def win(self, days: int, *, pipeline: int = 1, amount: int = 300_000) -> None:
        """A deal won `days` days ago with thanks the day after and a quality call later, so that nothing is owed."""
        length = 12 + self._dice.randrange(20)
        deal = self.deal(
            "Поставка" if pipeline == 1 else "Повторная поставка",
            [("NEW", days + length), ("OFFER", days + length - 4), ("NEGOTIATE", days + 6), ("WON", days)],
            pipeline=pipeline,
            amount=amount,
        )
        self.touch(days + length - 1, deal=deal)
        self.touch(days + 5, "meeting", deal=deal)
        self.touch(max(days - 1, 0), deal=deal)
        self.touch(max(days - 5, 0), "email", deal=deal)
