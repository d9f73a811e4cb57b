"""The portal's map: which stages are which phase, which CRM field is which fact, and who holds which role.

It is what an admin writes in `portals/<name>/portal.yaml`. CRM names end here: everything after speaks the
regulation's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # the models below need it when they are made
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from connector.crm.facts import PURCHASE_STAGE
from connector.crm.port import Wanted
from connector.texts import language
from rules.facts import PHASES
from rules.problems import Problem, has_errors, in_order, meant, render
from rules.shape import Reporter, Strict, flaw, read_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.crm.port import Directory
    from rules.located import Path
    from rules.template import Template
    from rules.texts import Lang

PhaseName = Literal["new", "qualify", "offer", "negotiate", "payment", "delivery", "won", "lost"]
RoleName = Literal["client_manager", "active_manager", "project_manager", "development", "head", "substitute"]
LossReason = Literal["price", "not_now", "competitor", "no_answer", "not_our_client"]
assert get_args(PhaseName) == PHASES  # one closed list, two places

_PLACE: Final = re.compile(r"(company|contact|deal)\.[^\s.]+|(company|contact)\.requisite\.[^\s.]+")
_FIELD: Final = re.compile(r"(client|contact|deal)\.[a-z][a-z0-9_]*")
_STAGE: Final = re.compile(r"[^\s:]+:\S+")


def _as_text(value: Any) -> Any:
    """Ids are text for us, though a YAML file may give them as whole numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _of_form(pattern: re.Pattern[str], code: str, *, on_key: bool = False) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, str) and not pattern.fullmatch(value):
            raise flaw(code, {"text": value}, on_key=on_key)
        return value

    return BeforeValidator(check)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value,)


def _as_day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise flaw("bad-day-off", {"text": value}) from None


Id = Annotated[str, BeforeValidator(_as_text)]
Ids = Annotated[tuple[Id, ...], BeforeValidator(_as_list)]
Stages = Annotated[tuple[Annotated[str, _of_form(_STAGE, "bad-stage")], ...], BeforeValidator(_as_list)]
Place = Annotated[str, _of_form(_PLACE, "bad-place")]
"""A card and its field in the CRM's own name: `company.UF_CRM_SEGMENT`, `contact.birthdate`, `company.501`.

Bitrix24 keeps some outside the card: `company.requisite.RQ_INN`, `contact.requisite.RQ_INN`, `deal.products`.
"""
Places = Annotated[tuple[Place, ...], BeforeValidator(_as_list)]
FieldName = Annotated[str, _of_form(_FIELD, "bad-field-name", on_key=True)]
"""The regulation's name: `client.segment`, `deal.invoice_due`, `contact.birthday`."""
Day = Annotated[date, BeforeValidator(_as_day)]


class PortalMap(Strict):
    """The `map:` of portal.yaml. One value and a list of one mean the same."""

    phases: Annotated[Mapping[PhaseName, Stages], Field(default_factory=dict)]
    """Stage keys `pipeline:stage` by phase; won and lost need no entry, the CRM tells."""
    not_a_sale: Ids = ()
    """Pipelines whose deals are no sales: service, delivery."""
    fields: Annotated[Mapping[FieldName, Places], Field(default_factory=dict)]
    """The regulation's name -> the CRM's field, or several, best first."""
    dossier: Annotated[Mapping[str, Place], Field(default_factory=dict)]
    """Dossier field id -> the CRM's field; one that is left out counts as empty."""
    values: Annotated[Mapping[FieldName, Mapping[str, Id]], Field(default_factory=dict)]
    """The CRM's value of a field (`client.segment`: the id of a list choice) -> the regulation's (`A`)."""
    loss_reasons: Annotated[Mapping[LossReason, Ids], Field(default_factory=dict)]
    roles: Annotated[Mapping[RoleName, Ids], Field(default_factory=dict)]
    """User ids by role. Bitrix24 knows heads from departments, amoCRM does not."""
    default_manager: Id | None = None
    """Gets what nobody else can get."""


class PortalFile(Strict):
    """The whole of portal.yaml."""

    version: Literal[1] = 1
    map: PortalMap
    days_off: tuple[Day, ...] = ()
    """Days (2026-05-04) on which this company does not work, beside the country's calendar."""
    days_on: tuple[Day, ...] = ()
    """Days on which it works although the calendar says off."""


