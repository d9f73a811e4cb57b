"""A portal's files: made by init, read together, refused with places, and compared with the CRM's directory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import pytest

from connector.crm.port import Directory, Stage, User, Wanted
from connector.errors import SettingsError
from connector.portal_files import LIBRARY, TEMPLATES, init_portal, load_portal_files, read_regulation_texts
from connector.portal_map import Mapped, against_directory, map_problems, read_portal_file
from connector.settings import PortalConnection, Settings
from rules.dossier import read_dossier
from rules.problems import render
from rules.reader import read_regulation

if TYPE_CHECKING:
    from pathlib import Path

MAP = """\
version: 1
map:
  phases:
    new: ["0:NEW", "7:NEW"]
    offer: "0:PREPARATION"
  not_a_sale: 7
  fields:
    client.segment: company.UF_CRM_SEGMENT
    deal.invoice_due: [deal.UF_CRM_DUE, deal.closeDate]
  values:
    client.segment: {"45": A, "46": B}
  dossier:
    inn: company.UF_CRM_INN
    dm_name: contact.name
  loss_reasons:
    price: [12, "13"]
  roles:
    head: 7
  default_manager: 1
days_off: [2026-11-25]
days_on: [2026-11-28]
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASANIE_LANG", "en")


def settings_in(folder: Path) -> Settings:
    portal = {"url": "https://example.org"}
    return Settings(
        folder=folder,
        portals={
            "north": PortalConnection.model_validate({"crm": "bitrix24", **portal}),
            "south": PortalConnection.model_validate({"crm": "amocrm", **portal}),
        },
    )


def mapped(text: str = MAP) -> Mapped:
    found, problems = read_portal_file(text, "portal.yaml")
    assert found is not None, render(problems, "en")
    return found


@pytest.mark.parametrize("name", ["north", "south"])
def test_init_makes_files_that_are_right_as_they_are(tmp_path: Path, name: str) -> None:
    settings = settings_in(tmp_path)
    made = init_portal(settings, name)
    assert [path.relative_to(tmp_path).as_posix() for path in made] == [
        f"portals/{name}/portal.yaml",
        f"portals/{name}/regulation.yaml",
        f"portals/{name}/dossier.yaml",
    ]
    files = load_portal_files(settings, name)
    assert [problem.code for problem in files.problems if problem.severity == "error"] == []
    assert files.missing == ()
    assert files.mapped is not None
    assert files.template is not None
    assert files.regulation is not None
    assert files.regulation.dossier == files.template
    assert len(files.template.fields) == 50


