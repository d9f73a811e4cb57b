"""The shared contract, and what only Bitrix24 can show: chains of pages, few requests, every open reading."""

from __future__ import annotations

import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.webhook import hear
from connector.crm.bitrix24.writes import plan
from connector.crm.port import Effect, HookSecrets, Wanted
from connector.errors import NotGenuine
from crm.bitrix24.emulated import MODES, Emulated, opened
from crm.canned import canned_server
from crm.contract import CrmContract, asking, done, marker, read, sent


@pytest.fixture(scope="module", params=MODES)
def portal(request: pytest.FixtureRequest) -> Iterator[Emulated]:
    """One portal for the whole file, reached by a webhook and then as an application."""
    with opened(request.param) as running:
        yield running


class TestBitrix24(CrmContract):
    """The contract, on a shared portal."""

    def test_a_session_of_an_open_line_is_answered_and_a_single_message_is_not(self, portal: Emulated) -> None:
        _, contact, _ = portal.new_client("Открытая линия")
        crm = portal.connect(Wanted())
        _, cursors, _ = read(crm)
        for seconds in (0, 600):
            chat = {"kind": "chat", "direction": "in", "seconds": seconds, "contact": contact, "by": 3}
            portal.control.post("activities", chat)
        facts, _, _ = read(crm, cursors)
        chats = [fact.body for fact in facts.values() if fact.kind == "signal"]
        chats = [body for body in chats if (body["contact"], body["kind"]) == (f"contact:{contact}", "chat")]
        assert [body["answered"] for body in chats] == [None, True]


def requests_of(portal: Emulated) -> int:
    return len(portal.control.ledger(portal.name)["requests"])


@pytest.fixture
def large() -> Iterator[Emulated]:
    """More rows of every kind than one page, or one chain of pages, holds."""
    with opened(clients=60, deals=1200) as running:
        yield running


def test_a_full_load_takes_few_requests_and_misses_nothing(large: Emulated) -> None:
    crm = large.connect(Wanted())
    facts, cursors, _ = read(crm)
    requests = requests_of(large)
    cards = large.control.get("cards?title=")
    for kind in ("company", "contact", "deal"):
        assert {f"{kind}:{one['id']}" for one in cards[kind]} == {ref for ref in facts if ref.startswith(kind + ":")}
    deals = {fact.body["deal"] for fact in facts.values() if fact.kind == "stage"}
    assert deals == {ref for ref in facts if ref.startswith("deal:")}
    pages = sum(
        len([1 for fact in facts.values() if fact.kind == kind]) // 50 + 1 for kind in ("deal", "stage", "signal")
    )
    assert pages > 60, "the portal is too small for what this test shows"
    assert requests <= 6
    read(crm, cursors)
    assert requests_of(large) - requests <= 2, "a reconciliation without news"


def test_a_calm_portal_is_reconciled_in_one_request(portal: Emulated) -> None:
    crm = portal.connect(Wanted())
    _, cursors, _ = read(crm)
    portal.control.post("clock", {"advance": "1 hour"})
    _, cursors, _ = read(crm, cursors)
    requests = requests_of(portal)
    read(crm, cursors)
    assert requests_of(portal) - requests == 1


def test_what_came_with_the_feeds_is_not_read_again(portal: Emulated) -> None:
    _, _, deal = portal.new_client("Назван и изменён")
    crm = portal.connect(Wanted())
    _, cursors, _ = read(crm)
    portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
    requests = requests_of(portal)
    _, _, answered = read(crm, cursors, [f"deal:{deal}"])
    assert answered == {f"deal:{deal}"}
    assert requests_of(portal) - requests == 1


def test_more_named_refs_than_a_page_are_all_answered(large: Emulated) -> None:
    crm = large.connect(Wanted())
    facts, cursors, _ = read(crm)
    large.control.post("clock", {"advance": "1 hour"})
    _, cursors, _ = read(crm, cursors)
    named = {ref for ref, fact in facts.items() if fact.kind in ("deal", "contact", "signal")} | {
        "deal:999999",
        "signal:999999",
    }
    again, _, answered = read(crm, cursors, named)
    assert answered == named
    assert {ref for ref, fact in again.items() if fact.gone} == {"deal:999999", "signal:999999"}
    assert {ref for ref in named if ref in again and again[ref] != facts.get(ref) and not again[ref].gone} == set()


READINGS = [
    {"task_as_activity": False},
    {"status_id_with_category": True},
    {"start_minus_one_counts": True},
    {"unknown_task_filter_is_error": True},
    {"task_xml_id_kept": False},
    {"task_touches_cards": True},
    {"activity_bindings_in_select": True},
]


