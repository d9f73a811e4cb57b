"""Errors as amoCRM words them: `application/problem+json`, with `validation-errors` where a body was wrong."""

from __future__ import annotations

from typing import Any

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "ErrInternalServer",
    504: "Gateway Timeout",
}


class Problem(Exception):  # noqa: N818 - the wire calls it a problem, and so do we
    """An answer other than success; `extra` joins the body."""

    def __init__(self, status: int, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra
        self.wrong_places: frozenset[int] = frozenset()
        """Of a written array: which of its entities were wrong."""

    def body(self) -> dict[str, Any]:
        """The problem+json object."""
        return {
            **self.extra,
            "title": TITLES.get(self.status, "Error"),
            "type": f"https://httpstatus.es/{self.status}",
            "status": self.status,
            "detail": self.detail,
        }


class Flaw(Exception):  # noqa: N818 - one entry of `validation-errors`
    """One wrong member of one entity in a written array."""

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.path = path
        self.detail = detail


def bad_request(detail: str) -> Problem:
    """400 without a list of members."""
    return Problem(400, detail)


def too_long(largest: int) -> Problem:
    """422: more than the limit was asked for or sent."""
    return Problem(422, f"Limit {largest} per page")


def invalid(flaws: list[tuple[str, Flaw]]) -> Problem:
    """400 with `validation-errors`; each flaw comes with the `request_id` of its entity (or its index)."""
    by_request: dict[str, list[dict[str, str]]] = {}
    for request_id, flaw in flaws:
        entry = {"code": flaw.code, "path": flaw.path, "detail": flaw.detail}
        by_request.setdefault(request_id, []).append(entry)
    errors = [{"request_id": request_id, "errors": entries} for request_id, entries in by_request.items()]
    return Problem(400, "Request validation failed", **{"validation-errors": errors})


def missing(path: str) -> Flaw:
    """A required member was not sent."""
    return Flaw("FieldMissing", path, "This field is missing.")


def not_supported(path: str) -> Flaw:
    """A choice (a field, a status, a user, an enum) that the account does not know."""
    return Flaw("NotSupportedChoice", path, "The value you selected is not a valid choice.")


def wrong_type(path: str, kind: str) -> Flaw:
    """A value of another type than expected."""
    return Flaw("InvalidType", path, f"This value should be of type {kind}.")
