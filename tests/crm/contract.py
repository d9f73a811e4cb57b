"""What every CRM adapter must do, told through a running sandbox portal. Both adapters' test classes inherit from it.

A subclass gives the fixture `portal`: a `SandboxPortal` on a fresh or shared sandbox (tests must not depend on an
untouched one). Stories are told through the sandbox's control API, so nothing here speaks either CRM's language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.request import Request, urlopen

import pytest

from connector.crm.port import Crm, Effect, Fact, HookSecrets, Outcome, Wanted
from connector.errors import Blocked, CrmError

Card = Literal["company", "contact", "deal"]

BODIES: Mapping[str, set[str]] = {
    "company": {"title", "owner", "created", "fields"},
    "contact": {"name", "owner", "created", "fields"},
    "deal": {
        *("title", "owner", "created", "pipeline", "stage", "semantic", "amount", "currency", "loss_reason"),
        *("company", "contacts", "fields"),
    },
    "stage": {"deal", "at", "pipeline", "stage"},
    "signal": {
        *("kind", "at", "direction", "answered", "seconds", "completed", "robot", "by", "contact", "deal"),
    },
    "task": {"marker", "open", "deferred", "due", "assignee", "closed", "closed_by", "title"},
}
"""The keys of every fact's body (connector.crm.port.Fact)."""
MAY_HAVE = {"result"}
"""Where tasks are closed with words."""
NOBODY = 4040404


class Control:
    """The sandbox's control API of one portal."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/") + "/sandbox/"

    def get(self, path: str) -> Any:
        with urlopen(self._base + path) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        request = Request(self._base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            return json.load(answer)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("clock")["now"])

    def ledger(self, portal: str) -> Any:
        return self.get(f"ledger?portal={portal}")["portals"][0]

    def card(self, kind: Card, number: int | str) -> Any:
        return self.get(f"cards/{kind}/{number}")


@dataclass
class SandboxPortal:
    """One portal of a running sandbox, and how to open our adapter on it."""

    name: str
    control: Control
    connect: Callable[[Wanted], Crm]
    connect_wrongly: Callable[[], Crm]
    """With a secret that the portal does not know."""
    field_name: Callable[[Card, str], str]
    """The CRM's name of a custom field, from the sandbox's neutral code."""
    hook_secrets: HookSecrets | None = None
    """What proves the portal's webhooks, where a test wants them."""

    @property
    def story(self) -> Any:
        told = self.control.get("portals")["portals"]
        return next(one for one in told if one["name"] == self.name)

    def new_client(self, title: str, **more: Any) -> tuple[int, int, int]:
        """Company, its contact and its deal."""
        made = self.control.post("companies", {"title": title, "owner": 2, "people": [{"first_name": "Ольга"}], **more})
        deal = self.control.post("deals", {"title": f"{title}: поставка", "company": made["id"], "amount": 1000})
        return made["id"], made["contacts"][0], deal["ids"][0]


def read(
    crm: Crm, cursors: Mapping[str, str] | None = None, named: Iterable[str] = ()
) -> tuple[dict[str, Fact], dict[str, str], set[str]]:
    """Everything a pull brings: facts by ref (the last word counts), cursors, answered refs."""
    facts: dict[str, Fact] = {}
    moved: dict[str, str] = dict(cursors or {})
    answered: set[str] = set()
    for page in crm.pull(cursors or {}, set(named)):
        facts |= {fact.ref: fact for fact in page.facts}
        moved |= page.cursors
        answered |= page.answered
    return facts, moved, answered


def marker(number: int) -> str:
    return f"kasanie:{number:012x}"


def asking(number: int, deal: int, company: int, **more: Any) -> Effect:
    values: dict[str, Any] = {
        "verb": "create_task",
        "key": f"rule/deal:{deal}/visit#{number}",
        "marker": marker(number),
        "title": "Касание: позвонить",
        "text": "Позвонить: «Север». Узнать срок & кто решает.",
        "assignee": "3",
        "due": datetime(2026, 10, 1, 15, 0, tzinfo=UTC),
        "bind": (f"deal:{deal}", f"company:{company}"),
    }
    return Effect(**values | more)


def changing(verb: Any, task: str, **more: Any) -> Effect:
    return Effect(verb=verb, key=f"{verb}:{task}:{json.dumps(more, default=str)}", marker=marker(1), task=task, **more)


def sent(crm: Crm, *effects: Effect) -> dict[str, Outcome]:
    outcomes = list(crm.send(effects))
    assert sorted(one.key for one in outcomes) == sorted(one.key for one in effects), "one outcome for each effect"
    return {one.key: one for one in outcomes}


