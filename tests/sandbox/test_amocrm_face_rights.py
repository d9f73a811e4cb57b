"""Rights, the paid filter, duplicates and the archive of the sandbox's amoCRM face (facts/amocrm.md 2, 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from amocrm_account import AmoPortal, open_account, order


@pytest.fixture
def amo() -> Iterator[AmoPortal]:
    with open_account() as portal:
        yield portal


def test_who_may_see_his_own_only_sees_no_more(amo: AmoPortal) -> None:
    manager = {"X-Context-User-ID": "3"}
    for path in ("users", "webhooks", "users/1"):
        refused = amo.call("GET", path, headers=manager)
        assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    every = {one["responsible_user_id"] for one in amo.rows("leads", "leads", limit=250)}
    assert every > {3}
    order(amo, "rights", {"user": 3, "rights": {"leads": {"view": "M"}}})
    rows = amo.call("GET", "leads", headers=manager, params={"limit": 250}).json()["_embedded"]["leads"]
    assert {one["responsible_user_id"] for one in rows} == {3}
    foreign = next(one.id for one in amo.base.deals.values() if one.owner != 3 and not one.deleted)
    assert amo.call("GET", f"leads/{foreign}", headers=manager).status_code == 204
    order(amo, "rights", {"user": 3, "rights": {"leads": {"view": "D"}}})
    assert amo.call("GET", "leads", headers=manager).status_code == 204
    (user,) = [one for one in amo.rows("users", "users") if one["id"] == 3]
    assert (user["rights"]["leads"]["view"], user["rights"]["contacts"]["view"]) == ("D", "A")
    order(amo, "rights", {"user": 3, "rights": None})
    assert amo.call("GET", "leads", headers=manager).status_code == 200


def test_duplicates_are_joined(amo: AmoPortal) -> None:
    first, second = (amo.base.add_contact(name, owner=3).id for name in ("Анна", "Аня"))
    lead = amo.base.add_deal("Д", pipeline=1, stage=2, contacts=[second])
    amo.base.add_activity("call", seconds=5, by=3, contact=second)
    order(amo, "merge", {"kind": "contact", "into": first, "from": [second]})
    assert amo.call("GET", f"contacts/{second}").status_code == 204
    assert lead.contacts == [first]
    assert len(amo.rows(f"contacts/{first}/notes", "notes")) == 1
    types = [one["type"] for one in amo.rows("events", "events", **{"filter[entity]": "contact"})]
    assert "entity_merged" in types
    assert "contact_deleted" not in types


def test_a_pipeline_lies_in_the_archive(amo: AmoPortal) -> None:
    order(amo, "pipelines", {"pipeline": "Сервис"})
    told = {one["name"]: one["is_archive"] for one in amo.rows("leads/pipelines", "pipelines")}
    assert told == {"Продажи B2B": False, "Повторные продажи": False, "Сервис": True}


def test_who_may_not_write_is_refused(amo: AmoPortal) -> None:
    manager = {"X-Context-User-ID": "3"}
    foreign = next(one.id for one in amo.base.deals.values() if one.owner != 3 and not one.deleted)
    order(amo, "rights", {"user": 3, "rights": {"leads": {"edit": "M", "add": "D"}}})
    for verb, path, body in (
        ("PATCH", f"leads/{foreign}", {"price": 1}),
        ("PATCH", "leads", [{"id": foreign, "price": 1}]),
        ("POST", "leads", [{"name": "Д"}]),
    ):
        assert amo.call(verb, path, body, headers=manager).status_code == 403
    own = amo.base.add_deal("Своя", pipeline=1, stage=2, owner=3).id
    assert amo.call("PATCH", f"leads/{own}", {"price": 1}, headers=manager).status_code == 200


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"filter[name]": "Пятая"}, 1),
        ({"filter[price][from]": "500", "filter[price][to]": "500"}, 1),
        ({"filter[created_by][]": "4"}, 1),
        ({"filter[closed_at][from]": "1"}, 1),
        ({"filter[closest_task_at][to]": "1790000000"}, 1),
        ({"filter[statuses][0][pipeline_id]": "1", "filter[statuses][0][status_id]": "143"}, 1),
        ({"filter[planet]": "x"}, 2),
    ],
)
def test_the_paid_filter_sifts_by_more_than_ids(amo: AmoPortal, asked: dict[str, str], count: int) -> None:
    amo.base.deals.clear()
    pipeline = amo.base.pipelines[1]
    one = amo.base.add_deal("Пятая", pipeline=1, stage=pipeline.stage("NEW").id, amount=500, by=4)
    amo.base.add_deal("Шестая", pipeline=1, stage=pipeline.stage("NEW").id, amount=600, by=3)
    amo.base.move_deal(one.id, 1, pipeline.stage("LOSE").id, by=4)
    amo.base.add_task("Т", assignee=3, cards=[("deal", one.id)], due=datetime(2026, 9, 1, tzinfo=UTC))
    assert len(amo.rows("leads", "leads", **asked)) == 2
    amo.config.readings["api_filter"] = True
    assert len(amo.rows("leads", "leads", **asked)) == count


def test_the_paid_filter_sifts_by_fields(amo: AmoPortal) -> None:
    amo.config.readings["api_filter"] = True
    spec = amo.base.field_specs("company")["segment"]
    chosen = next(iter(spec.choices))
    amo.base.update_card("company", 1, fields={"segment": chosen})
    expected = {one.id for one in amo.base.companies.values() if one.fields.get("segment") == chosen}
    for value in (str(chosen), spec.choices[chosen]):
        rows = amo.rows("companies", "companies", **{f"filter[custom_fields_values][{spec.id}][]": value})
        assert {one["id"] for one in rows} == expected
