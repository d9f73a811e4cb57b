"""Client states by the days since the last won deal, cycles, segments, and visits to phases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from scenes import CLIENT, MOSCOW, Story, b2b, call, deal, local, won

from rules.case import Case
from rules.facts import UNKNOWN, DossierField
from rules.regulation import Segments


def case(at: str, client: dict[str, Any] | None = None, **facts: Any) -> Case:
    story = Story(b2b(), client, **facts)
    return Case(story.regulation, story.snapshot(), story.world.moment(at))


@pytest.mark.parametrize(
    ("at", "state", "until"),
    [
        ("2026-01-31 12:00", "between", "2026-02-16 00:00"),
        ("2026-02-15 23:59", "between", "2026-02-16 00:00"),  # day 45 of 1.5 cycles of 30 days
        ("2026-02-16 00:00", "at_risk", "2026-03-03 00:00"),
        ("2026-03-02 12:00", "at_risk", "2026-03-03 00:00"),  # day 60
        ("2026-03-03 12:00", "sleeping", "2027-01-02 00:00"),
        ("2027-01-01 12:00", "sleeping", "2027-01-02 00:00"),  # twelve months are later than four cycles
        ("2027-01-02 12:00", "gone", ""),
    ],
)
def test_a_client_cools_down_by_his_cycle(at: str, state: str, until: str) -> None:
    found = case(at, {"cycle": "30 days"}, deals=[won("D", "2026-01-01 12:00")])
    assert (found.state, local(found.state_until)) == (state, until)


def test_four_cycles_count_when_they_are_longer_than_a_year() -> None:
    found = case("2027-02-01 12:00", {"cycle": "120 days"}, deals=[won("D", "2026-01-01 12:00")])
    assert (found.state, local(found.state_until)) == ("sleeping", "2027-04-27 00:00")


def test_an_open_deal_makes_active_and_no_won_deal_a_prospect() -> None:
    assert case("2026-03-01 12:00").state == "prospect"
    opened = deal("N", "2026-02-01 12:00", ("negotiate", "2026-02-01 12:00"))
    assert case("2026-03-01 12:00", deals=[won("D", "2025-01-01 12:00"), opened]).state == "active"
    service = {**opened, "sale": False}
    assert case("2026-03-01 12:00", deals=[won("D", "2026-01-20 12:00"), service]).state == "active"


def test_a_won_service_deal_is_no_sale() -> None:
    assert case("2026-03-01 12:00", deals=[won("D", "2026-02-01 12:00", sale=False)]).state == "prospect"


def test_a_won_deal_of_unknown_day_leaves_the_state_unknown() -> None:
    story = Story(b2b(), deals=[won("D", "2026-02-01 12:00")])
    snapshot = story.snapshot()
    deals = tuple(replace(one, history=UNKNOWN) for one in snapshot.deals)
    now = story.world.moment("2026-03-01 12:00")
    assert Case(b2b(), replace(snapshot, deals=deals), now).state is UNKNOWN
    paid = tuple(replace(one, paid_at=story.world.moment("2026-02-02 12:00")) for one in deals)
    assert Case(b2b(), replace(snapshot, deals=paid), now).state == "between"


def test_the_cycle_is_learnt_from_three_gaps_then_from_the_dossier_then_from_the_segment() -> None:
    wins = [won(f"D{place}", at) for place, at in enumerate(["2025-11-02", "2025-12-03", "2026-01-31", "2026-02-10"])]
    dossier = {"purchase_cycle": 77}
    assert case("2026-03-01 12:00", {"dossier": dossier}, deals=wins).cycle_days == 31
    assert case("2026-03-01 12:00", {"dossier": dossier}, deals=wins[:3]).cycle_days == 77
    assert case("2026-03-01 12:00", deals=wins[:3]).cycle_days == 30
    assert case("2026-03-01 12:00", {"segment": "C"}, deals=wins[:3]).cycle_days == 120
    assert case("2026-03-01 12:00", {"segment": None}, deals=wins[:3]).cycle_days == 120


def test_a_dossier_text_is_no_cycle() -> None:
    found = case("2026-03-01 12:00")
    client = replace(found.snapshot.client, dossier={"purchase_cycle": DossierField(filled=True, value="год")})
    assert replace(found, snapshot=replace(found.snapshot, client=client)).cycle_days == 30


def test_segments_by_revenue_cut_at_their_shares() -> None:
    computed = replace(b2b(), segments=Segments(revenue={"A": Decimal("0.8"), "B": Decimal("0.95")}))
    found = case("2026-03-01 12:00")
    for rank, segment in (("0.8", "A"), ("0.81", "B"), ("0.95", "B"), ("0.951", "C"), ("1", "C")):
        client = replace(found.snapshot.client, revenue_rank=Decimal(rank))
        assert Case(computed, replace(found.snapshot, client=client), found.now).segment == segment


def deal_case(*history: tuple[str, str], at: str = "2026-05-08 12:00", **more: Any) -> Case:
    story = Story(b2b(), deals=[deal("D", history[0][1], *history)], **more)
    client = Case(story.regulation, story.snapshot(), story.world.moment(at))
    return replace(client, deal=client.snapshot.deals[0], client_case=client)


@pytest.mark.parametrize(
    ("back", "entered"),
    [("2026-04-29 18:00", "2026-04-27 10:00"), ("2026-04-30 09:00", "2026-04-30 09:00")],
    ids=["away for one working day", "away for more"],
)
def test_a_short_absence_does_not_end_a_visit(back: str, entered: str) -> None:
    found = deal_case(("offer", "2026-04-27 10:00"), ("qualify", "2026-04-28 12:00"), ("offer", back))
    assert isinstance(found.phase_entered, datetime)
    assert local(found.phase_entered) == entered


def test_stages_of_one_phase_are_one_visit() -> None:
    found = deal_case(("offer", "2026-04-20 10:00"), ("offer", "2026-04-25 10:00"), ("offer", "2026-04-30 10:00"))
    assert isinstance(found.phase_entered, datetime)
    assert local(found.phase_entered) == "2026-04-20 10:00"


def test_history_after_now_has_not_happened() -> None:
    found = deal_case(("offer", "2026-04-20 10:00"), ("qualify", "2026-06-20 10:00"))
    assert found.phase_entered is UNKNOWN  # the deal says qualify, the history known by now does not


def test_touches_of_a_deal_are_its_own_and_those_bound_to_none() -> None:
    calls = [
        call("mine", "2026-04-21 10:00", deal="D"),
        call("none", "2026-04-22 10:00"),
        call("other", "2026-04-23 10:00", deal="E"),
    ]
    found = deal_case(("offer", "2026-04-20 10:00"), touches=[*calls, call("before", "2026-04-19 10:00")])
    assert [one.signal.id for one in found.touches] == ["mine", "none"]
    assert (found.touched, found.attempts) == (True, 2)
    assert found.client_case is not None
    assert [one.signal.id for one in found.client_case.touches] == ["before", "mine", "none", "other"]


def test_a_repeat_deal_has_an_earlier_won_one() -> None:
    story = Story(
        b2b(),
        deals=[won("A", "2026-02-01 12:00"), won("B", "2026-03-01 12:00"), won("S", "2026-01-01 12:00", sale=False)],
    )
    client = Case(b2b(), story.snapshot(), story.world.moment("2026-04-01 12:00"))
    repeat = {one.id: replace(client, deal=one, client_case=client).repeat for one in client.snapshot.deals}
    assert repeat == {"A": False, "B": True, "S": True}


def test_days_are_the_portals() -> None:
    found = case("2026-03-01 23:30")
    assert (found.today, local(found.midnight)) == (date(2026, 3, 1), "2026-03-02 00:00")
    assert (found.snapshot.portal.zone, found.subject) == (MOSCOW, f"company:{CLIENT['id']}")
