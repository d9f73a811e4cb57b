"""What Bitrix24 posts to us: proven by its token, then reduced to the names of what to look at again.

Facts used (facts/bitrix24.md 1, 6.7): a form body of PHP's kind; `auth` at its end; only ids inside; the literal word
`undefined` where a task has no before or after; event names in any case; `data` may be missing altogether.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import SecretStr

from connector.crm import form
from connector.crm.bitrix24.clicks import CLICK_EVENT, click_of
from connector.crm.port import Bell, Heard, HookSecrets
from connector.errors import NotGenuine

EVENT_LIMIT: Final = 64
"""Characters of an event's name that are kept."""

_ID = re.compile(r"[1-9][0-9]{0,17}")
_MEMBER = re.compile(rb"[0-9A-Za-z_.-]{1,64}")

_CHANGES: Final = ("add", "update", "delete")
_SUBJECTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "oncrmdeal": ("deal", (*_CHANGES, "movetocategory")),
    "oncrmcompany": ("company", _CHANGES),
    "oncrmcontact": ("contact", _CHANGES),
    "oncrmactivity": ("signal", _CHANGES),
    "ontask": ("task", _CHANGES),
    "oncrmrequisite": ("requisite", _CHANGES),
}
KINDS: Final[Mapping[str, str]] = {
    subject + verb: kind for subject, (kind, verbs) in _SUBJECTS.items() for verb in verbs
}
"""Event in lower case -> the kind of what it names. `requisite:27` is no fact: the adapter reads its owner's card."""

FIELD_EVENTS: Final = frozenset(
    f"oncrm{card}userfield{verb}"
    for card in ("deal", "company", "contact", "requisite")
    for verb in (*_CHANGES, "setenumvalues")
)
"""The definition of a field changed: names, types and choices are to be read again."""

SILENT: Final = frozenset(
    {
        *("ontaskcommentadd", "ontaskcommentupdate", "ontaskcommentdelete", "onapptest"),
        *(f"oncrmtimelinecomment{verb}" for verb in _CHANGES),
    }
)
"""Events that can change nothing we judge: a comment is never a touch (facts/domain.md 5)."""

OFFLINE_SIGNAL: Final = "onofflineevent"
"""The portal's queue holds something for us: a bell without a ref makes the next turn read it."""
REMOVAL: Final = "onappuninstall"
UPDATE: Final = "onappupdate"

QUEUED_EVENTS: Final = tuple(sorted(name.upper() for name in KINDS))
"""Events whose id is all that counts, so the offline queue can keep them just as well."""
DIRECT_EVENTS: Final = tuple(sorted(name.upper() for name in {*FIELD_EVENTS, CLICK_EVENT, REMOVAL, UPDATE}))
"""Events that are only of use when they are posted: what they carry, or that they came, is the whole meaning."""
EVENTS: Final = (*QUEUED_EVENTS, *DIRECT_EVENTS)
"""What an application binds its handler to."""


def hear(raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:  # noqa: ARG001  # amoCRM's part of the Ear
    """Prove and read one POST (`port.Ear`).

    An ONAPPUPDATE that brings a new token is signed by that token alone, so nothing here can prove it: it is not
    genuine for this ear. The caller may prove it as an installation is proven (README, "What proves what").

    Raises NotGenuine (unknown, forged or missing token, another portal) or Unreadable (proven, yet broken).
    """
    member, token = _prove(raw, secrets)
    body = form.decode(raw)
    event, told = body.get("event"), body.get("data")
    name = event[:EVENT_LIMIT].lower() if isinstance(event, str) else ""
    account = member.decode() if member else None
    if name in FIELD_EVENTS:
        return Heard(bells=(), account=account, fields_changed=True)
    if name == REMOVAL:
        return Heard(bells=(), account=account, removed=True, clean=_flag(told, "CLEAN"))
    if name == UPDATE:
        return Heard(bells=(), account=account, new_application_token=SecretStr(token.decode()))
    if name == CLICK_EVENT and (click := click_of(told, body.get("auth"))) is not None:
        return Heard(bells=(), account=account, clicks=(click,))
    bell = bell_of(name, told)
    return Heard(bells=(bell,) if bell else (), account=account)


def bell_of(event: str, told: Any) -> Bell | None:
    """The bell that an event rings; None when it can change nothing. Also for events of the offline queue.

    `told` is what came as `data` (`EVENT_DATA` in the queue), whatever it is.
    """
    name = event[:EVENT_LIMIT].lower()
    return None if name in SILENT else Bell(_ref(name, told), name)


def _prove(raw: bytes, secrets: HookSecrets) -> tuple[bytes | None, bytes]:
    """The member_id of a genuine body, and the token that proved it.

    Looks for the two proofs alone, so that a body that is cut elsewhere or too long can still be known as genuine.
    """
    token = form.find(raw, "auth[application_token]") or b""
    member = form.find(raw, "auth[member_id]")
    known = [secret.get_secret_value().encode() for secret in secrets.application_tokens]
    # Every token is compared, so the time says nothing about which of them was close.
    matches = [hmac.compare_digest(token, secret) for secret in known if secret]
    if not any(matches):
        raise NotGenuine("no token of this portal")
    if member is not None and not _MEMBER.fullmatch(member):
        raise NotGenuine("no portal's id looks like this")
    if secrets.member_id is not None and not hmac.compare_digest(member or b"", secrets.member_id.encode()):
        raise NotGenuine("another portal's id")
    return member, token


def _ref(event: str, told: Any) -> str | None:
    """What the event names; None when only a reconciliation can tell."""
    kind = KINDS.get(event)
    if kind is None or not isinstance(told, dict):
        return None
    for place in _places(kind, told):
        number = place.get("ID")
        if isinstance(number, int | str) and not isinstance(number, bool) and _ID.fullmatch(str(number)):
            return f"{kind}:{number}"
    return None


def _places(kind: str, told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Where an event's id may stand: in `FIELDS`, a task's before and after, or right under `data`."""
    names = ("FIELDS_AFTER", "FIELDS_BEFORE", "FIELDS") if kind == "task" else ("FIELDS",)
    keys = _upper(told)
    for place in (*(keys.get(name) for name in names), keys):
        if isinstance(place, dict):  # the word `undefined` and lists are no place
            yield _upper(place)


def _upper(told: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).upper(): value for name, value in told.items()}


def _flag(told: Any, name: str) -> bool:
    return isinstance(told, dict) and str(told.get(name)).upper() in ("1", "Y")
