"""Leads, contacts, companies and the directory of the sandbox's amoCRM face, against facts/amocrm.md 2-4."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from amocrm_account import AmoPortal, open_account


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def test_account_tells_only_what_is_asked_for(amo: AmoPortal) -> None:
    plain = amo.get("account")
    assert (plain["id"], plain["subdomain"], plain["current_user_id"]) == (31_000_001, "amo-1", 1)
    assert "_embedded" not in plain
    assert "is_api_filter_enabled" not in plain
    wanted = "task_types,users_groups,datetime_settings,is_api_filter_enabled,amojo_id"
    full = amo.get("account", **{"with": wanted})
    assert full["is_api_filter_enabled"] is False
    assert [one["code"] for one in full["_embedded"]["task_types"][:2]] == ["FOLLOW_UP", "MEETING"]
    assert full["_embedded"]["datetime_settings"]["timezone"] == "Europe/Moscow"
    assert full["_embedded"]["datetime_settings"]["timezone_offset"] == "+03:00"
    assert {"id", "name", "uuid"} == set(full["_embedded"]["users_groups"][0])


def test_answers_are_hal_and_errors_problems(amo: AmoPortal) -> None:
    fine, wrong, verb = amo.call("GET", "account"), amo.call("GET", "no/such"), amo.call("DELETE", "leads")
    assert fine.headers["Content-Type"] == "application/hal+json"
    assert fine.headers["X-Request-Id"]
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert wrong.json()["type"] == "https://httpstatus.es/404"
    assert (verb.status_code, verb.json()["title"]) == (405, "Method Not Allowed")


def test_users_tell_admin_and_dismissed(amo: AmoPortal) -> None:
    users = {one["id"]: one for one in amo.rows("users", "users")}
    assert users[1]["rights"]["is_admin"] is True
    assert users[8]["rights"]["is_active"] is False
    assert amo.get("users")["_total_items"] == len(users)


def test_won_and_lost_have_the_same_ids_in_every_pipeline(amo: AmoPortal) -> None:
    pipelines = amo.rows("leads/pipelines", "pipelines")
    assert len(pipelines) > 1
    for pipeline in pipelines:
        statuses = pipeline["_embedded"]["statuses"]
        assert [one["id"] for one in statuses if one["id"] in (142, 143)] == [142, 143]
        assert [one["is_editable"] for one in statuses if one["id"] in (142, 143) or one["type"] == 1] == [False] * 3
        assert [one["name"] for one in statuses if one["type"] == 1] == ["Неразобранное"]


def test_a_lead_has_the_shape_of_the_sheet(amo: AmoPortal) -> None:
    deal = amo.base.add_deal("Окна", pipeline=1, stage=2, company=1, contacts=[2, 1], amount=120_000, owner=3, by=3)
    amo.base.move_deal(deal.id, 1, amo.base.pipelines[1].stage("LOSE").id, by=4, loss_reason=1)
    lead = amo.get(f"leads/{deal.id}", **{"with": "contacts,loss_reason"})
    assert lead["status_id"] == 143
    assert lead["closed_at"] == lead["updated_at"]
    assert (lead["price"], lead["responsible_user_id"], lead["created_by"], lead["updated_by"]) == (120_000, 3, 3, 4)
    assert lead["custom_fields_values"] is None
    assert lead["score"] is None
    assert [(one["id"], one["is_main"]) for one in lead["_embedded"]["contacts"]] == [(2, True), (1, False)]
    assert [one["id"] for one in lead["_embedded"]["companies"]] == [1]
    assert lead["_embedded"]["loss_reason"][0]["name"] == "Дорого"
    assert lead["_links"]["self"]["href"] == f"{amo.config.base_url}/api/v4/leads/{deal.id}"
    plain = amo.get(f"leads/{deal.id}")
    assert set(plain["_embedded"]) == {"tags", "companies"}


def test_custom_fields_come_by_type_and_only_when_filled(amo: AmoPortal) -> None:
    segment = next(iter(amo.base.field_specs("company")["segment"].choices))
    filled = {"headcount": 180, "next_need": date(2026, 10, 1), "inn": "", "strategic": False, "segment": segment}
    company = amo.base.add_company("Досье", fields=filled)
    values = {one["field_code"]: one for one in amo.get(f"companies/{company.id}")["custom_fields_values"]}
    assert values["HEADCOUNT"]["values"] == [{"value": "180"}]
    assert values["HEADCOUNT"]["field_type"] == "numeric"
    assert values["NEXT_NEED"]["values"] == [{"value": 1_790_802_000}]  # midnight in Moscow
    assert values["STRATEGIC"]["values"] == [{"value": False}]
    assert values["SEGMENT"]["values"][0]["value"] == "A"
    assert set(values) == {"HEADCOUNT", "NEXT_NEED", "STRATEGIC", "SEGMENT"}


def test_a_contact_shows_phone_mail_and_one_company(amo: AmoPortal) -> None:
    person = amo.base.add_contact(
        "Анна", "П.", company_ids=[1, 2], phone="+7999", email="a@x.example", birthday=date(1980, 1, 12)
    )
    amo.base.add_deal("Окна", pipeline=1, stage=2, contacts=[person.id])
    shown = amo.get(f"contacts/{person.id}", **{"with": "leads"})
    values = {one["field_code"]: one["values"][0] for one in shown["custom_fields_values"]}
    assert (values["PHONE"]["value"], values["PHONE"]["enum_code"]) == ("+7999", "WORK")
    assert values["EMAIL"]["value"] == "a@x.example"
    assert values["BIRTHDAY"]["value"] == 316_472_400
    assert [one["id"] for one in shown["_embedded"]["companies"]] == [1]
    assert len(shown["_embedded"]["leads"]) == 1
    assert person.id in [one["id"] for one in amo.get("companies/1", **{"with": "contacts"})["_embedded"]["contacts"]]


def test_pages_follow_each_other_and_end_in_204(amo: AmoPortal) -> None:
    whole = amo.put_together("contacts", "contacts", limit=250)
    paged = amo.put_together("contacts", "contacts", limit=3)
    assert [one["id"] for one in paged] == [one["id"] for one in whole]
    first = amo.get("contacts", limit=3)
    assert first["_page"] == 1
    assert "prev" not in first["_links"]
    assert "page=2" in first["_links"]["next"]["href"]
    assert "limit=3" in first["_links"]["next"]["href"]
    last = amo.get("contacts", limit=3, page=-(-len(whole) // 3))
    assert "next" not in last["_links"]
    assert "prev" in last["_links"]
    beyond = amo.call("GET", "contacts", params={"limit": 3, "page": 999})
    assert (beyond.status_code, beyond.content) == (204, b"")


def test_lists_are_ordered_as_asked(amo: AmoPortal) -> None:
    amo.base.update_card("deal", 1, title="Правка")
    newest = amo.rows("leads", "leads", **{"order[updated_at]": "desc"})
    assert newest[0]["id"] == 1
    moments = [one["updated_at"] for one in newest]
    assert moments == sorted(moments, reverse=True)
    ids = [one["id"] for one in amo.rows("leads", "leads", **{"order[id]": "asc"})]
    assert ids == sorted(ids)


def test_filters_are_ignored_until_the_option_is_bought(amo: AmoPortal) -> None:
    everything = len(amo.put_together("leads", "leads", limit=250))
    asked = {"filter[id][]": 1}
    assert len(amo.put_together("leads", "leads", limit=250, **asked)) == everything
    amo.config.readings["api_filter"] = True
    assert [one["id"] for one in amo.put_together("leads", "leads", limit=250, **asked)] == [1]
    won = {"filter[statuses][0][pipeline_id]": 1, "filter[statuses][0][status_id]": 142}
    assert {one["status_id"] for one in amo.put_together("leads", "leads", limit=250, **won)} == {142}


def test_the_bin_hides_a_lead_and_shows_it_on_request(amo: AmoPortal) -> None:
    amo.base.delete_card("deal", 1)
    assert amo.call("GET", "leads/1").status_code == 204
    assert 1 not in [one["id"] for one in amo.put_together("leads", "leads", limit=250)]
    assert [one["id"] for one in amo.rows("leads", "leads", **{"with": "only_deleted"})] == [1]
    amo.base.restore_card("deal", 1)
    assert amo.get("leads/1")["is_deleted"] is False


def test_more_than_250_is_refused(amo: AmoPortal) -> None:
    read = amo.call("GET", "leads", params={"limit": 251})
    write = amo.call("POST", "companies", [{"name": "Слишком"}] * 251)
    for answer in (read, write):
        assert answer.status_code == 422
        assert answer.json()["detail"] == "Limit 250 per page"
    assert not [one for one in amo.base.companies.values() if one.title == "Слишком"]


def test_created_leads_echo_the_request_id_only(amo: AmoPortal) -> None:
    sent = [{"name": "А", "request_id": "x1", "price": 5, "_embedded": {"contacts": [{"id": 1}]}}, {"name": "Б"}]
    rows = amo.call("POST", "leads", sent).json()["_embedded"]["leads"]
    assert [one["request_id"] for one in rows] == ["x1", "1"]
    assert set(rows[0]) == {"id", "request_id", "_links"}
    made = amo.base.deals[rows[0]["id"]]
    assert (made.title, made.amount, made.contacts, made.pipeline, made.created_by) == ("А", 5, [1], 1, 1)
    assert amo.get(f"leads/{made.id}")["status_id"] == amo.base.pipelines[1].stage("NEW").id


def test_patch_changes_sent_keys_only(amo: AmoPortal) -> None:
    before = amo.get("leads/1")
    answer = amo.call("PATCH", "leads/1", {"price": 77, "status_id": 143, "pipeline_id": 1, "loss_reason_id": 3})
    assert answer.status_code == 200
    assert answer.json()["updated_at"] >= before["updated_at"]
    after = amo.get("leads/1")
    assert (after["price"], after["status_id"], after["loss_reason_id"], after["name"]) == (77, 143, 3, before["name"])


def test_score_fields_are_written_by_code_and_read_back_as_text(amo: AmoPortal) -> None:
    definition = {"name": "Заполненность", "type": "numeric", "code": "KASANIE_FILL", "is_api_only": True}
    made = amo.call("POST", "companies/custom_fields", [definition])
    assert made.status_code == 201
    assert made.json()["_embedded"]["custom_fields"][0]["is_api_only"] is True
    body = [{"id": 1, "custom_fields_values": [{"field_code": "KASANIE_FILL", "values": [{"value": 30}]}]}]
    assert amo.call("PATCH", "companies", body).status_code == 200
    values = {one["field_code"]: one["values"] for one in amo.get("companies/1")["custom_fields_values"]}
    assert values["KASANIE_FILL"] == [{"value": "30"}]
    write = amo.base.writes[-1]
    assert (write.code, write.value, write.by_api, write.changed) == ("KASANIE_FILL", 30, True, True)
    body[0]["custom_fields_values"] = [{"field_code": "KASANIE_FILL", "values": None}]
    amo.call("PATCH", "companies", body)
    assert amo.base.companies[1].fields["KASANIE_FILL"] is None


def test_one_wrong_member_refuses_the_whole_array(amo: AmoPortal) -> None:
    wrong = {"id": 2, "custom_fields_values": [{"field_id": 999_999, "values": [{"value": "x"}]}], "request_id": "r2"}
    answer = amo.call("PATCH", "companies", [{"id": 1, "name": "Не стало"}, wrong])
    assert answer.status_code == 400
    assert answer.json()["validation-errors"] == [
        {
            "request_id": "r2",
            "errors": [
                {
                    "code": "NotSupportedChoice",
                    "path": "custom_fields_values.0.field_id",
                    "detail": "The value you selected is not a valid choice.",
                }
            ],
        }
    ]
    assert amo.base.companies[1].title != "Не стало"


@pytest.mark.parametrize("body", [None, [], {}])
def test_an_empty_body_is_refused(amo: AmoPortal, body: object) -> None:
    answer = amo.call("POST", "leads", body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Request data can not be empty")


def test_numbers_refuse_words(amo: AmoPortal) -> None:
    body = {"custom_fields_values": [{"field_code": "HEADCOUNT", "values": [{"value": "много"}]}]}
    answer = amo.call("PATCH", "companies/1", body)
    assert answer.json()["validation-errors"][0]["errors"][0]["code"] == "InvalidType"


def test_definitions_come_in_pages_of_fifty(amo: AmoPortal) -> None:
    for number in range(30):
        amo.base.define_field("company", f"extra_{number}", f"Ещё {number}", "text")
    first = amo.get("companies/custom_fields")
    assert len(first["_embedded"]["custom_fields"]) == 50
    assert first["_page_count"] == 2
    assert first["_total_items"] == len(amo.put_together("companies/custom_fields", "custom_fields"))
    segment = next(one for one in first["_embedded"]["custom_fields"] if one["code"] == "SEGMENT")
    assert [one["value"] for one in segment["enums"]] == ["A", "B", "C"]


def test_a_taken_code_is_refused(amo: AmoPortal) -> None:
    field = {"name": "ИНН", "type": "text", "code": "INN"}
    answer = amo.call("POST", "companies/custom_fields", [field])
    assert answer.status_code == 400
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == "code"


def test_a_textarea_stays_one_and_can_be_removed_with_its_values(amo: AmoPortal) -> None:
    made = amo.call(
        "POST", "contacts/custom_fields", [{"name": "Чего нет", "type": "textarea", "code": "KASANIE_GAPS"}]
    )
    number = made.json()["_embedded"]["custom_fields"][0]["id"]
    assert amo.get(f"contacts/custom_fields/{number}")["type"] == "textarea"
    amo.call("PATCH", "contacts/1", {"custom_fields_values": [{"field_id": number, "values": [{"value": "ИНН"}]}]})
    assert amo.call("DELETE", f"contacts/custom_fields/{number}").status_code == 204
    assert "KASANIE_GAPS" not in amo.base.contacts[1].fields


def test_links_are_read_and_written(amo: AmoPortal) -> None:
    deal = amo.base.add_deal("Связи", pipeline=1, stage=2, contacts=[1])
    body = [{"to_entity_id": 2, "to_entity_type": "contacts", "metadata": {"is_main": True}}]
    assert amo.call("POST", f"leads/{deal.id}/link", body).status_code == 200
    assert amo.call("POST", f"leads/{deal.id}/link", [{"to_entity_id": 1, "to_entity_type": "companies"}]).ok
    links = amo.rows(f"leads/{deal.id}/links", "links")
    assert links == [
        {"to_entity_id": 2, "to_entity_type": "contacts", "metadata": {"main_contact": True}},
        {"to_entity_id": 1, "to_entity_type": "contacts", "metadata": {"main_contact": False}},
        {"to_entity_id": 1, "to_entity_type": "companies", "metadata": None},
    ]
    many = amo.rows("leads/links", "links", **{"filter[entity_id][]": [deal.id]})
    assert {one["entity_id"] for one in many} == {deal.id}
    gone = amo.call("POST", f"leads/{deal.id}/unlink", [{"to_entity_id": 2, "to_entity_type": "contacts"}])
    assert (gone.status_code, amo.base.deals[deal.id].contacts) == (204, [1])


def test_query_finds_by_phone(amo: AmoPortal) -> None:
    person = amo.base.add_contact("Анна", phone="+7912345")
    assert [one["id"] for one in amo.rows("contacts", "contacts", query="912345")] == [person.id]
