"""The shape of a regulation file: every key of the language with its type and default."""

from __future__ import annotations

from collections.abc import Mapping  # pydantic reads the annotations at run time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import Field, ModelWrapValidatorHandler, PlainValidator, ValidationInfo, model_validator

from rules.calendar import Duration, Unit, known_countries
from rules.conditions import Condition  # same
from rules.conditions.catalog import read_conditions
from rules.phrases import parse_phrase, read_at_most, read_due, read_every
from rules.problems import Hint
from rules.regulation import AtMost, Phrase, Subject, Term
from rules.scope import meant_here
from rules.shape import Strict, flaw, flaws
from rules.written import (
    ClockTerm,
    Cycles,
    Day,
    DayTerm,
    Hours,
    KindList,
    LeadTerm,
    Minutes,
    Months,
    Pay,
    QuietHours,
    Role,
    RoleList,
    RuleId,
    RuleList,
    RuleTerm,
    Seconds,
    Share,
    Title,
    WholeDays,
    Words,
    Yearly,
    scope_of,
)

if TYPE_CHECKING:
    from rules.scope import Scope

_SUBJECTS: Final = ("deal", "client", "contact")


def _days(number: int, unit: Unit = Unit.WORKING_DAY) -> Duration:
    return Duration(Decimal(number), unit)


def _subject(value: Any) -> Subject:
    if value not in _SUBJECTS:
        raise flaw("unknown-subject", {"name": str(value)}, hint=meant_here(str(value), _SUBJECTS))
    return cast("Subject", value)


def _conditions(value: Any, scope: Scope, prefix: str) -> tuple[Condition, ...]:
    found: list[Any] = []
    conditions = read_conditions(value, prefix, scope, found)
    if found:
        raise flaws(found)
    return conditions


def _if(value: Any, about: ValidationInfo) -> tuple[Condition, ...]:
    return _conditions(value, scope_of(about), "if")


def _means(value: Any, about: ValidationInfo) -> Mapping[str, tuple[Condition, ...]]:
    if not isinstance(value, dict):
        raise flaw("not-map")
    found: list[Any] = []
    for word in value:
        if word not in ("regular", "key"):
            hint = meant_here(word, ("regular", "key"))
            found.append(((word,), flaw("unknown-key", {"key": word}, hint=hint, on_key=True)))
    means = {}
    for word, conditions in value.items():
        inner: list[Any] = []
        means[word] = read_conditions(conditions, f"means.{word}", replace(scope_of(about), subject="client"), inner)
        found += [((word, *path), wrong) for path, wrong in inner]
    if found:
        raise flaws(found)
    return means


def _country(value: Any) -> str:
    if not isinstance(value, str) or value not in known_countries():
        hint = meant_here(value.upper(), known_countries()) if isinstance(value, str) and len(value) == 2 else None
        raise flaw("unknown-country", {"name": str(value)}, hint=hint or Hint(code="write-country"))
    return value


Country = Annotated[str, PlainValidator(_country)]
Segment = Literal["A", "B", "C"]


class CalendarShape(Strict):
    """`{base: RU, off: [dates], work: [dates], short_before_holiday: 1 working hour}`."""

    base: Country
    off: tuple[Day, ...] = ()
    work: tuple[Day, ...] = ()
    short_before_holiday: Minutes = 0


def _calendar(value: Any) -> CalendarShape:
    return CalendarShape.model_validate(value if isinstance(value, dict) else {"base": _country(value)})


class TouchShape(Strict):
    """`touch`: what is owed."""

    due: Annotated[tuple[Term, ...], PlainValidator(lambda value, about: read_due(value, scope_of(about)))] = ()
    every: Annotated[Term | None, PlainValidator(lambda value, about: read_every(value, scope_of(about)))] = None
    kind: KindList = ("call", "meeting", "email", "chat", "order")
    at_most: Annotated[AtMost | None, PlainValidator(read_at_most)] = None
    ride_on: RuleList = ()
    lapse: RuleTerm | None = None


class TaskShape(Strict):
    """`task`: how it is asked."""

    mode: Literal["auto", "propose", "batch"] = "auto"
    text: Words
    assign_to: RoleList = ("owner",)
    copy_to: RoleList = ()
    lead: LeadTerm | None = None
    merge: bool = True


class StepShape(Strict):
    """One step of `escalate`."""

    after: RuleTerm
    to: Role


class SilenceShape(Strict):
    """`silence`: which rules hold their tongue, and for how long."""

    rules: RuleList
    duration: Annotated[RuleTerm, Field(alias="for")]


