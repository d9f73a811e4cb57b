"""What is said in the CRM about an order that carries no text of its own: closed, withdrawn, late, wanted again."""

from __future__ import annotations

from dataclasses import dataclass

from connector.texts import say
from rules.assessment import Order
from rules.explain import say_because
from rules.facts import Snapshot
from rules.regulation import Regulation
from rules.texts import Lang, moment_text


@dataclass(frozen=True)
class Words:
    """The sentences of one client's orders in one language. All moments are told in the portal's zone."""

    regulation: Regulation
    snapshot: Snapshot
    lang: Lang

    def of(self, order: Order) -> tuple[str, str]:
        """Title and text."""
        if order.do == "reopen":  # its words stand in the task already
            return "", say("wanted-again", self.lang)
        if order.text:
            return order.title, order.text
        if order.do == "close":
            return self._on_line(order, self._proven(order))
        if order.do == "withdraw":
            why = say_because(order.because or "", self.lang)
            return self._on_line(order, say("withdrawn-by-regulation", self.lang, why=why))
        if order.do in ("tell", "remind"):
            return say("touch-late" if order.do == "tell" else "touch-reminder", self.lang), self._late(order)
        return order.title, ""

    def title(self, order: Order) -> str:
        """Of the order's rule."""
        return self.title_of(order.key.rule)

    def title_of(self, rule_id: str) -> str:
        """A rule's title; its id where the regulation no longer has it."""
        rule = self.regulation.rule(rule_id)
        if rule is None:
            return rule_id
        return rule.title.ru if self.lang == "ru" else rule.title.en

    def _on_line(self, order: Order, text: str) -> tuple[str, str]:
        """A line of a task that goes on says which of them is meant."""
        return "", text if order.whole_task else f"{self.title(order)}: {text}"

    def _proven(self, order: Order) -> str:
        """Which contact it was."""
        signal = next((one for one in self.snapshot.signals if one.id in order.proof), None)
        if signal is None:
            return say("touch-done", self.lang)
        kind = say(f"signal-{signal.kind}", self.lang)
        return say(
            "touch-proven", self.lang, kind=kind, at=moment_text(signal.at, self.snapshot.portal.zone, self.lang)
        )

    def _late(self, order: Order) -> str:
        doer = self.snapshot.portal.managers.get(order.entry.assignee or "")
        code = "told-ignored" if order.because == "ignored" else "told-overdue"
        return say(
            "offer-unanswered" if order.do == "remind" else code,
            self.lang,
            title=self.title(order),
            client=self.snapshot.client.name,
            who=doer.name if doer else "–",
            due=moment_text(order.entry.promise_at, self.snapshot.portal.zone, self.lang),
        )
