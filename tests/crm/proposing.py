"""What every adapter must do about proposals, beside the contract (docs/decisions/0009-proposals.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.crm.port import Choice, Crm, Effect, Wanted
from crm.contract import SandboxPortal, asking, done, marker, read, sent

CHOICES = (
    Choice(label="Поставить задачу", answer="accept"),
    Choice(label="Позже: через 3 дня", answer="later", days=3),
    Choice(label="Отклонить: Уже сделано", answer="decline", reason="Уже сделано"),
)


def offering(number: int, deal: int, company: int, **more: Any) -> Effect:
    """An effect that offers a touch."""
    about = f"rule/deal:{deal}/visit"
    values: dict[str, Any] = {
        "verb": "offer_touch",
        "key": f"{about}#offer:{number}",
        "title": "Предложение: позвонить",
        "about": about,
        "choices": CHOICES,
        "tag": "ждёт ответа",
        "hint": "Как ответить: завершить – принять.",
    }
    return asking(number, deal, company, **values | more)


def showing(offer: Effect, ref: str, **more: Any) -> Effect:
    """One that shows it as it stands now."""
    return replace(offer, verb="show_offer", key=f"{offer.key}:{more}", offer=ref, **more)


class ProposalContract:
    """Inherit and give the fixture `portal`."""

    @pytest.fixture
    def crm(self, portal: SandboxPortal) -> Crm:
        return portal.connect(Wanted())

    @staticmethod
    def seen(portal: SandboxPortal, ref: str) -> dict[str, Any]:
        """What a person sees of a proposal, a card or a task alike."""
        kind, _, number = ref.partition(":")
        ledger = portal.control.ledger(portal.name)
        (one,) = (each for each in ledger["tasks" if kind == "task" else "plans"] if str(each["id"]) == number)
        if kind == "task":
            return {**one, "words": one["text"]}
        blocks = one["layout"]["body"]["blocks"].values()
        words = "\n".join(str(block["properties"].get("value", "")) for block in blocks)
        return {**one, "words": words, "open": not one["completed"]}

    @staticmethod
    def due_of(seen: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(seen["due"]).astimezone(UTC)

    def test_a_proposal_is_made_and_named_by_its_ref(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Предложено")
        offer = offering(970, deal, company)
        seen = self.seen(portal, done(crm, offer))
        assert (seen["title"], seen["assignee"], seen["open"]) == (offer.title, 3, True)
        assert offer.text in seen["words"]
        assert self.due_of(seen) == offer.due

    def test_it_is_brought_to_another_due_and_doer_however_often(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Отложено")
        offer = offering(971, deal, company)
        ref = done(crm, offer)
        due = datetime(2026, 10, 8, 15, 0, tzinfo=UTC)
        shown = showing(offer, ref, status="Отложено до 08.10.2026.", due=due, assignee="4")
        for _ in range(2):
            done(crm, shown)
            seen = self.seen(portal, ref)
            assert (self.due_of(seen), seen["assignee"], seen["open"]) == (due, 4, True)
            assert seen["words"].count("Отложено до 08.10.2026.") == 1
            assert seen["words"].count(offer.text) == 1

    def test_it_is_closed_with_a_word_and_opened_again(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Закрыто")
        offer = offering(972, deal, company)
        ref = done(crm, offer)
        closed = showing(offer, ref, standing="declined", choices=(), tag="отклонено", status="Отклонено: Анна.")
        for _ in range(2):
            done(crm, closed)
            seen = self.seen(portal, ref)
            assert not seen["open"]
            assert "Отклонено: Анна." in seen["words"]
        done(crm, showing(offer, ref, status="Снова нужно."))
        seen = self.seen(portal, ref)
        assert (seen["open"], "Снова нужно." in seen["words"]) == (True, True)

    def test_it_is_no_touch_and_no_task_of_its_occurrence(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Не касание")
        _, cursors, _ = read(crm)
        offer = offering(973, deal, company)
        ref = done(crm, offer)
        facts = [fact for fact in read(crm, cursors)[0].values() if fact.kind in ("signal", "task")]
        own = [fact for fact in facts if f"deal:{deal}" in fact.links]
        assert [(fact.ref, fact.body["marker"]) for fact in own if fact.kind == "task"] in ([], [(ref, marker(973))])
        assert [fact for fact in own if fact.kind == "signal"] == []

    @pytest.mark.parametrize("fault", ["fail_after_apply", "drop_answer"])
    def test_a_lost_answer_is_in_doubt_and_then_found(self, portal: SandboxPortal, crm: Crm, fault: str) -> None:
        company, _, deal = portal.new_client("Сомнение о предложении")
        number = {"fail_after_apply": 974, "drop_answer": 976}[fault]
        since = portal.control.now()
        offers = [offering(number, deal, company), offering(number + 1, deal, company, bind=(f"company:{company}",))]
        portal.control.post("faults", {fault: 1})
        outcomes = sent(crm, *offers)
        portal.control.post("faults", {fault: 0})
        assert {one.status for one in outcomes.values()} == {"unknown"}
        task = asking(number + 20, deal, company)
        found = crm.look_up([*offers, offering(999, deal, company), task], since)
        assert set(found) == {one.key for one in offers}
        assert {self.seen(portal, ref)["title"] for ref in found.values()} == {offers[0].title}

    def test_one_that_is_gone_is_not_shown(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Предложения нет")
        offer = offering(978, deal, company)
        kind = done(crm, offer).partition(":")[0]
        outcome = sent(crm, showing(offer, f"{kind}:4040404"))
        assert [one.status for one in outcome.values()] == ["refused"]
