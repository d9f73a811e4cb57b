"""Lists of conditions of which one is enough, or none may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.assessment import Reason
from rules.conditions import Judgement, earliest, judge_all
from rules.conditions.kinds import ALL, Subjects, Where
from rules.facts import UNKNOWN

if TYPE_CHECKING:
    from rules.case import Case
    from rules.conditions import Condition


@dataclass(frozen=True, slots=True)
class Group:
    """Reads `any: [{…}, {…}]`; inside one `{…}` all must hold."""

    key: str
    subjects: Subjects = ALL

    def read(self, value: Any, where: Where) -> tuple[Condition, ...]:
        """A list of mappings of conditions."""
        if not isinstance(value, tuple):
            where.refuse("not-list")
            return ()
        if not value:
            where.refuse("empty-list")
        parts = tuple(where.read(part, where.below(index)) for index, part in enumerate(value))
        return (Grouped(self.key, str(where), parts),)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Judges `any` or `none`; an unknown part leaves it unknown unless another part decides."""

    key: str
    path: str
    parts: tuple[tuple[Condition, ...], ...]

    def judge(self, case: Case) -> Judgement:
        """One that holds decides; then one that is unknown."""
        judged = [judge_all(part, case) for part in self.parts]
        results = [judgement.holds for judgement in judged]
        found = True if True in results else None if None in results else False
        holds = None if found is None else found is (self.key == "any")
        seen = UNKNOWN if holds is None else holds
        children = tuple(reason for judgement in judged for reason in judgement.reason.children)
        return Judgement(holds, Reason(path=self.path, code=self.key, seen=seen, children=children), earliest(judged))
