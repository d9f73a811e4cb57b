"""YAML text -> a regulation the engine can judge by, or every problem with its place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rules.calendar import build_calendar
from rules.located import locate
from rules.problems import MAX_PROBLEMS, has_errors, in_order
from rules.regulation import (
    Asking,
    Escalation,
    Feast,
    Limits,
    Proof,
    Proposals,
    Regulation,
    Requirement,
    Rule,
    Segments,
    Silence,
    States,
)
from rules.regulation_checks import check_by_meaning, check_numbers
from rules.regulation_file import FileShape, RuleShape, anchors_in
from rules.scope import Scope
from rules.shape import Reporter, fit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from rules.calendar import WorkingCalendar
    from rules.dossier import Template
    from rules.located import Located
    from rules.problems import Problem
    from rules.regulation_file import Segment

V = TypeVar("V")
_DIGEST: Final = 16
"""Hex digits of a digest: 64 bits tell the versions of a file apart."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A read file: the regulation, or `None` when one of the problems is an error."""

    regulation: Regulation | None
    problems: tuple[Problem, ...]


def read_regulation(
    text: str | bytes,
    name: str,
    *,
    template: Template | None = None,
    days_off: frozenset[date] = frozenset(),
    days_on: frozenset[date] = frozenset(),
    today: date | None = None,
) -> Reading:
    """Read and check a regulation; never raises, whatever the text.

    Args:
        text: the file's content, best as it lies on the disk: then a wrong encoding is found too.
        name: the file's name, as problems show it.
        template: the portal's dossier; without it, names of dossier fields are taken on trust.
        days_off: the portal's own days off, beside those of the file.
        days_on: days on which the portal works although the calendar says off.
        today: when given, a calendar without a decree for this year or the next one is a warning.
    """
    located = locate(text)
    context = {"scope": _file_scope(located, template)}
    read = fit(located, name, FileShape, context)
    problems = list(read.problems)
    calendar = _calendar(read.model, days_off, days_on) if read.model else None
    reporter = Reporter(located, name)
    if located.whole:
        problems += check_by_meaning(reporter, template, calendar, today)
    if read.model:
        problems += check_numbers(reporter, read.model, calendar)
    found = in_order(problems)
    if has_errors(found) or read.model is None or calendar is None:
        return Reading(None, found[:MAX_PROBLEMS])
    written = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    return Reading(_regulation(read.model, located, calendar, template, written), found[:MAX_PROBLEMS])


def _file_scope(located: Located, template: Template | None) -> Scope:
    """The names of the file, from the tree as it was typed."""
    root = located.root if isinstance(located.root, dict) else {}
    rules = [rule for rule in _list(root.get("rules")) if isinstance(rule, dict)]
    named = [rule.get("id") for rule in rules] + [old for rule in rules for old in _list(rule.get("was"))]
    return Scope(
        rules=tuple(dict.fromkeys(rule for rule in named if isinstance(rule, str))),
        feasts=tuple(_map(root.get("feasts"))),
        means=tuple(_map(root.get("means"))),
        template=template,
        dates=frozenset(anchor for rule in rules for anchor in anchors_in(rule.get("touch"))),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _calendar(file: FileShape, off: frozenset[date], on: frozenset[date]) -> WorkingCalendar | None:
    """`None` for a short day that leaves no work; the check by meaning says so."""
    shape = file.calendar
    try:
        return build_calendar(
            shape.base,
            file.work_hours,
            off=off | frozenset(shape.off),
            work=on | frozenset(shape.work),
            short_before_holiday=shape.short_before_holiday,
        )
    except ValueError:
        return None


def _plain(by_segment: Mapping[Segment, V]) -> dict[str, V]:
    return {str(segment): value for segment, value in by_segment.items()}


def digest_of(*parts: object) -> str:
    """A short digest of plain values; the order of keys does not matter."""
    written = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def _regulation(
    file: FileShape, located: Located, calendar: WorkingCalendar, template: Template | None, text: str
) -> Regulation:
    limits, revenue = file.limits, file.segments.revenue
    return Regulation(
        title=file.title,
        rules=tuple(_rule(shape, index, located) for index, shape in enumerate(file.rules)),
        calendar=calendar,
        lead=file.lead,
        grace=file.grace,
        limits=Limits(
            open_per_client=limits.open_per_client,
            per_manager_per_day=limits.per_manager_per_day,
            merge_within=limits.merge_within,
            ride_within=limits.ride_within,
            min_gap=_plain(limits.min_gap.segment) if limits.min_gap else {},
            first_run=limits.first_run,
        ),
        proposals=Proposals(
            remind=file.proposals.remind,
            ignored=file.proposals.ignored,
            later=file.proposals.later,
            decline=file.proposals.decline,
        ),
        proof=Proof(call_seconds=file.proof.call, chat_days=file.proof.chat),
        segments=Segments(
            field=file.segments.field,
            revenue={"A": revenue.A, "B": revenue.B} if revenue else {},
            months=file.segments.over,
        ),
        states=States(
            at_risk=file.states.at_risk,
            sleeping=file.states.sleeping,
            gone=file.states.gone,
            gone_not_before_months=file.states.gone_not_before,
        ),
        cycles=_plain(file.cycles.segment),
        means=file.means,
        dossier=template,
        feasts={
            name: Feast(feast.title, feast.date.month, feast.date.day, feast.date.nth, feast.date.weekday)
            for name, feast in file.feasts.items()
        },
        quiet_hours=file.quiet_hours,
        digest=digest_of(text, repr(template) if template else None),
    )


def _rule(shape: RuleShape, index: int, located: Located) -> Rule:
    typed = {key: value for key, value in located.root["rules"][index].items() if key not in ("id", "was", "enabled")}
    touch, task = shape.touch, shape.task
    return Rule(
        id=shape.id,
        title=shape.title,
        subject=shape.subject,
        touch=Requirement(
            due=touch.due,
            every=touch.every,
            kinds=touch.kind,
            at_most=touch.at_most,
            ride_on=touch.ride_on,
            lapse=touch.lapse,
        ),
        task=Asking(
            text=task.text,
            mode=task.mode,
            assign_to=task.assign_to,
            copy_to=task.copy_to,
            lead=task.lead,
            merge=task.merge,
        ),
        pay=shape.pay,
        priority=index,
        conditions=shape.conditions,
        escalate=tuple(Escalation(step.after, step.to) for step in shape.escalate),
        silence=Silence(shape.silence.rules, shape.silence.duration) if shape.silence else None,
        always=shape.always,
        enabled=shape.enabled,
        was=shape.was,
        digest=digest_of(typed),
        line=located.values["rules", index].line,
    )
