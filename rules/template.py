"""A dossier template: sections with weights and the fields in them, read from `dossier.yaml` or refused with places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field as Limits

from rules.calendar import Unit
from rules.durations import parse_duration
from rules.problems import Problem, has_errors, in_order, meant
from rules.regulation import Text
from rules.shape import Reporter, Strict, read_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rules.located import Path

Check = Literal["number", "future_date", "day_month", "range_1_5", "range_0_10", "inn"]
KEPT_NUMBERS: Final = frozenset({"number", "range_1_5", "range_0_10"})
MOST_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the dossier."""

    id: str
    title: Text
    weight: int
    """Of 100."""
    opens_after: str | None = None
    """Its fields are asked only when that section is half full, and only face to face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to know about a client."""

    id: str
    title: Text
    section: str
    card: Literal["company", "contact"]
    """Whose card holds it; `contact` is the decision-maker."""
    check: Check | None = None
    stale_months: int | None = None
    """`None`: never stale."""
    weight: int = 1
    """Within its section."""
    allow_none: bool = False
    """«нет» is a real answer here."""
    zero: bool = True
    """Whether 0 is an answer; a budget of 0 is not."""
    sensitive: bool = False
    """Personal data that the law protects."""
    kept: bool = False
    """Rules count from the value itself (a date, a number), so it is stored; of all other fields only a hash is."""


@dataclass(frozen=True)
class Template:
    """A list of fields that makes 100 %; a score names its name and version."""

    name: str
    version: int
    sections: tuple[Section, ...]
    fields: tuple[Field, ...]

    @cached_property
    def by_value(self) -> tuple[Field, ...]:
        """Fields by section weight times own weight, the most valuable first; ties in the order of the file."""
        weights = {section.id: section.weight for section in self.sections}
        return tuple(sorted(self.fields, key=lambda field: -weights[field.section] * field.weight))

    def field(self, field_id: str) -> Field | None:
        """The field with this id."""
        return next((field for field in self.fields if field.id == field_id), None)


_Id = Annotated[str, Limits(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_Name = Annotated[str, Limits(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
_Words = Annotated[str, Limits(min_length=1, max_length=120)]
_Weight = Annotated[int, Limits(ge=1, le=100)]


class _Title(Strict):
    ru: _Words
    en: _Words


class _Section(Strict):
    id: _Id
    title: _Title
    weight: _Weight
    opens_after: _Id | None = None


class _Field(Strict):
    id: _Id
    title: _Title
    section: _Id
    card: Literal["company", "contact"]
    check: Check | None = None
    stale_after: str | None = None
    weight: _Weight = 1
    allow_none: bool = False
    zero: bool = True
    sensitive: bool = False
    keep: bool = False


class _File(Strict):
    version: Annotated[int, Limits(ge=1, le=9999)]
    name: _Name
    sections: Annotated[tuple[_Section, ...], Limits(min_length=1, max_length=50)]
    fields: Annotated[tuple[_Field, ...], Limits(min_length=1, max_length=MOST_FIELDS)]


def read_dossier(text: str | bytes, name: str) -> tuple[Template | None, tuple[Problem, ...]]:
    """Read a dossier file: the template, or `None` and every problem with its place. `name` is the file's name."""
    read = read_model(text, name, _File)
    if read.model is None:
        return None, read.problems
    problems = in_order((*read.problems, *_by_meaning(read.model, Reporter(read.located, name))))
    return (None if has_errors(problems) else _template(read.model)), problems


def _template(file: _File) -> Template:
    sections = tuple(
        Section(part.id, Text(part.title.ru, part.title.en), part.weight, part.opens_after) for part in file.sections
    )
    fields = tuple(
        Field(
            id=part.id,
            title=Text(part.title.ru, part.title.en),
            section=part.section,
            card=part.card,
            check=part.check,
            stale_months=_months(part.stale_after) if part.stale_after is not None else None,
            weight=part.weight,
            allow_none=part.allow_none,
            zero=part.zero,
            sensitive=part.sensitive,
            kept=part.keep or part.check == "future_date",
        )
        for part in file.fields
    )
    return Template(file.name, file.version, sections, fields)


def _months(text: str) -> int | None:
    """`12 months`, `2 года`; `None` for everything else."""
    duration = parse_duration(text)
    if duration is None or duration.unit not in (Unit.MONTH, Unit.YEAR) or duration.amount == 0:
        return None
    return int(duration.amount) * (12 if duration.unit is Unit.YEAR else 1)


def _by_meaning(file: _File, report: Reporter) -> Iterator[Problem]:
    """What a well-shaped file can still get wrong."""
    known = [section.id for section in file.sections]
    total = sum(section.weight for section in file.sections)
    if total != 100:
        yield report.of_value(("sections", 0, "weight"), "dossier-weights", {"total": str(total)})
    for kind, ids in (("sections", known), ("fields", [field.id for field in file.fields])):
        for place, part_id in enumerate(ids):
            first = ids.index(part_id)
            if first != place:
                line = str(report.located.values[kind, first, "id"].line)
                yield report.of_value((kind, place, "id"), "dossier-twice", {"id": part_id, "line": line})
    used = {field.section for field in file.fields}
    for place, section in enumerate(file.sections):
        if section.id not in used:
            yield report.of_value(("sections", place, "id"), "dossier-empty-section", {"section": section.id})
        others = [other for other in known if other != section.id]
        if section.opens_after is not None and section.opens_after not in others:
            path = ("sections", place, "opens_after")
            yield _unknown_section(report, path, section.opens_after, others)
    for place, field in enumerate(file.fields):
        if field.section not in known:
            yield _unknown_section(report, ("fields", place, "section"), field.section, known)
        if field.stale_after is not None and _months(field.stale_after) is None:
            yield report.of_value(("fields", place, "stale_after"), "dossier-stale", {"text": field.stale_after})
        if field.keep and (field.check not in KEPT_NUMBERS or field.sensitive):
            yield report.of_value(("fields", place, "keep"), "dossier-keep")


def _unknown_section(report: Reporter, path: Path, section: str, known: list[str]) -> Problem:
    return report.of_value(path, "dossier-section", {"section": section}, hint=meant(section, known))
