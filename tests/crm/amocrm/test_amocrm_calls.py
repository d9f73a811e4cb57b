"""What answers mean and what becomes of effects, with answers that the emulated amoCRM does not give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.amocrm.speed import ADVISED, AT_ONCE, GUESSING, LARGEST
from connector.crm.port import Connection, Effect, Outcome
from crm.canned import Asked, Canned, CannedServer, FreePacer, canned_server

TOKEN = "sandbox-long-lived"
DUE = datetime(2026, 3, 4, 15, tzinfo=UTC)
SINCE = datetime(2026, 3, 2, tzinfo=UTC)


def problem(status: int, **members: Any) -> dict[str, Any]:
    return {
        "title": "x",
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": "Иванов И. И.",
        **members,
    }


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


@pytest.fixture
def pacer() -> FreePacer:
    return FreePacer()


@pytest.fixture
def crm(server: CannedServer, pacer: FreePacer) -> Iterator[AmoCrm]:
    connection = Connection(portal="romashka", url=SecretStr(server.url), token=SecretStr(TOKEN), read_timeout=2)
    opened = AmoCrm(connection, pacer)
    yield opened
    opened.close()


ACCOUNT = {"id": 31000111, "_embedded": {"task_types": [{"id": 1, "name": "Связаться"}, {"id": 2, "name": "Встреча"}]}}
OWN_TYPE = {"id": 31000111, "_embedded": {"task_types": [{"id": 2700001, "name": " касание "}]}}
Writes = Callable[[Asked], Canned]


def answering(write: Writes, account: Any = ACCOUNT, found: Any = None) -> Writes:
    def answer(asked: Asked) -> Canned:
        if asked.verb != "GET":
            return write(asked)
        return (
            Canned(account) if asked.path.startswith("/api/v4/account") else Canned(found or b"", 200 if found else 204)
        )

    return answer


def created(asked: Asked) -> Canned:
    """As amoCRM answers a POST of tasks; ids grow in the order sent, the answer's order is another."""
    rows = [{"id": 900 + number, "request_id": one["request_id"]} for number, one in enumerate(asked.json)]
    return Canned({"_embedded": {"tasks": rows[::-1]}})


def ask(number: int, **members: Any) -> Effect:
    marker = f"kasanie:{number:012x}"
    usual = {
        "title": "Позвонить",
        "text": "Узнать срок",
        "assignee": "9100001",
        "due": DUE,
        "bind": ("company:3", "deal:7"),
    }
    return Effect(verb="create_task", key=f"k{number}", marker=marker, **{**usual, **members})


def sent(crm: AmoCrm, *effects: Effect) -> dict[str, Outcome]:
    outcomes = list(crm.send(effects))
    assert sorted(one.key for one in outcomes) == sorted(effect.key for effect in effects)
    return {one.key: one for one in outcomes}


def written(server: CannedServer) -> list[Any]:
    return [asked.json for asked in server.asked if asked.verb != "GET"]