def test_init_never_overwrites(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    folder = settings.portal_folder("north")
    folder.mkdir(parents=True)
    (folder / "portal.yaml").write_text(MAP, encoding="utf-8")
    assert [path.name for path in init_portal(settings, "north")] == ["regulation.yaml", "dossier.yaml"]
    assert (folder / "portal.yaml").read_text(encoding="utf-8") == MAP
    with pytest.raises(SettingsError, match="exists already"):
        init_portal(settings, "north")


def test_init_of_an_unknown_portal_or_template_names_what_there_is(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(SettingsError, match="There are: north, south"):
        init_portal(settings, "nord")
    for template in ("b3b", "../../../etc/passwd", ""):
        with pytest.raises(SettingsError, match=r"There are: .*b2b"):
            init_portal(settings, "north", template)
    assert not (tmp_path / "portals").exists()


def test_everything_shipped_reads_without_errors() -> None:
    for path in LIBRARY.glob("dossier-*.yaml"):
        template, problems = read_dossier(path.read_bytes(), path.name)
        assert problems == ()
        assert template is not None
        assert path.name == f"dossier-{template.name}.yaml"
    for path in LIBRARY.glob("regulation-*.yaml"):
        assert read_regulation(path.read_bytes(), path.name).regulation is not None, path.name
    for path in TEMPLATES.glob("portal-*.yaml"):
        assert read_portal_file(path.read_bytes(), path.name)[1] == ()


@pytest.mark.parametrize("crm", ["bitrix24", "amocrm"])
def test_the_commented_lines_of_a_template_are_right_when_uncommented(crm: str) -> None:
    text = (TEMPLATES / f"portal-{crm}.yaml").read_text(encoding="utf-8")
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("    # ") and ": " in line and lines and "/" not in line.partition(" # ")[0][4:]:
            lines[-1] = lines[-1].removesuffix(" {}")
            line = "    " + line[6:]  # noqa: PLW2901  # the same line without its mark
        lines.append(line)
    found, problems = read_portal_file("\n".join(lines), "portal.yaml")
    assert found is not None, render(problems, "en")
    assert len(found.file.map.fields) >= 9
    assert found.file.map.values["client.segment"]
    assert len(found.file.map.phases) == 6
    assert found.file.map.loss_reasons
    assert found.file.map.roles


def test_the_map_speaks_the_regulations_words() -> None:
    found = mapped()
    assert dict(found.phase_of) == {"0:NEW": "new", "7:NEW": "new", "0:PREPARATION": "offer"}
    assert dict(found.loss_reason_of) == {"12": "price", "13": "price"}
    assert found.file.map.not_a_sale == ("7",)
    assert found.file.map.roles == {"head": ("7",)}
    assert found.file.map.default_manager == "1"
    assert found.places("deal.invoice_due") == ("deal.UF_CRM_DUE", "deal.closeDate")
    assert found.places("client.nps") == ()
    assert found.wanted.company == ("UF_CRM_INN", "UF_CRM_SEGMENT")
    assert found.wanted.contact == ("name",)
    assert found.wanted.deal == ("UF_CRM_DUE", "closeDate")
    assert found.file.days_off == (date(2026, 11, 25),)


@pytest.mark.parametrize(
    ("written", "instead", "code", "place"),
    [
        ("    offer:", "    ofer:", "unknown-key", "5:5"),
        ('"0:PREPARATION"', "PREPARATION", "bad-stage", "5:12"),
        ('"0:PREPARATION"', '"0:NEW"', "stage-twice", "5:12"),
        ("company.UF_CRM_SEGMENT", "compny.UF_CRM_SEGMENT", "bad-place", "8:21"),
        ("company.UF_CRM_INN", "UF_CRM_INN", "bad-place", "13:10"),
        ("    deal.invoice_due", "    invoice_due", "bad-field-name", "9:5"),
        ("    head: 7", "    boss: 7", "unknown-key", "18:5"),
        ("    price:", "    prise:", "unknown-key", "16:5"),
        ("[2026-11-25]", "[2026-02-30]", "bad-day-off", "20:12"),
        ("[2026-11-25]", "[25.11.2026]", "bad-day-off", "20:12"),
        ("version: 1", "version: 2", "unknown-value", "1:10"),
        ("map:", "mapp:", "unknown-key", "2:1"),
        ("days_on", "days_of", "unknown-key", "21:1"),
    ],
)
def test_what_is_wrong_has_its_place(written: str, instead: str, code: str, place: str) -> None:
    assert written in MAP
    found, problems = read_portal_file(MAP.replace(written, instead, 1), "portal.yaml")
    assert found is None
    assert (code, place) in [(problem.code, f"{problem.line}:{problem.column}") for problem in problems]
    languages: tuple[Literal["ru", "en"], ...] = ("ru", "en")
    for lang in languages:
        assert f"portal.yaml:{place}: " in render(problems, lang)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for path in init_portal(settings, "north"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("version: 1", "version: one", 1), encoding="utf-8")
    files = load_portal_files(settings, "north")
    assert {problem.name for problem in files.problems if problem.severity == "error"} == {
        "portals/north/portal.yaml",
        "portals/north/regulation.yaml",
        "portals/north/dossier.yaml",
    }
    assert files.mapped is None
    assert files.template is None
    assert files.regulation is None


def test_missing_files_are_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    files = load_portal_files(settings, "north")
    assert [sentence.partition(":")[0] for sentence in files.missing] == [
        "portals/north/portal.yaml",
        "portals/north/regulation.yaml",
    ]
    assert "python app.py init north" in files.missing[0]
    init_portal(settings, "north")
    (settings.portal_folder("north") / "dossier.yaml").unlink()
    without = load_portal_files(settings, "north")
    assert without.missing[0].startswith("portals/north/dossier.yaml: ")
    assert without.regulation is None  # never in force without the dossier it names


def test_a_regulation_without_a_dossier_needs_none(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    init_portal(settings, "north")
    folder = settings.portal_folder("north")
    (folder / "dossier.yaml").unlink()
    (folder / "regulation.yaml").write_text(
        """\
version: 1
title: {ru: Один звонок, en: One call}
calendar: RU
work_hours: 09:00-18:00
rules:
  - id: first-contact
    title: {ru: Позвонить, en: Call}
    for: deal
    if: {phase: new}
    touch: {due: 15 working minutes after deal.created, kind: [call]}
    task:
      text: "Позвонить: {client.name}"
    pay: regulation
""",
        encoding="utf-8",
    )
    files = load_portal_files(settings, "north")
    assert files.missing == ()
    assert files.regulation is not None, render(files.problems, "en")
    assert files.template is None


@pytest.mark.parametrize("name", ["north", "south"])
def test_a_rule_may_propose_in_every_crm(tmp_path: Path, name: str) -> None:
    settings = settings_in(tmp_path)
    init_portal(settings, name)
    path = settings.portal_folder(name) / "regulation.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("      assign_to:", "      mode: propose\n      assign_to:", 1), encoding="utf-8")
    files = load_portal_files(settings, name)
    assert files.regulation is not None
    assert files.problems == ()


def test_the_companys_own_days_reach_the_calendar(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    init_portal(settings, "north")
    (settings.portal_folder("north") / "portal.yaml").write_text(MAP, encoding="utf-8")
    files = load_portal_files(settings, "north")
    assert files.regulation is not None
    assert not files.regulation.calendar.is_working_day(date(2026, 11, 25))
    assert files.regulation.calendar.is_working_day(date(2026, 11, 28))
    again, template = read_regulation_texts(files.regulation_text, files.dossier_text, files.mapped)
    assert again is not None
    assert again.digest == files.regulation.digest
    assert again.calendar == files.regulation.calendar
    assert template == files.template


def test_texts_that_were_in_force_once_may_have_become_unreadable() -> None:
    assert read_regulation_texts("version: 0", "", None) == (None, None)


def test_a_year_without_a_decree_is_a_warning(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    init_portal(settings, "north")
    before = {problem.code for problem in load_portal_files(settings, "north", date(2026, 3, 1)).problems}
    after = load_portal_files(settings, "north", date(2028, 3, 1))
    assert {problem.code for problem in after.problems} - before
    assert after.regulation is not None


def test_a_dossier_field_that_does_not_exist_is_a_warning(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    init_portal(settings, "north")
    (settings.portal_folder("north") / "portal.yaml").write_text(MAP.replace("dm_name:", "dm_nane:"), encoding="utf-8")
    files = load_portal_files(settings, "north")
    found = [problem for problem in files.problems if problem.code == "map-dossier-field"]
    assert [(problem.line, problem.column, problem.severity) for problem in found] == [(14, 5, "warning")]
    assert "did you mean 'dm_name'?" in render(found, "en")
    assert files.mapped is not None


DIRECTORY = Directory(
    zone="Europe/Moscow",
    stages=(
        Stage(key="0:NEW", pipeline="0", title="Новая", pipeline_title="Общая", semantic="open", sort=10),
        Stage(key="0:PREPARATION", pipeline="0", title="КП", pipeline_title="Общая", semantic="open", sort=20),
        Stage(key="0:FINAL", pipeline="0", title="Счёт", pipeline_title="Общая", semantic="open", sort=30),
        Stage(key="0:WON", pipeline="0", title="Успех", pipeline_title="Общая", semantic="won", sort=40),
    ),
    users=(User(id="1", name="Анна"),),
    fields={"company": ("UF_CRM_SEGMENT",), "contact": ("name",), "deal": ("UF_CRM_DUE", "closeDate")},
)


def test_the_map_is_held_against_the_living_crm() -> None:
    found = [(problem.line, problem.column, problem.code) for problem in map_problems(mapped(), DIRECTORY)]
    assert found == [
        (3, 3, "unmapped-stage"),
        (4, 20, "unknown-stage"),
        (13, 10, "unknown-field"),
        (18, 11, "unknown-user"),
    ]
    lines = against_directory(mapped(), DIRECTORY, "portals/north/portal.yaml")
    assert lines[0].startswith("portals/north/portal.yaml:3:3: stage 'Общая / Счёт' (0:FINAL) belongs to no phase")
    assert "portals/north/portal.yaml:13:10: the CRM has no field company.UF_CRM_INN" in lines[2]


OUTSIDE = """\
version: 1
map:
  fields:
    client.inn: [company.requisite.RQ_INN, contact.requisite.RQ_INN]
    deal.assortment: deal.products
  dossier:
    inn: company.requisite.RQ_INN
"""


def outside(text: str) -> tuple[Mapped | None, list[tuple[int, int, str]]]:
    found, problems = read_portal_file(text, "portal.yaml")
    return found, [(problem.line, problem.column, problem.code) for problem in problems]


def test_what_lies_outside_the_card_may_be_mapped() -> None:
    found, problems = outside(OUTSIDE)
    assert problems == []
    assert found is not None
    assert found.wanted == Wanted(company=("requisite.RQ_INN",), contact=("requisite.RQ_INN",), deal=("products",))
    fields = {
        "company": ("requisite.RQ_INN", "requisite.RQ_KPP"),
        "contact": ("requisite.RQ_INN",),
        "deal": ("products", "title"),
    }
    assert map_problems(found, replace(DIRECTORY, stages=(), fields=fields)) == ()


@pytest.mark.parametrize(
    ("line", "written", "instead"),
    [
        (5, "deal.products", "deal.requisite.RQ_INN"),
        (5, "deal.products", "deal.products.name"),
        (5, "deal.products", "company.requisite."),
        (4, "company.requisite.RQ_INN,", "company.requisite.RQ.INN,"),
    ],
)
def test_a_place_that_cannot_be_is_a_problem_where_it_stands(line: int, written: str, instead: str) -> None:
    found, problems = outside(OUTSIDE.replace(written, instead, 1))
    assert found is None
    assert [(at, code) for at, _, code in problems] == [(line, "bad-place")]


def test_a_requisite_field_that_the_portal_lacks_is_a_problem_with_a_hint() -> None:
    found, _ = outside(OUTSIDE.replace("company.requisite.RQ_INN,", "company.requisite.RQ_INM,"))
    assert found is not None
    fields = {"company": ("requisite.RQ_INN",), "contact": ("requisite.RQ_INN",), "deal": ("products",)}
    (problem,) = map_problems(found, replace(DIRECTORY, stages=(), fields=fields))
    assert (problem.line, problem.column, problem.code) == (4, 18, "unknown-field")
    assert "company.requisite.RQ_INN" in render([problem], "en")
