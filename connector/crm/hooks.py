"""What a webhook means once it is proven: bells, clicks, and what happened to the application itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import SecretStr

from connector.crm.facts import Ref


@dataclass(frozen=True, slots=True)
class Bell:
    """A webhook's whole meaning: look at this again. Nothing else of its body is kept."""

    ref: Ref | None
    """None: of an unknown shape, only a reconciliation can tell."""
    event: str
    """The CRM's name of the event, lower case, at most 64 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A button of a proposal that a person pressed in the CRM. It passed through his browser: only a wish."""

    about: str
    """The occurrence, as `Effect.about` gave it."""
    offer: Ref
    """The proposal it was pressed on: `activity:555`."""
    answer: Literal["accept", "later", "decline"]
    by: str | None = None
    """CRM user id."""
    reason: str | None = None
    days: int | None = None
    """later: so many days from the day of the click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSecrets:
    """What proves a webhook of one portal."""

    portal: str
    application_tokens: tuple[SecretStr, ...] = ()
    """Bitrix24: one per outgoing webhook."""
    member_id: str | None = None
    """Bitrix24: None until the first proven hook told it."""
    path_secret: SecretStr | None = None
    """amoCRM: the last part of the hook's path."""
    account: str | None = None
    """amoCRM: account id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A webhook that was proven genuine and read."""

    bells: tuple[Bell, ...]
    account: str | None = None
    """Bitrix24: member_id."""
    clicks: tuple[Click, ...] = ()
    fields_changed: bool = False
    """The definition of a field changed: the directory is to be read again."""
    removed: bool = False
    """The application was taken off the portal."""
    clean: bool = False
    """With `removed`: the administrator asked for its traces to go, too."""
    new_application_token: SecretStr | None = None
    """An update of the application brought a new secret. Proven by the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An application that says it was installed. Nothing of it is believed before its access token is proven."""

    access: SecretStr
    refresh: SecretStr
    member_id: str
    application_token: SecretStr | None
    """The secret of its webhooks; some install pages come without one."""
    seconds: float
    """How long the access token lives by its own word."""
    page: bool = False
    """A person has opened the page in the CRM and sees our answer."""
    update: bool = False
    """Not an installation: a new version, which may bring a new application token."""


class Ear(Protocol):
    """A CRM's `webhook` module: pure, no network; bounded by reliability.md's table."""

    def __call__(self, raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:
        """Prove and read one POST. Raises NotGenuine (also when nothing proves it) or Unreadable (proven)."""
