"""An application's events on the wire: subscriptions, what each body carries, and how the queue server treats them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from bitrix24_application import as_application, bind, listen, told
from bitrix24_portal import OpenPortal, open_portal

MOVE = {"deal": 1, "stage": "NEW"}


@pytest.fixture
def portal() -> Iterator[OpenPortal]:
    with open_portal(clients=20) as opened:
        yield opened


def _manager(portal: OpenPortal) -> str:
    return str(portal.control("tokens", {"issue": 3}).json()["access_token"])


def test_subscriptions_are_told_once_bound_and_end_when_unbound(portal: OpenPortal) -> None:
    handler, other = "http://127.0.0.1:9/a", "http://127.0.0.1:9/b"
    bind(portal, "OnCrmDealUpdate", handler)
    bind(portal, "ONCRMDEALUPDATE", handler, auth_type=1)
    bind(portal, "ONCRMDEALUPDATE", other)
    again = as_application(portal, "event.bind", event="ONCRMDEALUPDATE", handler=handler)
    assert again.status_code == 400
    assert again.json()["error_description"].startswith("Unable to set event handler")
    rows = as_application(portal, "event.get").json()["result"]
    assert rows[0] == {"event": "ONCRMDEALUPDATE", "handler": handler, "auth_type": "0", "offline": 0}
    assert [(one["handler"], one["auth_type"]) for one in rows] == [(handler, "0"), (handler, "1"), (other, "0")]
    gone = as_application(portal, "event.unbind", event="ONCRMDEALUPDATE", handler=handler, auth_type=0)
    assert gone.json()["result"] == {"count": 1}
    gone = as_application(portal, "event.unbind", event="ONCRMDEALUPDATE")
    assert gone.json()["result"] == {"count": 2}
    assert as_application(portal, "event.get").json()["result"] == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"event": "ONNOTHING", "handler": "http://127.0.0.1:9/"}, (400, "ERROR_EVENT_NOT_FOUND")),
        ({"event": "ONCRMDEALADD"}, (400, "ERROR_ARGUMENT")),
        ({"event": "ONCRMDEALADD", "handler": "http://example.com/"}, (400, "ERROR_WRONG_HANDLER_URL")),
        ({"event": "ONCRMDEALADD", "handler": "ftp://127.0.0.1/"}, (400, "ERROR_UNSUPPORTED_PROTOCOL")),
    ],
)
def test_bad_subscriptions_are_refused(portal: OpenPortal, asked: dict[str, Any], expected: tuple[int, str]) -> None:
    assert told(as_application(portal, "event.bind", **asked)) == expected


def test_one_who_is_no_administrator_subscribes_for_himself_only(portal: OpenPortal) -> None:
    his, handler = _manager(portal), "http://127.0.0.1:9/a"
    bind(portal, "ONCRMDEALADD", handler)
    foreign = as_application(portal, "event.bind", his, event="ONCRMDEALADD", handler=handler, auth_type=1)
    assert told(foreign) == (403, "ACCESS_DENIED")
    offline = as_application(portal, "event.bind", his, event="ONCRMDEALADD", event_type="offline")
    assert told(offline) == (403, "ACCESS_DENIED")
    assert as_application(portal, "event.bind", his, event="ONCRMDEALADD", handler=handler).json()["result"] is True
    assert [one["auth_type"] for one in as_application(portal, "event.get", his).json()["result"]] == ["3"]
    assert as_application(portal, "event.unbind", his, event="ONCRMDEALADD").json()["result"] == {"count": 1}
    assert len(as_application(portal, "event.get").json()["result"]) == 1


def test_the_list_of_events_follows_the_scopes(portal: OpenPortal) -> None:
    events = as_application(portal, "events").json()["result"]
    assert {"ONCRMDEALMOVETOCATEGORY", "ONCRMTIMELINEITEMACTION", "ONTASKADD", "ONOFFLINEEVENT"} <= set(events)
    assert all(one.startswith("ONTASK") for one in as_application(portal, "events", SCOPE="task").json()["result"])
    portal.control("app", {"scopes": ["crm"]})
    assert "ONTASKADD" not in as_application(portal, "events").json()["result"]
    assert "ONTASKADD" in as_application(portal, "events", FULL=True).json()["result"]
    refused = as_application(portal, "event.bind", event="ONTASKADD", handler="http://127.0.0.1:9/")
    assert told(refused) == (400, "ERROR_EVENT_NOT_FOUND")


def test_what_a_person_did_carries_his_token(portal: OpenPortal) -> None:
    with listen() as handler:
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        portal.control("deals/move", {**MOVE, "by": 3})
        (body,) = handler.wait()
    assert (body["event"], body["data[FIELDS][ID]"]) == ("ONCRMDEALUPDATE", "1")
    assert body["event_handler_id"] == "1"
    assert body["auth[user_id]"] == "3"
    assert int(body["auth[expires]"]) > time.time()
    assert body["auth[expires_in]"] == "3600"
    assert body["auth[scope]"].split(",")[0] == "crm"
    assert body["auth[status]"] == "L"
    assert "auth[refresh_token]" not in body
    assert as_application(portal, "user.current", body["auth[access_token]"]).json()["result"]["ID"] == "3"


def test_what_nobody_did_carries_no_token_unless_a_user_was_named(portal: OpenPortal) -> None:
    with listen() as handler, listen() as signed:
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        bind(portal, "ONCRMDEALUPDATE", signed.url, auth_type=1)
        portal.control("deals/move", {**MOVE, "by": 0})
        (body,) = handler.wait()
        (other,) = signed.wait()
    assert not {"auth[access_token]", "auth[refresh_token]", "auth[expires]", "auth[user_id]"} & set(body)
    assert body["auth[application_token]"] == other["auth[application_token]"]
    assert as_application(portal, "user.current", other["auth[access_token]"]).json()["result"]["ID"] == "1"


def test_a_move_to_another_funnel_is_an_event_of_its_own(portal: OpenPortal) -> None:
    with listen() as handler:
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        bind(portal, "ONCRMDEALMOVETOCATEGORY", handler.url)
        portal.control("deals/move", {"deal": 1, "pipeline": "Сервис", "stage": "NEW"})
        portal.control("deals/move", {"deal": 2, "stage": "NEW"})
        moved, updated = handler.wait(2)
    assert moved["event"] == "ONCRMDEALMOVETOCATEGORY"
    fields = {key: value for key, value in moved.items() if key.startswith("data")}
    assert fields == {
        "data[FIELDS][ID]": "1",
        "data[FIELDS][CATEGORY_ID]": "3",
        "data[FIELDS][STAGE_ID]": "C3:NEW",
    }
    assert (updated["event"], updated["data[FIELDS][ID]"]) == ("ONCRMDEALUPDATE", "2")


def test_a_click_is_told_to_the_application_that_owns_the_card_only(portal: OpenPortal) -> None:
    press = {"type": "restEvent", "id": "touch_confirm", "animationType": "loader", "actionParams": {"key": "k:1"}}
    layout = {
        "icon": {"code": "info"},
        "header": {"title": "Предложено касание"},
        "body": {"logo": {"code": "document"}, "blocks": {"a": {"type": "text", "properties": {"value": "x"}}}},
        "footer": {"buttons": {"ok": {"title": "Принять", "type": "primary", "action": press}}},
    }
    made = as_application(
        portal,
        "crm.activity.configurable.add",
        ownerTypeId=4,
        ownerId=1,
        fields={"completed": False, "responsibleId": 3},
        layout=layout,
    ).json()["result"]["activity"]["id"]
    with listen() as webhook, listen() as handler:
        portal.control("hook_target", {"url": webhook.url})
        bind(portal, "ONCRMTIMELINEITEMACTION", handler.url)
        assert portal.control("press", {"activity": made, "button": "ok", "by": 3}).status_code == 200
        (body,) = handler.wait()
        portal.control("deals/move", MOVE)
        (other,) = webhook.wait()
    assert (body["data[id]"], body["data[key]"], body["data[activityId]"]) == ("touch_confirm", "k:1", str(made))
    assert body["auth[user_id]"] == "3"
    assert other["event"] == "ONCRMDEALUPDATE", "a webhook hears no clicks"


def test_both_flavours_ring_side_by_side(portal: OpenPortal) -> None:
    with listen() as webhook, listen() as handler:
        portal.control("hook_target", {"url": webhook.url})
        bind(portal, "ONCRMCOMPANYUPDATE", handler.url)
        portal.control("cards", {"kind": "company", "id": 1, "fields": {"sites": "Тула"}})
        (plain,) = webhook.wait()
        (signed,) = handler.wait()
    assert plain["data[FIELDS][ID]"] == signed["data[FIELDS][ID]"] == "1"
    assert plain["auth[application_token]"] != signed["auth[application_token]"]
    assert "auth[user_id]" not in plain


def test_fields_comments_and_task_messages_have_events_too(portal: OpenPortal) -> None:
    with listen() as handler:
        for event in ("ONCRMCOMPANYUSERFIELDADD", "ONCRMTIMELINECOMMENTADD", "ONTASKCOMMENTADD"):
            bind(portal, event, handler.url)
        portal.call("crm.company.userfield.add", fields={"USER_TYPE_ID": "string", "FIELD_NAME": "NEWS"})
        note = {"ENTITY_ID": 1, "ENTITY_TYPE": "company", "COMMENT": "Запомнить"}
        comment = portal.call("crm.timeline.comment.add", fields=note)
        portal.call("tasks.task.add", fields={"TITLE": "Касание", "RESPONSIBLE_ID": 3})
        portal.control("tasks/comment", {"task": 1})
        field, noted, message = handler.wait(3)
    assert field["data[FIELDS][ENTITY_ID]"] == "CRM_COMPANY"
    assert field["data[FIELDS][FIELD_NAME]"] == "UF_CRM_NEWS"
    assert (noted["data[ID]"], "data[FIELDS][ID]" in noted) == (str(comment), False)
    assert (message["data[FIELDS_AFTER][ID]"], message["data[FIELDS_AFTER][TASK_ID]"]) == ("0", "1")
    assert message["data[FIELDS_BEFORE]"] == "undefined"


def test_a_test_event_echoes_its_parameters(portal: OpenPortal) -> None:
    with listen() as handler:
        bind(portal, "ONAPPTEST", handler.url)
        assert as_application(portal, "event.test", any="data").json()["result"] == 1
        (body,) = handler.wait()
    assert body["data[QUERY][any]"] == "data"
    assert not any("auth" in key for key in body if key.startswith("data"))


def test_open_points_of_bodies_can_be_read_the_other_way(portal: OpenPortal) -> None:
    portal.control("readings", {"mixed_case_events": True, "handler_id_told": False, "refresh_token_in_events": True})
    with listen() as handler:
        bind(portal, "ONCRMACTIVITYADD", handler.url)
        portal.control("activities", {"kind": "call", "company": 1})
        (body,) = handler.wait()
    assert body["event"] == "onCrmActivityAdd"
    assert "event_handler_id" not in body
    assert "auth[refresh_token]" in body


def test_subscriptions_can_vanish_without_a_word(portal: OpenPortal) -> None:
    for event in ("ONCRMDEALADD", "ONCRMDEALUPDATE", "ONTASKADD"):
        bind(portal, event, "http://127.0.0.1:9/")
    left = portal.control("subscriptions", {"drop": ["ONCRMDEALUPDATE"]}).json()["subscriptions"]
    assert [one["event"] for one in left] == ["ONCRMDEALADD", "ONTASKADD"]
    portal.control("subscriptions", {"drop": True})
    assert as_application(portal, "event.get").json()["result"] == []


def test_events_can_be_late_lost_doubled_or_out_of_order(portal: OpenPortal) -> None:
    with listen() as handler:
        bind(portal, "ONCRMDEALUPDATE", handler.url)
        portal.control("faults", {"webhooks": "drop"})
        portal.control("deals/move", {"deal": 1, "stage": "NEW"})
        until = time.monotonic() + 10
        while portal.base.webhooks["ONCRMDEALUPDATE dropped"] < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert handler.bodies() == []
        portal.control("faults", {"webhooks": "reorder", "hook_delay_ms": 20})
        portal.control("deals/move", {"deals": [2, 3], "stage": "NEW"})
        assert [one["data[FIELDS][ID]"] for one in handler.wait(2)] == ["3", "2"]
        portal.control("faults", {"webhooks": "duplicate"})
        portal.control("deals/move", {"deal": 4, "stage": "NEW"})
        assert [one["data[FIELDS][ID]"] for one in handler.wait(2)[2:]] == ["4", "4"]


def test_a_slow_handler_waits_longer_for_its_next_event_and_the_others_do_not(portal: OpenPortal) -> None:
    portal.control("faults", {"slow_hook_ms": 1})
    with listen() as slow, listen() as quick:
        bind(portal, "ONCRMDEALUPDATE", slow.url)
        bind(portal, "ONCRMDEALADD", quick.url)
        sender = portal.running._servers[0]._hooks  # no clock shows who is resting
        sender._judge(slow.url, 30.0)  # type: ignore[union-attr]  # as after an answer of 30 s
        portal.control("deals/move", {"deal": 1, "stage": "NEW"})
        portal.control("deals", {"title": "Новая", "company": 1})
        quick.wait()
        assert slow.bodies() == []


def test_offline_events_are_one_record_per_object_and_read_by_reservation(portal: OpenPortal) -> None:
    for event in ("ONCRMDEALUPDATE", "ONCRMCOMPANYUPDATE"):
        answer = as_application(portal, "event.bind", event=event, event_type="offline")
        assert answer.json()["result"] is True
    rows = as_application(portal, "event.get").json()["result"]
    assert {(one["handler"], one["offline"]) for one in rows} == {("", 1)}
    for stage in ("NEW", "OFFER", "NEGOTIATE"):
        portal.control("deals/move", {"deals": [1, 2], "stage": stage})
    portal.control("cards", {"kind": "company", "id": 1, "fields": {"sites": "Тула"}})
    listed = as_application(portal, "event.offline.list").json()
    assert listed["total"] == 3
    assert [one["EVENT_DATA"]["FIELDS"]["ID"] for one in listed["result"]] == [1, 2, 1]
    assert {one["PROCESS_ID"] for one in listed["result"]} == {""}

    first = as_application(portal, "event.offline.get", clear=0, limit=2).json()["result"]
    second = as_application(portal, "event.offline.get", clear=0).json()["result"]
    assert [one["ID"] for one in first["events"]] == ["1", "2"]
    assert [one["ID"] for one in second["events"]] == ["3"]
    assert first["process_id"] != second["process_id"]
    assert as_application(portal, "event.offline.get", clear=0).json()["result"] == {"process_id": None, "events": []}
    portal.control("deals/move", {"deal": 1, "stage": "NEW"})
    assert as_application(portal, "event.offline.list").json()["total"] == 4, "a reserved record takes no more news"

    process = first["process_id"]
    again = as_application(portal, "event.offline.get", clear=0, process_id=process).json()["result"]
    assert again == first
    assert as_application(portal, "event.offline.clear", process_id=process, id=["1"]).json()["result"] is True
    assert as_application(portal, "event.offline.clear", process_id=process).json()["result"] is True
    message = second["events"][0]["MESSAGE_ID"]
    marked = as_application(portal, "event.offline.error", process_id=second["process_id"], message_id=[message])
    assert marked.json()["result"] is True
    assert len(as_application(portal, "event.offline.get", clear=0).json()["result"]["events"]) == 1
    assert len(as_application(portal, "event.offline.get", clear=1, error=1).json()["result"]["events"]) == 1
    assert portal.get("/sandbox/subscriptions").json()["queued"] == 1


def test_by_default_what_was_read_from_the_queue_is_gone(portal: OpenPortal) -> None:
    as_application(portal, "event.bind", event="ONCRMDEALUPDATE", event_type="offline")
    portal.control("deals/move", {"deals": [1, 2, 3], "stage": "NEW"})
    wanted: dict[str, Any] = {"filter": {">ID": 1}, "order": {"ID": "DESC"}}
    read = as_application(portal, "event.offline.get", **wanted).json()["result"]
    assert (read["process_id"], [one["ID"] for one in read["events"]]) == (None, ["3", "2"])
    assert as_application(portal, "event.offline.list").json()["total"] == 1


def test_own_writes_with_the_connectors_name_are_not_queued(portal: OpenPortal) -> None:
    mine: dict[str, Any] = {"event_type": "offline", "auth_connector": "kasanie"}
    assert as_application(portal, "event.bind", event="ONCRMDEALUPDATE", **mine).json()["result"] is True
    write: dict[str, Any] = {"entityTypeId": 2, "fields": {"title": "Иначе"}}
    as_application(portal, "crm.item.update", **write, id=1, auth_connector="kasanie")
    command = "crm.item.update?entityTypeId=2&id=2&fields[title]=x"
    as_application(portal, "batch", cmd={"a": command}, auth_connector="kasanie")
    as_application(portal, "crm.item.update", **write, id=3)
    assert as_application(portal, "event.offline.list").json()["total"] == 0, "the queue is the connector's"
    rows = as_application(portal, "event.offline.list", auth_connector="kasanie").json()["result"]
    assert [one["EVENT_DATA"]["FIELDS"]["ID"] for one in rows] == [3]


def test_the_queue_signals_not_more_often_than_wanted(portal: OpenPortal) -> None:
    with listen() as handler, listen() as hook:
        as_application(portal, "event.bind", event="ONCRMDEALUPDATE", event_type="offline")
        bind(portal, "ONOFFLINEEVENT", handler.url, options={"minTimeout": 600})
        bind(portal, "ONCRMDEALUPDATE", hook.url)
        portal.control("deals/move", {"deals": [1, 2], "stage": "NEW"})
        portal.control("deals/move", {"deal": 3, "stage": "NEW"})
        hook.wait(3)
        (signal,) = handler.wait()
    assert signal["event"] == "ONOFFLINEEVENT"
    assert not any(key.startswith("data") for key in signal), "an empty array vanishes from a form"
    assert signal["auth[refresh_token]"]


def test_the_plan_may_lack_what_offline_events_need(portal: OpenPortal) -> None:
    assert as_application(portal, "feature.get", CODE="rest_offline_extended").json()["result"] == {"value": "Y"}
    portal.control("readings", {"offline_extended": False, "auth_connector": False})
    for code in ("rest_offline_extended", "rest_auth_connector"):
        assert as_application(portal, "feature.get", CODE=code).json()["result"] == {"value": "N"}
    assert told(as_application(portal, "event.offline.get", clear=0)) == (403, "ACCESS_DENIED")
    mine: dict[str, Any] = {"event": "ONCRMDEALADD", "event_type": "offline", "auth_connector": "kasanie"}
    assert told(as_application(portal, "event.bind", **mine)) == (403, "ACCESS_DENIED")


@pytest.mark.parametrize("method", ["event.offline.get", "event.offline.list", "event.offline.clear"])
def test_the_queue_is_for_administrators(portal: OpenPortal, method: str) -> None:
    assert told(as_application(portal, method, _manager(portal), process_id="x")) == (403, "ACCESS_DENIED")
    assert told(portal.ask(method, process_id="x")) == (403, "WRONG_AUTH_TYPE")