def test_a_new_task_as_it_is_sent(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(created)
    outcomes = sent(crm, ask(1), ask(2, bind=("contact:5",), assignee=None, text=""))
    assert [(outcomes[key].status, outcomes[key].remote_id) for key in ("k1", "k2")] == [
        ("done", "900"),
        ("done", "901"),
    ]
    assert written(server) == [
        [
            {
                "text": "Касание: Позвонить\nУзнать срок\n[kasanie:000000000001]",
                "complete_till": 1772636400,
                "task_type_id": 1,
                "responsible_user_id": 9100001,
                "entity_type": "leads",
                "entity_id": 7,
                "request_id": "0",
            },
            {
                "text": "Касание: Позвонить\n[kasanie:000000000002]",
                "complete_till": 1772636400,
                "task_type_id": 1,
                "entity_type": "contacts",
                "entity_id": 5,
                "request_id": "1",
            },
        ]
    ]
    assert all(asked.headers["authorization"] == f"Bearer {TOKEN}" for asked in server.asked)
    assert TOKEN not in repr(crm.__dict__)


def test_an_accounts_own_task_type_needs_no_word_before_the_title(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(created, OWN_TYPE)
    sent(crm, ask(1))
    assert written(server)[0][0]["task_type_id"] == 2700001
    assert written(server)[0][0]["text"].startswith("Позвонить\n")


def test_a_long_text_keeps_its_marker_and_loses_control_characters(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(created)
    sent(crm, ask(1, title="Позвонить\nсрочно\x00", text="я" * 5000))
    text = written(server)[0][0]["text"]
    assert len(text) == 1000
    assert text.startswith("Касание: Позвонить срочно\nя")
    assert text.endswith("…\n[kasanie:000000000001]")


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("move_task", {"due": DUE}, {"complete_till": 1772636400}),
    ("assign_task", {"assignee": "9100002"}, {"responsible_user_id": 9100002}),
    ("close_task", {"text": "Звонок 2 марта"}, {"is_completed": True, "result": {"text": "Звонок 2 марта"}}),
    ("close_task", {}, {"is_completed": True, "result": {"text": "Касание состоялось"}}),
    (
        "withdraw_task",
        {"text": "сделка закрыта"},
        {"is_completed": True, "result": {"text": "Отменено регламентом: сделка закрыта"}},
    ),
    (
        "withdraw_task",
        {"text": "Отменено регламентом: х"},
        {"is_completed": True, "result": {"text": "Отменено регламентом: х"}},
    ),
    ("withdraw_task", {}, {"is_completed": True, "result": {"text": "Отменено регламентом"}}),
    ("reopen_task", {}, {"is_completed": False}),
    ("reopen_task", {"due": DUE}, {"is_completed": False, "complete_till": 1772636400}),
]


@pytest.mark.parametrize(("verb", "members", "expected"), CHANGES)
def test_changes_of_a_task(
    server: CannedServer, crm: AmoCrm, verb: Any, members: dict[str, Any], expected: dict[str, Any]
) -> None:
    server.answer = answering(lambda asked: Canned({"_embedded": {"tasks": [{"id": one["id"]} for one in asked.json]}}))
    effect = Effect(verb=verb, key="k", marker="kasanie:000000000001", task="55", **members)
    assert sent(crm, effect)["k"].status == "done"
    assert [(asked.verb, asked.path) for asked in server.asked] == [("PATCH", "/api/v4/tasks")]
    assert written(server) == [[{"id": 55, **expected}]]


def test_two_changes_of_one_task_never_share_an_array(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(lambda asked: Canned({"_embedded": {"tasks": [{"id": one["id"]} for one in asked.json]}}))
    move = Effect(verb="move_task", key="a", marker="kasanie:000000000001", task="55", due=DUE)
    assign = Effect(verb="assign_task", key="b", marker="kasanie:000000000001", task="55", assignee="7")
    assert {one.status for one in sent(crm, move, assign).values()} == {"done"}
    assert [len(array) for array in written(server)] == [1, 1]


def test_a_line_is_added_above_the_marker_and_only_once(server: CannedServer, crm: AmoCrm) -> None:
    text = "Касание: Позвонить\nУзнать срок\n[kasanie:000000000001]"
    row = {"id": 55, "text": text}
    server.answer = answering(
        lambda asked: Canned({"_embedded": {"tasks": [{"id": one["id"]} for one in asked.json]}}),
        found={"_embedded": {"tasks": [row]}},
    )
    line = Effect(verb="add_line", key="a", marker="kasanie:000000000002", task="55", text="Спросить про бюджет")
    gone = Effect(verb="add_line", key="b", marker="kasanie:000000000003", task="56", text="x")
    outcomes = sent(crm, line, gone)
    assert (outcomes["a"].status, outcomes["b"].status) == ("done", "refused")
    longer = "Касание: Позвонить\nУзнать срок\n• Спросить про бюджет\n[kasanie:000000000001]"
    assert written(server) == [[{"id": 55, "text": longer}]]
    row["text"] = longer
    assert sent(crm, line)["a"].status == "done"
    assert len(written(server)) == 1


def test_scores_go_by_code_and_an_empty_text_clears(server: CannedServer, crm: AmoCrm) -> None:
    cards = {"companies": [{"id": 3}], "contacts": [{"id": 5}], "leads": [{"id": 7}]}
    server.answer = answering(lambda asked: Canned({"_embedded": cards}))
    marker = "kasanie:000000000001"
    firm = Effect(verb="write_fields", key="a", marker=marker, card="company:3", fields={"FILL": 30, "GAPS": ""})
    person = Effect(verb="write_fields", key="b", marker=marker, card="contact:5", fields={"SCORE": 41})
    deal = Effect(verb="write_fields", key="c", marker=marker, card="deal:7", fields={"FILL": 1})
    none = Effect(verb="write_fields", key="d", marker=marker, card="task:8", fields={"FILL": 1})
    outcomes = sent(crm, firm, person, deal, none)
    assert [outcomes[key].status for key in "abcd"] == ["done", "done", "done", "refused"]
    fill, gaps = (
        {"field_code": "KASANIE_FILL", "values": [{"value": "30"}]},
        {"field_code": "KASANIE_GAPS", "values": None},
    )
    score = {"field_code": "KASANIE_SCORE", "values": [{"value": "41"}]}
    assert written(server) == [
        [{"id": 3, "custom_fields_values": [fill, gaps]}],
        [{"id": 5, "custom_fields_values": [score]}],
        [{"id": 7, "custom_fields_values": [{"field_code": "KASANIE_FILL", "values": [{"value": "1"}]}]}],
    ]


def refusing(*places: int, path: str = "responsible_user_id") -> Canned:
    """A 400 that names these members of the array."""
    errors = [{"code": "NotSupportedChoice", "path": path}]
    named = [{"request_id": str(place), "errors": errors} for place in places]
    return Canned(problem(400, **{"validation-errors": named}), 400)


@pytest.mark.parametrize(("named", "lengths"), [(True, [8, 7]), (False, [8, 4, 4, 2, 2, 1, 1])])
def test_one_wrong_effect_fails_alone(server: CannedServer, crm: AmoCrm, named: bool, lengths: list[int]) -> None:
    """An array is refused as a whole; the named culprit, or the halves, are found, every other task is made once."""
    made: list[int] = []

    def write(asked: Asked) -> Canned:
        wrong = [place for place, one in enumerate(asked.json) if one.get("responsible_user_id") == 13]
        if wrong:
            return refusing(*wrong) if named else Canned(problem(400), 400)
        made.extend(int(one["text"][-5:-1], 16) for one in asked.json)
        return created(asked)

    server.answer = answering(write)
    outcomes = sent(crm, *(ask(number, assignee="13" if number == 5 else "9100001") for number in range(8)))
    assert {key for key, one in outcomes.items() if one.status == "done"} == {f"k{number}" for number in range(8)} - {
        "k5"
    }
    assert (outcomes["k5"].status, outcomes["k5"].code) == ("refused", "400")
    assert outcomes["k5"].advice == ("amo-user" if named else "amo-our-call")
    assert sorted(made) == [0, 1, 2, 3, 4, 6, 7]
    assert sorted(len(array) for array in written(server)) == sorted(lengths)


def test_what_a_refused_array_made_all_the_same_is_not_made_twice(server: CannedServer, crm: AmoCrm) -> None:
    """That one wrong member fails its whole array is assumed, and not documented."""
    made: dict[int, str] = {}

    def answer(asked: Asked) -> Canned:
        if asked.path.startswith("/api/v4/account"):
            return Canned(ACCOUNT)
        if asked.verb == "GET":
            rows = [{"id": number, "text": text} for number, text in made.items()]
            return Canned({"_embedded": {"tasks": rows}})
        wrong = [place for place, one in enumerate(asked.json) if one.get("responsible_user_id") == 13]
        for one in asked.json[: wrong[0] if wrong else None]:
            made[900 + len(made)] = one["text"]
        return refusing(*wrong) if wrong else created(asked)

    server.answer = answer
    outcomes = sent(crm, *(ask(number, assignee="13" if number == 2 else "1") for number in range(5)))
    assert [outcomes[f"k{number}"].status for number in range(5)] == ["done", "done", "refused", "done", "done"]
    assert [outcomes[key].remote_id for key in ("k0", "k1")] == ["900", "901"]
    assert [len(array) for array in written(server)] == [5, 2]


def test_where_it_cannot_be_seen_what_a_refused_array_made_all_is_in_doubt(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = lambda asked: (
        Canned(ACCOUNT)
        if asked.path.startswith("/api/v4/account")
        else refusing(0)
        if asked.verb == "POST"
        else Canned(problem(403), 403)
    )
    assert {one.status for one in sent(crm, ask(1), ask(2)).values()} == {"unknown"}
    assert len(written(server)) == 1


def test_a_task_type_that_an_admin_deleted_gives_way_to_the_built_in_one(server: CannedServer, crm: AmoCrm) -> None:
    account = dict(OWN_TYPE)

    def answer(asked: Asked) -> Canned:
        if asked.verb == "GET":
            return Canned(account) if asked.path.startswith("/api/v4/account") else Canned(b"", 204)
        own = [place for place, one in enumerate(asked.json) if one["task_type_id"] == 2700001]
        account.update(ACCOUNT)
        return refusing(*own, path="task_type_id") if own else created(asked)

    server.answer = answer
    assert {one.status for one in sent(crm, ask(1), ask(2)).values()} == {"done"}
    assert [one["task_type_id"] for one in written(server)[-1]] == [1, 1]
    assert written(server)[-1][0]["text"].startswith("Касание: ")


def test_a_task_type_that_is_refused_though_it_is_there_is_refused(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(lambda asked: refusing(*range(len(asked.json)), path="task_type_id"), OWN_TYPE)
    outcomes = sent(crm, ask(1), ask(2))
    assert {(one.status, one.advice) for one in outcomes.values()} == {("refused", "amo-task-type")}
    assert len(written(server)) == 1


def test_what_lacks_a_member_is_refused_without_a_call(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(created)
    wrong = Effect(verb="close_task", key="w", marker="kasanie:000000000009", task=None)
    outcomes = sent(crm, ask(1), ask(2, due=None), wrong)
    assert {key: one.status for key, one in outcomes.items()} == {"k1": "done", "k2": "refused", "w": "refused"}


LOST: list[Canned] = [
    Canned(problem(500), 500),
    Canned(problem(504), 504),
    Canned(b"<html>", 502),
    Canned(b"<html>", 200),
    Canned(b"", 200),
    Canned({"_embedded": {"tasks": []}}, 200),
    Canned({"_embedded": {"tasks": [{"id": 1, "request_id": "0"}]}}, 200, fault="cut"),
    Canned(fault="reset"),
    Canned(fault="silent"),
]


@pytest.mark.parametrize("lost", LOST, ids=lambda one: f"{one.status}{one.fault}{str(one.body)[:12]}")
def test_a_create_whose_answer_is_lost_is_unknown_and_sent_once(
    server: CannedServer, crm: AmoCrm, lost: Canned
) -> None:
    server.answer = answering(lambda asked: lost)
    assert {one.status for one in sent(crm, ask(1), ask(2)).values()} == {"unknown"}
    assert len(written(server)) == 1


TURNED_AWAY: list[tuple[Canned, float]] = [
    (Canned(problem(429, retry_after=30), 429), 30),
    (Canned(b"Too many", 429), 2),
    (Canned(problem(401), 401), 900),
    (Canned(problem(402), 402), 900),
    (Canned(b"<html>403 Forbidden</html>", 403), 4 * 3600),
]


@pytest.mark.parametrize(("answer", "wait"), TURNED_AWAY, ids=lambda one: getattr(one, "status", ""))
def test_what_is_turned_away_at_the_door_comes_later_and_the_rest_does_not_go_on(
    server: CannedServer, crm: AmoCrm, pacer: FreePacer, answer: Canned, wait: float
) -> None:
    server.answer = answering(lambda asked: answer)
    score = Effect(verb="write_fields", key="s", marker="kasanie:0", card="company:3", fields={"FILL": 30})
    outcomes = sent(crm, *(ask(number) for number in range(ADVISED + 10)), score)
    assert {(one.status, one.wait) for one in outcomes.values()} == {("later", wait)}
    assert len(written(server)) == 1
    assert pacer.pushed == ([wait] if answer.status == 429 else [])


def test_a_closed_account_is_asked_once_for_all_effects(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = lambda _: Canned(b"<html>403 Forbidden</html>", 403)
    outcomes = sent(crm, *(ask(number) for number in range(60)))
    assert {(one.status, one.wait) for one in outcomes.values()} == {("later", 4 * 3600)}
    assert len(server.asked) == 1


def test_where_only_admins_may_ask_for_names_the_id_stands_in(server: CannedServer, crm: AmoCrm) -> None:
    def answer(asked: Asked) -> Canned:
        return (
            Canned(problem(403), 403)
            if asked.verb == "GET"
            else Canned({"_embedded": {"notes": [{"id": 5, "request_id": "0"}]}})
        )

    server.answer = answer
    tell = Effect(
        verb="tell", key="t", marker="kasanie:00000000000a", assignee="77", title="Просрочено", bind=("deal:7",)
    )
    assert sent(crm, tell)["t"].status == "done"
    assert written(server)[0][0]["params"]["text"].startswith("Для сведения: 77. Просрочено")


def test_not_sent_is_surely_not_applied(pacer: FreePacer) -> None:
    with canned_server() as gone:
        url = gone.url
    crm = AmoCrm(Connection(portal="romashka", url=SecretStr(url), token=SecretStr(TOKEN), read_timeout=2), pacer)
    move = Effect(verb="move_task", key="a", marker="kasanie:000000000001", task="55", due=DUE)
    assert sent(crm, move)["a"].status == "later"
    crm.close()


def test_arrays_begin_as_advised_grow_while_quick_and_shrink_in_doubt(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = answering(created)
    assert crm.batch_size() == ADVISED
    sent(crm, *(ask(number) for number in range(700)))
    assert [len(array) for array in written(server)][:1] == [50]
    assert sorted(len(array) for array in written(server)) == [50, 150, 250, 250]
    assert crm.batch_size() == AT_ONCE * LARGEST
    server.answer = answering(lambda asked: Canned(problem(504), 504))
    outcomes = sent(crm, *(ask(number) for number in range(AT_ONCE * LARGEST)))
    assert {one.status for one in outcomes.values()} == {"unknown"}
    assert crm.batch_size() == AT_ONCE * LARGEST // 2, "eight doubts of one moment are one"


def test_a_long_page_that_comes_quickly_allows_long_arrays_at_once(server: CannedServer, crm: AmoCrm) -> None:
    page = {"_embedded": {"tasks": [{"id": number, "text": "x"} for number in range(LARGEST - 1)]}}
    server.answer = answering(created, found=page)
    line = Effect(verb="add_line", key="a", marker="kasanie:000000000002", task="900", text="Спросить про бюджет")
    sent(crm, line)
    assert crm.batch_size() == GUESSING * LARGEST
    sent(crm, *(ask(number) for number in range(600)))
    assert sorted(len(array) for array in written(server)) == [100, 250, 250]


def test_lost_creates_are_found_by_their_markers(server: CannedServer, crm: AmoCrm) -> None:
    tasks = [
        {"id": 901, "text": "Касание: Позвонить\n[kasanie:000000000001]", "is_completed": True},
        {"id": 902, "text": "[kasanie:000000000002] ООО\n[kasanie:0000000000ff]"},
        {"id": 903, "text": "Касание: Позвонить\n[kasanie:000000000001]"},
        {"id": 904, "text": "переписал менеджер"},
    ]
    notes = [
        {"id": 5, "params": {"service": "Kasanie", "text": "…\n[kasanie:00000000000a]"}},
        {"id": 6, "params": None},
    ]

    def answer(asked: Asked) -> Canned:
        if asked.path.startswith("/api/v4/tasks"):
            assert "filter%5Bentity_type%5D=leads" in asked.path
            return Canned({"_embedded": {"tasks": tasks}})
        assert asked.path.startswith("/api/v4/companies/notes")
        return Canned({"_embedded": {"notes": notes}})

    server.answer = answer
    tell = Effect(
        verb="tell", key="t", marker="kasanie:00000000000a", assignee="1", title="Просрочено", bind=("company:3",)
    )
    found = crm.look_up([ask(1), ask(2), tell], SINCE)
    assert found == {"k1": "901", "t": "5"}  # of two with one marker the older; a client's name is no marker


def test_a_message_is_a_note_that_names_its_reader(server: CannedServer, crm: AmoCrm) -> None:
    users = {"_embedded": {"users": [{"id": 77, "name": "Ольга Руководитель", "rights": {"is_active": True}}]}}
    server.answer = answering(
        lambda asked: Canned(
            {"_embedded": {"notes": [{"id": 5, "request_id": one["request_id"]} for one in asked.json]}}
        ),
        found=users,
    )
    tell = Effect(
        verb="tell",
        key="t",
        marker="kasanie:00000000000a",
        assignee="77",
        title="Просрочено",
        text="5 дней",
        bind=("deal:7",),
    )
    assert sent(crm, tell)["t"] == Outcome(key="t", status="done", remote_id="5")
    note = written(server)[0][0]
    assert (note["entity_id"], note["note_type"]) == (7, "extended_service_message")
    assert note["params"]["text"] == "Для сведения: Ольга Руководитель. Просрочено\n5 дней\n[kasanie:00000000000a]"
    assert note["is_need_to_trigger_digital_pipeline"] is False
