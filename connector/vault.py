"""Secrets at rest: tokens lie in the tables as ciphertext, and the key lies outside of them.

The key file holds one Fernet key a line: the first seals, all of them open, so a key is changed without a pause
(`app.py rotate-key`). It is made at the first start, mode 0600, and never over data that an older key sealed.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from connector.errors import SettingsError
from connector.store import Store
from connector.texts import say

_MODE: Final = 0o600


class WrongKey(SettingsError):  # noqa: N818  # a state of the installation; its sentence says what to do
    """The key file does not hold the key that this ciphertext was sealed with."""


class Vault:
    """Seals and opens secrets. Holds the keys and shows none of them; a changed key file is read at its next use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._plain = self._keys()
        self._fernet = MultiFernet([Fernet(key) for key in self._plain])

    def __repr__(self) -> str:
        return f"Vault({str(self._path)!r})"

    def seal(self, secret: SecretStr) -> str:
        """The secret as ciphertext, by the first key; an empty one stays empty."""
        plain = secret.get_secret_value()
        return self._known().encrypt(plain.encode()).decode() if plain else ""

    def unseal(self, sealed: str) -> SecretStr:
        """The secret back. Raises WrongKey."""
        try:
            return SecretStr(self._known().decrypt(sealed.encode()).decode() if sealed else "")
        except InvalidToken:
            raise WrongKey([say("key-wrong", path=self._path)]) from None

    def signing_keys(self, purpose: str) -> list[bytes]:
        """Keys for signing what goes out and comes back, one for each key of the file; the last one signs.

        Of one purpose nothing follows for another, nor for what lies sealed.
        """
        self._known()
        return [hmac.digest(key, purpose.encode(), "sha256") for key in reversed(self._plain)]

    def seal_anew(self, sealed: str) -> str:
        """The same secret by the first key. Raises WrongKey."""
        return self.seal(self.unseal(sealed))

    def _known(self) -> MultiFernet:
        try:
            stamp = _stamp(self._path)
        except OSError:  # taken away while we run: what we know still holds
            return self._fernet
        if stamp != self._stamp:
            self._plain = self._keys()
            self._fernet = MultiFernet([Fernet(key) for key in self._plain])
        return self._fernet

    def _keys(self) -> list[bytes]:
        self._stamp = _stamp(self._path) if self._path.exists() else None
        return _keys(self._path)


def open_vault(path: Path, store: Store) -> Vault:
    """The vault over the key file, which is made when nothing was ever sealed.

    Raises:
        SettingsError: no key, or not the right one, although there is something to open; or the file is none of ours.
    """
    sealed = store.sealed_secrets()
    if not path.exists():
        if sealed:
            raise SettingsError([say("key-missing", path=path)])
        _make(path)
    vault = Vault(path)
    for each in sealed:
        vault.unseal(each)
    return vault


def rotate_key(path: Path, store: Store, *, drop_old: bool) -> int:
    """A new first key, and everything sealed by it; how many secrets were. With `drop_old` only the first key stays.

    The new key is in the file before anything is sealed by it, and running processes see that the file changed. On
    several machines it must be copied to all of them before `drop_old` (docs/bitrix24.md).

    Raises:
        SettingsError: as `open_vault`.
    """
    vault = open_vault(path, store)
    keys = _keys(path)
    if not drop_old:
        _write(path, [Fernet.generate_key(), *keys])
    count = store.reseal(vault.seal_anew)
    if drop_old:
        _write(path, keys[:1])
    return count


def _keys(path: Path) -> list[bytes]:
    try:
        keys = [line.strip() for line in path.read_bytes().splitlines() if line.strip()]
        for key in keys:
            Fernet(key)
    except (OSError, ValueError):
        keys = []
    if not keys:
        raise SettingsError([say("key-unreadable", path=path)])
    return keys


def _stamp(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_ino


def _make(path: Path) -> None:
    """A fresh key file; of two processes that start at once the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = _beside(path, [Fernet.generate_key()])
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _write(path: Path, keys: list[bytes]) -> None:
    """Replace the key file as a whole: a crash leaves the old one or the new one."""
    _beside(path, keys).replace(path)


def _beside(path: Path, keys: list[bytes]) -> Path:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(number, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh
