"""Every refusal of the contract: what kind of failure it is, what happens next, and what the administrator reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.amocrm.refusals import BY_CODE, BY_PATH, BY_STATUS, PAGES
from connector.crm.port import App, Connection, Effect, Tokens
from connector.errors import CrmError
from connector.texts import say
from crm.canned import Canned, CannedServer, FreePacer, canned_server

Next = Literal["fine", "stop", "refuse", "gone", "wait", "doubt"]
"""stop: the whole account until a person acts · refuse: this write is dead · gone: so is it, its object was deleted ·
wait: the same again, later · doubt: quarantine, then look for what it may have made.
"""
CLASSES: dict[Next, tuple[str, str]] = {
    "stop": ("Blocked", "Blocked"),
    "refuse": ("Refused", "Refused"),
    "gone": ("Gone", "Gone"),
    "wait": ("Throttled", "Throttled"),
    "doubt": ("Ambiguous", "Unavailable"),
}
"""The class of the error when writing and when reading."""
STATUSES = {"stop": "later", "wait": "later", "doubt": "unknown", "refuse": "refused", "gone": "refused"}
PERSON = "Иванов И. И."
"""Stands in every detail: what people typed stays in the CRM."""
PAGE = b"<html><body><h1>Forbidden</h1></body></html>"


def problem(status: int, **members: Any) -> dict[str, Any]:
    link = f"https://httpstatus.es/{status}"
    return {"title": "x", "type": link, "status": status, "detail": f"{PERSON} {{}}", **members}


def flawed(path: str, code: str = "NotSupportedChoice") -> dict[str, Any]:
    error = {"code": code, "path": path, "detail": PERSON}
    return problem(400, **{"validation-errors": [{"request_id": "0", "errors": [error]}]})


class Row(NamedTuple):
    """One answer as the papers have it."""

    status: int
    body: Any
    """JSON, or bytes as they are."""
    then: Next
    reads: str
    """The beginning of what the administrator reads, in English, with a long-lived token."""
    reads_app: str = ""
    """The same by OAuth, where it differs."""
    code: str = ""
    """Where it is not the status."""
    wait: float | None = None
    """Seconds, where they are more than the usual."""
    headers: dict[str, str] = {}  # noqa: RUF012  # a NamedTuple has no default_factory, and nobody changes it


TOKEN, CONNECT = "The long-lived token has expired", "The access to the account has ended"
WAIT, OURS, RIGHTS = "Nothing to do", "amoCRM took the call for wrong", "The user in whose name we work lacks"
OBJECT, FIELD = "The lead, contact, company or task was deleted", "amoCRM did not accept the value of a field"
ADDRESS, PAYMENT = "There is no account at this address", "The account's subscription has ended"
BANNED, CUSTOMERS = "amoCRM has shut us out", "Customers are switched off"
HOURS = 4 * 3600.0

TABLE = [
    # facts/amocrm.md 2.1
    Row(400, problem(400), "refuse", OURS),
    Row(400, flawed("custom_fields_values.0.field_id"), "refuse", FIELD),
    Row(400, flawed("custom_fields_values.0.values.0.value", "InvalidType"), "refuse", FIELD),
    Row(400, flawed("responsible_user_id"), "refuse", "The responsible user is not in the account"),
    Row(400, flawed("entity_id"), "refuse", OBJECT),
    Row(400, flawed("entity_type"), "refuse", OBJECT),
    Row(400, flawed("id"), "refuse", OBJECT),
    Row(400, flawed("task_type_id"), "refuse", "The account has no such task type"),
    Row(400, flawed("text", "FieldMissing"), "refuse", OURS),
    Row(400, problem(400, **{"validation-errors": ["?", {"errors": ["?"]}, {"errors": None}]}), "refuse", OURS),
    Row(401, problem(401), "stop", TOKEN, CONNECT),
    Row(401, problem(401, code=110), "stop", TOKEN, CONNECT, code="110"),
    Row(401, problem(401, code="111"), "stop", TOKEN, CONNECT, code="111"),
    Row(401, problem(401, error_code=112), "stop", "The user in whose name we work is switched off", code="112"),
    Row(401, {"response": {"error": "x", "error_code": "101"}}, "stop", ADDRESS, code="101"),
    Row(401, PAGE, "stop", TOKEN, CONNECT),
    Row(402, problem(402), "stop", PAYMENT),
    Row(402, PAGE, "stop", PAYMENT),
    Row(403, problem(403), "refuse", RIGHTS),
    Row(403, problem(403, code=113), "stop", "The account has a white list of IP addresses", code="113"),
    Row(403, PAGE, "stop", BANNED, wait=HOURS),
    Row(403, b"403 Forbidden", "stop", BANNED, wait=HOURS),
    Row(403, b"", "stop", BANNED, wait=HOURS),
    Row(404, problem(404), "gone", OBJECT),
    Row(404, PAGE, "stop", ADDRESS),
    Row(405, problem(405), "refuse", OURS),
    Row(414, PAGE, "refuse", OURS),
    Row(422, problem(422, detail="Limit 250 per page"), "refuse", OURS),
    Row(429, problem(429, retry_after=300), "wait", WAIT, wait=300),
    Row(429, problem(429, retry_after="soon"), "wait", WAIT, wait=2),
    Row(429, problem(429, retry_after=10**9), "wait", WAIT, wait=3600),
    Row(429, problem(429), "wait", WAIT, wait=7, headers={"Retry-After": "7"}),
    Row(429, b"Too Many Requests", "wait", WAIT, wait=2),
    Row(500, problem(500, title="ErrInternalServer", trace_id="t"), "doubt", WAIT),
    Row(502, b"<html>Bad Gateway</html>", "doubt", WAIT),
    Row(503, b"", "doubt", WAIT),
    Row(504, problem(504), "doubt", WAIT),
    # success that is none, and the door's answers
    Row(200, b"", "doubt", WAIT),
    Row(200, b"<html>", "doubt", WAIT),
    Row(301, b"", "stop", "The portal answers from another address"),
    Row(302, PAGE, "stop", "The portal answers from another address"),
    # the older codes of the vendor's page, wherever they come
    *(Row(403, problem(403, code=code), "refuse", RIGHTS, code=code) for code in ("202", "244", "288")),
    *(Row(400, problem(400, code=code), "refuse", FIELD, code=code) for code in ("203", "204")),
    *(
        Row(400, problem(400, code=code), "gone", OBJECT, code=code)
        for code in ("225", "231", "233", "234", "236", "237", "282")
    ),
    *(Row(400, problem(400, code=code), "refuse", CUSTOMERS, code=code) for code in ("425", "426")),
]


class FixedTokens:
    """A pair that is always new again."""

    def current(self) -> Tokens:
        return Tokens(access=SecretStr("t"), refresh=SecretStr("r"), generation=1, expires_real=4e9)

    def renew(self, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        return Tokens(
            access=SecretStr("t2"), refresh=SecretStr("r2"), generation=stale.generation + 1, expires_real=4e9
        )


@pytest.fixture(scope="module")
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


@pytest.fixture(params=[False, True], ids=["token", "app"])
def crm(request: pytest.FixtureRequest, server: CannedServer) -> Iterator[AmoCrm]:
    app = None
    if request.param:
        app = App(client_id="i", client_secret=SecretStr("s"), oauth_url=server.url, keeper=FixedTokens())
    token = None if app else SecretStr("t")
    connection = Connection(portal="romashka", url=SecretStr(server.url), token=token, app=app, read_timeout=3)
    opened = AmoCrm(connection, FreePacer())
    yield opened
    opened.close()


MOVE = Effect(
    verb="move_task", key="k", marker="kasanie:0123456789ab", task="55", due=datetime(2026, 10, 1, 15, tzinfo=UTC)
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.status}-{row.code}-{row.then}-{str(row.body)[-50:]}")
def test_an_answer_means_what_the_papers_say(server: CannedServer, crm: AmoCrm, row: Row) -> None:
    """Asked over HTTP, writing and reading."""
    server.answer = lambda _: Canned(row.body, status=row.status, headers=row.headers)
    (outcome,) = crm.send([MOVE])
    assert outcome.status == STATUSES[row.then]
    assert outcome.closed == (row.then == "stop")
    assert outcome.code == (row.code or str(row.status))
    assert outcome.wait == (row.wait if row.wait is not None else 900 if row.then == "stop" else 0)
    by_oauth = crm._connection.app is not None
    assert say(outcome.advice, "en").startswith((by_oauth and row.reads_app) or row.reads)
    assert say(outcome.advice, "ru")
    for writing, name in zip((True, False), CLASSES[row.then], strict=True):
        error = failure(crm, writing=writing)
        assert name in [each.__name__ for each in type(error).__mro__]
        assert (error.code, error.advice) == (outcome.code, outcome.advice)
        assert PERSON not in str(error)
    assert PERSON not in outcome.text


def failure(crm: AmoCrm, *, writing: bool) -> CrmError:
    """What one call ended with; a read is not repeated here."""
    try:
        if writing:
            crm._api.write("PATCH", "tasks", [], name="PATCH tasks")
        else:
            crm._api._read("tasks", (), "tasks")
    except CrmError as raised:
        return raised
    raise AssertionError("it succeeded")


def test_no_row_of_our_tables_is_left_untold() -> None:
    told = {(row.status, isinstance(row.body, dict)) for row in TABLE}
    assert {(status, True) for status in BY_STATUS} | {(status, False) for status in PAGES} <= told
    assert set(BY_CODE) == {row.code for row in TABLE if row.code}
    paths = {str(row.body) for row in TABLE}
    assert all(any(f"'path': '{path}" in body for body in paths) for path in BY_PATH)


@pytest.mark.parametrize("status", [202, 204])
def test_a_success_without_a_body_is_one(server: CannedServer, crm: AmoCrm, status: int) -> None:
    """What was asked to be changed is not named in it: that stays a doubt."""
    server.answer = lambda _: Canned(b"", status=status)
    assert crm._api.write("POST", "webhooks", {}, name="POST webhooks") is None
    (outcome,) = crm.send([MOVE])
    assert outcome.status == "unknown"


def test_an_account_that_does_not_pay_for_customers_works_all_the_same(server: CannedServer, crm: AmoCrm) -> None:
    server.answer = lambda _: Canned(problem(402), status=402)
    with pytest.raises(CrmError) as caught:
        crm._api.get("customers", name="customers")
    assert (type(caught.value).__name__, caught.value.advice) == ("Refused", "amo-customers")
