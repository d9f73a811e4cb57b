"""From what is decided about a proposal to what its card says, and from what people did to an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scenes import MOSCOW, Story, deal, won, written
from store_rows import NOW as STORED
from store_rows import asked
from trial import HEAD, LONG, SHORT, rule

from connector.answers import OfferFacts, with_clicks
from connector.crm.port import Choice, Click, Effect, Fact, Outcome, Page
from connector.effects import intents_of
from connector.judging import ledger_rows
from connector.offers import rows_to_show, showings, write_offers_again
from connector.order_words import Words
from connector.store import AnswerRow, ClientRow, Intent, Judged, Store
from connector.store.opening import open_store
from rules.facts import Task
from rules.ledger import Answer, Asked, State
from rules.texts import Lang

DECLINES = """
proposals:
  remind: 2 working days
  ignored: 5 working days
  later: 1
  decline: [Уже сделано]
"""
OFFER = rule("offer", SHORT, task=", mode: propose")
OFFERED_AT = "2026-03-11 09:00"
ABOUT = "offer/company:K/won:D"
CARD = "activity:555"


class Told:
    """A story whose orders and clicks pass through the real tables; every write succeeds at once."""

    def __init__(self, folder: Path, *rules: str, lang: Lang = "ru", offer: str = CARD) -> None:
        self.store: Store = open_store(f"sqlite:///{folder / 'kasanie.db'}")
        self.store.add_portal("p", "bitrix24", rate=2, burst=50)
        self.regulation = written(HEAD.replace("rules:", DECLINES.strip() + "\nrules:") + "".join(rules or (OFFER,)))
        self.story = Story(self.regulation, deals=[won("D", "2026-03-02 12:00")])
        self.lang = lang
        self.offer = offer
        self.clicks: list[AnswerRow] = []

    def at(self, when: str, *clicks: Click, **new: Any) -> list[Effect]:
        """Judge, record, write; what was recorded."""
        now = self.story.world.moment(when)
        self.story.learn(**new)
        before = self.story.snapshot()
        before = replace(before, asked=tuple(self.store.ledger("p")))
        pressed = [AnswerRow(n=len(self.clicks) + place, click=one, heard_at=now) for place, one in enumerate(clicks)]
        self.clicks += pressed
        seen = with_clicks(before, pressed, now, now)
        for one in seen.answers[len(before.answers) :]:
            self.story.played.answers[one.key] = one
        judged = self.story.at(when)
        rows = ledger_rows(judged, judged.orders)
        to_show = rows_to_show(before, rows, pressed)
        offered = self.store.offered("p", [str(row.key) for row in to_show])
        words = Words(self.regulation, before, self.lang)
        intents = [
            *showings(to_show, offered, pressed, judged.orders, words, now),
            *intents_of("p", judged.orders, self.regulation, before, now, self.lang),
        ]
        return self.record(intents, rows, now)

    def record(self, intents: list[Intent], rows: tuple[Asked, ...], now: datetime) -> list[Effect]:
        entry = Judged(
            client=ClientRow(ref="company:K", seq=0),
            asked=rows,
            intents=tuple(intents),
            verdicts=[],
            score=None,
            recheck_at=None,
            regulation="r",
        )
        self.store.record("p", [entry], now)
        while due := self.store.due_effects("p", 50):
            made = {"create_task": "900", "offer_touch": self.offer}
            done = [Outcome(key=one.effect.key, status="done", remote_id=made.get(one.effect.verb)) for one in due]
            self.store.settle_effects("p", done, now)
        return [intent.effect for intent in intents]

    def press(self, when: str, answer: Any, **more: Any) -> list[Effect]:
        return self.at(when, Click(about=ABOUT, offer=CARD, answer=answer, by="anna", **more))


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path)
    yield made
    made.store.close()


def verbs(effects: list[Effect]) -> list[str]:
    return [effect.verb for effect in effects]


def test_a_proposal_says_what_why_and_how_it_can_be_answered(told: Told) -> None:
    (offer,) = told.at(OFFERED_AT)
    assert (offer.verb, offer.key, offer.about) == ("offer_touch", f"{ABOUT}#offer", ABOUT)
    assert (offer.title, offer.tag, offer.standing) == ("Предложение: offer", "ждёт ответа", "open")
    assert offer.text == "offer\n\nПочему: Считаем от 02.03.2026 12:00, срок – 8 рабочих дней."
    assert [(one.answer, one.days, one.reason) for one in offer.choices] == [
        ("accept", None, None),
        ("later", 3, None),
        ("later", 1, None),
        ("later", 7, None),
        ("later", 30, None),
        ("decline", None, "Уже сделано"),
    ]
    assert offer.choices[-1].label == "Отклонить: Уже сделано"


def test_a_proposal_speaks_english(tmp_path: Path) -> None:
    made = Told(tmp_path, lang="en")
    (offer,) = made.at(OFFERED_AT)
    assert (offer.title, offer.tag) == ("Proposal: offer", "awaits an answer")
    assert [one.label for one in offer.choices][:2] == ["Set the task", "Later: in 3 days"]
    (shown, _) = made.press("2026-03-12 10:00", "accept")
    assert shown.status == "Accepted: anna, 12 March 2026 10:00. The task is in the doer's list."
    made.store.close()


def test_accepted_the_card_is_freed_first_and_then_the_task_is_set(told: Told) -> None:
    (offer,) = told.at(OFFERED_AT)
    shown, task = told.press("2026-03-12 10:00", "accept")
    assert (shown.verb, shown.standing, shown.choices) == ("show_offer", "accepted", ())
    assert shown.status == "Принято: anna, 12.03.2026 10:00. Задача – в списке задач исполнителя."
    assert shown.text == offer.text
    assert (task.verb, task.key) == ("create_task", f"{ABOUT}#ask")
    assert task.marker != offer.marker, "or after a lost answer one would be found as the other"
    (row,) = told.store.ledger("p")
    assert (row.offer, row.task_id) == (CARD, "900")


def test_put_off_it_says_until_when_and_loses_the_button_that_counts_no_more(told: Told) -> None:
    told.at(OFFERED_AT)
    (shown,) = told.press("2026-03-12 10:00", "later", days=7)
    assert (shown.standing, shown.due) == ("open", datetime(2026, 3, 19, 15, tzinfo=UTC))
    assert shown.status == "Отложено до 19.03.2026: anna. Больше откладывать нельзя."
    assert [one.answer for one in shown.choices] == ["accept", "decline"]


def test_declined_it_says_why(told: Told) -> None:
    told.at(OFFERED_AT)
    (shown,) = told.press("2026-03-12 10:00", "decline", reason="Уже сделано")
    assert (shown.standing, shown.tag) == ("declined", "отклонено")
    assert shown.status == "Отклонено: anna, 12.03.2026 10:00. Уже сделано."


def test_a_click_that_changes_nothing_frees_the_card_each_time(told: Told) -> None:
    told.at(OFFERED_AT)
    told.press("2026-03-12 10:00", "accept")
    (first,) = told.press("2026-03-12 10:00", "decline")
    (second,) = told.press("2026-03-12 10:00", "decline")
    assert {first.standing, second.standing} == {"accepted"}
    assert first.key != second.key, "with one key the second would never leave"
    assert told.store.ledger("p")[0].state is State.ASKED


def test_two_judgements_of_one_moment_are_two_showings(told: Told) -> None:
    """The sandbox's clock stands still for 0.2 s; what is shown last must be what was decided last."""
    told.at(OFFERED_AT)
    first = told.press("2026-03-12 10:00", "later", days=7)
    second = told.press("2026-03-12 10:00", "accept")
    assert first[0].key != second[0].key
    assert told.store.open_offers("p", "activity") == []


