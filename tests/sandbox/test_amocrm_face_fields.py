"""Types of custom fields, their groups, and how bodies go over the wire (facts/amocrm.md 4.4, 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from amocrm_account import AmoPortal, open_account


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def made(amo: AmoPortal, kind: str, enums: list[str] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"name": kind, "type": kind, "code": f"OF_{kind}"}
    if enums:
        body["enums"] = [{"value": value} for value in enums]
    answer = amo.call("POST", "leads/custom_fields", [body])
    assert answer.status_code == 201, answer.text
    (field,) = answer.json()["_embedded"]["custom_fields"]
    found: dict[str, Any] = field
    return found


def values(amo: AmoPortal, field: int) -> list[dict[str, Any]]:
    rows = amo.get("leads/1")["custom_fields_values"] or []
    return next((row["values"] for row in rows if row["field_id"] == field), [])


def write(amo: AmoPortal, field: int, sent: Any) -> Any:
    return amo.call("PATCH", "leads/1", {"custom_fields_values": [{"field_id": field, "values": sent}]})


@pytest.mark.parametrize(
    ("kind", "sent", "told"),
    [
        ("text", [{"value": 7}], [{"value": "7"}]),
        ("numeric", [{"value": 42}], [{"value": "42"}]),
        ("numeric", [{"value": "4.5"}], [{"value": "4.5"}]),
        ("monetary", [{"value": "100"}], [{"value": "100"}]),
        ("tracking_data", [{"value": "utm"}], [{"value": "utm"}]),
        ("checkbox", [{"value": False}], [{"value": False}]),
        ("date_time", [{"value": 1_790_000_123}], [{"value": 1_790_000_123}]),
        ("date_time", [{"value": "2026-09-21T16:15:23+03:00"}], [{"value": 1_789_996_523}]),
        ("date", [{"value": 1_790_802_000}], [{"value": 1_790_802_000}]),
        (
            "smart_address",
            [{"value": "Тула", "enum_code": "city"}, {"value": "300000", "enum_id": 5}],
            [
                {"value": "Тула", "enum_id": 3, "enum_code": "city"},
                {"value": "300000", "enum_id": 5, "enum_code": "zip"},
            ],
        ),
        (
            "legal_entity",
            [{"value": {"name": "ООО Заря", "vat_id": "7707083893"}}],
            [{"value": {"name": "ООО Заря", "vat_id": "7707083893"}}],
        ),
        (
            "linked_entity",
            [{"value": {"name": "Анна", "entity_id": 1, "entity_type": "contacts"}}],
            [{"value": {"name": "Анна", "entity_id": 1, "entity_type": "contacts"}}],
        ),
        (
            "chained_list",
            [{"catalog_id": 4521, "catalog_element_id": 3}],
            [{"catalog_id": 4521, "catalog_element_id": 3}],
        ),
        (
            "file",
            [{"value": {"file_uuid": "u", "file_name": "a.pdf"}}],
            [{"value": {"file_uuid": "u", "file_name": "a.pdf"}}],
        ),
        ("payer", [{"value": {"entity_id": 5}}], [{"value": {"entity_id": 5}}]),
    ],
)
def test_a_value_comes_back_as_its_type_has_it(amo: AmoPortal, kind: str, sent: Any, told: Any) -> None:
    field = made(amo, kind)
    assert write(amo, field["id"], sent).status_code == 200
    assert values(amo, field["id"]) == told
    assert write(amo, field["id"], None).status_code == 200
    assert values(amo, field["id"]) == []


def test_a_multiselect_has_several_choices_and_a_field_keeps_only_named_ones(amo: AmoPortal) -> None:
    field = made(amo, "multiselect", ["А", "Б", "В"])
    first, second, third = field["enums"]
    write(amo, field["id"], [{"enum_id": third["id"]}, {"value": "А"}])
    assert [one["value"] for one in values(amo, field["id"])] == ["В", "А"]
    assert write(amo, field["id"], [{"value": "Г"}]).status_code == 400
    enums = [{"id": first["id"], "value": "Альфа"}, {"value": "Новая"}]
    changed = amo.call("PATCH", f"leads/custom_fields/{field['id']}", {"enums": enums}).json()
    assert [one["value"] for one in changed["enums"]] == ["Альфа", "Новая"]
    assert changed["enums"][0]["id"] == first["id"]
    assert second["id"] not in {one["id"] for one in changed["enums"]}
    assert [one["field_id"] for one in amo.get("leads/1")["custom_fields_values"]].count(field["id"]) == 1


@pytest.mark.parametrize(
    ("kind", "sent", "path"),
    [
        ("legal_entity", [{"value": {"vat_id": "1"}}], "custom_fields_values.0.values.0.value.name"),
        ("smart_address", [{"value": "x", "enum_id": 9}], "custom_fields_values.0.values.0.enum_id"),
        ("linked_entity", [{"value": "x"}], "custom_fields_values.0.values.0.value"),
        ("date_time", [{"value": "завтра"}], "custom_fields_values.0.values.0.value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_path(amo: AmoPortal, kind: str, sent: Any, path: str) -> None:
    answer = write(amo, made(amo, kind)["id"], sent)
    assert answer.status_code == 400
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == path


def test_days_may_be_told_in_utc_and_empty_fields_be_absent(amo: AmoPortal) -> None:
    field = made(amo, "date")
    write(amo, field["id"], [{"value": "2026-10-01"}])
    assert values(amo, field["id"]) == [{"value": 1_790_802_000}]
    amo.config.readings["dates_in_utc"] = True
    assert values(amo, field["id"]) == [{"value": 1_790_812_800}]
    bare = amo.base.add_deal("Пусто", pipeline=1, stage=2)
    assert amo.get(f"leads/{bare.id}")["custom_fields_values"] is None
    amo.config.readings["empty_fields_absent"] = True
    assert "custom_fields_values" not in amo.get(f"leads/{bare.id}")


def test_fields_stand_in_groups(amo: AmoPortal) -> None:
    field = made(amo, "text")
    path = "leads/custom_fields/groups"
    assert [one["id"] for one in amo.rows(path, "custom_field_groups")] == ["default", "4521", "statistic"]
    answer = amo.call("POST", path, [{"name": "Регламент", "sort": 9, "fields": [field["id"]]}])
    assert answer.status_code == 201
    (group,) = answer.json()["_embedded"]["custom_field_groups"]
    assert (group["fields"], group["id"].startswith("leads_")) == ([field["id"]], True)
    assert amo.get(f"leads/custom_fields/{field['id']}")["group_id"] == group["id"]
    renamed = amo.call("PATCH", f"{path}/{group['id']}", {"name": "Касания"}).json()
    assert renamed["name"] == "Касания"
    assert amo.call("DELETE", f"{path}/{group['id']}").status_code == 204
    assert amo.call("GET", f"{path}/{group['id']}").status_code == 404
    assert amo.get(f"leads/custom_fields/{field['id']}")["group_id"] == "default"
    assert amo.call("DELETE", f"{path}/default").status_code == 403


def test_bodies_may_come_compressed_and_in_chunks(amo: AmoPortal) -> None:
    plain = amo.get("leads", limit=5)
    amo.config.readings |= {"gzip_bodies": True, "chunked_bodies": True}
    answer = amo.call("GET", "leads", params={"limit": 5})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.json() == plain
    unpacked = amo.call("GET", "leads", params={"limit": 5}, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in unpacked.headers
    assert unpacked.json() == plain
    assert amo.call("GET", "leads/99999").status_code == 204
