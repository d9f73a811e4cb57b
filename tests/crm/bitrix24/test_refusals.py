"""Every error code of the contract: what kind of failure it is, what happens next, and what the administrator reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import SecretStr

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.api import Command
from connector.crm.bitrix24.refusals import MEANINGS, OAUTH_MEANINGS
from connector.crm.port import App, Connection, Effect, Tokens
from connector.errors import CrmError
from connector.texts import say
from crm.canned import Canned, CannedServer, FreePacer, canned_server

Next = Literal["stop", "refuse", "gone", "wait", "doubt"]
"""stop: the whole portal until a person acts · refuse: this write is dead · gone: so is it, its object was deleted ·
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


class Row(NamedTuple):
    """One code as the papers have it."""

    code: Any
    status: int
    whole: Next
    """When the request as a whole is answered so."""
    one: Next
    """When one command of a batch is."""
    reads: str
    """The beginning of what the administrator reads, in English, for a webhook."""
    reads_app: str = ""
    """The same for an application, where it differs."""
    text: str = "text"


WEBHOOK, INSTALL = "The portal does not know the incoming webhook", "The application's access to the portal has ended"
WAIT, OURS = "Nothing to do", "Bitrix24 took the call for wrong"
FIELDS, OBJECT = "Bitrix24 did not accept the record", "The object was deleted"
TARIFF = "REST is closed: it needs a paid plan"

