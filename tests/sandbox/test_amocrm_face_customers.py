"""Buyers, lists, tags and links of the sandbox's amoCRM face (facts/amocrm.md 4.1, 4.3, 4.6, 4.7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from amocrm_account import AmoPortal, Receiver, keys, listen, open_account, order, subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as one:
        yield one


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def test_buyers_are_off_until_switched_on_by_an_administrator(amo: AmoPortal) -> None:
    assert amo.get("account")["customers_mode"] == "disabled"
    assert amo.call("GET", "customers").status_code == 425
    by_manager = {"X-Context-User-ID": "3"}
    switch = {"mode": "periodicity", "is_enabled": True}
    assert amo.call("PATCH", "customers/mode", switch, headers=by_manager).status_code == 403
    assert amo.call("PATCH", "customers/mode", switch).json() == switch
    assert amo.get("account")["customers_mode"] == "periodicity"
    assert amo.call("GET", "customers").status_code == 204
    assert [one["type"] for one in amo.rows("customers/statuses", "statuses")] == [4, 1, 0, 2, 3]
    amo.config.readings["customers_mode"] = "segments"
    assert amo.call("GET", "customers/statuses").status_code == 422
    assert amo.rows("customers/segments", "segments")
    amo.config.readings["customers_mode"] = "unavailable"
    assert amo.call("GET", "customers").status_code == 402
    assert amo.call("PATCH", "customers/mode", switch).status_code == 402


def test_a_buyer_adds_up_his_purchases_and_rings(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings["customers_mode"] = "periodicity"
    subscribe(amo, receiver)
    body = {"name": "Ромашка", "periodicity": 30, "_embedded": {"companies": [{"id": 1}], "contacts": [{"id": 1}]}}
    (made,) = amo.call("POST", "customers", [body]).json()["_embedded"]["customers"]
    buy = [{"price": 100, "completed_at": 1_780_000_000}, {"price": 301, "completed_at": 1_781_000_000}]
    assert amo.call("POST", f"customers/{made['id']}/transactions", buy).status_code == 200
    one = amo.get(f"customers/{made['id']}", **{"with": "contacts,companies"})
    assert (one["ltv"], one["purchases_count"], one["average_check"]) == (401, 2, 200)
    assert one["next_date"] == 1_781_000_000 + 30 * 86_400
    assert one["_embedded"]["companies"][0]["id"] == 1
    assert amo.get("companies/1", **{"with": "customers"})["_embedded"]["customers"][0]["id"] == made["id"]
    rows = amo.rows("customers/transactions", "transactions")
    assert [row["completed_at"] for row in rows] == [1_780_000_000, 1_781_000_000]
    assert amo.call("DELETE", f"customers/transactions/{rows[0]['id']}").status_code == 204
    assert amo.get(f"customers/{made['id']}")["ltv"] == 301
    amo.call("PATCH", f"customers/{made['id']}", {"responsible_user_id": 4})
    posts = receiver.wait(4)
    assert {keys(post)[0] for post in posts} == {"customers[add]", "customers[update]", "customers[responsible]"}
    assert posts[0].form["customers[add][0][name]"] == "Ромашка"
    assert posts[-1].form["customers[responsible][0][old_responsible_user_id]"] == "1"
    types = [one["type"] for one in amo.rows("events", "events", **{"filter[entity]": "customer"})]
    assert types.count("customer_added") == 1


def test_a_task_may_be_a_buyers(amo: AmoPortal, receiver: Receiver) -> None:
    body = {"text": "Т", "complete_till": 1_800_000_000, "entity_type": "customers", "entity_id": 1}
    assert amo.call("POST", "tasks", [body]).status_code == 425
    amo.config.readings["customers_mode"] = "segments"
    order(amo, "customers", {"name": "П"})
    subscribe(amo, receiver, "add_task", "update_task")
    (made,) = amo.call("POST", "tasks", [body]).json()["_embedded"]["tasks"]
    amo.call("PATCH", f"tasks/{made['id']}", {"duration": 60})
    (row,) = amo.rows("tasks", "tasks", **{"filter[entity_type]": "customers", "filter[entity_id][]": "1"})
    assert (row["entity_type"], row["entity_id"], row["duration"]) == ("customers", 1, 60)
    assert receiver.wait(2)[0].form["task[add][0][element_type]"] == "12"
    wrong = amo.call("POST", "tasks", [{**body, "entity_id": 9}])
    assert wrong.json()["validation-errors"][0]["errors"][0]["path"] == "entity_id"


def test_the_goods_of_a_lead_are_elements_of_the_products(amo: AmoPortal, receiver: Receiver) -> None:
    amo.base.set_product_rows(1, [{"name": "Крепёж М12", "price": 240, "quantity": 100}])
    (goods,) = amo.get("leads/1", **{"with": "catalog_elements"})["_embedded"]["catalog_elements"]
    assert (goods["metadata"]["quantity"], goods["metadata"]["price_id"]) == (100, None)
    assert "catalog_elements" not in amo.get("leads/1")["_embedded"]
    (catalog,) = [one for one in amo.rows("catalogs", "catalogs") if one["type"] == "products"]
    element = amo.get(f"catalogs/{catalog['id']}/elements/{goods['id']}")
    codes = {one["field_code"]: one["values"][0]["value"] for one in element["custom_fields_values"]}
    assert (element["name"], codes) == ("Крепёж М12", {"PRICE": "240"})
    path = f"catalogs/{catalog['id']}/elements"
    sent = {"name": "Труба", "custom_fields_values": [{"field_code": "SKU", "values": [{"value": "T-1"}]}]}
    (added,) = amo.call("POST", path, [sent]).json()["_embedded"]["elements"]
    assert [one["name"] for one in amo.rows(path, "elements", query="t-1")] == ["Труба"]
    link = {"to_entity_id": added["id"], "to_entity_type": "catalog_elements"}
    link["metadata"] = {"quantity": 3, "catalog_id": catalog["id"]}
    assert amo.call("POST", "leads/1/link", [link]).status_code == 200
    rows = amo.rows("leads/1/links", "links")
    assert [one["metadata"]["quantity"] for one in rows if one["to_entity_type"] == "catalog_elements"] == [100, 3]
    assert amo.call("POST", "leads/1/unlink", [link]).status_code == 204
    assert len(amo.base.product_rows[1]) == 1
    assert amo.call("GET", path, headers={"X-Context-User-ID": "3"}).status_code == 403
    subscribe(amo, receiver, "update_catalog", "delete_catalog")
    assert amo.call("PATCH", path, [{"id": added["id"], "name": "Труба 2"}]).status_code == 200
    amo.call("PATCH", f"{path}/{added['id']}", {"is_deleted": True})
    changed, gone = (one.form for one in receiver.wait(2))
    assert changed["catalogs[update][0][name]"] == "Труба 2"
    assert gone["catalogs[delete][0][id]"] == str(added["id"])
    assert "catalogs[delete][0][name]" not in gone


def test_tags_are_replaced_added_and_taken_off(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver, "update_lead")

    def tags() -> list[str]:
        return [one["name"] for one in amo.get("leads/1")["_embedded"]["tags"]]

    amo.call("PATCH", "leads/1", {"_embedded": {"tags": [{"name": "важный"}, {"name": "новый"}]}})
    assert tags() == ["важный", "новый"]
    (known,) = amo.rows("leads/tags", "tags", query="нов")
    change = {"id": 1, "tags_to_add": [{"name": "третий"}], "tags_to_delete": [{"id": known["id"]}]}
    assert amo.call("PATCH", "leads", [change]).status_code == 200
    assert tags() == ["важный", "третий"]
    amo.call("PATCH", "leads/1", {"_embedded": {"tags": None}})
    assert tags() == []
    made = amo.call("POST", "leads/tags", [{"name": "новый"}, {"name": "свежий"}]).json()["_embedded"]["tags"]
    assert (made[0]["id"], made[1]["request_id"]) == (known["id"], "1")
    refused = amo.call("PATCH", "leads/1", {"_embedded": {"tags": [{"id": 1}]}})
    assert refused.json()["validation-errors"][0]["errors"][0]["path"] == "_embedded.tags.0.id"
    first = receiver.wait(3)[0].form
    assert first["leads[update][0][tags][1][name]"] == "новый"
    events = [one["type"] for one in amo.rows("events", "events", **{"filter[entity]": "lead"})]
    assert (events.count("entity_tag_added"), events.count("entity_tag_deleted")) == (3, 3)


def test_cards_are_linked_one_by_one_and_many_at_once(amo: AmoPortal) -> None:
    leads = [amo.base.add_deal(f"Д{number}", pipeline=1, stage=2).id for number in range(2)]
    main = {"to_entity_id": 1, "to_entity_type": "contacts", "metadata": {"is_main": True}}
    linked = amo.call("POST", f"leads/{leads[0]}/link", [main]).json()
    (row,) = linked["_embedded"]["links"]
    assert (row["entity_id"], row["entity_type"], row["metadata"]) == (leads[0], "leads", {"main_contact": True})
    many = [{"entity_id": one, "to_entity_id": 1, "to_entity_type": "companies"} for one in leads]
    assert amo.call("POST", "leads/link", many).json()["_total_items"] == 2
    assert [amo.base.deals[one].company for one in leads] == [1, 1]
    assert amo.call("POST", "leads/unlink", many[:1]).status_code == 204
    assert [amo.base.deals[one].company for one in leads] == [None, 1]
    nameless = amo.call("POST", "leads/link", [{"to_entity_id": 1, "to_entity_type": "companies"}])
    assert nameless.json()["validation-errors"][0]["errors"][0]["path"] == "entity_id"
    amo.config.readings["customers_mode"] = "periodicity"
    (buyer,) = amo.call("POST", "customers", [{"name": "П"}]).json()["_embedded"]["customers"]
    amo.call("POST", "companies/1/link", [{"to_entity_id": buyer["id"], "to_entity_type": "customers"}])
    assert [one["to_entity_id"] for one in amo.rows(f"customers/{buyer['id']}/links", "links")] == [1]


def test_a_purchase_is_an_event_of_its_buyer(amo: AmoPortal) -> None:
    amo.config.readings["customers_mode"] = "periodicity"
    bought = [{"price": 5, "at": "2026-09-01T10:00:00+03:00"}]
    made = order(amo, "customers", {"name": "П", "company": 1, "purchases": bought})
    (event,) = amo.rows("events", "events", **{"filter[type]": "transaction_added"})
    assert (event["entity_type"], event["entity_id"]) == ("customer", made["id"])
    assert event["value_after"] == [{"transaction": {"id": made["purchases"][0]}}]
    assert event["_embedded"]["entity"]["_links"]["self"]["href"].endswith(f"/customers/{made['id']}")
