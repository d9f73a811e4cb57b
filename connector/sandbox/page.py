"""The page of one portal: what a manager sees in his CRM, and a few things he does there by hand. No scripts."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from connector.sandbox.base import Base
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.control import refuse_foreign
from connector.sandbox.dossier import read_value, write_value
from connector.sandbox.look import family, history_of, plans_of, tasks_of, touches_of
from connector.sandbox.orders import card_kind
from connector.sandbox.page_words import WORDS
from connector.sandbox.plan_view import draw
from connector.sandbox.plans import NotPressable
from connector.sandbox.portal import Portal
from connector.sandbox.records import CardKind, Contact, Deal
from connector.sandbox.tabs import tabs_of

COLUMN_SIZE = 30
"""Deals shown per stage; the count above the column is of all."""
HAND_CALL_SECONDS = 180
"""Length of a call recorded by hand: long enough to count as a touch."""
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
SCORES = {"kasanie_fill": "fill", "kasanie_score": "score", "kasanie_gaps": "gaps"}


def page(own: Portal, portals: dict[str, Portal]) -> Blueprint:
    """The routes of the page."""
    routes = Blueprint("page", __name__)
    base, zone = own.base, ZoneInfo(own.config.zone)

    def show(template: str, **values: Any) -> str:
        language = _language()
        return render_template(
            template,
            t=WORDS[language],
            lang=language,
            portal=own.config,
            portals=[one.config for one in portals.values()],
            now=_told(base.clock.now(), zone),
            here=request.full_path.rstrip("?"),
            told=lambda moment: _told(moment, zone),
            **values,
        )

    @routes.before_request
    def guard() -> tuple[Response, int] | None:
        return refuse_foreign(own.config, "application/x-www-form-urlencoded")

    @routes.after_request
    def harden(response: Response) -> Response:
        framed = g.get("framed", "")
        policy = POLICY.replace("form-action 'self'", f"form-action 'self' {framed}; frame-src {framed}")
        response.headers["Content-Security-Policy"] = policy if framed else POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.errorhandler(UnknownRecord)
    def unknown(error: UnknownRecord) -> tuple[str, int]:
        del error
        return show("unknown.html"), 404

    @routes.get("/")
    def board() -> str:
        with base.lock:
            pipelines = sorted(base.pipelines.values(), key=lambda one: one.sort)
            chosen = base.pipelines.get(request.args.get("pipeline", pipelines[0].id, type=int), pipelines[0])
            columns = _columns(base, chosen.id)
            return show("board.html", pipelines=pipelines, chosen=chosen, columns=columns, base=base)

    @routes.get("/cards/<kind>/<int:card_id>")
    def card(kind: str, card_id: int) -> str:
        with base.lock:
            view = _card_view(base, _kind(kind), card_id)
            drawn = [draw(plan, _language(), lambda moment: _told(moment, zone)) for plan in view.pop("plans")]
            viewer = view["card"].owner or own.config.credentials.rest_user or 1
            tabs = tabs_of(own, _kind(kind), card_id, viewer=viewer, language=_language())
            g.framed = " ".join(sorted({tab.origin for tab in tabs}))
            return show("card.html", base=base, plans=drawn, tabs=tabs, **view)

    @routes.get("/crm/<kind>/details/<int:card_id>/")
    def crm_address(kind: str, card_id: int) -> WerkzeugResponse:
        return redirect(url_for("page.card", kind=kind, card_id=card_id, lang=_language()))

    @routes.post("/plans/<int:plan_id>/press")
    def press(plan_id: int) -> WerkzeugResponse:
        try:
            base.press(plan_id, request.form.get("button", ""), by=base.plan(plan_id).assignee)
        except NotPressable:
            abort(409)
        return _back()

    @routes.post("/plans/<int:plan_id>/complete")
    def complete_plan(plan_id: int) -> WerkzeugResponse:
        base.update_plan(plan_id, by=base.plan(plan_id).assignee, completed=True)
        return _back()

    @routes.get("/clients")
    def clients() -> str:
        wanted = request.args.get("title", "")
        with base.lock:
            return show("clients.html", clients=_clients(base, wanted), wanted=wanted)

    @routes.post("/deals/<int:deal_id>/move")
    def move(deal_id: int) -> WerkzeugResponse:
        deal = base.deal(deal_id)
        base.move_deal(deal_id, deal.pipeline, request.form.get("stage", 0, type=int), by=deal.owner)
        return _back()

    @routes.post("/tasks/<int:task_id>/complete")
    def complete(task_id: int) -> WerkzeugResponse:
        base.complete_task(task_id, by=base.task(task_id).assignee, result=request.form.get("result", ""))
        return _back()

    @routes.post("/cards/<kind>/<int:card_id>/call")
    def call(kind: str, card_id: int) -> WerkzeugResponse:
        wanted = _kind(kind)
        owner = base.card(wanted, card_id).owner
        began = base.clock.now() - timedelta(seconds=HAND_CALL_SECONDS)
        whom: dict[str, Any] = {wanted: card_id}
        base.add_activity("call", at=began, seconds=HAND_CALL_SECONDS, by=owner, subject="Звонок", **whom)
        return _back()

    @routes.post("/cards/<kind>/<int:card_id>/field")
    def fill(kind: str, card_id: int) -> WerkzeugResponse:
        wanted = _kind(kind)
        spec = base.field_specs(wanted).get(request.form.get("code", ""))
        if spec is None or spec.api_only:
            abort(400)
        try:
            value = read_value(spec, request.form.get("value", "").strip())
        except ValueError:
            abort(400)
        base.update_card(wanted, card_id, by=base.card(wanted, card_id).owner, fields={spec.code: value})
        return _back()

    @routes.post("/clock")
    def next_day() -> WerkzeugResponse:
        base.clock.advance(timedelta(days=1))
        return _back()

    return routes


def _kind(text: str) -> CardKind:
    try:
        return card_kind(text)
    except ValueError:
        abort(404)


def _language() -> str:
    return "en" if request.args.get("lang") == "en" else "ru"


def _back() -> WerkzeugResponse:
    """To the page the form was on; its address is sent with the form and must be of this page."""
    to = request.form.get("back", "")
    own = to.startswith("/") and not to.startswith(("//", "/\\"))
    return redirect(to if own else url_for("page.board", lang=_language()), code=303)


def _told(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%d.%m.%Y %H:%M") if moment else ""


def _columns(base: Base, pipeline: int) -> list[dict[str, Any]]:
    by_stage: dict[int, list[Deal]] = defaultdict(list)
    for deal in base.deals.values():
        if deal.pipeline == pipeline and not deal.deleted:
            by_stage[deal.stage].append(deal)
    asked: dict[int, int] = defaultdict(int)
    for task in base.tasks.values():
        if task.open and not task.deleted:
            for kind, of in task.cards:
                if kind == "deal":
                    asked[of] += 1
    columns = []
    for stage in base.pipelines[pipeline].stages:
        deals = sorted(by_stage[stage.id], key=lambda one: one.moved, reverse=True)
        shown = [
            {
                "deal": deal,
                "client": _client_of(base, deal),
                "tasks": asked[deal.id],
                "days": (base.clock.now() - deal.moved).days,
                "owner": _name(base, deal.owner),
            }
            for deal in deals[:COLUMN_SIZE]
        ]
        if not stage.unsorted or deals:
            columns.append({"stage": stage, "deals": shown, "count": len(deals)})
    return columns


def _client_of(base: Base, deal: Deal) -> tuple[CardKind, int, str]:
    """Kind, id and title of the card a deal's client has: the company, else the first person, else the deal itself."""
    if deal.company:
        return "company", deal.company, base.companies[deal.company].title
    if deal.contacts:
        return "contact", deal.contacts[0], base.contacts[deal.contacts[0]].title
    return "deal", deal.id, deal.title


