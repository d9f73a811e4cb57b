"""What a proposal says in the CRM: its title and reason, the answers that can be given, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from connector.crm.port import Choice, OfferStanding
from connector.order_words import Words
from connector.texts import say
from rules.assessment import Order
from rules.explain import explain_reason, say_because
from rules.ledger import Asked, State
from rules.texts import day_text, moment_text

SAID: Final = 60
"""Characters of an unclear answer that are told back."""
LATER_DAYS: Final = (3, 1, 7, 30)
"""What "later" offers, the most usual first; each has its sentence `offer-later-N`."""


def standing_of(row: Asked) -> OfferStanding:
    """How the proposal of an occurrence stands."""
    if row.state is State.OFFERED:
        return "open"
    if row.answer == "accept":
        return "accepted"
    return "declined" if row.state is State.DECLINED else "ended"


@dataclass(frozen=True)
class OfferWords:
    """The sentences of one client's proposals; languages and zones are those of `words`."""

    words: Words

    def offered(self, order: Order) -> tuple[str, str]:
        """Title and text of a new proposal: what would be asked, and why."""
        title = say("offer-title", self.words.lang, title=order.title)
        if not order.reasons:
            return title, order.text
        why = explain_reason(order.reasons[0], self.words.snapshot.portal.zone, self.words.lang)
        return title, f"{order.text}\n\n{say('offer-why', self.words.lang, why=why)}"

    def for_card(self, row: Asked) -> dict[str, Any]:
        """What every writing of a proposal carries: its tag, and while it is open how it can be answered."""
        standing = standing_of(row)
        is_open = standing == "open"
        return {
            "about": str(row.key),
            "standing": standing,
            "tag": say(f"offer-tag-{standing}", self.words.lang),
            "choices": tuple(self._choices(row)) if is_open else (),
            "hint": say("offer-hint", self.words.lang) if is_open else "",
        }

    def status(self, row: Asked, order: Order | None) -> str:
        """How it stands, in a sentence; `order` is what was decided about it now, if anything was."""
        lang, standing = self.words.lang, standing_of(row)
        if standing == "open":
            return self._open(row)
        at = moment_text(row.answered_at or row.settled_at or row.asked_at, self.words.snapshot.portal.zone, lang)
        if standing == "accepted":
            return say("offer-accepted", lang, who=self._who(row), at=at)
        if standing == "declined":
            reason = say_because(row.reason, lang) if row.reason else ""
            code = "offer-declined-because" if reason else "offer-declined"
            return say(code, lang, who=self._who(row), at=at, reason=reason.rstrip("."))
        if row.joined is not None:
            return say("offer-joined", lang, title=self.words.title_of(row.joined.rule))
        if order is not None and order.do in ("close", "withdraw"):
            return self.words.of(order)[1]
        if row.state is State.DONE:
            return say("touch-done", lang)
        return say("withdrawn-by-regulation", lang, why=say_because(row.reason or "gone", lang))

    def unclear(self, words: str) -> str:
        """Why it is open again: somebody closed it with words that answer nothing."""
        said = " ".join(words.split())
        return say("offer-unclear", self.words.lang, words=said if len(said) <= SAID else f"{said[:SAID]}…")

    def _open(self, row: Asked) -> str:
        lang = self.words.lang
        if row.answer == "later" and row.later_until is not None and row.answered_at is not None:
            code = "offer-put-off" if self._may_wait(row) else "offer-put-off-last"
            return say(code, lang, day=day_text(row.later_until, lang), who=self._who(row))
        return say("wanted-again", lang) if row.reopened else ""

    def _choices(self, row: Asked) -> Iterator[Choice]:
        lang = self.words.lang
        yield Choice(label=say("offer-accept", lang), answer="accept")
        if self._may_wait(row):
            for days in LATER_DAYS:
                yield Choice(label=say(f"offer-later-{days}", lang), answer="later", days=days)
        reasons = self.words.regulation.proposals.decline
        for reason in reasons:
            label = say("offer-decline-because", lang, reason=reason)
            yield Choice(label=label, answer="decline", reason=reason)
        if not reasons:
            yield Choice(label=say("offer-decline", lang), answer="decline")

    def _may_wait(self, row: Asked) -> bool:
        return row.later < self.words.regulation.proposals.later

    def _who(self, row: Asked) -> str:
        manager = self.words.snapshot.portal.managers.get(row.answered_by or "")
        return manager.name if manager is not None else "–"