def test_a_call_ends_it_by_itself(told: Told) -> None:
    told.at(OFFERED_AT)
    call = {"id": "c1", "kind": "call", "at": "2026-03-12 11:00", "direction": "out", "answered": True, "seconds": 90}
    (shown,) = told.at("2026-03-12 12:00", touches=[call])
    assert (shown.verb, shown.standing) == ("show_offer", "ended")
    assert shown.status == "Касание состоялось: звонок, 12.03.2026 11:00."


def test_what_joined_a_task_says_which(tmp_path: Path) -> None:
    made = Told(tmp_path, OFFER, rule("long", LONG))
    made.at(OFFERED_AT)
    effects = made.at("2026-03-13 09:00")
    assert verbs(effects) == ["show_offer", "create_task", "add_line"]
    assert (effects[0].standing, effects[0].status) == ("ended", "Вошло строкой в задачу «long».")
    made.store.close()


def test_what_joined_a_task_at_once_has_no_card(tmp_path: Path) -> None:
    made = Told(tmp_path, OFFER, rule("long", LONG))
    assert verbs(made.at("2026-03-13 09:00")) == ["create_task", "add_line"]
    made.store.close()


def test_it_goes_and_comes_with_its_reason(tmp_path: Path) -> None:
    going = rule("offer", SHORT, task=", mode: propose", more="if: {state: between}")
    made = Told(tmp_path, going)
    made.at(OFFERED_AT)
    (gone,) = made.at("2026-03-11 12:00", deals=[deal("N", "2026-03-11 12:00", ("new", "2026-03-11 12:00"))])
    assert (gone.standing, gone.choices) == ("ended", ())
    assert gone.status.startswith("Отменено регламентом: ")
    lost = {"id": "N", "history": [{"phase": "lost", "at": "2026-03-11 15:00"}]}
    (back,) = made.at("2026-03-11 15:00", deals=[lost])
    assert (back.standing, back.status) == ("open", "Снова нужно: причина вернулась.")
    assert len(back.choices) == 6
    made.store.close()