def done(crm: Crm, effect: Effect) -> str:
    outcome = sent(crm, effect)[effect.key]
    assert outcome.status == "done", outcome
    return str(outcome.remote_id)


SIGNALS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"kind": "call", "direction": "out", "seconds": 90}, ("call", "out", True, 90, True, False)),
    ({"kind": "call", "direction": "in", "answered": False}, ("call", "in", False, 0, True, False)),
    ({"kind": "chat", "direction": "in"}, ("chat", "in", None, None, True, False)),
]
"""A communication as the control API takes it: kind, direction, answered, seconds, completed, robot of its fact."""


class CrmContract:
    """Inherit as `class TestX(CrmContract)` and give the fixture `portal`."""

    @pytest.fixture
    def crm(self, portal: SandboxPortal) -> Crm:
        company = (portal.field_name("company", "segment"), portal.field_name("company", "quiet_until"))
        return portal.connect(Wanted(company=company))

    # directory and our fields

    def test_the_directory_names_stages_users_and_fields(self, portal: SandboxPortal, crm: Crm) -> None:
        directory = crm.directory()
        story = portal.story
        assert directory.zone == story["zone"]
        assert {user.id: user.name for user in directory.users if user.active} == {
            str(one["id"]): one["name"] for one in story["staff"] if one["active"]
        }
        for pipeline in story["pipelines"]:
            own = [stage for stage in directory.stages if stage.pipeline_title == pipeline["title"]]
            assert {stage.semantic for stage in own} == {"open", "won", "lost"}
            titles = {one["title"] for one in pipeline["stages"] if not one["unsorted"]}
            assert titles <= {stage.title for stage in own}
            assert all(stage.key.startswith(stage.pipeline + ":") for stage in own)
        assert len({stage.key for stage in directory.stages}) == len(directory.stages)
        for field in story["fields"]:
            assert portal.field_name(field["card"], field["code"]) in directory.fields[field["card"]]

    def test_our_fields_are_made_once(self, portal: SandboxPortal, crm: Crm) -> None:
        crm.prepare()
        made = [one for one in portal.story["fields"] if one["ours"]]
        crm.prepare()
        assert [one for one in portal.story["fields"] if one["ours"]] == made
        names = {(one["card"], one["code"].lower().removeprefix("kasanie_")) for one in made}
        cards = {card for card, _ in names}
        assert len(made) == len(names) == 3 * len(cards)
        assert {"company", "contact"} <= cards <= {"company", "contact", "deal"}
        assert names == {(card, name) for card in cards for name in ("fill", "gaps", "score")}

    def test_a_secret_that_the_portal_does_not_know_closes_it(self, portal: SandboxPortal) -> None:
        crm = portal.connect_wrongly()
        with pytest.raises(Blocked):
            crm.directory()
        with pytest.raises(CrmError):
            list(crm.pull({}, ()))
        outcome = sent(crm, asking(900, 1, 1))[asking(900, 1, 1).key]
        assert outcome.status == "later"
        assert outcome.wait >= 60

    # reading

    def test_a_full_load_brings_every_card(self, portal: SandboxPortal, crm: Crm) -> None:
        company, contact, deal = portal.new_client("Полная загрузка")
        facts, cursors, _ = read(crm)
        cards = portal.control.get("cards?title=")
        for kind in ("company", "contact", "deal"):
            assert {f"{kind}:{one['id']}" for one in cards[kind]} == {
                ref for ref in facts if ref.startswith(kind + ":")
            }
        assert cursors
        assert facts[f"contact:{contact}"].links == (f"company:{company}",)
        assert facts[f"deal:{deal}"].links == (f"company:{company}", f"contact:{contact}")
        assert facts[f"deal:{deal}"].body["amount"] == "1000"

    def test_every_body_has_the_documented_keys_and_holds_json(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Ключи")
        done(crm, asking(901, deal, company))
        facts, _, _ = read(crm)
        assert {fact.kind for fact in facts.values()} == set(BODIES)
        for fact in facts.values():
            assert set(fact.body) - MAY_HAVE == BODIES[fact.kind], fact.ref
            assert json.loads(json.dumps(fact.body)) == fact.body
            assert fact.changed.tzinfo is not None
            for name in ("at", "created", "due", "closed"):
                if fact.body.get(name):
                    assert datetime.fromisoformat(fact.body[name]).utcoffset() == timedelta(0)
                    assert fact.body[name].endswith("+00:00")

    def test_reading_again_brings_nothing_new(self, portal: SandboxPortal, crm: Crm) -> None:
        before, cursors, _ = read(crm)
        again, _, _ = read(crm, cursors)
        assert {ref for ref, fact in again.items() if before.get(ref) != fact} == set()
        portal.control.post("clock", {"advance": "1 hour"})
        _, cursors, _ = read(crm, cursors)
        quiet, _, _ = read(crm, cursors)
        assert {ref for ref in quiet if ref.split(":")[0] in ("company", "contact", "deal", "task")} == set()

    def test_a_moved_deal_comes_with_its_history(self, portal: SandboxPortal, crm: Crm) -> None:
        _, _, deal = portal.new_client("Движение")
        before, cursors, _ = read(crm)
        portal.control.post("clock", {"advance": "1 hour"})
        at = portal.control.now()
        portal.control.post("deals/move", {"deal": deal, "stage": "OFFER"})
        facts, _, _ = read(crm, cursors)
        stage = facts[f"deal:{deal}"].body["stage"]
        titles = {one.key: one.title for one in crm.directory().stages}
        assert titles[stage] == portal_stage_title(portal, "OFFER")
        assert facts[f"deal:{deal}"].body["semantic"] == "open"
        history = stages_of(before | facts, deal)
        assert [one.body["stage"] for one in history] == [before[f"deal:{deal}"].body["stage"], stage]
        assert abs(datetime.fromisoformat(history[-1].body["at"]) - at) < timedelta(minutes=1)
        assert history[-1].links == (f"deal:{deal}",)

    @pytest.mark.parametrize(("code", "semantic"), [("WON", "won"), ("LOSE", "lost")])
    def test_the_end_of_a_deal_is_told(self, portal: SandboxPortal, crm: Crm, code: str, semantic: str) -> None:
        _, _, deal = portal.new_client(f"Конец {code}")
        portal.control.post("deals/move", {"deal": deal, "stage": code})
        facts, _, _ = read(crm, named=[f"deal:{deal}"])
        body = facts[f"deal:{deal}"].body
        assert body["semantic"] == semantic
        known = {stage.key: stage.semantic for stage in crm.directory().stages}
        assert known[body["stage"]] == semantic

    @pytest.mark.parametrize(("told", "expected"), SIGNALS)
    def test_a_communication_is_told_with_its_facts(
        self, portal: SandboxPortal, crm: Crm, told: dict[str, Any], expected: tuple[Any, ...]
    ) -> None:
        _, contact, _ = portal.new_client("Сигналы")
        _, cursors, _ = read(crm)
        portal.control.post("clock", {"advance": "10 minutes"})
        known = {ref for ref, fact in read(crm)[0].items() if fact.kind == "signal"}
        portal.control.post("activities", {**told, "contact": contact, "by": 3})
        facts, _, _ = read(crm, cursors)
        new = [fact for ref, fact in facts.items() if fact.kind == "signal" and ref not in known]
        assert len(new) == 1
        body = new[0].body
        names = ("kind", "direction", "answered", "seconds", "completed", "robot")
        assert tuple(body[name] for name in names) == expected
        assert body["contact"] == f"contact:{contact}"
        assert f"contact:{contact}" in new[0].links
        assert body["by"] in ("3", None)

    def test_a_field_is_read_by_its_type(self, portal: SandboxPortal, crm: Crm) -> None:
        segment = next(one for one in portal.story["fields"] if (one["card"], one["code"]) == ("company", "segment"))
        company, _, _ = portal.new_client("Поля", fields={"segment": "A", "quiet_until": "2026-10-05"})
        empty, _, _ = portal.new_client("Пустые поля")
        facts, _, _ = read(crm, named=[f"company:{company}", f"company:{empty}"])
        names = [portal.field_name("company", code) for code in ("segment", "quiet_until")]
        choice = next(key for key, title in segment["choices"].items() if title == "A")
        assert [facts[f"company:{company}"].body["fields"][name] for name in names] == [choice, "2026-10-05"]
        assert [facts[f"company:{empty}"].body["fields"][name] for name in names] == [None, None]
        assert set(facts[f"company:{company}"].body["fields"]) == set(names)

    def test_what_is_named_is_answered_and_what_is_deleted_is_gone(self, portal: SandboxPortal, crm: Crm) -> None:
        company, contact, deal = portal.new_client("Исчезает")
        _, cursors, _ = read(crm)
        portal.control.post("deals/delete", {"deal": deal})
        named = [f"deal:{deal}", f"company:{company}", f"contact:{contact}", f"deal:{NOBODY}"]
        facts, _, answered = read(crm, cursors, named)
        assert set(named) <= answered
        assert facts[f"deal:{deal}"].gone
        assert not facts[f"company:{company}"].gone
        assert not facts[f"contact:{contact}"].gone

    def test_a_broken_answer_to_a_read_is_read_again(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, _ = portal.new_client("Сбой чтения")
        portal.control.post("faults", {"fail_before": 1})
        facts, _, _ = read(crm, named=[f"company:{company}"])
        assert f"company:{company}" in facts

    # writing

    def test_a_task_is_made_and_read_back(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Задача")
        _, cursors, _ = read(crm)
        task = done(crm, asking(910, deal, company))
        for facts in (read(crm, cursors)[0], read(crm, cursors, [f"task:{task}"])[0]):
            fact = facts[f"task:{task}"]
            assert fact.body["marker"] == marker(910)
            assert fact.body["open"] is True
            assert fact.body["assignee"] == "3"
            assert fact.body["due"] == "2026-10-01T15:00:00+00:00"
            assert fact.body["closed"] is None
            assert f"deal:{deal}" in fact.links
        kept = next(one for one in portal.control.ledger(portal.name)["tasks"] if str(one["id"]) == task)
        whole = f"{kept['title']}\n{kept['text']}"
        assert "Позвонить: «Север». Узнать срок & кто решает." in whole
        assert "позвонить" in whole.lower()
        assert marker(910) in whole

    def test_a_task_can_be_moved_assigned_closed_and_reopened(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Жизнь задачи")
        task = done(crm, asking(911, deal, company))

        def now() -> Mapping[str, Any]:
            return read(crm, named=[f"task:{task}"])[0][f"task:{task}"].body

        done(crm, changing("move_task", task, due=datetime(2026, 10, 8, 9, 30, tzinfo=UTC)))
        assert now()["due"] == "2026-10-08T09:30:00+00:00"
        done(crm, changing("assign_task", task, assignee="4"))
        assert now()["assignee"] == "4"
        done(crm, changing("close_task", task, text="Звонок состоялся"))
        closed = now()
        assert closed["open"] is False
        assert closed["closed"] is not None
        done(crm, changing("close_task", task, text="Звонок состоялся"))
        done(crm, changing("reopen_task", task, due=datetime(2026, 10, 9, 9, 0, tzinfo=UTC)))
        assert now()["open"] is True
        assert now()["due"] == "2026-10-09T09:00:00+00:00"
        done(crm, changing("reopen_task", task))
        assert now()["marker"] == marker(911)

    def test_a_withdrawn_task_is_closed_kept_and_says_why(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Отмена")
        task = done(crm, asking(912, deal, company))
        effect = changing("withdraw_task", task, text="Отменено регламентом: сделка закрыта")
        done(crm, effect)
        kept = next(one for one in portal.control.ledger(portal.name)["tasks"] if str(one["id"]) == task)
        assert kept["open"] is False
        assert kept.get("deleted", False) is False
        assert "Отменено регламентом: сделка закрыта" in f"{kept['text']}\n{kept['result']}"
        assert read(crm, named=[f"task:{task}"])[0][f"task:{task}"].body["marker"] == marker(912)
        done(crm, effect)
        again = next(one for one in portal.control.ledger(portal.name)["tasks"] if str(one["id"]) == task)
        assert f"{again['text']}{again['result']}".count("сделка закрыта") == 1

    def test_a_line_is_added_once_however_often_it_is_sent(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Строка")
        task = done(crm, asking(913, deal, company))
        effect = changing("add_line", task, text="Ещё: поздравить с днём рождения")
        done(crm, effect)
        done(crm, effect)
        kept = next(one for one in portal.control.ledger(portal.name)["tasks"] if str(one["id"]) == task)
        assert kept["text"].count("Ещё: поздравить с днём рождения") == 1
        assert read(crm, named=[f"task:{task}"])[0][f"task:{task}"].body["marker"] == marker(913)

    def test_many_effects_leave_together_and_each_is_judged(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Пачка")
        good = [asking(920 + number, deal, company) for number in range(5)]
        bad = asking(930, deal, company, assignee=str(NOBODY))
        gone = changing("close_task", str(NOBODY))
        requests = len(portal.control.ledger(portal.name)["requests"])
        outcomes = sent(crm, *good[:3], bad, gone, *good[3:])
        assert [outcomes[one.key].status for one in good] == ["done"] * 5
        assert len({outcomes[one.key].remote_id for one in good}) == 5
        assert outcomes[bad.key].status == "refused"
        assert outcomes[bad.key].code
        assert outcomes[gone.key].status == "refused"
        assert len(portal.control.ledger(portal.name)["requests"]) - requests < len(outcomes) + 6
        assert 1 <= crm.batch_size() <= 400

    def test_a_score_is_written_to_the_card(self, portal: SandboxPortal, crm: Crm) -> None:
        crm.prepare()
        company, contact, _ = portal.new_client("Оценка")
        for ref in (f"company:{company}", f"contact:{contact}"):
            kind, _, number = ref.partition(":")
            effect = Effect(
                verb="write_fields",
                key=f"score:{ref}",
                marker=marker(2),
                card=ref,
                fields={"FILL": 30, "SCORE": 42, "GAPS": "Не хватает: «ИНН», бюджет & срок"},
            )
            done(crm, effect)
            fields = {key.lower(): value for key, value in portal.control.card(kind, number)["fields"].items()}  # type: ignore[arg-type]  # one of the two kinds
            assert fields["kasanie_fill"] == 30
            assert fields["kasanie_score"] == 42
            assert fields["kasanie_gaps"] == "Не хватает: «ИНН», бюджет & срок"

    def test_somebody_is_told_on_the_card(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Сказать")
        effect = asking(
            940, deal, company, verb="tell", key="tell:940", title="Просрочено касание", text="7 дней тишины"
        )
        done(crm, effect)
        comments = portal.control.card("deal", deal)["comments"]
        notes = [*comments, *portal.control.ledger(portal.name)["notifications"]]
        assert any("7 дней тишины" in one["text"] for one in notes)

    # doubt

    @pytest.mark.parametrize("fault", ["fail_after_apply", "drop_answer"])
    def test_a_write_without_an_answer_is_in_doubt_and_then_found(
        self, portal: SandboxPortal, crm: Crm, fault: str
    ) -> None:
        company, _, deal = portal.new_client("Сомнение")
        number = {"fail_after_apply": 950, "drop_answer": 952}[fault]
        since = portal.control.now()
        effects = [asking(number, deal, company), asking(number + 1, deal, company)]
        portal.control.post("faults", {fault: 1})
        outcomes = sent(crm, *effects)
        portal.control.post("faults", {fault: 0})
        assert {one.status for one in outcomes.values()} == {"unknown"}
        other = asking(999, deal, company)
        found = crm.look_up([*effects, other], since)
        kept = {
            f"kasanie:{one['text'].rpartition('kasanie:')[2][:12]}": str(one["id"])
            for one in portal.control.ledger(portal.name)["tasks"]
            if "kasanie:" in one["text"]
        }
        assert found == {one.key: kept[one.marker] for one in effects}

    def test_a_request_that_was_refused_for_haste_is_sent_later(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Спешка")
        effect = asking(960, deal, company)
        portal.control.post("faults", {"throttle": 1})
        outcome = sent(crm, effect)[effect.key]
        assert outcome.status in ("later", "done")
        tasks = [one for one in portal.control.ledger(portal.name)["tasks"] if marker(960) in one["text"]]
        if outcome.status == "later":
            assert outcome.wait > 0
            assert tasks == []
        else:
            assert [str(one["id"]) for one in tasks] == [outcome.remote_id]

    def test_a_request_that_failed_on_the_crms_side_is_in_doubt(self, portal: SandboxPortal, crm: Crm) -> None:
        company, _, deal = portal.new_client("Ошибка сервера")
        effect = asking(961, deal, company)
        portal.control.post("faults", {"fail_before": 1})
        assert sent(crm, effect)[effect.key].status == "unknown"
        assert crm.look_up([effect], portal.control.now() - timedelta(hours=1)) == {}


def portal_stage_title(portal: SandboxPortal, code: str) -> str:
    """A stage's title in the main pipeline."""
    main = next(one for one in portal.story["pipelines"] if one["is_main"])
    return str(next(one["title"] for one in main["stages"] if one["code"] == code))


def stages_of(facts: Mapping[str, Fact], deal: int) -> list[Fact]:
    """A deal's stage history, oldest first."""
    own = [fact for fact in facts.values() if fact.kind == "stage" and fact.body["deal"] == f"deal:{deal}"]
    return sorted(own, key=lambda fact: (fact.body["at"], len(fact.id), fact.id))
