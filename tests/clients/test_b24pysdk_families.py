"""The vendor's client, b24pysdk, on the families beside `crm.item`: classic cards, user fields, timeline, rows."""

from __future__ import annotations

from typing import Any

import pytest
from b24pysdk import errors

from clients.conftest import Portal

DEAL = 2


@pytest.fixture(scope="module")
def portal(portals: dict[str, Portal]) -> Portal:
    return portals["b24pysdk"]


@pytest.fixture(scope="module")
def bitrix(portal: Portal) -> Any:
    return portal.vendor_client()


@pytest.mark.parametrize("kind", ["deal", "company", "contact"])
def test_classic_family_pages_both_ways(bitrix: Any, kind: str) -> None:
    family = getattr(bitrix.crm, kind)
    plain = {row["ID"] for row in family.list(select=["ID"]).as_list().result}
    fast = [int(row["ID"]) for row in family.list(select=["ID"]).as_list_fast().result]
    assert fast == sorted(int(one) for one in plain)
    assert len(fast) > 50
    assert family.get(fast[0]).result["ID"] == str(fast[0])
    assert family.fields().response.result["ID"]["isReadOnly"] is True


def test_classic_deal_is_made_changed_and_deleted(bitrix: Any) -> None:
    number = int(bitrix.crm.deal.add({"TITLE": "Новая", "COMPANY_ID": 1, "STAGE_ID": "NEW"}).result)
    assert bitrix.crm.deal.update(number, {"TITLE": "Другая", "OPPORTUNITY": 120_000}).result is True
    read = bitrix.crm.deal.get(number).result
    assert (read["TITLE"], float(read["OPPORTUNITY"]), read["COMPANY_ID"]) == ("Другая", 120_000, "1")
    universal = bitrix.crm.item.get(DEAL, number).result["item"]
    assert (universal["title"], universal["companyId"]) == ("Другая", 1)
    assert bitrix.crm.deal.delete(number).result is True
    with pytest.raises(errors.BitrixAPIBadRequest, match="Not found"):
        bitrix.crm.deal.get(number).call()


def test_user_field_is_made_and_filled(bitrix: Any) -> None:
    made = bitrix.crm.company.userfield.add(
        {"FIELD_NAME": "KASANIE_SCORE", "USER_TYPE_ID": "double", "EDIT_FORM_LABEL": {"ru": "Оценка"}}
    ).result
    listed = bitrix.crm.company.userfield.list(filter={"FIELD_NAME": "UF_CRM_KASANIE_SCORE"}).result
    assert [int(one["ID"]) for one in listed] == [int(made)]
    bitrix.crm.company.update(3, {"UF_CRM_KASANIE_SCORE": 72}).call()
    read = bitrix.crm.item.get(4, 3, use_original_uf_names=True).result["item"]
    assert float(read["UF_CRM_KASANIE_SCORE"]) == 72


def test_comment_stands_in_the_timeline(bitrix: Any, portal: Portal) -> None:
    fields = {"ENTITY_ID": 1, "ENTITY_TYPE": "company", "COMMENT": "Почему: нет касания 14 дней"}
    number = int(bitrix.crm.timeline.comment.add(fields).result)
    there = {one["id"]: one["text"] for one in portal.ledger["comments"]}
    assert there[number] == fields["COMMENT"]


def test_checklist_grows_and_is_told_newest_first(bitrix: Any, portal: Portal) -> None:
    task = int(bitrix.tasks.task.add({"TITLE": "Список", "RESPONSIBLE_ID": 3}).result["task"]["id"])
    for title in ("Цена", "Сроки"):
        assert int(bitrix.task.checklistitem.add(task, {"TITLE": title}).result) > 0
    there = next(one for one in portal.ledger["tasks"] if one["id"] == task)
    assert len(there["checklist"]) == 2
    assert [one["TITLE"] for one in bitrix.task.checklistitem.getlist(task).result] == ["Сроки", "Цена"]


def test_rows_and_requisites_are_read_in_their_shapes(bitrix: Any, portal: Portal) -> None:
    portal.set("products", deal=2, rows=[{"name": "Станок", "price": 1000, "quantity": 2}])
    rows = bitrix.crm.item.productrow.list(filter={"=ownerType": "D", "=ownerId": 2}).result["productRows"]
    assert [(one["productName"], one["price"], one["quantity"]) for one in rows] == [("Станок", 1000, 2)]
    portal.set("requisites", company=2, fields={"RQ_INN": "7701234567"})
    found = bitrix.crm.requisite.list(filter={"ENTITY_TYPE_ID": 4, "ENTITY_ID": 2}, select=["ID", "RQ_INN"]).result
    assert [one["RQ_INN"] for one in found] == ["7701234567"]


def test_contacts_of_a_deal_come_as_the_clients_own_type(bitrix: Any) -> None:
    deal = next(
        one for one in bitrix.crm.item.list(DEAL, select=["id", "contactIds"]).as_list().result if one["contactIds"]
    )
    bound = bitrix.crm.deal.contact.items.get(deal["id"]).result
    assert [int(one["CONTACT_ID"]) for one in bound] == deal["contactIds"]
    assert [one["IS_PRIMARY"] for one in bound].count("Y") == 1