TABLE = [
    # facts/bitrix24.md 2.5
    Row("QUERY_LIMIT_EXCEEDED", 503, "wait", "wait", WAIT),
    Row("OVERLOAD_LIMIT", 503, "stop", "stop", "Bitrix24 has closed this portal's REST by hand"),
    Row("OPERATION_TIME_LIMIT", 429, "wait", "wait", WAIT),
    # 2.6
    Row("expired_token", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("EXPIRED_TOKEN", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("invalid_token", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("NO_AUTH_FOUND", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("no_auth_found", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("INVALID_CREDENTIALS", 403, "stop", "refuse", "The user in whose name we work lacks rights"),
    Row("INVALID_CREDENTIALS", 401, "stop", "refuse", "The user in whose name we work lacks rights"),
    Row("insufficient_scope", 403, "stop", "refuse", "The webhook lacks permissions", "The application lacks perm"),
    Row("ACCESS_DENIED", 403, "stop", "refuse", TARIFF),
    Row("ACCESS_DENIED", 400, "stop", "refuse", TARIFF),
    Row("user_access_error", 403, "stop", "stop", "The application is installed, but the user"),
    Row("allowed_only_intranet_user", 403, "stop", "stop", "We work in the name of an extranet user"),
    Row("WRONG_AUTH_TYPE", 403, "stop", "refuse", "Only an application may call this method"),
    Row("ERROR_METHOD_NOT_FOUND", 404, "stop", "refuse", "There is no such method", "The portal lacks this method"),
    Row("ERROR_MANIFEST_IS_NOT_AVAILABLE", 404, "stop", "refuse", "The portal lacks this method"),
    Row("ERROR_BATCH_METHOD_NOT_ALLOWED", 405, "refuse", "refuse", OURS),
    Row("ERROR_BATCH_LENGTH_EXCEEDED", 400, "refuse", "refuse", OURS),
    Row("INVALID_REQUEST", 400, "stop", "stop", "The portal takes calls by https only"),
    Row("PAYMENT_REQUIRED", 401, "stop", "stop", "The subscription of the portal"),
    Row("APPLICATION_NOT_FOUND", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("APPLICATION_NOT_FOUND", 200, "stop", "stop", WEBHOOK, INSTALL),
    Row("ERROR_OAUTH", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("NOT_INSTALLED", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("authorization_error", 401, "stop", "stop", WEBHOOK, INSTALL),
    Row("METHOD_CONFIRM_WAITING", 401, "stop", "wait", "Bitrix24 waits for the portal's administrator"),
    Row("METHOD_CONFIRM_DENIED", 403, "stop", "refuse", "Bitrix24 waits for the portal's administrator"),
    Row("PORTAL_DELETED", 500, "stop", "stop", "The portal was deleted, or its public part is closed"),
    Row("PORTAL_DELETED", 410, "stop", "stop", "The portal was deleted, or its public part is closed"),
    Row("INTERNAL_SERVER_ERROR", 500, "doubt", "doubt", WAIT),
    Row("ERROR_UNEXPECTED_ANSWER", 500, "doubt", "doubt", WAIT),
    Row("ERROR_UNEXPECTED_ANSWER", 200, "doubt", "doubt", WAIT),
    # 2.2: codes that say nothing, and sentences
    Row("", 400, "refuse", "refuse", OURS),
    Row("", 400, "refuse", "gone", OBJECT, text="Not found"),
    Row(0, 400, "refuse", "refuse", OBJECT, text="wrong task id"),
    Row("0", 400, "refuse", "refuse", OBJECT),
    Row("100", 400, "refuse", "refuse", OURS),
    Row(100, 400, "refuse", "refuse", OURS),
    Row("Something went wrong with it", 400, "refuse", "refuse", OURS),
    # 2.7
    Row({"code": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION", "message": "no"}, 403, "stop", "refuse", TARIFF),
    Row({"code": "BITRIX_REST_V3_EXCEPTION_ENTITYNOTFOUNDEXCEPTION", "message": "?"}, 400, "refuse", "gone", OBJECT),
    Row(
        {"code": "BITRIX_REST_V3_EXCEPTION_INSUFFICIENTSCOPEEXCEPTION", "message": "?"},
        403,
        "stop",
        "refuse",
        "The webhook lacks permissions",
        "The application lacks permissions",
    ),
    Row(
        {"code": "BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION", "message": "?"},
        400,
        "refuse",
        "refuse",
        OURS,
    ),
    # 4, 5, 6: objects and fields
    Row("NOT_FOUND", 400, "refuse", "gone", OBJECT),
    Row("OWNER_NOT_FOUND", 400, "refuse", "gone", OBJECT),
    Row("INVALID_ARG_VALUE", 400, "refuse", "refuse", OURS),
    Row("CRM_FIELD_ERROR_VALUE_NOT_VALID", 400, "refuse", "refuse", FIELDS),
    Row("CREATE_DYNAMIC_ITEM_RESTRICTED", 400, "refuse", "refuse", TARIFF),
    Row("UPDATE_DYNAMIC_ITEM_RESTRICTED", 400, "refuse", "refuse", TARIFF),
    Row("ENTITY_TYPE_NOT_SUPPORTED", 400, "refuse", "refuse", OURS),
    Row("ERROR_CORE", 400, "refuse", "refuse", FIELDS, text="Не заполнено обязательное поле<br>"),
    Row("ERROR_CORE", 400, "refuse", "gone", OBJECT, text="Task is not found"),
    Row("1048582", 400, "refuse", "refuse", FIELDS),
    Row("WRONG_DATETIME_FORMAT", 400, "refuse", "refuse", OURS),
    Row("CAN_NOT_UPDATE_COMPLETED_TODO", 400, "refuse", "refuse", OBJECT),
    Row("ERROR_PARENT_ACTIVITY_RESTRICT", 400, "refuse", "refuse", FIELDS),
    Row("ERROR_WRONG_CONTEXT", 400, "stop", "refuse", "Only an application may call this method"),
    Row("ERROR_WRONG_APPLICATION", 400, "refuse", "refuse", "Another application made this record"),
    Row("WRONG_FIELD_VALUE", 400, "refuse", "refuse", OURS),
    Row("INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", 400, "refuse", "refuse", OURS),
    Row("ERROR_EMPTY_LAYOUT", 400, "refuse", "refuse", OURS),
    Row("FIELD_IS_REQUIRED", 400, "refuse", "refuse", OURS),
    Row("FIELD_IS_REDUNDANT", 400, "refuse", "refuse", OURS),
    Row("ENUM_FIELD", 400, "refuse", "refuse", OURS),
    Row("TOO_MANY_ITEMS", 400, "refuse", "refuse", OURS),
    Row("KEY_CONTAIN_WRONG_SYMBOLS", 400, "refuse", "refuse", OURS),
    Row("WRONG_LANG", 400, "refuse", "refuse", OURS),
    Row("USER_ID_EMPTY", 400, "refuse", "refuse", "There is nobody to send the message to"),
    Row("MESSAGE_EMPTY", 400, "refuse", "refuse", OURS),
    Row("ATTACH_OVERSIZE", 400, "refuse", "refuse", OURS),
    Row("ATTACH_ERROR", 400, "refuse", "refuse", OURS),
    # 1.6, 1.7, 7.1, 7.4: subscriptions and places
    Row("ERROR_EVENT_NOT_FOUND", 400, "refuse", "refuse", "This portal does not know such an event"),
    Row("CODE_EMPTY", 400, "refuse", "refuse", OURS),
    Row("ERROR_PLACEMENT_NOT_FOUND", 400, "refuse", "refuse", "This portal does not know such an event or place"),
    Row("ERROR_ARGUMENT", 400, "refuse", "refuse", OURS),
    Row("ERROR_PLACEMENT_MAX_COUNT", 400, "refuse", "refuse", "Bitrix24 takes no further element here"),
    Row("ERROR_PLACEMENT_USER_MODE", 200, "refuse", "refuse", "Bitrix24 takes no further element here"),
    Row("ERROR_WRONG_HANDLER_URL", 400, "refuse", "refuse", "Bitrix24 did not accept our outside address"),
    Row("ERROR_UNSUPPORTED_PROTOCOL", 400, "refuse", "refuse", "Bitrix24 did not accept our outside address"),
    Row("ERROR_ACTIVITY_VALIDATION_FAILURE", 400, "refuse", "refuse", OURS),
]
"""The OAuth server's own codes (3.2) are in test_as_application.py."""


class FixedTokens:
    """A pair that is always new again."""

    def current(self) -> Tokens:
        return Tokens(access=SecretStr("t"), refresh=SecretStr("r"), generation=1)

    def renew(self, stale: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens:
        return Tokens(access=SecretStr("t2"), refresh=SecretStr("r2"), generation=stale.generation + 1)


@pytest.fixture(scope="module")
def server() -> Iterator[CannedServer]:
    with canned_server() as running:
        yield running


@pytest.fixture(params=[False, True], ids=["webhook", "app"])
def crm(request: pytest.FixtureRequest, server: CannedServer) -> Iterator[Bitrix24]:
    app = None
    if request.param:
        app = App(client_id="local.1", client_secret=SecretStr("s"), oauth_url=server.url, keeper=FixedTokens())
    url = server.url if app else f"{server.url}/rest/7/c0de/"
    opened = Bitrix24(Connection(portal="sever", url=SecretStr(url), app=app, read_timeout=3), FreePacer())
    yield opened
    opened.close()


CREATE = Effect(
    verb="create_task",
    key="k",
    marker="kasanie:0123456789ab",
    title="Позвонить",
    assignee="3",
    due=datetime(2026, 10, 1, 15, 0, tzinfo=UTC),
    bind=("deal:1",),
)


def batch_of(errors: dict[str, Any]) -> Any:
    return {"result": {"result": [], "result_error": errors, "result_total": [], "result_next": [], "result_time": []}}


@pytest.mark.parametrize("row", TABLE, ids=[f"{one.code!s:.60}-{one.status}-{one.text}" for one in TABLE])
def test_a_code_means_what_the_papers_say(server: CannedServer, crm: Bitrix24, row: Row) -> None:
    """Asked over HTTP, as the answer to a whole request and to one command of it, writing and reading."""
    told = {"error": row.code, "error_description": row.text}
    app = crm._api._door.tokens() is not None
    for whole, expected in ((True, row.whole), (False, row.one)):
        server.answer = (
            (lambda _: Canned(told, status=row.status))
            if whole
            else (lambda asked: Canned(batch_of(dict.fromkeys(asked.json["cmd"], told))))
        )
        (outcome,) = crm.send([CREATE])
        statuses = {"stop": "later", "wait": "later", "doubt": "unknown", "refuse": "refused", "gone": "refused"}
        assert outcome.status == statuses[expected]
        assert outcome.closed == (expected == "stop")
        assert (outcome.wait >= 900) == (expected == "stop")
        assert (outcome.wait > 0) == (expected in ("stop", "wait"))
        for writing, name in zip((True, False), CLASSES[expected], strict=True):
            assert type(failure(crm, writing=writing)).__name__ == name
        assert outcome.advice == failure(crm, writing=True).advice
        assert say(outcome.advice, "en").startswith((app and row.reads_app) or row.reads)
        assert say(outcome.advice, "ru")


def failure(crm: Bitrix24, *, writing: bool) -> CrmError:
    """What one command, or the batch around it, ended with."""
    try:
        error = crm._api.batch({"x": Command("crm.item.get", {})}, writing=writing).by_key["x"].error
    except CrmError as raised:
        return raised
    assert error is not None
    return error


def test_no_code_of_our_table_is_left_untold() -> None:
    codes = {str(row.code["code"] if isinstance(row.code, dict) else row.code).lower() for row in TABLE}
    assert set(MEANINGS) - codes == set()
    assert set(OAUTH_MEANINGS) - codes - {"invalid_grant", "invalid_client", "wrong_client", "invalid_scope"} == set()


PAGES = [(302, "stop"), (401, "stop"), (403, "stop"), (404, "stop"), (410, "stop"), (429, "wait"), (500, "doubt")]


@pytest.mark.parametrize(("status", "expected"), PAGES)
def test_a_page_instead_of_an_answer_is_judged_by_its_status(
    server: CannedServer, crm: Bitrix24, status: int, expected: Next
) -> None:
    server.answer = lambda _: Canned(b"<html><body>Bitrix24</body></html>", status=status)
    (outcome,) = crm.send([CREATE])
    assert (outcome.status, outcome.closed) == ({"doubt": "unknown"}.get(expected, "later"), expected == "stop")
    assert say(outcome.advice, "en")
    assert "html" not in outcome.text
