"""A proposal as Bitrix24 takes it: the layout's limits, what is left alone, and how it is found again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.crm.bitrix24 import proposals
from connector.crm.bitrix24.api import Answer
from connector.crm.bitrix24.writes import failed, plan, reads_first
from connector.crm.port import Choice, Effect, OfferStanding
from connector.crm.turns import task_of
from connector.errors import Refused

MOSCOW = ZoneInfo("Europe/Moscow")
REASONS = ("Уже сделано", "Не подходит: $result[x][id]", "п" * 300)
OFFER = Effect(
    verb="offer_touch",
    key="rule/deal:7/created#offer",
    marker="kasanie:00000000000a",
    title="Предложение: позвонить",
    text="Позвонить: «Север».\n\nПочему: молчит 15 дней.",
    assignee="3",
    due=datetime(2026, 10, 1, 15, 0, tzinfo=UTC),
    bind=("deal:7", "company:45"),
    about="rule/deal:7/created",
    tag="ждёт ответа",
    hint="Как ответить: завершить – принять.",
    choices=(
        Choice(label="Поставить задачу", answer="accept"),
        Choice(label="Позже: через 3 дня", answer="later", days=3),
        Choice(label="Позже: завтра", answer="later", days=1),
        *(Choice(label=f"Отклонить: {reason}", answer="decline", reason=reason) for reason in REASONS),
    ),
)
SHOWN = replace(OFFER, verb="show_offer", key="rule/deal:7/created#show:1", offer="activity:555")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    else:
        yield path, value


def only(effect: Effect, task: Mapping[str, Any] | None = None, *, cards: bool = True) -> tuple[str, Mapping[str, Any]]:
    """Method and parameters of an effect's only command."""
    (command,) = plan(effect, "e0", MOSCOW, task, cards=cards).commands.values()
    return command.method, command.params


def test_a_card_lies_in_the_deals_timeline_with_two_buttons_and_a_menu() -> None:
    method, asked = only(OFFER)
    assert (method, asked["ownerTypeId"], asked["ownerId"]) == ("crm.activity.configurable.add", 2, "7")
    assert asked["fields"] == {
        "responsibleId": "3",
        "deadline": "2026-10-01T18:00:00+03:00",
        "completed": "N",
        "originatorId": "kasanie",
        "originId": "kasanie:00000000000a",
    }
    footer = asked["layout"]["footer"]
    assert list(footer["buttons"]) == ["accept", "later_3"]
    assert [one["type"] for one in footer["buttons"].values()] == ["primary", "secondary"]
    assert list(footer["menu"]["items"]) == ["later_1", "decline_3", "decline_4", "decline_5"]


def test_what_a_button_gives_back_is_what_the_webhook_reads() -> None:
    footer = only(OFFER)[1]["layout"]["footer"]
    pressed = {**footer["buttons"], **footer["menu"]["items"]}
    told = {name: one["action"]["actionParams"] for name, one in pressed.items()}
    assert told["accept"] == {"key": "rule/deal:7/created", "answer": "accept"}
    assert told["later_3"] == {"key": "rule/deal:7/created", "answer": "later", "days": 3}
    assert told["decline_3"] == {"key": "rule/deal:7/created", "answer": "decline", "reason": "Уже сделано"}
    assert {one["action"]["animationType"] for one in pressed.values()} == {"loader"}
    assert len(told["decline_5"]["reason"]) <= 200


def test_nothing_in_it_is_too_long_of_a_wrong_name_or_read_as_a_reference() -> None:
    layout = only(OFFER)[1]["layout"]
    assert [path for path, _ in leaves(layout) if re.search(r"[^A-Za-z0-9_.-]", path)] == []
    assert [value for _, value in leaves(layout) if "$result[" in str(value)] == []
    assert [value for path, value in leaves(layout) if path.endswith(".title") and len(str(value)) > 250] == []
    assert [value for _, value in leaves(layout) if value in ("", None) or isinstance(value, bool)] == []


@pytest.mark.parametrize("kind", ["company", "contact"])
def test_without_a_deal_it_lies_on_the_clients_card(kind: str) -> None:
    asked = only(replace(OFFER, bind=(f"{kind}:45",)))[1]
    assert (asked["ownerTypeId"], asked["ownerId"]) == ({"company": 4, "contact": 3}[kind], "45")


@pytest.mark.parametrize(
    ("standing", "tag_type"), [("accepted", "success"), ("declined", "failure"), ("ended", "secondary")]
)
def test_a_closed_card_is_completed_and_has_no_buttons(standing: OfferStanding, tag_type: str) -> None:
    closed = replace(SHOWN, standing=standing, status="Так решено.", choices=(), tag="закрыто")
    method, asked = only(closed)
    assert (method, asked["id"], asked["fields"]["completed"]) == ("crm.activity.configurable.update", "555", "Y")
    assert "footer" not in asked["layout"]
    assert asked["layout"]["header"]["tags"]["standing"]["type"] == tag_type
    assert list(asked["layout"]["body"]["blocks"]) == ["status", "text", "due"]
    assert "deadline" not in asked["fields"]


def test_an_open_card_is_brought_to_its_due_and_doer() -> None:
    fields = only(SHOWN)[1]["fields"]
    assert (fields["completed"], fields["responsibleId"], fields["deadline"]) == ("N", "3", "2026-10-01T18:00:00+03:00")


def test_a_card_that_is_only_freed_keeps_what_a_person_did_to_it() -> None:
    assert only(replace(SHOWN, due=None))[1]["fields"] == {
        "originatorId": "kasanie",
        "originId": "kasanie:00000000000a",
    }