class RuleShape(Strict):
    """One rule."""

    id: RuleId
    was: tuple[RuleId, ...] = ()
    title: Title
    enabled: bool = True
    subject: Annotated[Subject, PlainValidator(_subject), Field(alias="for")]
    conditions: Annotated[tuple[Condition, ...], PlainValidator(_if), Field(alias="if")] = ()
    touch: TouchShape
    task: TaskShape
    escalate: tuple[StepShape, ...] = ()
    silence: SilenceShape | None = None
    always: bool = False
    pay: Pay

    @model_validator(mode="wrap")
    @classmethod
    def _in_its_scope(
        cls, value: Any, handler: ModelWrapValidatorHandler[RuleShape], about: ValidationInfo
    ) -> RuleShape:
        """What a rule may name depends on whom it is for and on what it counts from."""
        file = scope_of(about)
        if about.context and isinstance(value, dict):
            about.context["scope"] = rule_scope(value, file)
        try:
            return handler(value)
        finally:
            if about.context:
                about.context["scope"] = file


class GapShape(Strict):
    """Terms by segment."""

    segment: Mapping[Segment, DayTerm]


class LimitsShape(Strict):
    """`limits`."""

    open_per_client: Annotated[int, Field(ge=1, le=50)] = 2
    per_manager_per_day: Annotated[int, Field(ge=1, le=1000)] = 25
    merge_within: LeadTerm = _days(3)
    ride_within: LeadTerm = _days(7, Unit.DAY)
    min_gap: GapShape | None = None
    first_run: DayTerm = _days(10)


class ProposalsShape(Strict):
    """`proposals`."""

    remind: ClockTerm = _days(2)
    ignored: ClockTerm = _days(5)
    later: Annotated[int, Field(ge=0, le=20)] = 3
    decline: tuple[str, ...] = ()


class ProofShape(Strict):
    """`proof`."""

    call: Seconds = 30
    chat: WholeDays = 3


class RevenueShape(Strict):
    """Upper shares of revenue: A and B; the rest is C."""

    A: Share
    B: Share


class SegmentsShape(Strict):
    """`segments`: read from a field, or computed."""

    field: str | None = None
    revenue: RevenueShape | None = None
    over: Months = 12


class CyclesShape(Strict):
    """`cycles`: default purchase cycles."""

    segment: Mapping[Segment, WholeDays]


class StatesShape(Strict):
    """`states`: limits of the client's states."""

    at_risk: Cycles = Decimal("1.5")
    sleeping: Cycles = Decimal(2)
    gone: Cycles = Decimal(4)
    gone_not_before: Months = 12


class FeastShape(Strict):
    """One yearly day."""

    date: Yearly
    title: Title


class FileShape(Strict):
    """The whole file."""

    version: Literal[1]
    title: Title
    calendar: Annotated[CalendarShape, PlainValidator(_calendar)]
    work_hours: Hours
    quiet_hours: QuietHours | None = None
    lead: LeadTerm = _days(2)
    grace: ClockTerm = _days(1)
    limits: LimitsShape = LimitsShape()
    proposals: ProposalsShape = ProposalsShape()
    proof: ProofShape = ProofShape()
    means: Annotated[Mapping[str, tuple[Condition, ...]], PlainValidator(_means)] = {}  # never changed
    segments: SegmentsShape = SegmentsShape()
    cycles: CyclesShape = CyclesShape.model_validate({"segment": {"A": "30 days", "B": "60 days", "C": "120 days"}})
    states: StatesShape = StatesShape()
    dossier: str | None = None
    feasts: Mapping[RuleId, FeastShape] = {}  # never changed
    rules: Annotated[tuple[RuleShape, ...], Field(min_length=1, max_length=1000)]


def rule_scope(rule: dict[str, Any], file: Scope) -> Scope:
    """The scope of one rule, from the tree as it was typed: a wrong part must not hide what is wrong elsewhere."""
    subject, name, touch = rule.get("for"), rule.get("id"), rule.get("touch")
    return replace(
        file,
        rule=name if isinstance(name, str) else None,
        subject=subject if subject in _SUBJECTS else None,
        rhythm=isinstance(touch, dict) and "every" in touch,
        anchors=frozenset(anchors_in(touch)),
    )


def anchors_in(touch: Any) -> list[str]:
    """The anchors named anywhere in a `touch`, as typed."""
    if isinstance(touch, dict):
        return [name for value in touch.values() for name in anchors_in(value)]
    if isinstance(touch, tuple | list):
        return [name for value in touch for name in anchors_in(value)]
    phrase = parse_phrase(touch) if isinstance(touch, str) else None
    return [phrase.anchor] if isinstance(phrase, Phrase) and phrase.anchor else []
