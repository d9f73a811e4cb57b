"""Builds the invented client base: the same one from the same seed, clock and size."""

from __future__ import annotations

import random

from connector.sandbox.base import Base
from connector.sandbox.clientele import Client, Clientele
from connector.sandbox.dossier import company_dossier, contact_dossier, define_fields, invent_inn
from connector.sandbox.named import add_named
from connector.sandbox.names import ENDINGS, HUNTERS, KEEPERS, STEMS, hire, lay_pipelines

GOODS = [
    ("Лист горячекатаный 3 мм", 78_000),
    ("Крепёж М12", 240),
    ("Труба профильная 40×40", 61_500),
    ("Доставка", 9_000),
]
"""Name and price of what is sold here."""


def invent(base: Base, *, clients: int = 60, seed: int = 1) -> None:
    """Fill an empty portal: staff, pipelines, fields, the named clients of the stories and others up to `clients`."""
    with base.editing():
        hire(base)
        lay_pipelines(base)
        define_fields(base)
        clientele = Clientele(base, random.Random(seed), base.clock.now())  # noqa: S311  # a story, no secret
        named = add_named(clientele)
        for number in range(max(clients - named, 0)):
            _add_other(clientele, number)
        clientele.play()
        _invent_papers(base, random.Random(seed))  # noqa: S311  # a story, no secret


def _add_other(clientele: Clientele, number: int) -> None:
    """Fill an empty portal: staff, pipelines, fields, the clients of the stories and others up to `clients` in all."""
    dice = clientele.dice
    stem = STEMS[number % len(STEMS)] + ENDINGS[number // len(STEMS) % len(ENDINGS)]
    round_ = number // (len(STEMS) * len(ENDINGS))
    title = None if number % 8 == 7 else stem + (f" {round_ + 1}" if round_ else "")
    people = 1 if title is None else 1 + dice.randrange(3)
    today = clientele.now.date()
    fields = company_dossier(dice.randrange(2, 14), title, today, dice) if title else {}
    person = contact_dossier(dice.randrange(0, 6), "", today)
    mood = number % 10
    if mood < 2:
        client = Client(
            clientele, title, owner=dice.choice(HUNTERS), since=40, people=people, segment="B", fields=fields
        )
        stage = dice.choice(["QUALIFY", "NEGOTIATE", "DELIVERY"])
        path = [("NEW", 12), ("QUALIFY", 8)] + ([] if stage == "QUALIFY" else [("OFFER", 6), (stage, 3)])
        deal = client.deal("Первая поставка", path, amount=100_000 * dice.randrange(1, 20))
        client.touch(9, deal=deal)
        client.touch(0, hour=6, minute=dice.randrange(50), deal=deal)
    elif mood < 5:
        segment = "B" if dice.random() < 0.4 else "C"
        client = Client(
            clientele,
            title,
            owner=dice.choice(KEEPERS),
            since=300,
            people=people,
            segment=segment,
            fields=fields,
            person_fields=person,
        )
        client.win(dice.randrange(160, 220), amount=50_000 * dice.randrange(2, 20))
        client.win(dice.randrange(20, 40), pipeline=2, amount=50_000 * dice.randrange(2, 20))
        client.touch(dice.randrange(1, 3), dice.choice(["call", "email", "chat", "meeting"]), minute=dice.randrange(50))
    elif mood < 7:
        client = Client(clientele, title, owner=dice.choice(HUNTERS), since=400, people=people, fields=fields)
        if dice.random() < 0.6:
            deal = client.deal(
                "Запрос цены", [("NEW", 380), ("OFFER", 370), ("LOSE", 340)], lost=dice.choice([1, 3, 5])
            )
            client.touch(375, deal=deal)
    else:
        client = Client(
            clientele, title, owner=dice.choice(KEEPERS), since=900, people=people, segment="C", fields=fields
        )
        client.win(dice.randrange(520, 700), amount=50_000 * dice.randrange(1, 10))


def _invent_papers(base: Base, dice: random.Random) -> None:
    """Requisites with a tax number for every company, and goods on every third deal."""
    for company in base.companies.values():
        inn = company.fields.get("inn") or invent_inn(dice)
        fields = {"RQ_INN": str(inn), "RQ_KPP": "770501001", "RQ_COMPANY_NAME": f"ООО «{company.title}»"}
        base.add_requisite(("company", company.id), "Организация", fields, by=company.owner, at=company.created)
    for deal in base.deals.values():
        if deal.id % 3 == 0:
            chosen = dice.sample(GOODS, 1 + dice.randrange(len(GOODS)))
            rows = [{"name": name, "price": price, "quantity": 1 + dice.randrange(9)} for name, price in chosen]
            base.set_product_rows(deal.id, rows)
