"""Settings of a portal that is connected by its local application, and where such a portal is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.portals import moved_url
from connector.settings import load_settings, read_settings
from connector.store import PortalRow

APP = """\
public_url: https://kasanie.example.ru/
portals:
  north:
    crm: bitrix24
    url: https://north.bitrix24.ru
    client_id: local.0123456789abcd.01234567
    client_secret: the-key-of-the-application
"""


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KASANIE_SANDBOX", "KASANIE_SANDBOX_URL", "KASANIE_FAILPOINT"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str = APP) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_application_needs_no_webhook(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path))
    north = settings.portals["north"]
    assert (north.is_app, north.oauth_url, north.offline_events) == (True, "https://oauth.bitrix24.tech", False)
    assert settings.hook_url("north") == "https://kasanie.example.ru/hooks/north"
    assert settings.key_path() == tmp_path.resolve() / "state" / "kasanie.key"
    assert settings.secrets() == ("the-key-of-the-application",)
    assert "the-key-of-the-application" not in f"{settings!r} {north}"


OTHER = """\
  other:
    crm: bitrix24
    url: https://other.bitrix24.ru
    client_id: local.0123456789abcd.01234567
    client_secret: another-key
"""


@pytest.mark.parametrize(
    ("written", "instead", "code", "place"),
    [
        ("    client_secret: the-key-of-the-application\n", "", "no-client-secret", "3:3"),
        ("    client_id: local.0123456789abcd.01234567\n", "", "no-client-id", "3:3"),
        ("    client_id: local.0123456789abcd.01234567\n", "    offline_events: true\n", "no-client-id", "3:3"),
        ("public_url: https://kasanie.example.ru/\n", "", "no-public-url", "2:3"),
        ("https://kasanie.example.ru/", "http://kasanie.example.ru", "public-https", "1:13"),
        ("https://kasanie.example.ru/", "https://127.0.0.1:8080", "public-https", "1:13"),
        ("https://kasanie.example.ru/", "kasanie.example.ru", "bad-url", "1:13"),
        ("https://north.bitrix24.ru\n", "https://north.bitrix24.ru/rest/1/k4rc8wq2vx9n7zt5/\n", "app-url", "5:10"),
        ("https://north.bitrix24.ru\n", "http://north.bitrix24.ru\n", "not-https", "5:10"),
        ("the-key", "sandbox-key", "sandbox-credential", "7:20"),
        ("local.0123456789abcd", "sandbox-local.01", "sandbox-credential", "6:16"),
        ("crm: bitrix24\n", "crm: bitrix24\n    oauth_url: https://oauth.bitrix24.tech.ru\n", "strange-oauth", "5:16"),
        ("crm: bitrix24\n", "crm: bitrix24\n    oauth_url: http://oauth.bitrix24.tech\n", "strange-oauth", "5:16"),
    ],
)  # fmt: skip
def test_what_an_application_lacks_has_its_place(
    tmp_path: Path, written: str, instead: str, code: str, place: str
) -> None:
    assert written in APP
    settings, found = read_settings(write(tmp_path, APP.replace(written, instead, 1)))
    assert settings is None
    assert (code, place) in [(problem.code, f"{problem.line}:{problem.column}") for problem in found]


def test_two_portals_do_not_share_an_application(tmp_path: Path) -> None:
    settings, found = read_settings(write(tmp_path, APP + OTHER))
    assert settings is None
    assert [problem.code for problem in found] == ["client-id-twice"]


def test_the_vendors_other_server_may_be_named(tmp_path: Path) -> None:
    text = APP.replace("crm: bitrix24\n", "crm: bitrix24\n    oauth_url: https://oauth.bitrix.info/\n")
    assert load_settings(write(tmp_path, text)).portals["north"].oauth_url == "https://oauth.bitrix.info/"


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        ("oauth_url: http://127.0.0.1:9/oauth-server", "oauth_url: https://oauth.bitrix24.tech", "not-loopback"),
        ("public_url: http://127.0.0.1:8080", "public_url: https://kasanie.example.ru", "public-loopback"),
    ],
)
def test_in_the_sandbox_all_of_it_is_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, instead: str, code: str
) -> None:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    text = (
        APP.replace("https://kasanie.example.ru/", "http://127.0.0.1:8080")
        .replace("https://north.bitrix24.ru", "http://127.0.0.1:9")
        .replace("crm: bitrix24\n", "crm: bitrix24\n    oauth_url: http://127.0.0.1:9/oauth-server\n")
    )
    assert read_settings(write(tmp_path, text))[1] == ()
    _, found = read_settings(write(tmp_path, text.replace(written, instead)))
    assert [problem.code for problem in found] == [code]


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://old.bitrix24.ru", "https://new.bitrix24.ru"),
        ("https://old.bitrix24.ru/rest/7/code/", "https://new.bitrix24.ru/rest/7/code/"),
        ("https://edited.bitrix24.ru", "https://edited.bitrix24.ru"),
    ],
)
def test_a_moved_portal_is_called_where_it_is_now(url: str, called: str) -> None:
    row = PortalRow(
        name="north",
        crm="bitrix24",
        account=None,
        zone=None,
        directory=None,
        regulation=None,
        problem=None,
        host="new.bitrix24.ru",
        host_was="old.bitrix24.ru",
    )
    assert moved_url(url, row) == called
    assert moved_url(url, None) == url