def test_each_round_of_reminding_has_a_key_of_its_own(told: Told) -> None:
    """An existing key stays: with the same one the second reminder would silently never leave."""
    told.at(OFFERED_AT)
    keys = []
    for when in ("2026-03-16 09:00", "2026-03-19 09:00"):
        keys += [effect.key for effect in told.at(when)]
    told.press("2026-03-19 10:00", "later", days=3)
    for when in ("2026-03-25 09:00", "2026-03-30 09:00"):
        keys += [effect.key for effect in told.at(when)]
    assert len(keys) == len(set(keys)) == 4, keys


def test_a_reminder_asks_for_an_answer(told: Told) -> None:
    told.at(OFFERED_AT)
    (reminder,) = told.at("2026-03-16 09:00")
    assert (reminder.verb, reminder.assignee) == ("tell", "anna")
    assert reminder.text == "Ромашка: предложение «offer» ждёт вашего ответа, срок 13.03.2026 18:00."


def test_a_proposal_goes_to_who_works_there(told: Told) -> None:
    told.at(OFFERED_AT)
    managers = dict(told.story.portal.managers)
    managers["anna"] = replace(managers["anna"], active=False)
    told.story.change_portal(replace(told.story.portal, managers=managers))
    (shown,) = told.at("2026-03-11 12:00")
    assert (shown.verb, shown.standing) == ("show_offer", "open")
    assert shown.assignee not in (None, "anna")


# the hourly round
def test_once_an_hour_open_cards_are_written_as_they_are(told: Told) -> None:
    told.at(OFFERED_AT)
    (put_off,) = told.press("2026-03-12 10:00", "later", days=7)
    now = told.story.world.moment("2026-03-12 11:00")
    assert write_offers_again(told.store, "p", now) == 1
    (row,) = told.store.due_effects("p", 9)
    assert row.effect == replace(put_off, key=row.effect.key, due=None, offer=CARD)
    assert write_offers_again(told.store, "p", now) == 0, "it is on its way already"


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_what_is_answered_is_not_written_every_hour(told: Told, answer: str) -> None:
    told.at(OFFERED_AT)
    told.press("2026-03-12 10:00", answer)
    assert write_offers_again(told.store, "p", told.story.world.moment("2026-03-12 11:00")) == 0


def test_a_task_that_stands_for_a_proposal_is_not_written_every_hour(tmp_path: Path) -> None:
    made = Told(tmp_path, offer="task:8123")
    made.at(OFFERED_AT)
    assert write_offers_again(made.store, "p", made.story.world.moment("2026-03-12 11:00")) == 0
    made.store.close()


def test_the_client_of_a_deleted_card_is_judged_instead(told: Told) -> None:
    told.at(OFFERED_AT)
    now = told.story.world.moment("2026-03-12 11:00")
    gone = Fact(kind="signal", id="555", body={}, changed=now, gone=True)
    told.store.save_page("p", Page(facts=(gone,)), now)
    assert write_offers_again(told.store, "p", now) == 0
    assert [one.ref for one in told.store.clients_to_judge("p", now, 9)] == ["company:K"]


# clicks and their dates
def row(**more: Any) -> Asked:
    values: dict[str, Any] = {"state": State.OFFERED, "mode": "propose", "offer": "task:8123"}
    return asked(**values | more)


def clicked(story: Story, entry: Asked, now: datetime, machine_now: datetime, **more: Any) -> Any:
    click = Click(**{"about": str(entry.key), "offer": CARD, "answer": "later", **more})
    snapshot = replace(story.snapshot(), asked=(entry,))
    heard = AnswerRow(n=1, click=click, heard_at=machine_now - timedelta(seconds=30))
    return with_clicks(snapshot, [heard], now, machine_now).answers[0]


