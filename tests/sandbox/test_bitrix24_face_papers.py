"""Requisites, goods, staff, calendar, links and custom fields, as a portal tells and refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_application import as_application, bind, listen, told
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20) as opened:
        yield opened


def test_every_company_has_requisites_with_its_tax_number(portal: OpenPortal) -> None:
    companies = sorted(portal.base.companies)
    rows = portal.call(
        "crm.requisite.list",
        filter={"ENTITY_TYPE_ID": 4, "@ENTITY_ID": companies[:30]},
        select=["ID", "ENTITY_ID", "RQ_INN"],
        order={"ID": "ASC"},
    )
    assert [row["ENTITY_ID"] for row in rows] == [str(one) for one in companies[:30]]
    assert all(len(row["RQ_INN"]) == 10 and row["RQ_INN"].isdigit() for row in rows)
    known = next(one for one in portal.base.companies.values() if one.fields.get("inn"))
    assert next(row["RQ_INN"] for row in rows if row["ENTITY_ID"] == str(known.id)) == known.fields["inn"]
    one = portal.call("crm.requisite.get", id=rows[0]["ID"])
    assert (one["ENTITY_TYPE_ID"], one["PRESET_ID"], one["ACTIVE"], one["RQ_OGRN"]) == ("4", "1", "Y", None)


def test_requisites_change_without_their_company(portal: OpenPortal) -> None:
    company = portal.base.companies[1]
    before = company.updated
    number = portal.base.requisites_of("company", 1)[0].id
    with listen() as own:
        bind(portal, "ONCRMREQUISITEUPDATE", own.url)
        portal.control("requisites", {"company": 1, "fields": {"RQ_INN": "7700000000"}})
        body = own.wait()[0]
        assert (body["event"], body["data[FIELDS][ID]"]) == ("ONCRMREQUISITEUPDATE", str(number))
        as_application(portal, "event.unbind", event="ONCRMREQUISITEUPDATE", handler=own.url)
    assert portal.call("crm.requisite.get", id=number)["RQ_INN"] == "7700000000"
    assert company.updated == before
    assert portal.call("crm.requisite.update", id=number, fields={"RQ_KPP": "1"}) is True
    assert portal.base.requisites[number].fields["RQ_KPP"] == "1"


def test_how_requisites_are_refused(portal: OpenPortal) -> None:
    assert portal.ask("crm.requisite.list", filter={"NOTHING": 1}).json()["error"] == 0
    assert told(portal.ask("crm.requisite.get", id=9999)) == (400, "")
    for fields in ({}, {"ENTITY_TYPE_ID": 4}, {"ENTITY_TYPE_ID": 4, "NAME": "x", "PRESET_ID": 1, "ENTITY_ID": 9999}):
        assert told(portal.ask("crm.requisite.add", fields=fields)) == (400, "")
    contact = {"ENTITY_TYPE_ID": 3, "ENTITY_ID": 1, "PRESET_ID": 2, "NAME": "ИП", "RQ_INN": "770000000000"}
    number = portal.call("crm.requisite.add", fields=contact)
    assert portal.call("crm.requisite.delete", id=number) is True
    assert told(portal.ask("crm.requisite.get", id=number)) == (400, "")
    assert [row["NAME"] for row in portal.call("crm.requisite.preset.list", select=["NAME"])] == [
        "Организация",
        "ИП",
        "Физ. лицо",
    ]


def test_goods_of_one_deal_and_of_many(portal: OpenPortal) -> None:
    rows = [{"name": "Лист", "price": 100.5, "quantity": 2}, {"name": "Доставка", "price": 900}]
    assert portal.control("products", {"deal": 1, "rows": rows}).status_code == 200
    portal.control("products", {"deal": 2, "rows": rows[:1]})
    answer = portal.ask("crm.item.productrow.list", filter={"=ownerType": "D", "=ownerId": 1}).json()
    found = answer["result"]["productRows"]
    assert answer["total"] == 2
    assert [(row["productName"], row["price"], row["quantity"]) for row in found] == [
        ("Лист", 100.5, 2),
        ("Доставка", 900, 1),
    ]
    many = portal.call("crm.item.productrow.list", filter={"=ownerType": "D", "=ownerId": [1, 2]})["productRows"]
    assert [row["ownerId"] for row in many] == [1, 1, 2]
    for filters in ({"=ownerType": "D"}, {"=ownerId": 1}, {}):
        assert told(portal.ask("crm.item.productrow.list", filter=filters)) == (400, "100")
    wrong = portal.ask("crm.item.productrow.list", filter={"=ownerType": "X", "=ownerId": 1})
    assert told(wrong) == (400, "INVALID_ARG_VALUE")


def test_goods_are_written_over_the_api(portal: OpenPortal) -> None:
    rows = [{"productName": "Труба", "price": "10.5", "quantity": 3}]
    made = portal.call("crm.item.productrow.set", ownerType="D", ownerId=3, productRows=rows)["productRows"]
    assert (made[0]["ownerId"], made[0]["price"], made[0]["taxIncluded"]) == (3, 10.5, "N")
    one = {"ownerType": "D", "ownerId": 3, "productName": "Ещё", "price": 1}
    assert portal.call("crm.item.productrow.add", fields=one)["productRow"]["productName"] == "Ещё"
    assert [row.name for row in portal.base.product_rows[3]] == ["Труба", "Ещё"]
    missing = portal.ask("crm.item.productrow.set", ownerType="D", ownerId=9999, productRows=rows)
    assert told(missing) == (400, "OWNER_NOT_FOUND")
    before = portal.base.deals[3].updated
    portal.control("clock", {"advance": "1 minutes"})
    portal.call("crm.item.productrow.set", ownerType="D", ownerId=3, productRows=rows)
    assert portal.base.deals[3].updated == before
    portal.control("readings", {"product_rows_update_deal": True})
    portal.call("crm.item.productrow.set", ownerType="D", ownerId=3, productRows=rows)
    portal.control("readings", {"product_rows_update_deal": False})
    assert portal.base.deals[3].updated > before


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        ({"@ID": [1, 3]}, [1, 3]),
        ({"ID": [2, 4]}, [2, 4]),
        ({"ACTIVE": False}, [8]),
        ({">ID": 6}, [7, 8]),
    ],
)
def test_staff_by_filter(portal: OpenPortal, wanted: dict[str, Any], right: list[int]) -> None:
    rows = portal.call("user.get", FILTER=wanted, sort="ID", order="ASC")
    assert [int(row["ID"]) for row in rows] == right
    assert isinstance(rows[0]["ACTIVE"], bool)


def test_staff_sorted_chosen_and_counted(portal: OpenPortal) -> None:
    answer = portal.ask("user.get", sort="ID", order="DESC", select=["ID", "TIME_ZONE"]).json()
    assert answer["total"] == len(portal.base.users)
    assert [int(row["ID"]) for row in answer["result"]] == sorted(portal.base.users, reverse=True)
    assert set(answer["result"][0]) == {"ID", "TIME_ZONE"}
    mapped = portal.call("user.get", order={"ID": "ASC"}, start=-1)
    assert [int(row["ID"]) for row in mapped] == sorted(portal.base.users)
    sales = portal.base.users[3].department
    rows = portal.call("user.get", FILTER={"UF_DEPARTMENT": sales, "ACTIVE": True})
    assert {row["UF_DEPARTMENT"][0] for row in rows} == {sales}
    assert all(row["ACTIVE"] for row in rows)


def test_everybody_may_ask_whether_he_is_an_administrator(portal: OpenPortal) -> None:
    assert portal.call("user.admin") is True
    portal.control("app", {"scopes": ["crm"]})
    access = portal.control("tokens", {"issue": 3}).json()["access_token"]
    assert as_application(portal, "user.admin", access).json()["result"] is False
    assert as_application(portal, "profile", access).json()["result"]["ID"] == "3"
    assert told(as_application(portal, "user.current", access)) == (403, "insufficient_scope")
    portal.control("app", {"scopes": ["crm", "task", "tasks", "placement", "user_brief", "department"]})


def test_departments_have_heads(portal: OpenPortal) -> None:
    rows = portal.call("department.get", sort="ID", order="ASC")
    assert [row["ID"] for row in rows] == [str(one) for one in sorted(portal.base.departments)]
    headed = [row for row in rows if "UF_HEAD" in row]
    assert [int(row["UF_HEAD"]) for row in headed] == [one.head for one in portal.base.departments.values() if one.head]
    one = portal.call("department.get", UF_HEAD=headed[0]["UF_HEAD"])
    assert [row["ID"] for row in one] == [headed[0]["ID"]]
    assert portal.call("department.get", SORT="ID", ORDER="ASC", order={"ID": "ASC"}) == rows


@pytest.mark.parametrize(("reading", "start"), [("9", "9"), ("9.00", "9.00"), ("9.30", "9.30")])
def test_working_hours_are_written_in_three_ways(portal: OpenPortal, reading: str, start: str) -> None:
    portal.control("readings", {"working_hours": reading})
    told_settings = portal.call("calendar.settings.get")
    portal.control("readings", {"working_hours": "9"})
    assert told_settings["work_time_start"] == start
    assert told_settings["week_holidays"] == ["SA", "SU"]
    assert "23.02" in told_settings["year_holidays"].split(",")


def test_the_calendar_of_one_user_and_the_only_schedule(portal: OpenPortal) -> None:
    own = portal.call("calendar.user.settings.get")
    assert (own["timezoneName"], own["timezoneOffsetUTC"]) == ("Europe/Moscow", 10_800)
    access = portal.control("tokens", {"issue": 1}).json()["access_token"]
    assert told(as_application(portal, "timeman.schedule.get", access, id=1)) == (403, "insufficient_scope")
    portal.control("app", {"scopes": ["crm", "timeman"]})
    schedule = as_application(portal, "timeman.schedule.get", access, id=1).json()["result"]
    assert schedule["SHIFTS"][0]["WORK_DAYS"] == "12345"
    assert schedule["SHIFTS"][0]["WORK_TIME_START"] == 32_400
    assert as_application(portal, "timeman.schedule.get", access, id=2).json()["result"] == []
    portal.control("app", {"scopes": ["crm", "task", "tasks", "placement", "user_brief", "department"]})


def test_who_belongs_to_whom(portal: OpenPortal) -> None:
    deal = next(one for one in portal.base.deals.values() if len(one.contacts) > 1)
    rows = portal.call("crm.deal.contact.items.get", id=deal.id)
    assert [row["CONTACT_ID"] for row in rows] == deal.contacts
    assert [row["IS_PRIMARY"] for row in rows] == ["Y", *["N"] * (len(rows) - 1)]
    people = portal.base.people_of(deal.company or 0)
    rows = portal.call("crm.company.contact.items.get", id=deal.company)
    assert [row["CONTACT_ID"] for row in rows] == people
    rows = portal.call("crm.contact.company.items.get", id=people[0])
    assert [row["COMPANY_ID"] for row in rows] == [deal.company]
    assert told(portal.ask("crm.deal.contact.items.get", id=0)) == (400, "")
    assert told(portal.ask("crm.deal.contact.items.get", id=9999)) == (400, "")


def test_own_firms_and_patterns_of_deals_are_told(portal: OpenPortal) -> None:
    portal.control("cards", {"kind": "company", "id": 3, "ours": True})
    portal.control("cards", {"kind": "deal", "id": 3, "template": True})
    asked = {"filter": {"isMyCompany": "Y"}, "select": ["id"]}
    assert portal.call("crm.item.list", entityTypeId=4, **asked)["items"] == [{"id": 3}]
    asked = {"filter": {"isRecurring": "Y"}, "select": ["id"]}
    assert portal.call("crm.item.list", entityTypeId=2, **asked)["items"] == [{"id": 3}]
    assert portal.call("crm.company.get", id=3)["IS_MY_COMPANY"] == "Y"


def test_a_field_is_made_listed_changed_and_deleted(portal: OpenPortal) -> None:
    wanted = {
        "USER_TYPE_ID": "enumeration",
        "FIELD_NAME": "colour",
        "MULTIPLE": "Y",
        "EDIT_FORM_LABEL": {"ru": "Цвет", "en": "Colour"},
        "EDIT_IN_LIST": "N",
        "LIST": [{"VALUE": "красный"}, {"VALUE": "синий"}],
    }
    with listen() as own:
        for verb in ("ADD", "UPDATE", "DELETE", "SETENUMVALUES"):
            bind(portal, f"ONCRMCOMPANYUSERFIELD{verb}", own.url)
        number = portal.call("crm.company.userfield.add", fields=wanted)
        row = portal.call("crm.company.userfield.list", filter={"FIELD_NAME": "UF_CRM_COLOUR", "LANG": "en"})[0]
        assert (row["ID"], row["MULTIPLE"], row["EDIT_IN_LIST"]) == (str(number), "Y", "N")
        assert row["EDIT_FORM_LABEL"] == "Colour"
        changed = [{"ID": row["LIST"][0]["ID"], "DEL": "Y"}, {"VALUE": "белый"}]
        assert portal.call("crm.company.userfield.update", id=number, fields={"LIST": changed, "SORT": 700}) is True
        got = portal.call("crm.company.userfield.get", id=number)
        assert [one["VALUE"] for one in got["LIST"]] == ["синий", "белый"]
        assert (got["SORT"], got["EDIT_FORM_LABEL"]["ru"]) == ("700", "Цвет")
        assert portal.call("crm.company.userfield.delete", id=number) is True
        bodies = own.wait(4)
        assert {body["event"].removeprefix("ONCRMCOMPANYUSERFIELD") for body in bodies} >= {"ADD", "DELETE"}
        assert {(body["data[FIELDS][FIELD_NAME]"], body["data[FIELDS][ENTITY_ID]"]) for body in bodies} == {
            ("UF_CRM_COLOUR", "CRM_COMPANY")
        }
    assert told(portal.ask("crm.company.userfield.get", id=number)) == (400, "ERROR_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"USER_TYPE_ID": "string"}, ""),
        ({"FIELD_NAME": "X"}, ""),
        ({"FIELD_NAME": "X" * 44, "USER_TYPE_ID": "string"}, "ERROR_CORE"),
        ({"FIELD_NAME": "Ы", "USER_TYPE_ID": "string"}, "ERROR_CORE"),
        ({"FIELD_NAME": "X", "USER_TYPE_ID": "colour"}, "ERROR_CORE"),
        ({"FIELD_NAME": "INN", "USER_TYPE_ID": "string"}, "ERROR_CORE"),
        (
            {"FIELD_NAME": "Z", "USER_TYPE_ID": "enumeration", "LIST": [{"XML_ID": "a"}, {"XML_ID": "a"}]},
            "ERROR_CORE",
        ),
    ],
)
def test_fields_that_cannot_be_made(portal: OpenPortal, fields: dict[str, Any], code: str) -> None:
    assert told(portal.ask("crm.company.userfield.add", fields=fields)) == (400, code)


def test_only_an_administrator_makes_fields(portal: OpenPortal) -> None:
    access = portal.control("tokens", {"issue": 3}).json()["access_token"]
    answer = as_application(
        portal, "crm.deal.userfield.add", access, fields={"FIELD_NAME": "X", "USER_TYPE_ID": "string"}
    )
    assert answer.json() == {"error": "", "error_description": "Access denied."}


def test_empty_values_come_in_a_mix(portal: OpenPortal) -> None:
    names = ["UF_CRM_TURNOVER", "UF_CRM_SEGMENT", "UF_CRM_PLANS"]
    portal.call("crm.company.userfield.add", fields={"FIELD_NAME": "MANY", "USER_TYPE_ID": "string", "MULTIPLE": "Y"})
    asked = {"entityTypeId": 4, "select": ["id", *names, "UF_CRM_MANY"], "useOriginalUfNames": "Y"}
    plain = portal.call("crm.item.list", **asked)["items"]
    empty = {name: [row[name] for row in plain if row[name] in (None, "", [], False)] for name in names}
    assert {repr(one) for one in empty["UF_CRM_SEGMENT"]} <= {"None"}
    assert {repr(row["UF_CRM_MANY"]) for row in plain} == {"[]"}
    portal.control("readings", {"empty_values": "mixed"})
    mixed = portal.call("crm.item.list", **asked)["items"]
    deal = portal.call("crm.item.list", entityTypeId=2, filter={"companyId": 0}, select=["companyId"])["items"]
    portal.control("readings", {"empty_values": "plain"})
    assert {repr(row["UF_CRM_MANY"]) for row in mixed} == {"[]", "False", "''"}
    assert {repr(row["UF_CRM_PLANS"]) for row in mixed} >= {"''", "None"}
    assert {repr(row["companyId"]) for row in deal} <= {"0", "None", "'0'"}
    filled = [(row["id"], row["UF_CRM_TURNOVER"]) for row in plain if row["UF_CRM_TURNOVER"]]
    assert [(row["id"], row["UF_CRM_TURNOVER"]) for row in mixed if row["UF_CRM_TURNOVER"]] == filled


def test_a_multiple_list_is_emptied_only_by_the_classic_method(portal: OpenPortal) -> None:
    wanted = {"FIELD_NAME": "SHADES", "USER_TYPE_ID": "enumeration", "MULTIPLE": "Y"}
    portal.call("crm.company.userfield.add", fields={**wanted, "LIST": [{"VALUE": "a"}, {"VALUE": "b"}]})
    ids = list(portal.base.field_specs("company")["shades"].choices)
    asked = {"entityTypeId": 4, "id": 2, "useOriginalUfNames": "Y"}
    item = portal.call("crm.item.update", **asked, fields={"UF_CRM_SHADES": ids})["item"]
    assert item["UF_CRM_SHADES"] == ids
    item = portal.call("crm.item.update", **asked, fields={"UF_CRM_SHADES": []})["item"]
    assert item["UF_CRM_SHADES"] == ids
    assert portal.call("crm.company.update", id=2, fields={"UF_CRM_SHADES": []}) is True
    assert portal.call("crm.item.get", **asked)["item"]["UF_CRM_SHADES"] == []


def test_comments_are_changed_and_deleted_with_events(portal: OpenPortal) -> None:
    with listen() as own:
        for verb in ("ADD", "UPDATE", "DELETE"):
            bind(portal, f"ONCRMTIMELINECOMMENT{verb}", own.url)
        fields = {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "раз"}
        number = portal.call("crm.timeline.comment.add", fields=fields)
        assert portal.call("crm.timeline.comment.update", id=number, fields={"COMMENT": "два"}) == number
        assert portal.call("crm.timeline.comment.get", id=number)["COMMENT"] == "два"
        assert portal.call("crm.timeline.comment.delete", id=number) is True
        assert [body["event"][len("ONCRMTIMELINECOMMENT") :] for body in own.wait(3)] == ["ADD", "UPDATE", "DELETE"]
    assert told(portal.ask("crm.timeline.comment.get", id=number)) == (400, "")
    assert told(portal.ask("crm.timeline.comment.add", fields={"ENTITY_ID": 1})) == (400, "100")
    nobody = {"ENTITY_ID": 9999, "ENTITY_TYPE": "deal", "COMMENT": "x"}
    assert told(portal.ask("crm.timeline.comment.add", fields=nobody)) == (400, "OWNER_NOT_FOUND")


def test_a_log_message(portal: OpenPortal) -> None:
    fields = {"entityTypeId": 4, "entityId": 1, "title": "Касание", "text": "снято", "iconCode": "info"}
    made = portal.call("crm.timeline.logmessage.add", fields=fields)["logMessage"]
    assert (made["title"], made["text"], made["iconCode"]) == ("Касание", "снято", "info")
    assert "Касание: снято" in portal.get("/cards/company/1").text
    answer = portal.ask("crm.timeline.logmessage.add", fields={**fields, "entityId": 9999})
    assert told(answer) == (400, "OWNER_NOT_FOUND")


def test_lists_of_the_portal(portal: OpenPortal) -> None:
    rows = portal.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE"}, order={"SORT": "DESC"})
    assert [row["STATUS_ID"] for row in rows][-1] == "NEW"
    assert {row["CATEGORY_ID"] for row in rows} == {None}
    won = next(row for row in rows if row["STATUS_ID"] == "WON")
    assert (won["SEMANTICS"], won["EXTRA"]["SEMANTICS"], won["SYSTEM"]) == ("S", "success", "Y")
    assert {row["CATEGORY_ID"] for row in portal.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE_2"})} == {"2"}
    assert "CUSTOMER" in [
        row["STATUS_ID"] for row in portal.call("crm.status.list", filter={"ENTITY_ID": "COMPANY_TYPE"})
    ]
