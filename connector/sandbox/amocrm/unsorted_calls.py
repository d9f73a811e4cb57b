"""The calls about incoming leads, and `leads/complex` (facts/amocrm.md 4.1, 4.8)."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from connector.sandbox.amocrm.account import PLURAL, Account, unix
from connector.sandbox.amocrm.answers import Body, hal, json_list, page_of
from connector.sandbox.amocrm.card_writes import CardWriter, Plan, judged
from connector.sandbox.amocrm.face import Face, asked_query, sent_array, sent_object
from connector.sandbox.amocrm.kept import Category, Unsorted
from connector.sandbox.amocrm.problems import Flaw, Problem, not_supported, too_long
from connector.sandbox.amocrm.unsorted import BROUGHT, category_of, settle, take_in
from connector.sandbox.records import CardKind

MOST_COMPLEX = 50
MOST_FIELDS = 40
CATEGORIES: tuple[Category, ...] = ("forms", "sip")


def add_unsorted(face: Face) -> None:
    """Hang up the calls about incoming leads."""
    keeper = _Keeper(face.account)
    face.on("GET", "leads/unsorted", keeper.several)
    face.on("GET", "leads/unsorted/summary", keeper.summary)
    face.on("GET", "leads/unsorted/<string:uid>", keeper.one)
    for category in CATEGORIES:
        face.on("POST", f"leads/unsorted/{category}", lambda category=category: keeper.create(category))
    face.on("POST", "leads/unsorted/<string:uid>/accept", lambda uid: keeper.settle(uid, accept=True))
    face.on("DELETE", "leads/unsorted/<string:uid>/decline", lambda uid: keeper.settle(uid, accept=False))
    face.on("POST", "leads/unsorted/<string:uid>/link", keeper.link)
    face.on("POST", "leads/complex", keeper.complex)


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account

    def several(self) -> Response:
        """A page of what waits; these filters are free."""
        query = asked_query()
        uids, kinds = query.many("filter", "uid"), query.many("filter", "category")
        pipelines = query.ids("filter", "pipeline_id")
        with self._account.base.lock:
            rows = [
                one
                for one in self._account.waiting()
                if (uids is None or one.uid in uids)
                and (kinds is None or one.category in kinds)
                and (pipelines is None or one.pipeline in pipelines)
            ]
        _, descending = query.order(("created_at", "updated_at")) or ("created_at", True)
        rows.sort(key=lambda one: (one.created, one.number), reverse=descending)
        return page_of(self._account, query, "unsorted", rows, self._shown)

    def one(self, uid: str) -> Response:
        """One that waits."""
        found = next((one for one in self._account.waiting() if one.uid == uid), None)
        if found is None:
            raise Problem(404, "Unsorted is not found")
        return hal(self._shown(found))

    def summary(self) -> Response:
        """How many there were."""
        every = list(self._account.kept.unsorted.values())
        kinds = ("sip", "mail", "forms", "chats")
        return hal(
            {
                "total": len(every),
                "accepted": sum(one.state == "accepted" for one in every),
                "declined": sum(one.state == "declined" for one in every),
                "average_sort_time": 0,
                "categories": {kind: {"total": sum(one.category == kind for one in every)} for kind in kinds},
            }
        )

    def create(self, category: Category) -> Response:
        """New ones, as a form or a telephone service makes them."""
        sent, rows = sent_array(self._account), []
        for place, one in enumerate(sent):
            (made,) = judged([one], lambda told: take_in(self._account, category, told))
            rows.append(
                {
                    "uid": made.uid,
                    "account_id": self._account.id,
                    "request_id": str(one.get("request_id", place)),
                    "_links": self._account.link(f"leads/unsorted/{made.uid}"),
                    "_embedded": self._embedded(made),
                }
            )
        return hal({"_total_items": len(rows), "_embedded": {"unsorted": rows}})

    def settle(self, uid: str, *, accept: bool) -> Response:
        """Accept or decline one; the body may be empty."""
        sent: Any = request.get_json(silent=True, force=True) or {}
        one = settle(self._account, uid, accept=accept, user=sent.get("user_id"), status=sent.get("status_id"))
        told = {"uid": uid, "pipeline_id": one.pipeline, "category": one.category, "created_at": unix(one.created)}
        return hal({**told, "_embedded": self._embedded(one)})

    def link(self, uid: str) -> Response:
        """Give what waits to a lead that is there: it is settled, and its own lead goes."""
        to = (sent_object().get("link") or {}).get("entity_id")
        lead = self._account.base.deal(to if isinstance(to, int) else 0)
        one = self._account.kept.unsorted.get(uid)
        people = [*lead.contacts, *(one.contacts if one else [])]
        settle(self._account, uid, accept=False, user=None, status=None)
        self._account.base.update_card("deal", lead.id, by=self._account.token_user, contacts=people)
        return hal({"uid": uid, "_embedded": {"leads": [self._ref("leads", lead.id)]}})

    def complex(self) -> Response:
        """Leads with one contact and one company each, given by id or whole; the answer is a bare array."""
        sent = sent_array(self._account)
        if len(sent) > MOST_COMPLEX:
            raise too_long(MOST_COMPLEX)
        plans = judged(sent, self._plan_complex)
        return json_list(
            [
                self._add_complex(one, plan, str(one.get("request_id", place)))
                for place, (one, plan) in enumerate(zip(sent, plans, strict=True))
            ]
        )

    def _plan_complex(self, sent: dict[str, Any]) -> dict[CardKind, Plan | int]:
        """By kind: the plan of a new card, or the id of a known one."""
        embedded, writer = sent.get("_embedded") or {}, CardWriter(self._account)
        if metadata := embedded.get("metadata"):
            category_of(metadata.get("category"))
        plans: dict[CardKind, Plan | int] = {}
        for name, kind in BROUGHT.items():
            rows = embedded.get(name) or []
            if len(rows) > 1:
                raise Flaw("TooMany", f"_embedded.{name}", "This collection should contain 1 element or less.")
            for row in rows:
                plans[kind] = self._known(kind, row["id"]) if "id" in row else writer.plan(kind, row, None)
        own = {key: value for key, value in embedded.items() if key == "tags"}
        plans["deal"] = writer.plan("deal", {**sent, "_embedded": own}, None)
        for plan in plans.values():
            if isinstance(plan, Plan) and len(plan.fields) > MOST_FIELDS:
                raise Flaw("TooMany", "custom_fields_values", "This collection should contain 40 elements or less.")
        return plans

    def _known(self, kind: CardKind, number: Any) -> int:
        try:
            return self._account.base.card(kind, number).id
        except LookupError as error:
            raise not_supported(f"_embedded.{PLURAL[kind]}.0.id") from error

    def _add_complex(self, sent: dict[str, Any], plans: dict[CardKind, Plan | int], request_id: str) -> Body:
        metadata = (sent.get("_embedded") or {}).get("metadata")
        if metadata:
            embedded = {**sent["_embedded"], "leads": [{key: sent[key] for key in sent if key != "_embedded"}]}
            given = {"pipeline_id": sent.get("pipeline_id"), "metadata": metadata, "_embedded": embedded}
            one = take_in(self._account, category_of(metadata.get("category")), given)
            people, firms = next(iter(one.contacts), None), next(iter(one.companies), None)
            told = {"id": one.lead, "contact_id": people, "company_id": firms, "request_id": [request_id]}
            return {**told, "merged": False}
        writer, ids = CardWriter(self._account), dict[CardKind, int]()
        with self._account.base.editing():
            kinds: tuple[CardKind, ...] = ("company", "contact", "deal")
            for kind in kinds:
                plan = plans.get(kind)
                if isinstance(plan, int):
                    ids[kind] = plan
                elif plan is not None:
                    if kind == "contact" and isinstance(plans.get("company"), Plan):
                        plan.attributes["company_ids"] = [ids["company"]]
                    if kind == "deal":
                        linked = [ids["contact"]] if "contact" in ids else []
                        plan.attributes.update(contacts=linked, company=ids.get("company"))
                    ids[kind] = writer.add(kind, plan).id
        told = {"id": ids["deal"], "contact_id": ids.get("contact"), "company_id": ids.get("company")}
        return {**told, "request_id": [request_id], "merged": False}

    def _shown(self, one: Unsorted) -> Body:
        return {
            "uid": one.uid,
            "source_uid": one.source_uid,
            "source_name": one.source_name,
            "category": one.category,
            "pipeline_id": one.pipeline,
            "created_at": unix(one.created),
            "metadata": one.metadata,
            "account_id": self._account.id,
            "_links": self._account.link(f"leads/unsorted/{one.uid}"),
            "_embedded": self._embedded(one),
        }

    def _embedded(self, one: Unsorted) -> Body:
        return {
            "contacts": [self._ref("contacts", number) for number in one.contacts],
            "leads": [self._ref("leads", one.lead)],
            "companies": [self._ref("companies", number) for number in one.companies],
        }

    def _ref(self, plural: str, number: int) -> Body:
        return {"id": number, "_links": self._account.link(f"{plural}/{number}")}