@pytest.mark.parametrize("reading", READINGS, ids=[next(iter(one)) for one in READINGS])
def test_both_readings_of_what_the_papers_leave_open_lead_to_the_same(
    portal: Emulated, reading: dict[str, bool]
) -> None:
    company, contact, deal = portal.new_client("Прочтения")
    crm = portal.connect(Wanted())
    stages = {stage.key for stage in crm.directory().stages}
    number = 2000 + READINGS.index(reading)
    portal.control.post("readings", reading)
    try:
        since = portal.control.now()
        task = done(crm, asking(number, deal, company))
        portal.control.post("activities", {"kind": "call", "contact": contact, "deal": deal, "by": 3})
        facts, _, _ = read(crm)
        assert {stage.key for stage in crm.directory().stages} == stages
        assert facts[f"task:{task}"].body["marker"] == marker(number)
        assert crm.look_up([asking(number, deal, company)], since) == {asking(number, deal, company).key: task}
        calls = [fact for fact in facts.values() if fact.kind == "signal" and f"deal:{deal}" in fact.links]
        assert [fact.body["kind"] for fact in calls] == ["call"]
        assert f"contact:{contact}" in calls[0].links
    finally:
        portal.control.post("readings", {name: not value for name, value in reading.items()})


def test_markup_in_a_text_is_no_markup_in_the_task(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Разметка")
    crm = portal.connect(Wanted())
    text = "[url=http://evil.example]жми[/url]\x00\x1b[0m\nвторая строка"
    task = done(crm, asking(2100, deal, company, text=text, title="Имя\x07\n[b]жирно[/b]"))
    kept = next(one for one in portal.control.ledger(portal.name)["tasks"] if str(one["id"]) == task)
    assert "[url" not in kept["text"]
    assert "жми" in kept["text"]
    assert "\nвторая строка" in kept["text"]
    assert not any(ord(letter) < 32 for letter in kept["text"].replace("\n", "") + kept["title"])


def test_a_deal_card_has_no_score(portal: Emulated) -> None:
    crm = portal.connect(Wanted())
    effect = Effect(verb="write_fields", key="score:deal:1", marker=marker(1), card="deal:1", fields={"FILL": 1})
    assert sent(crm, effect)[effect.key].status == "refused"


def test_batches_grow_while_the_portal_is_quick_and_shrink_after_a_doubt(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Размер")
    crm = portal.open(read_timeout=0.4)
    first = crm.batch_size()
    sent(crm, *(asking(2200 + number, deal, company) for number in range(first)))
    assert crm.batch_size() == 8 * 50
    portal.control.post("faults", {"hold_writes": 1, "hold_ms": 700})
    (outcome,) = sent(crm, asking(2299, deal, company)).values()
    assert outcome.status == "unknown"
    assert crm.batch_size() < 8 * 50


def test_an_answer_without_a_word_about_anything_is_read_again_and_leaves_writes_in_doubt(portal: Emulated) -> None:
    """How a portal answers under heavy load: HTTP 200, and a batch that holds nothing."""
    company, _, deal = portal.new_client("Пустые ответы")
    crm = portal.connect(Wanted())
    portal.control.post("faults", {"empty_batch": 1})
    facts, _, _ = read(crm)
    assert f"deal:{deal}" in facts
    portal.control.post("faults", {"empty_batch": 1})
    assert {one.status for one in sent(crm, *(asking(2290 + n, deal, company) for n in range(3))).values()} == {
        "unknown"
    }


def test_a_message_without_the_right_to_send_it_still_leaves_its_note(portal: Emulated) -> None:
    """Nobody of this id exists, so the message is refused; the note on the card is what counts."""
    company, _, deal = portal.new_client("Заметка")
    crm = portal.connect(Wanted())
    effect = asking(2300, deal, company, verb="tell", key="tell:2300", assignee="4040404")
    note = done(crm, effect)
    comments = portal.control.card("deal", deal)["comments"]
    assert [str(one["id"]) for one in comments if marker(2300) in one["text"]] == [note]
    alone = asking(2301, deal, company, verb="tell", key="tell:2301", assignee="4040404", bind=())
    assert sent(crm, alone)[alone.key].status == "refused"


def test_a_message_in_doubt_is_found_by_its_note(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Сомнительное сообщение")
    crm = portal.connect(Wanted())
    since = portal.control.now()
    effect = asking(2400, deal, company, verb="tell", key="tell:2400", assignee=None)
    portal.control.post("faults", {"fail_after_apply": 1})
    assert sent(crm, effect)[effect.key].status == "unknown"
    notes = [one for one in portal.control.card("deal", deal)["comments"] if marker(2400) in one["text"]]
    other = asking(2401, deal, company, verb="tell", key="tell:2401")
    assert crm.look_up([effect, other], since) == {effect.key: str(notes[0]["id"])}


def test_the_portals_own_webhooks_are_heard(portal: Emulated) -> None:
    """Its encoder and our decoder share no code."""
    assert portal.hook_secrets is not None
    with canned_server() as receiver:
        portal.control.post("hook_target", {"url": receiver.url})
        company, contact, deal = portal.new_client("Звонки")
        crm = portal.connect(Wanted())
        task = done(crm, asking(2500, deal, company))
        portal.control.post("activities", {"kind": "call", "contact": contact, "by": 3})
        portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
        portal.control.post("tasks/delete", {"task": int(task)})
        expected = {f"company:{company}", f"contact:{contact}", f"deal:{deal}", f"task:{task}"}
        heard: set[str | None] = set()
        until = time.monotonic() + 10
        while not (expected <= heard and any(str(ref).startswith("signal:") for ref in heard)):
            assert time.monotonic() < until, heard
            time.sleep(0.05)
            for asked in receiver.asked:
                told = hear(asked.body, portal.hook_secrets, None)
                assert told.account == portal.hook_secrets.member_id
                heard |= {bell.ref for bell in told.bells}
        portal.control.post("hook_target", {"url": None})
    assert None not in heard
    forged = HookSecrets(portal=portal.name, application_tokens=(SecretStr("sandbox-forged"),))
    with pytest.raises(NotGenuine):
        hear(receiver.asked[0].body, forged, None)


def test_preparing_a_prepared_portal_only_looks(portal: Emulated) -> None:
    crm = portal.connect(Wanted())
    crm.prepare()
    requests = requests_of(portal)
    crm.prepare()
    assert requests_of(portal) - requests == 1


def test_everybodys_head_is_somebody_else(portal: Emulated) -> None:
    users = {user.id: user for user in portal.connect(Wanted()).directory().users}
    roles = {str(one["id"]): one["role"] for one in portal.story["staff"]}
    assert {roles[str(users[number].head)] for number, role in roles.items() if role == "manager"} == {"head"}
    assert [user.id for user in users.values() if user.head == user.id] == []


def test_the_marker_survives_a_rewritten_description(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Переписано")
    crm = portal.connect(Wanted())
    task = done(crm, asking(2600, deal, company))
    portal.control.post("tasks/edit", {"task": int(task), "text": "Переписано менеджером"})
    assert read(crm, named=[f"task:{task}"])[0][f"task:{task}"].body["marker"] == marker(2600)


def test_of_two_tasks_with_one_marker_the_older_is_found_and_none_from_before(portal: Emulated) -> None:
    company, _, deal = portal.new_client("Двойник")
    crm = portal.connect(Wanted())
    since = portal.control.now()
    effect = asking(2700, deal, company)
    older, newer = done(crm, effect), done(crm, effect)
    assert int(older) < int(newer)
    assert crm.look_up([effect], since) == {effect.key: older}
    portal.control.post("clock", {"advance": "1 hour"})
    assert crm.look_up([effect], portal.control.now()) == {}


def test_the_doer_may_move_the_deadline_and_watchers_see_the_task(portal: Emulated) -> None:
    effect = asking(2800, 1, 1, watchers=("1", "2"))
    fields = plan(effect, "e0", ZoneInfo("Europe/Moscow"), None).commands["e0"].params["fields"]
    assert fields["ALLOW_CHANGE_DEADLINE"] is True
    assert fields["AUDITORS"] == ["1", "2"]
    assert fields["DEADLINE"] == "2026-10-01T18:00:00+03:00", "with the portal's offset, never naive"


def test_a_text_cannot_refer_to_other_answers_of_its_batch(portal: Emulated) -> None:
    crm = portal.connect(Wanted())
    crm.prepare()
    company, _, deal = portal.new_client("Ссылка")
    words = "$result[e0][task][id]"
    first = asking(2900, deal, company)
    second = asking(2901, deal, company, title=f"Имя {words}", text=words)
    score = Effect(verb="write_fields", key="s", marker=marker(1), card=f"company:{company}", fields={"GAPS": words})
    outcomes = sent(crm, first, second, score)
    assert {one.status for one in outcomes.values()} == {"done"}
    kept = next(one for one in portal.control.ledger(portal.name)["tasks"] if marker(2901) in one["text"])
    gaps = portal.control.card("company", company)["fields"]["kasanie_gaps"]
    for text in (kept["title"], kept["text"], gaps):
        assert "[task]" in text.replace("\u200b", ""), text
