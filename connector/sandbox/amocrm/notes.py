"""Notes: calls and mails as amoCRM keeps them, comments, and system messages (facts/amocrm.md 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.sandbox.amocrm.account import Account
from connector.sandbox.records import Activity, CardKind, Comment

COMMENT_IDS = 1_000_000
"""Added to a comment's id: calls and comments share the ids of notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of a card."""

    id: int
    card: tuple[CardKind, int]
    type: str
    params: dict[str, Any]
    by: int
    created: datetime
    updated: datetime


def card_of(activity: Activity) -> tuple[CardKind, int] | None:
    """The one card that amoCRM binds a communication to: the deal's, else the person's, else the company's."""
    if activity.deal:
        return "deal", activity.deal
    if activity.contact:
        return "contact", activity.contact
    return ("company", activity.company) if activity.company else None


def note_of_activity(account: Account, activity: Activity) -> Note | None:
    """A call or mail as a note; None for what amoCRM keeps elsewhere."""
    card = card_of(activity)
    if card is None or activity.deleted:
        return None
    if activity.kind == "call":
        params = _call(account, activity)
        name = f"call_{activity.direction}"
    elif activity.kind == "email" and account.says("mails_as_notes"):
        params = {"income": activity.direction == "in", "subject": activity.subject, "private": False, "version": 2}
        name = "amomail_message"
    else:
        return None
    return Note(
        id=activity.id,
        card=card,
        type=name,
        params=params,
        by=0 if activity.robot else activity.by,
        created=activity.at,  # a telephone service tells when the call was, not when it was written down
        updated=activity.updated,
    )


def note_of_comment(account: Account, comment: Comment) -> Note:
    """A comment as a note of its type."""
    note_type, params = account.kept.note_types.get(comment.id, ("common", {}))
    params = {**params, "text": comment.text} if "text" in params or not params else params
    return Note(
        id=COMMENT_IDS + comment.id,
        card=comment.card,
        type=note_type,
        params=params,
        by=comment.by,
        created=comment.at,
        updated=comment.at,
    )


def all_notes(account: Account) -> Iterator[Note]:
    """Every note of the account."""
    for activity in account.base.activities.values():
        if note := note_of_activity(account, activity):
            yield note
    for comment in account.base.comments.values():
        yield note_of_comment(account, comment)


def _call(account: Account, activity: Activity) -> dict[str, Any]:
    """A call's params; a call that nobody took lasts no time."""
    person = account.base.contacts.get(activity.contact or 0)
    return {
        "uniq": f"call-{activity.id}",
        "duration": activity.seconds if activity.answered else 0,
        "source": "sandbox telephone",
        "link": None,
        "phone": person.phone if person else "",
        "call_responsible": activity.by,
        "call_status": 4 if activity.answered else 6,
    }