def test_the_made_card_is_known_by_its_ref() -> None:
    outcome = plan(OFFER, "e0", MOSCOW, None, cards=True).judge({"e0": Answer(result={"activity": {"id": 555}})})
    assert (outcome.status, outcome.remote_id) == ("done", "activity:555")


# as a task
def test_without_cards_it_is_a_task_that_says_how_to_answer() -> None:
    method, asked = only(OFFER, cards=False)
    fields = asked["fields"]
    assert (method, fields["TITLE"], fields["XML_ID"]) == ("tasks.task.add", OFFER.title, OFFER.marker)
    assert fields["TAGS"] == ["kasanie", "kasanie-предложение"]
    assert fields["DESCRIPTION"] == f"{OFFER.text}\n\n{OFFER.hint}\n\n{OFFER.marker}"
    outcome = plan(OFFER, "e0", MOSCOW, None).judge({"e0": Answer(result={"task": {"id": "8123"}})})
    assert outcome.remote_id == "task:8123"


def test_a_portal_that_takes_us_for_no_application_gets_a_task_next_time() -> None:
    error = Refused("only in the context of an application", code="ERROR_WRONG_CONTEXT")
    outcome = failed(OFFER, error)
    assert (outcome.status, outcome.wait) == ("later", 0)
    assert failed(SHOWN, error).status == "refused"
    assert failed(replace(OFFER, verb="create_task"), error).status == "refused"


AS_TASK = replace(SHOWN, offer="task:8123", status="Отложено до 01.10.2026.")
WAITING = {"status": "2", "description": "Позвонить.\n\nkasanie:00000000000a"}


def commands(effect: Effect, task: Mapping[str, Any]) -> dict[str, Any]:
    assert (reads_first(effect), task_of(effect)) == (True, "8123")
    made = plan(effect, "e0", MOSCOW, task)
    return {command.method.rpartition(".")[2]: command.params for command in made.commands.values()}


def test_its_task_is_moved_and_told_on_top() -> None:
    told = commands(AS_TASK, WAITING)
    assert list(told) == ["update"]
    assert told["update"]["fields"] == {
        "DESCRIPTION": f"Отложено до 01.10.2026.\n\n{WAITING['description']}",
        "DEADLINE": "2026-10-01T18:00:00+03:00",
        "RESPONSIBLE_ID": "3",
    }


@pytest.mark.parametrize(("status", "methods"), [("2", ["update"]), ("5", ["renew", "update"]), ("6", ["update"])])
def test_its_task_is_open_again_and_not_deferred(status: str, methods: list[str]) -> None:
    told = commands(AS_TASK, {**WAITING, "status": status})
    assert list(told) == methods
    assert told["update"]["fields"].get("STATUS") == ("2" if status == "6" else None)


@pytest.mark.parametrize(("status", "methods"), [("2", ["update", "complete"]), ("5", ["update"])])
def test_its_task_is_closed_once(status: str, methods: list[str]) -> None:
    closed = replace(AS_TASK, standing="accepted", status="Принято: Анна.", choices=())
    told = commands(closed, {**WAITING, "status": status})
    assert list(told) == methods
    assert set(told["update"]["fields"]) == {"DESCRIPTION"}


def test_said_once_it_is_not_said_again() -> None:
    closed = replace(AS_TASK, standing="accepted", status="Принято: Анна.", choices=())
    task = {"status": "5", "description": "Принято: Анна.\n\nПозвонить."}
    made = plan(closed, "e0", MOSCOW, task)
    assert (made.commands, made.judge({}).status) == ({}, "done")


# found again
def test_a_card_is_found_by_its_marker_whatever_the_filter_did() -> None:
    (command,) = proposals.search([OFFER, SHOWN]).values()
    assert command.method == "crm.activity.list"
    assert command.params["filter"] == {
        "OWNER_TYPE_ID": 2,
        "OWNER_ID": "7",
        "ORIGINATOR_ID": "kasanie",
        "ORIGIN_ID": "kasanie:00000000000a",
    }
    others = [
        {"ID": "551", "ORIGINATOR_ID": None, "ORIGIN_ID": "kasanie:00000000000a"},
        {"ID": "552", "ORIGINATOR_ID": "kasanie", "ORIGIN_ID": "kasanie:00000000000b"},
    ]
    ours = [{"ID": number, "ORIGINATOR_ID": "kasanie", "ORIGIN_ID": OFFER.marker} for number in ("560", "559")]
    assert proposals.found(OFFER, others) is None
    assert proposals.found(OFFER, [*others, *ours]) == "activity:559", "of two the older one is kept"
    assert proposals.found(OFFER, []) is None


def test_peoples_own_tags_stay_on_a_task_that_is_withdrawn_and_wanted_again() -> None:
    def tags(verb: Any, *known: str) -> list[str]:
        task = {
            "status": "2",
            "description": "",
            "tags": {str(n): {"id": n, "title": one} for n, one in enumerate(known)},
        }
        effect = Effect(verb=verb, key="k", marker="kasanie:0123456789ab", task="8123", text="Причина")
        fields: dict[str, Any] = plan(effect, "e", MOSCOW, task, cards=False).commands["e_text"].params["fields"]
        return list(fields["TAGS"])

    assert tags("withdraw_task", "kasanie", "срочно") == ["kasanie", "отменено регламентом", "срочно"]
    assert tags("reopen_task", "kasanie", "отменено регламентом", "срочно") == ["kasanie", "срочно"]
