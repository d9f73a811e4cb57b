"""Words in a portal: notes in the timeline of a card, and messages of the system to one user."""

from __future__ import annotations

from datetime import datetime

from connector.sandbox.cards import UnknownRecord
from connector.sandbox.clock import Clock
from connector.sandbox.papers import Papers
from connector.sandbox.records import CardKind, Comment, Notification


class Comments(Papers):
    """The cards with what is said about them."""

    def __init__(self, name: str, crm: str, clock: Clock) -> None:
        super().__init__(name, crm, clock)
        self.comments: dict[int, Comment] = {}
        self.notifications: dict[int, Notification] = {}

    def add_comment(
        self, kind: CardKind, card_id: int, text: str, *, by: int = 0, at: datetime | None = None
    ) -> Comment:
        """A note in the timeline of a card that is there.

        Raises:
            UnknownRecord: no such card.
        """
        with self.editing():
            self.card(kind, card_id)
            moment = self.moment(at)
            made = Comment(id=self.new_id("comment"), card=(kind, card_id), text=text, at=moment, by=by)
            self.comments[made.id] = made
            self.note("added", "comment", made.id, by=by, at=moment, after={"card": [kind, card_id]})
            return made

    def change_comment(self, comment_id: int, text: str, *, by: int = 0) -> Comment:
        """Another text for a comment; nothing is saved where nothing changes.

        Raises:
            UnknownRecord: no such comment.
        """
        with self.editing():
            found = self._comment(comment_id)
            if found.text != text:
                before, found.text = found.text, text
                old, new = {"text": before}, {"text": text}
                self.note("updated", "comment", comment_id, by=by, at=self.clock.now(), before=old, after=new)
            return found

    def delete_comment(self, comment_id: int, *, by: int = 0) -> None:
        """Delete a comment for good.

        Raises:
            UnknownRecord: no such comment.
        """
        with self.editing():
            self._comment(comment_id)
            del self.comments[comment_id]
            self.note("deleted", "comment", comment_id, by=by, at=self.clock.now())

    def _comment(self, comment_id: int) -> Comment:
        if comment_id not in self.comments:
            raise UnknownRecord(f"comment {comment_id}")
        return self.comments[comment_id]

    def notify(self, to: int, text: str, *, tag: str = "") -> Notification:
        """A system message to one user; one with the same tag replaces the last."""
        with self.editing():
            if tag:
                same = [one.id for one in self.notifications.values() if (one.to, one.tag) == (to, tag)]
                for old in same:
                    del self.notifications[old]
            made = Notification(id=self.new_id("notification"), to=to, text=text, at=self.clock.now(), tag=tag)
            self.notifications[made.id] = made
            return made
