"""Proposals on amoCRM: a task of the admin's type or of the built-in one, over HTTP against the emulated amoCRM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connector.crm.amocrm.mapping import FOLLOW_UP
from connector.crm.amocrm.proposals import text_of, words_of
from connector.crm.amocrm.wording import TEXT_LIMIT
from connector.crm.port import Choice, Crm, Wanted
from crm.amocrm.emulated import emulated
from crm.contract import SandboxPortal, done, read
from crm.proposing import CHOICES, ProposalContract, offering, showing

NOT_FIT = Choice(label="Отклонить: Не подходит", answer="decline", reason="Не подходит")


@pytest.fixture(scope="module")
def portal() -> Iterator[SandboxPortal]:
    """One account for the whole file."""
    with emulated() as running:
        yield running


class TestProposals(ProposalContract):
    @pytest.fixture
    def crm(self, portal: SandboxPortal) -> Crm:
        """Acquainted with the account, so that a fault meets what a test sends."""
        opened = portal.connect(Wanted())
        opened.directory()
        return opened

    def test_it_is_of_the_administrators_type_where_he_made_one(self, portal: SandboxPortal) -> None:
        company, _, deal = portal.new_client("Свой тип")
        made = portal.control.post("task_types", {"add": ["Предложение"]})["task_types"]
        own = next(int(number) for number, name in made.items() if name == "Предложение")
        crm = portal.connect(Wanted())
        first = self.seen(portal, done(crm, offering(980, deal, company)))
        portal.control.post("task_types", {"remove": ["Предложение"]})
        second = self.seen(portal, done(crm, offering(981, deal, company)))
        assert [one["type"] for one in (first, second)] == [own, FOLLOW_UP]
        assert first["title"] == second["title"] == "Предложение: позвонить"

    def test_its_words_come_back_with_its_task(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Слова")
        ref = done(crm, offering(982, deal, company))
        number = int(ref.partition(":")[2])
        assert read(crm, named=[ref])[0][ref].body["result"] == ""
        portal.control.post("tasks/complete", {"task": number, "by": 3, "result": " Нет: уже сделано "})
        fact = read(crm, named=[ref])[0][ref]
        assert (fact.body["open"], fact.body["result"], fact.body["closed_by"]) == (False, "Нет: уже сделано", "3")

    def test_what_we_close_it_with_ourselves_is_nobodys_word(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Наше слово")
        offer = offering(983, deal, company)
        ref = done(crm, offer)
        done(crm, showing(offer, ref, standing="ended", choices=(), status="Отменено регламентом."))
        assert self.seen(portal, ref)["result"] == "Kasanie: Отменено регламентом."
        assert read(crm, named=[ref])[0][ref].body["result"] == ""

    def test_the_words_somebody_closed_it_with_stay(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Чужое слово")
        offer = offering(984, deal, company)
        ref = done(crm, offer)
        portal.control.post("tasks/complete", {"task": int(ref.partition(":")[2]), "by": 3, "result": "да"})
        closing = "2026-10-01T10:00:00+00:00"
        done(crm, showing(offer, ref, standing="accepted", choices=(), status="Принято.", closing=closing))
        assert self.seen(portal, ref)["result"] == "да"


def test_a_long_offer_is_cut_and_not_the_way_to_answer_it() -> None:
    offer = offering(985, 1, 2, text="Слово " * 400, status="Отложено до завтра.", choices=(*CHOICES, NOT_FIT))
    text = text_of(offer, english=False)
    assert len(text) <= TEXT_LIMIT
    assert text.startswith("Предложение: позвонить\n\nОтложено до завтра.\n\nСлово Слово")
    assert text.endswith(
        "Как ответить: завершить – принять.\n"
        "Или завершить со словом в результате: «да» – принять, «позже 7 дней» или «позже 14.10» – отложить, "
        "«нет» и причина – отклонить. Причины: Уже сделано; Не подходит.\n[kasanie:0000000003d9]"
    )


def test_neither_do_many_reasons_push_the_marker_out() -> None:
    many = tuple(replace(NOT_FIT, reason=f"Причина {number} " * 9) for number in range(20))
    text = text_of(offering(987, 1, 2, choices=(*CHOICES, *many), text="Слово " * 400), english=False)
    assert len(text) <= TEXT_LIMIT
    assert text.endswith("….\n[kasanie:0000000003db]")


def test_only_what_may_be_answered_now_is_named() -> None:
    offer = offering(986, 1, 2, choices=(CHOICES[0], replace(CHOICES[2], reason=None)))
    text = text_of(offer, english=True)
    assert "Or complete it with a word as its result: “yes” to accept, “no” and the reason to decline." in text
    assert "Reasons" not in text
    closed = text_of(replace(offer, choices=(), hint="", standing="declined", status="Declined."), english=True)
    assert closed == f"{offer.title}\n\nDeclined.\n\n{offer.text}\n[{offer.marker}]"


@pytest.mark.parametrize("result", [[], {}, None, {"text": None}, {"text": "  "}, {"text": "Kasanie: Принято."}, "да"])
def test_no_words(result: Any) -> None:
    assert words_of(result) == ""
