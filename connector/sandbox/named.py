"""The named clients: fixed beginnings of the stories that the demo, the tests and a newcomer play on."""

from __future__ import annotations

from connector.sandbox.clientele import Client, Clientele
from connector.sandbox.dossier import company_dossier, contact_dossier

STORIES = {
    "Ромашка": "no deal yet: a new one asks for the first contact",
    "Вектор": "an offer sent yesterday: left alone it stalls",
    "Альфа-Строй": "goods on their way: the deal is about to be won",
    "Северсталь-Метиз": "a key client of segment A, two won deals, silent for almost 15 days, no open deal",
    "Полимер": "a regular key client with 14 of 50 dossier fields: one more makes 30 %",
}
"""Title of the company → what may happen next. Told by --describe and docs/sandbox.md."""


def add_named(clientele: Clientele) -> int:
    """Add them and say how many."""
    today = clientele.now.date()

    Client(clientele, "Ромашка", owner=3, since=5)

    vector = Client(clientele, "Вектор", owner=3, since=20, people=2, segment="B")
    offer = vector.deal("Вектор: линия упаковки", [("NEW", 8), ("QUALIFY", 6), ("OFFER", 1)], amount=1_200_000, hour=13)
    vector.touch(7, deal=offer)
    vector.touch(1, hour=13, minute=30, deal=offer)

    alfa = Client(clientele, "Альфа-Строй", owner=4, since=60, people=2, segment="B")
    goods = alfa.deal(
        "Альфа-Строй: металлопрокат",
        [("NEW", 30), ("QUALIFY", 28), ("OFFER", 20), ("NEGOTIATE", 12), ("PAYMENT", 6), ("DELIVERY", 3)],
        amount=860_000,
    )
    alfa.touch(29, deal=goods)
    alfa.touch(13, "meeting", deal=goods)
    alfa.touch(1, deal=goods)

    full = company_dossier(22, "Северсталь-Метиз", today, clientele.dice)
    steel = Client(clientele, "Северсталь-Метиз", owner=6, since=400, people=3, segment="A", fields={"strategic": True})
    # entered a month ago: well filled and nothing of it out of date, so only the silence is left to ask about
    steel.learn(30, company=full, person=contact_dossier(14, "Павел Сергеевич Орехов", today))
    steel.win(160, amount=4_500_000)
    steel.win(28, pipeline=2, amount=5_100_000)
    steel.touch(15, "meeting", hour=8)

    polymer = Client(
        clientele,
        "Полимер",
        owner=7,
        since=380,
        people=2,
        segment="A",
        fields={**company_dossier(11, "Полимер", today, clientele.dice), "strategic": True},
        person_fields=contact_dossier(3, "ФИО", today),
    )
    polymer.win(150, amount=2_300_000)
    polymer.win(35, pipeline=2, amount=2_600_000)
    polymer.touch(2, "meeting")
    return len(STORIES)
