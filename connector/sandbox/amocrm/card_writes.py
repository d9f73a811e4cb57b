"""Writing leads, contacts and companies: POST and PATCH of arrays, PATCH of one; links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, LOST, PLURAL, WON, Account, moment_of, unix
from connector.sandbox.amocrm.answers import hal, written
from connector.sandbox.amocrm.face import Face, is_number, sent_array, sent_object
from connector.sandbox.amocrm.field_values import read_sent
from connector.sandbox.amocrm.problems import Flaw, Problem, invalid, not_supported, wrong_type
from connector.sandbox.amocrm.tags import Retag, read_tags
from connector.sandbox.records import Card, CardKind, Deal


@dataclass(frozen=True, slots=True)
class Plan:
    """What one sent object means."""

    fields: dict[str, Any]
    """By the base's code."""
    attributes: dict[str, Any]
    retag: Retag | None


def add_card_writes(face: Face) -> None:
    """Hang up the calls that write cards and their links."""
    writer = CardWriter(face.account)
    for plural in PLURAL.values():
        face.on("POST", plural, lambda plural=plural: writer.create(KIND_OF[plural]))
        face.on("PATCH", plural, lambda plural=plural: writer.change_many(KIND_OF[plural]))
        face.on("PATCH", f"{plural}/<int:number>", lambda number, plural=plural: writer.change(KIND_OF[plural], number))


