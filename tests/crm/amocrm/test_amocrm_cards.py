"""What lies outside a card or in a part of a field: names of a lead's products, a firm's tax number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.crm.port import Fact, Wanted
from crm.amocrm.shelf import NOW, OLD, Shelf, firm, lead, open_crm, pull
from crm.canned import Asked, Canned, CannedServer, canned_server


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def server(shelf: Shelf) -> Iterator[CannedServer]:
    with canned_server() as running:
        running.answer = shelf.answer
        yield running


def element(number: int, catalog: int = 5) -> dict[str, Any]:
    return {"id": number, "metadata": {"quantity": 1, "catalog_id": catalog, "price_id": None}}


def selling(number: int, *elements: dict[str, Any]) -> dict[str, Any]:
    return {**lead(number, OLD), "_embedded": {"catalog_elements": list(elements)}}


def products(facts: dict[str, Fact]) -> dict[str, Any]:
    deals = [fact for fact in facts.values() if fact.kind == "deal"]
    return {fact.ref: fact.body["fields"].get("products", "unread") for fact in deals}


def test_a_lead_tells_the_names_of_what_it_sells(server: CannedServer, shelf: Shelf) -> None:
    shelf.lists["leads"] = [selling(1, element(91), element(92), element(91)), selling(2, element(91)), selling(3)]
    shelf.lists["catalogs/5/elements"] = [
        {"id": 91, "name": "Крепёж"},
        {"id": 92, "name": " Болт "},
        {"id": 93, "name": "x"},
    ]
    crm = open_crm(server, Wanted(deal=("products",)))
    facts, cursors, _ = pull(crm)
    assert [query["filter[id][]"] for path, query in shelf.queries if path.endswith("/elements")] == [["91", "92"]]
    assert products(facts) == {"deal:1": ["Крепёж", "Болт"], "deal:2": ["Крепёж"], "deal:3": None}
    shelf.lists["leads"].insert(0, {**selling(4, element(93), element(92)), "updated_at": NOW})
    shelf.queries.clear()
    assert products(pull(crm, {**cursors, "leads": str(NOW)})[0]) == {"deal:4": ["x", "Болт"]}
    asked = [query["filter[id][]"] for path, query in shelf.queries if path.endswith("/elements")]
    assert asked == [["92", "93"]]  # anew, for a product may have been renamed
    crm.close()


def test_nothing_is_asked_of_lists_where_the_map_does_not_name_products(server: CannedServer, shelf: Shelf) -> None:
    shelf.lists["leads"] = [selling(1, element(91))]
    crm = open_crm(server, Wanted(deal=("501",)))
    pull(crm)
    assert [path for path in shelf.asked if "catalogs" in path] == []
    assert {query["with"][0] for path, query in shelf.queries if path == "leads"} == {"contacts"}
    crm.close()


def test_a_list_that_may_not_be_read_is_unread_and_not_empty(server: CannedServer, shelf: Shelf) -> None:
    shelf.lists["leads"] = [
        selling(1, element(91), element(7, catalog=6)),
        selling(2, element(7, catalog=6)),
        selling(3),
    ]
    shelf.lists["catalogs/6/elements"] = [{"id": 7, "name": "Шайба"}]

    def answer(asked: Asked) -> Canned:
        if "/catalogs/5/" in asked.path:
            return Canned({"title": "Forbidden", "status": 403, "detail": ""}, 403)
        return shelf.answer(asked)

    server.answer = answer
    crm = open_crm(server, Wanted(deal=("products",)))
    assert products(pull(crm)[0]) == {"deal:1": "unread", "deal:2": ["Шайба"], "deal:3": None}
    crm.close()


def test_two_hundred_products_are_asked_for_at_once(server: CannedServer, shelf: Shelf) -> None:
    shelf.lists["leads"] = [selling(number, element(1000 + number)) for number in range(1, 251)]
    shelf.lists["catalogs/5/elements"] = [{"id": 1000 + number, "name": f"П{number}"} for number in range(1, 251)]
    crm = open_crm(server, Wanted(deal=("products",)))
    assert products(pull(crm)[0]) == {f"deal:{number}": [f"П{number}"] for number in range(1, 251)}
    assert shelf.asked.count("catalogs/5/elements") == 2
    crm.close()


def legal(**parts: Any) -> dict[str, Any]:
    value = {"name": "ООО Ромашка", "entity_type": 2, "vat_id": "7707083893", "kpp": "", "address": None, **parts}
    return {"field_id": 600, "field_code": None, "field_type": "legal_entity", "values": [{"value": value}]}


def test_parts_of_a_firm_are_fields_of_their_own(server: CannedServer, shelf: Shelf) -> None:
    shelf.lists["companies/custom_fields"] = [{"id": 600, "code": None, "type": "legal_entity"}]
    shelf.lists["companies"] = [
        {**firm(1, OLD), "custom_fields_values": [legal()]},
        {**firm(2, OLD), "custom_fields_values": None},
        firm(3, OLD) | {"custom_fields_values": [legal(vat_id="500100732259"), legal(vat_id="1")]},
    ]
    wanted = ("requisite.name", "requisite.vat_id", "requisite.kpp", "600", "requisite.bank")
    crm = open_crm(server, Wanted(company=wanted))
    facts, _, _ = pull(crm)
    fields = [facts[f"company:{number}"].body["fields"] for number in (1, 2, 3)]
    assert fields[0] == {
        "requisite.name": "ООО Ромашка",
        "requisite.vat_id": "7707083893",
        "requisite.kpp": None,
        "600": ["ООО Ромашка", "7707083893"],
    }
    assert set(fields[1].values()) == {None}
    assert fields[2]["requisite.vat_id"] == "500100732259"
    assert {"requisite.vat_id", "600"} <= set(mappable(server)["company"])
    crm.close()


def mappable(server: CannedServer) -> Any:
    """What the directory says a map may name."""
    crm = open_crm(server)
    try:
        return crm.directory().fields
    finally:
        crm.close()


def test_a_map_may_name_products_and_no_requisites_where_there_are_none(server: CannedServer) -> None:
    fields = mappable(server)
    assert fields == {"company": (), "contact": (), "deal": ("products",)}
