"""Proposals in an emulated Bitrix24: the contract in both ways of connecting, and what only cards can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.webhook import hear
from connector.crm.port import HookSecrets, Wanted
from crm.bitrix24.emulated import MODES, Emulated, opened, until
from crm.canned import canned_server
from crm.contract import SandboxPortal, done, sent
from crm.proposing import ProposalContract, offering, showing


@pytest.fixture(scope="module", params=MODES)
def portal(request: pytest.FixtureRequest) -> Iterator[Emulated]:
    """One portal for the contract, reached by a webhook and then as an application."""
    with opened(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def with_cards() -> Iterator[Emulated]:
    with opened("app") as running:
        yield running


class TestProposals(ProposalContract):
    """The contract."""

    def test_what_shows_it_is_a_card_only_for_an_application(self, portal: SandboxPortal) -> None:
        company, _, deal = portal.new_client("Чем показано")
        ref = done(portal.connect(Wanted()), offering(979, deal, company))
        plans = {f"activity:{one['id']}" for one in portal.control.ledger(portal.name)["plans"]}
        assert ref.startswith("activity:" if ref in plans else "task:")


def pressed(portal: Emulated, ref: str, button: str) -> dict[str, Any]:
    told: dict[str, Any] = portal.control.post("press", {"activity": int(ref.partition(":")[2]), "button": button})
    return told


@pytest.mark.parametrize("only_looks", [True, False])
def test_a_pressed_card_is_free_again_when_it_is_written(with_cards: Emulated, only_looks: bool) -> None:
    company, _, deal = with_cards.new_client("Заблокирована")
    crm = with_cards.connect(Wanted())
    offer = offering(980 + only_looks, deal, company)
    ref = done(crm, offer)
    assert pressed(with_cards, ref, "accept")["locked"]
    done(crm, showing(offer, ref, due=None) if only_looks else showing(offer, ref))
    assert pressed(with_cards, ref, "later_3")["params"] == {"key": offer.about, "answer": "later", "days": "3"}


def test_a_card_that_a_person_ticked_is_not_opened_by_the_hourly_round(with_cards: Emulated) -> None:
    company, _, deal = with_cards.new_client("Закрыта рукой")
    crm = with_cards.connect(Wanted())
    offer = offering(982, deal, company)
    ref = done(crm, offer)
    done(crm, showing(offer, ref, standing="ended", choices=()))
    done(crm, showing(offer, ref, due=None))
    assert not ProposalContract.seen(with_cards, ref)["open"]


def test_a_portal_that_refuses_cards_gets_a_task_the_next_time(with_cards: Emulated) -> None:
    company, _, deal = with_cards.new_client("Без карточек")
    crm = with_cards.connect(Wanted())
    offer = offering(983, deal, company)
    fault = {"code": "ERROR_WRONG_CONTEXT", "status": 403, "count": 1, "where": "command"}
    with_cards.control.post("faults", {"answer_error": fault})
    (refused,) = sent(crm, offer).values()
    assert (refused.status, refused.wait) == ("later", 0)
    ref = done(crm, offer)
    assert ref.startswith("task:")
    assert ProposalContract.seen(with_cards, ref)["open"]
    other = with_cards.connect(Wanted())
    assert done(other, offering(984, deal, company)).startswith("activity:"), "another worker tries cards first"


@pytest.mark.parametrize("in_fields", [True, False])
@pytest.mark.parametrize("tells_user", [True, False])
def test_the_click_that_the_portal_posts_is_the_one_that_the_card_offers(
    with_cards: Emulated, in_fields: bool, tells_user: bool
) -> None:
    """Our layout, the emulator's event, our ear: what comes back is what the button was made with."""
    company, _, deal = with_cards.new_client("Услышана")
    with_cards.control.post("readings", {"click_in_fields": in_fields, "click_tells_user": tells_user})
    crm = with_cards.connect(Wanted())
    offer = offering(985 + 2 * in_fields + tells_user, deal, company)
    ref = done(crm, offer)
    told = with_cards.control.get("app")
    secrets = HookSecrets(portal=with_cards.name, application_tokens=(SecretStr(told["application_token"]),))
    with canned_server() as receiver:
        crm.bind_hooks(f"{receiver.url}/hooks/{with_cards.name}")
        pressed(with_cards, ref, "decline_2")
        until(lambda: any(b"ONCRMTIMELINEITEMACTION" in one.body for one in receiver.asked))
    body = next(one.body for one in receiver.asked if b"ONCRMTIMELINEITEMACTION" in one.body)
    (click,) = hear(body, secrets, None).clicks
    assert (click.about, click.offer, click.answer, click.reason) == (offer.about, ref, "decline", "Уже сделано")
    assert click.by == "3"