def test_a_click_is_dated_by_its_age_on_the_clock_of_the_business(told: Told) -> None:
    now = STORED + timedelta(days=400)
    answer = clicked(told.story, row(), now, STORED, days=7)
    assert answer.at == now - timedelta(seconds=30)
    assert answer.until == (now + timedelta(days=7)).astimezone(MOSCOW).date()


def test_a_click_counts_although_the_clocks_say_that_it_came_too_early(told: Told) -> None:
    answer = clicked(told.story, row(), STORED, STORED)
    assert answer.at > row().asked_at


def test_later_without_a_day_is_in_three_days(told: Told) -> None:
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # the 3rd in Moscow
    assert clicked(told.story, row(), late + timedelta(seconds=30), late).until == date(2026, 3, 6)


# answers without buttons
LATER = STORED + timedelta(hours=5)
SHOWN_DUE = STORED + timedelta(days=1)
OPEN = {"open": True, "due": SHOWN_DUE.isoformat(), "assignee": "5", "deferred": False}


CHOICES = (
    Choice(label="Да", answer="accept"),
    Choice(label="Позже", answer="later", days=3),
    Choice(label="Нет", answer="decline", reason="Уже сделано"),
)
SHOWN = Effect(verb="show_offer", key="k", marker="kasanie:0", due=SHOWN_DUE, choices=CHOICES)


def answers_in(entry: Asked, *, shown: Effect | None = SHOWN, gone: bool = False, **body: Any) -> list[Answer]:
    fact = Fact(kind="task", id="8123", body={**OPEN, **body}, changed=LATER, gone=gone)
    facts = OfferFacts({fact.ref: fact}, {str(entry.key): shown})
    return list(facts.answers_to([entry], MOSCOW))


def in_task(entry: Asked, **more: Any) -> list[Any]:
    return [(one.answer, one.until, one.reason, one.at) for one in answers_in(entry, **more)]


MOVED = (STORED + timedelta(days=9)).isoformat()
DAY = date(2026, 3, 11)
DONE = (STORED + timedelta(hours=4)).isoformat()


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, []),
        ({"open": False, "closed": DONE}, [("accept", None, None, STORED + timedelta(hours=4))]),
        ({"open": False, "closed": None}, [("accept", None, None, LATER)]),
        ({"due": MOVED}, [("later", DAY, None, LATER)]),
        ({"due": (SHOWN_DUE + timedelta(hours=2)).isoformat()}, []),
        ({"due": (SHOWN_DUE + timedelta(seconds=20)).isoformat()}, []),
        ({"due": None}, []),
        ({"deferred": True}, [("later", date(2026, 3, 5), None, LATER)]),
        ({"deferred": True, "due": None}, [("later", date(2026, 3, 5), None, LATER)]),
        ({"deferred": True, "due": MOVED}, [("later", DAY, None, LATER)]),
    ],
)
def test_what_was_done_to_the_task_is_the_answer(body: dict[str, Any], answer: list[Any]) -> None:
    assert in_task(row(), **body) == answer


def test_a_deleted_task_is_a_refusal_whenever_it_was_offered_again() -> None:
    assert in_task(row(), gone=True) == [("decline", None, "deleted", LATER)]
    again = row(asked_at=LATER + timedelta(days=1))
    assert in_task(again, gone=True) == [("decline", None, "deleted", LATER + timedelta(days=1, microseconds=1))]


def test_an_answer_counts_although_the_crms_clock_is_behind() -> None:
    ahead = row(asked_at=LATER + timedelta(minutes=2))
    for body in ({"open": False, "closed": DONE}, {"due": MOVED}, {"deferred": True}):
        ((_, _, _, at),) = in_task(ahead, **body)
        assert at > ahead.asked_at


def test_what_stood_there_before_it_was_offered_again_is_no_answer() -> None:
    """We closed the task ourselves when its reason went, and the fact was not read anew since it is open again."""
    ((_, _, _, at),) = in_task(row(reopened=1, asked_at=LATER), open=False, closed=DONE)
    assert at < LATER


def test_while_our_own_word_is_on_its_way_nothing_is_an_answer() -> None:
    assert in_task(row(), shown=None, due=MOVED) == []
    assert in_task(row(), shown=None, open=False, closed=DONE) == []


def test_the_same_day_is_not_another_answer() -> None:
    assert in_task(row(answer="later", later_until=DAY), due=MOVED) == []
    deferred = row(answer="later", answered_at=LATER, later_until=date(2026, 3, 5))
    ((_, _, _, at),) = in_task(deferred, deferred=True)
    assert at <= LATER, "known already"


def test_only_an_open_proposal_is_answered() -> None:
    assert in_task(row(state=State.DONE), open=False, closed=DONE) == []
    assert in_task(row(offer=None), open=False, closed=DONE) == []


