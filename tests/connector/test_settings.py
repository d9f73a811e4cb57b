"""config.yaml and .env: what is read, what is refused, where the place is, and that no secret is ever shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector.errors import SettingsError
from connector.guards import is_loopback, is_private
from connector.settings import LogSettings, PortalConnection, SettingsFile, Waits, load_settings, read_settings
from rules.problems import Problem, render

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
GOOD = """\
database: sqlite:///state/kasanie.db
portals:
  north:
    crm: bitrix24
    url: ${NORTH_URL}
    application_tokens: ["${NORTH_TOKEN}"]
  south:
    crm: amocrm
    url: https://south.amocrm.ru
    token: ${SOUTH_TOKEN}
    hook_secret: 0123456789abcdef0123456789abcdef
"""
ENV = """\
NORTH_URL=https://north.bitrix24.ru/rest/1/k4rc8wq2vx9n7zt5/
NORTH_TOKEN=application-secret-1
SOUTH_TOKEN='long-lived $secret ${HOME} 2'
"""


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "KASANIE_SANDBOX",
        "KASANIE_SANDBOX_URL",
        "KASANIE_FAILPOINT",
        "NORTH_URL",
        "NORTH_TOKEN",
        "SOUTH_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KASANIE_LANG", "en")


def write(folder: Path, text: str = GOOD, env: str = ENV) -> Path:
    (folder / ".env").write_text(env, encoding="utf-8")
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str = GOOD, env: str = ENV) -> list[tuple[str, str]]:
    """Code and place of every problem."""
    settings, found = read_settings(write(folder, text, env))
    assert settings is None
    return [(problem.code, f"{problem.line}:{problem.column}") for problem in found]


def test_settings_are_read_with_their_secrets_and_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path))
    north, south = settings.portals["north"], settings.portals["south"]
    assert north.url.get_secret_value() == "https://north.bitrix24.ru/rest/1/k4rc8wq2vx9n7zt5/"
    assert [token.get_secret_value() for token in north.application_tokens] == ["application-secret-1"]
    assert south.token is not None
    assert south.token.get_secret_value() == "long-lived $secret ${HOME} 2"  # kept as it was typed
    assert settings.waits == Waits()
    assert settings.database_url() == f"sqlite:///{tmp_path.resolve()}/state/kasanie.db"
    assert settings.portal_folder("north") == tmp_path.resolve() / "portals" / "north"
    assert settings.sandbox is None
    assert not settings.distributed


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUTH_TOKEN", "from-outside")
    token = load_settings(write(tmp_path)).portals["south"].token
    assert token is not None
    assert token.get_secret_value() == "from-outside"


def test_no_secret_is_shown_by_anything(tmp_path: Path) -> None:
    text = GOOD.replace("sqlite:///state/kasanie.db", "postgresql+psycopg://kasanie:pa55word@db/kasanie")
    settings = load_settings(write(tmp_path, text))
    assert settings.distributed
    shown = f"{settings!r} {settings} {settings.portals!r}"
    refused = read_settings(write(tmp_path, text + "    bogus: 1\n    token: [1]\n"))[1]
    shown += render(refused, "ru") + render(refused, "en") + repr(refused)
    for secret in ("k4rc8wq2vx9n7zt5", "application-secret-1", "long-lived", "0123456789abcdef", "pa55word"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("written", "instead", "code", "place"),
    [
        ("crm: bitrix24", "crm: bitrix", "unknown-value", "4:10"),
        ("    crm: amocrm\n", "", "missing-key", "7:3"),
        ("application_tokens", "aplication_tokens", "unknown-key", "6:5"),
        ('["${NORTH_TOKEN}"]', "${NORTH_TOKEN}", "not-list", "6:25"),
        ("${NORTH_URL}", "${NORTH_URI}", "no-variable", "5:10"),
        ("database: sqlite:///state/kasanie.db", "database: mysql://x", "bad-database", "1:11"),
        ("database:", "listen: everywhere\ndatabase:", "bad-listen", "1:9"),
        ("database:", "threads: 0\ndatabase:", "below-least", "1:10"),
        ("database:", "threads: many\ndatabase:", "not-whole", "1:10"),
        ("database:", "web_workers: 2\ndatabase:", "one-process-on-sqlite", "1:14"),
        ("database:", "waits: {lease: 0.5}\ndatabase:", "waits-outside", "1:1"),
        ("  north:", "  North_1:", "bad-portal-name", "3:3"),
        ("https://south.amocrm.ru", "https://127.0.0.1:8091", "loopback-portal", "9:10"),
        ("https://south.amocrm.ru", "http://south.amocrm.ru", "not-https", "9:10"),
        ("https://south.amocrm.ru", "https://10.0.0.5", "private-host", "9:10"),
        ("https://south.amocrm.ru", "https://crm.local", "private-host", "9:10"),
        ("https://south.amocrm.ru", "south.amocrm.ru", "bad-url", "9:10"),
        ("https://south.amocrm.ru", "https://[::1", "bad-url", "9:10"),
        ("0123456789abcdef0123456789abcdef", "short", "weak-hook-secret", "7:3"),
        ("    token: ${SOUTH_TOKEN}\n", "", "no-token", "7:3"),
        ('["${NORTH_TOKEN}"]', "[]", "no-application-token", "3:3"),
        ('["${NORTH_TOKEN}"]', '[""]', "no-application-token", "3:3"),
        ("${SOUTH_TOKEN}", "sandbox-token", "sandbox-credential", "10:12"),
        ('"${NORTH_TOKEN}"]', 'abc, "sandbox-1"]', "sandbox-credential", "6:31"),
        ("0123456789abcdef0123456789abcdef", "sandbox-89abcdef0123456789abcdef01", "sandbox-credential", "11:18"),
        ("${NORTH_URL}", "https://north.bitrix24.ru/rest/1/sandbox-1/", "sandbox-credential", "5:10"),
        ("  north:", "  north: 5\n  more:", "not-map", "3:10"),
        ("portals:", "portals: &all", "anchor-mark", "2:10"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, written: str, instead: str, code: str, place: str) -> None:
    assert written in GOOD
    assert (code, place) in problems(tmp_path, GOOD.replace(written, instead, 1))


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("${NORTH_URL}", "http://127.0.0.1/").replace("https://south", "http://south").replace("0123", "1")
    )
    codes = [code for code, _ in problems(tmp_path, text)]
    assert codes == ["loopback-portal", "weak-hook-secret", "not-https"]


def test_an_on_premise_portal_is_allowed_by_name(tmp_path: Path) -> None:
    text = GOOD.replace("https://south.amocrm.ru", "https://10.0.0.5\n    allow_private_host: true")
    assert load_settings(write(tmp_path, text)).portals["south"].allow_private_host


def test_a_missing_or_unreadable_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"copy config\.example\.yaml to config\.yaml"):
        load_settings(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path / "config.yaml")
    write(tmp_path)
    (tmp_path / ".env").write_bytes("NORTH_URL=привет".encode("cp1251"))
    with pytest.raises(SettingsError, match=r"\.env:1:1: the file is not UTF-8"):
        load_settings(tmp_path / "config.yaml")


def test_failpoints_work_only_in_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASANIE_FAILPOINT", "after-intent")
    assert ("failpoint-outside", "1:1") in problems(tmp_path)


SANDBOX = """\
listen: 127.0.0.1:0
waits: {quarantine: 2, pump: 0.05}
portals:
  north: {crm: bitrix24, url: "http://127.0.0.1:9024/rest/1/sandbox-hook/", application_tokens: [sandbox-token]}
