"""A portal's files: made from templates by `init`, read together by everything else.

`portals/<name>/` holds portal.yaml (what is what in this CRM), regulation.yaml and, when the regulation names one,
dossier.yaml. The library is copied once and never edited in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector.errors import SettingsError
from connector.portal_map import Mapped, against_dossier, read_portal_file
from connector.texts import say
from rules.dossier import Template, read_dossier
from rules.located import decode, locate
from rules.problems import Problem, in_order
from rules.reader import read_regulation

if TYPE_CHECKING:
    from datetime import date

    from connector.settings import Settings
    from rules.regulation import Regulation

LIBRARY: Final = Path(__file__).resolve().parent.parent / "rules" / "library"
FILES: Final = ("portal.yaml", "regulation.yaml", "dossier.yaml")
TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFiles:
    """What the three files say. A part is None when its file is missing or has an error."""

    mapped: Mapped | None = None
    regulation: Regulation | None = None
    """None also when the dossier it names is missing or refused."""
    template: Template | None = None
    regulation_text: str = ""
    dossier_text: str = ""
    map_text: str = ""
    problems: tuple[Problem, ...] = ()
    missing: tuple[str, ...] = ()
    """A sentence for each file that is not there or can't be read."""


def init_portal(settings: Settings, name: str, template: str = "b2b") -> list[Path]:
    """Make the portal's files that are not there yet; which ones. Nothing is ever overwritten.

    Raises:
        SettingsError: the portal is not in config.yaml, there is no such template, or all files are there already.
    """
    portal = settings.portals.get(name)
    if portal is None:
        raise SettingsError([say("unknown-portal", portal=name, known=", ".join(settings.portals) or "–")])
    source = LIBRARY / f"regulation-{template}.yaml"
    ready = [path.stem.removeprefix("regulation-") for path in sorted(LIBRARY.glob("regulation-*.yaml"))]
    if template not in ready:
        raise SettingsError([say("unknown-template", template=template, known=", ".join(ready))])
    texts = {
        "portal.yaml": (TEMPLATES / f"portal-{portal.crm}.yaml").read_text(encoding="utf-8"),
        "regulation.yaml": source.read_text(encoding="utf-8"),
    }
    dossier = _dossier_name(texts["regulation.yaml"])
    if dossier is not None:
        texts["dossier.yaml"] = (LIBRARY / f"dossier-{dossier}.yaml").read_text(encoding="utf-8")
    folder = settings.portal_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for file, text in texts.items():
        path = folder / file
        try:
            with path.open("x", encoding="utf-8", newline="\n") as fresh:
                fresh.write(text)
        except FileExistsError:
            continue
        made.append(path)
    if not made:
        raise SettingsError([say("portal-exists", path=folder)])
    return made


def load_portal_files(settings: Settings, name: str, today: date | None = None) -> PortalFiles:
    """Read the portal's three files; every problem of all of them at once, each with its place.

    `today`, when given, makes a year without a decreed calendar a warning.
    """
    folder = settings.portal_folder(name)
    shown = f"{settings.portals_folder}/{name}"
    octets: dict[str, bytes] = {}
    missing: list[str] = []
    for file in FILES:
        try:
            octets[file] = (folder / file).read_bytes()
        except OSError:
            if file != "dossier.yaml" or _dossier_name(octets.get("regulation.yaml", b"")) is not None:
                missing.append(say("no-portal-file", path=f"{shown}/{file}", portal=name))
    problems: list[Problem] = []
    mapped: Mapped | None = None
    template: Template | None = None
    regulation: Regulation | None = None
    if "portal.yaml" in octets:
        mapped, found = read_portal_file(octets["portal.yaml"], f"{shown}/portal.yaml")
        problems += found
    if "dossier.yaml" in octets:
        template, found = read_dossier(octets["dossier.yaml"], f"{shown}/dossier.yaml")
        problems += found
    if "regulation.yaml" in octets:
        days = _days(mapped)
        reading = read_regulation(
            octets["regulation.yaml"],
            f"{shown}/regulation.yaml",
            template=template,
            days_off=days[0],
            days_on=days[1],
            today=today,
        )
        problems += reading.problems
        lacking = template is None and _dossier_name(octets["regulation.yaml"]) is not None
        regulation = None if lacking else reading.regulation
    if mapped is not None and template is not None:
        problems += against_dossier(mapped, template)
    return PortalFiles(
        mapped=mapped,
        regulation=regulation,
        template=template,
        regulation_text=decode(octets.get("regulation.yaml", b""))[0],
        dossier_text=decode(octets.get("dossier.yaml", b""))[0],
        map_text=decode(octets.get("portal.yaml", b""))[0],
        problems=in_order(problems),
        missing=tuple(missing),
    )


def read_regulation_texts(
    regulation_text: str, dossier_text: str, mapped: Mapped | None = None
) -> tuple[Regulation | None, Template | None]:
    """The regulation and the dossier from texts that were in force once; None for what this version can't read."""
    template = read_dossier(dossier_text, "dossier.yaml")[0] if dossier_text else None
    off, on = _days(mapped)
    reading = read_regulation(regulation_text, "regulation.yaml", template=template, days_off=off, days_on=on)
    return reading.regulation, template


def _days(mapped: Mapped | None) -> tuple[frozenset[date], frozenset[date]]:
    """The company's own days off and days on."""
    return (frozenset(mapped.file.days_off), frozenset(mapped.file.days_on)) if mapped else (frozenset(), frozenset())


def _dossier_name(regulation: str | bytes) -> str | None:
    """The dossier a regulation names, even if the file has other flaws."""
    root = locate(regulation).root
    name = root.get("dossier") if isinstance(root, dict) else None
    return name if isinstance(name, str) else None
