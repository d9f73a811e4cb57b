"""The calls about notes: lists, new ones, changes, pinning (facts/amocrm.md 5.3)."""

from __future__ import annotations

from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, PLURAL, Account, moment_of, unix
from connector.sandbox.amocrm.answers import hal, nothing, page_of, written
from connector.sandbox.amocrm.card_writes import judged
from connector.sandbox.amocrm.face import Face, asked_query, is_number, sent_array, sent_object
from connector.sandbox.amocrm.notes import COMMENT_IDS, Note, all_notes
from connector.sandbox.amocrm.problems import Problem, missing, not_supported, wrong_type
from connector.sandbox.records import CardKind

NEEDED: dict[str, tuple[str, ...]] = {
    "common": ("text",),
    "service_message": ("service", "text"),
    "extended_service_message": ("service", "text"),
    "message_cashier": ("status", "text"),
    "geolocation": ("text", "address", "longitude", "latitude"),
    "sms_in": ("text", "phone"),
    "sms_out": ("text", "phone"),
    "call_in": ("duration", "phone"),
    "call_out": ("duration", "phone"),
    "attachment": ("file_uuid",),
}
"""Types that may be written, and the params they need."""


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
        face.on("PATCH", f"{plural}/notes", lambda plural=plural: keeper.change_many(KIND_OF[plural]))
        face.on("PATCH", of_one, lambda number, plural=plural: keeper.change_many(KIND_OF[plural], number))
        one = f"{of_one}/<int:note>"
        face.on("PATCH", one, lambda number, note, plural=plural: keeper.change(KIND_OF[plural], note, number))
        for verb in ("pin", "unpin"):
            path = f"{plural}/notes/<int:note>/{verb}"
            face.on(
                "POST",
                path,
                lambda note, plural=plural, verb=verb: keeper.pin(KIND_OF[plural], note, on_top=verb == "pin"),
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

    def change_many(self, kind: CardKind, number: int | None = None) -> Response:
        """Changes of several notes, each with its `id`."""
        rows = [self._change(kind, one.get("id"), one, number) for one in sent_array(self._account)]
        return written(self._account, f"{PLURAL[kind]}/notes", "notes", rows)

    def change(self, kind: CardKind, note: int, number: int) -> Response:
        """Changes of one note."""
        return hal(self._change(kind, note, sent_object(), number))

    def pin(self, kind: CardKind, note: int, *, on_top: bool) -> Response:
        """Put a note on top of its card, or take it down again: 204."""
        found = self._known(kind, note)
        (self._account.kept.pinned.add if on_top else self._account.kept.pinned.discard)(found.id)
        return nothing()

    def _known(self, kind: CardKind, note: Any) -> Note:
        with self._base.lock:
            for found in all_notes(self._account):
                if found.id == note and found.card[0] == kind:
                    return found
        raise Problem(404, "Note not found")

    def _change(self, kind: CardKind, note: Any, sent: dict[str, Any], number: int | None) -> dict[str, Any]:
        """Words can be changed; calls and mails stay as they are."""
        found, params = self._known(kind, note), sent.get("params")
        if number is not None and found.card[1] != number:
            raise Problem(404, "Note not found")
        if found.id > COMMENT_IDS and isinstance(params, dict):
            with self._base.editing():
                comment = found.id - COMMENT_IDS
                if "text" in params:
                    self._base.change_comment(comment, str(params["text"]), by=self._account.token_user)
                if found.type != "common":
                    self._account.kept.note_types[comment] = (found.type, {**found.params, **params})
        return {
            "id": found.id,
            "entity_id": found.card[1],
            "updated_at": unix(self._base.clock.now()),
            "_links": self._account.link(f"{PLURAL[kind]}/{found.card[1]}/notes/{found.id}"),
        }

    def _judge(self, kind: CardKind, sent: dict[str, Any], number: int | None) -> None:
        card = number if number is not None else sent.get("entity_id")
        if not isinstance(card, int):
            raise missing("entity_id")
        try:
            self._base.card(kind, card)
        except LookupError as error:
            raise not_supported("entity_id") from error
        if sent.get("note_type") not in NEEDED:
            raise not_supported("note_type")
        params = sent.get("params")
        if not isinstance(params, dict):
            raise missing("params")
        for name in NEEDED[sent["note_type"]]:
            if name not in params:
                raise missing(f"params.{name}")
        if "duration" in params and not is_number(params["duration"]):
            raise wrong_type("params.duration", "int")

    def _add(self, kind: CardKind, card: int, sent: dict[str, Any]) -> int:
        by = sent.get("created_by", self._account.token_user)
        params = sent["params"]
        at = moment_of(sent["created_at"]) if is_number(sent.get("created_at")) else None
        if not sent["note_type"].startswith("call_"):
            with self._base.editing():
                made = self._base.add_comment(kind, card, str(params.get("text", "")), by=by, at=at)
                self._account.kept.note_types[made.id] = (sent["note_type"], params)
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
            **({"is_pinned": note.id in self._account.kept.pinned} if "is_pinned" in asked_query().wanted() else {}),
            "_links": self._account.link(f"{PLURAL[kind]}/{card}/notes/{note.id}"),
        }
