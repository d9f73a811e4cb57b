"""Settings of an amoCRM portal in either way of connecting."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.settings import load_settings, read_settings

OAUTH = """\
public_url: https://kasanie.example.ru/
portals:
  south:
    crm: amocrm
    url: https://south.amocrm.ru
    client_id: 01234567-89ab-cdef-0123-456789abcdef
    client_secret: the-key-of-the-integration
    hook_secret: 0123456789abcdef0123456789abcdef
"""
TOKEN = OAUTH.replace("    client_id", "    token: the-long-lived-token\n    client_id")
HOOK = "https://kasanie.example.ru/hooks/south/0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KASANIE_SANDBOX", "KASANIE_SANDBOX_URL", "KASANIE_FAILPOINT"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_oauth_needs_no_token_and_hides_its_secrets(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, OAUTH))
    south = settings.portals["south"]
    assert south.is_app
    assert settings.hook_url("south") == HOOK
    assert settings.redirect_uri() == "https://kasanie.example.ru/oauth/amocrm"
    assert settings.disabled_url() == "https://kasanie.example.ru/hooks/amocrm/disabled"
    assert set(settings.secrets()) == {"the-key-of-the-integration", "0123456789abcdef0123456789abcdef"}
    assert "the-key-of-the-integration" not in f"{settings!r} {south}"


def test_a_long_lived_token_goes_before_the_keys_beside_it(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, TOKEN))
    south = settings.portals["south"]
    assert not south.is_app
    assert south.client_id is not None  # they prove the widget's calls
    assert set(settings.secrets()) == {
        "the-long-lived-token",
        "the-key-of-the-integration",
        "0123456789abcdef0123456789abcdef",
    }
    assert "the-long-lived-token" not in f"{settings!r} {south}"


def test_without_an_address_of_ours_hooks_are_set_by_hand(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, TOKEN.replace("public_url: https://kasanie.example.ru/\n", "")))
    assert settings.hook_url("south") is None


def test_one_integration_may_be_let_into_several_accounts(tmp_path: Path) -> None:
    twin = OAUTH.partition("  south:\n")[2].replace("south", "west")
    assert load_settings(write(tmp_path, f"{OAUTH}  west:\n{twin}")).portals["west"].is_app


@pytest.mark.parametrize(
    ("written", "instead", "code", "place"),
    [
        ("    client_secret: the-key-of-the-integration\n", "", "no-client-secret", "3:3"),
        ("    client_id: 01234567-89ab-cdef-0123-456789abcdef\n", "", "no-client-id", "3:3"),
        ("public_url: https://kasanie.example.ru/\n", "", "no-public-url", "2:3"),
        ("    hook_secret: 0123456789abcdef0123456789abcdef\n", "", "weak-hook-secret", "3:3"),
        ("https://south.amocrm.ru", "https://south.amocrm.ru/api", "app-url", "5:10"),
        ("https://south.amocrm.ru", "https://south.amocrm.ru.example.ru", "strange-account", "5:10"),
        ("https://south.amocrm.ru", "https://crm.example.ru", "strange-account", "5:10"),
        ("https://south.amocrm.ru", "https://south.amocrm.ru:8443", "", ""),
        ("https://south.amocrm.ru", "https://south.kommo.com", "", ""),
        ("https://south.amocrm.ru", "http://south.amocrm.ru", "not-https", "5:10"),
        ("the-key", "sandbox-key", "sandbox-credential", "7:20"),
        ("https://kasanie.example.ru/", "http://kasanie.example.ru/", "public-https", "1:13"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, written: str, instead: str, code: str, place: str) -> None:
    assert written in OAUTH
    settings, found = read_settings(write(tmp_path, OAUTH.replace(written, instead, 1)))
    if not code:
        assert settings is not None
        return
    assert settings is None
    assert (code, place) in [(problem.code, f"{problem.line}:{problem.column}") for problem in found]


def test_neither_token_nor_keys_is_no_way_to_call(tmp_path: Path) -> None:
    lines = [line for line in OAUTH.splitlines(keepends=True) if "client_" not in line]
    settings, found = read_settings(write(tmp_path, "".join(lines)))
    assert settings is None
    assert [problem.code for problem in found] == ["no-token"]
