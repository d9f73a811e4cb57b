"""What `check` looks at: single files, the whole installation, and a portal's files against its live CRM."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from connector.errors import SettingsError
from connector.opening import open_all
from connector.pacing import PortalPacer
from connector.portal_files import load_portal_files
from connector.portal_map import Mapped, against_directory, read_portal_file
from connector.settings import Settings, read_settings
from connector.texts import say
from rules.dossier import read_dossier
from rules.located import locate
from rules.problems import Problem
from rules.reader import read_regulation
from rules.template import Template
from rules.texts import Lang

Found = tuple[list[Problem], list[str]]
"""Problems with a place in a file, and sentences about what has none."""


def check_files(paths: Sequence[Path]) -> Found:
    """Each file by what it holds: a dossier, a portal's map, or else a regulation."""
    found: list[Problem] = []
    lines: list[str] = []
    for path in paths:
        try:
            octets = path.read_bytes()
        except OSError:
            lines.append(say("no-file", path=path))
            continue
        found += check_text(octets, str(path))
    return found, lines


def check_text(octets: bytes, name: str) -> tuple[Problem, ...]:
    """The problems of one file. The template that a regulation names is not looked at here."""
    root = locate(octets).root
    keys = set(root) if isinstance(root, dict) else set()
    if "sections" in keys or "fields" in keys:
        return read_dossier(octets, name)[1]
    if "map" in keys:
        return read_portal_file(octets, name)[1]
    return read_regulation(octets, name, today=datetime.now(UTC).date()).problems


def check_installation(config: Path) -> Found:
    """The settings and the files of every portal they name."""
    settings, problems = read_settings(config)
    if settings is None:
        return list(problems), []
    found: list[Problem] = list(problems)
    lines: list[str] = []
    today = datetime.now(UTC).date()  # a year without a decreed calendar is a warning
    for name in settings.portals:
        files = load_portal_files(settings, name, today)
        found += files.problems
        lines += files.missing
    return found, lines


def unmapped(mapped: Mapped, template: Template | None) -> list[str]:
    """The dossier's fields that portal.yaml gives no place in the CRM: they count as empty."""
    if template is None:
        return []
    return [field.id for field in template.fields if field.id not in mapped.file.map.dossier]


def against_crm(settings: Settings, config: Path, portal: str, lang: Lang) -> list[str]:
    """What the map names and the CRM does not have, and the stages it leaves out.

    Raises CrmError, and SettingsError for a portal that is not in the settings.
    """
    if portal not in settings.portals:
        raise SettingsError([say("unknown-portal", portal=portal, known=", ".join(settings.portals))])
    opened = open_all(config)
    try:
        mapped = load_portal_files(settings, portal).mapped
        if mapped is None:
            return []
        with closing(opened.portals.open(portal, PortalPacer(opened.store, portal), mapped)) as crm:
            directory = crm.directory()
        return against_directory(mapped, directory, f"{settings.portals_folder}/{portal}/portal.yaml", lang)
    finally:
        opened.close()