def test_an_order_about_what_was_accepted_is_about_its_task(told: Told) -> None:
    told.at(OFFERED_AT)
    told.press("2026-03-12 10:00", "accept")
    call = {"id": "c1", "kind": "call", "at": "2026-03-12 11:00", "direction": "out", "answered": True, "seconds": 90}
    (close,) = told.at("2026-03-12 12:00", touches=[call])
    assert (close.verb, close.key) == ("close_task", f"{ABOUT}#close:0")


# answers in words
CLOSED_AT = STORED + timedelta(hours=4)


def in_words(result: str | None, entry: Asked | None = None, *, shown: Effect = SHOWN) -> list[Any]:
    """What a task that was closed with these words says, and from when it counts."""
    body: dict[str, Any] = {"open": False, "closed": DONE, "closed_by": "5", "result": result}
    found = answers_in(entry or row(), shown=shown, **body)
    return [(one.answer, one.until, one.reason, one.counts_at) for one in found]


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ("да", ("accept", None, None, None)),
        ("позже 7 дней", ("later", date(2026, 3, 9), None, None)),
        ("нет: уже сделано", ("decline", None, "Уже сделано", None)),
        ("нет, рано", ("decline", None, "рано", None)),
        ("посмотрим", ("unclear", None, "посмотрим", None)),
        ("", ("accept", None, None, CLOSED_AT + timedelta(minutes=1))),
        (None, ("accept", None, None, None)),
    ],
)
def test_the_words_a_task_is_closed_with_are_the_answer(result: str | None, answer: tuple[Any, ...]) -> None:
    assert in_words(result) == [answer]


def test_days_of_words_count_from_the_day_of_the_closing_in_the_portals_zone() -> None:
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # the 3rd in Moscow
    body: dict[str, Any] = {"open": False, "closed": late.isoformat(), "result": "позже 7 дней"}
    assert [one.until for one in answers_in(row(), **body)] == [date(2026, 3, 10)]


def test_an_answer_that_is_not_offered_any_more_is_unclear() -> None:
    last = replace(SHOWN, choices=(CHOICES[0], CHOICES[2]))
    assert in_words("позже", shown=last) == [("unclear", None, "позже", None)]


@pytest.mark.parametrize("entry", [row(answer="later", answered_at=STORED), row(reopened=1, asked_at=STORED)])
def test_words_that_may_be_those_of_an_earlier_closing_wait_a_minute_for_new_ones(entry: Asked) -> None:
    assert in_words("нет", entry) == [("decline", None, None, CLOSED_AT + timedelta(minutes=1))]


def test_a_closing_that_we_have_answered_is_not_another_answer() -> None:
    known = replace(SHOWN, closing=CLOSED_AT.isoformat())
    assert in_words("позже", row(answer="later", answered_at=STORED), shown=known) == []
    older = replace(SHOWN, closing=(CLOSED_AT - timedelta(seconds=1)).isoformat())
    assert len(in_words("позже", row(answer="later", answered_at=STORED), shown=older)) == 1


def test_an_unclear_answer_is_asked_about_once_and_never_accepted(told: Told) -> None:
    told.at(OFFERED_AT)
    key = told.store.ledger("p")[0].key
    at = told.story.world.moment("2026-03-12 09:59")
    told.story.played.answers[key] = Answer(key=key, answer="unclear", by="anna", at=at, reason="чё" * 50)
    (shown,) = told.at("2026-03-12 10:00")
    assert (shown.verb, shown.standing) == ("show_offer", "open")
    assert shown.status.startswith(f"Ответ «{'чё' * 30}…» не понят")
    assert len(shown.choices) == 6
    (again,) = told.at("2026-03-12 11:00")
    assert again.key == shown.key, "a key is written once"
    (entry,) = told.store.ledger("p")
    assert (entry.state, entry.answer, entry.task_id) == (State.OFFERED, None, None)


def test_a_showing_tells_which_closing_it_answers(told: Told) -> None:
    told.offer = "task:8123"
    (offer,) = told.at(OFFERED_AT)
    (entry,) = told.store.ledger("p")
    for task in (Task(id="8123", open=False, closed_at=CLOSED_AT), Task(id="8123", open=True)):
        seen = replace(told.story.snapshot(), asked=(entry,), tasks={"8123": task})
        words = Words(told.regulation, seen, "ru")
        (intent,) = showings([entry], {ABOUT: offer}, [], [], words, CLOSED_AT)
        assert intent.effect.closing == ("" if task.open else CLOSED_AT.isoformat())
