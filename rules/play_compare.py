"""What a test file says of a moment beside what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rules.assessment import Assessment, Order
    from rules.play_facts import World
    from rules.regulation import Regulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing that went another way than the file says."""

    case: str
    at: str
    part: str
    """`expect`, `orders`, `recheck`, or `file` when the case could not be played."""
    wanted: str
    got: str

    def __str__(self) -> str:
        return f"{self.case}, {self.at}: {self.part}\n    wanted {self.wanted}\n    got    {self.got}"


@dataclass
class Comparison:
    """One moment: what the file says beside what came out."""

    case: str
    scene: Mapping[str, Any]
    judged: Assessment
    world: World
    regulation: Regulation

    def mismatches(self) -> list[Mismatch]:
        """Everything that differs."""
        found = [self._differs("expect", wanted, self._verdicts(wanted)) for wanted in self.scene.get("expect") or ()]
        if "orders" in self.scene:
            found.append(self._orders(self.scene["orders"]))
        if "recheck" in self.scene:
            found.append(self._recheck(self.scene["recheck"]))
        return [one for one in found if one is not None]

    def _mismatch(self, part: str, wanted: Any, got: Any) -> Mismatch:
        return Mismatch(case=self.case, at=str(self.scene["at"]), part=part, wanted=str(wanted), got=str(got))

    def _differs(self, part: str, wanted: Mapping[str, Any], got: Sequence[Mapping[str, Any]]) -> Mismatch | None:
        fits = any(all(one.get(name) == str(value) for name, value in wanted.items()) for one in got)
        return None if fits else self._mismatch(part, wanted, list(got))

    def _verdicts(self, wanted: Mapping[str, Any]) -> list[dict[str, str | None]]:
        """Verdicts on the rule and subject that are meant."""
        return [
            {
                "rule": verdict.rule,
                "of": wanted["of"],
                "verdict": str(verdict.status),
                "due": self._local(verdict.due_at),
                "occurrence": verdict.occurrence,
                "because": verdict.because,
            }
            for verdict in self.judged.verdicts
            if verdict.rule == wanted["rule"] and verdict.subject == self.world.subject(wanted["of"])
        ]

    def _orders(self, wanted: Sequence[Mapping[str, Any]]) -> Mismatch | None:
        """Each order of the file has one of its own, and none is left over."""
        left = [self._order(order) for order in self.judged.orders]
        for one in wanted:
            flat = {name: self._of(value) if name == "with" else str(value) for name, value in one.items()}
            fits = next((got for got in left if all(got.get(name) == value for name, value in flat.items())), None)
            if fits is None:
                return self._mismatch("orders", one, left)
            left.remove(fits)
        return self._mismatch("orders", "nothing else", left) if left else None

    def _of(self, value: Mapping[str, str]) -> str:
        return f"{value['rule']}/{self.world.subject(value['of'])}"

    def _order(self, order: Order) -> dict[str, str | None]:
        rule = self.regulation.rule(order.key.rule)
        host = order.joins
        return {
            "do": order.do,
            "rule": rule.id if rule is not None else order.key.rule,
            "of": order.key.subject.partition(":")[2],
            "occurrence": order.key.occurrence,
            "to": order.to,
            "due": self._local(order.due_at),
            "as": order.settles_as,
            "proof": ", ".join(order.proof),
            "because": order.because,
            "step": str(order.step),
            "with": f"{host.rule}/{host.subject}" if host is not None else None,
        }

    def _recheck(self, wanted: Any) -> Mismatch | None:
        got = self._local(self.judged.recheck_at)
        return None if got == (str(wanted) if wanted is not None else None) else self._mismatch("recheck", wanted, got)

    def _local(self, moment: datetime | None) -> str | None:
        return f"{moment.astimezone(self.world.zone):%Y-%m-%d %H:%M}" if moment is not None else None
