"""Bitrix24's face against facts/bitrix24.md: addresses, envelope, lists, batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from bitrix24_portal import OpenPortal, open_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=200) as opened:
        yield opened


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_wrong_code_or_user_is_not_let_in(portal: OpenPortal) -> None:
    base_url = portal.config.base_url
    for path in ("/rest/1/wrong/user.current", "/rest/2/sandbox-code-bitrix24-1/user.current"):
        assert _error(portal.get(path)) == (401, "NO_AUTH_FOUND")
    assert _error(portal.session.get(f"{base_url}/rest/user.current?auth=wrong", timeout=5)) == (401, "invalid_token")
    token = portal.config.credentials.access_token
    answer = portal.session.get(f"{base_url}/rest/user.current?auth={token}", timeout=5)
    assert answer.json()["result"]["ID"] == "1"


def test_unknown_methods_and_mangled_paths_are_404(portal: OpenPortal) -> None:
    assert _error(portal.ask("crm.nothing")) == (404, "ERROR_METHOD_NOT_FOUND")
    assert _error(portal.get("/rest/a/b/c/d")) == (404, "ERROR_METHOD_NOT_FOUND")


def test_get_form_and_json_say_the_same_in_any_case_and_with_suffix(portal: OpenPortal) -> None:
    query = "entityTypeId=2&filter[%3C%3Did]=2&order[id]=ASC&select[]=id&select[]=title"
    url = portal.rest_url
    by_get = portal.session.get(f"{url}crm.item.list.json?{query}", timeout=5).json()["result"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_form = portal.session.post(f"{url}CRM.Item.List", data=query, headers=form, timeout=5).json()["result"]
    asked = {"filter": {"<=id": 2}, "order": {"id": "ASC"}, "select": ["id", "title"]}
    by_json = portal.call("crm.item.list", entityTypeId=2, **asked)
    assert by_get == by_form == by_json
    assert [row["id"] for row in by_json["items"]] == [1, 2]
    assert set(by_json["items"][0]) == {"id", "title"}


def test_the_envelope_tells_the_portals_time(portal: OpenPortal) -> None:
    answer = portal.ask("server.time").json()
    assert answer["result"].endswith("+03:00")
    told = answer["time"]
    assert {"start", "finish", "duration", "processing", "date_start", "date_finish", "operating"} <= set(told)
    assert told["date_start"].endswith("+03:00")
    assert told["operating_reset_at"] > told["finish"]


def test_universal_values_are_typed(portal: OpenPortal) -> None:
    deal = portal.call("crm.item.get", entityTypeId=2, id=1, useOriginalUfNames="Y")["item"]
    assert isinstance(deal["id"], int)
    assert isinstance(deal["opportunity"], int)
    assert isinstance(deal["contactIds"], list)
    assert deal["closed"] in ("Y", "N")
    assert deal["createdTime"].endswith("+03:00")
    assert deal["UF_CRM_INVOICE_DUE"] == ""
    company = portal.call("crm.item.get", entityTypeId=4, id=1)["item"]
    assert "ufCrmQuietUntil" in company
    assert company["isMyCompany"] == "N"
    contact = portal.call("crm.item.get", entityTypeId=3, id=1)["item"]
    assert {row["typeId"] for row in contact["fm"]} == {"PHONE", "EMAIL"}


def test_multi_fields_come_only_with_the_star(portal: OpenPortal) -> None:
    asked = {"entityTypeId": 3, "filter": {"id": 1}}
    assert set(portal.call("crm.item.list", **asked, select=["id", "fm"])["items"][0]) == {"id"}
    assert "fm" in portal.call("crm.item.list", **asked, select=["*"])["items"][0]


def test_not_found_is_a_400(portal: OpenPortal) -> None:
    assert _error(portal.ask("crm.item.get", entityTypeId=2, id=999_999)) == (400, "NOT_FOUND")
    assert _error(portal.ask("crm.item.get", entityTypeId=77, id=1)) == (400, "NOT_FOUND")


def test_pages_by_offset_have_total_and_next(portal: OpenPortal) -> None:
    first = portal.ask("crm.item.list", entityTypeId=3, select=["id"]).json()
    assert len(first["result"]["items"]) == 50
    assert first["next"] == 50
    assert first["total"] == len(portal.base.contacts)
    last = portal.ask("crm.item.list", entityTypeId=3, select=["id"], start=first["total"] - 1).json()
    assert len(last["result"]["items"]) == 1
    assert "next" not in last


def test_start_minus_one_walks_by_id_without_counting(portal: OpenPortal) -> None:
    seen: list[int] = []
    while True:
        asked = {"filter": {">id": seen[-1] if seen else 0}, "order": {"id": "ASC"}, "start": -1, "select": ["id"]}
        answer = portal.ask("crm.item.list", entityTypeId=3, **asked).json()
        assert answer["total"] == 0
        assert "next" not in answer
        seen += [row["id"] for row in answer["result"]["items"]]
        assert len(answer["result"]["items"]) <= 50
        if len(answer["result"]["items"]) < 50:
            break
    assert seen == sorted(portal.base.contacts)
    portal.control("readings", {"start_minus_one_counts": False})
    assert "total" not in portal.ask("crm.item.list", entityTypeId=3, start=-1).json()
    portal.control("readings", {"start_minus_one_counts": True})


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        ({"stageSemanticId": "P"}, lambda base, deal: base.stage(deal).semantic == "open"),
        ({"@id": [1, 5, 9]}, lambda _, deal: deal.id in (1, 5, 9)),
        ({"!@id": [1, 2]}, lambda _, deal: deal.id not in (1, 2)),
        ({">=opportunity": 500_000}, lambda _, deal: deal.amount >= 500_000),
        ({"%title": "УПАКОВ"}, lambda _, deal: "упаков" in deal.title.lower()),
        ({"!closed": "Y"}, lambda _, deal: deal.closed is None),
        ({"companyId": [1, 2]}, lambda _, deal: deal.company in (1, 2)),
        ({"companyId": 0}, lambda _, deal: deal.company is None),
        ({"contactIds": 1}, lambda _, deal: 1 in deal.contacts),
        (
            {"<id": 20, "0": {"logic": "OR", "0": {"categoryId": 2}, "1": {"id": 3}}},
            lambda _, deal: deal.id < 20 and (deal.pipeline == 2 or deal.id == 3),
        ),
    ],
)
def test_filters(portal: OpenPortal, wanted: dict[str, Any], right: Any) -> None:
    found, start = set(), 0
    while True:
        answer = portal.ask("crm.item.list", entityTypeId=2, filter=wanted, select=["id"], start=start).json()
        found |= {row["id"] for row in answer["result"]["items"]}
        if "next" not in answer:
            break
        start = answer["next"]
    assert found == {deal.id for deal in portal.base.deals.values() if right(portal.base, deal)}
    assert found


def test_changed_since_compares_moments_across_zones(portal: OpenPortal) -> None:
    moment = sorted(deal.updated for deal in portal.base.deals.values())[-5]
    asked = {">=updatedTime": moment.astimezone().isoformat()}
    answer = portal.ask("crm.item.list", entityTypeId=2, filter=asked, select=["id"]).json()
    assert answer["total"] == sum(deal.updated >= moment for deal in portal.base.deals.values())


@pytest.mark.parametrize("asked", [{"filter": {"nothing": 1}}, {"order": {"id": "UP"}}, {"filter": {">id": "much"}}])
def test_bad_filters_and_orders_are_refused(portal: OpenPortal, asked: dict[str, Any]) -> None:
    answer = portal.ask("crm.item.list", entityTypeId=2, **asked)
    assert _error(answer) == (400, "INVALID_ARG_VALUE")


def test_order_by_time_downwards(portal: OpenPortal) -> None:
    answer = portal.call("crm.item.list", entityTypeId=2, order={"updatedTime": "DESC"}, select=["updatedTime"])
    told = [row["updatedTime"] for row in answer["items"]]
    assert told == sorted(told, reverse=True)


def test_fields_tell_types_titles_and_choices(portal: OpenPortal) -> None:
    fields = portal.call("crm.item.fields", entityTypeId=4, useOriginalUfNames="Y")["fields"]
    assert fields["title"]["isDynamic"] is False
    assert fields["UF_CRM_TURNOVER"] | {"title": ""} == {
        "type": "double",
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": False,
        "isDynamic": True,
        "title": "",
        "upperName": "UF_CRM_TURNOVER",
    }
    assert [one["VALUE"] for one in fields["UF_CRM_SEGMENT"]["items"]] == ["A", "B", "C"]
    assert fields["updatedTime"]["isReadOnly"] is True
    assert fields["assignedById"]["upperName"] == "ASSIGNED_BY_ID"


def test_a_batch_chains_pages_by_reference(portal: OpenPortal) -> None:
    page = "entityTypeId=3&order[id]=ASC&start=-1&select[]=id&filter[%3Eid]="
    commands = {
        "p0": f"crm.item.list?{page}0",
        "p1": f"crm.item.list?{page}" + quote("$result[p0][items][49][id]"),
        "bad": "crm.item.get?entityTypeId=2&id=999999",
        "nested": "batch?cmd[a]=server.time",
    }
    told = portal.call("batch", halt=0, cmd=commands)
    assert [row["id"] for row in told["result"]["p1"]["items"]][:2] == [51, 52]
    assert told["result_error"]["bad"]["error"] == "NOT_FOUND"
    assert told["result_total"] == {"p0": 0, "p1": 0}
    assert set(told["result_time"]) == {"p0", "p1"}


def test_a_batch_as_list_answers_as_list_and_halt_stops_it(portal: OpenPortal) -> None:
    assert portal.call("batch", cmd=["server.time", "user.current"])["result"][1]["ID"] == "1"
    told = portal.call("batch", halt=1, cmd={"a": "crm.nothing", "b": "server.time"})
    assert told["result"] == []
    assert set(told["result_error"]) == {"a"}


def test_errors_under_counting_keys_come_as_a_list(portal: OpenPortal) -> None:
    told = portal.call("batch", cmd={"0": "crm.nothing", "1": "crm.nothing", "35943": "server.time"})
    assert [one["error"] for one in told["result_error"]] == ["ERROR_METHOD_NOT_FOUND"] * 2
    assert set(told["result"]) == {"35943"}


def test_an_unresolved_reference_is_empty(portal: OpenPortal) -> None:
    told = portal.call(
        "batch", cmd={"a": "crm.item.list?entityTypeId=2&select[]=id&start=-1&filter[%3Eid]=$result[x][1]"}
    )
    assert told["result"]["a"]["items"][0]["id"] == 1


def test_funnels_and_stages(portal: OpenPortal) -> None:
    funnels = portal.call("crm.category.list", entityTypeId=2)["categories"]
    assert [(one["id"], one["isDefault"]) for one in funnels] == [(0, "Y"), (2, "N"), (3, "N")]
    stages = portal.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE_2"}, order={"SORT": "ASC"})
    assert [one["STATUS_ID"] for one in stages] == ["NEW", "OFFER", "NEGOTIATE", "PAYMENT", "WON", "LOSE"]
    assert [one["SEMANTICS"] for one in stages] == [None, None, None, None, "S", "F"]
    assert portal.control("readings", {"status_id_with_category": True}).status_code == 200
    stages = portal.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE_2"})
    assert stages[0]["STATUS_ID"] == "C2:NEW"
    portal.control("readings", {"status_id_with_category": False})
    assert _error(portal.ask("crm.category.list", entityTypeId=3)) == (400, "ENTITY_TYPE_NOT_SUPPORTED")


def test_the_stage_history_is_a_feed_by_id(portal: OpenPortal) -> None:
    last = len(portal.base.stage_rows)
    asked = {"filter": {">ID": last - 3}, "order": {"ID": "ASC"}, "start": -1}
    rows = portal.call("crm.stagehistory.list", entityTypeId=2, **asked)["items"]
    assert [row["ID"] for row in rows] == [last - 2, last - 1, last]
    assert set(rows[0]) == {"ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID"}
    some = portal.call("crm.stagehistory.list", entityTypeId=2, filter={"@OWNER_ID": [2, 3]}, select=["ID", "OWNER_ID"])
    assert {row["OWNER_ID"] for row in some["items"]} == {2, 3}


def test_staff_departments_and_calendar(portal: OpenPortal) -> None:
    users = portal.call("user.get", FILTER={"ACTIVE": True})
    assert {row["ID"] for row in users} == {"1", "2", "3", "4", "5", "6", "7"}
    assert next(row for row in users if row["ID"] == "7")["TIME_ZONE"] == "Asia/Yekaterinburg"
    assert portal.call("user.get", ID=8)[0]["ACTIVE"] is False
    departments = portal.call("department.get")
    assert departments[0] | {"SORT": 500} == {"ID": "1", "NAME": "Кедр", "SORT": 500, "UF_HEAD": "1"}
    assert portal.call("calendar.settings.get")["week_holidays"] == ["SA", "SU"]
    assert "crm" in portal.call("scope")
    assert "batch" in portal.call("methods")
    assert _error(portal.ask("feature.get")) == (400, "CODE_EMPTY")
