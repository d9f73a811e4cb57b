"""Proposals in the tables: clicks are kept until they are judged, and what shows a proposal waits for its ref."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from store_rows import NOW, A, B, asked, counted, due, intent, judged, send, with_portals

from connector.crm.port import Choice, Click, Effect, Outcome
from connector.store import Intent, Store
from rules.ledger import Asked, State

CARD = "activity:555"


@pytest.fixture(autouse=True)
def _portals(store: Store) -> None:
    with_portals(store)


def offered(occurrence: str = "created", **more: Any) -> Asked:
    return asked(occurrence=occurrence, state=State.OFFERED, mode="propose", **more)


def offer(store: Store, *rows: Asked, portal: str = A) -> None:
    """Record the rows, each with the effect that offers it."""
    intents = tuple(intent(row, "offer_touch", "offer", title="Предложение", about=str(row.key)) for row in rows)
    store.record(portal, [judged(*rows, intents=intents)], NOW)


def made(store: Store, row: Asked, remote_id: str = CARD, portal: str = A) -> None:
    """Its card is in the CRM."""
    key = f"{row.key}#offer"
    send(store, key, portal=portal)
    store.settle_effects(portal, [Outcome(key=key, status="done", remote_id=remote_id)], NOW)


def show(row: Asked, what: str = "show:1", **more: Any) -> Intent:
    return intent(row, "show_offer", what, **more)


def click(about: str, offer: str = CARD, **more: Any) -> Click:
    values: dict[str, Any] = {"about": about, "offer": offer, "answer": "accept", "by": "7"}
    return Click(**values | more)


def test_what_the_buttons_say_survives_the_outbox() -> None:
    choices = (Choice(label="Поставить", answer="accept"), Choice(label="Нет", answer="decline", reason="Уже сделано"))
    effect = Effect(verb="offer_touch", key="k", marker="m", choices=choices, tag="ждёт", status="s", hint="h")
    assert Effect.from_json(effect.to_json()) == effect


def test_a_made_proposal_is_in_the_ledger_and_is_no_task(store: Store) -> None:
    row = offered()
    offer(store, row)
    offer(store, row, portal=B)
    made(store, row)
    assert [(one.offer, one.task_id) for one in store.ledger(A)] == [(CARD, None)]
    assert [one.offer for one in store.ledger(B)] == [None]


def test_a_row_judged_meanwhile_does_not_forget_its_card(store: Store) -> None:
    row = offered()
    offer(store, row)
    made(store, row)
    store.record(A, [judged(offered(reminded_at=NOW))], NOW)
    assert [(one.offer, one.reminded_at) for one in store.ledger(A)] == [(CARD, NOW)]


def test_a_showing_waits_for_the_card_and_gets_its_ref(store: Store) -> None:
    row = offered()
    offer(store, row)
    store.record(A, [judged(intents=(show(row),))], NOW)
    assert due(store) == [f"{row.key}#offer"]
    made(store, row)
    (waiting,) = store.due_effects(A, 9)
    assert (waiting.effect.verb, waiting.effect.offer, waiting.effect.task) == ("show_offer", CARD, None)


def test_a_showing_does_not_wait_for_a_task(store: Store) -> None:
    """The task of an accepted proposal is another one: its being created frees no card."""
    row = offered(task_id="8123")
    offer(store, row)
    store.record(A, [judged(intents=(show(row),))], NOW)
    send(store, f"{row.key}#offer")
    store.settle_effects(A, [Outcome(key=f"{row.key}#offer", status="refused", code="NO")], NOW)
    assert {(dead.effect.verb, dead.code) for dead in store.dead_effects(A, 9)} == {
        ("offer_touch", "NO"),
        ("show_offer", "no-task"),
    }


def test_of_showings_that_were_not_sent_only_the_last_stays(store: Store) -> None:
    row = offered()
    offer(store, row)
    made(store, row)
    store.record(A, [judged(intents=(show(row, "show:1"),))], NOW)
    store.record(A, [judged(intents=(show(row, "show:2"),))], NOW)
    assert due(store) == [f"{row.key}#show:2"]
    send(store, f"{row.key}#show:2", quarantine=0)
    store.record(A, [judged(intents=(show(row, "show:3"),))], NOW)
    assert counted(store) == {"effects_open": 1, "effects_doubtful": 1}, "what may have been sent is not dropped"
    assert due(store) == [f"{row.key}#show:2"]


def test_a_click_is_kept_with_its_client_until_it_is_judged(store: Store) -> None:
    row = offered(client="company:8")
    offer(store, row)
    made(store, row)
    later = click(str(row.key), answer="later", days=3)
    store.put_clicks(A, [click(str(row.key), answer="decline", reason="Нет"), later], NOW)
    assert [one.click.answer for one in store.answers(A)] == ["decline", "later"]
    assert [(one.click, one.heard_at) for one in store.answers(A)][1] == (later, NOW)
    assert store.answers(B) == []
    assert [one.ref for one in store.clients_to_judge(A, NOW, 9)] == ["company:8"]
    first, second = (one.n for one in store.answers(A))
    store.record(A, [judged(answers=(first,))], NOW)
    assert [one.n for one in store.answers(A)] == [second]


@pytest.mark.parametrize(
    ("about", "offer_ref"),
    [
        ("call/company:1/other", CARD),
        ("call/company:1/created", "activity:556"),
        ("call/company:1/task", CARD),
        ("", ""),
    ],
)
def test_a_click_about_nothing_of_ours_is_kept_aside(store: Store, about: str, offer_ref: str) -> None:
    row = offered()
    offer(store, row)
    made(store, row)
    store.record(A, [judged(asked(occurrence="task"))], NOW)
    store.put_clicks(A, [click(about, offer_ref)], NOW)
    assert store.answers(A) == []
    assert [one.ref for one in store.clients_to_judge(A, NOW, 9)] == []
    assert [(line.what, line.about) for line in store.audit(A, 9)] == [("click.unknown", about)]


def test_a_click_on_a_card_whose_making_is_in_doubt_counts(store: Store) -> None:
    """It was pressed, so it is there, although nobody has told us its number yet."""
    row = offered()
    offer(store, row)
    store.put_clicks(A, [click(str(row.key))], NOW)
    assert len(store.answers(A)) == 1


def test_only_open_cards_that_nothing_is_on_its_way_to_are_written_again(store: Store) -> None:
    rows = {name: offered(name) for name in ("quiet", "coming", "refused", "task", "unmade")}
    done = offered("done", answer="accept")
    offer(store, *rows.values(), done)
    for place, (name, row) in enumerate([*rows.items(), ("done", done)]):
        if name != "unmade":
            made(store, row, f"task:{place}" if name == "task" else f"activity:{place}")
    told = tuple(show(rows[name], tag="второй") for name in ("quiet", "coming", "refused"))
    store.record(A, [judged(asked(occurrence="done", mode="propose", answer="accept"), intents=told)], NOW)
    for name, status in (("quiet", "done"), ("refused", "refused")):
        key = f"{rows[name].key}#show:1"
        send(store, key)
        store.settle_effects(A, [Outcome(key=key, status=status)], NOW)  # type: ignore[arg-type]  # a table of words
    again = store.open_offers(A, "activity")
    assert [(one.asked.key.occurrence, one.shown.tag) for one in again] == [("quiet", "второй")]
    store.show_again(A, [show(rows["quiet"], "show:again:1"), show(rows["quiet"], "show:again:1")], NOW)
    assert store.open_offers(A, "activity") == []


def shown_due(store: Store, key: str) -> datetime | None:
    shown = store.last_showings(A, [key])[key]
    assert shown is not None
    return shown.due


def test_the_due_that_a_proposal_shows_is_our_last_written_one(store: Store) -> None:
    row = offered()
    key = str(row.key)
    store.record(A, [judged(row, intents=(intent(row, "offer_touch", "offer", due=NOW),))], NOW)
    assert store.last_showings(A, [key]) == {key: None}
    made(store, row, "task:8123")
    assert shown_due(store, key) == NOW
    store.record(A, [judged(intents=(show(row, due=NOW.replace(day=9)),))], NOW)
    assert store.last_showings(A, [key]) == {key: None}, "on its way: what the CRM shows is not known"
    send(store, f"{key}#show:1")
    store.settle_effects(A, [Outcome(key=f"{key}#show:1", status="refused", code="NO")], NOW)
    assert shown_due(store, key) == NOW, "what was refused has changed nothing"
    assert [effect.verb for effect in store.offered(A, [key, "x/y/z"]).values()] == ["offer_touch"]