"""


def test_the_sandbox_may_do_what_production_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    monkeypatch.setenv("KASANIE_SANDBOX_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("KASANIE_FAILPOINT", "after-intent")
    settings = load_settings(write(tmp_path, SANDBOX))
    assert (settings.waits.quarantine, settings.waits.pump) == (2, 0.05)
    assert settings.sandbox == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        ("http://127.0.0.1:9024", "https://north.bitrix24.ru", "not-loopback"),
        ("127.0.0.1:0", "0.0.0.1:80", "sandbox-listen"),
        ("127.0.0.1:0", "example.org:80", "sandbox-listen"),
    ],
)
def test_the_sandbox_stays_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, instead: str, code: str
) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    assert code in [found for found, _ in problems(tmp_path, SANDBOX.replace(written, instead))]


def test_the_clock_of_another_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    monkeypatch.setenv("KASANIE_SANDBOX_URL", "http://clock.example.org")
    assert problems(tmp_path, SANDBOX) == [("sandbox-clock", "1:1")]


def test_the_sandbox_url_is_nothing_to_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX_URL", "http://127.0.0.1:9000")
    assert load_settings(write(tmp_path)).sandbox is None


def test_the_example_copied_as_it_is_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    env = (ROOT / ".env.example").read_text(encoding="utf-8")
    path = write(tmp_path, text, env)
    settings, found = read_settings(path)
    assert settings is None
    assert {problem.code for problem in found} == {"sandbox-credential", "loopback-portal"}
    assert {problem.given["portal"] for problem in found} == {"north", "south"}
    with pytest.raises(SettingsError, match="sandbox credentials"):
        load_settings(path)
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    shown = load_settings(path)
    assert shown.waits == Waits()
    defaults = {name: field.get_default(call_default_factory=True) for name, field in SettingsFile.model_fields.items()}
    assert {name: getattr(shown, name) for name in defaults if name != "portals"} == {
        name: value for name, value in defaults.items() if name != "portals"
    }


@pytest.mark.parametrize("model", [SettingsFile, LogSettings, Waits, PortalConnection])
def test_the_example_shows_every_setting(model: type[BaseModel]) -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    assert [name for name in model.model_fields if not re.search(rf"^ *(# )?{name}:", text, re.MULTILINE)] == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "LOCALHOST.", "a.localhost", "::1",
     "::ffff:127.0.0.1", "0.0.0.0", "::"],
)  # fmt: skip
def test_loopback_in_every_spelling(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("host", "private"),
    [("10.1.2.3", True), ("192.168.0.1", True), ("fd00::1", True), ("169.254.1.1", True), ("crm", True),
     ("crm.lan", True), ("8.8.8.8", False), ("example.bitrix24.ru", False), ("2a00:1450::1", False)],
)  # fmt: skip
def test_private_hosts(host: str, private: bool) -> None:
    assert is_private(host) is private
    assert not is_loopback(host)


def test_problems_are_said_in_both_languages(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, GOOD.replace("${NORTH_URL}", "${NORTH_URI}")))[1]
    assert "config.yaml:5:10: в .env и в окружении нет NORTH_URI [no-variable]" in render(found, "ru")
    assert "config.yaml:5:10: NORTH_URI is neither in .env nor in the environment [no-variable]" in render(found, "en")
    assert all(isinstance(problem, Problem) for problem in found)


def test_any_text_is_refused_in_sentences(tmp_path: Path) -> None:
    texts: list[Any] = ["[]", "portals: 5", "\x00", "{" * 5000, "a: *b", "portals: {north: {crm: [1], url: {}}}"]
    for text in texts:
        with pytest.raises(SettingsError):
            load_settings(write(tmp_path, text))
