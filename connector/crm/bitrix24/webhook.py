"""Bitrix24's outgoing webhook: proven by its token, then reduced to the names of what to look at again.

Facts used (facts/bitrix24.md 1): a form body of PHP's kind; `auth` at its end; only ids inside; the literal word
`undefined` where a task has no before or after; event names in any case.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from connector.crm import form
from connector.crm.port import Bell, Heard, HookSecrets
from connector.errors import NotGenuine

EVENT_LIMIT: Final = 64
"""Characters of an event's name that are kept."""

_ID = re.compile(r"[1-9][0-9]{0,17}")
_MEMBER = re.compile(rb"[0-9A-Za-z_.-]{1,64}")

_SUBJECTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "oncrmdeal": ("deal", ("add", "update", "delete", "movetocategory")),
    "oncrmcompany": ("company", ("add", "update", "delete")),
    "oncrmcontact": ("contact", ("add", "update", "delete")),
    "oncrmactivity": ("signal", ("add", "update", "delete")),
    "ontask": ("task", ("add", "update", "delete")),
}
KINDS: Final[Mapping[str, str]] = {
    subject + verb: kind for subject, (kind, verbs) in _SUBJECTS.items() for verb in verbs
}
"""Event in lower case -> the kind of what it names."""

SILENT: Final = frozenset(
    {"ontaskcommentadd", "oncrmtimelinecommentadd", "oncrmtimelinecommentupdate", "oncrmtimelinecommentdelete"}
)
"""Events that can change nothing we judge: a comment is never a touch (facts/domain.md 5)."""


def hear(raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:  # noqa: ARG001  # amoCRM's part of the Ear
    """Prove and read one POST (`port.Ear`).

    Raises NotGenuine (unknown, forged or missing token, another portal) or Unreadable (proven, yet broken).
    """
    member = _prove(raw, secrets)
    body = form.decode(raw)
    event = body.get("event")
    name = event[:EVENT_LIMIT].lower() if isinstance(event, str) else ""
    account = member.decode() if member else None
    if name in SILENT:
        return Heard(bells=(), account=account)
    return Heard(bells=(Bell(_ref(name, body.get("data")), name),), account=account)


def _prove(raw: bytes, secrets: HookSecrets) -> bytes | None:
    """The member_id of a genuine body.

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
    return member


def _ref(event: str, told: Any) -> str | None:
    """What the event names; None when only a reconciliation can tell."""
    kind = KINDS.get(event)
    if kind is None or not isinstance(told, dict):
        return None
    places = ("FIELDS_AFTER", "FIELDS_BEFORE") if kind == "task" else ("FIELDS",)
    for place in places:
        fields = told.get(place)
        number = fields.get("ID") if isinstance(fields, dict) else None
        if isinstance(number, str) and _ID.fullmatch(number):
            return f"{kind}:{number}"
    return None
