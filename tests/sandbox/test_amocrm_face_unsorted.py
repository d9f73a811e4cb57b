"""Incoming leads of the sandbox's amoCRM face, and leads that come whole (facts/amocrm.md 4.1, 4.8)."""

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


FORM = {
    "request_id": "7",
    "source_name": "Сайт",
    "metadata": {"form_id": "f1", "ip": "192.0.2.1"},
    "_embedded": {
        "leads": [{"name": "Заявка", "price": 5000}],
        "contacts": [{"name": "Иван Петров"}],
        "companies": [{"name": "Заря"}],
    },
}


def test_an_incoming_lead_hides_what_it_brought_until_accepted(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver)
    made = amo.call("POST", "leads/unsorted/forms", [FORM]).json()["_embedded"]["unsorted"][0]
    assert made["request_id"] == "7"
    lead, person = made["_embedded"]["leads"][0]["id"], made["_embedded"]["contacts"][0]["id"]
    pipeline = amo.base.deals[lead].pipeline
    types = {one["id"]: one["type"] for one in amo.rows(f"leads/pipelines/{pipeline}/statuses", "statuses")}
    assert types[amo.get(f"leads/{lead}")["status_id"]] == 1
    assert amo.call("GET", f"contacts/{person}").status_code == 204
    assert person not in {one["id"] for one in amo.put_together("contacts", "contacts", limit=250)}
    assert [one["uid"] for one in amo.rows("leads/unsorted", "unsorted")] == [made["uid"]]
    assert amo.rows("leads/unsorted", "unsorted", **{"filter[category][]": "sip"}) == []
    accepted = amo.call("POST", f"leads/unsorted/{made['uid']}/accept", {"user_id": 3, "status_id": 4})
    assert accepted.json()["_embedded"]["leads"][0]["id"] == lead
    assert (amo.get(f"leads/{lead}")["status_id"], amo.get(f"leads/{lead}")["responsible_user_id"]) == (4, 3)
    assert amo.get(f"contacts/{person}")["name"] == "Иван Петров"
    assert amo.call("POST", f"leads/unsorted/{made['uid']}/accept", {}).status_code == 404
    posts = receiver.wait(7)
    told = {keys(one)[0]: one.form for one in posts}
    assert "leads[add]" not in told
    assert told["unsorted[add]"]["unsorted[add][0][source_data][form_id]"] == "f1"
    assert told["unsorted[add]"]["unsorted[add][0][data][leads][0][name]"] == "Заявка"
    gone = told["unsorted[delete]"]
    assert (gone["unsorted[delete][0][action]"], gone["unsorted[delete][0][uid]"]) == ("accept", made["uid"])
    assert gone["unsorted[delete][0][accept_result][leads][0]"] == str(lead)
    assert gone["unsorted[delete][0][accept_result][contacts][0]"] == str(person)
    assert "leads[status]" in told


def test_a_declined_lead_is_gone_and_readings_say_what_rings(amo: AmoPortal, receiver: Receiver) -> None:
    amo.config.readings |= {"unsorted_rings_lead": True, "accept_rings_status": False, "move_sends_update": False}
    subscribe(amo, receiver, "add_lead", "status_lead", "delete_unsorted")
    one, other = (order(amo, "unsorted", {"category": "chats", "person": "Анна"}) for _ in range(2))
    declined = amo.call("DELETE", f"leads/unsorted/{one['uid']}/decline", {"user_id": 3})
    assert declined.json()["uid"] == one["uid"]
    assert amo.call("GET", f"leads/{one['lead']}").status_code == 204
    order(amo, "unsorted/settle", {"lead": other["lead"], "by": 3, "stage": "OFFER"})
    posts = receiver.wait(4)
    assert [keys(post)[0] for post in posts] == ["leads[add]", "leads[add]", "unsorted[delete]", "unsorted[delete]"]
    assert posts[2].form["unsorted[delete][0][decline_result][leads][0]"] == str(one["lead"])
    summary = amo.get("leads/unsorted/summary")
    assert (summary["total"], summary["accepted"], summary["declined"]) == (2, 1, 1)


def test_who_moves_an_incoming_lead_by_hand_accepts_it(amo: AmoPortal, receiver: Receiver) -> None:
    subscribe(amo, receiver, "delete_unsorted")
    one = order(amo, "unsorted", {"person": "Анна"})
    assert amo.call("GET", f"contacts/{one['contacts'][0]}").status_code == 204
    amo.base.move_deal(one["lead"], 1, amo.base.pipelines[1].stage("NEW").id, by=3)
    (post,) = receiver.wait(1)
    assert post.form["unsorted[delete][0][action]"] == "accept"
    assert amo.call("GET", f"contacts/{one['contacts'][0]}").status_code == 200
    assert amo.rows("leads/unsorted", "unsorted") == []


def test_a_lead_comes_with_its_contact_and_company_at_once(amo: AmoPortal) -> None:
    whole = {
        "name": "Комплекс",
        "price": 10,
        "request_id": "q",
        "_embedded": {"contacts": [{"first_name": "Ольга"}], "companies": [{"name": "Берег"}], "tags": [{"name": "А"}]},
    }
    by_id = {"name": "По номеру", "_embedded": {"contacts": [{"id": 1}]}}
    form = {"name": "Форма", "_embedded": {"metadata": {"category": "forms"}, "contacts": [{"first_name": "Яна"}]}}
    first, second, third = amo.call("POST", "leads/complex", [whole, by_id, form]).json()
    assert (first["request_id"], first["merged"]) == (["q"], False)
    lead = amo.get(f"leads/{first['id']}", **{"with": "contacts"})
    assert [one["name"] for one in lead["_embedded"]["tags"]] == ["А"]
    assert [one["id"] for one in lead["_embedded"]["contacts"]] == [first["contact_id"]]
    person = amo.get(f"contacts/{first['contact_id']}")
    assert [one["id"] for one in person["_embedded"]["companies"]] == [first["company_id"]]
    assert (second["contact_id"], second["company_id"]) == (1, None)
    assert [one["_embedded"]["leads"][0]["id"] for one in amo.rows("leads/unsorted", "unsorted")] == [third["id"]]
    wrong = amo.call("POST", "leads/complex", [{"name": "Д", "_embedded": {"contacts": [{"id": 99_999}]}}])
    assert wrong.json()["validation-errors"][0]["errors"][0]["path"] == "_embedded.contacts.0.id"
    assert amo.call("POST", "leads/complex", [{"name": "Д"}] * 51).status_code == 422