def judged(sent: list[dict[str, Any]], plan: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """What every object of an array means; one flaw refuses the whole array.

    Raises:
        Problem: 400 with all flaws found.
    """
    plans, flaws, places = [], [], set[int]()
    for number, one in enumerate(sent):
        try:
            plans.append(plan(one))
        except Flaw as flaw:
            flaws.append((str(one.get("request_id", number)), flaw))
            places.add(number)
    if flaws:
        error = invalid(flaws)
        error.wrong_places = frozenset(places)
        raise error
    return plans


class CardWriter:
    """Understands what is sent of a card, and writes it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def create(self, kind: CardKind) -> Response:
        """New cards; the answer holds ids and the echoed `request_id`, nothing else."""
        if self._account.letter(PLURAL[kind], "add") == "D":
            raise Problem(403, "Access is denied")
        sent = sent_array(self._account)
        plans = judged(sent, lambda one: self.plan(kind, one, None))
        rows = []
        for number, (one, plan) in enumerate(zip(sent, plans, strict=True)):
            made = self.add(kind, plan)
            rows.append(
                {
                    "id": made.id,
                    "request_id": str(one.get("request_id", number)),
                    "_links": self._account.link(f"{PLURAL[kind]}/{made.id}"),
                }
            )
        return written(self._account, PLURAL[kind], PLURAL[kind], rows)

    def change_many(self, kind: CardKind) -> Response:
        """Changes of several cards, each with its `id`."""
        sent = sent_array(self._account)
        plans = judged(sent, lambda one: self.plan(kind, one, self._known(kind, one.get("id"))))
        rows = []
        for one, plan in zip(sent, plans, strict=True):
            rows.append({**self._apply(kind, one["id"], plan), **_echo(one)})
        return written(self._account, PLURAL[kind], PLURAL[kind], rows)

    def change(self, kind: CardKind, number: int) -> Response:
        """Changes of one card; only sent keys change."""
        one = sent_object()
        card = self._base.card(kind, number)
        self._account.need_right(kind, "edit", card)
        (plan,) = judged([one], lambda sent: self.plan(kind, sent, card))
        return hal({**self._apply(kind, number, plan), **_echo(one)})

    def _known(self, kind: CardKind, number: Any) -> Card:
        """The card a PATCH of an array names."""
        if not isinstance(number, int):
            raise Flaw("FieldMissing", "id", "This field is missing.")
        try:
            found = self._base.card(kind, number)
        except LookupError as error:
            raise not_supported("id") from error
        self._account.need_right(kind, "edit", found)
        return found

    def plan(self, kind: CardKind, sent: dict[str, Any], card: Card | None) -> Plan:
        """What is sent of a card, a new one where `card` is None. Raises Flaw."""
        values = read_sent(self._account, kind, sent.get("custom_fields_values"))
        attributes: dict[str, Any] = dict(values.attributes)
        for name, attribute in (("name", "title"), ("first_name", "first_name"), ("last_name", "last_name")):
            if name in sent and (kind != "contact") == (name == "name"):
                attributes[attribute] = str(sent[name] or "")
        if kind == "contact" and "name" in sent and not {"first_name", "last_name"} & set(sent):
            attributes["first_name"], _, attributes["last_name"] = str(sent["name"] or "").partition(" ")
        if "responsible_user_id" in sent:
            attributes["owner"] = self._user(sent["responsible_user_id"], "responsible_user_id")
        for name in ("created_by", "updated_by"):
            if sent.get(name) not in (None, 0):
                self._user(sent[name], name)
        if kind == "deal":
            attributes |= self._plan_lead(sent, card)
        attributes |= self._plan_embedded(kind, sent.get("_embedded") or {})
        when, who = ("created_at", "created_by") if card is None else ("updated_at", "updated_by")
        if when in sent:
            if not is_number(sent[when]):
                raise wrong_type(when, "int")
            attributes["at"] = moment_of(sent[when])
        attributes["by"] = sent.get(who, self._account.token_user)
        return Plan(values.fields, attributes, read_tags(self._account, kind, sent))

    def _plan_lead(self, sent: dict[str, Any], card: Card | None) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        if "closed_at" in sent and sent["closed_at"] is not None and not is_number(sent["closed_at"]):
            raise wrong_type("closed_at", "int")
        if "price" in sent:
            if not is_number(sent["price"] or 0):
                raise wrong_type("price", "int")
            attributes["amount"] = int(sent["price"] or 0)
        if sent.get("loss_reason_id") is not None:
            if sent["loss_reason_id"] not in self._base.loss_reasons:
                raise not_supported("loss_reason_id")
            attributes["loss_reason"] = sent["loss_reason_id"]
        if "status_id" in sent or "pipeline_id" in sent or card is None:
            attributes |= self._place(sent, card)
        return attributes

    def _place(self, sent: dict[str, Any], card: Card | None) -> dict[str, Any]:
        """Pipeline and stage; a status that is not shared finds its pipeline by itself."""
        pipelines, status = self._base.pipelines, sent.get("status_id")
        asked = sent.get("pipeline_id")
        if asked is None and status not in (None, WON, LOST):
            asked = next((one.id for one in pipelines.values() if self._account.stage_of(one, status)), None)
            if asked is None:
                raise not_supported("status_id")
        if asked is None:
            asked = (
                card.pipeline if isinstance(card, Deal) else next(one.id for one in pipelines.values() if one.is_main)
            )
        if asked not in pipelines:
            raise not_supported("pipeline_id")
        stages = [one for one in pipelines[asked].stages if not one.unsorted]
        stage = stages[0] if status is None else self._account.stage_of(pipelines[asked], status)
        if stage is None:
            raise not_supported("status_id")
        return {"pipeline": asked, "stage": stage.id}

    def _plan_embedded(self, kind: CardKind, embedded: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("contacts", "companies"):
            if name not in embedded:
                continue
            rows = embedded[name] or []
            for number, row in enumerate(rows):
                try:
                    self._base.card(KIND_OF[name], row.get("id"))
                except LookupError as error:
                    raise not_supported(f"_embedded.{name}.{number}.id") from error
            ids = [row["id"] for row in sorted(rows, key=lambda row: not row.get("is_main"))]
            if kind == "deal":
                found |= {"contacts": ids} if name == "contacts" else {"company": ids[0] if ids else None}
            elif kind == "contact" and name == "companies":
                found["company_ids"] = ids[:1]
        return found

    def _user(self, number: Any, path: str) -> int:
        if number not in self._base.users:
            raise not_supported(path)
        return int(number)

    def add(self, kind: CardKind, plan: Plan) -> Card:
        """A new card."""
        fields, attributes = plan.fields, dict(plan.attributes)
        attributes.setdefault("owner", self._account.token_user)
        with self._base.editing():
            made: Card
            if kind == "contact":
                made = self._base.add_contact(attributes.pop("first_name", ""), fields=fields, **attributes)
            elif kind == "company":
                made = self._base.add_company(attributes.pop("title", ""), fields=fields, **attributes)
            else:
                attributes.pop("loss_reason", None)
                title = attributes.pop("title", "") or "Новая сделка"
                made = self._base.add_deal(title, fields=fields, **attributes)
            if plan.retag:
                self._account.kept.tagged[kind, made.id] = plan.retag([])
            return made

    def _apply(self, kind: CardKind, number: int, plan: Plan) -> dict[str, Any]:
        with self._base.editing():
            card = self._base.update_card(kind, number, fields=plan.fields, **plan.attributes)
            if plan.retag:
                self._retag(kind, card, plan.retag, by=plan.attributes["by"])
        links = self._account.link(f"{PLURAL[kind]}/{number}")
        return {"id": number, "updated_at": unix(card.updated), "_links": links}

    def _retag(self, kind: CardKind, card: Card, retag: Retag, *, by: int) -> None:
        tagged = self._account.kept.tagged
        old = tagged.get((kind, card.id), [])
        new = retag(old)
        if new != old:
            tagged[kind, card.id] = new
            card.updated, card.updated_by = self._base.clock.now(), by
            before, after = {"tags": list(old)}, {"tags": list(new)}
            self._base.note("updated", kind, card.id, by=by, at=card.updated, before=before, after=after)


def _echo(sent: dict[str, Any]) -> dict[str, Any]:
    return {"request_id": str(sent["request_id"])} if "request_id" in sent else {}
