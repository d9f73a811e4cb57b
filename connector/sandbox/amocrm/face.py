"""The gate of the API: token, limits and faults around every call, and errors as amoCRM words them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.answers import blocked, canned, dressed, problem, too_fast
from connector.sandbox.amocrm.limits import Gate
from connector.sandbox.amocrm.problems import Problem, bad_request, too_long
from connector.sandbox.amocrm.query import Query
from connector.sandbox.cards import UnknownRecord
from connector.sandbox.faults import DROP, under_faults

VERBS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
View = Callable[..., Response]


class Face:
    """Where the parts of the API hang up their calls; one per portal."""

    def __init__(self, account: Account, blueprint: Blueprint) -> None:
        self.account = account
        self._blueprint = blueprint
        self._gate = Gate()
        blueprint.after_request(lambda response: dressed(account, response))
        blueprint.add_url_rule("/api/<path:rest>", "unknown", self._guard(self._unknown), methods=VERBS)

    def on(self, verb: str, path: str, view: View, *, admin: bool = False) -> None:
        """Answer `verb /api/v4/<path>`; `view` takes the parts of the path by name and may raise `Problem`.

        `admin`: others than administrators are refused with 403.
        """
        rule = f"/api/v4/{path}"
        self._blueprint.add_url_rule(
            rule, f"{verb} {rule}".replace(".", "_"), self._guard(view, admin=admin), methods=[verb]
        )

    def _guard(self, view: View, *, admin: bool = False) -> View:
        def answer(**parts: Any) -> Response:
            g.told_path = request.full_path.rstrip("?")  # no secrets are in this API's addresses
            g.commands = _carried()
            writes = request.method not in ("GET", "HEAD")
            faults = self.account.config.faults
            refusal = self._refuse()
            if refusal is not None:
                return refusal
            user = None if self.account.moved_away else self._admitted()
            if user is None:
                status = int(self.account.number("renamed_status")) if self.account.moved_away else 401
                return problem(Problem(status, "Unauthorized" if status == 401 else "Account not found"))
            if admin and not self.account.is_admin(user):
                return problem(Problem(403, "Access is denied"))
            with self.account.acting(user):
                return under_faults(faults, lambda: self._whole_or_half(view, parts), writes=writes)

        return answer

    def _refuse(self) -> Response | None:
        """An answer instead of the view's: over the limit, shut out, or without a valid token."""
        limits, faults = self.account.config.limits, self.account.config.faults
        verdict = self._gate.ask(
            rate=limits.rate,
            burst=limits.burst,
            strikes=int(self.account.number("block_after")),
            block_seconds=self.account.number("block_seconds"),
        )
        if verdict == "blocked":
            return blocked()
        if verdict == "too fast" or faults.take("throttle"):
            return too_fast(self.account)
        return canned(self.account, "rest", g.told_path.partition("?")[0].removeprefix("/api/v4/"))

    def _admitted(self) -> int | None:
        """The user whose rights the request has; None: it has none, the token's or the context's user is unknown."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        user = self.account.integration.tokens.user_of(given) if kind == "Bearer" else None
        context = request.headers.get("X-Context-User-ID")
        if user is None or context is None:
            return user
        known = self.account.base.users.get(int(context) if context.isdigit() else 0)
        return known.id if known and known.active and self.account.is_admin(user) else None

    def _whole_or_half(self, view: View, parts: dict[str, Any]) -> Response:
        """The answer, unless a fault cuts a written array: its first half is applied, the answer lost."""
        faults = self.account.config.faults
        if request.method in ("GET", "HEAD") or g.commands < 2:
            return self._answer(view, parts)
        for fault in ("batch_cut", "batch_half"):
            if faults.take(fault):
                g.kept_rows = g.commands // 2
                request.environ[DROP] = fault == "batch_cut"
                self._answer(view, parts)
                return problem(Problem(504, "Gateway Timeout"))
        return self._answer(view, parts)

    def _answer(self, view: View, parts: dict[str, Any]) -> Response:
        if request.method != "GET":
            faults = self.account.config.faults
            faults.wait(faults.command_ms * g.commands)
        try:
            with self.account.base.as_api():
                return view(**parts)
        except Problem as error:
            if error.wrong_places and self.account.says("array_partial") and "dropped_rows" not in g:
                g.dropped_rows = error.wrong_places
                self._answer(view, parts)
            return problem(error)
        except UnknownRecord:
            return problem(Problem(404, "Not found"))

    def _unknown(self, rest: str) -> Response:
        """A path without a view, or a known path with a wrong verb."""
        for verb in VERBS:
            try:
                endpoint, _ = current_app.url_map.bind("sandbox").match(f"/api/{rest}", method=verb)
            except (NotFound, MethodNotAllowed):
                continue
            if not endpoint.endswith(".unknown"):
                raise Problem(405, f"{request.method} is not allowed here")
        raise Problem(404, "Cannot find such a path")


def asked_query() -> Query:
    """The query of this request."""
    return Query.of(list(request.args.items(multi=True)))


def sent_json() -> Any:
    """The body of this request.

    Raises:
        Problem: 400, it is empty or no JSON.
    """
    raw = request.get_data()
    try:
        body = json.loads(raw) if raw else None
    except ValueError as error:
        raise bad_request("Request body is not valid JSON") from error
    if not body:
        raise bad_request("Request data can not be empty")
    return body


def sent_array(account: Account) -> list[dict[str, Any]]:
    """The body as an array of objects, as POST and PATCH of a collection want it.

    Raises:
        Problem: 400, it is none; 422, it is too long.
    """
    body = sent_json()
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        raise bad_request("An array of objects is expected")
    if len(body) > account.config.limits.batch:
        raise too_long(account.config.limits.batch)
    dropped: frozenset[int] = g.get("dropped_rows", frozenset())
    return [one for place, one in enumerate(body[: g.get("kept_rows", len(body))]) if place not in dropped]


def sent_object() -> dict[str, Any]:
    """The body as one object, as PATCH of a single entity wants it.

    Raises:
        Problem: 400, it is none.
    """
    body = sent_json()
    if not isinstance(body, dict):
        raise bad_request("An object is expected")
    return body


def _carried() -> int:
    """How many entities the body carries; the server's notes of requests tell it."""
    body = request.get_json(silent=True, force=True)
    return max(len(body), 1) if isinstance(body, list) else 1


def is_number(value: Any) -> bool:
    """A JSON number that is finite and no boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
