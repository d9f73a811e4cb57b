"""The classic methods: every value a text, errors without a code; and writing by the universal ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from bitrix24_application import told
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=80) as opened:
        yield opened


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    else:
        yield value


@pytest.mark.parametrize("kind", ["deal", "company", "contact"])
def test_every_value_is_a_text_or_null(portal: OpenPortal, kind: str) -> None:
    whole = portal.call(f"crm.{kind}.get", id=1)
    assert whole["ID"] == "1"
    assert {type(one) for one in _scalars(whole)} <= {str, type(None)}
    rows = portal.call(f"crm.{kind}.list", filter={"ID": 1})
    assert {name: rows[0][name] for name in rows[0]} == {name: whole[name] for name in rows[0]}
    assert set(whole) - set(rows[0]) <= {"PHONE", "EMAIL"}


def test_a_deal_in_classic_words(portal: OpenPortal) -> None:
    deal = next(one for one in portal.base.deals.values() if one.company and one.pipeline == 2)
    told_deal = portal.call("crm.deal.get", id=deal.id)
    assert told_deal["OPPORTUNITY"] == f"{deal.amount}.00"
    assert told_deal["STAGE_ID"].startswith("C2:")
    assert (told_deal["CATEGORY_ID"], told_deal["COMPANY_ID"]) == ("2", str(deal.company))
    assert told_deal["CONTACT_ID"] == str(deal.contacts[0])
    assert not {"CONTACT_IDS", "updatedTime"} & set(told_deal)
    alone = next((one for one in portal.base.deals.values() if not one.company), None)
    assert alone is not None
    assert portal.call("crm.deal.get", id=alone.id)["COMPANY_ID"] is None


def test_multi_fields_come_only_by_name(portal: OpenPortal) -> None:
    phone = portal.base.contacts[1].phone
    assert "PHONE" not in portal.call("crm.contact.list", filter={"ID": 1})[0]
    row = portal.call("crm.contact.list", filter={"ID": 1}, select=["ID", "PHONE"])[0]
    assert row["PHONE"] == [{"ID": "2", "VALUE_TYPE": "WORK", "VALUE": phone, "TYPE_ID": "PHONE"}]
    assert portal.call("crm.contact.list", filter={"PHONE": phone}, select=["ID"]) == [{"ID": "1"}]
    whole = portal.call("crm.contact.get", id=1)
    assert (whole["PHONE"][0]["VALUE"], whole["HAS_PHONE"]) == (phone, "Y")
    portal.control("cards", {"kind": "contact", "id": 1, "phone": ""})
    assert "PHONE" not in portal.call("crm.contact.get", id=1)
    item = portal.call("crm.item.get", entityTypeId=3, id=2)["item"]
    assert item["phone"] == item["phoneWork"] == portal.base.contacts[2].phone


def test_lists_choose_filter_order_and_page(portal: OpenPortal) -> None:
    first = portal.ask("crm.contact.list", order={"ID": "ASC"}, select=["ID"]).json()
    assert (len(first["result"]), first["next"], first["total"]) == (50, 50, len(portal.base.contacts))
    rest = portal.call("crm.contact.list", order={"ID": "ASC"}, select=["ID"], filter={">ID": 50}, start=-1)
    assert [row["ID"] for row in rest[:2]] == ["51", "52"]
    system = portal.call("crm.company.list", filter={"ID": 1}, select=["*"])[0]
    custom = portal.call("crm.company.list", filter={"ID": 1}, select=["UF_*"])[0]
    assert not any(name.startswith("UF_") for name in system)
    assert {name for name in custom if not name.startswith("UF_")} == {"ID"}
    unknown = portal.ask("crm.company.list", filter={"NOTHING": 1}, order={"NOTHING": "ASC"}, select=["ID"]).json()
    assert unknown["total"] == len(portal.base.companies)


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("crm.deal.get", {}, "ID is not defined or invalid"),
        ("crm.deal.get", {"id": "x"}, "ID is not defined or invalid"),
        ("crm.deal.get", {"id": 9999}, "Not found"),
        ("crm.deal.update", {"id": 9999, "fields": {}}, "Not found"),
        ("crm.deal.update", {"id": 1, "fields": "x"}, "Parameter 'fields' must be array."),
        ("crm.deal.update", {"id": 1, "fields": {}, "params": "x"}, "Parameter 'params' must be array."),
        ("crm.deal.list", {"filter": "x"}, "Parameter 'filter' must be array."),
        ("crm.deal.list", {"order": 1}, "Parameter 'order' must be array."),
        ("crm.contact.delete", {"id": 9999}, "Not found"),
    ],
)
def test_refusals_have_an_empty_code(portal: OpenPortal, method: str, params: dict[str, Any], text: str) -> None:
    answer = portal.ask(method, **params)
    assert answer.status_code == 400
    assert answer.json() == {"error": "", "error_description": text}


def test_classic_writes(portal: OpenPortal) -> None:
    company = portal.call("crm.company.add", fields={"TITLE": "Новая", "UF_CRM_TURNOVER": "1.5", "NOTHING": "x"})
    assert portal.base.companies[company].fields["turnover"] == 1.5
    person = {
        "NAME": "Олег",
        "COMPANY_ID": str(company),
        "BIRTHDATE": "1980-04-12",
        "PHONE": [{"VALUE": "+79990000000", "VALUE_TYPE": "WORK"}],
    }
    contact = portal.call("crm.contact.add", fields=person)
    made = portal.base.contacts[contact]
    assert (made.company_ids, made.phone, made.birthday) == ([company], "+79990000000", date(1980, 4, 12))
    deal = portal.call("crm.deal.add", fields={"TITLE": "Сделка", "COMPANY_ID": company, "STAGE_ID": "C3:NEW"})
    assert portal.base.deals[deal].pipeline == 3
    assert portal.call("crm.deal.update", id=deal, fields={"STAGE_ID": "C3:DELIVERY"}) is True
    assert portal.call("crm.deal.update", id=deal, fields={"CATEGORY_ID": "0"}) is True
    stays = portal.call("crm.deal.get", id=deal)
    assert (stays["CATEGORY_ID"], stays["STAGE_ID"]) == ("3", "C3:DELIVERY")
    assert told(portal.ask("crm.deal.update", id=deal, fields={"STAGE_ID": "NEW"})) == (400, "")
    assert told(portal.ask("crm.company.update", id=company, fields={"UF_CRM_TURNOVER": "много"})) == (400, "")
    assert portal.call("crm.deal.delete", id=deal) is True
    assert portal.base.deals[deal].deleted


def test_fields_are_described_in_classic_words(portal: OpenPortal) -> None:
    fields = portal.call("crm.company.fields")
    assert fields["UF_CRM_SEGMENT"]["title"] == "UF_CRM_SEGMENT"
    assert fields["UF_CRM_SEGMENT"]["formLabel"] == "Сегмент"
    assert [one["VALUE"] for one in fields["UF_CRM_SEGMENT"]["items"]] == ["A", "B", "C"]
    assert fields["TITLE"]["isRequired"] is True
    assert fields["DATE_CREATE"]["isReadOnly"] is True
    assert fields["PHONE"]["type"] == "crm_multifield"


def test_universal_lists_take_upper_case_names(portal: OpenPortal) -> None:
    asked = {"entityTypeId": 2, "order": {"ID": "DESC"}, "filter": {">ID": 3, "@COMPANY_ID": [1, 2, 3]}}
    rows = portal.call("crm.item.list", **asked, select=["ID", "COMPANY_ID"])["items"]
    deals = [one for one in portal.base.deals.values() if one.id > 3 and one.company in (1, 2, 3) and not one.deleted]
    assert rows == [{"id": one.id, "companyId": one.company} for one in sorted(deals, key=lambda one: -one.id)]
    nested = {"0": {"logic": "OR", "0": {"ID": 1}, "1": {"ID": 2}}}
    rows = portal.call("crm.item.list", entityTypeId=4, filter=nested, select=["ID"])["items"]
    assert rows == [{"id": 1}, {"id": 2}]


def test_items_are_deleted_and_imported(portal: OpenPortal) -> None:
    rows = [{"title": "Первая"}, {"title": "Вторая", "assignedById": 99}, {"title": "Третья"}]
    items = portal.call("crm.item.batchImport", entityTypeId=4, data=rows)["items"]
    assert items[1]["error"] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    ids = [items[place]["item"]["id"] for place in (0, 2)]
    assert [portal.base.companies[one].title for one in ids] == ["Первая", "Третья"]
    many = portal.ask("crm.item.batchImport", entityTypeId=4, data=[{"title": "x"}] * 21)
    assert told(many) == (400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED")
    assert portal.call("crm.item.delete", entityTypeId=4, id=ids[0]) == []
    assert told(portal.ask("crm.item.delete", entityTypeId=4, id=ids[0])) == (400, "NOT_FOUND")
    contact = {"name": "Яна", "fm": [{"typeId": "EMAIL", "valueType": "WORK", "value": "yana@client.example"}]}
    item = portal.call("crm.item.add", entityTypeId=3, fields=contact)["item"]
    assert portal.base.contacts[item["id"]].email == "yana@client.example"
