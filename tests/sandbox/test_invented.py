"""The invented client base: always the same, big enough, and quiet but for its named clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.sandbox.base import Base, plain
from connector.sandbox.clock import START, Clock
from connector.sandbox.dossier import COMPANY_FIELDS, CONTACT_FIELDS, write_value
from connector.sandbox.invented import invent
from connector.sandbox.look import family, touches_of
from connector.sandbox.names import DISMISSED
from connector.sandbox.records import Company

DOSSIER = {code for code, *_ in (*COMPANY_FIELDS, *CONTACT_FIELDS)}


class Still(Clock):
    """A clock that stands, so that two bases can be compared."""

    def now(self) -> datetime:
        return START


def _base(**options: int) -> Base:
    base = Base("portal", "bitrix24", Still())
    invent(base, **options)
    return base


def _company(base: Base, title: str) -> Company:
    return next(one for one in base.companies.values() if one.title == title)


def test_the_same_seed_gives_the_same_base() -> None:
    first, second, other = _base(), _base(), _base(seed=2)
    for pile in ("companies", "contacts", "deals", "activities"):
        told = [plain(one) for one in getattr(first, pile).values()]
        assert told == [plain(one) for one in getattr(second, pile).values()]
    assert [plain(row) for row in first.stage_rows] == [plain(row) for row in second.stage_rows]
    assert [plain(one) for one in first.deals.values()] != [plain(one) for one in other.deals.values()]


def test_sixty_clients_with_people_pipelines_and_past() -> None:
    base = _base()
    alone = [one for one in base.contacts.values() if not one.company_ids]
    assert len(base.companies) + len(alone) == 60
    assert len(alone) >= 5
    assert len(base.pipelines) == 3
    assert {base.stage(deal).semantic for deal in base.deals.values()} == {"open", "won", "lost"}
    assert {one.kind for one in base.activities.values()} == {"call", "email", "meeting", "chat"}
    assert all(one.at <= START for one in base.activities.values())
    assert not base.users[DISMISSED].active
    assert {one.role for one in base.users.values()} == {"manager", "head", "admin"}
    assert base.tasks == {}


def test_ids_grow_with_time_as_in_a_real_crm() -> None:
    base = _base(clients=200)
    for moments in (
        [one.created for one in base.deals.values()],
        [row.at for row in base.stage_rows],
        [one.at for one in base.activities.values()],
    ):
        assert moments == sorted(moments)


def test_every_title_is_used_once() -> None:
    titles = [one.title for one in _base(clients=900).companies.values()]
    assert len(titles) == len(set(titles))


def test_polymer_has_fourteen_of_fifty_dossier_fields() -> None:
    base = _base()
    polymer = _company(base, "Полимер")
    person = base.contacts[min(family(base, "company", polymer.id)["contact"])]
    filled = [code for card in (polymer, person) for code, value in card.fields.items() if code in DOSSIER and value]
    assert len(filled) == 14
    assert len(DOSSIER) == 50


def test_the_silent_key_client_had_his_last_touch_almost_fifteen_days_ago() -> None:
    base = _base()
    steel = _company(base, "Северсталь-Метиз")
    cards = family(base, "company", steel.id)
    stages = [base.stage(base.deals[one]).semantic for one in cards["deal"]]
    assert stages.count("won") >= 2
    assert "open" not in stages
    assert timedelta(days=13) < START - touches_of(base, cards)[0].at <= timedelta(days=15)
    segment = base.field_specs("company")["segment"]
    assert write_value(segment, steel.fields["segment"]) == "A"
    assert steel.fields["strategic"] is True


def test_the_other_named_clients_stand_where_their_stories_begin() -> None:
    base = _base()
    assert family(base, "company", _company(base, "Ромашка").id)["deal"] == set()
    for title, stage in (("Вектор", "OFFER"), ("Альфа-Строй", "DELIVERY")):
        (deal,) = family(base, "company", _company(base, title).id)["deal"]
        assert base.stage(base.deals[deal]).code == stage


def test_who_has_an_open_deal_was_spoken_to_within_a_few_days() -> None:
    base = _base()
    for deal in base.deals.values():
        if base.stage(deal).semantic == "open":
            touches = [one.at for one in base.activities.values() if one.deal == deal.id]
            assert START - max(touches) < timedelta(days=2)
            assert max(touches) >= deal.moved


def test_at_night_and_on_sundays_nothing_happened() -> None:
    sunday = datetime(2026, 9, 27, 1, 0, tzinfo=UTC)
    base = Base("portal", "bitrix24", Clock(sunday))
    invent(base, clients=60)
    assert {one.at.weekday() for one in base.activities.values()} <= {0, 1, 2, 3, 4}
