"""What is wrong with a regulation although every value is: two keys that exclude each other, an id given twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.problems import Hint
from rules.regulation_file import anchors_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from rules.calendar import WorkingCalendar
    from rules.dossier import Template
    from rules.located import Path
    from rules.problems import Problem
    from rules.regulation_file import FileShape
    from rules.shape import Reporter

_CLOSED = ("won", "lost")


def check_by_meaning(
    file: Reporter,
    template: Template | None,
    calendar: WorkingCalendar | None,
    today: date | None,
) -> Iterator[Problem]:
    """Looks at the tree as it was typed, so that a rule with a wrong value is checked all the same."""
    root = file.located.root
    if not isinstance(root, dict):
        return
    yield from _header(file, root, template, calendar, today)
    rules = root.get("rules")
    if not isinstance(rules, list):
        return
    taken: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            yield from _ids(file, index, rule, taken)
            yield from _touch(file, index, rule)
            yield from _task(file, index, rule)


def _header(
    file: Reporter,
    root: dict[str, Any],
    template: Template | None,
    calendar: WorkingCalendar | None,
    today: date | None,
) -> Iterator[Problem]:
    name = root.get("dossier")
    if template is not None and isinstance(name, str) and name != template.name:
        yield file.of_value(("dossier",), "other-dossier", {"name": name, "known": template.name})
    segments = root.get("segments")
    if isinstance(segments, dict) and ("field" in segments) is ("revenue" in segments):
        yield file.of_key(("segments",), "field-or-revenue")
    if calendar is not None and today is not None:
        open_years = sorted(calendar.undecreed & {today.year, today.year + 1})
        if open_years:
            given = {"country": calendar.country, "year": str(open_years[0])}
            yield file.of_value(("calendar",), "no-decree", given, severity="warning")


def check_numbers(file: Reporter, shape: FileShape, calendar: WorkingCalendar | None) -> Iterator[Problem]:
    """What only the read numbers tell."""
    states, revenue = shape.states, shape.segments.revenue
    if not states.at_risk < states.sleeping < states.gone:
        yield file.of_key(("states",), "states-order")
    if revenue is not None and revenue.A >= revenue.B:
        yield file.of_key(("segments", "revenue"), "revenue-order")
    if calendar is None:
        yield file.of_value(("calendar", "short_before_holiday"), "short-day")


def _ids(file: Reporter, index: int, rule: dict[str, Any], taken: dict[str, int]) -> Iterator[Problem]:
    """Ids, former ones included, are unique: identities of planned touches hang on them."""
    former = rule.get("was")
    places: list[tuple[Path, Any]] = [(("rules", index, "id"), rule.get("id"))]
    if isinstance(former, list):
        places += [(("rules", index, "was", place), old) for place, old in enumerate(former)]
    for path, name in places:
        if not isinstance(name, str):
            continue
        line = file.located.values[path].line
        if name in taken:
            yield file.of_value(path, "duplicate-id", {"id": name, "line": str(taken[name])})
        taken.setdefault(name, line)


def _touch(file: Reporter, index: int, rule: dict[str, Any]) -> Iterator[Problem]:
    touch, path = rule.get("touch"), ("rules", index, "touch")
    if not isinstance(touch, dict):
        return
    if "due" in touch and "every" in touch:
        yield file.of_key((*path, "every"), "due-and-every")
    if "due" not in touch and "every" not in touch:
        yield file.of_key(path, "due-or-every")
    kinds = touch.get("kind")
    if isinstance(kinds, list) and "phase_change" in kinds and rule.get("for") in ("client", "contact"):
        yield file.of_value((*path, "kind", kinds.index("phase_change")), "kind-needs-deal", {"name": "phase_change"})
    conditions = rule.get("if")
    phase = conditions.get("phase") if isinstance(conditions, dict) else None
    closed = [one for one in (phase if isinstance(phase, list) else [phase]) if one in _CLOSED]
    if closed and "phase.entered" in anchors_in(touch.get("due")):
        hint = Hint(code="use-anchor", given={"name": f"deal.{closed[0]}"})
        yield file.of_value((*path, "due"), "closed-phase", {"phase": closed[0]}, hint=hint, word="phase.entered")


def _task(file: Reporter, index: int, rule: dict[str, Any]) -> Iterator[Problem]:
    task, path = rule.get("task"), ("rules", index, "task")
    mode = task.get("mode") if isinstance(task, dict) else None
    if mode == "batch":
        yield file.of_value((*path, "mode"), "batch-one-by-one", {"mode": mode}, severity="warning")
    texts: list[Path] = [(*path, "text"), ("rules", index, "title")]
    for text in [*texts, *((*text, lang) for text in texts for lang in ("ru", "en"))]:
        place = file.located.values.get(text)
        if place is not None and place.comment_follows:
            yield file.of_value(text, "comment-after-text", severity="warning", hint=Hint(code="quote-hash"))
