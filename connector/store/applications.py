"""What the store keeps of an installed application: its part of the Store, and its rows.

Secrets come and go as ciphertext only: the key lies outside of the database (connector/vault.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstall:
    """A proven installation. The three secrets are ciphertext; an application token that did not come is empty."""

    member_id: str
    application_token: str
    access: str
    refresh: str
    seconds: float
    """How long the access token lives by its own word."""
    scope: str
    user_id: str | None
    host: str
    """Of the portal, as the OAuth server names it."""
    host_was: str
    """Of the portal, as the settings name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRow:
    """An installation as it stands. The three secrets are ciphertext, empty where there is none."""

    portal: str
    member_id: str
    application_token: str
    access: str
    refresh: str
    generation: int
    expires_real: float
    scope: str
    user_id: str | None
    installed_at: datetime
    removed_at: datetime | None
    clean: bool
    """Removed with all its traces, and these have not gone yet."""
    locked: bool
    """Somebody is renewing the tokens at this moment."""
    hooks_new: bool
    """The event subscriptions were never looked at since the application was installed or updated."""
    refused: bool
    """The OAuth server refused this pair."""
    refused_lately: bool
    """It did so within the last minute: asking again now would only tell the same."""

    @property
    def alive(self) -> bool:
        """Installed, and with tokens to call with."""
        return self.removed_at is None and bool(self.access)


class Applications(Protocol):
    """Rows of `install`, one a portal. Every method raises StoreDown when the database cannot do it now."""

    def installation(self, portal: str) -> InstallRow | None:
        """The portal's installation, also a removed one; None: it never was installed."""

    def save_install(self, portal: str, install: NewInstall, now: datetime) -> bool:
        """Store a proven installation, the first or a later one; the portal goes on at once, with a reconciliation.

        Binds the portal to `member_id`. False, and nothing is stored, when it is bound to another one already.
        """

    def save_application_token(self, portal: str, application_token: str) -> None:
        """An update of the application brought a new secret; its subscriptions are to be looked at now."""

    def remove_install(self, portal: str, now: datetime, *, clean: bool) -> None:
        """The application was taken off: every secret goes at once; if `clean`, the rest by `forget_portal`."""

    def forget_portal(self, portal: str) -> None:
        """Forget all that was read of the CRM and what follows from it; the ledger, outbox and audit stay.

        To be called by the lane's holder only: nobody stores facts meanwhile.
        """

    def lock_tokens(self, portal: str, by: str, seconds: float) -> bool:
        """Become the one who renews the tokens, for so many real seconds; False: somebody is at it."""

    def save_tokens(self, portal: str, by: str, access: str, refresh: str, seconds: float) -> bool:
        """Store the new pair, one generation on, and free the lock; False: the lock is not his any more."""

    def free_tokens(self, portal: str, by: str, *, refused: bool = False) -> None:
        """Give the lock back without a new pair. `refused`: the OAuth server said no to this one."""

    def hooks_due(self, portal: str) -> bool:
        """Whether the event subscriptions of a living installation were not looked at for 15 minutes of real time."""

    def hooks_seen(self, portal: str) -> None:
        """They were looked at just now."""

    def sealed_secrets(self) -> list[str]:
        """Every ciphertext there is."""

    def reseal(self, anew: Callable[[str], str]) -> int:
        """Replace every ciphertext by what `anew` makes of it, all in one transaction; how many."""
