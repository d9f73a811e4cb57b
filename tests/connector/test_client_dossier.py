"""Where a client's dossier comes from: its card, its requisites, a person, its deals; and how it is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.client_dossier import client_dossier
from connector.crm.port import Fact, FactKind
from connector.loader import reduce_fact
from connector.portal_map import Mapped, read_portal_file
from rules.dossier import Template, read_dossier
from rules.facts import UNKNOWN

NOW = datetime(2026, 9, 23, 8, 0, tzinfo=UTC)
MAP = """
map:
  fields: {client.inn: company.requisite.RQ_INN, deal.assortment: deal.products}
  dossier: {inn: company.requisite.RQ_INN, product_map: deal.products, dm_name: contact.name}
"""
LIBRARY = Path(__file__).parents[2] / "rules" / "library" / "dossier-key-client-50.yaml"


@pytest.fixture(scope="module")
def mapped() -> Mapped:
    found, problems = read_portal_file(MAP, "portal.yaml")
    assert found is not None, problems
    return found


@pytest.fixture(scope="module")
def template() -> Template:
    found, problems = read_dossier(LIBRARY.read_bytes(), LIBRARY.name)
    assert found is not None, problems
    return found


def card(kind: FactKind, number: int, created: str = "2026-09-01", **fields: Any) -> Fact:
    body = {
        "created": f"{created}T08:00:00+00:00",
        "fields": {name.replace("__", "."): v for name, v in fields.items()},
    }
    return Fact(kind=kind, id=str(number), body=body, changed=NOW)


def test_a_dossier_field_may_lie_in_the_requisites(mapped: Mapped, template: Template) -> None:
    told = {
        "7707083893": True,
        "123": False,  # no tax number
        None: False,
    }
    for value, filled in told.items():
        stored = reduce_fact(card("company", 45, requisite__RQ_INN=value), None, mapped, template)
        assert stored.body["dossier"]["inn"]["filled"] is filled, value
        assert stored.body["fields"] == {"requisite.RQ_INN": value}, "it is mapped as a field as well"
        assert client_dossier(stored, (), None, ())["inn"].filled is filled
    unreadable = reduce_fact(card("company", 45), None, mapped, template)
    assert client_dossier(unreadable, (), None, ())["inn"].filled is UNKNOWN


DEALS: list[tuple[str, list[Fact], Any]] = [
    ("no deal", [], "absent"),
    ("none has any", [card("deal", 1, products=None), card("deal", 2, products=None)], False),
    ("an older one has", [card("deal", 1, products=["Болт"]), card("deal", 2, "2026-09-02", products=None)], True),
    ("the newest may not be read", [card("deal", 1, products=None), card("deal", 2, "2026-09-02")], UNKNOWN),
    ("one has, one may not be read", [card("deal", 1, products=["Болт"]), card("deal", 2, "2026-09-02")], True),
]


@pytest.mark.parametrize(("deals", "expected"), [one[1:] for one in DEALS], ids=[one[0] for one in DEALS])
def test_a_dossier_field_may_lie_on_the_deals(
    deals: list[Fact], expected: Any, mapped: Mapped, template: Template
) -> None:
    stored = [reduce_fact(deal, None, mapped, template) for deal in deals]
    client = reduce_fact(card("company", 45, requisite__RQ_INN=None), None, mapped, template)
    found = client_dossier(client, (), None, stored)
    assert (found["product_map"].filled if "product_map" in found else "absent") is expected


def test_of_two_deals_the_newer_value_counts(mapped: Mapped, template: Template) -> None:
    old, new = (
        reduce_fact(card("deal", number, day, products=[name]), None, mapped, template)
        for number, day, name in ((1, "2026-01-01", "Болт"), (2, "2026-09-02", "Гайка"))
    )
    client = card("company", 45)
    newest = client_dossier(client, (), None, [old, new])["product_map"].hash
    assert newest == new.body["dossier"]["product_map"]["hash"]
    assert newest != old.body["dossier"]["product_map"]["hash"]


def test_the_persons_half_is_the_main_persons(mapped: Mapped, template: Template) -> None:
    known, main = (
        reduce_fact(card("contact", number, name=name), None, mapped, template)
        for number, name in ((1, "Ольга"), (2, None))
    )
    client = card("company", 45)
    assert client_dossier(client, [known, main], "contact:2", ())["dm_name"].filled is False
    assert client_dossier(client, [known, main], None, ())["dm_name"].filled is True