@dataclass(frozen=True)
class Mapped:
    """The map, turned round for quick look-ups."""

    file: PortalFile
    phase_of: Mapping[str, PhaseName]
    loss_reason_of: Mapping[str, str]
    report: Reporter
    """Knows where everything stands in the file, for what only the CRM can tell."""

    @property
    def wanted(self) -> Wanted:
        """The fields to read, by kind of card."""
        by_card: dict[str, set[str]] = {"company": set(), "contact": set(), "deal": set()}
        for _, place in self.named_places():
            card, _, name = place.partition(".")
            by_card[card].add(name)
        fields = {card: tuple(sorted(names)) for card, names in by_card.items()}
        return Wanted(**fields, purchases=PURCHASE_STAGE in self.phase_of)

    def places(self, name: str) -> tuple[str, ...]:
        """Where the regulation's field lies in the CRM, best first."""
        return self.file.map.fields.get(name, ())

    def named_places(self) -> Iterator[tuple[Path, str]]:
        """Every CRM field the file names, with its path in the file."""
        for name, places in self.file.map.fields.items():
            for index, place in enumerate(places):
                yield ("map", "fields", name, index), place
        for field, place in self.file.map.dossier.items():
            yield ("map", "dossier", field), place


def read_portal_file(text: str | bytes, name: str) -> tuple[Mapped | None, tuple[Problem, ...]]:
    """Read portal.yaml: the map, or `None` and every problem with its place. `name` is the file's name."""
    read = read_model(text, name, PortalFile)
    if read.model is None:
        return None, read.problems
    report = Reporter(read.located, name)
    found = list(read.problems)
    phase_of: dict[str, PhaseName] = {}
    for phase, stages in read.model.map.phases.items():
        for index, stage in enumerate(stages):
            if phase_of.setdefault(stage, phase) != phase:
                given = {"stage": stage, "phase": phase_of[stage]}
                found.append(report.of_value(("map", "phases", phase, index), "stage-twice", given))
    reasons = {crm: reason for reason, ids in read.model.map.loss_reasons.items() for crm in ids}
    problems = in_order(found)
    mapped = Mapped(file=read.model, phase_of=phase_of, loss_reason_of=reasons, report=report)
    return (None if has_errors(problems) else mapped), problems


def against_dossier(mapped: Mapped, template: Template) -> tuple[Problem, ...]:
    """Fields under `map: dossier:` that the dossier does not have; only warnings, for they do no harm."""
    known = [field.id for field in template.fields]
    return tuple(
        mapped.report.of_key(
            ("map", "dossier", field),
            "map-dossier-field",
            {"field": field},
            severity="warning",
            hint=meant(field, known),
        )
        for field in mapped.file.map.dossier
        if field not in known
    )


def against_directory(mapped: Mapped, directory: Directory, name: str, lang: Lang | None = None) -> list[str]:
    """`map_problems` as ready texts, in the operator's language if none is asked for; `name` is the file's name."""
    found = (replace(problem, name=name) for problem in map_problems(mapped, directory))
    return [render([problem], lang or language()).rstrip() for problem in found]


def map_problems(mapped: Mapped, directory: Directory) -> tuple[Problem, ...]:
    """What the map says that the CRM does not have, and the stages it leaves out; each with its place."""
    report = mapped.report
    found = [
        report.of_key(
            ("map", "phases"),
            "unmapped-stage",
            {"stage": f"{stage.pipeline_title} / {stage.title}", "key": stage.key},
        )
        for stage in directory.stages
        if stage.semantic == "open" and stage.key not in mapped.phase_of
    ]
    stages = [stage.key for stage in directory.stages]
    for phase, keys in mapped.file.map.phases.items():
        for index, key in enumerate(keys):
            if key not in stages:
                path: Path = ("map", "phases", phase, index)
                found.append(report.of_value(path, "unknown-stage", {"key": key}, hint=meant(key, stages)))
    fields = [f"{card}.{name}" for card, names in directory.fields.items() for name in names]
    for path, place in mapped.named_places():
        if place not in fields:
            found.append(report.of_value(path, "unknown-field", {"field": place}, hint=meant(place, fields)))
    users = [user.id for user in directory.users]
    for role, ids in mapped.file.map.roles.items():
        for index, user in enumerate(ids):
            if user not in users:
                found.append(report.of_value(("map", "roles", role, index), "unknown-user", {"user": user}))
    lonely = mapped.file.map.default_manager
    if lonely is not None and lonely not in users:
        found.append(report.of_value(("map", "default_manager"), "unknown-user", {"user": lonely}))
    return in_order(found)


def as_tuple(value: tuple[str, ...] | str) -> tuple[str, ...]:
    """One word or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)
