"""The key file and what it seals: made once, never over old data, changed without a pause."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_portal import NAME, install
from pydantic import SecretStr

from connector.errors import SettingsError
from connector.store import Store
from connector.store.opening import open_store
from connector.vault import Vault, WrongKey, open_vault, rotate_key

TOLD = {
    "member_id": "3f0c6c1e2b7d4a55a1b2c3d4e5f60718",
    "application_token": "hooks-are-signed-with-this",
    "access_token": "access-token-of-the-portal",
    "refresh_token": "refresh-token-of-the-portal",
}


@pytest.fixture
def lone_store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'kasanie.db'}")
    yield opened
    opened.close()


def secrets_of(store: Store, vault: Vault) -> list[str]:
    return [vault.unseal(sealed).get_secret_value() for sealed in store.sealed_secrets()]


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path, lone_store: Store) -> None:
    path = tmp_path / "keys" / "kasanie.key"
    old = os.umask(0)
    try:
        open_vault(path, lone_store)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = path.read_bytes()
    open_vault(path, lone_store)
    assert path.read_bytes() == made
    assert list(path.parent.iterdir()) == [path]


def test_of_many_first_starts_at_once_all_get_one_key(tmp_path: Path, lone_store: Store) -> None:
    path = tmp_path / "kasanie.key"
    sealed: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        sealed.append(open_vault(path, lone_store).seal(SecretStr("one")))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {open_vault(path, lone_store).unseal(each).get_secret_value() for each in sealed} == {"one"}


def test_what_is_stored_shows_no_secret(tmp_path: Path, store: Store) -> None:
    vault = open_vault(tmp_path / "kasanie.key", store)
    install(store, vault, TOLD)
    row = store.installation(NAME)
    assert row is not None
    for secret in (*TOLD.values(), (tmp_path / "kasanie.key").read_text().strip()):
        if secret != TOLD["member_id"]:
            assert secret not in f"{row!r} {vault!r} {store.sealed_secrets()!r}"
    assert secrets_of(store, vault) == [TOLD[name] for name in ("application_token", "access_token", "refresh_token")]


def test_a_lost_key_is_never_replaced_by_a_new_one(
    tmp_path: Path, lone_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KASANIE_LANG", "en")
    path = tmp_path / "kasanie.key"
    install(lone_store, open_vault(path, lone_store), TOLD)
    path.rename(tmp_path / "kept.key")
    with pytest.raises(SettingsError, match="there is no key file"):
        open_vault(path, lone_store)
    assert not path.exists()


@pytest.mark.parametrize("instead", [b"", b"not a key\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, lone_store: Store, instead: bytes) -> None:
    path = tmp_path / "kasanie.key"
    path.write_bytes(instead)
    with pytest.raises(SettingsError):
        open_vault(path, lone_store)
    assert path.read_bytes() == instead


def test_another_key_is_told_at_the_start(tmp_path: Path, lone_store: Store) -> None:
    install(lone_store, open_vault(tmp_path / "right.key", lone_store), TOLD)
    open_vault(tmp_path / "other.key", open_empty(tmp_path))
    with pytest.raises(WrongKey, match=r"other\.key"):
        open_vault(tmp_path / "other.key", lone_store)


def open_empty(folder: Path) -> Store:
    empty = open_store(f"sqlite:///{folder / 'empty.db'}")
    empty.close()
    return empty


def test_a_changed_key_reaches_those_who_run(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "kasanie.key"
    running = open_vault(path, store)
    install(store, running, TOLD)
    before = store.sealed_secrets()

    assert rotate_key(path, store, drop_old=False) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().split()) == 2
    assert not set(before) & set(store.sealed_secrets())
    assert secrets_of(store, running) == secrets_of(store, open_vault(path, store))
    assert [running.unseal(each).get_secret_value() for each in before] == secrets_of(store, running)

    assert rotate_key(path, store, drop_old=True) == 3
    assert len(path.read_text().split()) == 1
    assert len(secrets_of(store, running)) == 3
    with pytest.raises(WrongKey):  # the dropped key opens nothing any more
        running.unseal(before[0])


def test_a_key_that_does_not_fit_changes_nothing(tmp_path: Path, lone_store: Store) -> None:
    install(lone_store, open_vault(tmp_path / "right.key", lone_store), TOLD)
    other = tmp_path / "other.key"
    open_vault(other, open_empty(tmp_path))
    before = lone_store.sealed_secrets(), other.read_bytes()
    with pytest.raises(WrongKey):
        rotate_key(other, lone_store, drop_old=False)
    assert (lone_store.sealed_secrets(), other.read_bytes()) == before
