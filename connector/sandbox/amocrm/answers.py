"""amoCRM's answers: HAL lists and pages, 204 for nothing, problem+json, and the plain page of a block."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Response, request

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.problems import Problem
from connector.sandbox.amocrm.query import Query

NO_CONTENT = 204
CHUNK = 700
"""Bytes of a chunk: several for most answers."""
T = TypeVar("T")
Body = dict[str, Any]


def hal(body: Body, status: int = 200) -> Response:
    """A body as `application/hal+json`, with the id that amoCRM gives every request."""
    return _json(body, status, "application/hal+json")


def dressed(account: Account, response: Response) -> Response:
    """The answer as it goes over the wire: compressed, in chunks, or plain."""
    if response.status_code == NO_CONTENT or not response.data:
        return response
    if account.says("gzip_bodies") and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.data = gzip.compress(response.data)
        response.headers["Content-Encoding"] = "gzip"
    if account.says("chunked_bodies"):
        whole = response.data
        response.response = (whole[place : place + CHUNK] for place in range(0, len(whole), CHUNK))
        response.headers.pop("Content-Length", None)
    return response


def json_list(rows: Sequence[Body]) -> Response:
    """A bare array, as `leads/complex` answers."""
    return _json(list(rows), 200, "application/hal+json")


def nothing() -> Response:
    """204 without a body: nothing found, on lists as on single cards."""
    empty = Response(status=204, headers={"X-Request-Id": str(uuid.uuid4())})
    del empty.headers["Content-Type"]
    return empty


def problem(error: Problem) -> Response:
    """The problem+json of an error."""
    return _json(error.body(), error.status, "application/problem+json")


def blocked() -> Response:
    """What an account that was shut out gets to every call: a page, not JSON."""
    return Response(
        "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>",
        403,
        mimetype="text/html",
    )


def too_fast(account: Account) -> Response:
    """A 429 in either of its two forms."""
    if account.says("throttle_as_text"):
        return Response("Too Many Requests", 429, mimetype="text/plain")
    wait = int(account.number("retry_after"))
    answer = problem(Problem(429, "Too many requests, slow down", retry_after=wait))
    if account.says("retry_after_header"):
        answer.headers["Retry-After"] = str(wait)
    return answer


def canned(account: Account, where: str, path: str = "") -> Response | None:
    """The error that the switches want here (`path` below /api/v4/); None: answer as usual."""
    error = account.config.faults.take_error(where, path=path, verb=request.method)
    if error is None:
        return None
    status, text = int(error.get("status", 500)), str(error.get("text", ""))
    kind = error.get("body", "html" if error.get("html") else "problem")
    if kind == "problem":
        return problem(Problem(status, text, **error.get("more", {})))
    if kind == "html":
        return Response(f"<html><head><title>{status}</title></head><body>{text}</body></html>", status)
    return Response("" if kind == "empty" else text or str(status), status, mimetype="text/plain")


def page_of(
    account: Account,
    query: Query,
    name: str,
    rows: Sequence[T],
    show: Callable[[T], Body],
    *,
    largest: int | None = None,
    counted: bool = False,
) -> Response:
    """One page of a list; past its end 204. `counted` lists tell totals (users, fields), the others do not."""
    usual_largest = account.config.limits.page
    number, limit = query.page(largest=min(largest or usual_largest, usual_largest))
    begin = (number - 1) * limit
    shown = rows[begin : begin + limit]
    if not shown:
        return nothing()
    last = -(-len(rows) // limit)
    links = {"self": number}
    if number < last:
        links["next"] = number + 1
    if number > 1:
        links |= {"first": 1, "prev": number - 1}
    body: Body = {
        "_page": number,
        "_links": {rel: {"href": _address(account, page, limit)} for rel, page in links.items()},
        "_embedded": {name: [show(row) for row in shown]},
    }
    if counted:
        body = {"_total_items": len(rows), "_page_count": last, **body}
        body["_links"]["last"] = {"href": _address(account, last, limit)}
    return hal(body)


def whole_list(account: Account, path: str, name: str, rows: Sequence[Body]) -> Response:
    """A list that has no pages; it tells its total."""
    return hal({"_total_items": len(rows), "_links": account.link(path), "_embedded": {name: list(rows)}})


def written(account: Account, path: str, name: str, rows: Sequence[Body], status: int = 200) -> Response:
    """The short answer to a write of an array."""
    return hal({"_links": account.link(path), "_embedded": {name: list(rows)}}, status)


def _address(account: Account, page: int, limit: int) -> str:
    """This request's address with another page; brackets percent-encoded, as amoCRM prints it."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key not in ("page", "limit")]
    pairs += [("page", str(page)), ("limit", str(limit))]
    asked = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
    return f"{account.root}{request.path}?{asked}"


def _json(body: Body | list[Body], status: int, kind: str) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = Response(text, status, headers={"X-Request-Id": str(uuid.uuid4())})
    response.headers["Content-Type"] = kind
    return response
