"""Logs: one line a record, and no secret in any of them, whoever wrote it and however it is encoded."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import structlog
from gunicorn.config import Config  # type: ignore[import-untyped]  # gunicorn ships no types

from connector.log import GunicornLogger, redact, set_up_logging

SECRET = "Zx81-c0de/+="


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged; the root's own handlers come back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def fail_and_log(text: str) -> None:
    """A traceback with the text in it."""
    try:
        int(text)
    except ValueError:
        logging.getLogger("elsewhere").exception("failed", extra={"portal": "sever"})


HIDDEN = [
    f"POST /rest/7/{SECRET.partition('/')[0]}/batch.json",
    f"https://sever.bitrix24.ru/rest/api/7/{SECRET.partition('/')[0]}/tasks.task.add",
    f"POST /hooks/sever/{SECRET.partition('/')[0]}?x=1 HTTP/1.1",
    f"auth[application_token]={quote(SECRET)}&x=1",
    f"auth%5Bapplication_token%5D={quote(SECRET)}",
    f"auth={quote(SECRET)}",
    f"?access_token={quote(SECRET)}&refresh_token={quote(SECRET)}",
    f"client_secret={quote(SECRET)}",
    f"GET /oauth?code={quote(SECRET)}&state=1",
    f"GET /oauth/amocrm?platform=1&state={quote(SECRET)}",
    f"GET /hooks/amocrm/disabled?account_id=1&signature={quote(SECRET)} HTTP/1.1",
    f"AUTH_ID={quote(SECRET)}",
    f"Authorization: Bearer {SECRET}",
    f'{{"access_token": "{SECRET}"}}',
    f"{{'refresh_token': '{SECRET}'}}",
    'hook_secret="Zx81-c0de"',
    "postgresql+psycopg://kasanie:Zx81-c0de@db/kasanie",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    shown = redact(text)
    assert "Zx81" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "effect.refused portal=sever code=ERROR_CORE",
        '{"code": "QUERY_LIMIT_EXCEEDED"}',
        "https://sever.bitrix24.ru/crm/deal/details/7/",
        "author: Ольга; tokens: 5; 12:30:45",
        "sqlite:///state/kasanie.db",
        "GET /admin/portals HTTP/1.1",
    ],
)
def test_what_does_not_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("json_lines", [False, True], ids=["text", "json"])
def test_known_secrets_are_hidden_wherever_they_stand(lines: io.StringIO, *, json_lines: bool) -> None:
    set_up_logging("debug", json_lines=json_lines, secrets=[SECRET, "", "abc"], stream=lines)
    structlog.get_logger("connector.flow").info("told", note=f"xx{SECRET}yy", quoted=quote(SECRET, safe=""), word="abc")
    logging.getLogger("elsewhere").warning("with %s", SECRET, extra={"more": SECRET})
    fail_and_log(SECRET)
    text = lines.getvalue()
    assert "Zx81" not in text
    assert text.count("***") >= 5
    assert "ValueError" in text
    assert "abc" in text


def test_json_lines_are_one_object_a_record(lines: io.StringIO) -> None:
    set_up_logging("info", json_lines=True, stream=lines)
    structlog.get_logger("connector.flow").info("Сказано\nдважды", portal="sever", count=2)
    structlog.get_logger("connector.flow").debug("unseen")
    fail_and_log("строка\nещё строка")
    told, failed = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (told["event"], told["portal"], told["count"], told["level"]) == ("Сказано\nдважды", "sever", 2, "info")
    assert (failed["portal"], failed["logger"]) == ("sever", "elsewhere")
    assert "ValueError" in failed["exception"]


def test_the_servers_access_log_hides_the_secret_in_its_path(
    lines: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("info", stream=lines)
    config = Config()
    config.set("accesslog", "-")
    config.set("errorlog", "-")
    logger = GunicornLogger(config)
    path = f"/hooks/sever/{SECRET.partition('/')[0]}"
    environ = {
        "RAW_URI": path,
        "REQUEST_METHOD": "POST",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "PATH_INFO": path,
        "HTTP_REFERER": f"https://sever.bitrix24.ru/?auth={SECRET}",
    }
    answer = SimpleNamespace(status="200 OK", sent=2, headers=[])
    took = SimpleNamespace(seconds=0, microseconds=900)
    logger.access(answer, SimpleNamespace(headers=[]), environ, took)
    logger.error("worker at %s", path)
    text = lines.getvalue()
    assert "Zx81" not in text
    assert "POST /hooks/sever/***" in text
    assert "worker at /hooks/sever/***" in text
    assert "".join(capfd.readouterr()) == "", "gunicorn writes beside the one log"