def _name(base: Base, user: int) -> str:
    return base.users[user].name if user in base.users else ""


def _clients(base: Base, wanted: str) -> list[tuple[CardKind, int, str, str]]:
    found: list[tuple[CardKind, int, str, str]] = [
        ("company", one.id, one.title, _name(base, one.owner)) for one in base.companies.values() if not one.deleted
    ]
    found += [
        ("contact", one.id, one.title, _name(base, one.owner))
        for one in base.contacts.values()
        if not one.company_ids and not one.deleted
    ]
    matching = [one for one in found if wanted.lower() in one[2].lower()]
    return sorted(matching, key=lambda one: one[2])[:500]


def _card_view(base: Base, kind: CardKind, card_id: int) -> dict[str, Any]:
    card: Any = base.card(kind, card_id)
    cards = family(base, kind, card_id)
    tasks = tasks_of(base, cards)
    scores: dict[str, str] = {}
    filled, empty = [], []
    for spec in base.field_specs(kind).values():
        text = write_value(spec, card.fields.get(spec.code))
        role = SCORES.get(spec.code.lower())
        if role:
            scores |= {role: text} if text else {}
        elif text:
            filled.append((spec, text))
        else:
            empty.append(spec)
    people = [base.contacts[one] for one in sorted(cards["contact"]) if one in base.contacts]
    return {
        "kind": kind,
        "card": card,
        "owner": _name(base, card.owner),
        "open_tasks": [(task, _name(base, task.assignee)) for task in tasks if task.open and not task.deleted],
        "closed_tasks": [(task, _name(base, task.assignee)) for task in tasks if not task.open or task.deleted],
        "plans": plans_of(base, cards),
        "touches": [(one, _name(base, one.by)) for one in touches_of(base, cards)[:40]],
        "scores": scores,
        "filled": filled,
        "empty": empty,
        "people": [one for one in people if isinstance(one, Contact)],
        "deals": [(base.deals[one], base.stage(base.deals[one])) for one in sorted(cards["deal"], reverse=True)],
        "history": [
            (
                row,
                base.deals[row.deal],
                next(one.title for one in base.pipelines[row.pipeline].stages if one.id == row.stage),
            )
            for row in history_of(base, cards)[:60]
        ],
        "comments": [one for one in base.comments.values() if one.card[1] in cards[one.card[0]]][::-1],
    }
