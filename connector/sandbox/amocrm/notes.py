"""Notes: calls and mails as amoCRM keeps them, comments, and system messages (facts/amocrm.md 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account, moment_of, unix
from connector.sandbox.amocrm.answers import hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.face import Face, asked_query, is_number, sent_array
from connector.sandbox.amocrm.problems import missing, not_supported, wrong_type
from connector.sandbox.records import Activity, CardKind, Comment

COMMENT_IDS = 1_000_000
"""Added to a comment's id: calls and comments share the ids of notes."""
WORDS = frozenset({"common", "service_message", "extended_service_message"})
WRITABLE = WORDS | {"call_in", "call_out"}


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
    note_type, service = account.kept.note_types.get(comment.id, ("common", None))
    params = {"text": comment.text} if service is None else {"service": service, "text": comment.text}
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


def add_notes(face: Face) -> None:
    """Hang up the calls about notes."""
    keeper = _Keeper(face.account)
    for plural in PLURAL.values():
        face.on("GET", f"{plural}/notes", lambda plural=plural: keeper.several(KIND_OF[plural]))
        face.on("GET", f"{plural}/notes/<int:note>", lambda note, plural=plural: keeper.one(KIND_OF[plural], note))
        face.on("POST", f"{plural}/notes", lambda plural=plural: keeper.create(KIND_OF[plural]))
        of_one = f"{plural}/<int:number>/notes"
        face.on("GET", of_one, lambda number, plural=plural: keeper.several(KIND_OF[plural], number))
        face.on("POST", of_one, lambda number, plural=plural: keeper.create(KIND_OF[plural], number))
        face.on(
            "GET", f"{of_one}/<int:note>", lambda number, note, plural=plural: keeper.one(KIND_OF[plural], note, number)
        )


class _Keeper:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def several(self, kind: CardKind, number: int | None = None) -> Response:
        """A page of notes of a kind of card, or of one card. These filters are free."""
        query = asked_query()
        ids, of, types = query.ids("filter", "id"), query.ids("filter", "entity_id"), query.many("filter", "note_type")
        begin, end = query.span("filter", "updated_at") or (None, None)
        with self._base.lock:
            rows = [
                note
                for note in all_notes(self._account)
                if note.card[0] == kind
                and (number is None or note.card[1] == number)
                and (ids is None or note.id in ids)
                and (of is None or note.card[1] in of)
                and (types is None or note.type in types)
                and (begin or 0) <= unix(note.updated) <= (end or unix(note.updated))
            ]
        field, descending = query.order(("updated_at", "id")) or ("id", False)
        rows.sort(key=lambda note: (note.updated, note.id) if field == "updated_at" else (note.id,), reverse=descending)
        return page_of(self._account, query, "notes", rows, self._shown)

    def one(self, kind: CardKind, note: int, number: int | None = None) -> Response:
        """One note; 204 when there is none."""
        with self._base.lock:
            for found in all_notes(self._account):
                if found.id == note and found.card[0] == kind and number in (None, found.card[1]):
                    return hal(self._shown(found))
        return nothing()

    def create(self, kind: CardKind, number: int | None = None) -> Response:
        """New notes: words, or calls as a telephone service adds them."""
        sent = sent_array(self._account)
        judged(sent, lambda one: self._judge(kind, one, number))
        rows = []
        for place, one in enumerate(sent):
            card = number if number is not None else one["entity_id"]
            note = self._add(kind, card, one)
            rows.append(
                {
                    "id": note,
                    "entity_id": card,
                    "request_id": str(one.get("request_id", place)),
                    "_links": self._account.link(f"{PLURAL[kind]}/{card}/notes/{note}"),
                }
            )
        return written(self._account, f"{PLURAL[kind]}/notes", "notes", rows)

    def _judge(self, kind: CardKind, sent: dict[str, Any], number: int | None) -> None:
        card = number if number is not None else sent.get("entity_id")
        if not isinstance(card, int):
            raise missing("entity_id")
        try:
            self._base.card(kind, card)
        except LookupError as error:
            raise not_supported("entity_id") from error
        if sent.get("note_type") not in WRITABLE:
            raise not_supported("note_type")
        params = sent.get("params")
        if not isinstance(params, dict):
            raise missing("params")
        needed = {"common": ("text",), "call_in": ("duration", "phone"), "call_out": ("duration", "phone")}
        for name in needed.get(sent["note_type"], ("service", "text")):
            if name not in params:
                raise missing(f"params.{name}")
        if "duration" in params and not is_number(params["duration"]):
            raise wrong_type("params.duration", "int")

    def _add(self, kind: CardKind, card: int, sent: dict[str, Any]) -> int:
        by = sent.get("created_by", self._account.token_user)
        params = sent["params"]
        at = moment_of(sent["created_at"]) if is_number(sent.get("created_at")) else None
        if sent["note_type"] in WORDS:
            with self._base.editing():
                made = self._base.add_comment(kind, card, str(params["text"]), by=by, at=at)
                self._account.kept.note_types[made.id] = (sent["note_type"], params.get("service"))
            return COMMENT_IDS + made.id
        called = self._base.add_activity(
            "call",
            direction="in" if sent["note_type"] == "call_in" else "out",
            at=at,
            seconds=int(params["duration"]),
            answered=bool(params["duration"]),
            by=by,
            created=self._base.clock.now(),
            company=card if kind == "company" else None,
            contact=card if kind == "contact" else None,
            deal=card if kind == "deal" else None,
        )
        return called.id

    def _shown(self, note: Note) -> dict[str, Any]:
        kind, card = note.card
        return {
            "id": note.id,
            "entity_id": card,
            "created_by": note.by,
            "updated_by": note.by,
            "created_at": unix(note.created),
            "updated_at": unix(note.updated),
            "responsible_user_id": note.by,
            "group_id": 0,
            "note_type": note.type,
            "params": note.params,
            "account_id": self._account.id,
            "_links": self._account.link(f"{PLURAL[kind]}/{card}/notes/{note.id}"),
        }


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
